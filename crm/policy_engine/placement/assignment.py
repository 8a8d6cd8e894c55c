"""Putting a primitive (or everything in a collective) on a node, and taking it off again.

The one place that changes `Resource.assigned` and the nodes' counts together.
"""

from __future__ import annotations

from crm.policy_engine.actions.action import PlannedAction
from crm.policy_engine.picture.cluster import Candidate, Node, NodeKind, Resource, Role
from crm.policy_engine.placement.candidates import is_available
from crm.policy_engine.placement.capacity import consume, release
from crm.policy_engine.placement.placement import Placement

NOT_RUNNING = "7"


def assign_to(
    placement: Placement, resource: Resource, candidate: Candidate | None, force: bool, stop_if_fail: bool
) -> bool:
    """Assign to a node if it can take the resource (or `force`), else to none; whether that changed anything.

    With `stop_if_fail` a resource without a node is decided to be stopped, and actions that it already has follow.
    """
    if resource.children:
        changes = [assign_to(placement, child, candidate, force, stop_if_fail) for child in resource.children]
        return any(changes)
    if not force and candidate is not None and not _can_take(candidate):
        if stop_if_fail:
            resource.next_role = Role.STOPPED
        candidate = None
    node = candidate.node if candidate is not None else None
    changed = resource.assigned is not node
    unassign(resource)
    resource.unassigned = False
    if candidate is None:
        if stop_if_fail:
            resource.next_role = Role.STOPPED
            _stop_actions(resource)
        return changed
    node = candidate.node
    resource.assigned = node
    resource.assigned_score = candidate.score
    node.assigned.append(resource)
    node.active += 1
    candidate.count += 1
    consume(node.utilization, resource.utilization)
    if placement.with_utilization:
        placement.show_utilization(resource, node)
    return changed


def _can_take(candidate: Candidate) -> bool:
    if candidate.score < 0:
        return False
    return is_available(candidate) or candidate.node.kind is NodeKind.GUEST


def _stop_actions(resource: Resource) -> None:
    """What a resource that will not run means for its actions: stop it, start nothing, monitor nothing."""
    for action in resource.actions:
        if action.task == "stop":
            action.optional = False
        elif action.task == "start" or _monitors_running(action):
            action.runnable = False


def _monitors_running(action: PlannedAction) -> bool:
    return action.meta.get("interval", "0") != "0" and action.meta.get("op_target_rc") != NOT_RUNNING


def unassign(resource: Resource) -> None:
    """Take a resource and everything in it off its node."""
    resource.unassigned = True
    if resource.children:
        for child in resource.children:
            unassign(child)
        return
    node: Node | None = resource.assigned
    if node is None:
        return
    resource.assigned = None
    node.assigned.remove(resource)
    node.active -= 1
    release(node.utilization, resource.utilization)
