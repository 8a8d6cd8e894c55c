"""Probes: asking nodes for the state of resources that they have not reported on. Source: Pacemaker Explained,
"Probes".
"""

from __future__ import annotations

from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action_graph import ActionGraph
from crm.policy_engine.actions.fencing_actions import order_after_unfencing
from crm.policy_engine.actions.remote import has_failed_connection
from crm.policy_engine.picture.cluster import Node, NodeKind, Probing, Replica, Resource, ResourceKind, Role
from crm.policy_engine.picture.tree import assigned_node, contained_connection
from crm.policy_engine.placement.instances import instance_number


def schedule_probes(plan: ActionGraph) -> None:
    """Make all probes that are needed, node by node."""
    for node in plan.cluster.nodes:
        if not node.online:
            if has_failed_connection(node):
                plan.fence_node(node, "the connection is unrecoverable")
        elif not node.unclean and node.probing_enabled:
            for resource in plan.cluster.resources:
                probe(plan, resource, node)


def probe(plan: ActionGraph, resource: Resource, node: Node) -> bool:
    """Make the probes of a resource on a node; whether any was needed."""
    match resource.kind:
        case ResourceKind.CLONE:
            return _probe_clone(plan, resource, node)
        case ResourceKind.BUNDLE:
            return _probe_bundle(plan, resource, node)
        case ResourceKind.PRIMITIVE | ResourceKind.GROUP:
            return _probe_plain(plan, resource, node)


def _probe_all(plan: ActionGraph, resources: list[Resource], node: Node) -> bool:
    made = [probe(plan, resource, node) for resource in resources]
    return any(made)


def _probe_clone(plan: ActionGraph, clone: Resource, node: Node) -> bool:
    if clone.exclusive_probing:
        candidate = clone.allowed.get(node.id)
        if candidate is None or candidate.probing is not Probing.EXCLUSIVE:
            clone.allowed.pop(node.id, None)
            return False
    clone.children = sorted(clone.children, key=instance_number)
    if clone.unique:
        return _probe_all(plan, clone.children, node)
    return probe(plan, _instance_to_probe(clone, node), node)


def _instance_to_probe(clone: Resource, node: Node) -> Resource:
    """Anonymous instances are alike: the one that is known there, will be there, or else the first."""
    for instance in clone.children:
        if any(node in each.known_on.values() for each in instance.walk() if not each.children):
            return instance
    for instance in clone.children:
        if assigned_node(instance) is node:
            return instance
    return clone.children[0]


def _probe_bundle(plan: ActionGraph, bundle: Resource, node: Node) -> bool:
    assert bundle.bundle is not None
    made = [_probe_replica(plan, bundle, replica, node) for replica in bundle.bundle.replicas]
    return any(made)


def _probe_replica(plan: ActionGraph, bundle: Resource, replica: Replica, node: Node) -> bool:
    assert bundle.bundle is not None
    made = False
    if replica.ip is not None:
        made = probe(plan, replica.ip, node)
    if replica.child is not None and node is replica.node:
        made = probe(plan, replica.child, node) or made
    if probe(plan, replica.container, node):
        made = True
        if bundle.bundle.replicas_per_host == 1:
            # Where one container might turn out to run, no other may start.
            for other in bundle.bundle.replicas:
                if other is not replica:
                    relation = r.ORDERED | r.SAME_NODE
                    plan.order(replica.container, "monitor", other.container, "start", relation)
    if replica.remote is not None and probe(plan, replica.remote, node):
        action = next(
            (each for each in reversed(replica.remote.actions) if _is_probe_on(each.key, each.node, replica, node)),
            None,
        )
        if action is not None:
            made = True
            plan.order_before_action(replica.container, "start", action, r.NESTED_REMOTE_PROBE)
    return made


def _is_probe_on(key: str, where: Node | None, replica: Replica, node: Node) -> bool:
    assert replica.remote is not None
    return where is node and key == f"{replica.remote.id}_monitor_0"


def _probe_plain(plan: ActionGraph, resource: Resource, node: Node) -> bool:
    if not plan.cluster.settings.startup_probes or not _may_be_there(plan, resource, node):
        return False
    if resource.children:
        return _probe_all(plan, resource.children, node)
    if resource.launcher is not None and not resource.is_remote_connection:
        return False
    if resource.removed or node.id in resource.known_on:
        return False
    if not _may_be_asked(resource, node) or not _guest_will_answer(plan, resource, node):
        return False
    _make_probe(plan, resource, node)
    return True


def _may_be_there(plan: ActionGraph, resource: Resource, node: Node) -> bool:
    """Remote nodes hold no fence devices and no connections, guests nothing that creates guests."""
    if not node.is_remote_kind:
        return True
    if resource.is_fence_device or resource.is_remote_connection:
        return False
    return node.kind is not NodeKind.GUEST or contained_connection(plan.cluster, resource) is None


def _may_be_asked(resource: Resource, node: Node) -> bool:
    candidate = resource.allowed.get(node.id)
    if resource.exclusive_probing or resource.top.exclusive_probing:
        if candidate is None or candidate.probing is not Probing.EXCLUSIVE:
            return False
    probing = candidate.probing if candidate is not None else node.probing
    return probing is not Probing.NEVER


def _guest_will_answer(plan: ActionGraph, resource: Resource, node: Node) -> bool:
    """A guest that is down, or will be, is not asked; then what will start there waits for what is known of the
    guest.
    """
    if node.kind is not NodeKind.GUEST:
        return True
    assert node.remote is not None and node.remote.launcher is not None
    guest, top = node.remote.launcher, resource.top
    if guest.role is Role.STOPPED:
        if guest.assigned is not None and guest.assigned.id not in guest.known_on:
            plan.order(guest, "monitor", top, "start", r.ORDERED)
        return False
    if _guest_will_stop(node, guest):
        plan.order(guest, "stop", top, "start", r.ORDERED)
        return False
    return True


def _guest_will_stop(node: Node, guest: Resource) -> bool:
    moves = (
        guest.role > Role.STOPPED
        and guest.assigned is not None
        and guest.assigned.name not in [each.name for each in guest.active_on]
    )
    return node.remote_needs_reset or node.unclean or guest.failed or guest.next_role is Role.STOPPED or moves


def _make_probe(plan: ActionGraph, resource: Resource, node: Node) -> None:
    action = plan.action(resource, "monitor", node, optional=False)
    action.optional = False
    order_after_unfencing(plan, resource, node, action, r.ORDERED)
    if node not in resource.active_on:
        action.meta["op_target_rc"] = "7"
    elif resource.role is Role.PROMOTED:
        action.meta["op_target_rc"] = "8"
    top = resource.top if resource.top.is_clone else resource
    relation = r.ORDERED
    if not action.runnable and not top.active_on:
        relation |= r.UNRUNNABLE_FIRST_BLOCKS
    plan.order_after_action(action, top, "start", relation)
    plan.order_after_action(action, top, "reload-agent", r.ORDERED)


