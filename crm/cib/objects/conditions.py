"""Rules and sets of attributes that count only when a rule holds.

Source: Pacemaker Explained, "Rules". Values stand as written; `crm.model.rules` is what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from crm.cib.objects.codec import ChildAttributes, OwnPairs, PartId, XmlAttribute, XmlChild, XmlChildren
from crm.cib.objects.json_shape import SHAPE

Role = Literal["Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"]


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """A test of a node attribute; `#uname` is the node's name."""

    __pydantic_config__ = SHAPE
    TAG = "expression"
    attribute: Annotated[str, XmlAttribute("attribute")]
    operation: Annotated[
        Literal["eq", "ne", "lt", "lte", "gt", "gte", "defined", "not_defined"], XmlAttribute("operation")
    ]
    kind: Literal["attribute"] = "attribute"
    id: Annotated[str, PartId()] = ""
    value: Annotated[str | None, XmlAttribute("value")] = None
    type: Annotated[Literal["string", "integer", "number", "version"] | None, XmlAttribute("type")] = None
    value_source: Annotated[Literal["literal", "param", "meta"] | None, XmlAttribute("value-source")] = None


@dataclass(frozen=True, slots=True)
class DateCondition:
    """A test of the present moment."""

    __pydantic_config__ = SHAPE
    TAG = "date_expression"
    kind: Literal["date"] = "date"
    id: Annotated[str, PartId()] = ""
    operation: Annotated[Literal["in_range", "gt", "lt", "date_spec"] | None, XmlAttribute("operation")] = None
    start: Annotated[str | None, XmlAttribute("start")] = None
    """ISO 8601, such as 2030-01-31 08:00:00Z."""
    end: Annotated[str | None, XmlAttribute("end")] = None
    """ISO 8601."""
    duration: Annotated[dict[str, str], ChildAttributes("duration")] = field(default_factory=dict)
    """From `start` on: years, months, weeks, days, hours, minutes, seconds."""
    spec: Annotated[dict[str, str], ChildAttributes("date_spec")] = field(default_factory=dict)
    """Ranges such as hours=9-17, weekdays=1-5."""


@dataclass(frozen=True, slots=True)
class AgentCondition:
    """A test of a resource's agent, for defaults."""

    __pydantic_config__ = SHAPE
    TAG = "rsc_expression"
    kind: Literal["agent"] = "agent"
    id: Annotated[str, PartId()] = ""
    standard: Annotated[str | None, XmlAttribute("class")] = None
    provider: Annotated[str | None, XmlAttribute("provider")] = None
    type: Annotated[str | None, XmlAttribute("type")] = None


@dataclass(frozen=True, slots=True)
class OperationCondition:
    """A test of an operation, for defaults."""

    __pydantic_config__ = SHAPE
    TAG = "op_expression"
    name: Annotated[str, XmlAttribute("name")]
    kind: Literal["operation"] = "operation"
    id: Annotated[str, PartId()] = ""
    interval: Annotated[str | None, XmlAttribute("interval")] = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions, all of which must hold (or any, with `combine` or)."""

    __pydantic_config__ = SHAPE
    TAG = "rule"
    kind: Literal["rule"] = "rule"
    id: Annotated[str, PartId()] = ""
    reference: Annotated[str | None, XmlAttribute("id-ref")] = None
    """The id of another rule that this one stands for."""
    combine: Annotated[Literal["and", "or"] | None, XmlAttribute("boolean-op")] = None
    score: Annotated[str | None, XmlAttribute("score")] = None
    """In location constraints: what a node counts on which the rule holds."""
    score_attribute: Annotated[str | None, XmlAttribute("score-attribute")] = None
    role: Annotated[str | None, XmlAttribute("role")] = None
    conditions: Annotated[
        tuple[AttributeCondition | DateCondition | AgentCondition | OperationCondition | Rule, ...], XmlChildren()
    ] = ()


@dataclass(frozen=True, slots=True)
class _Set:
    """Names and values that count when a rule holds, or that stand for another set."""

    __pydantic_config__ = SHAPE
    id: Annotated[str, PartId()] = ""
    reference: Annotated[str | None, XmlAttribute("id-ref")] = None
    """The id of another set that this one stands for."""
    score: Annotated[str | None, XmlAttribute("score")] = None
    """Of several sets that have the same name the one with the highest score counts."""
    values: Annotated[dict[str, str], OwnPairs()] = field(default_factory=dict)
    rule: Annotated[Rule | None, XmlChild("rule")] = None


@dataclass(frozen=True, slots=True)
class ParameterSet(_Set):
    """Parameters that count when a rule holds."""

    __pydantic_config__ = SHAPE
    TAG = "instance_attributes"


@dataclass(frozen=True, slots=True)
class MetaSet(_Set):
    """Meta attributes that count when a rule holds."""

    __pydantic_config__ = SHAPE
    TAG = "meta_attributes"
