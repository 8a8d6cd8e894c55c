"""Groups: members are placed one after the other; being colocated, they end up where the first one goes."""

from __future__ import annotations

from crm.model import score as scores
from crm.model.score import INFINITY, Score
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.picture.cluster import Node, Resource, ResourceKind
from crm.policy_engine.placement.placement import KINDS, Placement, ScoreMerge, assign
from crm.policy_engine.placement.weights import Weights


class GroupPlacement:
    """The ways of groups."""

    def assign(self, placement: Placement, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> Node | None:
        if not resource.unassigned:
            return resource.assigned
        if resource.is_assigning:
            return None
        if not resource.children:
            resource.unassigned = False
            return None
        resource.is_assigning = True
        first = resource.children[0]
        resource.role = first.role
        placement.show_scores(resource, "pcmk__group_assign")
        home: Node | None = None
        for member in resource.children:
            node = assign(placement, member, prefer, stop_if_fail)
            home = home or node
        resource.next_role = first.next_role
        resource.is_assigning = False
        resource.unassigned = False
        return home if resource.members_colocated else None

    def apply_as_dependent(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        if not dependent.children:
            return 0
        change: Score = 0
        if dependent.members_colocated:
            first = dependent.children[0]
            change = KINDS[first.kind].apply_as_dependent(placement, first, primary, colocation)
        elif colocation.score < INFINITY:
            for member in dependent.children:
                change = scores.add(
                    change, KINDS[member.kind].apply_as_primary(placement, member, primary, colocation)
                )
        if change:
            dependent.priority = scores.add(change, dependent.priority)
        return change

    def apply_as_primary(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        if primary.unassigned or not primary.children:
            return 0
        if primary.members_colocated:
            # Who must be with the group waits for its last member; who would like to be looks at the first.
            member = primary.children[-1 if colocation.score >= INFINITY else 0]
            return KINDS[member.kind].apply_as_primary(placement, dependent, member, colocation)
        if colocation.score >= INFINITY:
            return 0
        change: Score = 0
        for member in primary.children:
            change = scores.add(change, KINDS[member.kind].apply_as_primary(placement, dependent, member, colocation))
        return change

    def merge_scores(
        self,
        source: Resource,
        target: Resource | None,
        weights: Weights | None,
        colocation: ResolvedColocation | None,
        factor: float,
        merge: ScoreMerge,
    ) -> Weights:
        if source.merging or not source.children:
            return weights if weights is not None else Weights.of(source.allowed)
        source.merging = True
        member = source.children[-1 if weights is None else 0]
        merged = KINDS[member.kind].merge_scores(member, target, weights, colocation, factor, merge)
        source.merging = False
        return merged


KINDS[ResourceKind.GROUP] = GroupPlacement()
