"""In which order a transition can be carried out: its steps, its longest path in time, and circles if there are any.

A transition is a graph that has to be free of circles, or it never ends. Whether it is shows for next to nothing when
its steps are counted; networkx, which takes a moment to load, is asked only to name a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crm.model.report import Report, Severity
from crm.model.transition import GraphAction, Transition


@dataclass(frozen=True, slots=True)
class GraphSteps:
    """What comes when.

    steps     action id -> its step, 1 for what waits for nothing; actions in or after a circle are missing
    circular  ids of the actions that are missing
    """

    steps: Mapping[int, int]
    circular: frozenset[int]

    @property
    def length(self) -> int:
        """How many steps there are."""
        return max(self.steps.values(), default=0)


def _inputs(transition: Transition) -> dict[int, tuple[int, ...]]:
    known = {synapse.action.id for synapse in transition.synapses}
    return {
        synapse.action.id: tuple(each for each in dict.fromkeys(synapse.inputs) if each in known)
        for synapse in transition.synapses
    }


def graph_steps(transition: Transition) -> GraphSteps:
    """The steps of a transition, counted once from what waits for nothing."""
    inputs = _inputs(transition)
    waiting = {each: len(before) for each, before in inputs.items()}
    outputs: dict[int, list[int]] = {}
    for each, before in inputs.items():
        for first in before:
            outputs.setdefault(first, []).append(each)
    steps: dict[int, int] = {}
    ready = [each for each, count in waiting.items() if count == 0]
    for each in ready:
        steps[each] = 1 + max((steps[first] for first in inputs[each]), default=0)
        for then in outputs.get(each, ()):
            waiting[then] -= 1
            if waiting[then] == 0:
                ready.append(then)
    return GraphSteps(steps, frozenset(inputs.keys() - steps.keys()))


def earliest_ends(transition: Transition, duration_ms: Callable[[GraphAction], int]) -> dict[int, int]:
    """When each action ends at the earliest, in milliseconds from the start, if nothing but its inputs holds it up.

    Actions in circles are missing.
    """
    inputs, found = _inputs(transition), graph_steps(transition).steps
    actions = {synapse.action.id: synapse.action for synapse in transition.synapses}
    ends: dict[int, int] = {}
    for each in sorted(found, key=lambda number: found[number]):
        begin = max((ends[first] for first in inputs[each]), default=0)
        ends[each] = begin + duration_ms(actions[each])
    return ends


def cycle_reports(transition: Transition) -> list[Report]:
    """A report that names a circle, if the transition has one: it could not be carried out to its end."""
    found = graph_steps(transition)
    if not found.circular:
        return []
    names = {each.action.id: _name(each.action) for each in transition.synapses}
    circle = [names[each] for each in _circle(transition, found.circular)]
    message = f"The transition cannot end: {' → '.join([*circle, circle[0]])} wait for each other."
    hint = "Look for ordering constraints between these resources that contradict each other."
    return [Report(Severity.ERROR, "ordering-circle", circle[0], message, hint)]


def _name(action: GraphAction) -> str:
    return f"{action.key} on {action.node}" if action.node else action.key


def _circle(transition: Transition, circular: frozenset[int]) -> list[int]:
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    inputs = _inputs(transition)
    graph.add_edges_from((first, then) for then in sorted(circular) for first in inputs[then] if first in circular)
    return [first for first, _ in networkx.find_cycle(graph)]


def waited_for_longest(transition: Transition, ends: Mapping[int, int]) -> dict[int, int | None]:
    """For each action the one before it that ends last, as `earliest_ends` found them; None if it waits for nothing."""
    return {
        each: max(before, key=lambda number: ends.get(number, -1), default=None)
        for each, before in _inputs(transition).items()
    }
