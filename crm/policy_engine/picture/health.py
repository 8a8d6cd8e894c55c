"""The health of nodes: attributes `#health...` that agents set. Source: Pacemaker Explained, "Tracking Node Health"."""

from __future__ import annotations

from enum import Enum

from crm.model import score
from crm.policy_engine.picture.cluster import Cluster, Node


class NodeHealth(Enum):
    """The worst that any health attribute of a node says."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


def node_health(cluster: Cluster, node: Node) -> NodeHealth:
    """The node's health for display; always green where health is not considered."""
    if cluster.settings.health_strategy == "none":
        return NodeHealth.GREEN
    found = {_attribute_health(cluster, value) for name, value in node.attributes.items() if name.startswith("#health")}
    if NodeHealth.RED in found:
        return NodeHealth.RED
    return NodeHealth.YELLOW if NodeHealth.YELLOW in found else NodeHealth.GREEN


def _attribute_health(cluster: Cluster, value: str) -> NodeHealth:
    points = cluster.settings.health
    word = value.lower()
    if word in ("red", "yellow"):
        return NodeHealth(word)
    number = points.green if word == "green" else score.read(value)
    if number is None:
        return NodeHealth.GREEN
    if number <= points.red:
        return NodeHealth.RED
    return NodeHealth.YELLOW if number <= points.yellow and points.yellow != points.green else NodeHealth.GREEN
