"""Bundles: the containers are placed like instances of a clone, addresses and connections follow, and what runs inside
is bound to the guest node of its container.
"""

from __future__ import annotations

from crm.model import score as scores
from crm.model.score import INFINITY, MINUS_INFINITY, Score
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.picture.cluster import Node, Replica, Resource, ResourceKind, Role
from crm.policy_engine.picture.score_trace import ScoreCause
from crm.policy_engine.picture.tree import any_blocked, assigned_node
from crm.policy_engine.placement.assignment import assign_to
from crm.policy_engine.placement.candidates import sort_candidates
from crm.policy_engine.placement.colocation_scores import MergesColocated, restrict_to
from crm.policy_engine.placement.criteria import threshold_reached
from crm.policy_engine.placement.instances import assign_instances, matches, sort_instances
from crm.policy_engine.placement.placement import KINDS, Placement, assign


class BundlePlacement(MergesColocated):
    """The ways of bundles."""

    def assign(self, placement: Placement, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> Node | None:
        settings = resource.bundle
        assert settings is not None
        resource.is_assigning = True
        placement.show_scores(resource, "pcmk__bundle_assign")
        containers = sort_instances([replica.container for replica in settings.replicas])
        assign_instances(placement, resource, containers, len(settings.replicas), settings.replicas_per_host)
        for replica in settings.replicas:
            _assign_replica(placement, replica, prefer, stop_if_fail)
        if settings.child is not None:
            own_nodes = {replica.node.id for replica in settings.replicas if replica.node is not None}
            for candidate in settings.child.allowed.values():
                candidate.score = 0 if candidate.node.id in own_nodes else MINUS_INFINITY
            placement.trace.scores(settings.child, ScoreCause.CONTAINER)
            assign(placement, settings.child, prefer, stop_if_fail)
        resource.is_assigning = False
        resource.unassigned = False
        return None

    def apply_as_dependent(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        raise AssertionError("it is a bundle's containers that depend on others, never the bundle")

    def apply_as_primary(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        if primary.unassigned:
            return 0
        if colocation.dependent.kind in (ResourceKind.CLONE, ResourceKind.BUNDLE):
            return _apply_instance_by_instance(placement, dependent, primary, colocation)
        assert primary.bundle is not None
        if colocation.score >= INFINITY:
            restrict_to(dependent, _hosts(primary.bundle.replicas, colocation), merge_scores=False)
            return 0
        change: Score = 0
        for replica in primary.bundle.replicas:
            container = replica.container
            change = scores.add(
                change, KINDS[container.kind].apply_as_primary(placement, dependent, container, colocation)
            )
        return change


KINDS[ResourceKind.BUNDLE] = BundlePlacement()


def _assign_replica(placement: Placement, replica: Replica, prefer: Node | None, stop_if_fail: bool) -> None:
    if replica.ip is not None:
        assign(placement, replica.ip, prefer, stop_if_fail)
    host = replica.container.assigned
    if replica.remote is not None:
        if host is not None and host.is_remote_kind:
            assert host.remote is not None
            placement.on_colocation(
                ResolvedColocation("#replica-remote-with-host-remote", replica.remote, host.remote, INFINITY)
            )
        assign(placement, replica.remote, prefer, stop_if_fail)
    if replica.child is not None:
        _assign_inner(placement, replica, replica.child, stop_if_fail)


def _assign_inner(placement: Placement, replica: Replica, child: Resource, stop_if_fail: bool) -> None:
    """What runs in a replica may run nowhere else, and has to, unless it failed there too often."""
    for candidate in child.allowed.values():
        if candidate.node is not replica.node:
            candidate.score = MINUS_INFINITY
        elif threshold_reached(placement.cluster, child, candidate.node) is None:
            candidate.score = INFINITY
    placement.trace.scores(child, ScoreCause.CONTAINER)
    clone = child.parent
    assert clone is not None
    clone.is_assigning = True
    assign(placement, child, replica.node, stop_if_fail)
    clone.is_assigning = False


def _apply_instance_by_instance(
    placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
) -> Score:
    container = _compatible_container(placement.strategy, dependent, primary)
    if container is not None:
        return KINDS[dependent.kind].apply_as_dependent(placement, dependent, container, colocation)
    if colocation.score >= INFINITY:
        assign_to(placement, dependent, None, force=True, stop_if_fail=True)
    return 0


def _compatible_container(strategy: str, dependent: Resource, bundle: Resource) -> Resource | None:
    assert bundle.bundle is not None
    node = _host_of(assigned_node(dependent))
    if node is not None:
        nodes = [node]
    else:
        ranked = sort_candidates(strategy, dependent.allowed.values())
        nodes = [host for host in (_host_of(candidate.node) for candidate in ranked) if host is not None]
    for each in nodes:
        for replica in bundle.bundle.replicas:
            if matches(replica.container, each, Role.UNKNOWN, current=False):
                return replica.container
    return None


def _host_of(node: Node | None) -> Node | None:
    """For a bundle's guest node the node that its container goes to."""
    if node is None or not node.is_bundle_node:
        return node
    assert node.remote is not None and node.remote.launcher is not None
    return assigned_node(node.remote.launcher)


def _hosts(replicas: list[Replica], colocation: ResolvedColocation) -> list[tuple[Node, Score]]:
    """Nodes that have a container, if need be with a promoted resource inside."""
    nodes: list[tuple[Node, Score]] = []
    for replica in replicas:
        node = assigned_node(replica.container)
        if node is None or any_blocked(replica.container):
            continue
        wants_promoted = colocation.primary_role >= Role.PROMOTED
        if wants_promoted and (replica.child is None or replica.child.next_role < Role.PROMOTED):
            continue
        nodes.insert(0, (node, 0))
    return nodes
