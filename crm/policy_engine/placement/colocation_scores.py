"""Colocations at work: the lists that apply to a resource, how placed primaries change a dependent's scores, and how
the preferences of dependents are merged into a primary's before it is placed.

Source of the rules: Pacemaker Explained, "Colocation Constraints", and observed scores. Merging follows the colocations
of colocations as a chain, each link weakening the scores by its own (score / INFINITY).
"""

from __future__ import annotations

import struct
from enum import Enum

from crm.model import score as scores
from crm.model.score import INFINITY, MINUS_INFINITY, Score
from crm.policy_engine.constraints.colocations import ColocationList, ResolvedColocation
from crm.policy_engine.picture.attributes import placement_attribute
from crm.policy_engine.picture.cluster import Node, Resource, ResourceKind, Role
from crm.policy_engine.placement.candidates import Table, any_available, copy_table, is_usable
from crm.policy_engine.placement.location_scores import apply_location
from crm.policy_engine.placement.placement import KINDS, ScoreMerge
from crm.policy_engine.placement.weights import Weights


def single(value: float) -> float:
    """The value in single precision: chained factors are rounded so, and rounding shows in the scores."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def factor_of(colocation: ResolvedColocation) -> float:
    """How strongly a colocation passes scores on, from -1 to 1."""
    return single(colocation.score / INFINITY)


# Which colocations apply to a resource


def dependents_of(resource: Resource) -> list[ResolvedColocation]:
    """Colocations in which something is placed with this resource, the most important dependent first.

    A group's are those of its last member, a clone's or bundle's those of each instance.
    """
    if resource.parent is None and resource.is_primitive:
        return resource.colocated_by
    found = ColocationList(dependents=True)
    _collect(resource, resource, found, dependents=True)
    return found.items()


def primaries_of(resource: Resource) -> list[ResolvedColocation]:
    """Colocations in which this resource is placed with something, the most important primary first."""
    if resource.parent is None and resource.is_primitive:
        return resource.colocated_with
    found = ColocationList(dependents=False)
    _collect(resource, resource, found, dependents=False)
    return found.items()


def _own(resource: Resource, dependents: bool) -> list[ResolvedColocation]:
    return resource.colocated_by if dependents else resource.colocated_with


def _collect(resource: Resource, asker: Resource, found: ColocationList, dependents: bool) -> None:
    match resource.kind:
        case ResourceKind.PRIMITIVE:
            _collect_primitive(resource, asker, found, dependents)
        case ResourceKind.GROUP:
            _collect_group(resource, asker, found, dependents)
        case ResourceKind.CLONE:
            found.extend(_own(resource, dependents))
            _collect_parent(resource, asker, found, dependents)
        case ResourceKind.BUNDLE:
            _collect_bundle(resource, asker, found, dependents)


def _collect_parent(resource: Resource, asker: Resource, found: ColocationList, dependents: bool) -> None:
    if resource.parent is not None:
        _collect(resource.parent, asker, found, dependents)


def _collect_primitive(resource: Resource, asker: Resource, found: ColocationList, dependents: bool) -> None:
    if resource is asker:
        found.extend(_own(resource, dependents))
        _collect_parent(resource, asker, found, dependents)
        return
    # Asked for by its group or a fellow member: what the group itself implies is not theirs.
    for colocation in _own(resource, dependents):
        if colocation.explicit:
            found.add(colocation)


def _collect_group(group: Resource, asker: Resource, found: ColocationList, dependents: bool) -> None:
    if not group.children:
        return
    speaks_for_group = group.children[-1] if dependents else group.children[0]
    if asker is group or asker is speaks_for_group:
        found.extend(_own(group, dependents))
        _collect_parent(group, asker, found, dependents)
        if group.members_colocated:
            for member in group.children:
                if member is not asker:
                    _collect(member, asker, found, dependents)
    elif not dependents:
        _collect_for_later_member(group, asker, found)


def _collect_for_later_member(group: Resource, asker: Resource, found: ColocationList) -> None:
    """A member after an unmanaged one cannot rely on it: it keeps the group's mandatory colocations itself."""
    for member in group.children:
        if member is asker:
            return
        if not member.managed:
            for colocation in group.colocated_with:
                if colocation.score >= INFINITY:
                    found.add(colocation)
            return


def _collect_bundle(bundle: Resource, asker: Resource, found: ColocationList, dependents: bool) -> None:
    if asker is bundle or asker.is_container_of_replica:
        found.extend(_own(bundle, dependents))
        return
    assert bundle.bundle is not None
    inner = bundle.bundle.child
    if inner is None or not inner.promotable or asker.top is not inner:
        return
    # Inside a bundle its colocations count for promotion only.
    applies = asker.promotion_sorted if asker is inner else not asker.unassigned
    if applies:
        found.extend(_own(bundle, dependents))


# What a placed primary means for its dependent


class ColocationEffect(Enum):
    """What a colocation can change about its dependent now."""

    NOTHING = "nothing"
    LOCATION = "location"
    ROLE = "role"


