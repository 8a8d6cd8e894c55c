"""Orderings (and colocations) that follow from what a resource is, not from a constraint.

A collective's milestones stand around what happens to its members: `start`, `running`, `stop`, `stopped` and, for
promotable ones, `promote`, `promoted`, `demote`, `demoted`.
"""

from __future__ import annotations

from collections.abc import Callable

from crm.model.score import INFINITY, MINUS_INFINITY
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction
from crm.policy_engine.actions.action_graph import ActionGraph
from crm.policy_engine.actions.fencing_actions import order_restart_after_unfencing
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.picture.cluster import Candidate, Node, Replica, Requires, Resource, ResourceKind, Role
from crm.policy_engine.picture.names import natural_key
from crm.policy_engine.picture.tree import contained_connection
from crm.policy_engine.placement.instances import instance_number

AddColocation = Callable[[ResolvedColocation], None]


def add_implicit_constraints(plan: ActionGraph, resource: Resource, colocate: AddColocation) -> None:
    """Add what follows from the resource and from all in it."""
    match resource.kind:
        case ResourceKind.PRIMITIVE:
            _imply_primitive(plan, resource, colocate)
        case ResourceKind.GROUP:
            _imply_group(plan, resource, colocate)
        case ResourceKind.CLONE:
            _imply_clone(plan, resource, colocate)
        case ResourceKind.BUNDLE:
            _imply_bundle(plan, resource, colocate)


# Primitives


def _imply_primitive(plan: ActionGraph, resource: Resource, colocate: AddColocation) -> None:
    if not resource.managed:
        return
    plan.order(resource, "stop", resource, "start", r.ORDERED | r.FIRST_REQUIRES_THEN | r.RESTART)
    if resource.top.promotable or resource.role > Role.UNPROMOTED:
        plan.order(resource, "demote", resource, "stop", r.PROMOTED_THEN_NEEDS_FIRST)
        plan.order(resource, "start", resource, "promote", r.UNRUNNABLE_FIRST_BLOCKS)
    for forget in ("lrm_delete", "delete"):  # What is asked about anew on a node need not be forgotten there.
        plan.order(resource, forget, resource, "monitor", r.SAME_NODE | r.THEN_CANCELS_FIRST)
    candidates = sorted(resource.allowed.values(), key=lambda candidate: natural_key(candidate.node.name))
    if (
        plan.cluster.unfencing_enabled
        and resource.requires is Requires.UNFENCING
        and not resource.is_fence_device
    ):
        for candidate in candidates:
            order_restart_after_unfencing(plan, resource, candidate.node)
    if resource.utilization and plan.cluster.settings.placement_strategy != "default":
        _imply_capacity(plan, resource, candidates)
    if resource.launcher is not None:
        _imply_launcher(plan, resource, resource.launcher, candidates, colocate)
    if resource.is_remote_connection or resource.is_fence_device:
        _avoid_remote_nodes(resource)


def _imply_capacity(plan: ActionGraph, resource: Resource, candidates: list[Candidate]) -> None:
    """Nothing starts (or arrives) on a node before what leaves it has made room."""
    for node in resource.active_on:
        milestone = _load_stopped(plan, node)
        plan.order_before_action(resource, "stop", milestone, r.SAME_NODE_OR_TARGET)
    for candidate in candidates:
        milestone = _load_stopped(plan, candidate.node)
        plan.order_after_action(milestone, resource, "start", r.SAME_NODE_OR_TARGET)
        plan.order_after_action(milestone, resource, "migrate_to", r.SAME_NODE_OR_TARGET)


def _load_stopped(plan: ActionGraph, node: Node) -> PlannedAction:
    milestone = plan.milestone(f"load_stopped_{node.name}")
    if milestone.node is None:
        milestone.node = node
        milestone.optional = False
    return milestone


def _imply_launcher(
    plan: ActionGraph, resource: Resource, launcher: Resource, candidates: list[Candidate], colocate: AddColocation
) -> None:
    if resource.is_remote_connection:
        if not resource.remote_nesting_allowed:
            _avoid_remote_nodes(launcher)
        plan.order(launcher, "monitor", resource, "stop", r.ORDERED)
        connection = None
    elif launcher.is_remote_connection:
        connection = launcher
    else:
        connection = contained_connection(plan.cluster, launcher)
    if connection is not None:
        # It runs on the guest node that the connection leads to, and nowhere else.
        for candidate in candidates:
            if candidate.node.remote is not connection:
                candidate.score = MINUS_INFINITY
        return
    plan.order(launcher, "start", resource, "start", r.FIRST_REQUIRES_THEN | r.UNRUNNABLE_FIRST_BLOCKS)
    plan.order(resource, "stop", launcher, "stop", r.THEN_NEEDS_FIRST)
    # A connection into a container on a remote node may be made from elsewhere.
    score = 10_000 if resource.remote_nesting_allowed else INFINITY
    colocate(ResolvedColocation("#resource-with-container", resource, launcher, score))


