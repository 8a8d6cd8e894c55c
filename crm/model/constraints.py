"""Constraints as they are configured. Names may be those of resources, templates or tags: `observe` knows which.

Scores stand as written where a missing score means something else than 0. Source: Pacemaker Explained, "Constraints".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from crm.model.rules import Rule


@dataclass(frozen=True, slots=True)
class ResourceSet:
    """Resources that a constraint treats alike; what was not given is None."""

    id: str
    members: tuple[str, ...] = ()
    sequential: bool | None = None
    require_all: bool | None = None
    ordering: str | None = None
    role: str | None = None
    action: str | None = None
    score: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """Where resources may run: `node` with a `score`, or `rules`; of `resource`, a `pattern` of names, or `sets`."""

    id: str
    resource: str | None = None
    pattern: str | None = None
    node: str | None = None
    score: str | None = None
    role: str | None = None
    discovery: str | None = None
    rules: tuple[Rule, ...] = ()
    sets: tuple[ResourceSet, ...] = ()


@dataclass(frozen=True, slots=True)
class Colocation:
    """`resource` is placed with `with_resource`."""

    id: str
    resource: str | None = None
    with_resource: str | None = None
    score: str | None = None
    role: str | None = None
    with_role: str | None = None
    node_attribute: str | None = None
    influence: str | None = None
    instance: str | None = None
    with_instance: str | None = None
    sets: tuple[ResourceSet, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """`first_action` of `first` comes before `then_action` of `then`."""

    id: str
    first: str | None = None
    then: str | None = None
    first_action: str | None = None
    then_action: str | None = None
    kind: str | None = None
    score: str | None = None
    symmetrical: bool | None = None
    require_all: bool | None = None
    first_instance: str | None = None
    then_instance: str | None = None
    sets: tuple[ResourceSet, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketConstraint:
    """`resource` (in `role`) needs `ticket`; `loss_policy` says what happens when it is lost."""

    id: str
    ticket: str
    resource: str | None = None
    role: str | None = None
    loss_policy: str | None = None
    sets: tuple[ResourceSet, ...] = ()


Constraint: TypeAlias = Location | Colocation | Order | TicketConstraint
