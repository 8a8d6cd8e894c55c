"""The transition: required actions as synapses, with what an executor has to know of each.

Order matters to readers of the outputs: resource by resource, newest action first, then whatever is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from crm.model.release import FEATURE_SET
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition
from crm.model.values import parse_integer
from crm.policy_engine.actions.action import Input, PlannedAction, operation_key
from crm.policy_engine.actions.action_graph import ActionGraph
from crm.policy_engine.actions.collective_state import collective_state
from crm.policy_engine.actions.notifications import create_notifications
from crm.policy_engine.actions.remote import router_of
from crm.policy_engine.actions.selection import belongs_in_graph, counts_as_input
from crm.policy_engine.output.expired_failures import resting_on_expired
from crm.policy_engine.picture.cluster import Cluster, NodeKind, Resource, ResourceKind
from crm.policy_engine.picture.digests import needs_remote_address, remote_address
from crm.policy_engine.picture.parameters import parameters_of
from crm.policy_engine.picture.tree import current_node

_CLUSTER_TASKS = ("do_shutdown", "clear_failcount", "lrm_delete")
_FENCING = ("off", "reboot")


@dataclass(frozen=True, slots=True)
class GraphStep:
    """An action of the transition, and the actions that it waits for."""

    action: PlannedAction
    priority: int
    inputs: tuple[PlannedAction, ...]


@dataclass(slots=True)
class TransitionGraph:
    """The steps of a transition, in the order in which they are listed."""

    plan: ActionGraph
    steps: list[GraphStep] = field(default_factory=list)


def build(plan: ActionGraph) -> TransitionGraph:
    """Choose the actions that belong into the transition."""
    graph = TransitionGraph(plan)
    for resource in plan.cluster.resources:
        _add_resource(graph, resource)
    _add_maintenance_update(plan)
    for action in reversed(plan.actions):
        _add(graph, action)
    return graph


def _add_resource(graph: TransitionGraph, resource: Resource) -> None:
    match resource.kind:
        case ResourceKind.PRIMITIVE | ResourceKind.GROUP:
            _add_own(graph, resource)
        case ResourceKind.CLONE:
            for action in reversed(resource.actions):
                collective_state(action)
            create_notifications(graph.plan, resource)
            for instance in resource.children:
                _add_resource(graph, instance)
            _add_own(graph, resource)
        case ResourceKind.BUNDLE:
            _add_bundle(graph, resource)


def _add_own(graph: TransitionGraph, resource: Resource) -> None:
    for action in reversed(resource.actions):
        _add(graph, action)
    for child in resource.children:
        _add_resource(graph, child)


def _add_bundle(graph: TransitionGraph, bundle: Resource) -> None:
    assert bundle.bundle is not None
    if bundle.bundle.child is not None:
        _add_resource(graph, bundle.bundle.child)
    for replica in bundle.bundle.replicas:
        for part in (replica.ip, replica.container, replica.remote):
            if part is not None:
                _add_resource(graph, part)


def _add_maintenance_update(plan: ActionGraph) -> None:
    if any(_maintenance_changes(plan.cluster)):
        plan.milestone("maintenance_nodes").always_in_graph = True


def _maintenance_changes(cluster: Cluster) -> Iterator[tuple[str, bool]]:
    """Remote nodes whose recorded maintenance differs from the present one."""
    for node in cluster.nodes:
        if node.is_remote_kind and node.maintenance != node.remote_in_maintenance:
            yield node.id, node.maintenance


def _add(graph: TransitionGraph, action: PlannedAction) -> None:
    if not action.deduplicated:
        _merge_inputs(action)
        action.deduplicated = True
    if action.in_graph or not belongs_in_graph(action):
        return
    action.in_graph = True
    inputs = []
    for link in action.inputs:
        if counts_as_input(action, link):
            link.graphed = True
            inputs.append(link.action)
    priority = max(action.resource.priority if action.resource is not None else 0, action.priority, 0)
    graph.steps.append(GraphStep(action, priority, tuple(inputs)))


def _merge_inputs(action: PlannedAction) -> None:
    """One input for each earlier action, by number, with all its relations."""
    merged: dict[int, Input] = {}
    for link in reversed(action.inputs):
        known = merged.get(link.action.id)
        if known is None:
            merged[link.action.id] = link
            link.graphed = False
        else:
            known.relation |= link.relation
            known.constraint = known.constraint or link.constraint
    action.inputs = sorted(merged.values(), key=lambda link: link.action.id)


# What an executor has to know


def as_transition(graph: TransitionGraph, number: int = 1) -> Transition:
    """The graph as data that can be sent and run."""
    cluster, settings = graph.plan.cluster, graph.plan.cluster.settings
    synapses = []
    expired = resting_on_expired([step.action for step in graph.steps])
    for position, step in enumerate(graph.steps):
        inputs = tuple(action.id for action in step.inputs)
        made = graph_action(graph.plan, step.action)
        synapses.append(Synapse(position, made, inputs, step.priority, expired.get(step.action.id, ())))
    return Transition(
        id=number,
        synapses=tuple(synapses),
        cluster_delay_ms=settings.cluster_delay_ms,
        fencing_timeout_ms=settings.fencing_timeout_ms,
        failed_start_offset="INFINITY" if settings.start_failure_is_fatal else "1",
        batch_limit=settings.batch_limit,
        migration_limit=settings.migration_limit,
        recheck_at=cluster.recheck_at,
        reports=tuple(cluster.reports),
    )


def graph_action(plan: ActionGraph, action: PlannedAction, with_details: bool = True) -> GraphAction:
    """An action as data; without details only what tells it from others."""
    kind = _kind(action)
    shows_node = kind is not ActionKind.PSEUDO or action.task == "stonith"
    node = action.node if shows_node else None
    router = router_of(action) if node is not None else None
    if node is not None:
        action.meta["on_node"] = node.name
        action.meta["on_node_uuid"] = node.id
    key, internal_key = _keys(action)
    if not with_details:
        return GraphAction(
            action.id,
            kind,
            action.task,
            key,
            node.name if node else None,
            node.id if node else None,
            router.name if router else None,
            internal_key,
        )
    return GraphAction(
        id=action.id,
        kind=kind,
        operation=action.task,
        key=key,
        node=node.name if node else None,
        node_id=node.id if node else None,
        router=router.name if router else None,
        internal_key=internal_key,
        resource=_agent(action.resource) if action.resource is not None and not action.pseudo else None,
        attributes=_attributes(plan, action),
        downed=tuple(_downed(plan.cluster, action)) if node is not None else (),
        maintenance=tuple(_maintenance_changes(plan.cluster)) if action.task == "maintenance_nodes" else (),
        shutdown_lock=_shutdown_lock(action),
        own_parameters=tuple(sorted(action.extra)),
        reason=(action.reason or "") if action.task == "stonith" else "",
    )


def _kind(action: PlannedAction) -> ActionKind:
    if action.task == "stonith":
        return ActionKind.PSEUDO if action.pseudo else ActionKind.CLUSTER
    if action.task in _CLUSTER_TASKS:
        return ActionKind.CLUSTER
    return ActionKind.PSEUDO if action.pseudo else ActionKind.RESOURCE


def _keys(action: PlannedAction) -> tuple[str, str | None]:
    """The key that executors know the action by, and the internal one when that differs (anonymous instances)."""
    resource = action.resource
    if resource is None or resource.history_id is None:
        return action.key, None
    if action.task == "notify":
        key = f"{resource.history_id}_{action.meta.get('notify_type')}_notify_{action.meta.get('notify_operation')}_0"
    else:
        interval = parse_integer(action.meta.get("interval")) or 0
        key = operation_key(resource.history_id, action.cancel_task or action.task, interval)
    return key, action.key


def _agent(resource: Resource) -> AgentReference:
    long_id: str | None = None
    configured = resource.definition.id if resource.definition is not None else resource.id
    if resource.removed and resource.history_id is not None:
        identity, long_id = resource.history_id, resource.id
    elif not resource.unique:
        identity = configured
        history = resource.history_id
        long_id = history if history is not None and history != configured else resource.id
    else:
        identity = resource.id
    return AgentReference(identity, resource.standard, resource.type, resource.provider, long_id)


def _attributes(plan: ActionGraph, action: PlannedAction) -> dict[str, str]:
    """Everything passed on: the operation's own parameters, the resource's, meta attributes; the first of a name
    counts.
    """
    found: dict[str, str] = {"crm_feature_set": FEATURE_SET}
    for name, value in action.extra.items():
        if not is_reserved(name):
            found.setdefault(name, value)
    resource = action.resource
    if resource is not None and (action.node is not None or resource.is_primitive):
        for name, value in _parameters(plan.cluster, resource, action).items():
            if not is_reserved(name):
                found.setdefault(name, value)
    for name, value in action.meta.items():
        if "#" not in name and ":" not in name:
            found.setdefault(meta_name(name), value)
    level = resource
    while level is not None:
        _add_meta_of(level, found)
        level = level.parent
    if resource is not None:
        _add_guest_meta(action, resource, found)
    return dict(sorted(found.items()))


@cache
def meta_name(name: str) -> str:
    """The name under which agents get a meta attribute."""
    return "CRM_meta_" + name.replace("-", "_")


def is_reserved(name: str) -> bool:
    """Whether a parameter would pass for a meta attribute, which tells executors what to do and until when."""
    return name.startswith("CRM_meta_")


def _parameters(cluster: Cluster, resource: Resource, action: PlannedAction) -> dict[str, str]:
    parameters = parameters_of(cluster, resource, action.node)
    if needs_remote_address(cluster, resource):
        address = remote_address(cluster, resource)
        if address is not None:
            return {**parameters, "addr": address}
    return parameters


def _add_meta_of(resource: Resource, found: dict[str, str]) -> None:
    if resource.is_primitive:
        for name in ("clone", "remote-node"):
            if name in resource.meta:
                found[meta_name(name)] = resource.meta[name]
        level: Resource | None = resource
        while level is not None:
            if level.launcher is not None:
                found[meta_name("container")] = level.launcher.id
            level = level.parent
        if "external-ip" in resource.meta:
            found["pcmk_external_ip"] = resource.meta["external-ip"]
    elif resource.clone is not None:
        settings = resource.clone
        found[meta_name("globally-unique")] = _flag(resource.unique)
        found[meta_name("notify")] = _flag(resource.notify)
        found[meta_name("clone-max")] = str(settings.clone_max)
        found[meta_name("clone-node-max")] = str(settings.clone_node_max)
        if resource.promotable:
            for word in ("promoted", "master"):
                found[meta_name(f"{word}-max")] = str(settings.promoted_max)
                found[meta_name(f"{word}-node-max")] = str(settings.promoted_node_max)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _add_guest_meta(action: PlannedAction, resource: Resource, found: dict[str, str]) -> None:
    """Where the guest node's container is while the action runs: some agents need their machine's attributes."""
    node = action.node
    if node is None or node.kind is not NodeKind.GUEST:
        return
    assert node.remote is not None and node.remote.launcher is not None
    container = node.remote.launcher
    task = action.meta.get("notify_operation") if action.task in ("notify", "notified") else action.task
    host = None
    if task in ("stop", "stopped", "demote", "demoted"):
        host = current_node(container)
    elif task in ("start", "running", "monitor", "promote", "promoted"):
        host = container.assigned
    if host is not None:
        target = resource.meta.get("container-attribute-target")
        if target is not None:
            found.setdefault(meta_name("container-attribute-target"), target)
        found.setdefault(meta_name("physical-host"), host.name)


def _downed(cluster: Cluster, action: PlannedAction) -> Iterator[str]:
    """Ids of the nodes that go down by an action."""
    node, resource = action.node, action.resource
    assert node is not None
    if action.task == "do_shutdown":
        yield node.id
    elif action.task == "stonith":
        if action.meta.get("stonith_action") in _FENCING:
            yield node.id
            for running in node.running if cluster.have_remote_nodes else ():
                guest = cluster.nodes_by_name.get(running.id)
                if running.is_remote_connection and running.launcher is not None and guest is not None:
                    yield guest.id
    elif resource is not None and resource.is_remote_connection and action.task == "stop":
        migrates = any(
            link.action.task == "migrate_from"
            and link.action.resource is not None
            and link.action.resource.id == resource.id
            for link in action.inputs
        )
        if not migrates:
            yield resource.id


def _shutdown_lock(action: PlannedAction) -> int | None:
    """When the lock began that keeps the resource for a node that is shut down, if this action makes or keeps it."""
    resource, node = action.resource, action.node
    if resource is None or action.pseudo or node is None or node is not resource.lock_node:
        return None
    return None if node.shutting_down and action.task != "stop" else resource.lock_time


