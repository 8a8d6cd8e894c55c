"""Notifications: telling a clone's instances what is about to happen, and what has happened, to any of them.

Each of start, stop, promote and demote of a clone with `notify=true` has a notice before (`pre`) and after (`post`)
and a milestone for when all have been told (`confirmed-…`). Source: Pacemaker Explained, "Clone Instance
Notifications" (also for the names of what agents are told); an empty list is one space.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from crm.model.score import INFINITY
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction, relate
from crm.policy_engine.actions.action_graph import ActionGraph, newest_action
from crm.policy_engine.picture.cluster import Node, NodeKind, Resource, Role
from crm.policy_engine.picture.names import natural_key
from crm.policy_engine.picture.tree import current_node

_TASKS = ("start", "stop", "promote", "demote")
Entry = tuple[Resource, Node | None]


@dataclass(slots=True, eq=False)
class Notification:
    """Notices around one task of a clone, and what they will tell."""

    task: str
    pre: PlannedAction | None = None
    pre_done: PlannedAction | None = None
    post: PlannedAction | None = None
    post_done: PlannedAction | None = None
    changes: dict[str, list[Entry]] = field(default_factory=lambda: {task: [] for task in _TASKS})
    """What will be started, stopped, promoted, demoted, and where."""
    present: dict[str, list[Entry]] = field(
        default_factory=lambda: {state: [] for state in ("active", "inactive", "promoted", "unpromoted")}
    )
    environment: dict[str, str] = field(default_factory=dict)


def announce(plan: ActionGraph, clone: Resource, task: str, action: PlannedAction | None,
             done: PlannedAction | None) -> Notification | None:
    """Make the notices around a clone's task that begins with `action` and ends with `done`."""
    if not clone.notify:
        return None
    notification = Notification(task)
    if action is not None:
        notification.pre, notification.pre_done = _notices(plan, clone, action, task, "pre", runnable=True)
        relate(notification.pre, notification.pre_done, r.ORDERED)
        relate(notification.pre_done, action, r.ORDERED)
    if done is not None:
        notification.post, notification.post_done = _notices(plan, clone, done, task, "post", runnable=done.runnable)
        notification.post.priority = notification.post_done.priority = INFINITY
        relate(done, notification.post, r.FIRST_REQUIRES_THEN)
        relate(notification.post, notification.post_done, r.FIRST_REQUIRES_THEN)
    if action is not None and done is not None:
        relate(notification.pre_done, notification.post, r.ORDERED)
    return notification


def _notices(
    plan: ActionGraph, clone: Resource, action: PlannedAction, task: str, when: str, runnable: bool
) -> tuple[PlannedAction, PlannedAction]:
    made = []
    for notice_task, kind in (("notify", when), ("notified", f"confirmed-{when}")):
        key = f"{clone.id}_{kind}_notify_{action.task}_0"
        notice = plan.action(clone, notice_task, None, action.optional, key=key)
        notice.pseudo = True
        notice.runnable = runnable
        notice.meta["notify_key_type"] = kind
        notice.meta["notify_key_operation"] = action.task
        notice.meta["notify_type"] = when
        notice.meta["notify_operation"] = task
        made.append(notice)
    return made[0], made[1]


def announce_life(
    plan: ActionGraph, clone: Resource, start: PlannedAction, started: PlannedAction, stop: PlannedAction,
    stopped: PlannedAction
) -> None:
    """Make the notices around a clone's start and stop."""
    notices = clone.notifications
    if "start" not in notices:
        _keep(notices, announce(plan, clone, "start", start, started))
    if "stop" not in notices:
        _keep(notices, announce(plan, clone, "stop", stop, stopped))
        if "start" in notices and "stop" in notices:
            relate(notices["stop"].post_done, notices["start"].pre, r.ORDERED)


