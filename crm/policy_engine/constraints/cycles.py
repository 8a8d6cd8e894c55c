"""Constraints that go round in a circle: `a` before `b` before `a`, or `a` with `b` with `a`.

None of them is an error that stops planning: an ordering circle blocks or restarts what is in it, and in a colocation
circle what comes first in importance is placed first. But nobody means it, so it is reported, with all ids. Whether
there is a circle at all is counted cheaply; networkx is loaded only to name one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

from crm.model.report import Report, Severity

Point = TypeVar("Point", bound=Hashable)


class CycleStep(NamedTuple):
    """A task of a resource, as orderings speak of it."""

    resource: str
    task: str


class Edges(Generic[Point]):
    """What the constraints of one kind say: from, to, and which constraint says so."""

    def __init__(self) -> None:
        self._constraints: dict[Point, dict[Point, str]] = {}

    def add(self, first: Point, then: Point, constraint: str) -> None:
        """Take up one relation; of several between the same two the first counts."""
        self._constraints.setdefault(first, {}).setdefault(then, constraint)

    def _circular(self) -> set[Point]:
        """All that is in a circle or comes after one."""
        waiting: dict[Point, int] = {}
        for first, thens in self._constraints.items():
            waiting.setdefault(first, 0)
            for then in thens:
                waiting[then] = waiting.get(then, 0) + 1
        ready = [point for point, count in waiting.items() if count == 0]
        for point in ready:
            for then in self._constraints.get(point, ()):
                waiting[then] -= 1
                if waiting[then] == 0:
                    ready.append(then)
        return {point for point, count in waiting.items() if count > 0}

    def circles(self) -> Iterator[tuple[list[Point], list[str]]]:
        """One circle for each group of points that are entangled: its points in order, and its constraints."""
        suspects = self._circular()
        if not suspects:
            return
        import networkx

        graph: networkx.DiGraph[Point] = networkx.DiGraph()
        for first, thens in self._constraints.items():
            graph.add_edges_from((first, then) for then in thens if first in suspects and then in suspects)
        for entangled in networkx.strongly_connected_components(graph):
            if len(entangled) > 1 or any(graph.has_edge(point, point) for point in entangled):
                points = [point for point in self._constraints if point in entangled]
                circle = [first for first, _ in networkx.find_cycle(graph.subgraph(points), points[0])]
                pairs = zip(circle, [*circle[1:], circle[0]], strict=True)
                yield circle, list(dict.fromkeys(self._constraints[first][then] for first, then in pairs))


def ordering_reports(edges: Edges[CycleStep]) -> Iterator[Report]:
    """A report for each circle of orderings; what a circle says of starts it says of stops as well, once is enough."""
    told: set[frozenset[str]] = set()
    for circle, constraints in edges.circles():
        if frozenset(constraints) not in told:
            told.add(frozenset(constraints))
            steps = " → ".join(f"{step.task} {step.resource}" for step in [*circle, circle[0]])
            message = f"Ordering constraints go round in a circle: {steps} ({', '.join(constraints)})."
            yield Report(Severity.ERROR, "ordering-circle", constraints[0], message, _hint(constraints))


def colocation_reports(edges: Edges[str]) -> Iterator[Report]:
    """A report for each circle of colocations."""
    for circle, constraints in edges.circles():
        steps = " with ".join([*circle, circle[0]])
        message = f"Colocation constraints go round in a circle: {steps} ({', '.join(constraints)})."
        yield Report(Severity.WARNING, "colocation-circle", constraints[0], message, _hint(constraints))


def _hint(constraints: list[str]) -> str:
    if len(constraints) == 1:
        return "Take what is named twice out of it."
    return f"Remove one of them: {' or '.join(constraints)}."
