"""Constraints as they are configured. Source: Pacemaker Explained, "Resource Constraints" and "Multi-Site Clusters"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from crm.cib.objects.codec import PartId, References, XmlAttribute, XmlChildren
from crm.cib.objects.conditions import Role, Rule
from crm.cib.objects.json_shape import SHAPE

Action = Literal["start", "stop", "promote", "demote"]
OrderKind = Literal["Mandatory", "Optional", "Serialize"]


@dataclass(frozen=True, slots=True)
class ResourceSet:
    """Resources that a constraint treats alike."""

    __pydantic_config__ = SHAPE
    TAG = "resource_set"
    resources: Annotated[tuple[str, ...], References("resource_ref")] = ()
    id: Annotated[str, PartId()] = ""
    reference: Annotated[str | None, XmlAttribute("id-ref")] = None
    sequential: Annotated[bool | None, XmlAttribute("sequential")] = None
    require_all: Annotated[bool | None, XmlAttribute("require-all")] = None
    ordering: Annotated[Literal["group", "listed"] | None, XmlAttribute("ordering")] = None
    role: Annotated[Role | None, XmlAttribute("role")] = None
    action: Annotated[Action | None, XmlAttribute("action")] = None
    score: Annotated[str | None, XmlAttribute("score")] = None
    kind: Annotated[OrderKind | None, XmlAttribute("kind")] = None


@dataclass(frozen=True, slots=True)
class Location:
    """Where a resource may, should or must not run: a node with a score, or rules."""

    __pydantic_config__ = SHAPE
    TAG = "rsc_location"
    id: Annotated[str, XmlAttribute("id")]
    kind: Literal["location"] = "location"
    resource: Annotated[str | None, XmlAttribute("rsc")] = None
    resource_pattern: Annotated[str | None, XmlAttribute("rsc-pattern")] = None
    node: Annotated[str | None, XmlAttribute("node")] = None
    score: Annotated[str | None, XmlAttribute("score")] = None
    role: Annotated[Role | None, XmlAttribute("role")] = None
    resource_discovery: Annotated[
        Literal["always", "never", "exclusive"] | None, XmlAttribute("resource-discovery")
    ] = None
    rules: Annotated[tuple[Rule, ...], XmlChildren()] = ()
    sets: Annotated[tuple[ResourceSet, ...], XmlChildren()] = ()
    effect: str = ""
    """What it does, in words; nothing that can be set."""


@dataclass(frozen=True, slots=True)
class Colocation:
    """Where a resource runs depends on where another one runs."""

    __pydantic_config__ = SHAPE
    TAG = "rsc_colocation"
    id: Annotated[str, XmlAttribute("id")]
    kind: Literal["colocation"] = "colocation"
    resource: Annotated[str | None, XmlAttribute("rsc")] = None
    with_resource: Annotated[str | None, XmlAttribute("with-rsc")] = None
    score: Annotated[str | None, XmlAttribute("score")] = None
    role: Annotated[Role | None, XmlAttribute("rsc-role")] = None
    with_role: Annotated[Role | None, XmlAttribute("with-rsc-role")] = None
    node_attribute: Annotated[str | None, XmlAttribute("node-attribute")] = None
    influence: Annotated[str | None, XmlAttribute("influence")] = None
    sets: Annotated[tuple[ResourceSet, ...], XmlChildren()] = ()
    effect: str = ""
    """What it does, in words; nothing that can be set."""


@dataclass(frozen=True, slots=True)
class Order:
    """Something is done to a resource before something is done to another one."""

    __pydantic_config__ = SHAPE
    TAG = "rsc_order"
    id: Annotated[str, XmlAttribute("id")]
    kind: Literal["order"] = "order"
    first: Annotated[str | None, XmlAttribute("first")] = None
    then: Annotated[str | None, XmlAttribute("then")] = None
    first_action: Annotated[Action | None, XmlAttribute("first-action")] = None
    then_action: Annotated[Action | None, XmlAttribute("then-action")] = None
    mandatory: Annotated[OrderKind | None, XmlAttribute("kind")] = None
    """Mandatory (the default), Optional or Serialize."""
    score: Annotated[str | None, XmlAttribute("score")] = None
    symmetrical: Annotated[bool | None, XmlAttribute("symmetrical")] = None
    require_all: Annotated[bool | None, XmlAttribute("require-all")] = None
    sets: Annotated[tuple[ResourceSet, ...], XmlChildren()] = ()
    effect: str = ""
    """What it does, in words; nothing that can be set."""


@dataclass(frozen=True, slots=True)
class TicketNeed:
    """A resource needs a ticket that the cluster holds."""

    __pydantic_config__ = SHAPE
    TAG = "rsc_ticket"
    id: Annotated[str, XmlAttribute("id")]
    ticket: Annotated[str, XmlAttribute("ticket")]
    kind: Literal["ticket"] = "ticket"
    resource: Annotated[str | None, XmlAttribute("rsc")] = None
    role: Annotated[Role | None, XmlAttribute("rsc-role")] = None
    loss_policy: Annotated[Literal["stop", "demote", "fence", "freeze"] | None, XmlAttribute("loss-policy")] = None
    sets: Annotated[tuple[ResourceSet, ...], XmlChildren()] = ()
    effect: str = ""
    """What it does, in words; nothing that can be set."""


Constraint: TypeAlias = Location | Colocation | Order | TicketNeed
