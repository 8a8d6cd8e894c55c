"""Deciding that a node must be fenced, and by what that is noted for each kind of node."""

from __future__ import annotations

from crm.policy_engine.picture.cluster import Cluster, Demand, Node, NodeKind


def require_fencing(cluster: Cluster, node: Node, reason: str, priority_delay: bool = False) -> None:
    """Mark a node as one that cannot be trusted until it is fenced.

    A guest is fenced by recovering its container, and may be used again at once if that succeeds; one whose container
    is gone for good needs only its connection cleaned up. A node whose connection is unmanaged is still unclean.
    """
    if node.kind is NodeKind.GUEST:
        _recover_container(node)
    elif _is_dangling_guest(node):
        assert node.remote is not None
        node.remote.failed = node.remote.stop_if_failed = True
    elif node.kind is NodeKind.REMOTE:
        if node.remote is None or node.remote.managed:
            node.remote_needs_reset = True
        node.unclean = True
        _demand(cluster, node, reason, priority_delay=False)
    elif not node.unclean:
        node.unclean = True
        _demand(cluster, node, reason, priority_delay)


def _recover_container(node: Node) -> None:
    assert node.remote is not None and node.remote.launcher is not None
    container = node.remote.launcher
    if not container.failed and container.managed:
        node.remote_needs_reset = True
        container.failed = container.stop_if_failed = True


def _is_dangling_guest(node: Node) -> bool:
    """A former guest: its connection is known from the history only, its container not at all."""
    return node.remote is not None and node.remote.launcher is None and node.remote.removed_launched


def _demand(cluster: Cluster, node: Node, reason: str, priority_delay: bool) -> None:
    cluster.demands.append(
        Demand("stonith", node, required=False, reason=reason, priority_delay=priority_delay)
    )
