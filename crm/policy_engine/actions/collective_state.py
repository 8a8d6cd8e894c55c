"""The state of a collective's action: what its members' actions need and can do, seen as one.

Summing up also changes the collective's own action: once required by a member it stays required.
"""

from __future__ import annotations

from typing import NamedTuple

from crm.policy_engine.actions.action import PlannedAction
from crm.policy_engine.actions.action_graph import newest_action
from crm.policy_engine.actions.task_names import member_task, notified_task
from crm.policy_engine.picture.cluster import Node, Resource, ResourceKind
from crm.policy_engine.picture.tree import instances_of


class CollectiveState(NamedTuple):
    """What an action looks like from outside: its own state, or for a collective that of its instances."""

    optional: bool
    runnable: bool
    migratable: bool


def collective_state(action: PlannedAction, node: Node | None = None) -> CollectiveState:
    """The state of an action; a collective's action takes over the need (and lost possibility) of its members'."""
    resource = action.resource
    kind = resource.kind if resource is not None else ResourceKind.PRIMITIVE
    if resource is None or kind is ResourceKind.PRIMITIVE:
        return CollectiveState(action.optional, action.runnable, action.migratable)
    if kind is ResourceKind.GROUP:
        return _summarize_group(action, resource, node)
    instances = resource.children if kind is ResourceKind.CLONE else _bundle_instances(resource, action.task)
    return _summarize_instances(action, instances, node)


def _bundle_instances(bundle: Resource, task: str) -> list[Resource]:
    """Whose actions a bundle's action stands for: its containers', for promotion and notices those inside them."""
    assert bundle.bundle is not None
    inner = bundle.bundle.child
    if inner is not None and member_task(inner, task) not in ("start", "running", "stop", "stopped", "monitor"):
        return inner.children
    return instances_of(bundle)


def _summarize_group(action: PlannedAction, group: Resource, node: Node | None) -> CollectiveState:
    optional = runnable = True
    for member in group.children:
        task = member_task(member, action.task)
        found = newest_action(member, task, node)
        if found is None:
            if task not in ("stop", "demote"):
                runnable = False
            continue
        state = collective_state(found, node)
        if optional and not state.optional:
            optional = action.optional = False
        if task != action.task and runnable and not state.runnable:
            runnable = action.runnable = False
    return CollectiveState(optional, runnable, False)


def _summarize_instances(action: PlannedAction, instances: list[Resource], node: Node | None) -> CollectiveState:
    optional, any_runnable = True, False
    task = original_task(action)
    for instance in instances:
        single = instance.kind is ResourceKind.PRIMITIVE
        found = newest_action(instance, task, node if single else None)
        if found is None:
            continue
        state = found if single else collective_state(found, node)
        if optional and not state.optional:
            optional = action.optional = False
        any_runnable = any_runnable or state.runnable
    if not any_runnable and node is None:
        action.runnable = False
    return CollectiveState(optional, any_runnable, False)


def original_task(action: PlannedAction) -> str:
    """The task of an instance that a collective's action is about."""
    assert action.resource is not None
    task = action.task
    if task in ("notify", "notified"):
        task = notified_task(action.key)
    children = action.resource.children
    return member_task(children[0], task) if children else task
