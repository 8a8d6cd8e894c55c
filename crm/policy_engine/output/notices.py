"""What `crm_simulate` remarks when it has read a status: unfencing devices that were defined anew since a node was
unfenced. Only of nodes that the status itself wants fenced. Apart from the plan, because it is told without one.
"""

from __future__ import annotations

from collections.abc import Iterator

from crm.policy_engine.actions.fencing_actions import unfencing_devices
from crm.policy_engine.picture.cluster import Cluster, Node, Resource
from crm.policy_engine.picture.digests import compare_fencing_digest


def notices(cluster: Cluster) -> list[str]:
    """The remarks, in the order in which fencing was asked for."""
    if not cluster.unfencing_enabled:
        return []
    wanted = (demand.node if demand.resource is None else demand.after_fencing for demand in cluster.demands)
    nodes = dict.fromkeys(node for node in wanted if node is not None)
    devices = unfencing_devices(cluster)
    return [line for node in nodes for device in devices for line in _changes(cluster, device, node)]


def _changes(cluster: Cluster, device: Resource, node: Node) -> Iterator[str]:
    found = compare_fencing_digest(cluster, device, node)
    if found.only_private_changed:
        yield f"Only 'private' parameters to {device.id} for unfencing {node.name} changed"
    elif found.changed:
        definition = f"{device.id}:{device.type}:{found.public}"
        yield f"Parameters to {device.id} for unfencing {node.name} changed, try '{definition}'"
        yield f"notice: Unfencing node {node.name} because the definition of {device.id} changed"
