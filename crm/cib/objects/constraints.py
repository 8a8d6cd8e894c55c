"""Constraints as they are configured. Source: Pacemaker Explained, "Resource Constraints" and "Multi-Site Clusters"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from crm.cib.objects.codec import Attribute, Children, PartId, References
from crm.cib.objects.conditions import Role, Rule
from crm.cib.objects.shape import SHAPE

Action = Literal["start", "stop", "promote", "demote"]
OrderKind = Literal["Mandatory", "Optional", "Serialize"]


@dataclass(frozen=True, slots=True)
class ResourceSet:
    """Resources that a constraint treats alike."""

    __pydantic_config__ = SHAPE
    TAG = "resource_set"
    resources: Annotated[tuple[str, ...], References("resource_ref")] = ()
    id: Annotated[str, PartId()] = ""
    reference: Annotated[str | None, Attribute("id-ref")] = None
    sequential: Annotated[bool | None, Attribute("sequential")] = None
    require_all: Annotated[bool | None, Attribute("require-all")] = None
    ordering: Annotated[Literal["group", "listed"] | None, Attribute("ordering")] = None
    role: Annotated[Role | None, Attribute("role")] = None
    action: Annotated[Action | None, Attribute("action")] = None
    score: Annotated[str | None, Attribute("score")] = None
    kind: Annotated[OrderKind | None, Attribute("kind")] = None


@dataclass(frozen=True, slots=True)
class Location:
    """Where a resource may, should or must not run: a node with a score, or rules."""

    __pydantic_config__ = SHAPE
    TAG = "rsc_location"
    id: Annotated[str, Attribute("id")]
    kind: Literal["location"] = "location"
    resource: Annotated[str | None, Attribute("rsc")] = None
    resource_pattern: Annotated[str | None, Attribute("rsc-pattern")] = None
    node: Annotated[str | None, Attribute("node")] = None
    score: Annotated[str | None, Attribute("score")] = None
    role: Annotated[Role | None, Attribute("role")] = None
    resource_discovery: Annotated[
        Literal["always", "never", "exclusive"] | None, Attribute("resource-discovery")
    ] = None
    rules: Annotated[tuple[Rule, ...], Children()] = ()
    sets: Annotated[tuple[ResourceSet, ...], Children()] = ()
    effect: str = ""
    """What it does, in words; nothing that can be set."""


@dataclass(frozen=True, slots=True)
class Colocation:
    """Where a resource runs depends on where another one runs."""

    __pydantic_config__ = SHAPE
    TAG = "rsc_colocation"
    id: Annotated[str, Attribute("id")]
    kind: Literal["colocation"] = "colocation"
    resource: Annotated[str | None, Attribute("rsc")] = None
    with_resource: Annotated[str | None, Attribute("with-rsc")] = None
    score: Annotated[str | None, Attribute("score")] = None
    role: Annotated[Role | None, Attribute("rsc-role")] = None
    with_role: Annotated[Role | None, Attribute("with-rsc-role")] = None
    node_attribute: Annotated[str | None, Attribute("node-attribute")] = None
    influence: Annotated[str | None, Attribute("influence")] = None
    sets: Annotated[tuple[ResourceSet, ...], Children()] = ()
    effect: str = ""
    """What it does, in words; nothing that can be set."""


@dataclass(frozen=True, slots=True)
class Order:
    """Something is done to a resource before something is done to another one."""

    __pydantic_config__ = SHAPE
    TAG = "rsc_order"
    id: Annotated[str, Attribute("id")]
    kind: Literal["order"] = "order"
    first: Annotated[str | None, Attribute("first")] = None
    then: Annotated[str | None, Attribute("then")] = None
    first_action: Annotated[Action | None, Attribute("first-action")] = None
    then_action: Annotated[Action | None, Attribute("then-action")] = None
    mandatory: Annotated[OrderKind | None, Attribute("kind")] = None
    """Mandatory (the default), Optional or Serialize."""
    score: Annotated[str | None, Attribute("score")] = None
    symmetrical: Annotated[bool | None, Attribute("symmetrical")] = None
    require_all: Annotated[bool | None, Attribute("require-all")] = None
    sets: Annotated[tuple[ResourceSet, ...], Children()] = ()
    effect: str = ""
    """What it does, in words; nothing that can be set."""


@dataclass(frozen=True, slots=True)
class TicketNeed:
    """A resource needs a ticket that the cluster holds."""

    __pydantic_config__ = SHAPE
    TAG = "rsc_ticket"
    id: Annotated[str, Attribute("id")]
    ticket: Annotated[str, Attribute("ticket")]
    kind: Literal["ticket"] = "ticket"
    resource: Annotated[str | None, Attribute("rsc")] = None
    role: Annotated[Role | None, Attribute("rsc-role")] = None
    loss_policy: Annotated[Literal["stop", "demote", "fence", "freeze"] | None, Attribute("loss-policy")] = None
    sets: Annotated[tuple[ResourceSet, ...], Children()] = ()
    effect: str = ""
    """What it does, in words; nothing that can be set."""


Constraint: TypeAlias = Location | Colocation | Order | TicketNeed
