"""Whether a resource asks of its agent what the agent knows: parameters, their types, time limits, operations.

Findings only; whether an error refuses anything is decided by whoever asks. Source: OCF resource agent API 1.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from crm.executor.metadata import AgentMetadata, AgentParameter, DescribedAction
from crm.model.report import Report, Severity
from crm.model.values import parse_bool, parse_interval_ms

_UNTOLD = ("pcmk_", "CRM_", "OCF_", "crm_")
"""Beginnings of names that the cluster takes for itself."""
_FENCING_PARAMETERS = frozenset(("provides", "priority", "stonith-timeout", "action", "nodename", "plug", "port"))


@dataclass(frozen=True, slots=True)
class WantedOperation:
    """An operation as it is configured; times as text."""

    name: str
    interval: str
    timeout: str | None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class WantedResource:
    """What a primitive asks of its agent, templates already taken into account.

    usual_timeout   the time limit of operations that are given none
    """

    id: str
    agent: str
    parameters: Mapping[str, str]
    operations: tuple[WantedOperation, ...]
    usual_timeout: str = "20s"


def examine(wanted: WantedResource, known: AgentMetadata) -> list[Report]:
    """What is wrong (errors) or doubtful (warnings) about it."""
    return [
        *_unknown(wanted, known),
        *_missing(wanted, known),
        *_types(wanted, known),
        *_deprecated(wanted, known),
        *_operations(wanted, known),
        *_doubts(wanted, known),
    ]


def _unknown(wanted: WantedResource, known: AgentMetadata) -> Iterator[Report]:
    names = known.names()
    fencing = wanted.agent.startswith("stonith:")
    for name in wanted.parameters:
        if name in names or name.startswith(_UNTOLD) or (fencing and name in _FENCING_PARAMETERS):
            continue
        near = get_close_matches(name, names, 1)
        hint = f"Did you mean {near[0]}?" if near else f"It has {', '.join(names) or 'no parameters'}"
        yield _report(wanted, "unknown-parameter", f"The agent {wanted.agent} has no parameter {name}", hint)


def _missing(wanted: WantedResource, known: AgentMetadata) -> Iterator[Report]:
    fencing = wanted.agent.startswith("stonith:")
    for parameter in known.parameters:
        if not parameter.required or parameter.default or wanted.parameters.get(parameter.name):
            continue  # An empty default is none: agents write one to say that there is nothing to start from.
        if fencing and parameter.name in _FENCING_PARAMETERS:
            continue
        about = f" ({parameter.description})" if parameter.description else ""
        message = f"The agent {wanted.agent} needs the parameter {parameter.name}{about}"
        yield _report(wanted, "missing-parameter", message, f"Add {parameter.name} to its parameters")


def _types(wanted: WantedResource, known: AgentMetadata) -> Iterator[Report]:
    for parameter in known.parameters:
        value = wanted.parameters.get(parameter.name)
        expected = None if value is None else _mismatch(parameter, value)
        if expected is not None:
            message = f"{parameter.name}={value!r} is not what {wanted.agent} takes"
            yield _report(wanted, "wrong-parameter", message, f"It takes {expected}")


def _mismatch(parameter: AgentParameter, value: str) -> str | None:
    """What a parameter takes, if that value is not such a thing."""
    match parameter.type:
        case "integer":
            return None if value.lstrip("+-").isdecimal() else "a whole number"
        case "boolean":
            return None if parse_bool(value) is not None else "true or false"
        case "select" if parameter.choices:
            return None if value in parameter.choices else f"one of {', '.join(parameter.choices)}"
        case "second" | "time":
            return None if parse_interval_ms(value) is not None else "a time such as 30s"
    return None


def _deprecated(wanted: WantedResource, known: AgentMetadata) -> Iterator[Report]:
    for parameter in known.parameters:
        if parameter.deprecated and parameter.name in wanted.parameters:
            message = f"The parameter {parameter.name} of {wanted.agent} is deprecated"
            yield _report(wanted, "deprecated-parameter", message, "Its description tells what to use instead",
                          Severity.WARNING)


def _doubts(wanted: WantedResource, known: AgentMetadata) -> Iterator[Report]:
    """What the agent itself, or its class, gives to think about."""
    for doubt in known.doubts:
        message, _, hint = doubt.partition("; ")
        yield _report(wanted, "agent-doubt", message, hint[:1].upper() + hint[1:], Severity.WARNING)


def _operations(wanted: WantedResource, known: AgentMetadata) -> Iterator[Report]:
    names = {action.name for action in known.actions}
    for operation in wanted.operations:
        advised = _advice(operation, known)
        if operation.name not in names and names:
            message = f"The agent {wanted.agent} has no action {operation.name}"
            near = get_close_matches(operation.name, sorted(names), 1)
            yield _report(wanted, "unknown-operation", message, f"Did you mean {near[0]}?" if near else
                          f"It has {', '.join(sorted(names))}")
        elif advised is not None:
            yield from _time_limit(wanted, operation, advised)
    if "monitor" in names and not any(each.name == "monitor" and _repeats(each) for each in wanted.operations):
        message = f"{wanted.id} has no recurring monitor: if it fails, nobody notices"
        interval = next((action.interval for action in known.actions if action.name == "monitor"), None) or "10s"
        yield _report(wanted, "not-monitored", message, f"Add the operation monitor with interval {interval}",
                      Severity.WARNING)


def _repeats(operation: WantedOperation) -> bool:
    return bool(parse_interval_ms(operation.interval))


def _advice(operation: WantedOperation, known: AgentMetadata) -> DescribedAction | None:
    same = [action for action in known.actions if action.name == operation.name]
    return next((action for action in same if action.role == operation.role), same[0] if same else None)


def _time_limit(wanted: WantedResource, operation: WantedOperation, advised: DescribedAction) -> Iterator[Report]:
    limit = operation.timeout or wanted.usual_timeout
    given, least = parse_interval_ms(limit), parse_interval_ms(advised.timeout)
    if given is not None and least is not None and given < least:
        message = f"{limit} for the {operation.name} of {wanted.id} is less than {wanted.agent} advises"
        yield _report(wanted, "short-timeout", message, f"Give it {advised.timeout} or more", Severity.WARNING)


def _report(wanted: WantedResource, code: str, message: str, hint: str, severity: Severity = Severity.ERROR) -> Report:
    return Report(severity, code, wanted.id, message, hint)
