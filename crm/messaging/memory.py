"""A message layer within one process: a hub that is always right. For tests and for people who embed a cluster.

The hub can be cut in two, which is how tests make partitions. It is not a simulation: there is no delay or loss here
(`crm.testing` has those).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable

from crm.messaging.layer import (
    LayerError,
    LayerEvent,
    LayerMember,
    LayerSettings,
    LayerViewChanged,
    Received,
    ViewConfirmed,
)

_hubs: dict[str, Hub] = {}


class Hub:
    """Where the memory layers of one cluster meet."""

    def __init__(self) -> None:
        self.layers: dict[str, MemoryLayer] = {}
        self._joined_at: dict[str, int] = {}
        self._group: dict[str, int] = {}
        self._number = 0

    @staticmethod
    def of(cluster: str) -> Hub:
        """The hub of a cluster's name, made when it is first asked for."""
        return _hubs.setdefault(cluster, Hub())

    def add(self, layer: MemoryLayer) -> None:
        """A node joins."""
        name = layer.settings.name
        if name in self.layers:
            raise LayerError("name-in-use", f"a node named {name!r} is already in the cluster",
                             "give each node a name of its own")
        if any(other.settings.key != layer.settings.key for other in self.layers.values()):
            raise LayerError("wrong-key", f"node {name!r} does not have this cluster's key", "copy the key file")
        self.layers[name] = layer
        self._joined_at[name] = int(time.time())
        self.refresh()

    def remove(self, name: str) -> None:
        """A node leaves."""
        if self.layers.pop(name, None) is not None:
            self.refresh()

    def partition(self, *groups: Iterable[str]) -> None:
        """Cut the cluster into these groups; nodes that are not named share one more. Without groups: heal."""
        self._group = {name: number for number, group in enumerate(groups, 1) for name in group}
        self.refresh()

    def members_with(self, name: str) -> list[str]:
        """Names of the nodes on the same side of every cut."""
        side = self._group.get(name, 0)
        return sorted(other for other in self.layers if self._group.get(other, 0) == side)

    def refresh(self) -> None:
        """Tell every node its view."""
        self._number += 1
        for name, layer in self.layers.items():
            layer.install(self._number, [self._member(other) for other in self.members_with(name)])

    def _member(self, name: str) -> LayerMember:
        layer = self.layers[name]
        node = layer.settings.node(name)
        return LayerMember(name, node.id if node else name, self._joined_at[name], layer.incarnation)


class MemoryLayer:
    """One node's end of the hub."""

    def __init__(self, settings: LayerSettings, hub: Hub | None = None) -> None:
        self.settings = settings
        self.incarnation = settings.incarnation
        self._hub = hub or Hub.of(settings.cluster)
        self._events: asyncio.Queue[LayerEvent | None] = asyncio.Queue()
        self._members: tuple[str, ...] = ()
        self._view: tuple[LayerMember, ...] = ()
        self._seen_all = False

    async def join(self) -> None:
        """Take part."""
        self.settings.check()
        self._hub.add(self)

    async def send(self, to: str, message: bytes) -> None:
        """Send to one member of the view."""
        self._check_size(message)
        self._deliver(to, message)

    async def broadcast(self, message: bytes) -> None:
        """Send to all other members."""
        self._check_size(message)
        for name in self._members:
            if name != self.settings.name:
                self._deliver(name, message)

    async def events(self) -> AsyncIterator[LayerEvent]:
        """What happens, until `leave`."""
        while (event := await self._events.get()) is not None:
            yield event

    def look(self) -> None:
        """The hub is always right."""
        self._events.put_nowait(ViewConfirmed(time.monotonic()))

    async def leave(self) -> None:
        """Leave; the others see it at once."""
        self._hub.remove(self.settings.name)
        self._members = ()
        self._events.put_nowait(None)

    def install(self, number: int, members: list[LayerMember]) -> None:
        """The hub's word on who is here; the same view again says nothing."""
        if tuple(members) == self._view:
            return
        self._view = tuple(members)
        self._members = tuple(member.name for member in members)
        self._seen_all |= set(self._members) == set(self.settings.names)
        quorate = self.settings.quorum.quorate(self._members, self.settings.names, self._seen_all)
        self._events.put_nowait(LayerViewChanged(number, self._view, quorate))

    def _deliver(self, to: str, message: bytes) -> None:
        receiver = self._hub.layers.get(to)
        if receiver is not None and to in self._members:
            receiver._events.put_nowait(Received(self.settings.name, message))

    def _check_size(self, message: bytes) -> None:
        if len(message) > self.settings.max_message_bytes:
            raise LayerError("message-too-large", f"a message of {len(message)} bytes is over the limit of "
                             f"{self.settings.max_message_bytes}", "raise max_message_bytes on every node")

