"""Which instances of a clone become promoted. Runs after placement: a role ranks an instance, it never moves one.

Before placing, though, promotion scores draw instances to nodes where they could be promoted. Source: Pacemaker
Explained, "Promotable Clones"; Pacemaker Administration, "Determining Which Resource Instance is Promoted".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key

from crm.model import score as scores
from crm.model.score import INFINITY, MINUS_INFINITY, Score
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.constraints.locations import ResolvedLocation
from crm.policy_engine.picture.attributes import TARGET, node_attribute, placement_attribute
from crm.policy_engine.picture.cluster import Candidate, Node, Resource, Role
from crm.policy_engine.picture.names import base_name
from crm.policy_engine.picture.options import NoQuorumPolicy
from crm.policy_engine.picture.score_trace import ScoreCause, ScoreTrace
from crm.policy_engine.picture.tree import assigned_node, assigned_nodes, role
from crm.policy_engine.placement.candidates import ban_everywhere, guest_will_run, is_usable
from crm.policy_engine.placement.colocation_scores import dependents_of, merge_into, primaries_of, restrict_to
from crm.policy_engine.placement.instances import compare_instances, compatible_instance
from crm.policy_engine.placement.placement import KINDS, Placement, ScoreMerge, ShownKind, ShownScores


def add_promotion_scores(clone: Resource) -> None:
    """Let promotion scores count for where instances are placed; once per clone."""
    if clone.promotion_scored:
        return
    clone.promotion_scored = True
    for instance in clone.children:
        for candidate in instance.allowed.values():
            if not is_usable(candidate.node):
                continue
            points, _ = promotion_score(instance, candidate.node)
            if points > 0:
                candidate.score = scores.add(candidate.score, points)
            if points > instance.priority:
                instance.priority = points


def promotion_score(resource: Resource, node: Node) -> tuple[Score, bool]:
    """The promotion score of an instance on a node (of a group the sum), and whether any was set there."""
    if resource.children:
        parts = [promotion_score(child, node) for child in resource.children]
        return sum(points for points, _ in parts), any(found for _, found in parts)
    if not _score_counts(resource, node):
        return 0, False
    value = _score_attribute(resource, node, resource.history_id or resource.id)
    if value is None and not resource.unique and base_name(resource.id) != resource.id:
        value = _score_attribute(resource, node, base_name(resource.id))
    return (0, False) if value is None else (scores.parse(value), True)


def _score_attribute(resource: Resource, node: Node, name: str) -> str | None:
    return node_attribute(node, f"master-{name}", resource.meta.get(TARGET), current=resource.unassigned)


def _score_counts(resource: Resource, node: Node) -> bool:
    """Whether the node's promotion score is about this instance: it is there, or the node was asked about it.

    Anonymous instances are alike: a score on a node belongs to the one that is active there, else to any.
    """
    if not _applies_to(resource, node):
        return False
    candidate = resource.allowed.get(node.id)
    return candidate is not None and candidate.score >= 0


def _applies_to(resource: Resource, node: Node) -> bool:
    if not resource.unique:
        name = base_name(resource.id)
        fellows = [each for instance in resource.top.children for each in _members_named(instance, name)]
        active = next((each for each in fellows if node in each.active_on), None)
        if active is resource:
            return True
        if active is None and any(node.id in each.known_on for each in fellows):
            return True
    if not resource.active_on and not resource.known_on:
        return True
    return node.id in resource.known_on or node in resource.active_on


def _members_named(instance: Resource, name: str) -> list[Resource]:
    return [each for each in instance.walk() if base_name(each.id) == name][:1]


# After placing


def choose_promoted(placement: Placement, clone: Resource) -> None:
    """Decide the role of every instance of a placed clone."""
    for candidate in clone.allowed.values():
        candidate.count = 0
    for instance in clone.children:
        _set_priority(placement, clone, instance)
    _sort_by_promotion(placement, clone)
    promoted = 0
    for instance in clone.children:
        promoted += _decide_role(placement, instance, promoted)


def _set_priority(placement: Placement, clone: Resource, instance: Resource) -> None:
    if role(instance, current=True) is Role.STARTED:
        _become_unpromoted(instance)
    node = assigned_node(instance)
    if node is None:
        return
    wanted = role(instance, current=False)
    if wanted in (Role.STARTED, Role.UNKNOWN):
        points, found = promotion_score(instance, node)
        instance.priority = points if found else -1
    elif wanted in (Role.UNPROMOTED, Role.STOPPED):
        instance.priority = MINUS_INFINITY
    trace = placement.trace
    trace.priority(instance, ScoreCause.PROMOTION if wanted in (Role.STARTED, Role.UNKNOWN) else ScoreCause.STOPPED)
    _apply_promoted_locations(instance, instance.locations, node, trace)
    _apply_promoted_locations(instance, clone.locations, node, trace)
    for colocation in list(primaries_of(instance)):
        KINDS[instance.kind].apply_as_dependent(placement, instance, colocation.primary, colocation)
        trace.priority(instance, ScoreCause.COLOCATED_WITH, colocation)
    instance.promotion_score = INFINITY if wanted is Role.PROMOTED else instance.priority


def _become_unpromoted(resource: Resource) -> None:
    for each in resource.walk():
        if each.role is Role.STARTED:
            each.role = Role.UNPROMOTED


def _apply_promoted_locations(
    instance: Resource, locations: Sequence[ResolvedLocation], node: Node, trace: ScoreTrace
) -> None:
    for location in locations:
        if location.role is not Role.PROMOTED:
            continue
        points = next((points for each, points in location.scores if each is node), None)
        if points is not None:
            instance.priority = scores.add(instance.priority, points)
            trace.priority(instance, ScoreCause.LOCATION, location)


def _sort_by_promotion(placement: Placement, clone: Resource) -> None:
    """Rank the instances by promotion priority, to which those who want the promoted one near add theirs."""
    if clone.promotion_sorted:
        return
    clone.promotion_sorted = True
    clone.merging = True
    for instance in clone.children:
        _add_to_node(clone, instance)
    placement.trace.scores(clone, ScoreCause.PROMOTION)
    for colocation in list(dependents_of(clone)):
        if colocation.primary_role is Role.PROMOTED and colocation.has_influence():
            merge_into(clone, colocation.dependent, colocation, ScoreMerge(nonnegative=True, active=True))
            placement.trace.scores(clone, ScoreCause.COLOCATED_BY, colocation)
    lacking = [ticket for ticket in clone.tickets if ticket.role is Role.PROMOTED and not ticket.is_satisfied]
    if lacking:
        ban_everywhere(placement.cluster, clone)
        placement.trace.scores(clone, ScoreCause.TICKET, lacking[0])
    for instance in clone.children:
        _take_from_node(clone, instance)
    clone.children = sorted(clone.children, key=cmp_to_key(_compare_for_promotion))
    clone.merging = False


def _add_to_node(clone: Resource, instance: Resource) -> None:
    node = assigned_node(instance)
    if instance.promotion_score < 0 or node is None:
        return
    # What is not managed may be where its clone is not allowed (in an opt-in cluster): there is nothing to rank then.
    candidate = clone.allowed.get(node.id)
    if candidate is not None:
        candidate.score = scores.add(instance.promotion_score, candidate.score)


def _take_from_node(clone: Resource, instance: Resource) -> None:
    node = assigned_node(instance)
    if not instance.managed and instance.next_role is Role.PROMOTED:
        instance.promotion_score = INFINITY
    elif node is None:
        instance.promotion_score = MINUS_INFINITY
    elif instance.promotion_score >= 0 and node.id in clone.allowed:
        instance.promotion_score = clone.allowed[node.id].score


def _compare_for_promotion(left: Resource, right: Resource) -> int:
    if left.promotion_score != right.promotion_score:
        return 1 if left.promotion_score < right.promotion_score else -1
    role_left, role_right = role(left, current=True), role(right, current=True)
    if role_left != role_right:
        return 1 if role_left < role_right else -1
    return compare_instances(left, right)


def _decide_role(placement: Placement, instance: Resource, promoted: int) -> bool:
    """Decide an instance's role; whether it is promoted."""
    _show_score(placement, instance)
    clone = instance.top
    assert clone.clone is not None
    candidate: Candidate | None = None
    if instance.promotion_score >= 0 and (promoted < clone.clone.promoted_max or not clone.managed):
        candidate = _where_promoted(instance)
    if candidate is None or _frozen(placement, instance):
        _next_unpromoted(instance)
        return False
    candidate.count += 1
    for each in instance.walk():
        if each.next_role is Role.UNKNOWN:
            each.next_role = Role.PROMOTED
    return True


