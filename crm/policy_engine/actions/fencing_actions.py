"""Fencing: which nodes, in what order, and what has to wait for it. Also unfencing, and nodes that shut down.

Source: Pacemaker Explained, "Fencing", "Cluster Options". A fenced node cannot confirm its stops, so the fencing
counts as the confirmation: stops and demotes there become pseudo-actions after it.
"""

from __future__ import annotations

from crm.model.report import Report, Severity
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction, relate
from crm.policy_engine.actions.action_graph import ActionGraph, actions_for, newest_action
from crm.policy_engine.picture.attributes import node_attribute
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind, Requires, Resource
from crm.policy_engine.picture.fenceability import can_fence
from crm.policy_engine.picture.options import NoQuorumPolicy
from crm.policy_engine.picture.tree import in_bundle, needs_fencing

# Asking for it


def mark_for_fencing(plan: ActionGraph, node: Node, reason: str, priority_delay: bool = False) -> None:
    """Mark a node as not to be trusted until it is fenced; a guest is fenced by recovering its container."""
    connection = node.remote
    if node.kind is NodeKind.GUEST:
        assert connection is not None and connection.launcher is not None
        container = connection.launcher
        if not container.failed and container.managed:
            node.remote_needs_reset = True
            container.failed = container.stop_if_failed = True
    elif _is_dangling_guest(node):
        assert connection is not None
        connection.failed = connection.stop_if_failed = True
    elif node.kind is NodeKind.REMOTE:
        if connection is None or connection.managed:
            node.remote_needs_reset = True
        node.unclean = True
        fencing_action(plan, node, optional=True, reason=reason)
    elif not node.unclean:
        node.unclean = True
        fencing_action(plan, node, optional=True, reason=reason, priority_delay=priority_delay)


def _is_dangling_guest(node: Node) -> bool:
    """A guest node whose container is not configured any more."""
    connection = node.remote
    return connection is not None and connection.launcher is None and connection.removed_launched


def fencing_action(
    plan: ActionGraph,
    node: Node,
    kind: str | None = None,
    optional: bool = True,
    reason: str | None = None,
    priority_delay: bool = False,
) -> PlannedAction:
    """The action that fences (or with kind "on" unfences) a node; `optional` until somebody needs it."""
    cluster = plan.cluster
    kind = kind or cluster.settings.fencing_action
    key = f"stonith-{node.name}-{kind}"
    action = plan.singletons.get(key)
    if action is None:
        action = plan.singleton(key, "stonith", node, optional=True)
        action.meta["on_node"] = node.name
        action.meta["on_node_uuid"] = node.id
        action.meta["stonith_action"] = kind
        if cluster.unfencing_enabled:
            optional = _add_device_digests(cluster, node, action) and optional
    if cluster.settings.priority_fencing_delay_ms > 0 and (priority_delay or _DELAY in action.meta):
        action.meta[_DELAY] = str(_priority_delay_s(cluster, node))
    if not optional and can_fence(cluster, node):
        action.optional = False
        action.set_reason(reason)
    elif reason is not None and action.reason is None:
        action.reason = reason
    return action


_DELAY = "priority-fencing-delay"


def _add_device_digests(cluster: Cluster, node: Node, action: PlannedAction) -> bool:
    """Note the definitions of all devices that unfence, by digest; False when one changed since the node was
    unfenced.
    """
    from crm.policy_engine.picture.digests import compare_fencing_digest

    unchanged, all_digests, secure_digests = True, "", ""
    for device in unfencing_devices(cluster):
        found = compare_fencing_digest(cluster, device, node)
        unchanged = unchanged and not found.changed
        all_digests += f"{device.id}:{device.type}:{found.all},"
        secure_digests += f"{device.id}:{device.type}:{found.public},"
    action.meta["digests-all"] = all_digests
    action.meta["digests-secure"] = secure_digests
    return unchanged


def unfencing_devices(cluster: Cluster) -> list[Resource]:
    """Fence devices that unfence, the last in the configuration first."""
    found = [
        resource
        for top in cluster.resources
        for resource in top.primitives()
        if resource.is_fence_device
        and (
            resource.requires is Requires.UNFENCING or (resource.meta.get("provides") or "").lower() == "unfencing"
        )
    ]
    return found[::-1]


def _priority_delay_s(cluster: Cluster, node: Node) -> int:
    """Seconds that fencing a node waits because as much or more runs there as anywhere: only when half of the members
    or more are lost, so that of two halves the more important one fences first.
    """
    if node.kind is not NodeKind.MEMBER or node.online:
        return 0
    members = [each for each in cluster.nodes if each.kind is NodeKind.MEMBER]
    online = sum(each.online for each in members)
    priorities = [each.priority for each in members]
    if online > len(members) // 2 or min(priorities) == max(priorities) or node.priority < max(priorities):
        return 0
    return (cluster.settings.priority_fencing_delay_ms + 500) // 1000


# Unfencing


