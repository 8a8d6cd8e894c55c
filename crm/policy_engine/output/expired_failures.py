"""Which actions of a transition rest on something whose failure has merely expired.

Such a resource counts as active again, though nobody has looked: its monitor begins anew in the same transition. What
is ordered after its start has no input then, as that start is not in the graph. A list beside the inputs, because
Pacemaker's graphs do not have it (see `crm.transition.safety_orderings`, which adds it).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from crm.policy_engine.actions.action import PlannedAction

_BEGINNINGS = ("start", "promote", "migrate_to")


def resting_on_expired(actions: Iterable[PlannedAction]) -> dict[int, tuple[int, ...]]:
    """By the ids of beginnings among those actions of a graph: the ids of the monitors that speak of what they need."""
    found: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for monitor in actions:
        if monitor.expired:
            for beginning in _beginnings_after(monitor):
                found[beginning.id] += (monitor.id,)
    return found


def _beginnings_after(monitor: PlannedAction) -> Iterator[PlannedAction]:
    """What is in the graph and ordered after the start of the monitored instance; directly, or over what nobody does:
    what is not in the graph, or stands for all instances of a clone or members of a group."""
    assert monitor.resource is not None
    left = [action for action in monitor.resource.actions
            if action.task in _BEGINNINGS and action.node is monitor.node and not action.in_graph]
    seen = {action.id for action in left}
    while left:
        for later, relation in left.pop().outputs:
            if not relation or later.id in seen:
                continue
            seen.add(later.id)
            if not later.in_graph or later.pseudo:
                left.append(later)
            elif later.task in _BEGINNINGS:
                yield later
