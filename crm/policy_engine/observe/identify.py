"""Whose a recorded history is: finding the resource, the instance of an anonymous clone, or making a removed one.

Anonymous instances have no names of their own in a history: the one active on the node takes it, else the first that is
free, else another is made, which counts as removed.
"""

from __future__ import annotations

from crm.model.history import ResourceHistory
from crm.model.resources import Primitive
from crm.model.score import MINUS_INFINITY
from crm.policy_engine.observe import bundles
from crm.policy_engine.observe.nodes import add_node
from crm.policy_engine.observe.preferences import prefer
from crm.policy_engine.observe.remote_nodes import attribute_set
from crm.policy_engine.observe.resources import add_instance, link_connection, make_resource, register
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind, Resource, ResourceKind
from crm.policy_engine.picture.names import base_name
from crm.policy_engine.picture.tree import needs_fencing


def find_for_history(cluster: Cluster, node: Node, history_id: str) -> Resource | None:
    """The primitive that a history on the node belongs to, None when the configuration has none."""
    named = _named(cluster, history_id)
    if named is None or not named.is_primitive:
        return None
    resource: Resource | None = named
    top = named.top
    if top.kind is ResourceKind.CLONE and not top.unique:
        if top.parent is not None:
            resource = bundles.replica_on(top.parent, node)
        else:
            resource = _find_instance(cluster, node, top, base_name(history_id))
    if resource is not None and history_id != resource.id:
        resource.history_id = history_id
    return resource


def _named(cluster: Cluster, history_id: str) -> Resource | None:
    """The resource with this id, or with this name in an earlier history, or an anonymous clone's first instance."""
    for resource in cluster.by_id.get(history_id, ()):
        if history_id in (resource.id, resource.history_id):
            return resource
    first = cluster.by_id.get(f"{base_name(history_id)}:0")
    return first[0] if first and not first[0].unique else None


def _find_instance(cluster: Cluster, node: Node, clone: Resource, name: str) -> Resource | None:
    resource = _existing_instance(node, clone, name)
    if resource is not None and not _may_take_place(cluster, node, clone, resource):
        resource = None
    if resource is None:
        instance = add_instance(cluster, clone)
        if instance is not None:
            register(cluster, instance)
            resource = _member(instance, name)
    return resource


def _existing_instance(node: Node, clone: Resource, name: str) -> Resource | None:
    """The instance active or pending on the node if this part of it is free, else the first inactive one."""
    inactive: Resource | None = None
    seen_here = False
    for instance in clone.children:
        place = _first_place(instance)
        if place is not None:
            if place is node:
                found = _member(instance, name)
                if found is not None and not found.active_on:
                    return found
                seen_here = seen_here or found is not None
        elif inactive is None and not seen_here and not instance.blocked:
            inactive = _member(instance, name)
            if inactive is not None and inactive.pending_node not in (None, node):
                inactive = None
    return None if seen_here else inactive


def _first_place(instance: Resource) -> Node | None:
    """Where the first part of an instance that is active or has something pending is so."""
    for primitive in instance.primitives():
        if primitive.active_on:
            return primitive.active_on[0]
        if primitive.pending_node is not None:
            return primitive.pending_node
    return None


def _member(instance: Resource, name: str) -> Resource | None:
    """The part of an instance that has this id, with or without number."""
    return next(
        (each for each in instance.walk() if each.id == name or (each.definition and each.definition.id == name)), None
    )


def _may_take_place(cluster: Cluster, node: Node, clone: Resource, resource: Resource) -> bool:
    """On a node that is away, what needs no fencing must not take the place of an instance that could run elsewhere,
    unless there is one instance per node anyway."""
    if needs_fencing(resource) or node.awaited or (node.online and not node.unclean) or node.kind is NodeKind.GUEST:
        return True
    assert clone.clone is not None
    return clone.clone.clone_max == len(cluster.nodes)


def make_removed(cluster: Cluster, node: Node, history: ResourceHistory) -> Resource | None:
    """A resource that the configuration does not have any more, made from what its history says of it."""
    meta = attribute_set(f"{history.id}-history", (("container", history.container),))
    definition = Primitive(
        id=history.id,
        standard=history.standard,
        provider=history.provider,
        type=history.type,
        meta=(meta,) if meta.pairs else (),
    )
    resource = make_resource(cluster, definition)
    if resource is None:
        return None
    if resource.is_remote_connection:
        _revive_node(cluster, resource)
    resource.removed_launched = history.container is not None
    resource.removed = True
    cluster.resources.append(resource)
    register(cluster, resource)
    if cluster.settings.stop_removed_resources:
        prefer(cluster, resource, None, MINUS_INFINITY, "__removed_do_not_run__")
    else:
        resource.managed = False
    return resource


def _revive_node(cluster: Cluster, connection: Resource) -> None:
    """A removed connection still leads to a node, which is to be left."""
    node = cluster.nodes_by_name.get(connection.id)
    if node is None:
        node = add_node(cluster, connection.id, connection.id, NodeKind.REMOTE)
    link_connection(cluster, connection)
    node.shutting_down = True


def map_removed_to_containers(cluster: Cluster, histories: tuple[ResourceHistory, ...]) -> None:
    """Connect removed resources with the containers that their histories name, as far as those exist."""
    for history in histories:
        container = cluster.find(history.container) if history.container is not None else None
        resource = cluster.find(history.id)
        if container is None or resource is None or resource.launcher is not None or not resource.removed_launched:
            continue
        resource.launcher = container
        container.launched.append(resource)
        node = cluster.nodes_by_name.get(resource.id) if resource.is_remote_connection else None
        if node is not None and node.remote is resource:
            node.kind = NodeKind.GUEST