def _avoid_remote_nodes(resource: Resource) -> None:
    for candidate in resource.allowed.values():
        if candidate.node.remote is not None:
            candidate.score = MINUS_INFINITY


# Groups


def _imply_group(plan: ActionGraph, group: Resource, colocate: AddColocation) -> None:
    plan.order(group, "stop", group, "stopped", r.UNRUNNABLE_FIRST_BLOCKS)
    plan.order(group, "stopped", group, "start", r.ORDERED)
    plan.order(group, "start", group, "running", r.UNRUNNABLE_FIRST_BLOCKS)
    previous: Resource | None = None
    last_active: Resource | None = None
    for member in group.children:
        add_implicit_constraints(plan, member, colocate)
        _imply_member(plan, group, member, previous, colocate)
        if member.active_on:
            skips_inactive = group.members_ordered and previous is not None and not previous.active_on
            if skips_inactive and last_active is not None:
                plan.order(member, "stop", last_active, "stop", r.ORDERED)
            last_active = member
        previous = member


def _imply_member(
    plan: ActionGraph, group: Resource, member: Resource, previous: Resource | None, colocate: AddColocation
) -> None:
    promotable, ordered = group.top.promotable, group.members_ordered
    down, after_down = r.THEN_SHOWS_FIRST, r.FIRST_SHOWS_THEN
    if previous is None:
        if ordered:
            down |= r.ORDERED
            after_down = r.FIRST_REQUIRES_THEN
    elif group.members_colocated:
        colocate(ResolvedColocation("#group-members", member, previous, INFINITY, influence=member.critical))
    done = r.UNRUNNABLE_FIRST_BLOCKS | r.FIRST_REQUIRES_THEN | r.FIRST_SHOWS_THEN
    if promotable:
        plan.order(group, "demote", member, "demote", down)
        plan.order(member, "demote", group, "demoted", after_down)
        plan.order(member, "promote", group, "promoted", done)
        plan.order(group, "promote", member, "promote", r.THEN_SHOWS_FIRST)
    plan.order(group, "stop", member, "stop", down)
    plan.order(member, "stop", group, "stopped", after_down)
    plan.order(group, "start", member, "start", r.THEN_SHOWS_FIRST)
    plan.order(member, "start", group, "running", done)
    if not ordered:
        together = r.FIRST_REQUIRES_THEN | r.UNRUNNABLE_FIRST_BLOCKS | r.THEN_SHOWS_FIRST
        plan.order(group, "start", member, "start", together)
        if promotable:
            plan.order(group, "promote", member, "promote", together)
    elif previous is not None:
        _imply_sequence(plan, member, previous, promotable)


def _imply_sequence(plan: ActionGraph, member: Resource, previous: Resource, promotable: bool) -> None:
    """Up after the member before, down before it."""
    up = r.FIRST_REQUIRES_THEN | r.UNRUNNABLE_FIRST_BLOCKS
    plan.order(previous, "start", member, "start", up)
    plan.order(member, "stop", previous, "stop", r.ORDERED | r.RESTART)
    if member.active_on and not previous.active_on:
        # It runs although the one before it does not: it has to stop before that may start.
        plan.order(member, "stop", previous, "start", r.THEN_NEEDS_FIRST | r.UNRUNNABLE_FIRST_BLOCKS)
    if promotable:
        plan.order(previous, "promote", member, "promote", up)
        plan.order(member, "demote", previous, "demote", r.ORDERED)


# Clones


def _imply_clone(plan: ActionGraph, clone: Resource, colocate: AddColocation) -> None:
    assert clone.clone is not None
    plan.order(clone, "stopped", clone, "start", r.ORDERED)
    plan.order(clone, "start", clone, "running", r.UNRUNNABLE_FIRST_BLOCKS)
    plan.order(clone, "stop", clone, "stopped", r.UNRUNNABLE_FIRST_BLOCKS)
    if clone.promotable:
        plan.order(clone, "demoted", clone, "stop", r.ORDERED)
        plan.order(clone, "running", clone, "promote", r.UNRUNNABLE_FIRST_BLOCKS)
    ordered = clone.clone.ordered
    if ordered:
        clone.children = sorted(clone.children, key=instance_number)
    for position, instance in enumerate(clone.children):
        add_implicit_constraints(plan, instance, colocate)
        plan.order(clone, "start", instance, "start", r.UNRUNNABLE_FIRST_BLOCKS | r.THEN_SHOWS_FIRST)
        plan.order(instance, "start", clone, "running", r.FIRST_SHOWS_THEN)
        plan.order(clone, "stop", instance, "stop", r.THEN_SHOWS_FIRST)
        plan.order(instance, "stop", clone, "stopped", r.FIRST_SHOWS_THEN)
        if ordered:
            for later in clone.children[position + 1 :]:
                plan.order(instance, "start", later, "start", r.ORDERED)
                plan.order(later, "stop", instance, "stop", r.ORDERED)
    if clone.promotable:
        _imply_promotion(plan, clone)


