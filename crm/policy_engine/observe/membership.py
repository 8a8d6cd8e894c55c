"""Which nodes are online, pending, shutting down, lost: read from the records of membership.

Two layers report a node: the cluster layer (`in_ccm`) and the controllers' process group (`crmd`); `join` says how far
it has come in joining, `expected` whether it should be there. Source: Pacemaker's documented `node_state`, and
`facts.md` for the two forms of these fields.
"""

from __future__ import annotations

from crm.model.history import NodeState
from crm.model.lease import NOT_AWAITED
from crm.model.score import MINUS_INFINITY
from crm.model.values import is_true, parse_bool, parse_integer
from crm.policy_engine.observe.fencing_needs import require_fencing
from crm.policy_engine.observe.nodes import set_attributes
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind, Resource, Role
from crm.policy_engine.picture.fail_counts import seconds
from crm.policy_engine.picture.options import NoQuorumPolicy

_NEVER_SEEN = -1


def observe_member(cluster: Cluster, node: Node, state: NodeState) -> None:
    """A full member's attributes and whether it takes part."""
    set_attributes(cluster, node, state.attributes, state.utilization, transient=True)
    node.standby = node.standby or is_true(node.attributes.get("standby"))
    node.maintenance = node.maintenance or is_true(node.attributes.get("maintenance"))
    node.unclean = False
    node.unseen = False
    _determine(cluster, node, state)
    no_quorum_fences = cluster.settings.no_quorum_policy is NoQuorumPolicy.FENCE
    if not cluster.quorate and node.online and no_quorum_fences:
        require_fencing(cluster, node, "cluster does not have quorum")


def shutdown_requested(node: Node) -> bool:
    """Whether the node has asked to leave."""
    return node.attributes.get("shutdown", "0") != "0"


def _determine(cluster: Cluster, node: Node, state: NodeState) -> None:
    node.shutting_down = shutdown_requested(node)
    if not node.shutting_down and (state.expected or "").lower() == "member":
        node.expected_up = True
    if cluster.settings.fencing_enabled:
        node.online = _online_with_fencing(cluster, node, state)
    else:
        node.online = _online_without_fencing(cluster, node, state)
    if not node.online or node.shutting_down:
        node.base_score = MINUS_INFINITY


def _member_since(cluster: Cluster, state: NodeState) -> int:
    """When the cluster layer saw the node come (now, for the older truth value); 0 not a member, -1 never seen."""
    if state.in_ccm is None:
        return _NEVER_SEEN
    known = parse_bool(state.in_ccm)
    if known is not None:
        return cluster.now if known else 0
    moment = parse_integer(state.in_ccm)
    return moment if moment is not None and moment >= 0 else _NEVER_SEEN


def _online_since(state: NodeState) -> int:
    """When its controller came (1 for the older word); 0 if it is not there."""
    word = (state.crmd or "offline").lower()
    if word == "offline":
        return 0
    if word == "online":
        return 1
    return max(parse_integer(word) or 0, 0)


def _online_without_fencing(cluster: Cluster, node: Node, state: NodeState) -> bool:
    """Only what both layers see, and what has joined, is online; a controller that vanished makes its node unclean."""
    if _member_since(cluster, state) <= 0:
        lost = (state.expected or "").lower() == "member"
        node.awaited = node.unclean = lost and (state.lease or NOT_AWAITED) != NOT_AWAITED
        return False
    if _online_since(state) > 0:
        return (state.join or "").lower() == "member"
    if node.expected_up:
        require_fencing(cluster, node, "peer is unexpectedly down")
    return False


