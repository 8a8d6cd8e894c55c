"""Where the instances of a collective (a clone's instances, a bundle's containers) go.

Those that run somewhere stay if they can, as long as nothing more important needs their place; the rest fill up the
best nodes, at most so many on each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key

from crm.model.score import MINUS_INFINITY, Score
from crm.policy_engine.picture.attributes import placement_attribute
from crm.policy_engine.picture.cluster import Node, Resource, Role
from crm.policy_engine.picture.score_trace import ScoreCause
from crm.policy_engine.picture.tree import activity, any_blocked, assigned_node_of, current_node, instances_of, role
from crm.policy_engine.placement.assignment import unassign
from crm.policy_engine.placement.candidates import (
    ban_everywhere,
    copy_table,
    copy_tables,
    fresh_candidate,
    is_available,
    is_usable,
    restore_tables,
    sort_candidates,
    top_candidate,
)
from crm.policy_engine.placement.colocation_scores import dependents_of, factor_of, primaries_of
from crm.policy_engine.placement.placement import KINDS, Placement, ScoreMerge, assign
from crm.policy_engine.placement.weights import Weights


def assign_instances(
    placement: Placement, collective: Resource, instances: Sequence[Resource], most: int, most_per_node: int
) -> None:
    """Assign up to `most` instances, up to `most_per_node` on each node; the others will not run."""
    for candidate in collective.allowed.values():
        candidate.count = 0
    usable = sum(is_usable(candidate.node) for candidate in collective.allowed.values())
    fair_share = max(most // usable if usable else 0, 1)
    assigned = 0
    for instance in instances:
        if assigned >= most:
            break
        if instance.unassigned and _stays(placement, instance, most_per_node, fair_share, most - assigned):
            assigned += 1
    for instance in instances:
        if not instance.unassigned:
            continue
        if assigned >= most:
            ban_everywhere(placement.cluster, instance)
            placement.trace.scores(instance, ScoreCause.ENOUGH)
        elif _assign(placement, instance, None, most_per_node) is not None:
            assigned += 1


def _stays(placement: Placement, instance: Resource, most_per_node: int, fair_share: int, available: int) -> bool:
    """Assign an instance to the node where it runs, if it can stay there and that node has not its share yet."""
    if not instance.active_on or instance.failed:
        return False
    node = current_node(instance)
    if node is None or node.base_score < 0 or not is_usable(node):
        return False
    in_collective = top_candidate(instance, node)
    if in_collective is not None and in_collective.count >= fair_share:
        return False
    return _assign_early(placement, instance, node, most_per_node, available)


def _assign_early(
    placement: Placement, instance: Resource, node: Node, most_per_node: int, available: int
) -> bool:
    """Try the current node. Where another turns out better, set one instance aside for that and try again, while there
    are instances to spare: whoever takes the better node then need not be this one.
    """
    if not is_available(instance.allowed.get(node.id)):
        return False
    parent = instance.parent
    assert parent is not None
    backup, parent_table = copy_tables(instance), parent.allowed
    parent.allowed = copy_table(parent_table)
    chosen: Node | None = None
    reserved = 0
    while reserved < available:
        chosen = _assign(placement, instance, node, most_per_node)
        if chosen is node:
            break
        restore_tables(instance, backup)
        if chosen is None:
            instance.unassigned = True
            break
        reserved += 1
        unassign(instance)
        placement.trace.undone(instance)
        chosen = None
    parent.allowed = parent_table
    if chosen is None:
        return False
    _count_in_parent(instance, chosen)
    return True


def _assign(placement: Placement, instance: Resource, prefer: Node | None, most_per_node: int) -> Node | None:
    if instance.is_assigning:
        return None
    _ban_full_nodes(instance, most_per_node)
    placement.trace.scores(instance, ScoreCause.FULL)
    chosen = assign(placement, instance, prefer, stop_if_fail=prefer is None)
    if chosen is not None:
        _count_in_parent(instance, chosen)
    return chosen


def _count_in_parent(instance: Resource, node: Node) -> None:
    in_collective = top_candidate(instance, node)
    if in_collective is not None:
        in_collective.count += 1


def _ban_full_nodes(instance: Resource, most_per_node: int) -> None:
    for candidate in instance.allowed.values():
        if _can_run(instance, candidate.node, most_per_node):
            continue
        candidate.score = MINUS_INFINITY
        for child in instance.children:
            inner = child.allowed.get(candidate.node.id)
            if inner is not None:
                inner.score = MINUS_INFINITY


def _can_run(instance: Resource, node: Node, most_per_node: int) -> bool:
    if instance.removed or not is_usable(node):
        return False
    in_collective = top_candidate(instance, node)
    return in_collective is not None and in_collective.score >= 0 and in_collective.count < most_per_node


# Which instance is assigned first


def instance_number(instance: Resource) -> int:
    """The number of an instance, of a clone or of a bundle's replica."""
    separator = ":" if ":" in instance.id else "-"
    text = instance.id.rpartition(separator)[2]
    digits = ""
    for character in text:
        if not character.isdigit():
            break
        digits += character
    return int(digits) if digits else 0


