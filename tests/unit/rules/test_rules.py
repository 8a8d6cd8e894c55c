"""Which rules hold and which attribute sets win."""

from __future__ import annotations

import pytest

from crm.model.attributes import AttributeSet, NameValue
from crm.model.rules import (
    AttributeExpression,
    Combine,
    Comparison,
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
from crm.policy_engine.picture.rules import RuleInput, apply_sets, compare_versions, holds

NOW = 1_700_000_000  # 2023-11-14 22:13:20 UTC, a Tuesday
EVENING_OF_A_WORKDAY = (Range("weekdays", 1, 5), Range("hours", 22, None))


def _attribute(comparison: Comparison, value: str | None, kind: ValueType | None = None) -> Rule:
    return Rule("r", (AttributeExpression("e", "size", comparison, value, kind),))


@pytest.mark.parametrize(
    ("actual", "comparison", "value", "kind", "expected"),
    [
        ("10", Comparison.GREATER, "9", None, True),
        ("10", Comparison.GREATER, "9", ValueType.STRING, False),
        ("1.10", Comparison.GREATER, "1.9", None, False),
        ("1.10", Comparison.GREATER, "1.9", ValueType.VERSION, True),
        ("Big", Comparison.EQUAL, "bIG", None, True),
        (None, Comparison.NOT_EQUAL, "big", None, True),
        (None, Comparison.LESS, "9", None, False),
        ("", Comparison.DEFINED, None, None, True),
        (None, Comparison.NOT_DEFINED, None, None, True),
        ("ten", Comparison.LESS, "9", ValueType.INTEGER, False),
    ],
)
def test_attributes_compare_by_type(
    actual: str | None, comparison: Comparison, value: str | None, kind: ValueType | None, expected: bool
) -> None:
    attributes = {} if actual is None else {"size": actual}
    assert holds(_attribute(comparison, value, kind), RuleInput(NOW, attributes)) is expected


def test_the_name_of_an_attribute_may_come_from_the_pattern_that_matched_the_resource() -> None:
    rule = Rule("r", (AttributeExpression("e", "score-%1", Comparison.EQUAL, "1"),))
    assert holds(rule, RuleInput(NOW, {"score-web": "1"}, captures=("app-web", "web")))


def test_a_value_may_come_from_the_resources_parameters() -> None:
    rule = Rule("r", (AttributeExpression("e", "site", Comparison.EQUAL, "where", source=ValueSource.PARAMETER),))
    assert holds(rule, RuleInput(NOW, {"site": "a"}, parameters={"where": "a"}))
    assert not holds(rule, RuleInput(NOW, {"site": "a"}, parameters={}))


def test_or_holds_with_one_condition_and_nesting_is_followed() -> None:
    either = Rule("r", (Invalid("x"), Rule("inner", (OperationExpression("o", "monitor"),))), Combine.OR)
    assert holds(either, RuleInput(NOW, operation="monitor", interval_ms=5))
    assert not holds(either, RuleInput(NOW, operation="start"))


def test_an_empty_rule_holds_and_an_invalid_one_never_does() -> None:
    assert holds(Rule("r"), RuleInput(NOW))
    assert not holds(Invalid("r"), RuleInput(NOW))


def test_agents_and_intervals_are_compared_as_far_as_given() -> None:
    agent = Rule("r", (ResourceExpression("e", standard="ocf", type="Dummy"),))
    assert holds(agent, RuleInput(NOW, standard="ocf", provider="x", type="Dummy"))
    assert not holds(agent, RuleInput(NOW, standard="ocf", type="Stateful"))
    every_ten = Rule("r", (OperationExpression("e", "monitor", 10_000),))
    assert holds(every_ten, RuleInput(NOW, operation="monitor", interval_ms=10_000))
    assert not holds(every_ten, RuleInput(NOW, operation="monitor", interval_ms=20_000))


@pytest.mark.parametrize(
    ("expression", "expected", "changes"),
    [
        (DateExpression("d", DateOperation.AFTER, start=NOW), False, [NOW + 1]),
        (DateExpression("d", DateOperation.AFTER, start=NOW - 1), True, []),
        (DateExpression("d", DateOperation.BEFORE, end=NOW + 5), True, [NOW + 5]),
        (DateExpression("d", DateOperation.BEFORE, end=NOW), False, []),
        (DateExpression("d", DateOperation.IN_RANGE, start=NOW - 5, end=NOW), True, [NOW + 1]),
        (DateExpression("d", DateOperation.IN_RANGE, start=NOW + 5), False, [NOW + 5]),
        (DateExpression("d", DateOperation.IN_RANGE, start=NOW - 60, duration=Duration(minutes=2)), True, [NOW + 61]),
        (DateExpression("d", DateOperation.DATE_SPEC, spec=EVENING_OF_A_WORKDAY), True, []),
        (DateExpression("d", DateOperation.DATE_SPEC, spec=(Range("months", None, 10),)), False, []),
    ],
)
def test_dates_hold_and_say_when_that_changes(expression: DateExpression, expected: bool, changes: list[int]) -> None:
    told: list[int] = []
    assert holds(Rule("r", (expression,)), RuleInput(NOW), told.append) is expected
    assert told == changes


def _set(identity: str, score: int = 0, rule: Rule | Invalid | None = None, **values: str) -> AttributeSet:
    return AttributeSet(identity, tuple(NameValue(name, value) for name, value in values.items()), score, rule)


def test_the_higher_score_wins_then_the_later_set() -> None:
    values: dict[str, str] = {}
    apply_sets([_set("a", 5, x="five"), _set("b", x="early", y="early"), _set("c", y="late")], RuleInput(NOW), values)
    assert values == {"x": "five", "y": "late"}


def test_a_set_may_go_before_all_by_its_id() -> None:
    values: dict[str, str] = {}
    apply_sets([_set("first", x="1"), _set("b", 100, x="2")], RuleInput(NOW), values, first_id="first")
    assert values == {"x": "1"}


def test_sets_whose_rule_does_not_hold_are_passed_over_and_what_is_there_stays() -> None:
    values = {"x": "mine"}
    apply_sets([_set("a", rule=Invalid("r"), y="never"), _set("b", x="theirs", z="new")], RuleInput(NOW), values)
    assert values == {"x": "mine", "z": "new"}


def test_versions_compare_by_number() -> None:
    assert compare_versions("3.9.0", "3.16") < 0
    assert compare_versions("3.0", "3") == 0
    assert compare_versions("3.1-rc4", "3.1") == 0
    assert compare_versions("node7", "1") < 0
