"""What a constraint does, in words. Only what stands in it: whether the names exist is the schema's advice.

Source: Pacemaker Explained, "Resource Constraints"; the defaults are those that the policy engine uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from crm.cib.objects.conditions import (
    AgentCondition,
    AttributeCondition,
    DateCondition,
    OperationCondition,
    Rule,
)
from crm.cib.objects.constraints import Colocation, Constraint, Location, Order, ResourceSet, TicketNeed
from crm.model import score
from crm.model.score import INFINITY, MINUS_INFINITY

_DONE = {"start": "started", "stop": "stopped", "promote": "promoted", "demote": "demoted"}
_COMPARED = {
    "eq": "is", "ne": "is not", "lt": "is less than", "lte": "is at most", "gt": "is more than", "gte": "is at least",
}
_LOSS = {
    "stop": "it is stopped", "demote": "it is demoted", "fence": "the nodes that run it are fenced",
    "freeze": "it is left as it is",
}


def with_effect(value: Any) -> Any:
    """A constraint with its effect filled in; anything else as it is."""
    if isinstance(value, Location | Colocation | Order | TicketNeed):
        return replace(value, effect=effect(value))
    return value


def effect(constraint: Constraint) -> str:
    """One or more sentences."""
    match constraint:
        case Location():
            return _location(constraint)
        case Colocation():
            return _colocation(constraint)
        case Order():
            return _order(constraint)
        case TicketNeed():
            return _ticket(constraint)


def _location(constraint: Location) -> str:
    about = _set_names(constraint.sets) or constraint.resource
    if constraint.resource_pattern is not None:
        about = f"every resource whose name matches {constraint.resource_pattern}"
    who = f"{about or 'nothing'}{_in_role(constraint.role)}"
    if constraint.node is not None:
        sentence = f"{who} {_preference(constraint.score)} {constraint.node}"
        return _sentence(sentence, _discovery(constraint))
    rules = [f"{who} {_rule_preference(rule)} where {_rule(rule)}" for rule in constraint.rules]
    return _sentence("; ".join(rules) or f"{who} is nowhere preferred", _discovery(constraint))


def _discovery(constraint: Location) -> str:
    match constraint.resource_discovery:
        case "never":
            return "The cluster does not look there whether it runs"
        case "exclusive":
            return "The cluster looks for it only there, and it runs nowhere else"
    return ""


def _preference(text: str | None) -> str:
    value = score.parse(text or "0")
    if value >= INFINITY:
        return "runs, if it can, on"
    if value <= MINUS_INFINITY:
        return "must not run on"
    if value == 0:
        return "may run on"
    return f"prefers with {value}" if value > 0 else f"avoids with {-value}"


def _rule_preference(rule: Rule) -> str:
    role = _in_role(rule.role)
    if rule.score_attribute:
        return f"counts{role} what the node attribute {rule.score_attribute} says"
    return _preference(rule.score).removesuffix(" on") + role + (" on nodes" if rule.score else "")


def _rule(rule: Rule) -> str:
    if rule.reference:
        return f"rule {rule.reference} holds"
    words = f" {rule.combine or 'and'} "
    return words.join(_condition(each) for each in rule.conditions) or "nothing is asked"


def _condition(condition: AttributeCondition | DateCondition | AgentCondition | OperationCondition | Rule) -> str:
    match condition:
        case Rule():
            return f"({_rule(condition)})"
        case AttributeCondition():
            return _attribute_condition(condition)
        case DateCondition():
            return _date_condition(condition)
        case AgentCondition():
            parts = [part for part in (condition.standard, condition.provider, condition.type) if part]
            return f"the agent is {':'.join(parts)}"
        case OperationCondition():
            return f"the operation is {condition.name}" + (f" every {condition.interval}" if condition.interval else "")


def _attribute_condition(condition: AttributeCondition) -> str:
    name = "the node" if condition.attribute == "#uname" else condition.attribute
    match condition.operation:
        case "defined":
            return f"{name} is set"
        case "not_defined":
            return f"{name} is not set"
    source = {"param": "the parameter ", "meta": "the meta attribute "}.get(condition.value_source or "", "")
    return f"{name} {_COMPARED[condition.operation]} {source}{condition.value or ''}"


def _date_condition(condition: DateCondition) -> str:
    span = " ".join(f"{number} {unit}" for unit, number in condition.duration.items())
    match condition.operation:
        case "lt":
            return f"it is before {condition.end}"
        case "gt":
            return f"it is after {condition.start}"
        case "date_spec":
            return "the date has " + ", ".join(f"{unit} {range_}" for unit, range_ in condition.spec.items())
    until = f"{span} after {condition.start}" if span else condition.end
    parts = [f"from {condition.start}" if condition.start else "", f"until {until}" if until else ""]
    return "it is " + " ".join(part for part in parts if part)


def _colocation(constraint: Colocation) -> str:
    value = score.parse(constraint.score or "0")
    where = f"with the same {constraint.node_attribute}" if constraint.node_attribute else "on the same node"
    if constraint.sets:
        names = _set_names(constraint.sets, " with ")
        return _sentence(f"{names}: each {_together(value)} the others, {where}")
    who = f"{constraint.resource}{_in_role(constraint.role)}"
    other = f"{constraint.with_resource}{_in_role(constraint.with_role)}"
    sentence = f"{who} {_together(value)} {other}, {where}"
    if value <= MINUS_INFINITY:
        return _sentence(f"{who} must not run {where} as {other}")
    if value >= INFINITY:
        return _sentence(sentence, f"{constraint.resource} cannot run where {other} does not")
    return _sentence(sentence)


def _together(value: int) -> str:
    if value >= INFINITY:
        return "runs only together with"
    if value <= MINUS_INFINITY:
        return "never runs together with"
    return f"prefers with {value} to run with" if value >= 0 else f"prefers with {-value} to run away from"


def _order(constraint: Order) -> str:
    kind = _order_kind(constraint)
    if constraint.sets:
        return _sentence(f"{_set_names(constraint.sets, ', then ')} are handled in this order", _ORDER_KINDS[kind])
    first, then = constraint.first_action or "start", constraint.then_action or constraint.first_action or "start"
    if kind == "Serialize":
        return _sentence(f"{constraint.first} and {constraint.then} are never {_DONE[first]} at the same time")
    sentence = f"{constraint.first} is {_DONE[first]} before {constraint.then} is {_DONE[then]}"
    undone = {"start": "stopped", "promote": "demoted"}
    back = ""
    if constraint.symmetrical is not False and first in undone and then in undone:
        back = f"{constraint.then} is {undone[then]} before {constraint.first} is {undone[first]}"
    return _sentence(sentence, back, _ORDER_KINDS[kind])


_ORDER_KINDS = {
    "Mandatory": "Without the first the second does not run, and a restart of the first restarts the second",
    "Optional": "Only if both happen in the same transition",
    "Serialize": "Never two of them at the same time",
}


def _order_kind(constraint: Order) -> str:
    if constraint.mandatory:
        return constraint.mandatory
    return "Optional" if constraint.score is not None and score.parse(constraint.score) == 0 else "Mandatory"


def _ticket(constraint: TicketNeed) -> str:
    who = f"{_set_names(constraint.sets) or constraint.resource}"
    role = f" as {constraint.role.lower()}" if constraint.role else ""
    loss = _LOSS[constraint.loss_policy or "stop"]
    return _sentence(f"{who} runs{role} only while the cluster holds the ticket {constraint.ticket}",
                     f"When the ticket is lost, {loss}")


def _set_names(sets: Sequence[ResourceSet], between: str = ", ") -> str:
    return between.join(_one_set(each) for each in sets)


def _one_set(each: ResourceSet) -> str:
    if each.reference:
        return f"the set {each.reference}"
    names = (", " if each.sequential is False else " → ").join(each.resources)
    return f"[{names}]{_in_role(each.role)}"


def _in_role(role: str | None) -> str:
    return f" ({role.lower()})" if role else ""


def _sentence(*parts: str) -> str:
    return ". ".join(part for part in parts if part) + "."
