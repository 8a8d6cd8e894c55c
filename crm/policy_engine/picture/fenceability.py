"""Whether the cluster could fence a node, if it had to."""

from __future__ import annotations

from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind
from crm.policy_engine.picture.options import NoQuorumPolicy


def can_fence(cluster: Cluster, node: Node | None) -> bool:
    """Whether `node` (some node, when None) could be fenced.

    A guest is fenced by stopping its container, so its hosts must be usable or fenceable. Others need fencing to be
    enabled, a device, and quorum; without quorum only nodes of one's own partition may be fenced.
    """
    if node is not None and node.kind is NodeKind.GUEST:
        assert node.remote is not None and node.remote.launcher is not None
        return all(host.online or can_fence(cluster, host) for host in node.remote.launcher.active_on)
    if not cluster.settings.fencing_enabled or not cluster.have_fence_devices:
        return False
    if cluster.quorate or cluster.settings.no_quorum_policy is NoQuorumPolicy.IGNORE:
        return True
    if node is None or not node.online:
        return False
    return not node.is_remote_kind or cluster.settings.fence_remote_without_quorum or _hosts_online(node)


def _hosts_online(node: Node) -> bool:
    """Whether every node that could connect to a remote node is in this partition."""
    assert node.remote is not None
    return all(candidate.node.online for candidate in node.remote.allowed.values())
