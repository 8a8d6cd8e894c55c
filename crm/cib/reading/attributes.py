"""Reading what every part of a CIB is made of: sets of name-value pairs and rules, references followed.

Apart from the other readers because they all build on it; it knows neither resources nor constraints.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from lxml import etree

from crm.model import score
from crm.model.attributes import AttributeSet, NameValue
from crm.model.dates import offset_seconds, parse_moment
from crm.model.report import Report, Severity
from crm.model.rules import (
    AttributeExpression,
    Combine,
    Comparison,
    Condition,
    DateExpression,
    DateOperation,
    Duration,
    Invalid,
    OperationExpression,
    Range,
    ResourceExpression,
    Rule,
    ValueSource,
    ValueType,
)
from crm.model.values import parse_interval_ms

Word = TypeVar("Word", bound=StrEnum)

_SPEC_FIELDS = (
    "years",
    "months",
    "monthdays",
    "hours",
    "minutes",
    "seconds",
    "yeardays",
    "weekyears",
    "weeks",
    "weekdays",
)
_DURATION_FIELDS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")


def text(value: str | bytes | bytearray | None) -> str:
    """A name or value of lxml as plain text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else bytes(value).decode()


class _SenselessError(Exception):
    """A condition cannot be understood; the message says why."""


class Reader:
    """Holds what reading one document needs: the index for references, made when first asked for, and the reports."""

    def __init__(self, root: etree._Element) -> None:
        self.reports: list[Report] = []
        self._root = root
        self._by_id: dict[str, etree._Element] | None = None

    def report(
        self, code: str, where: str, message: str, hint: str = "", element: etree._Element | None = None
    ) -> None:
        """Note a warning; `where` is the id of the element that it is about."""
        line: int | None = element.sourceline if element is not None else None  # type: ignore[assignment]
        self.reports.append(Report(Severity.WARNING, code, where, message, hint, line))

    def resolve(self, element: etree._Element) -> etree._Element | None:
        """The element itself, or the one that its `id-ref` names (reported, and None, when there is none)."""
        reference = element.get("id-ref")
        if reference is None:
            return element
        found = self._index().get(f"{text(element.tag)} {text(reference)}")
        if found is None:
            message = f"The reference to {reference} leads nowhere and is ignored."
            self.report("dangling-reference", text(reference), message, "Correct the id-ref or remove it.", element)
        return found

    def _index(self) -> dict[str, etree._Element]:
        if self._by_id is None:
            configuration = self._root.find("configuration")
            elements = configuration.iter(etree.Element) if configuration is not None else iter(())
            self._by_id = {}
            for element in elements:
                identity = element.get("id")
                if identity is not None:
                    self._by_id.setdefault(f"{text(element.tag)} {text(identity)}", element)
        return self._by_id

    def sets(self, parent: etree._Element | None, tag: str) -> tuple[AttributeSet, ...]:
        """The attribute sets named `tag` right below `parent`, in document order."""
        if parent is None:
            return ()
        found = (self.resolve(element) for element in parent.iterchildren(tag))
        return tuple(self._set(element) for element in found if element is not None)

    def _set(self, element: etree._Element) -> AttributeSet:
        rule = element.find("rule")
        holder = element.find("attributes")
        return AttributeSet(
            id=text(element.get("id", "")),
            pairs=self._pairs(holder if holder is not None else element),
            score=score.parse(element.get("score")),
            rule=self.rule(rule) if rule is not None else None,
        )

    def _pairs(self, element: etree._Element) -> tuple[NameValue, ...]:
        pairs = []
        for child in element.iterchildren("nvpair"):
            pair = self.resolve(child) if child.get("id-ref") is not None else child
            if pair is None:
                continue
            name, value = child.get("name", pair.get("name")), pair.get("value")
            if name is not None and value is not None:
                pairs.append(NameValue(text(name), text(value), text(pair.get("id", ""))))
        return tuple(pairs)

    def rule(self, element: etree._Element) -> Rule | Invalid:
        """The rule, its references followed."""
        found = self.resolve(element)
        if found is None:
            return Invalid(text(element.get("id-ref", "")))
        identity = text(found.get("id", ""))
        combine = text(found.get("boolean-op", "and")).lower()
        if combine not in ("and", "or"):
            self.report(
                "invalid-rule",
                identity,
                f"Rule {identity} never holds: boolean-op {combine!r} is neither and nor or.",
                "Use and or or.",
                found,
            )
            return Invalid(identity)
        return Rule(
            id=identity,
            conditions=tuple(self._condition(child) for child in found.iterchildren(etree.Element)),
            combine=Combine(combine),
            score=found.get("score"),
            score_attribute=found.get("score-attribute"),
            role=found.get("role"),
        )

    def _condition(self, element: etree._Element) -> Condition:
        identity = text(element.get("id", ""))
        if element.tag == "rule":
            return self.rule(element)
        try:
            return _read_condition(element, identity)
        except _SenselessError as why:
            self.report("invalid-rule", identity, f"The condition {identity} never holds: {why}.", "", element)
            return Invalid(identity)


