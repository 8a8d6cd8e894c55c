"""Which rules hold, and which sets of attributes count. Pure: the moment and the attributes are arguments.

Source: Pacemaker Explained, "Rules", and the observed order in which sets apply: the higher score first, of equal ones
the later in the document, and the first value found for a name stays.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

from crm.model.attributes import AttributeSet
from crm.model.dates import add_duration, calendar_fields
from crm.model.rules import (
    AttributeExpression,
    Combine,
    Comparison,
    Condition,
    DateExpression,
    DateOperation,
    Invalid,
    OperationExpression,
    ResourceExpression,
    Rule,
    ValueSource,
    ValueType,
)
from crm.model.values import parse_integer

OnChange = Callable[[int], None]
"""Told of each moment (epoch seconds) at which a rule's answer changes."""

_CAPTURE = re.compile(r"%(\d)")
_VERSION = re.compile(r"\s*(\d+(?:\.\d+)*)")
_LEADING_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class RuleInput:
    """What a rule may ask about. `captures` are the groups (0 the whole) of the pattern that matched the resource."""

    now: int
    node_attributes: Mapping[str, str] | None = None
    standard: str | None = None
    provider: str | None = None
    type: str | None = None
    operation: str | None = None
    interval_ms: int = 0
    parameters: Mapping[str, str] | None = None
    meta: Mapping[str, str] | None = None
    captures: tuple[str | None, ...] = ()


def _ignore(_moment: int) -> None:
    pass


def holds(rule: Rule | Invalid, given: RuleInput, on_change: OnChange = _ignore) -> bool:
    """Whether the rule holds; conditions after the one that settles it are not looked at."""
    if isinstance(rule, Invalid):
        return False
    results = (_condition_holds(condition, given, on_change) for condition in rule.conditions)
    if not rule.conditions:
        return True
    return all(results) if rule.combine is Combine.AND else any(results)


def _condition_holds(condition: Condition, given: RuleInput, on_change: OnChange) -> bool:
    match condition:
        case Rule():
            return holds(condition, given, on_change)
        case AttributeExpression():
            return _attribute_holds(condition, given)
        case DateExpression():
            return _date_holds(condition, given.now, on_change)
        case ResourceExpression():
            return (
                condition.standard in (None, given.standard)
                and condition.provider in (None, given.provider)
                and condition.type in (None, given.type)
            )
        case OperationExpression():
            return condition.name == given.operation and condition.interval_ms in (None, given.interval_ms)
        case Invalid():
            return False
    assert_never(condition)


def _attribute_holds(expression: AttributeExpression, given: RuleInput) -> bool:
    name = _expand(expression.attribute, given.captures)
    actual = (given.node_attributes or {}).get(name)
    match expression.comparison:
        case Comparison.DEFINED:
            return actual is not None
        case Comparison.NOT_DEFINED:
            return actual is None
    reference = _reference(expression, given)
    kind = expression.type or _natural_type(expression.comparison, actual, reference)
    order = _compare(actual, reference, kind)
    match expression.comparison:
        case Comparison.EQUAL:
            return order == 0
        case Comparison.NOT_EQUAL:
            return order != 0
    if actual is None or reference is None:
        return False
    return {
        Comparison.LESS: order < 0,
        Comparison.LESS_OR_EQUAL: order <= 0,
        Comparison.GREATER: order > 0,
        Comparison.GREATER_OR_EQUAL: order >= 0,
    }[expression.comparison]


def _expand(name: str, captures: tuple[str | None, ...]) -> str:
    if not captures:
        return name
    return _CAPTURE.sub(lambda m: (captures[int(m[1])] or "") if int(m[1]) < len(captures) else "", name)


def _reference(expression: AttributeExpression, given: RuleInput) -> str | None:
    match expression.source:
        case ValueSource.LITERAL:
            return expression.value
        case ValueSource.PARAMETER:
            return (given.parameters or {}).get(expression.value or "")
        case ValueSource.META:
            return (given.meta or {}).get(expression.value or "")
    assert_never(expression.source)