def announce_promote(plan: ActionGraph, clone: Resource, promote: PlannedAction, promoted: PlannedAction) -> None:
    """Make the notices around a clone's promote."""
    if "promote" not in clone.notifications:
        _keep(clone.notifications, announce(plan, clone, "promote", promote, promoted))


def announce_demote(plan: ActionGraph, clone: Resource, demote: PlannedAction, demoted: PlannedAction) -> None:
    """Make the notices around a clone's demote, after all its other notices are made."""
    notices = clone.notifications
    if "demote" in notices:
        return
    _keep(notices, announce(plan, clone, "demote", demote, demoted))
    if "promote" in notices:
        for before, after in (
            ("stop", "promote"),
            ("start", "promote"),
            ("demote", "promote"),
            ("demote", "start"),
            ("demote", "stop"),
        ):
            relate(notices[before].post_done, notices[after].pre, r.ORDERED)


def _keep(notices: dict[str, Notification], notification: Notification | None) -> None:
    if notification is not None:
        notices[notification.task] = notification


def create_notifications(plan: ActionGraph, clone: Resource) -> None:
    """Make the notices to each instance, once it is known what will happen to all of them."""
    for task in ("start", "stop", "promote", "demote"):
        notification = clone.notifications.get(task)
        if notification is not None:
            _collect(clone, notification, with_changes=True)
            _describe(plan, clone, notification)
            _notify_instances(plan, clone, notification)


def notify_after_fencing(plan: ActionGraph, stop: PlannedAction, resource: Resource, fencing: PlannedAction) -> None:
    """Tell the others that an instance is stopped because its node was fenced."""
    notification = announce(plan, resource, "stop", None, fencing)
    if notification is None:
        return
    assert stop.node is not None
    _collect(resource, notification, with_changes=False)
    notification.environment["notify_stop_resource"] = resource.id
    notification.environment["notify_stop_uname"] = stop.node.name
    _notify_instances(plan, resource.top, notification)


# What notices tell


def _collect(resource: Resource, notification: Notification, with_changes: bool) -> None:
    if resource.children:
        for child in resource.children:
            _collect(child, notification, with_changes)
        return
    entry = (resource, resource.active_on[0] if resource.active_on else None)
    match resource.role:
        case Role.STOPPED:
            notification.present["inactive"].append(entry)
        case Role.STARTED | Role.UNPROMOTED | Role.PROMOTED:
            notification.present["active"].append(entry)
            if resource.role is Role.UNPROMOTED:
                notification.present["unpromoted"].append(entry)
            elif resource.role is Role.PROMOTED:
                notification.present["promoted"].append(entry)
    if with_changes:
        for action in resource.actions:
            if not action.optional and action.node is not None and action.task in _TASKS:
                if action.runnable or (action.task == "stop" and action.node.unclean):
                    notification.changes[action.task].append((resource, action.node))


def _describe(plan: ActionGraph, clone: Resource, notification: Notification) -> None:
    told = notification.environment
    for task in _TASKS:
        _tell(told, task, notification.changes[task])
    for state in ("active", "unpromoted", "promoted"):
        _tell(told, state, notification.present[state])
    for older, newer in (("slave", "unpromoted"), ("master", "promoted")):
        told[f"notify_{older}_resource"] = told[f"notify_{newer}_resource"]
        told[f"notify_{older}_uname"] = told[f"notify_{newer}_uname"]
    _tell(told, "inactive", notification.present["inactive"], with_nodes=False)
    allowed = sorted((candidate.node for candidate in clone.allowed.values()), key=lambda node: natural_key(node.name))
    told["notify_available_uname"] = _words([node.name for node in allowed])
    if clone.meta.get("container-attribute-target") == "host":
        told["notify_all_hosts"] = _words([_host_name(node) for node in plan.cluster.nodes])
    told["notify_all_uname"] = _words([node.name for node in plan.cluster.nodes])
    if notification.changes[notification.task]:
        for notice in (notification.pre, notification.pre_done, notification.post, notification.post_done):
            if notice is not None:
                notice.optional = False


