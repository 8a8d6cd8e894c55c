"""Rules: conditions under which a constraint or a set of attributes counts. Told here, evaluated by the policy engine.

Source: Pacemaker Explained, "Rules". An expression that cannot be understood is kept as `Invalid` and never holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Combine(StrEnum):
    """How the conditions of a rule are put together."""

    AND = "and"
    OR = "or"


class Comparison(StrEnum):
    """What an attribute expression asks of its attribute."""

    DEFINED = "defined"
    NOT_DEFINED = "not_defined"
    EQUAL = "eq"
    NOT_EQUAL = "ne"
    LESS = "lt"
    LESS_OR_EQUAL = "lte"
    GREATER = "gt"
    GREATER_OR_EQUAL = "gte"


class ValueType(StrEnum):
    """As what two values are compared."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    VERSION = "version"


class ValueSource(StrEnum):
    """Where the value to compare with comes from: the text itself, or a parameter or meta attribute of that name."""

    LITERAL = "literal"
    PARAMETER = "param"
    META = "meta"


class DateOperation(StrEnum):
    """How a date expression compares the present moment."""

    IN_RANGE = "in_range"
    BEFORE = "lt"
    AFTER = "gt"
    DATE_SPEC = "date_spec"


@dataclass(frozen=True, slots=True)
class AttributeExpression:
    """A test of a node attribute."""

    id: str
    attribute: str
    comparison: Comparison
    value: str | None = None
    type: ValueType | None = None
    source: ValueSource = ValueSource.LITERAL


@dataclass(frozen=True, slots=True)
class Duration:
    """A span on the calendar, added from the largest unit to the smallest."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """A field of a `date_spec`: both ends included, None for an open end."""

    field: str
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class DateExpression:
    """A test of the present moment; `start` and `end` are epoch seconds.

    `offset_s` says how far ahead of UTC the calendar is that `start` was written in: a `duration` is counted there.
    """

    id: str
    operation: DateOperation
    start: int | None = None
    end: int | None = None
    duration: Duration | None = None
    spec: tuple[Range, ...] = ()
    offset_s: int = 0


@dataclass(frozen=True, slots=True)
class ResourceExpression:
    """A test of the agent of the resource that defaults are sought for."""

    id: str
    standard: str | None = None
    provider: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class OperationExpression:
    """A test of the operation that defaults are sought for; without `interval_ms` any interval will do."""

    id: str
    name: str
    interval_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Invalid:
    """A condition that makes no sense (reported when it was read): it never holds."""

    id: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions and how they combine; the rest is for rules of location constraints.

    score            text as written (a score), or
    score_attribute  the node attribute that holds the score
    role             the role that the rule is about
    """

    id: str
    conditions: tuple[Condition, ...] = ()
    combine: Combine = Combine.AND
    score: str | None = None
    score_attribute: str | None = None
    role: str | None = None


Condition: TypeAlias = (
    AttributeExpression | DateExpression | ResourceExpression | OperationExpression | Invalid | Rule
)
