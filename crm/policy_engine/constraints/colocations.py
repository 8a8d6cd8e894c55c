"""Colocation constraints: what is placed with what, or away from it.

Source: Pacemaker Explained, "Colocation Constraints", "Colocation Sets". The lists that each resource keeps of its
colocations are ordered by importance of the other side, because what is weighed first can decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crm.model import constraints as model
from crm.model import score as scores
from crm.model.constraints import ResourceSet
from crm.model.score import INFINITY, Score
from crm.model.values import parse_bool
from crm.policy_engine.constraints.lookup import ConstraintNames
from crm.policy_engine.picture.cluster import Resource, ResourceKind, Role
from crm.policy_engine.picture.roles import parse_role

_RANK = {ResourceKind.PRIMITIVE: 0, ResourceKind.GROUP: 1, ResourceKind.CLONE: 2, ResourceKind.BUNDLE: 3}


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedColocation:
    """`dependent` is placed with (score > 0) or away from (score < 0) `primary`, as `attribute` of the nodes tells.

    influence   the dependent's own preferences count when the primary is placed
    explicit    configured by somebody, not implied by a group or a container
    """

    id: str
    dependent: Resource
    primary: Resource
    score: Score
    dependent_role: Role = Role.UNKNOWN
    primary_role: Role = Role.UNKNOWN
    attribute: str = "#uname"
    influence: bool = True
    explicit: bool = False

    @property
    def is_mandatory(self) -> bool:
        """Whether it must be kept, in either direction."""
        return self.score >= INFINITY or self.score <= -INFINITY

    def has_influence(self, resource: Resource | None = None) -> bool:
        """Whether the dependent's preferences count for the primary (or for `resource`, an instance of it).

        Not for a connection into a container that is already running well; always for what is not running yet.
        """
        primary = resource or self.primary
        if self.dependent.remote_nesting_allowed and not primary.failed and len(primary.active_on) == 1:
            return False
        return self.influence or not primary.active_on


def importance(resource: Resource) -> tuple[int, int, int, str]:
    """Sort key of colocations by the resource on their other side, most important first."""
    promotable = 0 if resource.kind is ResourceKind.CLONE and resource.promotable else 1
    return (-resource.priority, -_RANK[resource.kind], promotable, resource.id)


def _by_primary(colocation: ResolvedColocation) -> tuple[int, int, int, str]:
    return importance(colocation.primary)


def _by_dependent(colocation: ResolvedColocation) -> tuple[int, int, int, str]:
    return importance(colocation.dependent)


class ColocationList:
    """Colocations of one resource, kept in order of importance; of equal ones the newest comes first."""

    __slots__ = ("_key", "_sorted")

    def __init__(self, dependents: bool) -> None:
        self._key: Callable[[ResolvedColocation],
                            tuple[int, int, int, str]] = _by_dependent if dependents else _by_primary
        self._sorted: list[ResolvedColocation] = []

    def add(self, colocation: ResolvedColocation) -> None:
        """Put one in its place."""
        items, key = self._sorted, self._key
        wanted = key(colocation)
        position = 0
        while position < len(items) and key(items[position]) < wanted:
            position += 1
        items.insert(position, colocation)

    def extend(self, colocations: Sequence[ResolvedColocation]) -> None:
        """Take over a whole list.

        The first list is taken as it stands. Of any later one Pacemaker counts its first entry once for each entry
        there is (observed in its scores); whoever compares plans with it needs the same.
        """
        if not self._sorted:
            self._sorted = list(colocations)
            return
        for _ in colocations:
            self.add(colocations[0])

    def items(self) -> list[ResolvedColocation]:
        """The colocations in order."""
        return self._sorted


def role_of(text: str | None) -> Role | None:
    """The role a colocation names: UNKNOWN for any (also `Started`), None for a word that is no role."""
    role = parse_role(text)
    if role is Role.UNKNOWN and text is not None:
        return None
    return Role.UNKNOWN if role is Role.STARTED else role


def resolve(names: ConstraintNames, constraint: model.Colocation) -> list[ResolvedColocation]:
    """The colocations that a constraint stands for, in the order in which they take effect."""
    return _Resolver(names, constraint).resolve()


class _Resolver:
    def __init__(self, names: ConstraintNames, constraint: model.Colocation) -> None:
        self.names = names
        self.constraint = constraint
        self.score = scores.parse(constraint.score)
        self.found: list[ResolvedColocation] = []

    def resolve(self) -> list[ResolvedColocation]:
        sets = self._sets()
        if sets is None:
            return []
        if not sets:
            self._simple()
        previous: ResourceSet | None = None
        for one in sets:
            self._within(one)
            if previous is not None:
                self._between(previous, one)
            previous = one
        return self.found

    def _sets(self) -> tuple[ResourceSet, ...] | None:
        constraint = self.constraint
        if constraint.sets:
            return self.names.expand_sets(constraint.id, constraint.sets)
        dependent, primary = constraint.resource, constraint.with_resource
        if dependent is None or primary is None:
            return ()
        for name in (dependent, primary):
            if not self.names.is_known(name):
                self.names.missing(constraint.id, name)
                return None
        tagged = [name for name in (dependent, primary) if self.names.resource(name) is None]
        if not tagged:
            return ()
        if len(tagged) == 2:
            message = f"The constraint {constraint.id} is ignored: two tags or templates cannot be colocated."
            self.names.reject(constraint.id, message)
            return None
        return (
            self.names.as_set(dependent, role=constraint.role),
            self.names.as_set(primary, role=constraint.with_role),
        )

    def _simple(self) -> None:
        constraint = self.constraint
        dependent = self.names.resource(constraint.resource)
        primary = self.names.resource(constraint.with_resource)
        if dependent is None or primary is None:
            missing = constraint.resource if dependent is None else constraint.with_resource
            self.names.missing(constraint.id, missing)
            return
        roles = (constraint.role, constraint.with_role)
        self._add(constraint.id, self.score, dependent, primary, roles, constraint.node_attribute)

    def _within(self, one: ResourceSet) -> None:
        """Each member with the one before it; apart, each from all before it."""
        score = self.score if one.score is None else scores.parse(one.score)
        if score == 0 or one.sequential is False:
            return
        with_previous = (one.ordering or "group").lower() == "group"
        earlier: list[Resource] = []
        for name in one.members:
            resource = self.names.resource(name)
            if resource is None:
                self.names.missing(one.id, name)
                return
            others = earlier[-1:] if score > 0 else [other for other in earlier if other.id != resource.id]
            for other in others:
                pair = (resource, other) if with_previous or score < 0 else (other, resource)
                self._add(one.id, score, *pair, (one.role, one.role), influenced_by=resource)
            earlier.append(resource)

    def _between(self, dependents: ResourceSet, primaries: ResourceSet) -> None:
        """The first of a sequential set, or all of another, with the last of a sequential set, or all of another."""
        if self.score == 0:
            return
        first = dependents.members[:1] if dependents.sequential is not False else dependents.members
        last = primaries.members[-1:] if primaries.sequential is not False else primaries.members
        roles = (dependents.role, primaries.role)
        for dependent_name in first:
            dependent = self.names.resource(dependent_name)
            if dependent is None:
                self.names.missing(self.constraint.id, dependent_name)
                continue
            for primary_name in last:
                primary = self.names.resource(primary_name)
                if primary is None:
                    self.names.missing(self.constraint.id, primary_name)
                    continue
                self._add(self.constraint.id, self.score, dependent, primary, roles)

    def _add(
        self,
        identity: str,
        score: Score,
        dependent: Resource,
        primary: Resource,
        role_words: tuple[str | None, str | None],
        attribute: str | None = None,
        influenced_by: Resource | None = None,
    ) -> None:
        dependent_role, primary_role = (role_of(word) for word in role_words)
        if dependent_role is None or primary_role is None:
            self.names.reject(identity, f"The colocation {identity} is ignored: it names a role that does not exist.")
            return
        if score == 0:
            return
        influence = parse_bool(self.constraint.influence)
        if influence is None:
            influence = (influenced_by or dependent).critical
        self.found.append(
            ResolvedColocation(
                identity,
                dependent,
                primary,
                score,
                dependent_role,
                primary_role,
                attribute or "#uname",
                influence,
                explicit=True,
            )
        )


