"""What corosync's own configuration says: cluster name, node list, who this node is (libcmap).

With this layer the node list needs to be written down only once, in corosync.conf; one in crmd's settings must agree.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count

from crm.messaging.corosync.libraries import OK, explain, library, release
from crm.messaging.layer import LayerError, LayerSettings, NodeAddress
from crm.messaging.quorum import QuorumMode, QuorumRule

_TOKEN_MS = 3000
"""Corosync's default."""


@dataclass(frozen=True, slots=True)
class ClusterMap:
    """Corosync's configuration; nodes as (corosync node id, name)."""

    cluster: str
    nodes: tuple[tuple[int, str], ...]
    own_place: int | None
    two_node: bool
    wait_for_all: bool

    @property
    def own_name(self) -> str:
        """This node's name. Raises LayerError when the list does not have it."""
        if self.own_place is None or self.own_place >= len(self.nodes):
            raise LayerError("node-not-listed", "corosync's node list does not name this node",
                             "write a node { } for each node into the nodelist of corosync.conf")
        return self.nodes[self.own_place][1]

    @property
    def names(self) -> dict[int, str]:
        return dict(self.nodes)


def read() -> ClusterMap:
    """Ask the running corosync. Raises LayerError."""
    with _opened() as handle:
        nodes = tuple(_nodes(handle))
        two_node = _small_number(handle, "quorum.two_node") == 1
        waits = _small_number(handle, "quorum.wait_for_all")
        found = ClusterMap(_text(handle, "totem.cluster_name") or "", nodes,
                           _number(handle, "nodelist.local_node_pos"), two_node,
                           two_node if waits is None else waits == 1)
    _check(found)
    return found


def ring_limit_s() -> float:
    """How long corosync may take to form a ring without a lost node: as long it delivers nothing. Raises LayerError."""
    with _opened() as handle:
        token_ms = _number(handle, "runtime.config.totem.token") or _TOKEN_MS
        consensus_ms = _number(handle, "runtime.config.totem.consensus") or 1.2 * token_ms
    return (token_ms + consensus_ms) / 1000


def complete(settings: LayerSettings) -> LayerSettings:
    """The settings with what they leave open taken from corosync. Raises LayerError where the two disagree."""
    found = read()
    name = settings.name or found.own_name
    if name != found.own_name:
        raise LayerError("node-not-listed", f"this node is named {name!r} in crmd's settings, but {found.own_name!r} "
                         "in corosync.conf", "give it one name, or leave it out of crmd's settings")
    cluster = settings.cluster or found.cluster
    if cluster != found.cluster:
        raise LayerError("wrong-cluster", f"crmd's settings are for cluster {cluster!r}, but corosync here belongs to "
                         f"cluster {found.cluster!r}", "correct `cluster` in crmd's settings or leave it out")
    nodes = settings.nodes or tuple(NodeAddress(one, str(node_id)) for node_id, one in found.nodes)
    if {node.name for node in nodes} != set(found.names.values()):
        raise LayerError("node-not-listed", f"crmd's settings list {', '.join(sorted(node.name for node in nodes))}, "
                         f"corosync.conf {', '.join(sorted(found.names.values()))}",
                         "leave the nodes out of crmd's settings: corosync's list is used then")
    return replace(settings, name=name, cluster=cluster, nodes=nodes, quorum=_rule(found))


def _rule(found: ClusterMap) -> QuorumRule:
    if len(found.nodes) == 1:
        return QuorumRule(QuorumMode.SINGLE_NODE)
    if found.two_node:
        return QuorumRule(QuorumMode.TWO_NODE, found.wait_for_all)
    return QuorumRule()


def _check(found: ClusterMap) -> None:
    names = [name for _, name in found.nodes]
    if not found.nodes:
        raise LayerError("node-not-listed", "corosync.conf has no node list",
                         "write a nodelist { node { name: … nodeid: … ring0_addr: … } … }")
    for node_id, name in found.nodes:
        if not name:
            raise LayerError("node-without-name", f"node {node_id} has no name in corosync.conf",
                             "add a line `name: …` to its node { }")
        if names.count(name) > 1:
            raise LayerError("node-listed-twice", f"the name {name} is listed more than once in corosync.conf",
                             "give each node a name of its own")


def _nodes(handle: int) -> Iterator[tuple[int, str]]:
    for place in count():
        node_id = _number(handle, f"nodelist.node.{place}.nodeid")
        if node_id is None:
            return
        yield node_id, _text(handle, f"nodelist.node.{place}.name") or ""


@contextmanager
def _opened() -> Iterator[int]:
    cmap = library("cmap")
    handle = ctypes.c_uint64()
    code = cmap.cmap_initialize(ctypes.byref(handle))
    if code != OK:
        raise explain(code, "asking corosync for its node list")
    try:
        yield handle.value
    finally:
        cmap.cmap_finalize(handle)


def _text(handle: int, key: str) -> str | None:
    pointer = ctypes.c_void_p()
    if library("cmap").cmap_get_string(handle, key.encode(), ctypes.byref(pointer)) != OK or not pointer.value:
        return None
    try:
        return ctypes.string_at(pointer.value).decode(errors="replace")
    finally:
        release(pointer)


def _number(handle: int, key: str) -> int | None:
    value = ctypes.c_uint32()
    found = library("cmap").cmap_get_uint32(handle, key.encode(), ctypes.byref(value)) == OK
    return value.value if found else None


def _small_number(handle: int, key: str) -> int | None:
    value = ctypes.c_uint8()
    found = library("cmap").cmap_get_uint8(handle, key.encode(), ctypes.byref(value)) == OK
    return value.value if found else None
