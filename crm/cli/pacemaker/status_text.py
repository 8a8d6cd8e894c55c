"""A cluster's state as text, as Pacemaker's tools print it: nodes, resources, the header that counts what is held back.

Used by `crm_simulate` and `crm_mon -1`. What is shown is what `observe` found; nothing is worked out here beyond what a
reader needs to see together (instances of a clone by role and node).
"""

from __future__ import annotations

from collections.abc import Iterable

from crm.cli.pacemaker.list_text import Show, block
from crm.cli.pacemaker.resource_text import resource_lines
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind
from crm.policy_engine.picture.health import NodeHealth, node_health
from crm.policy_engine.picture.tree import current_node

__all__ = ["Show", "counts_line", "maintenance_lines", "node_line", "node_lines", "resource_section", "status_lines"]


def status_lines(cluster: Cluster, title: str, show: Show) -> list[str]:
    """The nodes and all resources under a title."""
    nodes = block("Node List", node_lines(cluster, cluster.nodes, show))
    resources = resource_section(cluster, show)
    return [f"{title}:", *(f"  {line}" for line in nodes), "", *(f"  {line}" for line in resources)]


def counts_line(cluster: Cluster) -> str | None:
    """How many instances are held back, None when none are."""
    if not cluster.disabled_count and not cluster.blocked_count:
        return None
    return (
        f"{cluster.disabled_count} of {cluster.instance_count} resource instances DISABLED and "
        f"{cluster.blocked_count} BLOCKED from further action due to failure"
    )


def maintenance_lines(cluster: Cluster) -> list[str]:
    """The warning that nothing is managed, nothing when something is."""
    if cluster.settings.maintenance_mode:
        return [
            "",
            "              *** Resource management is DISABLED ***",
            "  The cluster will not attempt to start, stop or recover services",
        ]
    return []


def node_name(node: Node, with_id: bool) -> str:
    """A node's name for display; with details also its id and, of a guest, its host."""
    if not with_id:
        return node.name
    host = ""
    if node.kind is NodeKind.GUEST and node.remote is not None and node.remote.launcher is not None:
        at = current_node(node.remote.launcher)
        host = f"@{at.name if at is not None else ''}"
    identity = f" ({node.id})" if node.id.lower() != node.name.lower() else ""
    return f"{node.name}{host}{identity}"


_UNTOLD_FEATURES = "<3.15.1"
"""Nodes tell the feature set that they know since that one."""


def feature_set(node: Node) -> str | None:
    """What a member's daemon understands; nothing is known of nodes that are away, nor of remote ones."""
    if node.kind is not NodeKind.MEMBER or not node.online:
        return None
    return node.attributes.get("#feature-set", _UNTOLD_FEATURES)


_LABELS = {
    (True, NodeKind.MEMBER): "Online",
    (False, NodeKind.MEMBER): "OFFLINE",
    (True, NodeKind.REMOTE): "RemoteOnline",
    (False, NodeKind.REMOTE): "RemoteOFFLINE",
    (True, NodeKind.GUEST): "GuestOnline",
}
_KINDS = {NodeKind.MEMBER: "Node", NodeKind.REMOTE: "RemoteNode", NodeKind.GUEST: "GuestNode"}
_HEALTH = {NodeHealth.RED: " (health is RED)", NodeHealth.YELLOW: " (health is YELLOW)", NodeHealth.GREEN: ""}


def node_lines(cluster: Cluster, nodes: Iterable[Node], show: Show) -> list[str]:
    """Nodes with something to say of them one by one, then the others together; guests that are away are left out."""
    single, groups = [], dict.fromkeys(_LABELS.values(), "")
    for node in nodes:
        if _is_remarkable(node) or node_health(cluster, node) is not NodeHealth.GREEN:
            single.append(f"* {node_line(cluster, node, show)}")
            continue
        label = _LABELS.get((node.online, node.kind))
        if label is not None:
            groups[label] += f"{node_name(node, show.node_ids)} "
    return single + [f"* {label}: [ {names}]" for label, names in groups.items() if names]


def node_line(cluster: Cluster, node: Node, show: Show) -> str:
    """A node and its state."""
    health = _HEALTH[node_health(cluster, node)]
    return f"{_KINDS[node.kind]} {node_name(node, show.node_ids)}: {_state(node)}{health}"


def _is_remarkable(node: Node) -> bool:
    return (
        node.unclean
        or node.pending
        or (node.standby_on_fail and node.online)
        or node.standby
        or node.maintenance
    )


def _state(node: Node) -> str:
    if node.unclean:
        word = "online" if node.online else "pending" if node.pending else "offline"
        return f"UNCLEAN ({word})"
    if node.pending:
        return "pending"
    if node.standby_on_fail and node.online:
        return "standby (on-fail)"
    if node.standby:
        if not node.online:
            return "OFFLINE (standby)"
        return "standby (with active resources)" if node.running else "standby"
    if node.maintenance:
        return "maintenance" if node.online else "OFFLINE (maintenance)"
    return "online" if node.online else "OFFLINE"


def resource_section(cluster: Cluster, show: Show) -> list[str]:
    """The list of resources with its heading; removed ones only while they are active."""
    lines: list[str] = []
    for resource in cluster.resources:
        lines += resource_lines(cluster, resource, show)
    heading = "Full List of Resources" if show.inactive else "Active Resources"
    if not lines:
        lines = ["* No resources" if show.inactive else "* No active resources"]
    return block(heading, lines)


def spaced(sections: Iterable[list[str]]) -> list[str]:
    """Sections one after another with an empty line between those that say something."""
    lines: list[str] = []
    for section in sections:
        if section:
            lines += ["", *section] if lines else section
    return lines