def _frozen(placement: Placement, instance: Resource) -> bool:
    """Nothing is promoted without quorum when the policy is to freeze."""
    cluster = placement.cluster
    return (
        instance.role < Role.PROMOTED
        and not cluster.quorate
        and cluster.settings.no_quorum_policy is NoQuorumPolicy.FREEZE
    )


def _next_unpromoted(instance: Resource) -> None:
    for each in instance.walk():
        each.next_role = Role.UNPROMOTED if assigned_nodes(each) else Role.STOPPED


def _where_promoted(instance: Resource) -> Candidate | None:
    """The clone's candidate where this instance could be promoted, None if it cannot be."""
    for child in instance.children:
        if _where_promoted(child) is None:
            return None
    node = assigned_node(instance)
    if node is None:
        return None
    if not instance.managed:
        if role(instance, current=True) is not Role.PROMOTED:
            return None
    elif instance.priority < 0 or not is_usable(node) or not guest_will_run(node):
        return None
    clone = instance.top
    assert clone.clone is not None
    candidate = clone.allowed.get(node.id)
    if candidate is None:
        return None
    if candidate.count >= clone.clone.promoted_node_max and instance.managed:
        return None
    return candidate


def _show_score(placement: Placement, instance: Resource) -> None:
    if not placement.with_scores:
        return
    node = assigned_node(instance)
    score = scores.render(instance.promotion_score)
    placement.scores.append(ShownScores(ShownKind.PROMOTION, "", instance.id, node.name if node is not None else None,
                                        score))


