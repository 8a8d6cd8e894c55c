"""Carrying a transition out in pretence: every action succeeds at once (unless it is to fail) and is recorded in a CIB.

The same runner as the controllers' decides what is next. Pure: the moment is an argument; what happens is said in
lines, as `crm_simulate` prints them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crm.cib.history_entry import FinishedOperation
from crm.model.score import INFINITY
from crm.model.transition import ActionKind, AgentReference, GraphAction, Transition
from crm.transition.pretended_cib import PretendedCib, next_call_id
from crm.transition.run import Limits, Outcome, Run

_FAILURE = re.compile(r"(?P<operation>[^@=]+)@(?P<node>[^=]+)=(?P<rc>-?\d+)$")
_UNRECORDED = ("delete", "meta-data")


@dataclass(frozen=True, slots=True)
class Failure:
    """An operation that shall fail: `RESOURCE_OPERATION_INTERVALMS` on a node, with an exit code."""

    operation: str
    node: str
    rc: int


def parse_failure(text: str) -> Failure | None:
    """Read `OPERATION@NODE=RC`; None if it is not of that form."""
    found = _FAILURE.match(text)
    return Failure(found["operation"], found["node"], int(found["rc"])) if found else None


@dataclass(frozen=True, slots=True)
class Pretence:
    """What a simulation works with.

    known   ids under which the planner knows resources (instances of clones with their numbers)
    say     told of every step: an item of a list, or (`item` False) a line of its own
    at      epoch seconds that results are recorded with
    """

    cib: PretendedCib
    known: frozenset[str]
    failures: Sequence[Failure]
    say: Callable[[str, bool], None]
    at: int


def simulate(transition: Transition, pretence: Pretence) -> Outcome:
    """Run the transition to its end, pass by pass, changing the pretended CIB."""
    run = Run(transition)
    limits = Limits()
    fired = True
    while fired:
        fired = False
        for action in run.one_pass(limits):
            fired = True
            if action.kind is ActionKind.PSEUDO:
                _pretend_pseudo(action, pretence)
                continue
            succeeded = _pretend(action, pretence)
            if not succeeded:
                run.abort(INFINITY, f"{action.key} was made to fail")
            run.finished(action.id, ok=succeeded)
    return run.outcome


def _pretend(action: GraphAction, pretence: Pretence) -> bool:
    if action.kind is ActionKind.RESOURCE:
        return _pretend_operation(action, pretence)
    if action.operation == "stonith":
        _pretend_fencing(action, pretence)
    else:
        about = f" for {action.resource.id}" if action.resource is not None else ""
        pretence.say(f"Cluster action:  {action.operation}{about} on {action.node}", True)
    return True


def _pretend_pseudo(action: GraphAction, pretence: Pretence) -> None:
    where = f" on {action.node}" if action.node else ""
    pretence.say(f"Pseudo action:   {action.key}{where}", True)


def _pretend_fencing(action: GraphAction, pretence: Pretence) -> None:
    word = action.attributes.get("CRM_meta_stonith_action", "reboot")
    pretence.say(f"Fencing {action.node} ({word})", True)
    if word != "on" and action.node is not None:
        pretence.cib.node_down(action.node)


def _pretend_operation(action: GraphAction, pretence: Pretence) -> bool:
    agent, node = action.resource, action.node
    if agent is None or node is None:
        return True
    name = _known_name(agent, pretence.known)
    if action.operation in _UNRECORDED:
        pretence.say(_operation_text(name, action.operation, 0, node), True)
        return True
    state = pretence.cib.node_state(node, node if action.router else action.node_id)
    history = pretence.cib.resource_history(state, (name, agent.id), agent.standard, agent.provider, agent.type)
    pretence.say(_operation_text(name, action.operation, action.interval_ms, node), True)
    failure = _failure_of(action, (name, agent.id), node, pretence.failures)
    if failure is not None:
        resource, rc = failure
        pretence.say(f"Pretending action {action.id} failed with rc={rc}", False)
        if rc != 0 and not (rc == 7 and action.interval_ms == 0):
            fatal = action.operation in ("start", "stop")
            for line in pretence.cib.count_failure(
                state, resource, action.operation, action.interval_ms, fatal, pretence.at
            ):
                pretence.say(line, True)
    pretence.cib.record(
        history,
        FinishedOperation(
            resource_id=agent.id,
            task=action.operation,
            interval_ms=action.interval_ms,
            call_id=next_call_id(history),
            rc=failure[1] if failure is not None else action.target_rc,
            target_rc=action.target_rc,
            node=node,
            at=pretence.at,
            exit_reason="User-injected result",
            attributes=action.attributes,
            origin="crm_simulate",
        ),
    )
    return failure is None


def _known_name(agent: AgentReference, known: frozenset[str]) -> str:
    """The name that says most: an instance's full id where the planner knows no resource of the plain name."""
    if agent.id not in known and agent.long_id is not None and agent.long_id in known:
        return agent.long_id
    return agent.id


def _operation_text(resource: str, operation: str, interval_ms: int, node: str) -> str:
    interval = f"={interval_ms}" if interval_ms else ""
    return f"Resource action: {resource:<15} {operation}{interval} on {node}"


def _failure_of(
    action: GraphAction, names: tuple[str, ...], node: str, failures: Sequence[Failure]
) -> tuple[str, int] | None:
    """The resource name and exit code of the first wished failure that is about this action."""
    for failure in failures:
        for name in names:
            operation = f"{name}_{action.operation}_{action.interval_ms}"
            if failure.operation.lower() == operation.lower() and failure.node.lower() == node.lower():
                return name, failure.rc
    return None
