"""From orderings to relations between actions: `connect` finds the actions that each ordering speaks of, and
`disable_invalid` voids what makes no sense once the actions are settled (`crm.policy_engine.actions.propagate`).
"""

from __future__ import annotations

from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import Input, PlannedAction, operation_key, relate
from crm.policy_engine.actions.action_graph import ActionGraph, Ordering, find_actions
from crm.policy_engine.actions.selection import has_circle
from crm.policy_engine.picture.cluster import Resource, Role
from crm.policy_engine.picture.tree import role


def apply_orderings(plan: ActionGraph) -> None:
    """Relate the actions that the orderings speak of, in the order in which the orderings were added."""
    for ordering in plan.orderings:
        if ordering.first_resource is not None:
            _connect_first(plan, ordering, ordering.first_resource)
        elif ordering.then_resource is not None:
            _connect_then(ordering, ordering.first_action, ordering.then_resource)
        else:
            relate(ordering.first_action, ordering.then_action, ordering.relation, ordering.constraint)


def _connect_first(plan: ActionGraph, ordering: Ordering, first: Resource) -> None:
    if ordering.first_action is not None:
        actions = [ordering.first_action]
    else:
        assert ordering.first_task is not None
        actions = find_actions(first, operation_key(first.id, ordering.first_task), None)
        if not actions and first is not ordering.then_resource and not _is_needless(first, ordering.first_task):
            actions = [plan.action(first, ordering.first_task, None, optional=True)]
    for action in actions:
        if ordering.then_resource is None:
            relate(action, ordering.then_action, ordering.relation, ordering.constraint)
        else:
            _connect_then(ordering, action, ordering.then_resource)


def _is_needless(resource: Resource, task: str) -> bool:
    """Whether a resource has no such action because it is down already."""
    present = role(resource, current=True)
    return (present is Role.STOPPED and task == "stop") or (present is Role.UNPROMOTED and task == "demote")


def _connect_then(ordering: Ordering, first: PlannedAction | None, then: Resource) -> None:
    if ordering.then_action is not None:
        actions = [ordering.then_action]
    else:
        assert ordering.then_task is not None
        actions = find_actions(then, operation_key(then.id, ordering.then_task), None)
    relation = ordering.relation
    if first is not None and first.resource is then and first.migration_abort:
        # Ending an interrupted migration at its source is no restart.
        relation &= ~r.FIRST_REQUIRES_THEN
    if first is None and not relation & r.FIRST_REQUIRES_THEN:
        return
    for action in actions:
        if first is not None:
            relate(first, action, relation, ordering.constraint)
        else:
            action.runnable = False


def disable_invalid(plan: ActionGraph) -> None:
    """Void relations that could only deadlock: a guest's creator waiting for what runs in the guest, and migrations
    waiting for the capacity that they themselves make free.
    """
    for action in reversed(plan.actions):
        for link in reversed(action.inputs):
            if _waits_for_own_guest(action, link) or _circles_by_capacity(action, link):
                link.relation = r.NONE


def _waits_for_own_guest(action: PlannedAction, link: Input) -> bool:
    node = link.action.node
    return (
        not link.relation & r.GUEST_ALLOWED
        and link.action.resource is not None
        and action.resource is not None
        and bool(action.resource.launched)
        and node is not None
        and node.remote is not None
        and node.remote.launcher is action.resource
    )


def _circles_by_capacity(action: PlannedAction, link: Input) -> bool:
    return (
        link.relation == r.SAME_NODE_OR_TARGET
        and action.resource is not None
        and action.task == "migrate_to"
        and has_circle(action, action, link)
    )
