"""From decisions to actions: what takes each primitive from its role and node to those it will have.

Between roles there is one step at a time; a move, a failure or a changed definition goes down first and up again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crm.model.report import Report, Severity
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction, relate
from crm.policy_engine.actions.action_graph import ActionGraph, find_actions_on
from crm.policy_engine.actions.fencing_actions import fencing_action, is_unfenced, order_after_unfencing
from crm.policy_engine.actions.migration import abort_dangling_migrations, can_migrate, create_migration
from crm.policy_engine.actions.recurring import create_recurring
from crm.policy_engine.picture.cluster import MultipleActive, Node, Requires, Resource, Role
from crm.policy_engine.picture.tree import Activity, activity, needs_fencing

_TOWARDS: Mapping[tuple[Role, Role], Role] = {
    (Role.STOPPED, Role.STARTED): Role.STARTED,
    (Role.STOPPED, Role.UNPROMOTED): Role.UNPROMOTED,
    (Role.STOPPED, Role.PROMOTED): Role.UNPROMOTED,
    (Role.STARTED, Role.STOPPED): Role.STOPPED,
    (Role.STARTED, Role.UNPROMOTED): Role.UNPROMOTED,
    (Role.STARTED, Role.PROMOTED): Role.PROMOTED,
    (Role.UNPROMOTED, Role.STOPPED): Role.STOPPED,
    (Role.UNPROMOTED, Role.STARTED): Role.STOPPED,
    (Role.UNPROMOTED, Role.PROMOTED): Role.PROMOTED,
    (Role.PROMOTED, Role.STOPPED): Role.UNPROMOTED,
    (Role.PROMOTED, Role.STARTED): Role.UNPROMOTED,
    (Role.PROMOTED, Role.UNPROMOTED): Role.UNPROMOTED,
}
"""The next role on the way from one role to another; where nothing stands the way ends."""


def create_primitive_actions(plan: ActionGraph, resource: Resource) -> None:
    """Make all actions of a primitive."""
    if resource.next_role is Role.UNKNOWN:
        resource.next_role = Role.STOPPED if resource.assigned is None else Role.STARTED
    found = activity(resource)
    current = found.node
    abort_dangling_migrations(plan, resource)
    is_moving = (
        current is not None
        and resource.assigned is not None
        and current is not resource.assigned
        and resource.next_role >= Role.STARTED
    )
    migrates = is_moving and can_migrate(resource, current)
    if resource.partial_migration_source is not None or resource.partial_migration_target is not None:
        ended = not _migration_goes_on(resource, found, migrates)
        if ended:
            resource.partial_migration_source = resource.partial_migration_target = None
            migrates = False
        resource.stop_unexpected = False
        must_stop = ended or is_moving
    else:
        must_stop = _handle_multiple_activity(plan, resource, found) or is_moving
    if resource.start_pending:
        _note_pending_start(plan, resource)
    must_stop, must_promote = _needs_restart(plan, resource, current, is_moving, must_stop)
    _restart(plan, resource, current, must_stop, must_promote)
    _change_role(plan, resource)
    create_recurring(plan, resource)
    if migrates:
        assert current is not None
        create_migration(plan, resource, current)


def _migration_goes_on(resource: Resource, found: Activity, migrates: bool) -> bool:
    """Whether a migration that was begun can still be finished as it was meant."""
    source, target = resource.partial_migration_source, resource.partial_migration_target
    return (
        source is not None
        and target is not None
        and migrates
        and found.total == 2
        and found.node is source
        and resource.assigned is target
    )


def _handle_multiple_activity(plan: ActionGraph, resource: Resource, found: Activity) -> bool:
    """Whether being active in several places forces a stop."""
    count = found.total if needs_fencing(resource) else found.clean
    if count <= 1:
        resource.stop_unexpected = False
        return False
    message = f"{resource.id} might be active on {found.total} nodes ({resource.multiple_active})."
    hint = "Check what runs where; see multiple-active for what the cluster does about it."
    plan.cluster.reports.append(Report(Severity.ERROR, "multiple-active", resource.id, message, hint))
    if resource.multiple_active is MultipleActive.STOP_UNEXPECTED:
        resource.stop_unexpected = True
    return resource.multiple_active in (MultipleActive.STOP_START, MultipleActive.STOP_UNEXPECTED)


def _note_pending_start(plan: ActionGraph, resource: Resource) -> None:
    start = plan.action(resource, "start", resource.assigned, optional=True)
    start.always_in_graph = True


def _needs_restart(
    plan: ActionGraph, resource: Resource, current: Node | None, is_moving: bool, must_stop: bool
) -> tuple[bool, bool]:
    """Whether it has to stop (and start again), and whether it only has to be promoted again."""
    if is_moving:
        return must_stop, False
    if resource.failed:
        if resource.stop_if_failed:
            return True, False
        return must_stop, resource.next_role is Role.PROMOTED
    if resource.blocked:
        return True, False
    if resource.role > Role.STARTED and current is not None and resource.assigned is not None:
        # A start that is already required (its parameters changed, say) makes this a restart.
        start = plan.action(resource, "start", resource.assigned, optional=True)
        return must_stop or not start.optional, False
    return must_stop, False


def _restart(plan: ActionGraph, resource: Resource, current: Node | None, must_stop: bool, must_promote: bool) -> None:
    """Down to stopped and up again to the present role; optional unless something requires it."""
    resource.restarting = True
    role = resource.role
    while role is not Role.STOPPED:
        lower = _TOWARDS[role, Role.STOPPED]
        _step(plan, resource, current, role, lower, not must_stop)
        role = lower
    while resource.role <= resource.next_role and role is not resource.role and not resource.blocked:
        higher = _TOWARDS.get((role, resource.role))
        if higher is None:
            break
        required = must_stop or (higher is Role.PROMOTED and must_promote)
        if not _step(plan, resource, resource.assigned, role, higher, not required):
            break
        role = higher
    resource.restarting = False


def _change_role(plan: ActionGraph, resource: Resource) -> None:
    role = resource.role
    while role is not resource.next_role:
        step = _TOWARDS.get((role, resource.next_role))
        if step is None or not _step(plan, resource, resource.assigned, role, step, optional=False):
            break
        role = step


def _step(plan: ActionGraph, resource: Resource, node: Node | None, now: Role, to: Role, optional: bool) -> bool:
    """Make the action for one step between roles; False when nothing has to be done for it."""
    action = _STEPS.get((now, to))
    if action is None:
        return False
    action(plan, resource, node, optional)
    return True


def _is_expected_node(resource: Resource, node: Node | None) -> bool:
    """Whether this is the one node where a resource found in several places may stay as it is."""
    return (
        resource.stop_unexpected
        and resource.restarting
        and resource.next_role > Role.STOPPED
        and resource.assigned is node
    )


def _stop(plan: ActionGraph, resource: Resource, node: Node | None, optional: bool) -> None:
    target = resource.partial_migration_target
    for current in list(resource.active_on):
        if _is_expected_node(resource, current):
            continue
        if target is not None:
            if current is target and current is resource.assigned:
                continue
            optional = False
        stop = plan.action(resource, "stop", current, optional)
        if resource.assigned is None:
            stop.set_reason("node availability", overwrite=True)
        elif resource.restarting and resource.stop_unexpected:
            stop.set_reason("being multiply active", overwrite=True)
        if not resource.managed:
            stop.runnable = False
        if resource.requires is Requires.UNFENCING:
            _stop_for_unfencing(plan, resource, current, stop)


def _stop_for_unfencing(plan: ActionGraph, resource: Resource, node: Node, stop: PlannedAction) -> None:
    unfence = fencing_action(plan, node, "on")
    relate(stop, unfence, r.THEN_NEEDS_FIRST)
    if not is_unfenced(node):
        message = f"{resource.id} stops until {node.name} can be unfenced."
        plan.cluster.reports.append(Report(Severity.ERROR, "not-unfenced", resource.id, message))


def _start(plan: ActionGraph, resource: Resource, node: Node | None, optional: bool) -> None:
    assert node is not None
    start = plan.action(resource, "start", node, optional=True)
    order_after_unfencing(plan, resource, node, start, r.FIRST_REQUIRES_THEN)
    if start.runnable and not optional:
        start.optional = False
    if _is_expected_node(resource, node):
        start.pseudo = True


def _promote(plan: ActionGraph, resource: Resource, node: Node | None, optional: bool) -> None:
    assert node is not None
    if all(start.runnable for start in find_actions_on(resource, "start", node)):
        promote = plan.action(resource, "promote", node, optional)
        if _is_expected_node(resource, node):
            promote.pseudo = True
        return
    for promote in find_actions_on(resource, "promote", node):
        promote.runnable = False


def _demote(plan: ActionGraph, resource: Resource, node: Node | None, optional: bool) -> None:
    for current in list(resource.active_on):
        if not _is_expected_node(resource, current):
            plan.action(resource, "demote", current, optional)


_Step = Callable[[ActionGraph, Resource, Node | None, bool], None]

_STEPS: Mapping[tuple[Role, Role], _Step] = {
    (Role.STOPPED, Role.STARTED): _start,
    (Role.STOPPED, Role.UNPROMOTED): _start,
    (Role.STARTED, Role.STOPPED): _stop,
    (Role.STARTED, Role.PROMOTED): _promote,
    (Role.UNPROMOTED, Role.STOPPED): _stop,
    (Role.UNPROMOTED, Role.STARTED): _stop,
    (Role.UNPROMOTED, Role.PROMOTED): _promote,
    (Role.PROMOTED, Role.STOPPED): _demote,
    (Role.PROMOTED, Role.STARTED): _demote,
    (Role.PROMOTED, Role.UNPROMOTED): _demote,
}
"""What has to be done for one step between roles; a missing step needs nothing done."""
