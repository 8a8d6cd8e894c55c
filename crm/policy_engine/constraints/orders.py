"""Ordering constraints: which action of one resource comes before which of another.

Source: Pacemaker Explained, "Ordering Constraints", "Ordered Sets". A symmetrical constraint also orders the inverse
actions, in the inverse order.
"""

from __future__ import annotations

from enum import Enum
from itertools import pairwise
from typing import Protocol

from crm.model import constraints as model
from crm.model import score as scores
from crm.model.constraints import ResourceSet
from crm.model.values import parse_integer
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.relation import Relation
from crm.policy_engine.constraints.lookup import ConstraintNames
from crm.policy_engine.picture.cluster import Resource

_INVERSE = {
    "start": "stop",
    "stop": "start",
    "promote": "demote",
    "demote": "promote",
    "promoted": "demoted",
    "demoted": "promoted",
    "running": "stopped",
    "stopped": "running",
}


class OrderKind(Enum):
    """How binding an ordering is."""

    OPTIONAL = "Optional"
    MANDATORY = "Mandatory"
    SERIALIZE = "Serialize"


class Symmetry(Enum):
    """Whether the inverse is ordered, too; or that it is what is being ordered."""

    ASYMMETRIC = "asymmetric"
    SYMMETRIC = "symmetric"
    INVERSE = "inverse"


class Orderer(Protocol):
    """Takes up orderings (`actions.plan.Plan` through an adapter: the names below are all that is needed of it)."""

    def order(self, first: Resource, first_task: str, then: Resource, then_task: str, relation: Relation) -> None:
        """Order two tasks of resources."""

    def require_some(
        self, name: str, firsts: list[Resource], first_task: str, needed: int
    ) -> SomeOf:
        """A milestone that is possible once `needed` of the first tasks are."""


class SomeOf(Protocol):
    """A milestone after some of several tasks."""

    def before(self, then: Resource, then_task: str, relation: Relation) -> None:
        """Order a resource's task after it."""


def resolve(orderer: Orderer, names: ConstraintNames, constraint: model.Order) -> None:
    """Take up all orderings that a constraint stands for."""
    _Resolver(orderer, names, constraint).resolve()


def relation_for(kind: OrderKind, first_task: str, symmetry: Symmetry) -> Relation:
    """What an ordering of this kind means for its two actions."""
    if kind is OrderKind.OPTIONAL:
        return r.ORDERED
    if kind is OrderKind.SERIALIZE:
        return r.SERIALIZE
    match symmetry:
        case Symmetry.ASYMMETRIC:
            return r.ORDERED | r.ASYMMETRIC
        case Symmetry.INVERSE:
            return r.ORDERED | r.THEN_NEEDS_FIRST
        case Symmetry.SYMMETRIC:
            going_up = first_task in ("start", "promote", "running", "promoted")
            return r.ORDERED | r.FIRST_REQUIRES_THEN | (r.UNRUNNABLE_FIRST_BLOCKS if going_up else r.NONE)


