"""Open handles to a running corosync: what it says becomes plain values. It blocks nowhere but in `open`.

Each library has a file descriptor; when it is readable, `dispatch` runs the callbacks for what has come, and they only
put values in a list. Whoever owns the connection watches the descriptors.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from ctypes import byref, c_int, c_uint, c_uint32, c_uint64
from dataclasses import dataclass
from typing import Any

from crm.messaging.corosync import libraries as cs
from crm.messaging.corosync.frames import Process
from crm.messaging.corosync.libraries import OK, explain, library
from crm.messaging.layer import LayerError

_AT_ONCE = 64
"""Callbacks per readiness: a flood of messages must not hold the event loop."""


@dataclass(frozen=True, slots=True)
class Delivered:
    sender: Process
    data: bytes


@dataclass(frozen=True, slots=True)
class CorosyncMembership:
    members: tuple[Process, ...]
    killed: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class Ring:
    sequence: int
    nodes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Quorum:
    """`disks`: see frames.Announcement."""

    ring_sequence: int
    quorate: bool
    disks: str


@dataclass(frozen=True, slots=True)
class NodeListChanged:
    key: str


@dataclass(frozen=True, slots=True)
class ShutdownRefused:
    """Somebody asked corosync to end while crmd runs on it."""


Happening = Delivered | CorosyncMembership | Ring | Quorum | NodeListChanged | ShutdownRefused


class Disconnected(Exception):  # noqa: N818 - it happened, and nobody did anything wrong
    """Corosync is gone."""


class CorosyncConnection:
    """One node's connection; `process` is this member of the group."""

    def __init__(self, group: str, nodes: int) -> None:
        self._name = cs.CpgName(len(group.encode()), group.encode())
        self._nodes = nodes
        self._happened: list[Happening] = []
        self._handles: dict[str, c_uint64] = {}
        self.descriptors: dict[int, str] = {}
        self._make_callbacks()
        self.process: Process = (0, 0)

    def open(self) -> None:
        """Connect, join the group, follow quorum, node list and shutdown. Blocks. Raises LayerError."""
        try:
            self._open_quorum()
            self._open_group()
            self._open_map()
            self._open_shutdown()
            self._watch_descriptors()
        except LayerError:
            self.close()
            raise

    def dispatch(self, name: str) -> Iterator[Happening]:
        """What has come to one library's descriptor. Raises Disconnected."""
        prefix = _PREFIXES[name]
        dispatch = getattr(library(name), f"{prefix}_dispatch")
        for _ in range(_AT_ONCE):
            code = dispatch(self._handles[name], cs.DISPATCH_ONE_NONBLOCKING)
            if code != OK:
                break
        happened, self._happened = self._happened, []
        yield from happened
        if code not in (OK, cs.TRY_AGAIN):
            raise Disconnected(cs.ERRORS.get(code, f"error {code}"))

    def multicast(self, frame: bytes) -> bool:
        """Send to the whole group; False while corosync wants no more. Raises Disconnected."""
        vector = cs.IoVector(frame, len(frame))
        code = library("cpg").cpg_mcast_joined(self._handles["cpg"], cs.CPG_TYPE_AGREED, byref(vector), 1)
        if code not in (OK, cs.TRY_AGAIN):
            raise Disconnected(cs.ERRORS.get(code, f"error {code}"))
        return bool(code == OK)

    def leave(self) -> None:
        """Leave the group: the others see it at once."""
        library("cpg").cpg_leave(self._handles["cpg"], byref(self._name))

    def close(self) -> None:
        """Close all handles. The descriptors must not be watched any more."""
        for name, handle in self._handles.items():
            getattr(library(name), f"{_PREFIXES[name]}_finalize")(handle)
        self._handles.clear()
        self.descriptors.clear()

    def _open_quorum(self) -> None:
        kind = c_uint32()
        self._initialize("quorum", byref(self._quorum_callbacks), byref(kind))
        if kind.value != cs.QUORUM_SET:
            raise LayerError("no-quorum-provider", "corosync runs without quorum, so nobody could say who may decide",
                             "write into corosync.conf: quorum { provider: corosync_votequorum }")
        self._initialize("votequorum", None)
        flags = cs.TRACK_CURRENT | cs.TRACK_CHANGES
        self._check(library("quorum").quorum_trackstart(self._handles["quorum"], flags), "following corosync's quorum")

    def _open_group(self) -> None:
        cpg = library("cpg")
        handle = self._handles["cpg"] = c_uint64()
        code = cpg.cpg_model_initialize(byref(handle), cs.CPG_MODEL_V1, byref(self._cpg_callbacks), None)
        if code != OK:
            del self._handles["cpg"]
            raise explain(code, "connecting to corosync's process groups")
        node = c_uint()
        self._check(cpg.cpg_local_get(handle, byref(node)), "asking for this node's id")
        self.process = (node.value, os.getpid())
        self._check(cpg.cpg_join(handle, byref(self._name)), "joining the process group")

    def _open_map(self) -> None:
        self._initialize("cmap")
        track = cs.TRACK_ADD | cs.TRACK_DELETE | cs.TRACK_MODIFY | cs.TRACK_PREFIX
        tracking = c_uint64()
        code = library("cmap").cmap_track_add(self._handles["cmap"], b"nodelist.node.", track, self._key_changed, None,
                                              byref(tracking))
        self._check(code, "following corosync's node list")

    def _open_shutdown(self) -> None:
        self._initialize("cfg", byref(self._cfg_callbacks))
        self._check(library("cfg").corosync_cfg_trackstart(self._handles["cfg"], 0), "following corosync's shutdown")

    def _initialize(self, name: str, *arguments: Any) -> None:
        handle = c_uint64()
        code = getattr(library(name), f"{_PREFIXES[name]}_initialize")(byref(handle), *arguments)
        if code != OK:
            raise explain(code, f"connecting to corosync ({name})")
        self._handles[name] = handle

    def _watch_descriptors(self) -> None:
        for name in ("cpg", "quorum", "cmap", "cfg"):
            descriptor = c_int()
            code = getattr(library(name), f"{_PREFIXES[name]}_fd_get")(self._handles[name], byref(descriptor))
            self._check(code, "asking for a descriptor")
            self.descriptors[descriptor.value] = name

    def _check(self, code: int, doing: str) -> None:
        if code != OK:
            raise explain(code, doing)

    def _make_callbacks(self) -> None:
        # They are kept as attributes: C holds pointers to them.
        self._cpg_callbacks = cs.CpgModelV1(
            cs.CPG_MODEL_V1, cs.CpgDeliver(self._delivered), cs.CpgChange(self._changed), cs.CpgRing(self._ring),
            cs.CPG_DELIVER_INITIAL_TOTEM_CONF)
        self._quorum_callbacks = cs.QuorumCallbacks(cs.QuorumNotify(self._quorum))
        self._cfg_callbacks = cs.ConfigurationCallbacks(cs.ShutdownAsked(self._shutdown_asked))
        self._key_changed = cs.KeyChanged(self._key)

    def _delivered(self, _handle: int, _group: Any, node: int, process: int, data: int | None, length: int) -> None:
        self._happened.append(Delivered((node, process), ctypes.string_at(data, length) if data else b""))

    def _changed(self, _handle: int, _group: Any, members: Any, member_count: int, left: Any, left_count: int,
                 _joined: Any, _joined_count: int) -> None:
        here = tuple((one.node, one.process) for one in members[:member_count])
        killed = tuple((one.node, one.process) for one in left[:left_count] if one.reason == cs.CPG_REASON_PROCDOWN)
        self._happened.append(CorosyncMembership(here, killed))

    def _ring(self, _handle: int, ring: cs.RingId, count: int, nodes: Any) -> None:
        self._happened.append(Ring(ring.sequence, frozenset(nodes[:count])))

    def _quorum(self, _handle: int, quorate: int, sequence: int, _count: int, _nodes: Any) -> None:
        self._happened.append(Quorum(sequence, bool(quorate), self._disks()))

    def _disks(self) -> str:
        """How many disks make a change safe under corosync's present kind of quorum.

        By a plain majority of equal votes any two quorate partitions share a node. Where votes are weighted, a device
        votes too, or fewer votes are expected as nodes leave, all members must have a change: the next partition that
        is quorate has at least one of them.
        """
        info = cs.VoteInfo()
        code = library("votequorum").votequorum_getinfo(self._handles["votequorum"], self.process[0], byref(info))
        if code != OK:
            return "all"
        if info.flags & cs.TWO_NODE:
            return "one"
        shrinking = info.flags & (cs.LAST_MAN_STANDING | cs.ALLOW_DOWNSCALE | cs.QDEVICE_REGISTERED)
        plain = not shrinking and info.votes == 1 and info.highest_expected == self._nodes
        return "majority" if plain else "all"

    def _key(self, _handle: int, _track: int, _event: int, key: bytes | None, *_values: Any) -> None:
        self._happened.append(NodeListChanged((key or b"").decode(errors="replace")))

    def _shutdown_asked(self, handle: int, flags: int) -> None:
        if flags == cs.SHUTDOWN_REQUEST:
            library("cfg").corosync_cfg_replyto_shutdown(handle, cs.SHUTDOWN_NO)
            self._happened.append(ShutdownRefused())


_PREFIXES = {"cpg": "cpg", "quorum": "quorum", "votequorum": "votequorum", "cmap": "cmap", "cfg": "corosync_cfg"}

