"""Clones: after what they depend on, their instances are spread over the nodes; see `instances` and `promotion`."""

from __future__ import annotations

from crm.model import score as scores
from crm.model.score import INFINITY, Score
from crm.model.values import is_true
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.picture.cluster import Node, Resource, ResourceKind, Role
from crm.policy_engine.picture.score_trace import ScoreCause
from crm.policy_engine.picture.tree import any_blocked, assigned_node
from crm.policy_engine.placement.assignment import assign_to
from crm.policy_engine.placement.colocation_scores import (
    MergesColocated,
    add_dependent_scores,
    dependents_of,
    primaries_of,
    restrict_to,
)
from crm.policy_engine.placement.instances import assign_instances, compatible_instance, sort_instances
from crm.policy_engine.placement.placement import KINDS, Placement, assign
from crm.policy_engine.placement.promotion import (
    add_promotion_scores,
    apply_to_promotable_dependent,
    apply_to_unplaced_dependent,
    choose_promoted,
)


class ClonePlacement(MergesColocated):
    """The ways of clones."""

    def assign(self, placement: Placement, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> Node | None:
        if not resource.unassigned or resource.is_assigning:
            return None
        assert resource.clone is not None
        resource.is_assigning = True
        if resource.promotable:
            add_promotion_scores(resource)
            placement.trace.scores(resource, ScoreCause.PROMOTION)
        for colocation in list(primaries_of(resource)):
            assign(placement, colocation.primary, prefer, stop_if_fail)
        for colocation in list(dependents_of(resource)):
            add_dependent_scores(resource, colocation)
            placement.trace.scores(resource, ScoreCause.COLOCATED_BY, colocation)
        placement.show_scores(resource, "pcmk__clone_assign")
        resource.children = sort_instances(resource.children)
        assign_instances(
            placement, resource, resource.children, resource.clone.clone_max, resource.clone.clone_node_max
        )
        if resource.promotable:
            choose_promoted(placement, resource)
        resource.is_assigning = False
        resource.unassigned = False
        return None

    def apply_as_dependent(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        raise AssertionError("it is a clone's instances that depend on others, never the clone")

    def apply_as_primary(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        if primary.unassigned:
            return 0
        if primary.promotable and colocation.primary_role is not Role.UNKNOWN:
            if dependent.unassigned:
                apply_to_unplaced_dependent(primary, dependent, colocation)
                return 0
            if colocation.dependent_role is Role.PROMOTED:
                return apply_to_promotable_dependent(placement, primary, dependent, colocation)
        if _interleaves(colocation):
            return _apply_interleaved(placement, dependent, primary, colocation)
        if colocation.score >= INFINITY:
            _restrict_to_instances(dependent, primary)
            return 0
        change: Score = 0
        for instance in primary.children:
            change = scores.add(
                change, KINDS[instance.kind].apply_as_primary(placement, dependent, instance, colocation)
            )
        return change


KINDS[ResourceKind.CLONE] = ClonePlacement()


def most_per_node(collective: Resource) -> int:
    """How many instances may run on one node."""
    if collective.clone is not None:
        return collective.clone.clone_node_max
    return collective.bundle.replicas_per_host if collective.bundle is not None else 0


def _interleaves(colocation: ResolvedColocation) -> bool:
    """Whether each instance of the dependent looks at one instance of the primary only."""
    dependent = colocation.dependent
    return (
        dependent.kind in (ResourceKind.CLONE, ResourceKind.BUNDLE)
        and is_true(dependent.meta.get("interleave"))
        and most_per_node(dependent) == most_per_node(colocation.primary)
    )


def _apply_interleaved(
    placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
) -> Score:
    instance = compatible_instance(placement.strategy, dependent, primary)
    if instance is not None:
        return KINDS[dependent.kind].apply_as_dependent(placement, dependent, instance, colocation)
    if colocation.score >= INFINITY:
        assign_to(placement, dependent, None, force=True, stop_if_fail=True)
    return 0


def _restrict_to_instances(dependent: Resource, primary: Resource) -> None:
    nodes = []
    for instance in primary.children:
        node = assigned_node(instance)
        if node is not None and not any_blocked(instance):
            nodes.append((node, 0))
    restrict_to(dependent, nodes[::-1], merge_scores=False)
