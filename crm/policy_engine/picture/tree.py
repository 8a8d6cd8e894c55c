"""Where a resource is now, and where it will be: questions that every phase asks of the tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crm.policy_engine.picture.cluster import Cluster, Node, Requires, Resource, ResourceKind, Role


@dataclass(slots=True)
class Activity:
    """Where a resource is found active: `node` is the one that counts when there are several."""

    node: Node | None = None
    total: int = 0
    clean: int = 0


def activity(resource: Resource) -> Activity:
    """Count the nodes where a resource is active, and choose the one that stands for it.

    During a migration that is the source; for what needs fencing the first; else the first that is healthy.
    """
    found = Activity()
    for node in _active_nodes(resource):
        healthy = node.online and not node.unclean
        found.total += 1
        found.clean += healthy
        if resource.partial_migration_source is not None:
            if node is resource.partial_migration_source:
                found.node = node
        elif not needs_fencing(resource):
            chosen = found.node
            if healthy and (chosen is None or not chosen.online or chosen.unclean):
                found.node = node
        if found.node is None:
            found.node = node
    return found


def needs_fencing(resource: Resource) -> bool:
    """Whether it may start only after every lost node that could still run it is fenced."""
    return resource.requires in (Requires.FENCING, Requires.UNFENCING)


def _active_nodes(resource: Resource) -> Iterable[Node]:
    if resource.bundle is None:
        return resource.active_on
    nodes: dict[str, Node] = {}
    for replica in resource.bundle.replicas:
        for node in replica.container.active_on:
            nodes.setdefault(node.id, node)
    return nodes.values()


def current_node(resource: Resource) -> Node | None:
    """The node that stands for where a resource is active now."""
    if len(resource.active_on) == 1 and resource.bundle is None:
        return resource.active_on[0]
    return activity(resource).node


def assigned_nodes(resource: Resource) -> list[Node]:
    """The nodes that a resource's primitives are assigned to, each once."""
    if not resource.children:
        return [resource.assigned] if resource.assigned is not None else []
    return list({node.id: node for child in resource.children for node in assigned_nodes(child)}.values())


def assigned_node(resource: Resource) -> Node | None:
    """The one node that a resource is assigned to; None when there is none, or (for a collective) more than one."""
    if not resource.children:
        return resource.assigned
    nodes = assigned_nodes(resource)
    return nodes[0] if len(nodes) == 1 else None


def current_nodes(resource: Resource) -> list[Node]:
    """The nodes that a resource's primitives are active on, each once."""
    if not resource.children:
        return list(resource.active_on)
    return list({node.id: node for child in resource.children for node in current_nodes(child)}.values())


def role(resource: Resource, current: bool) -> Role:
    """A resource's role now or next; of a collective the greatest among its members (a bundle has none)."""
    match resource.kind:
        case ResourceKind.PRIMITIVE:
            return resource.role if current else resource.next_role
        case ResourceKind.BUNDLE:
            return Role.UNKNOWN
        case ResourceKind.GROUP | ResourceKind.CLONE:
            return max((role(child, current) for child in resource.children), default=Role.UNKNOWN)


def is_active(resource: Resource) -> bool:
    """Whether a primitive counts as active: somewhere online, unclean, or left alone."""
    return any(node.unclean or node.online or not resource.managed for node in resource.active_on)


def assigned_node_of(resource: Resource, current: bool) -> Node | None:
    """The one node where a resource is (`current`) or will be; None when there is none or more than one."""
    if not current:
        return assigned_node(resource)
    nodes = current_nodes(resource)
    return nodes[0] if len(nodes) == 1 else None


def any_blocked(resource: Resource) -> bool:
    """Whether the resource or anything in it is blocked."""
    return any(each.blocked for each in resource.walk())


def instances_of(collective: Resource) -> list[Resource]:
    """The instances of a clone, the containers of a bundle."""
    if collective.bundle is not None:
        return [replica.container for replica in collective.bundle.replicas]
    return collective.children


def is_within(resource: Resource, ancestor: Resource) -> bool:
    """Whether the resource is somewhere in the other."""
    parent = resource.parent
    while parent is not None:
        if parent is ancestor:
            return True
        parent = parent.parent
    return False


def is_all_active(resource: Resource) -> bool:
    """Whether everything in a resource is active."""
    if resource.is_primitive:
        return is_active(resource)
    if resource.is_group:
        return bool(resource.children) and all(is_all_active(child) for child in resource.children)
    return all(is_all_active(child) for child in resource.children)


def in_bundle(resource: Resource) -> bool:
    """Whether the resource is a bundle, one of its parts, or inside one."""
    while resource.parent is not None:
        resource = resource.parent
    return resource.bundle is not None


def runs_in_container(resource: Resource) -> bool:
    """Whether the resource is what runs in a bundle's containers: neither they, nor addresses, nor connections."""
    bundle = resource.top.parent
    return bundle is not None and bundle.bundle is not None and bundle.bundle.child is resource.top


def contained_connection(cluster: Cluster, container: Resource) -> Resource | None:
    """The connection to the guest node that a resource creates, if it does."""
    if not cluster.have_remote_nodes:
        return None
    return next((each for each in container.launched if each.is_remote_connection), None)