# Colocations with a promotable clone


def apply_to_unplaced_dependent(primary: Resource, dependent: Resource, colocation: ResolvedColocation) -> None:
    """Let where the primary's instances have the wanted role count for a dependent that is not placed yet."""
    nodes: list[tuple[Node, Score]] = []
    for instance in primary.children:
        node = assigned_node(instance)
        if node is None or role(instance, current=False) is not colocation.primary_role:
            continue
        if colocation.score < INFINITY:
            _add_where_same(dependent, primary, node, colocation)
        nodes.append((node, _assigned_score(instance)))
    both_promoted = colocation.dependent_role is Role.PROMOTED and colocation.primary_role is Role.PROMOTED
    if colocation.score >= INFINITY and not both_promoted:
        restrict_to(dependent, nodes[::-1], merge_scores=True)


def _assigned_score(instance: Resource) -> Score:
    return next((each.assigned_score for each in instance.primitives() if each.assigned is not None), 0)


def _add_where_same(dependent: Resource, primary: Resource, node: Node, colocation: ResolvedColocation) -> None:
    there = placement_attribute(node, colocation.attribute, primary)
    for candidate in dependent.allowed.values():
        here = placement_attribute(candidate.node, colocation.attribute, dependent)
        if (here or "").lower() == (there or "").lower() and (here is None) == (there is None):
            candidate.score = scores.add(candidate.score, colocation.score)


def apply_to_promotable_dependent(
    placement: Placement, primary: Resource, dependent: Resource, colocation: ResolvedColocation
) -> Score:
    """Change a placed instance's promotion priority by whether an instance of the primary has the wanted role there."""
    instance = compatible_instance(
        placement.strategy, dependent, primary, colocation.primary_role, attribute=colocation.attribute
    )
    if instance is not None:
        dependent.priority = scores.add(dependent.priority, colocation.score)
        return colocation.score
    if colocation.score >= INFINITY:
        dependent.priority = MINUS_INFINITY
        return MINUS_INFINITY
    return 0