class _Resolver:
    def __init__(self, orderer: Orderer, names: ConstraintNames, constraint: model.Order) -> None:
        self.orderer = orderer
        self.names = names
        self.constraint = constraint
        self.kind = self._kind(constraint.kind, constraint.score)
        self.symmetry = self._symmetry(self.kind, constraint.symmetrical)

    def _kind(self, word: str | None, score: str | None = None) -> OrderKind:
        if word is None:
            return OrderKind.OPTIONAL if score is not None and scores.parse(score) == 0 else OrderKind.MANDATORY
        for kind in OrderKind:
            if kind.value == word:
                return kind
        message = f"kind={word} of the ordering {self.constraint.id} counts as Mandatory: there is no such kind."
        self.names.reject(self.constraint.id, message)
        return OrderKind.MANDATORY

    @staticmethod
    def _symmetry(kind: OrderKind, symmetrical: bool | None) -> Symmetry:
        if symmetrical is None:
            symmetrical = kind is not OrderKind.SERIALIZE
        return Symmetry.SYMMETRIC if symmetrical and kind is not OrderKind.SERIALIZE else Symmetry.ASYMMETRIC

    def resolve(self) -> None:
        sets = self._sets()
        if sets is None:
            return
        if not sets:
            self._simple()
        previous: ResourceSet | None = None
        for one in sets:
            if not self._within(one):
                return
            if previous is not None and not self._between_both_ways(previous, one):
                return
            previous = one

    def _sets(self) -> tuple[ResourceSet, ...] | None:
        constraint = self.constraint
        if constraint.sets:
            return self.names.expand_sets(constraint.id, constraint.sets)
        first, then = constraint.first, constraint.then
        if first is None or then is None:
            return ()
        for name in (first, then):
            if not self.names.is_known(name):
                self.names.missing(constraint.id, name)
                return None
        if self.names.resource(first) is not None and self.names.resource(then) is not None:
            return ()
        return (
            self.names.as_set(first, action=constraint.first_action),
            self.names.as_set(then, action=constraint.then_action),
        )

    # Two resources

    def _simple(self) -> None:
        constraint = self.constraint
        first, then = self.names.resource(constraint.first), self.names.resource(constraint.then)
        if first is None or then is None:
            self.names.missing(constraint.id, constraint.first if first is None else constraint.then)
            return
        first_task = constraint.first_action or "start"
        then_task = constraint.then_action or first_task
        relation = relation_for(self.kind, first_task, self.symmetry)
        needed = self._needed_instances(first)
        if needed > 0:
            name = f"clone-one-or-more:{constraint.id}"
            some = self.orderer.require_some(name, first.children, first_task, needed)
            some.before(then, then_task, relation | r.UNRUNNABLE_FIRST_BLOCKS)
        else:
            self.orderer.order(first, first_task, then, then_task, relation)
        if self.symmetry is Symmetry.SYMMETRIC:
            self._inverse(first, first_task, then, then_task)

    def _needed_instances(self, first: Resource) -> int:
        """How many instances of a clone are enough; 0 when the clone as a whole counts."""
        if not first.is_clone:
            return 0
        minimum = first.meta.get("clone-min")
        if minimum is not None:
            return max(parse_integer(minimum) or 0, 0)
        return 1 if self.constraint.require_all is False else 0

    def _inverse(self, first: Resource, first_task: str, then: Resource, then_task: str) -> None:
        inverse_first, inverse_then = _INVERSE.get(first_task), _INVERSE.get(then_task)
        if inverse_first is None or inverse_then is None:
            message = f"The ordering {self.constraint.id} has no inverse: {first_task} and {then_task} have none."
            self.names.reject(self.constraint.id, message)
            return
        relation = relation_for(self.kind, inverse_first, Symmetry.INVERSE)
        self.orderer.order(then, inverse_then, first, inverse_first, relation)

    # Sets

    def _members(self, one: ResourceSet) -> list[Resource] | None:
        members = []
        for name in one.members:
            resource = self.names.resource(name)
            if resource is None:
                self.names.missing(one.id, name)
                return None
            members.append(resource)
        return members

    def _within(self, one: ResourceSet) -> bool:
        members = self._members(one)
        if members is None:
            return False
        if len(members) == 1:
            return True
        kind = self._kind(one.kind) if one.kind is not None else self.kind
        symmetry = self._symmetry(kind, self.constraint.symmetrical)
        task = one.action or "start"
        relation = relation_for(kind, task, symmetry)
        sequential = one.sequential is not False
        if kind is OrderKind.SERIALIZE:
            for position, member in enumerate(members):
                for later in members[position + 1 :]:
                    self.orderer.order(member, task, later, task, relation)
        elif sequential:
            for member, later in pairwise(members):
                self.orderer.order(member, task, later, task, relation)
        if symmetry is Symmetry.SYMMETRIC and sequential:
            inverse = _INVERSE.get(task)
            if inverse is not None:
                relation = relation_for(kind, inverse, Symmetry.INVERSE)
                for member, later in pairwise(members):
                    self.orderer.order(later, inverse, member, inverse, relation)
        return True

    def _between_both_ways(self, previous: ResourceSet, one: ResourceSet) -> bool:
        if not self._between(previous, one, self.symmetry):
            return False
        return self.symmetry is not Symmetry.SYMMETRIC or self._between(one, previous, Symmetry.INVERSE)

    def _between(self, firsts: ResourceSet, thens: ResourceSet, symmetry: Symmetry) -> bool:
        first_members, then_members = self._members(firsts), self._members(thens)
        if first_members is None or then_members is None:
            return False
        inverse = symmetry is Symmetry.INVERSE
        first_task, then_task = firsts.action or "start", thens.action or "start"
        if inverse:
            first_task, then_task = _INVERSE.get(first_task, first_task), _INVERSE.get(then_task, then_task)
        relation = relation_for(self.kind, first_task, symmetry)
        require_all = firsts.require_all is not False or first_task in ("stop", "demote")
        if not require_all:
            some = self.orderer.require_some(f"one-or-more:{firsts.id}", first_members, first_task, 1)
            for then in then_members:
                some.before(then, then_task, relation | r.UNRUNNABLE_FIRST_BLOCKS)
            return True
        # Of a set said to be sequential the nearest member stands for all.
        if firsts.sequential:
            first_members = first_members[:1] if inverse else first_members[-1:]
        if thens.sequential:
            then_members = then_members[-1:] if inverse else then_members[:1]
        for first in first_members:
            for then in then_members:
                self.orderer.order(first, first_task, then, then_task, relation)
        return True
