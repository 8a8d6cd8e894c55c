"""The health of nodes: attributes `#health...` that agents set. Source: Pacemaker Explained, "Tracking Node Health"."""

from __future__ import annotations

from enum import Enum

from crm.model import score
from crm.policy_engine.cluster import Cluster, Node


class Health(Enum):
    """The worst that any health attribute of a node says."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


def node_health(cluster: Cluster, node: Node) -> Health:
    """The node's health for display; always green where health is not considered."""
    if cluster.settings.health_strategy == "none":
        return Health.GREEN
    found = {_attribute_health(cluster, value) for name, value in node.attributes.items() if name.startswith("#health")}
    if Health.RED in found:
        return Health.RED
    return Health.YELLOW if Health.YELLOW in found else Health.GREEN


def _attribute_health(cluster: Cluster, value: str) -> Health:
    points = cluster.settings.health
    word = value.lower()
    if word in ("red", "yellow"):
        return Health(word)
    number = points.green if word == "green" else score.read(value)
    if number is None:
        return Health.GREEN
    if number <= points.red:
        return Health.RED
    return Health.YELLOW if number <= points.yellow and points.yellow != points.green else Health.GREEN
