"""Noting actions that the status itself asks for, each at the moment of its finding."""

from __future__ import annotations

from dataclasses import replace

from crm.policy_engine.observe.fencing_needs import require_fencing
from crm.policy_engine.picture.cluster import Cluster, Demand, Node, NodeKind, Resource


def demand_stop(cluster: Cluster, resource: Resource, node: Node) -> None:
    """The resource must be stopped there; a managed resource on a node that is away cannot be, so the node is fenced.
    """
    cluster.stop_demands.setdefault((resource, node), []).append(len(cluster.demands))
    cluster.demands.append(Demand("stop", node, resource))
    reachable = node.online or (node.kind is NodeKind.GUEST and not node.remote_needs_reset)
    if not reachable and resource.managed and not node.unclean:
        require_fencing(cluster, node, "stop is unrunnable")


def withdraw_stops(cluster: Cluster, resource: Resource, node: Node) -> None:
    """It turned out not to be active there: the stop stays known but is not required."""
    for position in cluster.stop_demands.get((resource, node), ()):
        cluster.demands[position] = replace(cluster.demands[position], required=False)


def demand(cluster: Cluster, task: str, resource: Resource, node: Node, reason: str | None = None) -> None:
    """Some other action, required."""
    cluster.demands.append(Demand(task, node, resource, reason=reason))


def note_recurring(cluster: Cluster, resource: Resource, node: Node, task: str, interval_ms: int) -> None:
    """A recurring operation that is known to run."""
    cluster.demands.append(Demand(task, node, resource, interval_ms=interval_ms, required=False))
