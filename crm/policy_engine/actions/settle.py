"""From orderings to relations between actions, and from relations to what is required and what is possible.

`connect` finds the actions that each ordering speaks of. `settle` then looks at every action's inputs and lets need and
impossibility spread, again and again from whatever changed, until nothing does. A collective's actions stand for those
of its instances, so what reaches one reaches the others; interleaved clones are related instance by instance.
"""

from __future__ import annotations

from collections.abc import Callable

from crm.model.score import INFINITY
from crm.model.values import is_true
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import Action, Input, operation_key, relate
from crm.policy_engine.actions.plan import Ordering, Plan, find_actions, newest_action
from crm.policy_engine.actions.probe_orders import order_probes
from crm.policy_engine.actions.relation import Relation
from crm.policy_engine.actions.selection import has_circle
from crm.policy_engine.actions.summary import State, original_task, summarize
from crm.policy_engine.actions.tasks import completed
from crm.policy_engine.cluster import Kind, Node, Resource, Role
from crm.policy_engine.place.affinity import dependents_of, inner_resource
from crm.policy_engine.place.assignment import assign_to
from crm.policy_engine.place.instances import compatible_instance
from crm.policy_engine.place.placement import Placement
from crm.policy_engine.tree import assigned_node, in_bundle, instances_of, is_within, role

_COLLECTIVE = (Kind.CLONE, Kind.BUNDLE)

Changed = int
_NOTHING: Changed = 0
_FIRST: Changed = 1
_THEN: Changed = 2


# From orderings to relations


def connect(plan: Plan) -> None:
    """Relate the actions that the orderings speak of, in the order in which the orderings were added."""
    for ordering in plan.orderings:
        if ordering.first_resource is not None:
            _connect_first(plan, ordering, ordering.first_resource)
        elif ordering.then_resource is not None:
            _connect_then(ordering, ordering.first_action, ordering.then_resource)
        else:
            relate(ordering.first_action, ordering.then_action, ordering.relation, ordering.constraint)


def _connect_first(plan: Plan, ordering: Ordering, first: Resource) -> None:
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


def _connect_then(ordering: Ordering, first: Action | None, then: Resource) -> None:
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


# From relations to need and possibility


def settle(plan: Plan, placement: Placement) -> None:
    """Relate all actions and work out which are required and which can be done."""
    connect(plan)
    settler = _Settler(plan, placement)
    for action in reversed(plan.actions):
        settler.block_dependents(action)
    order_probes(plan, placement.strategy)
    for action in reversed(plan.actions):
        settler.update(action)
    disable_invalid(plan)


