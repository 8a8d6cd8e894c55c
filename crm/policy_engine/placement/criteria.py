"""What speaks for and against each node before anything is placed: health, locks, locations, stickiness, failures,
probing.

Source: Pacemaker Explained, "Location Constraints", "Tracking Node Health", "Resource Options" (stickiness,
migration-threshold, failure counts); "Cluster Options" (shutdown-lock).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from crm.model import score as scores
from crm.model.score import MINUS_INFINITY, Score
from crm.model.values import is_true, parse_integer
from crm.policy_engine.constraints.locations import ResolvedLocation
from crm.policy_engine.picture.cluster import Cluster, Node, Probing, Resource
from crm.policy_engine.picture.fail_counts import failures_on
from crm.policy_engine.picture.score_trace import ScoreCause, ScoreTrace
from crm.policy_engine.placement.candidates import prefer
from crm.policy_engine.placement.location_scores import spread_location


def health_locations(cluster: Cluster) -> list[ResolvedLocation]:
    """Locations that say how healthy each node is, for every resource (a resource may allow unhealthy nodes)."""
    settings = cluster.settings
    if settings.health_strategy == "none":
        return []
    base = settings.health_base if settings.health_strategy == "progressive" else 0
    found = []
    for node in cluster.nodes:
        health = _node_health(cluster, node, base)
        if health == 0:
            continue
        for resource in cluster.resources:
            if health > 0 or not is_true(resource.meta.get("allow-unhealthy-nodes")):
                found.append(ResolvedLocation(settings.health_strategy, resource, scores=[(node, health)],
                                              of_health=True))
    return found


def _node_health(cluster: Cluster, node: Node, base: Score) -> Score:
    colours = cluster.settings.health
    words = {"red": colours.red, "yellow": colours.yellow, "green": colours.green}
    total = base
    for name, value in node.attributes.items():
        if name.startswith("#health"):
            total = scores.add(words.get(value.lower(), scores.parse(value)), total)
    return total


LockCancelled: TypeAlias = Callable[[Resource, Node], None]


def apply_criteria(
    cluster: Cluster, locations: list[ResolvedLocation], on_lock_cancelled: LockCancelled, trace: ScoreTrace
) -> None:
    """Score every candidate; `locations` newest first."""
    if cluster.settings.shutdown_lock:
        for top in cluster.resources:
            for resource in _lockable(top):
                lock_to_shutdown_node(cluster, resource, on_lock_cancelled)
                trace.scores(resource, ScoreCause.LOCK)
    for location in locations:
        spread_location(location.resource, location)
        trace.scores(location.resource, ScoreCause.HEALTH if location.of_health else ScoreCause.LOCATION, location)
    for top in cluster.resources:
        for resource in top.primitives():
            _apply_stickiness(cluster, resource)
            trace.scores(resource, ScoreCause.STICKINESS)
    _ban_after_failures(cluster, trace)
    for node in cluster.nodes:
        for resource in cluster.resources:
            _apply_exclusive_probing(resource, node)
    for resource in cluster.resources:
        trace.scores(resource, ScoreCause.EXCLUSIVE_PROBING)


def _apply_stickiness(cluster: Cluster, resource: Resource) -> None:
    if not resource.managed or resource.stickiness < 1 or len(resource.active_on) != 1:
        return
    node = resource.active_on[0]
    if not cluster.settings.symmetric and node.id not in resource.allowed:
        return
    prefer(resource, (node,), resource.stickiness)


def _ban_after_failures(cluster: Cluster, trace: ScoreTrace) -> None:
    nodes = [node for node in cluster.nodes if any(name.startswith("fail-count-") for name in node.attributes)]
    for node in nodes:
        for top in cluster.resources:
            for resource in top.primitives():
                if not clears_failures(resource, node):
                    banned = threshold_reached(cluster, resource, node)
                    if banned is not None:
                        prefer(banned, (node,), MINUS_INFINITY)
                        trace.scores(banned, ScoreCause.FAILURES)


def clears_failures(resource: Resource, node: Node) -> bool:
    """Whether its failures on the node are about to be forgotten anyway."""
    key = f"{resource.id}_clear_failcount_0"
    return any(action.node is node for action in resource.actions_by_key.get(key, ()))


def threshold_reached(cluster: Cluster, resource: Resource, node: Node) -> Resource | None:
    """What is banned from the node because the resource failed there too often; None when it did not.

    Instances of an anonymous clone are all alike: the clone as a whole is banned.
    """
    if resource.migration_threshold == 0 or resource.ignore_failure:
        return None
    failures = failures_on(cluster, node, resource, launched=True).count
    if failures <= 0 or failures < resource.migration_threshold:
        return None
    return resource if resource.unique else resource.top


def _apply_exclusive_probing(resource: Resource, node: Node) -> None:
    if not (resource.exclusive_probing or resource.top.exclusive_probing):
        return
    for child in resource.children:
        _apply_exclusive_probing(child, node)
    candidate = resource.allowed.get(node.id)
    if candidate is not None and candidate.probing is not Probing.EXCLUSIVE:
        candidate.score = MINUS_INFINITY


def _lockable(resource: Resource) -> list[Resource]:
    """Primitives and members of groups: instances of clones and parts of bundles are never locked."""
    if resource.is_group:
        return [each for child in resource.children for each in _lockable(child)]
    return [resource] if resource.is_primitive else []


def lock_to_shutdown_node(cluster: Cluster, resource: Resource, on_lock_cancelled: LockCancelled) -> None:
    """Keep a resource for the node that is shut down cleanly, until it comes back or the limit passes."""
    if resource.is_fence_device or resource.is_remote_connection:
        return
    if resource.lock_node is not None:
        if resource.active_on:
            on_lock_cancelled(resource, resource.lock_node)
            resource.lock_node, resource.lock_time = None, 0
    elif len(resource.active_on) == 1:
        node = resource.active_on[0]
        if node.shutting_down and not node.unclean:
            resource.lock_node = node
            resource.lock_time = parse_integer(node.attributes.get("shutdown")) or cluster.now
    if resource.lock_node is None:
        return
    limit_ms = cluster.settings.shutdown_lock_limit_ms
    if limit_ms > 0:
        cluster.advance_recheck(resource.lock_time + (limit_ms + 500) // 1000 + 1)
    others = [node for node in cluster.nodes if node is not resource.lock_node]
    prefer(resource, others, MINUS_INFINITY)