def effect_of(dependent: Resource, primary: Resource, colocation: ResolvedColocation,
              preview: bool = False) -> ColocationEffect:
    """What a colocation changes; `preview` asks as if nothing were placed yet."""
    if not preview and primary.unassigned:
        return ColocationEffect.NOTHING
    dependent_actor, primary_actor = _actor(dependent), _actor(primary)
    collective = dependent_actor.parent
    if (
        colocation.dependent_role >= Role.UNPROMOTED
        and collective is not None
        and collective.promotable
        and not dependent_actor.unassigned
    ):
        return ColocationEffect.ROLE
    if not preview and not dependent.unassigned:
        return ColocationEffect.NOTHING
    if colocation.dependent_role not in (Role.UNKNOWN, dependent_actor.next_role):
        return ColocationEffect.NOTHING
    if colocation.primary_role not in (Role.UNKNOWN, primary_actor.next_role):
        return ColocationEffect.NOTHING
    return ColocationEffect.LOCATION


def _actor(resource: Resource) -> Resource:
    """Whose role counts: for a bundle's container what runs inside."""
    return inner_resource(resource) or resource


def inner_resource(container: Resource) -> Resource | None:
    """What runs in a bundle's container, None for anything else."""
    if not container.is_container_of_replica:
        return None
    bundle = outermost(container).bundle
    for replica in bundle.replicas if bundle is not None else ():
        if replica.container is container:
            return replica.child
    return None


def outermost(resource: Resource) -> Resource:
    """The top of the tree, a bundle included."""
    while resource.parent is not None:
        resource = resource.parent
    return resource


def apply_to_scores(dependent: Resource, primary: Resource, colocation: ResolvedColocation) -> None:
    """Change a dependent's scores by where its primary is placed (or that it is nowhere).

    A wish that would leave no node is dropped; a must is kept.
    """
    if primary.assigned is None and colocation.score < 0:
        return
    value = placement_attribute(primary.assigned, colocation.attribute, primary)
    table = copy_table(dependent.allowed)
    for candidate in table.values():
        if primary.assigned is None:
            candidate.score = scores.add(-colocation.score, candidate.score)
        elif _same(placement_attribute(candidate.node, colocation.attribute, dependent), value):
            if colocation.score < INFINITY:
                candidate.score = scores.add(colocation.score, candidate.score)
        elif colocation.score >= INFINITY:
            candidate.score = MINUS_INFINITY
    if colocation.is_mandatory or any_available(table):
        dependent.allowed = table


def apply_to_priority(dependent: Resource, primary: Resource, colocation: ResolvedColocation) -> Score:
    """Change a placed instance's promotion priority by where the primary is; the change."""
    if dependent.assigned is None:
        return 0
    if primary.assigned is not None and colocation.primary_role not in (Role.UNKNOWN, _actor(primary).next_role):
        return 0
    here = placement_attribute(dependent.assigned, colocation.attribute, dependent)
    there = placement_attribute(primary.assigned, colocation.attribute, primary)
    sign = 1
    if not _same(here, there):
        if colocation.score != INFINITY or colocation.dependent_role is not Role.PROMOTED:
            return 0
        sign = -1
    elif colocation.dependent_role is Role.UNPROMOTED:
        sign = -1
    change = sign * colocation.score
    dependent.priority = scores.add(change, dependent.priority)
    return change


def _same(left: str | None, right: str | None) -> bool:
    if left is None or right is None:
        return left is right
    return left == right or left.lower() == right.lower()


def restrict_to(dependent: Resource, nodes: list[tuple[Node, Score]], merge_scores: bool) -> None:
    """Ban a dependent from all but the nodes of its primary's instances, perhaps adding their scores."""
    found: dict[str, Score] = {}
    for node, points in nodes:
        found.setdefault(node.id, points)
    for candidate in dependent.allowed.values():
        points_there = found.get(candidate.node.id)
        if points_there is None:
            candidate.score = MINUS_INFINITY
        elif merge_scores:
            candidate.score = scores.add(candidate.score, points_there)


# Merging the preferences of colocated resources


def merge_colocated(
    source: Resource,
    target: Resource | None,
    weights: Weights | None,
    colocation: ResolvedColocation | None,
    factor: float,
    merge: ScoreMerge,
) -> Weights:
    """The way of primitives, clones and bundles: see `KindOfResource.merge_scores`."""
    if source.merging:
        return weights if weights is not None else Weights.of(source.allowed)
    source.merging = True
    try:
        if weights is None:
            work = Weights.of(source.allowed)
            target = source
        else:
            assert target is not None and colocation is not None
            work = _with_scores(weights, source, target, colocation, factor, merge.nonnegative)
        if work.any_available():
            work = _follow(source, target, work, factor, merge)
        elif merge.active:
            assert weights is not None
            return weights
        if merge.nonnegative:
            work.revive()
        return work
    finally:
        source.merging = False


