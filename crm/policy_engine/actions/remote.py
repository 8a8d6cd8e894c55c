"""Actions on remote and guest nodes depend on the connection that leads there, and that on its container.

Source: Pacemaker Remote, "Resource Start and Stop Order"; observed graphs.
"""

from __future__ import annotations

from enum import Enum

from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction
from crm.policy_engine.actions.action_graph import ActionGraph
from crm.policy_engine.picture.cluster import Node, NodeKind, Resource, Role
from crm.policy_engine.picture.tree import current_node


class RemoteConnection(Enum):
    """What the connection to a remote node can be relied on for in this transition."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    RESTING = "resting"
    FAILED = "failed"
    STOPPED = "stopped"


def connection_state(node: Node) -> RemoteConnection:
    """The state of the connection to a remote node, seen from where it is and where it will be."""
    connection = node.remote
    assert connection is not None
    host = current_node(connection)
    if connection.next_role is Role.STOPPED or connection.assigned is None:
        return _ending_state(node, connection, host)
    if host is None:
        return RemoteConnection.UNKNOWN
    if host.unclean or not host.online:
        return RemoteConnection.RESTING
    migrating = connection.partial_migration_source is not None and connection.partial_migration_target is not None
    if len(connection.active_on) > 1 and migrating:
        return RemoteConnection.RESTING
    return RemoteConnection.ALIVE


def _ending_state(node: Node, connection: Resource, host: Node | None) -> RemoteConnection:
    if host is not None and host.unclean:
        return RemoteConnection.FAILED
    if not connection.failed:
        return RemoteConnection.STOPPED
    reconnects_later = (
        connection.next_role is Role.STOPPED
        and connection.remote_reconnect_ms > 0
        and node.remote_was_fenced
        and not node.shutdown_requested
    )
    return RemoteConnection.UNKNOWN if reconnects_later else RemoteConnection.FAILED


def has_failed_connection(node: Node) -> bool:
    """Whether a remote node's connection is lost for good."""
    return (
        node.kind is NodeKind.REMOTE and node.remote is not None and connection_state(node) is RemoteConnection.FAILED
    )


def order_remote_actions(plan: ActionGraph) -> None:
    """Order every action on a remote or guest node around its connection (and container)."""
    if not plan.cluster.have_remote_nodes:
        return
    for action in reversed(plan.actions):
        resource, node = action.resource, action.node
        if resource is None:
            continue
        if resource.is_remote_connection and action.task == "clear_failcount":
            plan.order_after_action(action, resource, "start", r.ORDERED)
            continue
        if node is None or not node.is_remote_kind or action.pseudo or node.remote is None:
            continue
        if action.task == "start":
            for other in reversed(resource.actions):
                if other.node is not node and other.task == "stop":
                    plan.order_before_action(node.remote, "start", other, r.ORDERED)
        if node.remote.launcher is not None:
            _order_in_guest(plan, action, node, node.remote, node.remote.launcher)
        else:
            _order_on_remote(plan, action, node, node.remote)


def _start_first(plan: ActionGraph, first: Resource, action: PlannedAction, extra: int = r.NONE) -> None:
    plan.order_before_action(first, "start", action, r.GUEST_ALLOWED | r.UNRUNNABLE_FIRST_BLOCKS | extra)


def _stop_last(plan: ActionGraph, action: PlannedAction, last: Resource, extra: int = r.NONE) -> None:
    plan.order_after_action(action, last, "stop", r.GUEST_ALLOWED | extra)


def _kind_of_task(action: PlannedAction) -> str:
    """Up, down, demote or other; a migration leaves, so it is down."""
    if action.task in ("start", "promote"):
        return "up"
    if action.task in ("stop", "migrate_to", "migrate_from"):
        return "down"
    return action.task


def is_recurring(action: PlannedAction) -> bool:
    """Whether an action repeats."""
    return action.meta.get("interval", "0") != "0"


def _order_on_remote(plan: ActionGraph, action: PlannedAction, node: Node, connection: Resource) -> None:
    state = connection_state(node)
    match _kind_of_task(action):
        case "up":
            failed = state is RemoteConnection.FAILED
            _start_first(plan, connection, action, r.FIRST_REQUIRES_THEN if failed else r.NONE)
        case "down":
            if state is RemoteConnection.ALIVE:
                _stop_last(plan, action, connection, r.THEN_NEEDS_FIRST)
            elif state is RemoteConnection.FAILED:
                plan.fence_node(node, "resources are active but connection is unrecoverable")
            elif connection.next_role is Role.STOPPED:
                _stop_last(plan, action, connection, r.THEN_NEEDS_FIRST)
            else:
                _start_first(plan, connection, action)
        case "demote":
            # With the connection alive a demote needs nothing; without it there is nobody to demote.
            if state in (RemoteConnection.RESTING, RemoteConnection.UNKNOWN):
                _start_first(plan, connection, action)
        case _:
            _order_other(plan, action, node, connection, state)


def _order_other(plan: ActionGraph, action: PlannedAction, node: Node, connection: Resource,
                 state: RemoteConnection) -> None:
    if is_recurring(action):
        _start_first(plan, connection, action, r.FIRST_REQUIRES_THEN)
        return
    if action.task == "monitor" and state is RemoteConnection.FAILED:
        plan.fence_node(node, "resources are in unknown state and connection is unrecoverable")
    if current_node(connection) is not None and state is RemoteConnection.STOPPED:
        _stop_last(plan, action, connection, r.UNRUNNABLE_FIRST_BLOCKS)
    else:
        _start_first(plan, connection, action)


_KNOWN_TASKS = ("monitor", "notify", "notified", "running", "stopped", "promoted", "demoted", "do_shutdown", "stonith")


def _order_in_guest(plan: ActionGraph, action: PlannedAction, node: Node, connection: Resource,
                    container: Resource) -> None:
    if container.failed:
        plan.fence_node(node, "container failed")
    match _kind_of_task(action):
        case "up":
            _start_first(plan, container, action, r.FIRST_REQUIRES_THEN)
            _start_first(plan, connection, action)
        case "down" | "demote":
            # When the container failed its recovery stops everything inside.
            if not container.failed:
                _stop_last(plan, action, connection)
        case _:
            if not is_recurring(action):
                _start_first(plan, connection, action)
            elif action.task in _KNOWN_TASKS:
                _start_first(plan, connection, action, r.FIRST_REQUIRES_THEN)


def router_of(action: PlannedAction) -> Node | None:
    """The cluster node that carries an action on a remote or guest node out: the one that holds the connection then."""
    node = action.node
    if action.task == "stonith" or node is None or not node.is_remote_kind:
        return None
    connection = node.remote
    assert connection is not None
    began, ends = current_node(connection), connection.assigned
    if began is None:
        return ends
    if ends is None or began is ends:
        return began
    continues = connection.launcher is None and connection.partial_migration_target is not None
    task = action.meta.get("notify_operation") if action.task == "notify" else action.task
    if task in ("cancel", "stop", "demote", "migrate_from", "migrate_to") and not continues:
        return began
    return ends