def _imply_promotion(plan: ActionGraph, clone: Resource) -> None:
    assert clone.clone is not None
    _imply_role_sequence(plan, clone)
    previous: Resource | None = None
    for instance in clone.children:
        plan.order(instance, "demote", instance, "promote", r.ORDERED)
        plan.order(clone, "promote", instance, "promote", r.ORDERED)
        plan.order(instance, "promote", clone, "promoted", r.ORDERED)
        if previous is not None and clone.clone.ordered:
            plan.order(previous, "promote", instance, "promote", r.ORDERED)
        plan.order(clone, "demote", instance, "demote", r.THEN_SHOWS_FIRST)
        plan.order(instance, "demote", clone, "demoted", r.FIRST_SHOWS_THEN)
        if previous is not None and clone.clone.ordered:
            plan.order(instance, "demote", previous, "demote", r.ORDERED)
        previous = instance


_ROLE_SEQUENCE = (
    ("stopped", "start"),
    ("stopped", "promote"),
    ("demoted", "stop"),
    ("demoted", "start"),
    ("demoted", "promote"),
    ("running", "promote"),
    ("demote", "demoted"),
)
"""The milestones of a promotable collective in a restart: all are demoted before any stops, and so on."""


def _imply_role_sequence(plan: ActionGraph, collective: Resource) -> None:
    for first, then in _ROLE_SEQUENCE:
        plan.order(collective, first, collective, then, r.ORDERED)


# Bundles


def _imply_bundle(plan: ActionGraph, bundle: Resource, colocate: AddColocation) -> None:
    assert bundle.bundle is not None
    for replica in bundle.bundle.replicas:
        _imply_replica(plan, bundle, replica, colocate)
    inner = bundle.bundle.child
    if inner is None:
        return
    plan.order(bundle, "start", inner, "start", r.THEN_SHOWS_FIRST)
    plan.order(inner, "running", bundle, "running", r.FIRST_SHOWS_THEN)
    plan.order(bundle, "stop", inner, "stop", r.THEN_SHOWS_FIRST)
    plan.order(inner, "stopped", bundle, "stopped", r.FIRST_SHOWS_THEN)
    add_implicit_constraints(plan, inner, colocate)
    if inner.promotable:
        _imply_role_sequence(plan, bundle)
        plan.order(bundle, "demote", inner, "demote", r.THEN_SHOWS_FIRST)
        plan.order(inner, "demoted", bundle, "demoted", r.FIRST_SHOWS_THEN)
        plan.order(bundle, "promote", inner, "promote", r.THEN_SHOWS_FIRST)
        plan.order(inner, "promoted", bundle, "promoted", r.FIRST_SHOWS_THEN)


def _imply_replica(plan: ActionGraph, bundle: Resource, replica: Replica, colocate: AddColocation) -> None:
    container = replica.container
    add_implicit_constraints(plan, container, colocate)
    plan.order(bundle, "start", container, "start", r.UNRUNNABLE_FIRST_BLOCKS | r.THEN_SHOWS_FIRST)
    if replica.child is not None:
        plan.order(bundle, "stop", replica.child, "stop", r.THEN_SHOWS_FIRST)
    plan.order(bundle, "stop", container, "stop", r.THEN_SHOWS_FIRST)
    plan.order(container, "start", bundle, "running", r.FIRST_SHOWS_THEN)
    plan.order(container, "stop", bundle, "stopped", r.FIRST_SHOWS_THEN)
    if replica.ip is not None:
        add_implicit_constraints(plan, replica.ip, colocate)
        plan.order(replica.ip, "start", container, "start", r.UNRUNNABLE_FIRST_BLOCKS | r.GUEST_ALLOWED)
        plan.order(container, "stop", replica.ip, "stop", r.THEN_NEEDS_FIRST | r.GUEST_ALLOWED)
        colocate(ResolvedColocation("#ip-with-container", replica.ip, container, INFINITY))
    if replica.remote is not None:
        add_implicit_constraints(plan, replica.remote, colocate)