def is_unfenced(node: Node) -> bool:
    """Whether the node was unfenced since it last joined."""
    return node_attribute(node, "#node-unfenced", current=True) not in (None, "0")


def order_after_unfencing(plan: ActionGraph, resource: Resource, node: Node, action: PlannedAction,
                          relation: int) -> None:
    """Order an action after its node is unfenced, when the resource needs that; and see that it is."""
    device = resource.is_fence_device and plan.cluster.unfencing_enabled
    if not device and resource.requires is not Requires.UNFENCING:
        return
    unfence = fencing_action(plan, node, "on")
    relate(unfence, action, relation)
    if not is_unfenced(node):
        trigger_unfencing(plan, None, node, f"required by {resource.id} {action.task}")


def trigger_unfencing(plan: ActionGraph, resource: Resource | None, node: Node | None, reason: str) -> None:
    """See that a node is unfenced (for a device without one: all its nodes). Only fence devices ask by themselves."""
    if not plan.cluster.unfencing_enabled or (resource is not None and not resource.is_fence_device):
        return
    if node is not None and _can_unfence(node):
        fencing_action(plan, node, "on", optional=False, reason=reason)
    elif resource is not None:
        for candidate in resource.allowed.values():
            if _can_unfence(candidate.node):
                trigger_unfencing(plan, resource, candidate.node, reason)


def _can_unfence(node: Node) -> bool:
    return node.online and not node.unclean and not node.shutting_down


def order_restart_after_unfencing(plan: ActionGraph, resource: Resource, node: Node) -> None:
    """What needs unfencing stops before its node is unfenced again, and starts after it."""
    unfence = fencing_action(plan, node, "on")
    plan.order_before_action(resource, "stop", unfence, r.ORDERED | r.SAME_NODE)
    plan.order_after_action(unfence, resource, "start", r.FIRST_REQUIRES_THEN_ON_SAME_NODE | r.SAME_NODE)


# Scheduling


def schedule_fencing_and_shutdowns(plan: ActionGraph) -> None:
    """Fence what is unclean, shut down what asked for it; the coordinator comes last."""
    cluster = plan.cluster
    any_managed = any(each.managed for top in cluster.resources for each in top.walk())
    fencings: list[PlannedAction] = []
    shutdowns: list[PlannedAction] = []
    dc_action: PlannedAction | None = None
    integrity_lost = False
    for node in cluster.nodes:
        if node.kind is NodeKind.GUEST:
            if node.remote_needs_reset and any_managed and can_fence(cluster, node):
                _fence_guest(plan, node)
            continue
        fencing: PlannedAction | None = None
        if any_managed and node.unclean and can_fence(cluster, node):
            fencing = _fence(plan, node)
            if node is cluster.dc:
                dc_action = fencing
            else:
                if not cluster.settings.concurrent_fencing and fencings:
                    relate(fencings[-1], fencing, r.ORDERED)
                fencings.append(fencing)
        elif not node.is_remote_kind and node.online and node.shutting_down:
            shutdown = _shutdown(plan, node)
            if node is cluster.dc:
                dc_action = shutdown
            else:
                shutdowns.append(shutdown)
        if node.awaited:
            _hold_back(plan, node)
        elif fencing is None and node.unclean:
            integrity_lost = True
            _warn(cluster, "node-unclean", node.name, f"Node {node.name} is unclean but cannot be fenced.")
    if integrity_lost:
        _warn_of_lost_integrity(cluster)
    if dc_action is not None:
        _order_before_dc(cluster, dc_action, fencings, shutdowns)


def _warn(cluster: Cluster, code: str, where: str, message: str, hint: str = "") -> None:
    cluster.reports.append(Report(Severity.WARNING, code, where, message, hint))


def _warn_of_lost_integrity(cluster: Cluster) -> None:
    if not cluster.settings.fencing_enabled:
        message = "Data integrity cannot be guaranteed while a node is unclean."
        _warn(cluster, "no-fencing", "fencing-enabled", message, "Configure, enable and test fencing.")
    elif not cluster.quorate and cluster.settings.no_quorum_policy is not NoQuorumPolicy.IGNORE:
        _warn(cluster, "no-quorum", "no-quorum-policy", "Unclean nodes will not be fenced until there is quorum.")


def _order_before_dc(cluster: Cluster, dc: PlannedAction, fencings: list[PlannedAction],
                     shutdowns: list[PlannedAction]) -> None:
    if dc.task == "do_shutdown":
        for shutdown in reversed(shutdowns):
            relate(shutdown, dc, r.ORDERED)
    if cluster.settings.concurrent_fencing:
        for fencing in reversed(fencings):
            relate(fencing, dc, r.ORDERED)
    elif fencings:
        relate(fencings[-1], dc, r.ORDERED)


def _fence(plan: ActionGraph, node: Node) -> PlannedAction:
    fencing = fencing_action(plan, node, optional=False, reason="node is unclean")
    _order_around(plan, fencing, node)
    return fencing


