"""The configured nodes, their attributes and utilization.

Membership is found later, from the status; a node counts as unclean until it has been seen if nodes are to be fenced at
start-up.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from crm.model import score
from crm.model.attributes import AttributeSet
from crm.model.report import Report, Severity
from crm.model.score import Score
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind
from crm.policy_engine.picture.names import natural_key
from crm.policy_engine.picture.rules import RuleInput, apply_sets

_REMOTE_TYPES = frozenset({"remote"})
_MEMBER_TYPES = frozenset({"member", "normal", "ping"})


def observe_nodes(cluster: Cluster) -> None:
    """Fill the nodes from the configuration, in the order of their names."""
    for configured in cluster.cib.nodes:
        kind = _kind(configured.type)
        if kind is None:
            message = f"Node {configured.name} is of the unknown type {configured.type!r} and is ignored."
            cluster.reports.append(Report(Severity.ERROR, "unknown-node-type", configured.id, message, "Use member."))
            continue
        node = add_node(cluster, configured.id, configured.name, kind, score.parse(configured.score))
        assume_state(cluster, node)
        set_attributes(cluster, node, configured.attributes, configured.utilization, transient=False)


def _kind(word: str | None) -> NodeKind | None:
    if word is None or word.lower() in _MEMBER_TYPES:
        return NodeKind.MEMBER
    return NodeKind.REMOTE if word.lower() in _REMOTE_TYPES else None


def add_node(cluster: Cluster, node_id: str, name: str, kind: NodeKind, base_score: Score = 0) -> Node:
    """Make a node known to the cluster."""
    node = Node(node_id, name, kind)
    node.base_score = base_score
    node.attributes["#kind"] = "cluster" if kind is NodeKind.MEMBER else "remote"
    cluster.have_remote_nodes |= node.is_remote_kind
    insort(cluster.nodes, node, key=lambda each: natural_key(each.name))
    cluster.nodes_by_id.setdefault(node_id, node)
    cluster.nodes_by_name.setdefault(name, node)
    return node


def find_node(cluster: Cluster, node_id: str | None, name: str | None) -> Node | None:
    """The node with this id, else the one with this name."""
    found = cluster.nodes_by_id.get(node_id) if node_id is not None else None
    if found is None and name is not None:
        found = cluster.nodes_by_name.get(name)
    return found


def assume_state(cluster: Cluster, node: Node) -> None:
    """What holds of a node that was never seen: unclean if such nodes are to be fenced. A remote node is judged only
    once its connection resource is known."""
    if node.kind is NodeKind.REMOTE and node.remote is None:
        return
    node.unclean = cluster.settings.startup_fencing


def set_attributes(
    cluster: Cluster,
    node: Node,
    attributes: Iterable[AttributeSet],
    utilization: Iterable[AttributeSet],
    transient: bool,
) -> None:
    """Add attributes to a node: its own built-in ones, and those given; transient ones replace what is there."""
    values = node.attributes
    values["#uname"] = node.name
    values["#id"] = node.id
    if cluster.dc is None and node.id == cluster.cib.dc_id:
        cluster.dc = node
        node.is_dc = True
    values["#is_dc"] = "true" if node.is_dc else "false"
    cluster_name = cluster.settings.cluster_name
    if cluster_name is not None:
        values["#cluster-name"] = cluster_name
    given = RuleInput(cluster.now)
    if transient:
        fresh: dict[str, str] = {}
        apply_sets(attributes, given, fresh, cluster.advance_recheck)
        values.update(fresh)
    else:
        apply_sets(attributes, given, values, cluster.advance_recheck)
    apply_sets(utilization, given, node.utilization, cluster.advance_recheck)
    site = values.get("site-name", cluster_name)
    if "#site-name" not in values and site is not None:
        values["#site-name"] = site
