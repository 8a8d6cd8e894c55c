"""Location constraints at work: their scores added to candidates, of a resource and of what is in it."""

from __future__ import annotations

from crm.model import score as scores
from crm.model.score import Score
from crm.policy_engine.constraints.locations import ResolvedLocation
from crm.policy_engine.picture.cluster import Node, Probing, Resource, Role
from crm.policy_engine.placement.candidates import fresh_candidate

_PROBING_RANK = {Probing.ALWAYS: 0, Probing.NEVER: 1, Probing.EXCLUSIVE: 2}


def apply_location(resource: Resource, location: ResolvedLocation) -> None:
    """Add a location's scores to this resource alone, if it will have the role that the location is about."""
    if location.role is not Role.UNKNOWN and location.role is not resource.next_role:
        return
    for node, points in location.scores:
        _apply(resource, location, node, points)


def _apply(resource: Resource, location: ResolvedLocation, node: Node, points: Score) -> None:
    candidate = resource.allowed.get(node.id)
    if candidate is None:
        candidate = resource.allowed[node.id] = fresh_candidate(node)
        candidate.score = points
    else:
        candidate.score = scores.add(candidate.score, points)
    if _PROBING_RANK[candidate.probing] < _PROBING_RANK[location.probing]:
        if location.probing is Probing.EXCLUSIVE:
            resource.exclusive_probing = True
        candidate.probing = location.probing


def spread_location(resource: Resource, location: ResolvedLocation) -> None:
    """Apply a location to a resource of any kind and to what is in it.

    A colocated group goes where its first member goes, so the others only learn which nodes there are. Of a bundle it
    is the containers and addresses that are placed; what runs inside has to know about roles only.
    """
    apply_location(resource, location)
    if resource.bundle is not None:
        _spread_in_bundle(resource, location)
    elif resource.is_group and resource.members_colocated:
        neutral = ResolvedLocation(
            location.id, location.resource, location.role, location.probing, [(node, 0) for node, _ in location.scores]
        )
        for position, member in enumerate(resource.children):
            spread_location(member, location if position == 0 else neutral)
    else:
        for child in resource.children:
            spread_location(child, location)


def _spread_in_bundle(bundle: Resource, location: ResolvedLocation) -> None:
    assert bundle.bundle is not None
    for replica in bundle.bundle.replicas:
        spread_location(replica.container, location)
        if replica.ip is not None:
            spread_location(replica.ip, location)
    inner = bundle.bundle.child
    if inner is not None and location.role in (Role.UNPROMOTED, Role.PROMOTED):
        spread_location(inner, location)
        inner.locations.insert(0, location)
