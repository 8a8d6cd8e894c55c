"""Reading the status section, in passes.

First tickets and members. Then histories, as long as one may make another readable: those of guests and remote nodes
wait for the state of their connections; without fencing those of lost nodes come last, so that what runs on live nodes
gets the first instance numbers.
"""

from __future__ import annotations

from dataclasses import replace

from crm.model.history import NodeState
from crm.model.values import is_true
from crm.policy_engine.observe.demands import demand_stop
from crm.policy_engine.observe.history import observe_history
from crm.policy_engine.observe.membership import determine_remote, observe_member, observe_remote
from crm.policy_engine.observe.nodes import find_node
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind, Resource, Role, TicketState
from crm.policy_engine.picture.tree import current_node


def observe_status(cluster: Cluster) -> None:
    """Fill what is happening."""
    _observe_tickets(cluster)
    for state in cluster.cib.node_states:
        if state.name is not None:
            cluster.histories.setdefault(state.name, {each.id: each for each in state.resources})
    for state in cluster.cib.node_states:
        _observe_node(cluster, state)
    containers_to_stop: list[Resource] = []
    while _observe_histories(cluster, containers_to_stop, everything=False):
        pass
    _observe_histories(cluster, containers_to_stop, everything=cluster.settings.fencing_enabled)
    _observe_left_running(cluster, containers_to_stop)
    for container in reversed(containers_to_stop):
        node = current_node(container)
        if node is not None:
            demand_stop(cluster, container, node)
    _settle_remote_nodes(cluster)


def _observe_tickets(cluster: Cluster) -> None:
    for record in cluster.cib.tickets:
        ticket = cluster.tickets.setdefault(record.id, TicketState(record.id))
        ticket.attributes.update(record.attributes)
        ticket.granted = is_true(ticket.attributes.get("granted"))
        ticket.standby = is_true(ticket.attributes.get("standby"))
        ticket.last_granted = ticket.attributes.get("last-granted")


def _observe_node(cluster: Cluster, state: NodeState) -> None:
    node = find_node(cluster, state.id, state.name)
    if node is None:
        return
    if node.is_remote_kind:
        node.remote_was_fenced = state.fenced > 0
    else:
        observe_member(cluster, node, state)


def _observe_histories(cluster: Cluster, containers_to_stop: list[Resource], everything: bool) -> bool:
    """One pass over the node states; whether any history was read, which may have made another readable."""
    progress = False
    for state in cluster.cib.node_states:
        node = find_node(cluster, state.id, state.name) if state.name is not None else None
        if node is None or node.unpacked or not (everything or _is_readable(cluster, node)):
            continue
        if node.is_remote_kind:
            determine_remote(node)
            observe_remote(cluster, node, state)
        node.unpacked = True
        observe_history(cluster, node, state, containers_to_stop)
        progress = True
    return progress


def _observe_left_running(cluster: Cluster, containers_to_stop: list[Resource]) -> None:
    """Without fencing, of a node that is away only that counts which nobody has stopped there."""
    for state in cluster.cib.node_states:
        node = find_node(cluster, state.id, state.name) if state.name is not None else None
        left = tuple(each for each in state.resources if each.left_running)
        if left and node is not None and not node.unpacked:
            observe_history(cluster, node, replace(state, resources=left), containers_to_stop)


def _is_readable(cluster: Cluster, node: Node) -> bool:
    """Whether enough is known to make sense of the node's history."""
    locks = cluster.settings.shutdown_lock
    match node.kind:
        case NodeKind.GUEST:
            assert node.remote is not None and node.remote.launcher is not None
            return node.remote.role is Role.STARTED and node.remote.launcher.role is Role.STARTED
        case NodeKind.REMOTE:
            return node.remote is not None and (locks or node.remote.role is Role.STARTED)
        case NodeKind.MEMBER:
            return cluster.settings.fencing_enabled or locks or node.online or node.awaited


def _settle_remote_nodes(cluster: Cluster) -> None:
    """Connections of nodes that are leaving stop; nodes without any history are judged by their connection alone."""
    for node in cluster.nodes:
        if not node.is_remote_kind:
            continue
        if node.shutting_down and node.remote is not None:
            node.remote.next_role = Role.STOPPED
        if not node.unpacked:
            determine_remote(node)