def _tell(told: dict[str, str], what: str, entries: list[Entry], with_nodes: bool = True) -> None:
    """Note resources and their nodes, sorted, each resource once."""
    ranked = sorted(entries, key=lambda entry: (entry[0].id, entry[1] is None, entry[1].id if entry[1] else ""))
    names: list[str] = []
    nodes: list[str] = []
    for resource, node in ranked:
        if with_nodes and node is None:
            continue
        if names and names[-1] == resource.id:
            continue
        names.append(resource.id)
        if node is not None:
            nodes.append(node.name)
    told[f"notify_{what}_resource"] = _words(names)
    if with_nodes:
        told[f"notify_{what}_uname"] = _words(nodes)


def _words(names: list[str]) -> str:
    return " ".join(names) or " "


def _host_name(node: Node) -> str:
    if node.kind is NodeKind.GUEST and node.remote is not None and node.remote.launcher is not None:
        host = current_node(node.remote.launcher)
        return host.name if host is not None else node.name
    return node.name


# Who is told


def _notify_instances(plan: ActionGraph, resource: Resource, notification: Notification) -> None:
    if resource.children:
        for child in resource.children:
            _notify_instances(plan, child, notification)
        return
    for action in resource.actions:
        if not action.optional and action.node is not None and action.task in _TASKS:
            action.meta.update(notification.environment)
    task = notification.task
    if task != "stop" and not notification.changes[task]:
        return
    if resource.role is not Role.STOPPED and task in ("stop", "demote"):
        _tell_where_active(plan, resource, notification)
    if resource.next_role is not Role.STOPPED and task in ("start", "promote"):
        _tell_where_assigned(plan, resource, notification)


def _tell_where_active(plan: ActionGraph, resource: Resource, notification: Notification) -> None:
    stop = newest_action(resource, "stop")
    for node in resource.active_on:
        if stop is not None and stop.pseudo and (node.unclean or node.remote_needs_reset):
            continue
        _notify(plan, resource, node, notification.pre, notification.pre_done, notification)
        if notification.task == "demote" or stop is None or stop.optional:
            _notify_after(plan, resource, node, notification)


def _tell_where_assigned(plan: ActionGraph, resource: Resource, notification: Notification) -> None:
    start = newest_action(resource, "start")
    if start is not None and start.node is not None and start.node.remote is not None:
        connection = newest_action(start.node.remote, "start")
        if connection is not None and not connection.runnable:
            return
    if resource.assigned is None:
        return
    if notification.task != "start" or start is None or start.optional:
        _notify(plan, resource, resource.assigned, notification.pre, notification.pre_done, notification)
    _notify_after(plan, resource, resource.assigned, notification)


def _notify(
    plan: ActionGraph,
    resource: Resource,
    node: Node,
    notice: PlannedAction | None,
    done: PlannedAction | None,
    notification: Notification,
) -> PlannedAction | None:
    """Make the notice to one instance."""
    if notice is None or done is None or not node.online or not notice.runnable:
        return None
    key = f"{resource.id}_{notice.meta['notify_type']}_notify_{notice.meta['notify_operation']}_0"
    action = plan.action(resource, notice.task, node, notice.optional, key=key)
    for name, value in notice.meta.items():
        action.meta.setdefault(name, value)
    action.meta.update(notification.environment)
    relate(notice, action, r.ORDERED)
    relate(action, done, r.ORDERED)
    return action


def _notify_after(plan: ActionGraph, resource: Resource, node: Node, notification: Notification) -> None:
    notice = _notify(plan, resource, node, notification.post, notification.post_done, notification)
    if notice is not None:
        notice.priority = INFINITY
    if notification.post_done is None:
        return
    for action in reversed(resource.actions):
        if action.meta.get("interval", "0") != "0" and action.task != "cancel":
            relate(notification.post_done, action, r.ORDERED)
