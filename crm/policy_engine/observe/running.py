"""Noting where resources are active, and what follows from being active in more than one place or while unmanaged."""

from __future__ import annotations

from crm.model.score import INFINITY
from crm.policy_engine.observe.preferences import ban_everywhere, prefer
from crm.policy_engine.picture.cluster import Cluster, MultipleActive, Node, Resource, ResourceKind, Role
from crm.policy_engine.picture.tree import activity, needs_fencing


def add_running(cluster: Cluster, resource: Resource, node: Node, failed: bool) -> None:
    """The resource, and so what it is part of, is active on the node. `failed`: its priority does not count there."""
    if node in resource.active_on:
        return
    resource.active_on.append(node)
    if resource.is_primitive:
        node.running.append(resource)
        _add_priority(resource, node, failed)
        if node.maintenance:
            resource.managed = False
            resource.maintenance = True
    if not resource.managed:
        prefer(cluster, resource, node, INFINITY, "not_managed_default")
        _add_to_ancestors(resource, node)
        return
    if _is_multiply_active(resource):
        _apply_multiple_active(cluster, resource)
    if resource.parent is not None:
        add_running(cluster, resource.parent, node, failed=False)


def _add_to_ancestors(resource: Resource, node: Node) -> None:
    ancestor = resource.parent
    while ancestor is not None:
        ancestor.active_on.append(node)
        ancestor = ancestor.parent


def _add_priority(resource: Resource, node: Node, failed: bool) -> None:
    """A node is as important as what runs there; a guest's host also by what runs in the guest."""
    if resource.priority == 0 or failed:
        return
    points = resource.priority + (resource.role is Role.PROMOTED)
    node.priority += points
    if node.remote is not None and node.remote.launcher is not None:
        for host in node.remote.launcher.active_on:
            host.priority += points


def _is_multiply_active(resource: Resource) -> bool:
    if not resource.is_primitive or len(resource.active_on) < 2:
        return False
    found = activity(resource)
    return (found.total if needs_fencing(resource) else found.clean) > 1


def _apply_multiple_active(cluster: Cluster, resource: Resource) -> None:
    match resource.multiple_active:
        case MultipleActive.STOP_ONLY:
            ban_everywhere(cluster, resource, "multiple-active")
        case MultipleActive.BLOCK:
            _block(resource)
            parent = resource.parent
            together = parent is not None and parent.kind in (ResourceKind.GROUP, ResourceKind.BUNDLE)
            if parent is not None and together and parent.multiple_active is MultipleActive.BLOCK:
                for sibling in parent.children:
                    _block(sibling)
        case MultipleActive.STOP_START | MultipleActive.STOP_UNEXPECTED:
            pass


def _block(resource: Resource) -> None:
    resource.managed = False
    resource.blocked = True
