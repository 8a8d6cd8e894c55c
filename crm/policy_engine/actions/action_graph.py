"""The actions of one planning pass and the orderings between them, as they are collected.

Actions are numbered in the order in which they are first asked for, and asking again gives the same action: outputs
depend on both, so everything that makes actions does it in a fixed order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from crm.policy_engine.actions.action import PlannedAction, operation_key
from crm.policy_engine.actions.relation import Relation
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind, Requires, Resource, Role
from crm.policy_engine.picture.failure_policy import required_for
from crm.policy_engine.picture.fenceability import can_fence
from crm.policy_engine.picture.operations import find_operation, operation_meta
from crm.policy_engine.picture.options import NoQuorumPolicy
from crm.policy_engine.picture.parameters import operation_parameters
from crm.policy_engine.picture.tree import is_all_active


@dataclass(slots=True, eq=False)
class Ordering:
    """"First" before "then", said of actions that may not exist yet: by resource and task, or of one action."""

    relation: Relation
    first_resource: Resource | None = None
    first_task: str | None = None
    first_action: PlannedAction | None = None
    then_resource: Resource | None = None
    then_task: str | None = None
    then_action: PlannedAction | None = None
    constraint: str = ""
    """Id of the ordering constraint that says so; empty when it follows from what the resources are."""


@dataclass(slots=True)
class ActionGraph:
    """What is to be done with a cluster, while it is worked out."""

    cluster: Cluster
    sanitized: bool = False
    """Private parameters were taken out of the CIB: that only they seem changed means nothing."""
    actions: list[PlannedAction] = field(default_factory=list)
    """In order of their numbers."""
    singletons: dict[str, PlannedAction] = field(default_factory=dict)
    """Actions that belong to no resource, by key."""
    orderings: list[Ordering] = field(default_factory=list)
    meta_cache: dict[tuple[int, str, int], dict[str, str]] = field(default_factory=dict)

    # Making actions

    def action(
        self,
        resource: Resource,
        task: str,
        node: Node | None,
        optional: bool,
        interval_ms: int = 0,
        key: str | None = None,
    ) -> PlannedAction:
        """The action of a resource on a node, made when there is none yet; required unless `optional`.

        An action that was asked for without a node belongs to the first node that it is asked for on.
        """
        key = key if key is not None else operation_key(resource.id, task, interval_ms)
        found = find_actions(resource, key, node)
        if found:
            action = found[0]
        else:
            action = self._new(key, task, resource, node, optional)
            self._configure(action, resource, interval_ms)
            resource.actions.append(action)
            resource.actions_by_key.setdefault(key, []).append(action)
            resource.actions_by_task.setdefault(task, []).append(action)
        _update_optional(action, resource, optional)
        if action.node is not None and action.config is not None and not action.extra_read:
            action.extra = operation_parameters(self.cluster, action.config, action.node)
            action.extra_read = True
        self._update_runnable(action, resource)
        return action

    def _new(self, key: str, task: str, resource: Resource | None, node: Node | None, optional: bool) -> PlannedAction:
        action = PlannedAction(len(self.actions) + 1, key, task, resource, node)
        action.optional = optional
        self.actions.append(action)
        return action

    def _configure(self, action: PlannedAction, resource: Resource, interval_ms: int) -> None:
        operation = find_operation(resource, action.task, interval_ms)
        if operation is None and "_notify_" in action.key:
            operation = find_operation(resource, "notify", 0)
        action.config = operation
        cache_key = (id(resource), action.key if "_notify_" in action.key else action.task, interval_ms)
        meta = self.meta_cache.get(cache_key)
        if meta is None:
            meta = operation_meta(self.cluster, resource, action.node, action.task, interval_ms, operation)
            self.meta_cache[cache_key] = meta
        action.meta = dict(meta)
        action.needs = required_for(resource, action.task)

    def singleton(self, key: str, task: str, node: Node | None, optional: bool) -> PlannedAction:
        """An action that belongs to no resource."""
        action = self.singletons.get(key)
        if action is None:
            action = self.singletons[key] = self._new(key, task, None, node, optional)
        if not optional:
            action.optional = False
        return action

    def milestone(self, name: str) -> PlannedAction:
        """A pseudo-action of the whole cluster."""
        action = self.singletons.get(name)
        if action is None:
            action = self.singleton(name, name, None, optional=True)
            action.pseudo = action.runnable = True
        return action

    def pseudo(self, resource: Resource, task: str, optional: bool, runnable: bool) -> PlannedAction:
        """A pseudo-action of a collective resource."""
        action = self.action(resource, task, None, optional)
        action.pseudo = True
        if runnable:
            action.runnable = True
        return action

    # Whether an action can be done

    def _update_runnable(self, action: PlannedAction, resource: Resource) -> None:
        if action.pseudo:
            return
        node = action.node
        if node is None:
            action.runnable = False
        elif not action.on_dc and not node.online and (node.kind is not NodeKind.GUEST or node.remote_needs_reset):
            action.runnable = False
            if resource.managed and action.task == "stop" and not node.unclean:
                self.fence_node(node, "stop is unrunnable")
        elif not action.on_dc and node.pending:
            action.runnable = False
        elif action.needs is Requires.NOTHING:
            action.reason = None
            action.runnable = node.kind is not NodeKind.GUEST or can_fence(self.cluster, node)
        else:
            self._update_for_quorum(action, resource)

    def _update_for_quorum(self, action: PlannedAction, resource: Resource) -> None:
        match self._quorum_policy(resource):
            case NoQuorumPolicy.STOP:
                action.runnable = False
                action.set_reason("no quorum", overwrite=True)
            case NoQuorumPolicy.FREEZE:
                if not is_all_active(resource) or resource.next_role > resource.role:
                    action.runnable = False
                    action.set_reason("quorum freeze", overwrite=True)
            case _:
                action.runnable = True

    def _quorum_policy(self, resource: Resource) -> NoQuorumPolicy:
        """What the lack of quorum means for one resource; with `demote` what is promotable goes on unpromoted."""
        if self.cluster.quorate:
            return NoQuorumPolicy.IGNORE
        policy = self.cluster.settings.no_quorum_policy
        if policy is not NoQuorumPolicy.DEMOTE:
            return policy
        if resource.role not in (Role.PROMOTED, Role.UNPROMOTED):
            return NoQuorumPolicy.STOP
        if resource.next_role > Role.UNPROMOTED:
            resource.next_role = Role.UNPROMOTED
        return NoQuorumPolicy.IGNORE

    # Fencing (see `actions.fencing`); here because making an action may ask for it

    def fence_node(self, node: Node, reason: str, priority_delay: bool = False) -> None:
        """Remember that a node has to be fenced before it can be trusted."""
        from crm.policy_engine.actions.fencing_actions import mark_for_fencing

        mark_for_fencing(self, node, reason, priority_delay)

    # Ordering actions

    def order(
        self,
        first: Resource,
        first_task: str,
        then: Resource,
        then_task: str,
        relation: Relation,
        constraint: str = "",
    ) -> None:
        """Order two tasks of resources."""
        self.add(Ordering(relation, first, first_task, None, then, then_task, None, constraint))

    def order_after_action(
        self, first: PlannedAction, then: Resource, then_task: str, relation: Relation, constraint: str = ""
    ) -> None:
        """Order an action before a resource's task."""
        self.add(Ordering(relation, first.resource, first.task, first, then, then_task, None, constraint))

    def order_before_action(
        self, first: Resource, first_task: str, then: PlannedAction, relation: Relation, constraint: str = ""
    ) -> None:
        """Order a resource's task before an action."""
        self.add(Ordering(relation, first, first_task, None, then.resource, then.task, then, constraint))

    def order_actions(self, first: PlannedAction, then: PlannedAction, relation: Relation) -> None:
        """Order two actions, in turn with the other orderings."""
        self.add(Ordering(relation, first.resource, first.task, first, then.resource, then.task, then))

    def add(self, ordering: Ordering) -> None:
        """Take up an ordering, and what it means for live migrations; of one thing before itself nothing."""
        from crm.policy_engine.actions.migration import order_migration_equivalents

        if ordering.first_resource is ordering.then_resource is not None and ordering.first_task == ordering.then_task:
            if ordering.first_action is ordering.then_action:
                return
        self.orderings.append(ordering)
        order_migration_equivalents(self, ordering)


