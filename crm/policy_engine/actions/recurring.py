"""Recurring operations: made, left alone or cancelled as the role that a resource will have asks for.

Source: Pacemaker Explained, "Monitoring Resources When Administration is Disabled", "Operation Properties" (role).
"""

from __future__ import annotations

from dataclasses import dataclass

from crm.model.report import Report, Severity
from crm.model.resources import Operation
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction, operation_key, relate
from crm.policy_engine.actions.action_graph import ActionGraph, actions_for, find_actions_on
from crm.policy_engine.actions.collective_state import collective_state
from crm.policy_engine.actions.fencing_actions import trigger_unfencing
from crm.policy_engine.picture.cluster import Node, Resource, Role
from crm.policy_engine.picture.operations import configured_operations, find_operation
from crm.policy_engine.picture.roles import parse_role

_ONE_OFF = frozenset(
    ("stop", "start", "demote", "promote", "reload-agent", "migrate_to", "migrate_from"),
)
RUNNING_PROMOTED = "8"
NOT_RUNNING = "7"


@dataclass(frozen=True, slots=True)
class _Recurring:
    id: str
    name: str
    interval_ms: int
    role: Role


def create_recurring(plan: ActionGraph, resource: Resource) -> None:
    """Make the recurring operations of a primitive, where it will run and, for role `Stopped`, where it will not."""
    if resource.blocked or resource.maintenance:
        return
    node = resource.assigned
    start: PlannedAction | None = None
    if node is not None and not node.maintenance:
        if resource.next_role is not Role.STOPPED or not resource.managed:
            start = plan.action(resource, "start", node, optional=True)
    for operation in configured_operations(resource):
        recurring = _as_recurring(plan, resource, operation)
        if recurring is None:
            continue
        if start is not None:
            _for_active(plan, resource, start, node, recurring)
        if recurring.role is Role.STOPPED:
            _for_inactive(plan, resource, node, recurring)


def _as_recurring(plan: ActionGraph, resource: Resource, operation: Operation) -> _Recurring | None:
    if operation.interval_ms == 0:
        return None
    if operation.name in _ONE_OFF:
        message = f"The operation {operation.id} is ignored: {operation.name} cannot recur."
        plan.cluster.reports.append(Report(Severity.ERROR, "cannot-recur", operation.id, message))
        return None
    if _is_duplicate(plan, resource, operation):
        return None
    word = operation.attributes.get("role")
    role = parse_role(word)
    if word is not None and role is Role.UNKNOWN:
        message = f"The operation {operation.id} is ignored: {word!r} is no role."
        plan.cluster.reports.append(Report(Severity.ERROR, "invalid-role", operation.id, message))
        return None
    if find_operation(resource, operation.name, operation.interval_ms, include_disabled=False) is None:
        return None
    return _Recurring(operation.id, operation.name, operation.interval_ms, role)


def _is_duplicate(plan: ActionGraph, resource: Resource, operation: Operation) -> bool:
    """Name and interval tell operations apart: when two have the same, neither counts."""
    same = [
        other
        for other in configured_operations(resource)
        if other.name == operation.name and other.interval_ms == operation.interval_ms
    ]
    if len(same) < 2:
        return False
    message = f"The operation {same[1].id} has the name and interval of {same[0].id}; both are ignored."
    hint = "Give one of them another interval."
    plan.cluster.reports.append(Report(Severity.ERROR, "duplicate-operation", same[1].id, message, hint))
    return True


def _for_active(plan: ActionGraph, resource: Resource, start: PlannedAction, node: Node | None,
                recurring: _Recurring) -> None:
    if recurring.role is Role.STOPPED:
        return
    assert node is not None
    optional = _keeps_running(resource, node, start, recurring)
    if recurring.role is Role.UNKNOWN:
        fits = resource.next_role is not Role.PROMOTED
    else:
        fits = resource.next_role is recurring.role
    if not fits:
        if optional:
            _cancel_before_change(plan, resource, node, recurring)
        return
    monitor = plan.action(resource, recurring.name, node, optional, recurring.interval_ms)
    if not start.runnable or not node.online or node.unclean:
        monitor.runnable = False
    if resource.next_role is Role.PROMOTED:
        monitor.meta["op_target_rc"] = RUNNING_PROMOTED
    if resource.managed:
        _order_after_changes(plan, resource, monitor)


def _keeps_running(resource: Resource, node: Node, start: PlannedAction, recurring: _Recurring) -> bool:
    """Whether the operation is running on the node already and need not be made again."""
    if not collective_state(start).optional:
        return False
    matching = find_actions_on(resource, recurring.name, node, recurring.interval_ms)
    return bool(matching) and not any(action.reschedule for action in matching)