def _natural_type(comparison: Comparison, left: str | None, right: str | None) -> ValueType:
    """Text for equality; for an order whole numbers, or fractions when a point is seen."""
    if comparison in (Comparison.EQUAL, Comparison.NOT_EQUAL):
        return ValueType.STRING
    return ValueType.NUMBER if "." in (left or "") or "." in (right or "") else ValueType.INTEGER


def _compare(left: str | None, right: str | None, kind: ValueType) -> int:
    """Negative, zero or positive; what is missing is less than anything, what is no number is compared as text."""
    if left is None or right is None:
        return (left is not None) - (right is not None)
    match kind:
        case ValueType.INTEGER:
            numbers: tuple[float | None, float | None] = (parse_integer(left), parse_integer(right))
        case ValueType.NUMBER:
            numbers = (_number(left), _number(right))
        case ValueType.VERSION:
            return compare_versions(left, right)
        case ValueType.STRING:
            numbers = (None, None)
    first, second = numbers
    if first is None or second is None:
        return _sign(left.lower(), right.lower())
    return _sign(first, second)


def _sign(left: str | float, right: str | float) -> int:
    return (left > right) - (left < right)  # type: ignore[operator]


def _number(text: str) -> float | None:
    found = _LEADING_NUMBER.match(text)
    value = float(found.group()) if found else None
    return value if value is not None and math.isfinite(value) else None


@lru_cache(maxsize=1024)
def compare_versions(left: str | None, right: str | None) -> int:
    """Negative, zero or positive by the dotted numbers at the beginning of each; a missing part counts as 0."""
    parts = [_version_numbers(text or "") for text in (left, right)]
    length = max(len(parts[0]), len(parts[1]))
    first, second = ([*numbers, *[0] * (length - len(numbers))] for numbers in parts)
    return (first > second) - (first < second)


def _version_numbers(text: str) -> list[int]:
    found = _VERSION.match(text)
    return [int(number) for number in found[1].split(".")] if found else []


def _date_holds(expression: DateExpression, now: int, on_change: OnChange) -> bool:
    match expression.operation:
        case DateOperation.IN_RANGE:
            return _in_range(expression, now, on_change)
        case DateOperation.DATE_SPEC:
            fields = calendar_fields(now)
            return bool(fields) and all(
                (part.low is None or fields[part.field] >= part.low)
                and (part.high is None or fields[part.field] <= part.high)
                for part in expression.spec
            )
        case DateOperation.AFTER:
            assert expression.start is not None
            if now > expression.start:
                return True
            on_change(expression.start + 1)
            return False
        case DateOperation.BEFORE:
            assert expression.end is not None
            if now < expression.end:
                on_change(expression.end)
                return True
            return False
    assert_never(expression.operation)


def _in_range(expression: DateExpression, now: int, on_change: OnChange) -> bool:
    start, end = expression.start, expression.end
    if end is None and expression.duration is not None and start is not None:
        end = add_duration(start, expression.duration, expression.offset_s)
        if end is None:
            return False
    if start is not None and now < start:
        on_change(start)
        return False
    if end is None:
        return True
    if now > end:
        return False
    on_change(end + 1)
    return True


def apply_sets(
    sets: Iterable[AttributeSet],
    given: RuleInput,
    values: MutableMapping[str, str],
    on_change: OnChange = _ignore,
    first_id: str | None = None,
) -> None:
    """Add to `values` what the sets give names that it does not have yet; the set with `first_id` goes before all.

    The value `#default` takes back what an earlier set gave.
    """
    ordered = list(sets)
    if len(ordered) > 1:
        ordered.reverse()
        ordered.sort(key=lambda block: (block.id != first_id if first_id else False, -block.score))
    for block in ordered:
        if block.rule is not None and not holds(block.rule, given, on_change):
            continue
        for pair in block.pairs:
            if pair.value.lower() == "#default":
                values.pop(pair.name, None)
            else:
                values.setdefault(pair.name, pair.value)
