"""Changes that `crm_simulate` is asked to pretend: nodes, tickets, quorum, results of operations."""

from __future__ import annotations

from typing import Protocol

from crm.cib.history_entry import FinishedOperation
from crm.cib.simulated_cib import SimulatedCib, next_call_id
from crm.cli.simulation.arguments import SimulationOptions
from crm.policy_engine.picture.cluster import Cluster, Resource
from crm.transition.simulation import InjectedFailure, SimulationLog, counted_failure, parse_failure


class Subject(Protocol):
    """What is changed, by what request, and what was wrong with that."""

    request: SimulationOptions
    pretended: SimulatedCib
    errors: list[str]


def apply_injections(subject: Subject, cluster: Cluster, at: int) -> list[SimulationLog]:
    """Make the changes in the pretended CIB; says what was done."""
    wanted, cib = subject.request.injections, subject.pretended
    said: list[SimulationLog] = []
    if wanted.quorum is not None:
        cib.set_quorum(wanted.quorum)
        said.append(SimulationLog("quorum", f"Setting quorum: {wanted.quorum}", {"quorum": wanted.quorum}))
    if wanted.watchdog is not None:
        cib.set_option("have-watchdog", wanted.watchdog)
        said.append(SimulationLog("watchdog", f"Setting watchdog: {wanted.watchdog}", {"watchdog": wanted.watchdog}))
    said += _change_nodes(subject, cluster)
    said += _change_tickets(subject)
    for text in wanted.operations:
        said.append(SimulationLog("inject_spec", f"Injecting {text} into the configuration", {"spec": text}))
        try:
            said += _inject_operation(cib, cluster, text, at)
        except ValueError as error:
            subject.errors.append(str(error))
    return said


def _change_nodes(subject: Subject, cluster: Cluster) -> list[SimulationLog]:
    wanted, cib = subject.request.injections, subject.pretended
    known = {node.name.lower(): node.name for node in cluster.nodes}
    changes = (
        (wanted.nodes_up, cib.node_up, "Online", "Bringing node {} online"),
        (wanted.nodes_down, cib.node_down, "Offline", "Taking node {} offline"),
        (wanted.nodes_fail, cib.node_fails, "Failing", "Failing node {}"),
    )
    said = []
    for names, change, word, text in changes:
        for name in names:
            change(name)
            if name.lower() not in known:
                subject.errors.append(f"Unknown node: {name} (there are {', '.join(known.values())})")
            said.append(SimulationLog("modify_node", text.format(name), {"action": word, "node": name}))
    return said


def _change_tickets(subject: Subject) -> list[SimulationLog]:
    wanted, cib = subject.request.injections, subject.pretended
    changes = (
        (wanted.tickets_granted, "granted", True, "Granting", "Granting ticket {}"),
        (wanted.tickets_revoked, "granted", False, "Revoking", "Revoking ticket {}"),
        (wanted.tickets_standby, "standby", True, "Standby", "Making ticket {} standby"),
        (wanted.tickets_active, "standby", False, "Activating", "Activating ticket {}"),
    )
    said = []
    for tickets, attribute, value, word, text in changes:
        for ticket in tickets:
            cib.set_ticket(ticket, attribute, value)
            said.append(SimulationLog("modify_ticket", text.format(ticket), {"action": word, "ticket": ticket}))
    return said


def _inject_operation(cib: SimulatedCib, cluster: Cluster, text: str, at: int) -> list[SimulationLog]:
    wanted = parse_failure(text)
    if wanted is None or wanted.operation.count("_") < 2 or not wanted.operation.rsplit("_", 1)[1].isdigit():
        raise ValueError(f"Invalid operation spec: {text} (write RESOURCE_OPERATION_INTERVALMS@NODE=RC)")
    name, task, interval = _split(wanted.operation)
    resource = _named(cluster, name)
    if resource is None:
        raise ValueError(f"Invalid resource name: {name}")
    return _record(cib, cluster, resource, wanted, (name, task, interval), at)


def _named(cluster: Cluster, name: str) -> Resource | None:
    """The resource of that id, or whose history goes by that name (an instance's, without its number)."""
    resources = (resource for top in cluster.resources for resource in top.walk())
    return next((resource for resource in resources if name in (resource.id, resource.history_id)), None)


def _split(operation: str) -> tuple[str, str, int]:
    """The resource, operation and interval of an operation's key; migrations have an underscore in their name."""
    rest, interval = operation.rsplit("_", 1)
    for task in ("migrate_to", "migrate_from"):
        if rest.endswith(f"_{task}"):
            return rest[: -len(task) - 1], task, int(interval)
    name, task = rest.rsplit("_", 1)
    return name, task, int(interval)


def _record(
    cib: SimulatedCib,
    cluster: Cluster,
    resource: Resource,
    wanted: InjectedFailure,
    operation: tuple[str, str, int],
    at: int,
) -> list[SimulationLog]:
    name, task, interval = operation
    state = cib.node_state(wanted.node)
    said: list[SimulationLog] = []
    if wanted.rc != 0 and not (wanted.rc == 7 and interval == 0):
        fatal = task == "stop" or (task == "start" and cluster.settings.start_failure_is_fatal)
        said = counted_failure(cib, state, name, task, interval, fatal, at)
    history = cib.resource_history(state, (name,), resource.standard, resource.provider, resource.type)
    cib.record(
        history,
        FinishedOperation(
            resource_id=str(history.get("id")),
            task=task,
            interval_ms=interval,
            call_id=next_call_id(history),
            rc=wanted.rc,
            target_rc=0,
            node=wanted.node,
            at=at,
            exit_reason="Simulated action result",
            attributes=None,
            origin="crm_simulate",
        ),
    )
    return said
