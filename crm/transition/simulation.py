"""Carrying a transition out in pretence: every action succeeds at once (unless it is to fail) and is recorded in a CIB.

The same runner as the controllers' decides what is next. Pure: the moment is an argument; what happens is said in
lines, as `crm_simulate` prints them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from crm.cib import paths
from crm.cib.history_entry import FinishedOperation
from crm.cib.parsing import Element
from crm.cib.simulated_cib import SimulatedCib, next_call_id
from crm.model.score import INFINITY
from crm.model.transition import ActionKind, AgentReference, GraphAction, Transition
from crm.transition.transition_run import ActionOutcome, RunLimits, TransitionRun

_FAILURE = re.compile(r"(?P<operation>[^@=]+)@(?P<node>[^=]+)=(?P<rc>-?\d+)$")
_UNRECORDED = ("delete", "meta-data")


@dataclass(frozen=True, slots=True)
class InjectedFailure:
    """An operation that shall fail: `RESOURCE_OPERATION_INTERVALMS` on a node, with an exit code."""

    operation: str
    node: str
    rc: int


def parse_failure(text: str) -> InjectedFailure | None:
    """Read `OPERATION@NODE=RC`; None if it is not of that form."""
    found = _FAILURE.match(text)
    return InjectedFailure(found["operation"], found["node"], int(found["rc"])) if found else None


@dataclass(frozen=True, slots=True)
class SimulationLog:
    """Something that is pretended: a line for people, and for tools what kind of thing it is, with its attributes.

    is_item   an item of the list of steps, not a remark of its own
    """

    kind: str
    text: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    is_item: bool = True


@dataclass(frozen=True, slots=True)
class SimulatedExecution:
    """What a simulation works with.

    known   ids under which the planner knows resources (instances of clones with their numbers)
    say     told of every step
    at      epoch seconds that results are recorded with
    """

    cib: SimulatedCib
    known: frozenset[str]
    failures: Sequence[InjectedFailure]
    say: Callable[[SimulationLog], None]
    at: int


def simulate(transition: Transition, pretence: SimulatedExecution) -> ActionOutcome:
    """Run the transition to its end, pass by pass, changing the pretended CIB."""
    run = TransitionRun(transition)
    limits = RunLimits()
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


def _pretend(action: GraphAction, pretence: SimulatedExecution) -> bool:
    if action.kind is ActionKind.RESOURCE:
        return _pretend_operation(action, pretence)
    if action.operation == "stonith":
        _pretend_fencing(action, pretence)
    else:
        about = f" for {action.resource.id}" if action.resource is not None else ""
        attributes = {"task": action.operation, "node": str(action.node)}
        if action.resource is not None:
            attributes["id"] = action.resource.id
        pretence.say(
            SimulationLog("cluster_action", f"Cluster action:  {action.operation}{about} on {action.node}", attributes)
        )
    return True


def _pretend_pseudo(action: GraphAction, pretence: SimulatedExecution) -> None:
    where = f" on {action.node}" if action.node else ""
    attributes = {"task": action.key, **({"node": action.node} if action.node else {})}
    pretence.say(SimulationLog("pseudo_action", f"Pseudo action:   {action.key}{where}", attributes))


def _pretend_fencing(action: GraphAction, pretence: SimulatedExecution) -> None:
    word = action.attributes.get("CRM_meta_stonith_action", "reboot")
    attributes = {"target": str(action.node), "op": word}
    pretence.say(SimulationLog("fencing_action", f"Fencing {action.node} ({word})", attributes))
    if word != "on" and action.node is not None:
        pretence.cib.node_down(action.node)


def _pretend_operation(action: GraphAction, pretence: SimulatedExecution) -> bool:
    agent, node = action.resource, action.node
    if agent is None or node is None:
        return True
    name = _known_name(agent, pretence.known)
    if action.operation in _UNRECORDED:
        pretence.say(_operation(name, action.operation, 0, node))
        return True
    state = pretence.cib.node_state(node, node if action.router else action.node_id)
    history = pretence.cib.resource_history(state, (name, agent.id), agent.standard, agent.provider, agent.type)
    pretence.say(_operation(name, action.operation, action.interval_ms, node))
    failure = _failure_of(action, (name, agent.id), node, pretence.failures)
    if failure is not None:
        resource, rc = failure
        pretence.say(SimulationLog("remark", f"Pretending action {action.id} failed with rc={rc}", is_item=False))
        if rc != 0 and not (rc == 7 and action.interval_ms == 0):
            fatal = action.operation in ("start", "stop")
            for line in counted_failure(
                pretence.cib, state, resource, action.operation, action.interval_ms, fatal, pretence.at
            ):
                pretence.say(line)
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


def counted_failure(
    cib: SimulatedCib, state: Element, resource: str, task: str, interval_ms: int, fatal: bool, at: int
) -> list[SimulationLog]:
    """Count a failure in a pretended CIB; says which attributes that set."""
    said = []
    for name, value in cib.count_failure(state, resource, task, interval_ms, fatal, at).items():
        text = f"Injecting attribute {name}={value} into /node_state '{state.get('id')}'"
        path = paths.render(paths.path_of(state))
        attributes = {"name": name, "value": value, "node_path": path, "cib_node": str(state.get("id"))}
        said.append(SimulationLog("inject_attr", text, attributes))
    return said


def _known_name(agent: AgentReference, known: frozenset[str]) -> str:
    """The name that says most: an instance's full id where the planner knows no resource of the plain name."""
    if agent.id not in known and agent.long_id is not None and agent.long_id in known:
        return agent.long_id
    return agent.id


def _operation(resource: str, operation: str, interval_ms: int, node: str) -> SimulationLog:
    interval = f"={interval_ms}" if interval_ms else ""
    attributes = {"resource": resource, "op": operation, "node": node}
    if interval_ms:
        attributes["interval"] = str(interval_ms)
    return SimulationLog("rsc_action", f"Resource action: {resource:<15} {operation}{interval} on {node}", attributes)


def _failure_of(
    action: GraphAction, names: tuple[str, ...], node: str, failures: Sequence[InjectedFailure]
) -> tuple[str, int] | None:
    """The resource name and exit code of the first wished failure that is about this action."""
    for failure in failures:
        for name in names:
            operation = f"{name}_{action.operation}_{action.interval_ms}"
            if failure.operation.lower() == operation.lower() and failure.node.lower() == node.lower():
                return name, failure.rc
    return None