def _read_condition(element: etree._Element, identity: str) -> Condition:
    match element.tag:
        case "expression":
            return _attribute_expression(element, identity)
        case "date_expression":
            return _date_expression(element, identity)
        case "rsc_expression":
            return ResourceExpression(identity, element.get("class"), element.get("provider"), element.get("type"))
        case "op_expression":
            return _operation_expression(element, identity)
        case tag:
            raise _SenselessError(f"a rule has no conditions of the kind {text(tag)!r}")


def _word(kind: type[Word], value: str, what: str) -> Word:
    try:
        return kind(value.lower())
    except ValueError:
        raise _SenselessError(f"{what} {value!r} is not one of {', '.join(kind)}") from None


def _attribute_expression(element: etree._Element, identity: str) -> AttributeExpression:
    attribute, kind, value = element.get("attribute"), element.get("type"), element.get("value")
    if attribute is None:
        raise _SenselessError("it names no attribute")
    comparison = _word(Comparison, text(element.get("operation", "")), "the operation")
    existence = comparison in (Comparison.DEFINED, Comparison.NOT_DEFINED)
    if existence == (value is not None):
        raise _SenselessError(f"the operation {comparison} {'takes no' if existence else 'needs a'} value")
    return AttributeExpression(
        id=identity,
        attribute=text(attribute),
        comparison=comparison,
        value=value,
        type=_word(ValueType, text(kind), "the type") if kind is not None else None,
        source=_word(ValueSource, text(element.get("value-source", "literal")), "the value-source"),
    )


def _operation_expression(element: etree._Element, identity: str) -> OperationExpression:
    name, interval = element.get("name"), element.get("interval")
    if name is None:
        raise _SenselessError("it names no operation")
    interval_ms = parse_interval_ms(interval)
    if interval_ms is None:
        raise _SenselessError(f"{interval!r} is not an interval")
    return OperationExpression(identity, text(name), None if interval is None else interval_ms)


def _moment(element: etree._Element, name: str) -> int | None:
    value = element.get(name)
    if value is None:
        return None
    moment = parse_moment(text(value))
    if moment is None:
        raise _SenselessError(f"{name} {value!r} is not a date")
    return moment


def _date_expression(element: etree._Element, identity: str) -> DateExpression:
    operation = _word(DateOperation, text(element.get("operation", "in_range")), "the operation")
    start, end = _moment(element, "start"), _moment(element, "end")
    duration, spec = element.find("duration"), element.find("date_spec")
    needs = {
        DateOperation.IN_RANGE: start is not None or end is not None,
        DateOperation.AFTER: start is not None,
        DateOperation.BEFORE: end is not None,
        DateOperation.DATE_SPEC: spec is not None,
    }
    if not needs[operation]:
        raise _SenselessError(f"the operation {operation} lacks what it compares with")
    return DateExpression(
        id=identity,
        operation=operation,
        start=start,
        end=end,
        duration=_duration(duration) if duration is not None else None,
        spec=tuple(_ranges(spec)) if spec is not None else (),
        offset_s=offset_seconds(text(element.get("start", ""))),
    )


def _duration(element: etree._Element) -> Duration:
    amounts = {}
    for name in _DURATION_FIELDS:
        value = element.get(name)
        if value is not None:
            try:
                amounts[name] = int(text(value))
            except ValueError:
                raise _SenselessError(f"{name} {value!r} of the duration is not a number") from None
    return Duration(**amounts)


def _ranges(element: etree._Element) -> list[Range]:
    return [_range(name, text(element.get(name))) for name in _SPEC_FIELDS if element.get(name) is not None]


def _range(field: str, value: str) -> Range:
    low, dash, high = value.strip().partition("-")
    try:
        if not dash:
            return Range(field, int(low), int(low))
        if not low and not high:
            raise ValueError(value)
        return Range(field, int(low) if low else None, int(high) if high else None)
    except ValueError:
        raise _SenselessError(f"{field} {value!r} is not a range") from None
