"""Circles and contradictions of constraints with each other and with groups, found without making a plan.

For whoever is about to write a configuration. The planner itself reports circles of constraints alone (`circles`) and
runs whatever is left; here the order of a group's members counts as well, since `app` before `disk` cannot be kept if
the group starts `disk` before `app`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from crm.model import constraints as model
from crm.model.cib import Cib
from crm.model.report import Report, Severity
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.relation import Relation
from crm.policy_engine.constraints import colocations, cycles, orders
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.constraints.contradictions import contradiction_reports, groups_of
from crm.policy_engine.constraints.cycles import CycleStep, Edges
from crm.policy_engine.constraints.lookup import ConstraintNames
from crm.policy_engine.observe import observe
from crm.policy_engine.picture.cluster import Cluster, Resource, ResourceKind

_IMPLIED = ""
"""Stands for a constraint where the configuration of a group says the order."""
_ENDS = {"start": "running", "stop": "stopped", "promote": "promoted", "demote": "demoted"}
"""What a group is when the task is done with all that is in it."""


def cross_constraint_cycles(cib: Cib, now: int) -> list[Report]:
    """Errors for circles of orderings and for colocations of a resource with itself, warnings for other circles of
    colocations and for those that contradict each other. `now` in epoch seconds, for rules.
    """
    cluster = observe(_without_histories(cib), now)
    names = ConstraintNames(cluster)
    sequence, together = Edges[CycleStep](), Edges[str]()
    colocated: list[ResolvedColocation] = []
    _add_groups(cluster, sequence)
    reports: list[Report] = []
    for constraint in cib.constraints:
        match constraint:
            case model.Order():
                orders.resolve(_Gatherer(constraint.id, sequence), names, constraint)
            case model.Colocation():
                for each in colocations.resolve(names, constraint):
                    colocated.append(each)
                    if each.dependent is each.primary:
                        reports.append(_with_itself(each.id, each.dependent.id))
                    elif each.score > 0:  # Two that stay away from each other are no circle.
                        together.add(each.dependent.id, each.primary.id, each.id)
    against = contradiction_reports(groups_of(cluster.resources), colocated)
    return list(dict.fromkeys([*reports, *cycles.colocation_reports(together), *against,
                               *_ordering_reports(sequence)]))


def _without_histories(cib: Cib) -> Cib:
    """Constraints do not depend on what was done."""
    return replace(cib, node_states=())


def _add_groups(cluster: Cluster, sequence: Edges[CycleStep]) -> None:
    """The order within groups. Of what is cloned, constraints can only name the whole, so that nothing in it matters.
    """
    for group in cluster.resources:
        if group.kind is ResourceKind.GROUP:
            for task in _ENDS:
                _add_group(group, task, sequence)


def _add_group(group: Resource, task: str, sequence: Edges[CycleStep]) -> None:
    """A group's task begins before, and ends after, that of its members, which follow each other."""
    for member in group.children:
        sequence.add(CycleStep(group.id, task), CycleStep(member.id, task), _IMPLIED)
        sequence.add(CycleStep(member.id, task), _end(group, task), _IMPLIED)
    upwards = task in ("start", "promote")
    for first, then in pairwise(group.children if upwards else list(reversed(group.children))):
        sequence.add(CycleStep(first.id, task), CycleStep(then.id, task), _IMPLIED)


def _end(resource: Resource, task: str) -> CycleStep:
    """When a task is done with all of a resource."""
    return CycleStep(resource.id, _ENDS.get(task, task) if resource.kind is ResourceKind.GROUP else task)


class _Gatherer:
    """Takes up one constraint's orderings as edges."""

    def __init__(self, constraint: str, sequence: Edges[CycleStep]) -> None:
        self._constraint = constraint
        self._sequence = sequence

    def order(self, first: Resource, first_task: str, then: Resource, then_task: str, relation: Relation) -> None:
        """Order two tasks. What is only kept apart in time (Serialize) has no direction."""
        if relation & r.ORDERED:
            self._sequence.add(_end(first, first_task), CycleStep(then.id, then_task), self._constraint)

    def require_some(self, name: str, firsts: list[Resource], first_task: str, needed: int) -> _Some:
        """Of several that may come first, one that comes last is not in the way: that is no circle."""
        return _Some()


class _Some:
    def before(self, then: Resource, then_task: str, relation: Relation) -> None:
        """Nothing is waited for by name."""


def _ordering_reports(sequence: Edges[CycleStep]) -> Iterator[Report]:
    """A report for each circle; what it says of starts it says of stops as well, and once is enough."""
    told: set[frozenset[str]] = set()
    for circle, edges in sequence.circles():
        constraints = [each for each in edges if each != _IMPLIED]
        if frozenset(constraints) not in told:
            told.add(frozenset(constraints))
            yield _ordering_report(circle, constraints, within=_IMPLIED in edges)


def _ordering_report(circle: Sequence[CycleStep], constraints: list[str], within: bool) -> Report:
    told = " → ".join(_told(step) for step in [*circle, circle[0]])
    source = ", ".join(constraints) + (" and the order within a group" if within else "")
    message = f"These wait for each other, so none of them would ever be started or stopped: {told} ({source})"
    if len(constraints) > 1:
        hint = f"Leave out one of {', '.join(constraints)}"
    elif within:
        hint = f"Leave out {constraints[0]}, or change the order of the group's members"
    else:
        hint = "Name two different resources"
    return Report(Severity.ERROR, "ordering-circle", constraints[0], message, hint)


def _told(step: CycleStep) -> str:
    if step.task in _ENDS.values():
        return f"{step.resource} is {step.task}"
    return f"{step.task} {step.resource}"


def _with_itself(constraint: str, resource: str) -> Report:
    message = f"{constraint} wants {resource} where {resource} is: a resource cannot be colocated with itself"
    return Report(Severity.ERROR, "colocation-with-itself", constraint, message, "Name two different resources")
