"""From relations between actions to what is required and what is possible.

Once `crm.policy_engine.actions.apply_orderings` has related the actions, `settle` looks at every action's inputs and
lets need and impossibility spread (`crm.policy_engine.actions.relation_effects`), again and again from whatever
changed, until nothing does. A collective's actions stand for those of its instances, so what reaches one reaches the
others; interleaved clones are related instance by instance.
"""

from __future__ import annotations

from crm.model.score import INFINITY
from crm.model.values import is_true
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import Input, PlannedAction, operation_key, relate
from crm.policy_engine.actions.action_graph import ActionGraph, newest_action
from crm.policy_engine.actions.apply_orderings import apply_orderings, disable_invalid
from crm.policy_engine.actions.collective_state import CollectiveState, collective_state, original_task
from crm.policy_engine.actions.probe_orders import order_probes
from crm.policy_engine.actions.relation import Relation
from crm.policy_engine.actions.relation_effects import FIRST, MEANING, NOTHING, PARTS, THEN, Changed
from crm.policy_engine.actions.task_names import completed
from crm.policy_engine.picture.cluster import Node, Resource, ResourceKind, Role
from crm.policy_engine.picture.tree import assigned_node, in_bundle, instances_of, is_within
from crm.policy_engine.placement.assignment import assign_to
from crm.policy_engine.placement.colocation_scores import dependents_of, inner_resource
from crm.policy_engine.placement.instances import compatible_instance
from crm.policy_engine.placement.placement import Placement

_COLLECTIVE = (ResourceKind.CLONE, ResourceKind.BUNDLE)


def propagate(plan: ActionGraph, placement: Placement) -> None:
    """Relate all actions and work out which are required and which can be done."""
    apply_orderings(plan)
    settler = _Settler(plan, placement)
    for action in reversed(plan.actions):
        settler.block_dependents(action)
    order_probes(plan, placement.strategy)
    for action in reversed(plan.actions):
        settler.update(action)
    disable_invalid(plan)


