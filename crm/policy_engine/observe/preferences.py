"""Scores that come from what is observed: the default of a symmetric cluster, bans after failures, and the like.

Constraints are not read here; `place` adds them to the same candidates.
"""

from __future__ import annotations

from collections.abc import Iterable

from crm.model import score
from crm.model.score import Score
from crm.policy_engine.picture.cluster import Candidate, Cluster, Node, Preference, Probing, Resource


def prefer(cluster: Cluster, resource: Resource, node: Node | None, points: Score, origin: str) -> None:
    """Add `points` for the resource and everything in it on `node`, or on every node known so far."""
    cluster.preferences.append(Preference(resource, node, points, origin))
    for each in cluster.nodes if node is None else (node,):
        _add(resource, each, points)


def allow_by_default(cluster: Cluster, resource: Resource) -> None:
    """In a symmetric cluster every node known so far is a candidate, but a guest node of a bundle only for what runs in
    the bundle, and that only there."""
    nodes = [node for node in cluster.nodes if node.probing is not Probing.NEVER]
    _allow(resource, nodes)


def _allow(resource: Resource, nodes: Iterable[Node]) -> None:
    if resource.exclusive_probing:
        return
    allowed = resource.allowed
    for node in nodes:
        if node.id not in allowed:
            allowed[node.id] = Candidate(node, node.base_score, node.probing)
    for child in resource.children:
        _allow(child, nodes)


def _add(resource: Resource, node: Node, points: Score) -> None:
    for child in resource.children:
        _add(child, node, points)
    candidate = resource.allowed.get(node.id)
    if candidate is None:
        candidate = resource.allowed[node.id] = Candidate(node, node.base_score, node.probing)
    candidate.score = score.add(candidate.score, points)


def ban_everywhere(cluster: Cluster, resource: Resource, origin: str) -> None:
    """Forget all candidates of this resource alone, and forbid every node."""
    cluster.preferences.append(Preference(resource, None, score.MINUS_INFINITY, origin))
    resource.allowed = {
        node.id: Candidate(node, score.MINUS_INFINITY, node.probing) for node in cluster.nodes
    }