class MergesColocated:
    """The way of merging scores that all kinds but groups share."""

    def merge_scores(
        self,
        source: Resource,
        target: Resource | None,
        weights: Weights | None,
        colocation: ResolvedColocation | None,
        factor: float,
        merge: ScoreMerge,
    ) -> Weights:
        return merge_colocated(source, target, weights, colocation, factor, merge)


def _follow(source: Resource, target: Resource, work: Weights, factor: float, merge: ScoreMerge) -> Weights:
    """Go on with what is colocated with the source."""
    links = primaries_of(source) if merge.this_with else dependents_of(source)
    if not links:
        return work
    onward = merge if merge.active else ScoreMerge(merge.this_with, merge.nonnegative, active=True)
    for link in links:
        if merge.this_with:
            other = link.primary
        elif not link.has_influence():
            continue
        else:
            other = link.dependent
        weaker = factor if link.score >= INFINITY else single(single(factor * link.score) / INFINITY)
        work = KINDS[other.kind].merge_scores(other, target, work, link, weaker, onward)
    return work


def _with_scores(
    weights: Weights, source: Resource, target: Resource, colocation: ResolvedColocation, factor: float,
    only_positive: bool
) -> Weights:
    """The weights with the source's; the same ones when those come to nothing, as in most of a long chain."""
    found = _points(weights, source, target, colocation)
    if not found:
        return weights
    weights = weights.copy()
    for node_id, points in found:
        current = weights.scores[node_id]
        if current == Weights.SPENT:
            continue
        if factor < 0 and points < 0 and not _double_negative_counts(colocation, points):
            continue
        total = scores.add(points if factor == 1.0 else _scaled(points, factor), current)
        if only_positive and total < 0:
            if current > 0:
                weights.scores[node_id] = Weights.SPENT
                continue
            if current == 0:
                continue
        weights.scores[node_id] = total
    return weights


def _double_negative_counts(colocation: ResolvedColocation, points: Score) -> bool:
    """Staying away from what does not want to be there is no reason to go there, unless it has nowhere else."""
    return (
        colocation.primary.stickiness < -points
        and colocation.has_influence()
        and _allowed_on_one(colocation.dependent)
    )


def _allowed_on_one(resource: Resource) -> bool:
    return sum(candidate.score >= 0 for candidate in resource.allowed.values()) == 1


def _scaled(points: Score, factor: float) -> Score:
    """Points times factor, rounded away from zero at halves; anything but zero stays at least one."""
    exact = single(factor * points)
    rounded = int(exact - 0.5) if exact < 0 else int(exact + 0.5)
    if rounded == 0 and points != 0 and factor != 0:
        return 1 if factor > 0 else -1
    return rounded


def _points(
    weights: Weights, source: Resource, target: Resource, colocation: ResolvedColocation
) -> list[tuple[str, Score]]:
    """By node id the best score that the source has where the colocation's attribute is as there; zeros left out."""
    table = _table_of(source, colocation)
    usable = weights.usable
    if colocation.attribute == "#uname" and weights.by_name:
        found = [(node_id, there.score) for node_id, there in table.items() if there.score and node_id in usable]
        here = usable & table.keys()
        if len(here) < len(weights.scores):
            found += [(node_id, MINUS_INFINITY) for node_id in weights.scores if node_id not in here]
        return found
    best: dict[str | None, Score] = {}
    for candidate in table.values():
        if is_usable(candidate.node):
            value = _folded(placement_attribute(candidate.node, colocation.attribute, source))
            if candidate.score > best.get(value, MINUS_INFINITY):
                best[value] = candidate.score
    by_node = (
        (node_id, _folded(placement_attribute(node, colocation.attribute, target)))
        for node_id, node in weights.nodes.items()
    )
    return [(node_id, points) for node_id, value in by_node if (points := best.get(value, MINUS_INFINITY))]


def _table_of(source: Resource, colocation: ResolvedColocation) -> Table:
    """The source's candidates; a later member of a group, colocated by itself, also has its group's location scores."""
    group = source.parent
    if (
        group is None
        or not group.is_group
        or source is not colocation.dependent
        or not colocation.explicit
        or source is group.children[0]
    ):
        return source.allowed
    own = source.allowed
    source.allowed = copy_table(own)
    for location in group.locations:
        apply_location(source, location)
    table = source.allowed
    source.allowed = own
    return table


def _folded(value: str | None) -> str | None:
    return value.lower() if value is not None else None


def add_dependent_scores(primary: Resource, colocation: ResolvedColocation) -> None:
    """Let a dependent's preferences, and those of what depends on it, count for its primary's placing."""
    if not colocation.has_influence():
        return
    merge_into(primary, colocation.dependent, colocation, ScoreMerge(nonnegative=primary.is_clone, active=True))


def merge_into(primary: Resource, dependent: Resource, colocation: ResolvedColocation, merge: ScoreMerge) -> None:
    """Add a dependent's (merged) scores to those of its primary."""
    weights = Weights.of(primary.allowed)
    merged = KINDS[dependent.kind].merge_scores(
        dependent, primary, weights, colocation, factor_of(colocation), merge
    )
    for node_id, points in merged.scores.items():
        primary.allowed[node_id].score = points