class _Settler:
    def __init__(self, plan: Plan, placement: Placement) -> None:
        self.plan = plan
        self.placement = placement

    # One action and its inputs

    def update(self, then: Action) -> None:
        """Let all that comes before an action count for it, and the other way round."""
        changed = _NOTHING
        before = (then.optional, then.runnable)
        counts_inputs = then.required_runnable_before > 0
        if counts_inputs:
            then.runnable_before = 0
            then.runnable = False
        for link in reversed(then.inputs):
            changed = (changed & ~_FIRST) | self._update_input(then, link)
            if changed & _FIRST:
                for other, _ in reversed(link.action.outputs):
                    self.update(other)
                self.update(link.action)
        if counts_inputs:
            same = before == (then.optional, then.runnable)
            changed = changed & ~_THEN if same else changed | _THEN
        if changed & _THEN:
            if before[1] and not then.runnable:
                self.block_dependents(then)
            self.update(then)
            for other, _ in reversed(then.outputs):
                self.update(other)

    def _update_input(self, then: Action, link: Input) -> Changed:
        first = link.action
        first_node, then_node = _node_of(first), _node_of(then)
        if link.relation & r.SAME_NODE and first_node is not None and then_node is not None:
            if first_node is not then_node:
                link.relation = r.NONE
                return _NOTHING
        if first.resource is not None and link.relation & r.THEN_CANCELS_FIRST and not then.optional:
            first.optional = True
            if first.task == "reload-agent":
                first.resource.reload_needed = False
        stand_in = self._stand_in(first, then)
        if stand_in is not first:
            if relate(stand_in, then, link.relation, link.constraint):
                link.relation = r.NONE
                return _THEN
            return _NOTHING
        first_state = self._state_for(first, then_node)
        then_state = self._state_for(then, first_node)
        return self._apply(first, then, first_state, then_state, link)

    @staticmethod
    def _stand_in(first: Action, then: Action) -> Action:
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
    def _state_for(action: Action, node: Node | None) -> State:
        state = summarize(action)
        if node is None or action.resource is None or not action.resource.is_clone:
            return state
        there = summarize(action, node)
        return State(there.optional, there.runnable or state.runnable, there.migratable)

    def _apply(self, first: Action, then: Action, first_state: State, then_state: State, link: Input) -> Changed:
        changed = _NOTHING
        node = then.node
        if link.relation & r.FIRST_REQUIRES_THEN_ON_SAME_NODE:
            link.relation = link.relation & ~r.FIRST_REQUIRES_THEN_ON_SAME_NODE | r.FIRST_REQUIRES_THEN
            node = first.node
        for bit, without_resource in _RULES:
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
                changed |= _THEN
        return changed

    def _apply_nested_probe(
        self, first: Action, then: Action, node: Node | None, first_state: State, link: Input
    ) -> Changed:
        if then.resource is None:
            return _NOTHING
        if not first_state.runnable and first.resource is not None and first.resource.active_on:
            link.relation = r.NONE
            return _NOTHING
        return self.spread(then.resource.kind, first, then, node, first_state, r.UNRUNNABLE_FIRST_BLOCKS)

    # What a relation means for the members of collectives

    def spread(
        self, kind: Kind, first: Action, then: Action, node: Node | None, state: State, bit: Relation
    ) -> Changed:
        """Apply one relation to two actions, and to those of the members that they stand for."""
        if kind is Kind.PRIMITIVE:
            return self._change(first, then, state, bit)
        if kind is Kind.GROUP:
            return self._spread_in_group(first, then, node, state, bit)
        if then.resource is None:
            return _NOTHING
        if _interleaves(first, then):
            return self._spread_interleaved(first, then, node, bit)
        changed = self._change(first, then, state, bit)
        for instance in instances_of(then.resource):
            changed |= self._spread_to_instance(instance, first, then, node, state, bit)
        return changed

    def _spread_in_group(
        self, first: Action, then: Action, node: Node | None, state: State, bit: Relation
    ) -> Changed:
        changed = self._change(first, then, state, bit)
        assert then.resource is not None
        for member in then.resource.children:
            action = newest_action(member, then.task, node)
            if action is not None:
                changed |= self.spread(member.kind, first, action, node, state, bit)
        return changed

    def _spread_to_instance(
        self, instance: Resource, first: Action, then: Action, node: Node | None, state: State, bit: Relation
    ) -> Changed:
        action = newest_action(instance, then.task, node)
        if action is None or not summarize(action, node).runnable:
            return _NOTHING
        changed = self.spread(instance.kind, first, action, node, state, bit)
        if changed & _THEN:
            for other, _ in reversed(action.outputs):
                self.update(other)
        return changed

    def _spread_interleaved(self, first: Action, then: Action, node: Node | None, bit: Relation) -> Changed:
        assert first.resource is not None and then.resource is not None
        changed = _NOTHING
        first_task = original_task(first)
        current = first.key.endswith(("_stopped_0", "_demoted_0"))
        for then_instance in instances_of(then.resource):
            first_instance = compatible_instance(
                self.placement.strategy, then_instance, first.resource, current=current
            )
            if first_instance is None:
                if not current and bit & (r.UNRUNNABLE_FIRST_BLOCKS | r.FIRST_REQUIRES_THEN):
                    if assign_to(self.placement, then_instance, None, force=True, stop_if_fail=True):
                        changed |= _THEN
                continue
            first_action = _instance_action(first, first_instance, first_task, node, for_first=True)
            then_action = _instance_action(then, then_instance, then.task, node, for_first=False)
            if first_action is None or then_action is None:
                continue
            if relate(first_action, then_action, bit):
                changed |= _FIRST | _THEN
            state = summarize(first_action, node)
            changed |= self.spread(then_instance.kind, first_action, then_action, node, state, bit)
        return changed

    # What a relation means for two actions

    def _change(self, first: Action, then: Action, state: State, bit: Relation) -> Changed:
        first_before, then_before = first.state, then.state
        _MEANING[bit](first, then, state)
        changed = _NOTHING
        if then.state != then_before:
            changed |= _THEN
            if then.resource is not None and then.resource.parent is not None:
                self.update(then)
        if first.state != first_before:
            changed |= _FIRST
        return changed

    # Colocations of what cannot start

    def block_dependents(self, action: Action) -> None:
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

    def _block(self, resource: Resource, task: str, because: Action) -> None:
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


