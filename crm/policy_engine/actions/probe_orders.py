"""What must wait for probes beyond the resource's own start.

A probe may find a resource running where it should not be; then everything that comes after its stop, and any restart
of what depends on it, has to wait for that answer.
"""

from __future__ import annotations

from crm.model.values import is_true
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction, relate
from crm.policy_engine.actions.action_graph import ActionGraph, Ordering, actions_for
from crm.policy_engine.picture.cluster import Resource, ResourceKind
from crm.policy_engine.placement.instances import compatible_instance

_COLLECTIVE = (ResourceKind.CLONE, ResourceKind.BUNDLE)
_DOWN = {"start": "stop", "promote": "demote"}


def order_probes(plan: ActionGraph, strategy: str) -> None:
    """Relate probes to starts, restarts and what follows stops."""
    leading = _leading_to_restarts(plan)
    for top in plan.cluster.resources:
        for resource in top.primitives():
            for probe in actions_for(resource, "monitor"):
                for then, relation in reversed(probe.outputs):
                    _before_instance_starts(probe, then, relation)
                    _before_restarts(probe, then, strategy, leading, set())
    for ordering in plan.orderings:
        _before_what_follows_stop(ordering)


def _leading_to_restarts(plan: ActionGraph) -> set[int]:
    """The actions (numbers) after which, however far, there is the start of a restart: elsewhere nothing has to wait.

    Without this, each probe of a long chain would be followed to the chain's end, in vain.
    """
    found: list[PlannedAction] = []
    for top in plan.cluster.resources:
        for resource in top.primitives():
            for up, down in _DOWN.items():
                if any(not action.pseudo for action in actions_for(resource, down)):
                    found += actions_for(resource, up)
    leading = {action.id for action in found}
    while found:
        for before in found.pop().inputs:
            if before.action.id not in leading:
                leading.add(before.action.id)
                found.append(before.action)
    return leading


def _before_instance_starts(probe: PlannedAction, then: PlannedAction, relation: int) -> None:
    """A probe that cannot be done before a clone's start keeps its instances from starting one by one."""
    collective = then.resource
    if (
        collective is None
        or collective.kind not in _COLLECTIVE
        or probe.runnable
        or relation & r.UNRUNNABLE_FIRST_BLOCKS
        or probe.resource is None
        or probe.resource.top is not collective
        or then.task != "start"
    ):
        return
    for start, _ in reversed(then.outputs):
        resource = start.resource
        if resource is None or resource.active_on or resource.top is not collective or start.task != "start":
            continue
        relate(probe, start, r.ORDERED | r.UNRUNNABLE_FIRST_BLOCKS)


def _before_restarts(probe: PlannedAction, after: PlannedAction, strategy: str, leading: set[int],
                     seen: set[int]) -> None:
    """Follow what a start will set in motion; the stops (demotes) of restarts there wait for the probe, too."""
    assert probe.resource is not None
    if after.id in seen or after.id not in leading:
        return
    seen.add(after.id)
    resource = after.resource
    if resource is not None and resource.is_primitive and resource is not probe.resource:
        down = _DOWN.get(after.task)
        for action in actions_for(resource, down) if down else ():
            if not action.pseudo:
                relate(probe, action, r.ORDERED)
    interleaved, compatible = False, None
    if resource is not None and resource.kind in _COLLECTIVE:
        interleaved = is_true(resource.meta.get("interleave"))
        if interleaved:
            compatible = compatible_instance(strategy, probe.resource, resource)
    for then, relation in reversed(after.outputs):
        if not relation & r.FIRST_REQUIRES_THEN:
            chained = then.resource
            if (
                resource is None
                or resource.is_primitive
                or probe.resource.parent is resource
                or chained is None
                or chained.kind in _COLLECTIVE
                or chained.parent is not resource
            ):
                continue
            if resource.kind in _COLLECTIVE and interleaved and compatible is not chained:
                continue
        _before_restarts(probe, then, strategy, leading, seen)


def _before_what_follows_stop(ordering: Ordering) -> None:
    first = ordering.first_resource
    if ordering.relation == r.NONE or first is None or first is ordering.then_resource:
        return
    if ordering.first_task != "stop" or ordering.then_task is None:
        return
    if ordering.then_resource is not None and first.launcher is ordering.then_resource:
        if ordering.then_task == "stop":
            return
    probes = actions_for(first, "monitor")
    if not probes:
        return
    if ordering.relation in (r.REQUIRED_ON_SAME_NODE, r.SAME_NODE_OR_TARGET):
        relation = ordering.relation
    else:
        relation = r.ORDERED | ordering.relation & (r.IF_FIRST_UNMIGRATABLE | r.SAME_NODE)
    for probe in probes:
        for then in _then_actions(ordering):
            if _must_wait(probe, then):
                relate(probe, then, relation)


def _then_actions(ordering: Ordering) -> list[PlannedAction]:
    if ordering.then_action is not None:
        return [ordering.then_action]
    resource: Resource | None = ordering.then_resource
    assert ordering.then_task is not None
    return actions_for(resource, ordering.then_task) if resource is not None else []


def _must_wait(probe: PlannedAction, then: PlannedAction) -> bool:
    """A node is unfenced before it is probed; another node's shutdown need not wait."""
    if then.task == "stonith" and probe.node is then.node:
        return (then.meta.get("stonith_action") or "").lower() != "on"
    if then.task == "do_shutdown" and probe.node is not None and then.node is not None:
        return probe.node is then.node
    return True
