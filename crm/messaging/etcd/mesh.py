"""Direct authenticated connections between the members of a view: the embedded layer's links, without its heartbeats.

Of two members the one whose name sorts first dials. What is sent before a connection is up waits for it. Who is a
member is etcd's to say; the mesh only reports what it finds out about connections:

    broken       both ends live, the connection did not: messages may be lost
    dead         nobody listens at the member's address any more
    unreachable  there has been no connection for too long / there is one again
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Mapping
from typing import Protocol

from crm.controller.membership.node_list import NodeList
from crm.messaging.addresses import Addresses, bound
from crm.messaging.embedded.handshake import HELLO_BYTES
from crm.messaging.embedded.link import CONTROL, DATA, PeerIdentity, PeerLink
from crm.messaging.layer import LayerSettings, listen_error
from crm.messaging.layer_tasks import LayerTasks

log = logging.getLogger(__name__)

_NUMBER = struct.Struct(">Q")
_REDIAL_FIRST_S = 0.02
_MAX_WAITING = 10_000
_LOOK_EVERY_S = 15


class MeshOwner(Protocol):
    """What the mesh reports to."""

    def heard(self, number: int, sender: PeerIdentity, message: bytes) -> None: ...

    def broken(self, name: str) -> None: ...

    def dead(self, name: str, incarnation: str) -> None: ...

    def unreachable(self, name: str, is_so: bool) -> None: ...


class Mesh:
    """One node's connections."""

    def __init__(self, settings: LayerSettings, owner: MeshOwner) -> None:
        self.settings = settings
        self.incarnation = settings.incarnation
        self._owner = owner
        self._links: dict[str, PeerLink] = {}
        self._members: dict[str, str] = {}
        """Name and incarnation of those whom etcd says are here."""
        self._ended: dict[str, float] = {}
        """When the connection to a member ended."""
        self._leaving: set[str] = set()
        """Members who have said that they leave."""
        self._waiting: dict[str, list[bytes]] = {}
        self.listed: NodeList | None = None  # etcd and the settings have the list of nodes
        self._dialing: set[str] = set()
        self._tasks = LayerTasks()
        self._complaints: dict[str, str] = {}
        self._addresses = Addresses()
        self._server: asyncio.Server | None = None
        self._closed = False

    async def listen(self) -> None:
        """Take connections. Raises LayerError."""
        loop = asyncio.get_running_loop()
        me = self.settings.node(self.settings.name)
        assert me is not None
        try:
            if self.settings.listening is not None:
                self._server = await loop.create_server(lambda: PeerLink(self, _now_ms), sock=self.settings.listening)
            else:
                self._server = await loop.create_server(lambda: PeerLink(self, _now_ms),
                                                        sock=bound(me.host, me.port))
        except OSError as error:
            raise listen_error(me, error) from None

    async def close(self) -> None:
        """Close everything."""
        self._closed = True
        if self._server is not None:
            self._server.close()
        self._tasks.cancel()
        for link in list(self._links.values()):
            link.close("leaving")
        await self._tasks.ended()

    def know(self, members: Mapping[str, str]) -> None:
        """Who is here, by name and incarnation (this node left out): connect to new ones, drop those who are gone."""
        former, self._members = self._members, dict(members)
        for name, incarnation in former.items():
            if members.get(name) != incarnation:
                self._waiting.pop(name, None)
                link = self._links.get(name)
                if link is not None and link.identity is not None and link.identity.incarnation == incarnation:
                    del self._links[name]
                    link.close("not a member any more")
        for name, incarnation in members.items():
            if former.get(name) != incarnation and name not in self._links:
                self._tasks.spawn(self._miss(name, incarnation))
            if name > self.settings.name and name not in self._dialing:
                self._tasks.spawn(self._keep_dialing(name))

    def send(self, to: str, number: int, message: bytes) -> None:
        """Send to a member, now or as soon as there is a connection."""
        payload = _NUMBER.pack(number) + message
        link = self._links.get(to)
        if link is not None and link.up:
            link.send(DATA, payload)
        elif to in self._members:
            waiting = self._waiting.setdefault(to, [])
            waiting.append(payload)
            if len(waiting) > _MAX_WAITING:
                self._waiting.pop(to)
                self._owner.broken(to)

    def silence_s(self, name: str, otherwise_s: float) -> float | None:
        """How long a lost member has been silent: since its connection ended. None if it said that it leaves."""
        if name in self._leaving:
            return None
        ended_ms = self._ended.get(name)
        return otherwise_s if ended_ms is None else (_now_ms() - ended_ms) / 1000

    def take_leave(self) -> None:
        """Tell the members that this node leaves, so that nobody counts it as lost."""
        for link in self._links.values():
            if link.up:
                link.send(CONTROL, b"leaving")

    def renew(self, name: str) -> None:
        """A member says that it has no connection to us: what looks like one here is half open."""
        link = self._links.pop(name, None)
        if link is not None:
            link.close("the other end is gone", abort=True)

    # What links tell (LinkOwner)

    def judge(self, link: PeerLink, identity: PeerIdentity) -> str | None:
        """Why this peer may not be linked with, None if it may."""
        refusal = self._refusal(link, identity)
        if refusal is not None:
            self._complain(link.peer_host, f"refused a connection: {refusal}")
        return refusal

    def link_up(self, link: PeerLink) -> None:
        """Both sides accepted each other."""
        assert link.identity is not None
        name = link.identity.name
        former = self._links.get(name)
        self._links[name] = link
        self._ended.pop(name, None)
        self._leaving.discard(name)
        if former is not None and former is not link:
            former.close("replaced by a new connection")
        _give_up_silent_peers(link, self.settings.failure_limit_ms)
        log.info("linked with %s at %s", name, link.peer_address)
        for payload in self._waiting.pop(name, []):
            link.send(DATA, payload)
        self._owner.unreachable(name, False)

    def link_heard(self, link: PeerLink, kind: bytes, payload: bytes) -> None:
        """A frame came in."""
        if link.identity is None or self._links.get(link.identity.name) is not link:
            return
        if kind == DATA:
            (number,) = _NUMBER.unpack_from(payload)
            self._owner.heard(number, link.identity, payload[_NUMBER.size :])
        elif kind == CONTROL:
            self._leaving.add(link.identity.name)

    def link_closed(self, link: PeerLink, reason: str) -> None:
        """A connection ended: was it the peer, or only the connection?"""
        identity = link.identity
        if identity is None or self._links.get(identity.name) is not link:
            if identity is None and reason != "connection closed by the peer":
                where = link.expected or link.peer_host
                self._complain(where, f"no link with {where}: {reason}")
            return
        del self._links[identity.name]
        self._ended[identity.name] = _now_ms()
        if not self._closed and self._members.get(identity.name) == identity.incarnation:
            log.info("the connection to %s ended: %s", identity.name, reason)
            self._tasks.spawn(self._look_after(identity.name, identity.incarnation))

    # Inside

    def _refusal(self, link: PeerLink, identity: PeerIdentity) -> str | None:
        if identity.cluster != self.settings.cluster:
            return f"node {identity.name} belongs to cluster {identity.cluster!r}, this is {self.settings.cluster!r}"
        if self.settings.node(identity.name) is None or identity.name == self.settings.name:
            return f"node {identity.name} is not another node of the list ({', '.join(self.settings.names)})"
        if link.expected is not None and link.expected != identity.name:
            return f"the address listed for {link.expected} is answered by {identity.name}"
        return None

    def _complain(self, key: str, message: str) -> None:
        """Log once per peer until what there is to say changes."""
        if self._complaints.get(key) != message:
            self._complaints[key] = message
            log.warning("%s", message)

    async def _look_after(self, name: str, incarnation: str) -> None:
        """A connection broke: is the member dead, or must all agree anew because messages may be lost?"""
        alive = await self._answers(name)
        if self._members.get(name) != incarnation:
            return
        if alive is False:
            self._owner.dead(name, incarnation)
        elif alive:
            self._owner.broken(name)
            await self._miss(name, incarnation)
        else:
            await self._miss(name, incarnation)

    async def _miss(self, name: str, incarnation: str) -> None:
        """Tell of a member to whom there is no connection for too long."""
        await asyncio.sleep(self.settings.failure_limit_ms / 1000 + self.settings.reconnect_limit_ms / 1000)
        if self._members.get(name) == incarnation and name not in self._links:
            self._owner.unreachable(name, True)

    async def _answers(self, name: str) -> bool | None:
        """Whether a daemon is at a member's address or comes back to it in time; None if that cannot be told."""
        node = self.settings.node(name)
        assert node is not None
        try:
            async with asyncio.timeout(self.settings.failure_limit_ms / 1000):
                reader, writer = await self._addresses.open(node.host, node.port)
        except ConnectionRefusedError:
            return False
        except (OSError, TimeoutError):
            return None
        try:
            async with asyncio.timeout(self.settings.restart_limit_ms / 1000):
                await reader.readexactly(HELLO_BYTES)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False
        finally:
            writer.transport.abort()
        return True

    async def _keep_dialing(self, name: str) -> None:
        """Hold a connection to a member for as long as it is one."""
        self._dialing.add(name)
        pause_s = _REDIAL_FIRST_S
        try:
            while name in self._members:
                link = self._links.get(name) or await self._dial(name)
                if link is not None and link.up:
                    pause_s = _REDIAL_FIRST_S
                    await asyncio.shield(link.closed)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, self.settings.reconnect_limit_ms / 1000)
        finally:
            self._dialing.discard(name)

    async def _dial(self, name: str) -> PeerLink | None:
        loop = asyncio.get_running_loop()
        node = self.settings.node(name)
        assert node is not None
        try:
            async with asyncio.timeout(self.settings.failure_limit_ms / 1000):
                link = await self._addresses.connect(lambda: PeerLink(self, _now_ms, name), node.host, node.port)
        except (OSError, TimeoutError):
            return None
        deadline = loop.time() + self.settings.restart_limit_ms / 1000
        while not link.up and not link.closed.done() and loop.time() < deadline:
            await asyncio.wait([link.closed], timeout=0.005)
        if not link.up:
            link.close("the handshake took too long", abort=True)
        return link


def _give_up_silent_peers(link: PeerLink, limit_ms: int) -> None:
    """Have the kernel close a connection whose peer acknowledges nothing; one at rest is looked at now and then."""
    sock = link.socket
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(limit_ms, 1000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _LOOK_EVERY_S)


def _now_ms() -> float:
    return time.monotonic() * 1000