def _update_optional(action: PlannedAction, resource: Resource, optional: bool) -> None:
    if action.node is not None and not action.pseudo and not resource.managed and action.interval is None:
        action.optional = True
    elif not optional:
        action.optional = False


def find_actions(resource: Resource, key: str, node: Node | None) -> list[PlannedAction]:
    """A resource's actions with this key, oldest first, on the node if one is given; one that has no node yet gets
    it.
    """
    candidates = resource.actions_by_key.get(key)
    if not candidates:
        return []
    if node is None:
        return list(candidates)
    found = []
    for action in candidates:
        if action.node is None:
            action.node = node
        if action.node is node:
            found.append(action)
    return found


def find_actions_on(resource: Resource, task: str, node: Node | None, interval_ms: int = 0) -> list[PlannedAction]:
    """A resource's actions for a task that are on exactly this node, oldest first."""
    if node is None:
        return []
    key = operation_key(resource.id, task, interval_ms)
    return [action for action in resource.actions_by_key.get(key, ()) if action.node is node]


def actions_for(resource: Resource, task: str, node: Node | None = None) -> list[PlannedAction]:
    """A resource's actions for a task, oldest first, on the node if one is given (see `find_actions`)."""
    return find_actions(resource, operation_key(resource.id, task), node)


def newest_action(resource: Resource, task: str, node: Node | None = None) -> PlannedAction | None:
    """The newest of a resource's actions for a task, on the node if one is given."""
    for action in reversed(resource.actions_by_task.get(task, ())):
        if (node is None or action.node is node) and action.task == task:
            return action
    return None