def sort_instances(instances: list[Resource]) -> list[Resource]:
    """Best placed first: sound, active where it may stay, important; then by colocations, then by number."""
    return sorted(instances, key=cmp_to_key(compare_instances))


def compare_instances(left: Resource, right: Resource) -> int:
    """Negative when `left` should be assigned before `right`."""
    found_left, found_right = activity(left), activity(right)
    if found_left.total and found_right.total and found_left.total != found_right.total:
        return found_left.total - found_right.total
    node_left, node_right = _where_allowed(left, found_left.node), _where_allowed(right, found_right.node)
    banned_left = found_left.node is not None and node_left is None
    banned_right = found_right.node is not None and node_right is None
    if banned_left != banned_right:
        return 1 if banned_left else -1
    if left.priority != right.priority:
        return right.priority - left.priority
    if node_left is None or node_right is None:
        return (node_left is None) - (node_right is None)
    if is_usable(node_left) != is_usable(node_right):
        return -1 if is_usable(node_left) else 1
    top_left, top_right = top_candidate(left, node_left), top_candidate(right, node_right)
    if top_left is None or top_right is None:
        return (top_left is None) - (top_right is None)
    if top_left.count != top_right.count:
        return top_left.count - top_right.count
    failed_left, failed_right = _has_failed(left), _has_failed(right)
    if failed_left != failed_right:
        return 1 if failed_left else -1
    by_colocation = _compare_by_colocation(left, right)
    return by_colocation or instance_number(left) - instance_number(right)


def _where_allowed(instance: Resource, node: Node | None) -> Node | None:
    if node is None:
        return None
    candidate = instance.allowed.get(node.id)
    return node if candidate is not None and candidate.score >= 0 else None


def _has_failed(resource: Resource) -> bool:
    return any(each.failed for each in resource.walk())


def _compare_by_colocation(left: Resource, right: Resource) -> int:
    """By what colocated resources think of the nodes where the two run."""
    score_left, score_right = _colocated_score(left), _colocated_score(right)
    return (score_left < score_right) - (score_left > score_right)


def _colocated_score(instance: Resource) -> Score:
    node = current_node(instance)
    assert node is not None
    weights = Weights.of({node.id: fresh_candidate(node)})
    for colocation in list(primaries_of(instance)):
        other = colocation.primary
        factor = factor_of(colocation)
        weights = KINDS[other.kind].merge_scores(other, instance, weights, colocation, factor, ScoreMerge())
    for colocation in list(dependents_of(instance)):
        if colocation.has_influence(instance):
            other = colocation.dependent
            factor, merge = factor_of(colocation), ScoreMerge(nonnegative=True)
            weights = KINDS[other.kind].merge_scores(other, instance, weights, colocation, factor, merge)
    return weights.scores[node.id]


# Which instance goes together with another resource


def matches(instance: Resource, node: Node, wanted: Role, current: bool, attribute: str | None = None) -> bool:
    """Whether an instance is (or will be) on the node, or one with the same attribute value, in the wanted role."""
    if wanted is not Role.UNKNOWN and wanted is not role(instance, current):
        return False
    where = None if any_blocked(instance) else assigned_node_of(instance, current)
    if where is None:
        return False
    if attribute is None:
        return where is node
    return placement_attribute(where, attribute, instance) == placement_attribute(node, attribute, instance)


def compatible_instance(
    placement_strategy: str,
    resource: Resource,
    collective: Resource,
    wanted: Role = Role.UNKNOWN,
    current: bool = False,
    attribute: str | None = None,
) -> Resource | None:
    """The instance of a collective that goes together with a resource: where that is, or would best be."""
    node = assigned_node_of(resource, current)
    if node is not None:
        nodes = [node]
    else:
        nodes = [c.node for c in sort_candidates(placement_strategy, resource.allowed.values())]
    for each in nodes:
        for instance in instances_of(collective):
            if matches(instance, each, wanted, current, attribute):
                return instance
    return None