def _shutdown(plan: ActionGraph, node: Node) -> PlannedAction:
    shutdown = plan.singleton(f"do_shutdown-{node.name}", "do_shutdown", node, optional=False)
    for action in reversed(plan.actions):
        resource = action.resource
        if action.task != "stop" or resource is None or action.node is not node:
            continue
        if resource.maintenance or node.maintenance or not (resource.managed or resource.blocked):
            continue
        action.optional = False
        plan.order_actions(action, shutdown, r.ORDERED | r.UNRUNNABLE_FIRST_BLOCKS)
    shutdown.meta["op_no_wait"] = "true"
    return shutdown


def _fence_guest(plan: ActionGraph, node: Node) -> None:
    """Fence a guest: a pseudo-action after its container is stopped (or its host fenced)."""
    assert node.remote is not None
    container = node.remote.launcher
    stop = newest_action(container, "stop") if container is not None else None
    restarted = container is not None and newest_action(container, "start") is not None
    fencing = fencing_action(plan, node, "reboot" if restarted else "off", optional=False, reason="guest is unclean")
    fencing.pseudo = fencing.runnable = True
    if stop is not None and stop.pseudo:
        assert stop.node is not None
        parent = fencing_action(plan, stop.node, optional=False)
        relate(parent, fencing, r.UNRUNNABLE_FIRST_BLOCKS | r.FIRST_REQUIRES_THEN)
    elif stop is not None:
        relate(stop, fencing, r.UNRUNNABLE_FIRST_BLOCKS | r.FIRST_REQUIRES_THEN)
    else:
        stop = newest_action(node.remote, "stop")
        relate(stop, fencing, r.ORDERED)
    _order_around(plan, fencing, node)


# What has to wait for it


def _order_around(plan: ActionGraph, fencing: PlannedAction, target: Node) -> None:
    for top in plan.cluster.resources:
        for resource in _leaves(top):
            if resource.managed:
                _order_starts(resource, fencing, target)
                _order_stops(plan, resource, fencing, target)


def _leaves(resource: Resource) -> list[Resource]:
    if not resource.children:
        return [resource]
    return [leaf for child in resource.children for leaf in _leaves(child)]


def _order_starts(resource: Resource, fencing: PlannedAction, target: Node) -> None:
    for action in reversed(resource.actions):
        if action.needs is Requires.FENCING:
            relate(fencing, action, r.ORDERED)
        elif action.needs is Requires.QUORUM and action.task == "start":
            # It may be running there unknown to us.
            if target.id in resource.allowed and not _is_known_on(resource, target):
                relate(fencing, action, r.ORDERED | r.UNRUNNABLE_FIRST_BLOCKS)


def _hold_back(plan: ActionGraph, target: Node) -> None:
    """Begin nothing that a lost node may be running: nobody fences it, and the end of its lease makes a new plan.

    Its stops cannot be done, so what is known to run there stays where it is. This is about the unknown; and a
    promotion may have been on its way to any instance there.
    """
    for top in plan.cluster.resources:
        for resource in _leaves(top):
            for action in resource.actions:
                if action.needs is not Requires.NOTHING and _may_be_done_on(target, resource, action):
                    action.runnable = False
                    action.set_reason(f"{target.name} may run it", overwrite=True)


def _may_be_done_on(target: Node, resource: Resource, action: PlannedAction) -> bool:
    if action.optional or target.id not in resource.allowed:
        return False
    if action.task == "start":
        return not _is_known_on(resource, target)
    alike = resource.parent.primitives() if resource.parent is not None else (resource,)
    active = any(target in each.active_on for each in alike)
    return action.task == "promote" and (active or not _is_known_on(resource, target))


def _is_known_on(resource: Resource, node: Node) -> bool:
    if node.id in resource.known_on:
        return True
    parent = resource.parent
    anonymous = parent is not None and parent.is_clone and not parent.unique
    return resource.is_primitive and anonymous and parent is not None and node.id in parent.known_on


def _order_stops(plan: ActionGraph, resource: Resource, fencing: PlannedAction, target: Node) -> None:
    from crm.policy_engine.actions.notifications import notify_after_fencing

    implied = needs_fencing(resource) or target.kind is NodeKind.GUEST
    stops = actions_for(resource, "stop", target)
    collective_stop = newest_action(resource.top, "stop") if stops and implied else None
    for action in stops:
        action.pseudo = action.runnable = True
        if implied:
            if not in_bundle(resource):
                relate(fencing, action, r.GUEST_ALLOWED)
            relate(fencing, collective_stop, r.GUEST_ALLOWED)
        if resource.notify:
            notify_after_fencing(plan, action, resource, fencing)
    for action in actions_for(resource, "demote", target):
        assert action.node is not None
        if action.node.online and not action.node.unclean and not resource.failed:
            continue
        action.pseudo = action.runnable = True
        if not in_bundle(resource) and implied:
            relate(fencing, action, r.GUEST_ALLOWED | r.ORDERED)
