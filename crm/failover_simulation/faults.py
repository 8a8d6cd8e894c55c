"""What can happen to a cluster, one thing at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind, Resource, Role
from crm.policy_engine.picture.names import base_name
from crm.policy_engine.picture.operations import configured_operations
from crm.policy_engine.placement.candidates import is_usable

_PARTITION_NODES = 8
"""In larger clusters there are too many ways to be cut in two."""


class FaultKind(StrEnum):
    """Kinds of fault, in the words of the command line."""

    NODE = "nodes"
    PAIR = "pairs"
    RESOURCE = "resources"
    STANDBY = "standby"
    PARTITION = "partitions"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that happens.

    nodes      those that are lost (or put in standby; for a partition those on the other side; for a failure the one
               where it fails)
    resource   the resource that fails
    """

    kind: FaultKind
    nodes: tuple[str, ...]
    resource: str | None = None

    @property
    def name(self) -> str:
        """A short name: `node a`, `nodes a b`, `web on a`, `standby a`, `cut a b`."""
        nodes = " ".join(self.nodes)
        match self.kind:
            case FaultKind.NODE:
                return f"node {nodes}"
            case FaultKind.PAIR:
                return f"nodes {nodes}"
            case FaultKind.RESOURCE:
                return f"{self.resource} on {nodes}"
            case FaultKind.STANDBY:
                return f"standby {nodes}"
            case FaultKind.PARTITION:
                return f"cut off {nodes}"

    @property
    def text(self) -> str:
        """What happens, in words."""
        nodes = " and ".join(self.nodes)
        match self.kind:
            case FaultKind.NODE | FaultKind.PAIR:
                return f"losing {nodes}"
            case FaultKind.RESOURCE:
                return f"a failure of {self.resource} on {nodes}"
            case FaultKind.STANDBY:
                return f"standby of {nodes}"
            case FaultKind.PARTITION:
                return f"a cut that leaves {nodes} on the other side"


def faults_of(cluster: Cluster, kinds: Collection[FaultKind]) -> list[Fault]:
    """Everything of the wanted kinds that can happen to the cluster as it is, in a fixed order."""
    found: list[Fault] = []
    for kind in FaultKind:
        if kind in kinds:
            found += _FAULTS[kind](cluster)
    return found


def members(cluster: Cluster) -> list[Node]:
    """The full members that are up."""
    return [node for node in cluster.nodes if node.kind is NodeKind.MEMBER and node.online]


def _lost_nodes(cluster: Cluster) -> Iterator[Fault]:
    yield from (Fault(FaultKind.NODE, (node.name,)) for node in members(cluster))


def _lost_pairs(cluster: Cluster) -> Iterator[Fault]:
    names = [node.name for node in members(cluster)]
    if len(names) > 2:  # Of two nodes the loss of both leaves nothing to look at.
        yield from (Fault(FaultKind.PAIR, pair) for pair in combinations(names, 2))


def _failures(cluster: Cluster) -> Iterator[Fault]:
    """Each resource fails once: where it is promoted, else on the first node where it runs.

    What nobody monitors is left out: nothing would follow from its failure.
    """
    seen: set[str] = set()
    primitives = [each for each in _running(cluster) if each.managed and monitor_interval_ms(each)]
    for resource in sorted(primitives, key=lambda each: each.role is not Role.PROMOTED):
        name = base_name(resource.id)
        if name not in seen:
            seen.add(name)
            yield Fault(FaultKind.RESOURCE, (resource.active_on[0].name,), name)


def unmonitored(cluster: Cluster) -> list[str]:
    """Running resources that no recurring operation looks at: when they fail, nobody notices."""
    watched = {base_name(each.id) for each in _running(cluster) if monitor_interval_ms(each)}
    names = dict.fromkeys(base_name(each.id) for each in _running(cluster))
    return [name for name in names if name not in watched]


def monitor_interval_ms(resource: Resource) -> int:
    """The interval of the recurring monitor for a resource's present role, 0 if it has none."""
    monitors = [each for each in configured_operations(resource) if each.name == "monitor" and each.interval_ms > 0]
    if resource.role is Role.PROMOTED:
        promoted = [each for each in monitors if each.attributes.get("role", "").lower() in ("promoted", "master")]
        monitors = promoted or monitors
    return min((each.interval_ms for each in monitors), default=0)


def _running(cluster: Cluster) -> list[Resource]:
    return [each for top in cluster.resources for each in top.primitives() if each.active_on]


def _standbys(cluster: Cluster) -> Iterator[Fault]:
    yield from (Fault(FaultKind.STANDBY, (node.name,)) for node in members(cluster) if is_usable(node))


def _partitions(cluster: Cluster) -> Iterator[Fault]:
    """Each way to be cut in two, seen from the larger side; of two equal halves from both."""
    names = [node.name for node in members(cluster)]
    if len(names) <= _PARTITION_NODES:
        for size in range(2, len(names) // 2 + 1):
            yield from (Fault(FaultKind.PARTITION, cut) for cut in combinations(names, size))


_FAULTS = {
    FaultKind.NODE: _lost_nodes,
    FaultKind.PAIR: _lost_pairs,
    FaultKind.RESOURCE: _failures,
    FaultKind.STANDBY: _standbys,
    FaultKind.PARTITION: _partitions,
}
