"""Capacity as a criterion: nodes too small for a resource and what must go with it are out.

Source: Pacemaker Explained, "Utilization and Placement Strategy". Only with a placement strategy other than `default`.
"""

from __future__ import annotations

from crm.model.score import INFINITY, MINUS_INFINITY
from crm.policy_engine.picture.cluster import Node, Resource, ResourceKind
from crm.policy_engine.placement.candidates import is_available, prefer
from crm.policy_engine.placement.capacity import compare_capacity, is_enough, release
from crm.policy_engine.placement.colocation_scores import ColocationEffect, dependents_of, effect_of, primaries_of
from crm.policy_engine.placement.placement import Placement


def ban_where_too_small(placement: Placement, resource: Resource) -> Node | None:
    """Ban nodes without room for the resource and its companions; when no node has room for all of them, only those
    without room for itself, and the node with most room is returned as the one to prefer.
    """
    if placement.strategy == "default":
        return None
    companions = companions_of(resource, resource, [])
    if resource not in companions:
        companions.append(resource)
    needed: dict[str, str] = {}
    for companion in companions:
        _add_utilization(companion, companions, needed)
    open_candidates = [candidate for candidate in resource.allowed.values() if is_available(candidate)]
    fits_all = any(is_enough(candidate.node.utilization, needed) for candidate in open_candidates)
    roomiest: Node | None = None
    for candidate in open_candidates:
        if roomiest is None or compare_capacity(candidate.node, roomiest) < 0:
            roomiest = candidate.node
    bar = needed if fits_all else resource.utilization
    for candidate in open_candidates:
        if not is_enough(candidate.node.utilization, bar):
            prefer(resource, (candidate.node,), MINUS_INFINITY)
    return None if fits_all else roomiest


def companions_of(resource: Resource, origin: Resource, found: list[Resource]) -> list[Resource]:
    """The resources that must be where this one is, itself included, newest found first (so each list is fresh)."""
    if resource.is_group:
        return _companions_of_group(resource, origin, found)
    return _companions(resource, origin, found)


def _companions_of_group(group: Resource, origin: Resource, found: list[Resource]) -> list[Resource]:
    in_clone = group.parent is not None and group.parent.is_clone
    if group.members_colocated or in_clone:
        found = [group, *found]
        for member in group.children:
            found = companions_of(member, origin, found)
        return found
    return _companions(group, origin, found) if group.children else found


def _companions(resource: Resource, origin: Resource, found: list[Resource]) -> list[Resource]:
    if resource in found:
        return found
    found = [resource, *found]
    for colocation in list(primaries_of(resource)):
        primary = colocation.primary
        if primary is not origin and colocation.score == INFINITY:
            if effect_of(resource, primary, colocation, preview=True) is ColocationEffect.LOCATION:
                found = companions_of(primary, origin, found)
    for colocation in list(dependents_of(resource)):
        dependent = colocation.dependent
        if dependent is origin or (resource.is_clone and not dependent.is_clone):
            continue
        if colocation.score == INFINITY and effect_of(dependent, resource, colocation,
                                                      preview=True) is ColocationEffect.LOCATION:
            found = companions_of(dependent, origin, found)
    return found


def _add_utilization(resource: Resource, companions: list[Resource], needed: dict[str, str]) -> None:
    """Add what a companion needs, unless it is placed already or counted by one of its own members."""
    if not resource.unassigned:
        return
    match resource.kind:
        case ResourceKind.PRIMITIVE:
            release(needed, resource.utilization)
        case ResourceKind.GROUP:
            in_clone = resource.parent is not None and resource.parent.is_clone
            members = resource.children if resource.members_colocated or in_clone else resource.children[:1]
            for member in members:
                if member.unassigned and member not in companions:
                    _add_utilization(member, companions, needed)
        case ResourceKind.CLONE:
            _add_clone_utilization(resource, companions, needed)
        case ResourceKind.BUNDLE:
            assert resource.bundle is not None
            if resource.bundle.replicas:
                _add_utilization(resource.bundle.replicas[0].container, companions, needed)


def _add_clone_utilization(clone: Resource, companions: list[Resource], needed: dict[str, str]) -> None:
    counted = False
    for instance in clone.children:
        if instance in companions:
            counted = True
        elif any(member in companions for member in instance.children):
            _add_utilization(instance, companions, needed)
            counted = True
    if not counted and clone.children:
        _add_utilization(clone.children[0], companions, needed)