def _node_of(action: Action) -> Node | None:
    """Where an action takes place; a group starts where it is assigned."""
    resource = action.resource
    if resource is not None and resource.is_group and action.task == "start":
        return assigned_node(resource)
    return action.node


def _is_blocked_stop(action: Action) -> bool:
    resource = action.resource
    return (
        resource is not None
        and not resource.managed
        and resource.blocked
        and not action.runnable
        and action.task == "stop"
    )


def _interleaves(first: Action, then: Action) -> bool:
    """Whether two collectives are related instance by instance: the one that has to wait decides."""
    if first.resource is None or then.resource is None or first.resource is then.resource:
        return False
    if first.resource.kind not in _COLLECTIVE or then.resource.kind not in _COLLECTIVE:
        return False
    waiting = first.resource if then.key.endswith(("_stop_0", "_demote_0")) else then.resource
    return is_true(waiting.meta.get("interleave"))


def _instance_action(
    action: Action, instance: Resource, task: str, node: Node | None, for_first: bool
) -> Action | None:
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


# The meaning of each relation


def _because(action: Action, other: Action, change: str) -> None:
    """Note why an action changed, unless the other one belongs to the same resource."""
    if action.resource is not other.resource:
        name = f" {other.resource.id}" if other.resource is not None else ""
        action.set_reason(f"{change}{name} {other.task}")


def _require(action: Action, because: Action) -> None:
    if action.optional:
        action.optional = False
        action.required_by = because
        _because(action, because, "required")


def _block(action: Action, because: Action) -> None:
    if action.runnable:
        action.runnable = False
        action.blocked_by = because
        _because(action, because, "unrunnable")


def _unmigrate(action: Action, because: Action) -> None:
    if action.migratable:
        action.migratable = False
        _because(action, because, "unmigrateable")


def _asymmetric(first: Action, then: Action, state: State) -> None:
    if then.resource is None or first.runnable:
        return
    if then.optional:
        present = role(then.resource, current=True)
        if present is Role.STOPPED and then.task == "stop":
            return
        if present >= Role.STARTED and then.task == "start" and then.resource.active_on == [then.node]:
            return
    _require(then, first)
    _block(then, first)


def _then_needs_first(first: Action, then: Action, state: State) -> None:
    if then.optional:
        return
    if not state.optional and first.optional:
        _require(first, then)
    if state.migratable and not then.migratable:
        _unmigrate(first, then)


def _promoted_then_needs_first(first: Action, then: Action, state: State) -> None:
    if then.resource is None or then.resource.role is not Role.PROMOTED or then.optional:
        return
    _require(first, then)
    if first.migratable and not then.migratable:
        _unmigrate(first, then)


def _unmigratable_then_blocks(first: Action, then: Action, state: State) -> None:
    if not (then.migratable and then.runnable):
        _block(first, then)
    if not then.optional:
        _require(first, then)


def _first_else_then(first: Action, then: Action, state: State) -> None:
    if not first.runnable:
        _unmigrate(then, first)
        then.pseudo = False