def _cancel_before_change(plan: ActionGraph, resource: Resource, node: Node, recurring: _Recurring) -> None:
    """End an operation that is not for the role to come, before the change to that role."""
    cancel = cancel_action(plan, resource, recurring.name, recurring.interval_ms, node)
    before: str | None = None
    if resource.role in (Role.UNPROMOTED, Role.STARTED):
        before = {Role.PROMOTED: "promote", Role.STOPPED: "stop"}.get(resource.next_role)
    elif resource.role is Role.PROMOTED:
        before = "demote"
    if before is not None:
        plan.order_after_action(cancel, resource, before, r.UNRUNNABLE_FIRST_BLOCKS)


def _order_after_changes(plan: ActionGraph, resource: Resource, monitor: PlannedAction) -> None:
    follows = r.FIRST_REQUIRES_THEN | r.UNRUNNABLE_FIRST_BLOCKS
    plan.order_before_action(resource, "start", monitor, follows)
    plan.order_before_action(resource, "reload-agent", monitor, follows)
    if resource.next_role is Role.PROMOTED:
        plan.order_before_action(resource, "promote", monitor, r.ORDERED | r.UNRUNNABLE_FIRST_BLOCKS)
    elif resource.role is Role.PROMOTED:
        plan.order_before_action(resource, "demote", monitor, r.ORDERED | r.UNRUNNABLE_FIRST_BLOCKS)


def _for_inactive(plan: ActionGraph, resource: Resource, node: Node | None, recurring: _Recurring) -> None:
    """Operations with role `Stopped` run where the resource does not; only where instances can be told apart."""
    if not resource.unique:
        return
    for other in plan.cluster.nodes:
        if other is node:
            _cancel_if_running(plan, resource, other, recurring)
            continue
        running = find_actions_on(resource, recurring.name, other, recurring.interval_ms)
        monitor = plan.action(resource, recurring.name, other, bool(running), recurring.interval_ms)
        monitor.meta["op_target_rc"] = NOT_RUNNING
        if resource.managed:
            for probe in actions_for(resource, "monitor", other):
                relate(probe, monitor, r.UNRUNNABLE_FIRST_BLOCKS)
        _order_after_stops(plan, resource, other, monitor)
        if not other.online or other.unclean:
            monitor.runnable = False


def _cancel_if_running(plan: ActionGraph, resource: Resource, node: Node, recurring: _Recurring) -> None:
    if not find_actions_on(resource, recurring.name, node, recurring.interval_ms):
        return
    cancel = cancel_action(plan, resource, recurring.name, recurring.interval_ms, node)
    if resource.next_role in (Role.STARTED, Role.UNPROMOTED):
        plan.order_after_action(cancel, resource, "start", r.UNRUNNABLE_FIRST_BLOCKS)


def _order_after_stops(plan: ActionGraph, resource: Resource, node: Node, monitor: PlannedAction) -> None:
    for stop in find_actions_on(resource, "stop", node):
        if not stop.optional and not monitor.optional and not resource.managed:
            monitor.optional = True
        if not stop.runnable:
            monitor.runnable = False
        if resource.managed:
            plan.order_actions(stop, monitor, r.FIRST_REQUIRES_THEN | r.UNRUNNABLE_FIRST_BLOCKS)


def cancel_action(plan: ActionGraph, resource: Resource, name: str, interval_ms: int, node: Node) -> PlannedAction:
    """The action that ends a recurring operation; it has the key of what it ends."""
    key = operation_key(resource.id, name, interval_ms)
    cancel = plan.action(resource, "cancel", node, optional=False, interval_ms=interval_ms, key=key)
    cancel.task = "cancel"
    cancel.cancel_task = name
    cancel.meta["operation"] = name
    cancel.meta["interval"] = str(interval_ms)
    return cancel


def schedule_cancel(plan: ActionGraph, resource: Resource, call_id: int, name: str, interval_ms: int,
                    node: Node) -> None:
    """End a recurring operation that should not be there (any more), after the resource is stopped if it is."""
    cancel = cancel_action(plan, resource, name, interval_ms, node)
    cancel.meta["call-id"] = str(call_id)
    plan.order_before_action(resource, "stop", cancel, r.ORDERED)


def reschedule(plan: ActionGraph, resource: Resource, name: str, interval_ms: int, node: Node) -> None:
    """Make a recurring operation anew because its parameters changed."""
    trigger_unfencing(plan, resource, node, "Device parameters changed (reschedule)")
    plan.action(resource, name, node, optional=True, interval_ms=interval_ms).reschedule = True
