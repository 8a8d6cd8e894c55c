"""Where one primitive goes: its colocations first, then the best candidate that remains.

Mandatory colocations are weighed before optional ones, and those in which it depends on others before those in which
others depend on it: first what it must respect, then whom it should please.
"""

from __future__ import annotations

from crm.model.score import INFINITY, Score
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.picture.cluster import Candidate, Node, Resource, ResourceKind, Role
from crm.policy_engine.picture.options import NoQuorumPolicy
from crm.policy_engine.picture.score_trace import ScoreCause
from crm.policy_engine.picture.tree import current_node
from crm.policy_engine.placement.assignment import assign_to
from crm.policy_engine.placement.candidates import (
    any_available,
    ban_everywhere,
    copy_table,
    is_available,
    is_usable,
    sort_candidates,
)
from crm.policy_engine.placement.colocation_scores import (
    ColocationEffect,
    MergesColocated,
    add_dependent_scores,
    apply_to_priority,
    apply_to_scores,
    dependents_of,
    effect_of,
    primaries_of,
)
from crm.policy_engine.placement.placement import KINDS, Placement, assign
from crm.policy_engine.placement.utilization import ban_where_too_small


class PrimitivePlacement(MergesColocated):
    """The ways of primitives."""

    def assign(self, placement: Placement, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> Node | None:
        parent = resource.parent
        if parent is not None and not parent.is_assigning:
            assign(placement, parent, prefer, stop_if_fail)
        if not resource.unassigned:
            return resource.assigned
        if resource.is_assigning:
            return None
        resource.is_assigning = True
        _weigh_colocations(placement, resource)
        _respect_next_role(placement, resource)
        placement.show_scores(resource, "pcmk__primitive_assign")
        _choose(placement, resource, prefer, stop_if_fail)
        resource.is_assigning = False
        if resource.is_remote_connection:
            _connect_remote_node(placement, resource)
        return resource.assigned

    def apply_as_dependent(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        return KINDS[primary.kind].apply_as_primary(placement, dependent, primary, colocation)

    def apply_as_primary(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        match effect_of(dependent, primary, colocation):
            case ColocationEffect.ROLE:
                return apply_to_priority(dependent, primary, colocation)
            case ColocationEffect.LOCATION:
                apply_to_scores(dependent, primary, colocation)
        return 0


KINDS[ResourceKind.PRIMITIVE] = PrimitivePlacement()


def _weigh_colocations(placement: Placement, resource: Resource) -> None:
    primaries, dependents = primaries_of(resource), dependents_of(resource)
    for mandatory in (True, False):
        for colocation in list(primaries):
            if colocation.is_mandatory is mandatory:
                _follow_primary(placement, resource, colocation)
                placement.trace.scores(resource, ScoreCause.COLOCATED_WITH, colocation)
        for colocation in list(dependents):
            if colocation.is_mandatory is mandatory:
                add_dependent_scores(resource, colocation)
                placement.trace.scores(resource, ScoreCause.COLOCATED_BY, colocation)


def _follow_primary(placement: Placement, resource: Resource, colocation: ResolvedColocation) -> None:
    """Place the primary, then take the consequences; a wish that would leave no node is dropped."""
    primary = colocation.primary
    is_wish = colocation.dependent_role >= Role.PROMOTED or -INFINITY < colocation.score < 0
    before = copy_table(resource.allowed) if is_wish else None
    if primary.unassigned:
        assign(placement, primary)
    KINDS[resource.kind].apply_as_dependent(placement, resource, primary, colocation)
    if before is not None and not any_available(resource.allowed):
        resource.allowed = before


def _respect_next_role(placement: Placement, resource: Resource) -> None:
    cluster = placement.cluster
    if resource.next_role is Role.STOPPED:
        ban_everywhere(cluster, resource)
        placement.trace.scores(resource, ScoreCause.STOPPED)
    elif (
        resource.next_role > resource.role
        and not cluster.quorate
        and cluster.settings.no_quorum_policy is NoQuorumPolicy.FREEZE
    ):
        resource.next_role = resource.role


def _choose(placement: Placement, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> None:
    cluster = placement.cluster
    if cluster.settings.fencing_enabled and not cluster.have_fence_devices:
        resource.managed = False
    if not resource.managed:
        resource.next_role = resource.role
        node = current_node(resource)
        candidate = Candidate(node, node.base_score, node.probing) if node is not None else None
        assign_to(placement, resource, candidate, force=True, stop_if_fail=stop_if_fail)
    elif cluster.settings.stop_all_resources:
        assign_to(placement, resource, None, force=True, stop_if_fail=stop_if_fail)
    else:
        _choose_best(placement, resource, prefer, stop_if_fail)


def _choose_best(placement: Placement, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> None:
    roomiest = ban_where_too_small(placement, resource)
    placement.trace.scores(resource, ScoreCause.CAPACITY)
    if prefer is None:
        prefer = roomiest
    if not resource.unassigned:
        return
    current = current_node(resource)
    ranked = sort_candidates(placement.strategy, resource.allowed.values(), current)
    chosen: Candidate | None = None
    if prefer is not None and ranked:
        chosen = resource.allowed.get(prefer.id)
        if chosen is not None and (chosen.score < ranked[0].score or not is_available(chosen)):
            chosen = None
    if chosen is None and ranked:
        chosen = _best(resource, ranked, current)
    placement.trace.choice(resource, ranked, chosen, prefer)
    assign_to(placement, resource, chosen, force=False, stop_if_fail=stop_if_fail)


def _best(resource: Resource, ranked: list[Candidate], current: Node | None) -> Candidate:
    """The first, or among equals with a positive score the node where it runs (not for unique instances)."""
    best = ranked[0]
    parent = resource.parent
    in_unique_clone = parent is not None and parent.is_clone and parent.unique
    if in_unique_clone or best.score <= 0 or not is_usable(best.node) or current is None:
        return best
    if not is_usable(current):
        return best
    chosen = best
    for candidate in ranked[1:]:
        if candidate.score != chosen.score:
            break
        if candidate.node is current:
            chosen = candidate
    return chosen


def _connect_remote_node(placement: Placement, connection: Resource) -> None:
    """Planning goes on as if the connection were made (or ended) already."""
    node = placement.cluster.nodes_by_name.get(connection.id)
    if node is None:
        return
    if connection.assigned is not None and connection.next_role is not Role.STOPPED:
        node.online = True
        if node.unseen:
            node.unclean = False
    else:
        node.shutting_down = True