def _unrunnable_first_blocks(first: Action, then: Action, state: State) -> None:
    if then.runnable and not state.runnable:
        _block(then, first)
        _unmigrate(then, first)


def _first_requires_then(first: Action, then: Action, state: State) -> None:
    if then.optional and not state.optional and not first.migratable:
        _require(then, first)


def _restart(first: Action, then: Action, state: State) -> None:
    assert then.resource is not None
    required = not then.optional
    stopped = not then.runnable and then.resource.managed and first.resource is then.resource
    if not required and not stopped:
        return
    if first.runnable:
        _require(first, then)
    if not then.optional:
        _require(first, then)
    if not then.migratable:
        _unmigrate(first, then)
    if not first.optional and not first.runnable:
        _block(then, first)


def _no_more(first: Action, then: Action, state: State) -> None:
    """Only an order in time."""


_MEANING: dict[Relation, Callable[[Action, Action, State], None]] = {
    r.FIRST_REQUIRES_THEN: _first_requires_then,
    r.RESTART: _restart,
    r.THEN_NEEDS_FIRST: _then_needs_first,
    r.PROMOTED_THEN_NEEDS_FIRST: _promoted_then_needs_first,
    r.MIN_RUNNABLE: _no_more,
    r.UNRUNNABLE_FIRST_BLOCKS: _unrunnable_first_blocks,
    r.UNMIGRATABLE_THEN_BLOCKS: _unmigratable_then_blocks,
    r.FIRST_ELSE_THEN: _first_else_then,
    r.ORDERED: _no_more,
    r.ASYMMETRIC: _asymmetric,
}


def _require_plain(first: Action, then: Action, state: State) -> Changed:
    if state.optional or not then.optional:
        return _NOTHING
    then.optional = False
    then.required_by = first
    return _THEN


def _unneeded_plain(first: Action, then: Action, state: State) -> Changed:
    if state.optional or not first.runnable:
        return _NOTHING
    first.runnable = False
    first.blocked_by = then
    return _FIRST


def _count_plain(first: Action, then: Action, state: State) -> Changed:
    if not state.runnable:
        return _NOTHING
    then.runnable_before += 1
    if then.runnable_before < then.required_runnable_before or then.runnable:
        return _NOTHING
    then.runnable = True
    return _THEN


def _block_plain(first: Action, then: Action, state: State) -> Changed:
    if state.runnable or not then.runnable:
        return _NOTHING
    then.runnable = False
    then.blocked_by = first
    return _THEN


_RULES: tuple[tuple[Relation, Callable[[Action, Action, State], Changed] | None], ...] = (
    (r.FIRST_REQUIRES_THEN, _require_plain),
    (r.RESTART, None),
    (r.THEN_NEEDS_FIRST, _unneeded_plain),
    (r.PROMOTED_THEN_NEEDS_FIRST, None),
    (r.MIN_RUNNABLE, _count_plain),
    (r.NESTED_REMOTE_PROBE, None),
    (r.UNRUNNABLE_FIRST_BLOCKS, _block_plain),
    (r.UNMIGRATABLE_THEN_BLOCKS, None),
    (r.FIRST_ELSE_THEN, None),
    (r.ORDERED, None),
    (r.ASYMMETRIC, None),
)
"""The order in which parts of a relation take effect, and what they mean for an action without a resource."""


# Relations that make no sense


def disable_invalid(plan: Plan) -> None:
    """Void relations that could only deadlock: a guest's creator waiting for what runs in the guest, and migrations
    waiting for the capacity that they themselves make free.
    """
    for action in reversed(plan.actions):
        for link in reversed(action.inputs):
            if _waits_for_own_guest(action, link) or _circles_by_capacity(action, link):
                link.relation = r.NONE


def _waits_for_own_guest(action: Action, link: Input) -> bool:
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


def _circles_by_capacity(action: Action, link: Input) -> bool:
    return (
        link.relation == r.SAME_NODE_OR_TARGET
        and action.resource is not None
        and action.task == "migrate_to"
        and has_circle(action, action, link)
    )