class _Settler:
    def __init__(self, plan: ActionGraph, placement: Placement) -> None:
        self.plan = plan
        self.placement = placement

    # One action and its inputs

    def update(self, then: PlannedAction) -> None:
        """Let all that comes before an action count for it, and the other way round."""
        changed = NOTHING
        before = (then.optional, then.runnable)
        counts_inputs = then.required_runnable_before > 0
        if counts_inputs:
            then.runnable_before = 0
            then.runnable = False
        for link in reversed(then.inputs):
            changed = (changed & ~FIRST) | self._update_input(then, link)
            if changed & FIRST:
                for other, _ in reversed(link.action.outputs):
                    self.update(other)
                self.update(link.action)
        if counts_inputs:
            same = before == (then.optional, then.runnable)
            changed = changed & ~THEN if same else changed | THEN
        if changed & THEN:
            if before[1] and not then.runnable:
                self.block_dependents(then)
            self.update(then)
            for other, _ in reversed(then.outputs):
                self.update(other)

    def _update_input(self, then: PlannedAction, link: Input) -> Changed:
        first = link.action
        first_node, then_node = _node_of(first), _node_of(then)
        if link.relation & r.SAME_NODE and first_node is not None and then_node is not None:
            if first_node is not then_node:
                link.relation = r.NONE
                return NOTHING
        if first.resource is not None and link.relation & r.THEN_CANCELS_FIRST and not then.optional:
            first.optional = True
            if first.task == "reload-agent":
                first.resource.reload_needed = False
        stand_in = self._stand_in(first, then)
        if stand_in is not first:
            if relate(stand_in, then, link.relation, link.constraint):
                link.relation = r.NONE
                return THEN
            return NOTHING
        first_state = self._state_for(first, then_node)
        then_state = self._state_for(then, first_node)
        return self._apply(first, then, first_state, then_state, link)

    @staticmethod
    def _stand_in(first: PlannedAction, then: PlannedAction) -> PlannedAction:
        """The action to wait for: of another collective its last milestone rather than its first."""
        resource, other = first.resource, then.resource
        if resource is None or other is None or resource is other or resource.is_primitive:
            return first
        if is_within(other, resource) or "notify" in first.key:
            return first
        milestone = completed(first.task)
        if milestone is None:
            return first
        if resource.notify and (resource.is_clone or in_bundle(resource)):
            key = f"{resource.id}_confirmed-post_notify_{milestone}_0"
        else:
            key = operation_key(resource.id, milestone)
        found = resource.actions_by_key.get(key)
        return found[-1] if found else first

    @staticmethod
    def _state_for(action: PlannedAction, node: Node | None) -> CollectiveState:
        state = collective_state(action)
        if node is None or action.resource is None or not action.resource.is_clone:
            return state
        there = collective_state(action, node)
        return CollectiveState(there.optional, there.runnable or state.runnable, there.migratable)

    def _apply(self, first: PlannedAction, then: PlannedAction, first_state: CollectiveState,
               then_state: CollectiveState,
               link: Input) -> Changed:
        changed = NOTHING
        node = then.node
        if link.relation & r.FIRST_REQUIRES_THEN_ON_SAME_NODE:
            link.relation = link.relation & ~r.FIRST_REQUIRES_THEN_ON_SAME_NODE | r.FIRST_REQUIRES_THEN
            node = first.node
        for bit, without_resource in PARTS:
            if not link.relation & bit:
                continue
            owner = first.resource if bit == r.THEN_NEEDS_FIRST else then.resource
            if bit == r.NESTED_REMOTE_PROBE:
                changed |= self._apply_nested_probe(first, then, node, first_state, link)
            elif owner is not None:
                changed |= self.spread(owner.kind, first, then, node, first_state, bit)
            elif without_resource is not None:
                changed |= without_resource(first, then, first_state)
        if first.runnable and link.relation & r.FIRST_SHOWS_THEN and not first_state.optional:
            then.always_in_graph = True
        if link.relation & r.THEN_SHOWS_FIRST and not then_state.optional:
            first.always_in_graph = True
        if link.relation & (r.FIRST_REQUIRES_THEN | r.THEN_NEEDS_FIRST | r.RESTART) and _is_blocked_stop(first):
            if then.runnable:
                then.runnable = False
                then.blocked_by = first
                changed |= THEN
        return changed

    def _apply_nested_probe(
        self, first: PlannedAction, then: PlannedAction, node: Node | None, first_state: CollectiveState, link: Input
    ) -> Changed:
        if then.resource is None:
            return NOTHING
        if not first_state.runnable and first.resource is not None and first.resource.active_on:
            link.relation = r.NONE
            return NOTHING
        return self.spread(then.resource.kind, first, then, node, first_state, r.UNRUNNABLE_FIRST_BLOCKS)

    # What a relation means for the members of collectives

    def spread(
        self, kind: ResourceKind, first: PlannedAction, then: PlannedAction, node: Node | None, state: CollectiveState,
        bit: Relation
    ) -> Changed:
        """Apply one relation to two actions, and to those of the members that they stand for."""
        if kind is ResourceKind.PRIMITIVE:
            return self._change(first, then, state, bit)
        if kind is ResourceKind.GROUP:
            return self._spread_in_group(first, then, node, state, bit)
        if then.resource is None:
            return NOTHING
        if _interleaves(first, then):
            return self._spread_interleaved(first, then, node, bit)
        changed = self._change(first, then, state, bit)
        for instance in instances_of(then.resource):
            changed |= self._spread_to_instance(instance, first, then, node, state, bit)
        return changed

    def _spread_in_group(
        self, first: PlannedAction, then: PlannedAction, node: Node | None, state: CollectiveState, bit: Relation
    ) -> Changed:
        changed = self._change(first, then, state, bit)
        assert then.resource is not None
        for member in then.resource.children:
            action = newest_action(member, then.task, node)
            if action is not None:
                changed |= self.spread(member.kind, first, action, node, state, bit)
        return changed

    def _spread_to_instance(
        self, instance: Resource, first: PlannedAction, then: PlannedAction, node: Node | None, state: CollectiveState,
        bit: Relation
    ) -> Changed:
        action = newest_action(instance, then.task, node)
        if action is None or not collective_state(action, node).runnable:
            return NOTHING
        changed = self.spread(instance.kind, first, action, node, state, bit)
        if changed & THEN:
            for other, _ in reversed(action.outputs):
                self.update(other)
        return changed

    def _spread_interleaved(self, first: PlannedAction, then: PlannedAction, node: Node | None,
                            bit: Relation) -> Changed:
        assert first.resource is not None and then.resource is not None
        changed = NOTHING
        first_task = original_task(first)
        current = first.key.endswith(("_stopped_0", "_demoted_0"))
        for then_instance in instances_of(then.resource):
            first_instance = compatible_instance(
                self.placement.strategy, then_instance, first.resource, current=current
            )
            if first_instance is None:
                if not current and bit & (r.UNRUNNABLE_FIRST_BLOCKS | r.FIRST_REQUIRES_THEN):
                    if assign_to(self.placement, then_instance, None, force=True, stop_if_fail=True):
                        changed |= THEN
                continue
            first_action = _instance_action(first, first_instance, first_task, node, for_first=True)
            then_action = _instance_action(then, then_instance, then.task, node, for_first=False)
            if first_action is None or then_action is None:
                continue
            if relate(first_action, then_action, bit):
                changed |= FIRST | THEN
            state = collective_state(first_action, node)
            changed |= self.spread(then_instance.kind, first_action, then_action, node, state, bit)
        return changed

    # What a relation means for two actions

    def _change(self, first: PlannedAction, then: PlannedAction, state: CollectiveState, bit: Relation) -> Changed:
        first_before, then_before = first.state, then.state
        MEANING[bit](first, then, state)
        changed = NOTHING
        if then.state != then_before:
            changed |= THEN
            if then.resource is not None and then.resource.parent is not None:
                self.update(then)
        if first.state != first_before:
            changed |= FIRST
        return changed

    # Colocations of what cannot start

    def block_dependents(self, action: PlannedAction) -> None:
        """When no instance of a resource can start (be promoted), neither can what must be with it."""
        if action.runnable or action.task not in ("start", "promote"):
            return
        assert action.resource is not None
        resource = action.resource.top
        if resource.parent is not None:
            resource = resource.parent
        for child in resource.children:
            found = newest_action(child, action.task)
            if found is None or found.runnable:
                return
        for colocation in list(dependents_of(resource)):
            if colocation.score < INFINITY:
                continue
            if action.task == "promote" and colocation.primary_role is not Role.PROMOTED:
                continue
            task = "promote" if colocation.dependent_role is Role.PROMOTED else "start"
            self._block(colocation.dependent, task, action)

    def _block(self, resource: Resource, task: str, because: PlannedAction) -> None:
        for action in reversed(resource.actions):
            if action.runnable and action.task == task:
                action.runnable = False
                action.blocked_by = because
                assert because.resource is not None
                action.set_reason(f"colocation with {because.resource.id}")
                self.block_dependents(action)
                self.update(action)
        for child in resource.children:
            self._block(child, task, because)


