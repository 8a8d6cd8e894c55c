"""Node attributes as a resource sees them.

A guest node may answer with the attributes of the machine that it runs on, when the resource asks for that by its meta
attribute `container-attribute-target=host` (a bundle's inner resource that keeps its data on the host).
"""

from __future__ import annotations

from crm.policy_engine.picture.cluster import Node, NodeKind, Resource
from crm.policy_engine.picture.tree import in_bundle, runs_in_container

TARGET = "container-attribute-target"


def node_attribute(node: Node | None, name: str, target: str | None = None, current: bool = False) -> str | None:
    """The value of an attribute; for `target` "host" on a guest that of its host, where it is (`current`) or will be.
    """
    if node is None:
        return None
    if target is None or node.kind is not NodeKind.GUEST or target.lower() != "host":
        return node.attributes.get(name)
    assert node.remote is not None
    container = node.remote.launcher
    assert container is not None
    host = (container.active_on[0] if container.active_on else None) if current else container.assigned
    return host.attributes.get(name) if host is not None else None


def placement_attribute(node: Node | None, name: str, resource: Resource) -> str | None:
    """The value that colocations compare for a resource: what runs in a bundle's container is where the host is.

    Not so the container itself: it may go to the host, but never into a guest that is there.
    """
    if node is not None and node.remote is not None and in_bundle(node.remote) and runs_in_container(resource):
        return node_attribute(node, name, "host")
    return node_attribute(node, name, resource.meta.get(TARGET))
