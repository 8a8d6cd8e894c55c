"""Actions of groups, clones and bundles: their members' actions, and milestones around them."""

from __future__ import annotations

from dataclasses import dataclass

from crm.model.score import INFINITY
from crm.model.values import is_true
from crm.policy_engine.actions.action_graph import ActionGraph
from crm.policy_engine.actions.lifecycle import create_primitive_actions
from crm.policy_engine.actions.notifications import announce_demote, announce_life, announce_promote
from crm.policy_engine.picture.cluster import Resource, ResourceKind
from crm.policy_engine.picture.tree import instances_of


def create_actions(plan: ActionGraph, resource: Resource) -> None:
    """Make all actions of a resource of any kind."""
    match resource.kind:
        case ResourceKind.PRIMITIVE:
            create_primitive_actions(plan, resource)
        case ResourceKind.GROUP:
            _create_for_group(plan, resource)
        case ResourceKind.CLONE:
            _create_for_instances(plan, resource)
            if resource.promotable:
                _create_promotion(plan, resource)
        case ResourceKind.BUNDLE:
            _create_for_bundle(plan, resource)


def _create_for_group(plan: ActionGraph, group: Resource) -> None:
    for member in group.children:
        create_actions(plan, member)
    tasks = ["start", "running", "stop", "stopped"]
    if is_true(group.meta.get("promotable")):
        tasks += ["demote", "demoted", "promote", "promoted"]
    for task in tasks:
        plan.pseudo(group, task, optional=True, runnable=True)


@dataclass(slots=True)
class _Activity:
    """What happens among the instances of a collective."""

    active: bool = False
    starting: bool = False
    stopping: bool = False
    restarting: bool = False

    def add(self, resource: Resource) -> None:
        """Take account of an instance, or of each primitive in it."""
        if resource.children:
            for child in resource.children:
                self.add(child)
            return
        starting = any(a.task == "start" and not a.optional and a.runnable for a in resource.actions)
        stopping = any(a.task == "stop" and not a.optional and (a.pseudo or a.runnable) for a in resource.actions)
        self.active = self.active or bool(resource.active_on)
        self.starting = self.starting or starting
        self.stopping = self.stopping or stopping
        self.restarting = self.restarting or (starting and stopping)


def _create_for_instances(plan: ActionGraph, collective: Resource) -> None:
    found = _Activity()
    for instance in instances_of(collective):
        create_actions(plan, instance)
        found.add(instance)
    start = plan.pseudo(collective, "start", optional=not found.starting, runnable=True)
    started = plan.pseudo(collective, "running", optional=not found.starting, runnable=False)
    started.priority = INFINITY
    if found.active or found.starting:
        started.runnable = True
    stop = plan.pseudo(collective, "stop", optional=not found.stopping, runnable=True)
    stopped = plan.pseudo(collective, "stopped", optional=not found.stopping, runnable=True)
    stopped.priority = INFINITY
    if not found.restarting:
        stop.migratable = True
    if collective.is_clone:
        announce_life(plan, collective, start, started, stop, stopped)


def _create_promotion(plan: ActionGraph, clone: Resource) -> None:
    promoting = demoting = False
    for instance in clone.children:
        create_actions(plan, instance)
        for primitive in instance.primitives():
            required = {action.task for action in primitive.actions if not action.optional}
            promoting = promoting or "promote" in required
            demoting = demoting or "demote" in required
    promote = plan.pseudo(clone, "promote", optional=not promoting, runnable=True)
    promoted = plan.pseudo(clone, "promoted", optional=not promoting, runnable=True)
    promoted.priority = INFINITY
    announce_promote(plan, clone, promote, promoted)
    demote = plan.pseudo(clone, "demote", optional=not demoting, runnable=True)
    demoted = plan.pseudo(clone, "demoted", optional=not demoting, runnable=True)
    demoted.priority = INFINITY
    announce_demote(plan, clone, demote, demoted)
    for instance in clone.children:
        instance.priority = clone.priority


def _create_for_bundle(plan: ActionGraph, bundle: Resource) -> None:
    assert bundle.bundle is not None
    for replica in bundle.bundle.replicas:
        for part in (replica.ip, replica.container, replica.remote):
            if part is not None:
                create_actions(plan, part)
    _create_for_instances(plan, bundle)
    inner = bundle.bundle.child
    if inner is None:
        return
    create_actions(plan, inner)
    if inner.promotable:
        for task in ("promote", "promoted", "demote", "demoted"):
            action = plan.pseudo(bundle, task, optional=True, runnable=True)
            if task in ("promoted", "demoted"):
                action.priority = INFINITY
