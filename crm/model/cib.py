"""A whole CIB as frozen data: configuration and status, in the order of the document.

Made by `crm.cib.reading.cib_reader`; everything above reasons about this and never about XML. Cheap to share: nothing
in it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crm.model.attributes import AttributeSet
from crm.model.constraints import Constraint
from crm.model.history import NodeState, TicketRecord
from crm.model.report import Report
from crm.model.resources import ResourceDefinition, Template


@dataclass(frozen=True, slots=True)
class ConfiguredNode:
    """A node of the configuration; `type` is `member` unless it says `remote` (or older words)."""

    id: str
    name: str
    type: str | None = None
    score: str | None = None
    attributes: tuple[AttributeSet, ...] = ()
    utilization: tuple[AttributeSet, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """A name for several configuration elements."""

    id: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FencingLevel:
    """Devices to try together for the nodes that `target`, `pattern` or attribute and value select."""

    id: str
    index: int
    devices: tuple[str, ...]
    target: str | None = None
    pattern: str | None = None
    attribute: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class AlertRecipient:
    """Whom an alert goes to."""

    id: str
    value: str
    meta: tuple[AttributeSet, ...] = ()
    parameters: tuple[AttributeSet, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """An agent that is told of events; `select` names their kinds (all when empty), `attributes` which of those."""

    id: str
    path: str
    select: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    meta: tuple[AttributeSet, ...] = ()
    parameters: tuple[AttributeSet, ...] = ()
    recipients: tuple[AlertRecipient, ...] = ()


@dataclass(frozen=True, slots=True)
class Cib:
    """Configuration and status of a cluster.

    `attributes` are those of the root element as written; the ones that planning needs are also given typed.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    dc_id: str | None = None
    have_quorum: bool = False
    execution_date: int | None = None
    options: tuple[AttributeSet, ...] = ()
    nodes: tuple[ConfiguredNode, ...] = ()
    resources: tuple[ResourceDefinition, ...] = ()
    templates: tuple[Template, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    tags: tuple[Tag, ...] = ()
    resource_defaults: tuple[AttributeSet, ...] = ()
    operation_defaults: tuple[AttributeSet, ...] = ()
    fencing_levels: tuple[FencingLevel, ...] = ()
    alerts: tuple[Alert, ...] = ()
    node_states: tuple[NodeState, ...] = ()
    tickets: tuple[TicketRecord, ...] = ()
    reports: tuple[Report, ...] = ()