def _node_of(action: PlannedAction) -> Node | None:
    """Where an action takes place; a group starts where it is assigned."""
    resource = action.resource
    if resource is not None and resource.is_group and action.task == "start":
        return assigned_node(resource)
    return action.node


def _is_blocked_stop(action: PlannedAction) -> bool:
    resource = action.resource
    return (
        resource is not None
        and not resource.managed
        and resource.blocked
        and not action.runnable
        and action.task == "stop"
    )


def _interleaves(first: PlannedAction, then: PlannedAction) -> bool:
    """Whether two collectives are related instance by instance: the one that has to wait decides."""
    if first.resource is None or then.resource is None or first.resource is then.resource:
        return False
    if first.resource.kind not in _COLLECTIVE or then.resource.kind not in _COLLECTIVE:
        return False
    waiting = first.resource if then.key.endswith(("_stop_0", "_demote_0")) else then.resource
    return is_true(waiting.meta.get("interleave"))


def _instance_action(
    action: PlannedAction, instance: Resource, task: str, node: Node | None, for_first: bool
) -> PlannedAction | None:
    """An instance's action; in a bundle promotion (and what others wait for) is a matter of what runs inside."""
    wants_inner = (
        action.task not in ("stop", "stopped")
        if for_first
        else action.task in ("promote", "promoted", "demote", "demoted")
    )
    inner = inner_resource(instance) if wants_inner else None
    if inner is not None:
        return newest_action(inner, task)
    return newest_action(instance, task, node)
