"""Colocations that contradict each other: two resources must be on one node by some, and never are by another.

What must be on one node follows from mandatory colocations and from groups, through any number of them: a resource is
where its primary is; where that has one place only, everything that is with it has the same. Whoever keeps such two
apart leaves the planner nothing that keeps all of them: a group on two nodes, a resource that never runs, or a plan
that cannot be finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crm.model.report import Report, Severity
from crm.model.score import INFINITY
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.picture.cluster import Resource, ResourceKind, Role

_HERE = "#uname"
_WITHIN = ""
"""Stands for what needs no constraint: a promoted instance is an instance."""


class Place(NamedTuple):
    """Where a resource is, or its instances in a role; of anything but a clone the role does not matter."""

    resource: str
    role: Role = Role.UNKNOWN


class _Places:
    """Which places must be among which others, and what says so."""

    def __init__(self) -> None:
        self._inner: dict[Place, dict[Place, str]] = {}

    def add(self, inner: Place, outer: Place, source: str) -> None:
        """The first is where the second is; of several that say so the first counts."""
        self._inner.setdefault(outer, {}).setdefault(inner, source)

    def within(self, outer: Place) -> dict[Place, tuple[str, ...]]:
        """All that must be somewhere in it, nearest first, each with what says so."""
        found: dict[Place, tuple[str, ...]] = {outer: ()}
        waiting = [outer]
        for place in waiting:
            for inner, source in self._inner.get(place, {}).items():
                if inner not in found:
                    found[inner] = (*found[place], *([source] if source else []))
                    waiting.append(inner)
        return found


def contradiction_reports(groups: Iterable[Resource], together: Iterable[ResolvedColocation]) -> Iterator[Report]:
    """A report for each colocation that keeps apart what others keep together. `groups`: those that are not cloned."""
    mandatory = [each for each in together if each.is_mandatory and each.dependent is not each.primary]
    apart = [each for each in mandatory if each.score < 0]
    if not apart:
        return
    places = _Places()
    for group in groups:
        _add_group(places, group)
    for colocation in mandatory:
        if colocation.score >= INFINITY and colocation.attribute == _HERE:
            _add(places, colocation)
    for each in apart:
        common = _common(places.within(_place(each.dependent, each.dependent_role)),
                         places.within(_place(each.primary, each.primary_role)))
        if common is not None:
            yield _report(each, list(dict.fromkeys(common)))


def groups_of(resources: Iterable[Resource]) -> list[Resource]:
    """The groups whose members constraints can name: those that are not cloned."""
    return [each for each in resources if each.kind is ResourceKind.GROUP]


def _add_group(places: _Places, group: Resource) -> None:
    for member in group.children:
        places.add(Place(member.id), Place(group.id), f"the group {group.id}")
        places.add(Place(group.id), Place(member.id), f"the group {group.id}")


def _add(places: _Places, colocation: ResolvedColocation) -> None:
    dependent = _place(colocation.dependent, colocation.dependent_role)
    primary = _place(colocation.primary, colocation.primary_role)
    for resource, place in ((colocation.dependent, dependent), (colocation.primary, primary)):
        if place.role is not Role.UNKNOWN:
            places.add(place, Place(resource.id), _WITHIN)
    places.add(dependent, primary, colocation.id)
    if _has_one_place(colocation.primary, primary.role):
        places.add(primary, dependent, colocation.id)


def _place(resource: Resource, role: Role) -> Place:
    return Place(resource.id, role if resource.is_clone else Role.UNKNOWN)


def _has_one_place(resource: Resource, role: Role) -> bool:
    if resource.is_clone:
        return role is Role.PROMOTED and resource.clone is not None and resource.clone.promoted_max == 1
    return resource.kind in (ResourceKind.PRIMITIVE, ResourceKind.GROUP)


def _common(first: dict[Place, tuple[str, ...]], second: dict[Place, tuple[str, ...]]) -> tuple[str, ...] | None:
    """What says that something is in both, in as few words as possible; None if nothing is."""
    both = [first[place] + second[place] for place in first if place in second]
    return min(both, key=len, default=None)


def _report(apart: ResolvedColocation, sources: list[str]) -> Report:
    names = apart.dependent.id, apart.primary.id
    message = (f"{apart.id} keeps {names[0]} away from {names[1]}, but {', '.join(sources)} "
               f"{'keeps' if len(sources) == 1 else 'keep'} them on one node: that cannot all be kept.")
    constraints = [apart.id, *(each for each in sources if not each.startswith("the group "))]
    hint = f"Leave out {'one of ' if len(constraints) > 1 else ''}{', '.join(constraints)}."
    return Report(Severity.WARNING, "colocation-contradiction", apart.id, message, hint)