def _online_with_fencing(cluster: Cluster, node: Node, state: NodeState) -> bool:
    """A node is online while the cluster layer sees it, but must be fenced when it is not as it should be."""
    member, online = _member_since(cluster, state), _online_since(state)
    if node.shutting_down:
        return online > 0
    if member < 0:
        require_fencing(cluster, node, "peer has not been seen by the cluster")
        return False
    termination = _termination_requested(node)
    if termination and state.join != "banned" and member <= 0 and online <= 0 and state.join == "down":
        return False
    reason = _why_fence(cluster, node, state, member, online, termination)
    if reason is not None:
        require_fencing(cluster, node, reason, priority_delay=reason == _LOST)
    elif _is_pending(state, member, online):
        node.standby = True
        node.pending = True
    return member > 0


_LOST = "peer is no longer part of the cluster"


def _why_fence(
    cluster: Cluster, node: Node, state: NodeState, member: int, online: int, termination: bool
) -> str | None:
    """Why the node cannot be left as it is; None when it can."""
    if state.join == "banned":
        return "peer failed Pacemaker membership criteria"
    if termination:
        return "fencing was requested"
    if _is_expected_down(state):
        if _pending_too_long(cluster, member, online):
            return "peer pending timed out on joining the process group"
        return None
    if member <= 0:
        return _LOST
    if online <= 0:
        return "peer process is no longer available"
    if state.join in ("member", "pending", "down"):
        return None
    return "peer was in an unknown state"


def _is_expected_down(state: NodeState) -> bool:
    return state.expected in (None, "down")


def _is_pending(state: NodeState, member: int, online: int) -> bool:
    """On its way up: seen, but not ready for resources."""
    if _is_expected_down(state):
        return member > 0 or online > 0
    return state.join != "member"


def _pending_too_long(cluster: Cluster, member: int, online: int) -> bool:
    limit = cluster.settings.node_pending_timeout_ms
    if limit <= 0 or member <= 0 or online > 0:
        return False
    until = member + seconds(limit)
    if cluster.now >= until:
        return True
    cluster.advance_recheck(until)
    return False


def _termination_requested(node: Node) -> bool:
    """Whether someone asked for the node to be fenced (a truth value or a time)."""
    value = node.attributes.get("terminate")
    known = parse_bool(value)
    return known if known is not None else (parse_integer(value) or 0) > 0


def determine_remote(node: Node) -> None:
    """A remote or guest node is online while its connection is; a failed container leaves its guest in doubt."""
    connection = node.remote
    if connection is None:
        node.online = False
        return
    container = connection.launcher
    if connection.role is Role.STARTED:
        node.online = True
        if connection.next_role is Role.STOPPED:
            node.shutting_down = True
    if container is not None and container.failed:
        node.online = False
        node.remote_needs_reset = True
    elif connection.failed:
        node.online = False
    elif _is_stopped(connection) or (container is not None and _is_stopped(container)):
        node.online = False
        node.remote_needs_reset = False
    elif container is not None and _host_is_lost(connection):
        node.online = False
        node.remote_needs_reset = True


def _is_stopped(resource: Resource) -> bool:
    return resource.role is Role.STOPPED


def _host_is_lost(connection: Resource) -> bool:
    if len(connection.active_on) != 1:
        return False
    host = connection.active_on[0]
    return not host.online and host.unclean


def observe_remote(cluster: Cluster, node: Node, state: NodeState) -> None:
    """What is recorded of a remote or guest node, once its connection's state is known."""
    node.remote_in_maintenance = state.in_maintenance
    if not node.remote_needs_reset:
        node.unclean = False
        node.unseen = False
    set_attributes(cluster, node, state.attributes, state.utilization, transient=True)
    node.shutting_down = node.shutting_down or shutdown_requested(node)
    node.standby = node.standby or is_true(node.attributes.get("standby"))
    unmanaged = node.remote is not None and not node.remote.managed
    if unmanaged or is_true(node.attributes.get("maintenance")):
        node.maintenance = True
    discovery = node.attributes.get("resource-discovery-enabled")
    if discovery is not None and not is_true(discovery):
        # Without fencing a remote node must be probed, or nobody would know what runs there.
        if node.kind is NodeKind.GUEST or cluster.settings.fencing_enabled:
            node.probing_enabled = False
