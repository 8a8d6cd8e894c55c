"""The shell of the embedded layer: sockets and timers around handshake, detector and agreement.

Of two nodes the one whose name sorts first dials. A connection that closes is checked at once by another: refused means
the peer is lost now, answered means that only the connection broke; accepted without an answer means that the daemon is
gone and its supervisor is there, so it gets a while to come back. Silence beyond the detector's limit means lost.
"""

from __future__ import annotations

import asyncio
import json
import logging
import struct
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace

from crm.controller.membership.node_list import NodeList, stranger
from crm.messaging.addresses import Addresses, bound
from crm.messaging.embedded.agreement import AgreedView, Agreement, AgreementOutput
from crm.messaging.embedded.handshake import HELLO_BYTES
from crm.messaging.embedded.link import CONTROL, DATA, HEARTBEAT, REFUSED, PeerIdentity, PeerLink
from crm.messaging.layer import (
    LayerError,
    LayerEvent,
    LayerMember,
    LayerSettings,
    LayerViewChanged,
    ListHeard,
    NodeAddress,
    Received,
    ViewConfirmed,
    check_size,
    listen_error,
)
from crm.messaging.layer_tasks import LayerTasks
from crm.messaging.quorum import QuorumRule

log = logging.getLogger(__name__)

_NUMBER = struct.Struct(">Q")
_RECONNECT_FIRST_S = 0.02
_MAX_WAITING = 10_000
_COMPLAINT_S = 60.0
"""So long what was wrong with a link is told; who is refused tries again and again."""
_KNOCK_S = 2.0
_QUIET = ("the other one dials", "first the newer list")
"""What refusals begin with that are nothing to worry about."""
_GOODBYE_S = 3.0
"""So long a node that was removed may take to leave by itself."""


class EmbeddedLayer:
    """One node's end of the mesh."""

    def __init__(self, settings: LayerSettings) -> None:
        self.settings = settings
        self.incarnation = settings.incarnation
        self._agreement = Agreement(settings.name, self.incarnation, int(time.time()), settings.view_patience_ms,
                                    lambda names: self._quorate(names))
        self._links: dict[str, PeerLink] = {}
        self._events: asyncio.Queue[LayerEvent | None] = asyncio.Queue()
        self._waiting: list[tuple[int, PeerLink, bytes]] = []
        self._members: frozenset[str] = frozenset()
        self._seen_all = False
        self._left = self._joined = False
        self._tasks = LayerTasks()
        self._server: asyncio.Server | None = None
        self._complaints: dict[str, str] = {}
        self._complained_at: dict[str, float] = {}
        self._addresses = Addresses()
        self._looking_since_s: float | None = None
        self._before_look: frozenset[str] = frozenset()
        """Sessions of links from before the look: a view that rests on one of them proves nothing."""
        self.listed: NodeList | None = None
        """The cluster's own list of its nodes, where the controllers keep one."""
        self.refusals: dict[str, str] = {}
        self.before_beat: Callable[[], None] = lambda: None
        self._dialing: dict[str, NodeAddress] = {}
        self._silent_s: float | None = None
        """How long the peer that was lost last had been silent, until a view tells."""

    async def join(self) -> None:
        """Listen, dial, and form a first view (of oneself alone, until links are up)."""
        self.settings.check()
        if len(self.settings.key) < 16:
            raise LayerError("key-too-short", "the shared key has fewer than 16 bytes",
                             "make one with: openssl rand -hex 32")
        me = self.settings.node(self.settings.name)
        assert me is not None
        try:
            self._server = await self._listen(me)
        except OSError as error:
            raise listen_error(me, error) from None
        self._step(self._agreement.start(_now_ms(), int(time.time())))
        self._tasks.spawn(self._watch())
        self._joined = True
        self._dial_all()
        self._tasks.spawn(self._knock())

    def use_nodes(self, nodes: NodeList) -> None:
        """From now on these are the cluster's nodes: dial who is new, and soon let go of who is not in it any more."""
        self.listed = nodes
        me = self.settings.node(self.settings.name)
        others = tuple(NodeAddress(node.name, node.id, node.host, node.port) for node in nodes.nodes
                       if node.name != self.settings.name)
        # The mode of the settings was meant for the nodes of the settings; the list has its own.
        self.settings = replace(self.settings, nodes=(*others, *((me,) if me is not None else ())),
                                quorum=QuorumRule())
        if not self._joined:
            return
        self._dial_all()
        for name in self._links:
            if nodes.node(name) is None and nodes.settled:
                asyncio.get_running_loop().call_later(_GOODBYE_S, self._let_go, name)

    def use_keys(self, keys: tuple[bytes, ...]) -> None:
        """Links that are up stay as they are; the keys are for those to come."""
        self.settings = replace(self.settings, key=keys[0], further_keys=keys[1:])

    async def send(self, to: str, message: bytes) -> None:
        """Send to one member of the view; to oneself it is delivered like any other."""
        check_size(message, self.settings.max_message_bytes)
        if to == self.settings.name:
            self._events.put_nowait(Received(to, message))
        elif to in self._members and to in self._links:
            self._links[to].send(DATA, _NUMBER.pack(self._agreement.view.number) + message)

    async def broadcast(self, message: bytes) -> None:
        """Send to all other members of the view."""
        for name in sorted(self._members - {self.settings.name}):
            await self.send(name, message)

    async def events(self) -> AsyncIterator[LayerEvent]:
        """What happens, in order, until `leave`."""
        while (event := await self._events.get()) is not None:
            yield event

    def complaints(self) -> dict[str, str]:
        """What is wrong with links at present, by node or address, in words."""
        recent = time.monotonic() - _COMPLAINT_S
        return {key: text for key, text in self._complaints.items() if self._complained_at.get(key, 0.0) > recent} | {
            host: f"the name {host} does not resolve: {why}" for host, why in self._addresses.problems.items()}

    def look(self) -> None:
        """Link anew with everybody: a view that rests on the new links was agreed on since."""
        self._looking_since_s = time.monotonic()
        links = [link for link in self._links.values() if link.up]
        self._before_look = frozenset(link.session for link in links) | self._agreement.own_sessions()
        for link in links:
            link.close("this node slept", abort=True)
        self._confirm_if_newer()

    async def leave(self) -> None:
        """Close everything; the others see it at once."""
        self._left = True
        if self._server is not None:
            self._server.close()
        self._tasks.cancel()
        for link in list(self._links.values()):
            link.close("leaving")
        await self._tasks.ended()
        self._links.clear()
        self._members = frozenset()
        self._events.put_nowait(None)

    # What links tell (LinkOwner)

    def judge(self, link: PeerLink, identity: PeerIdentity) -> str | None:
        """Why this peer may not be linked with, None if it may."""
        refusal = self._refusal(link, identity) or self._list_refusal(identity) or self._order_refusal(link, identity)
        if refusal is None or refusal.startswith(_QUIET):
            self.refusals.pop(identity.name, None)
        else:
            self._refused(identity.name, refusal)
        return refusal

    def link_up(self, link: PeerLink) -> None:
        """Both sides accepted each other: this link replaces an earlier one to the same node."""
        assert link.identity is not None
        name = link.identity.name
        former = self._links.get(name)
        self._links[name] = link
        for known in (name, link.peer_host):
            self._complaints.pop(known, None)
        self.refusals.pop(name, None)
        if former is not None and former is not link:
            former.close("replaced by a new connection")
        log.info("linked with %s at %s", name, link.peer_address)
        self._step(self._agreement.linked(name, link.identity.incarnation, link.session, _now_ms(), int(time.time())))

    def link_heard(self, link: PeerLink, kind: bytes, payload: bytes) -> None:
        """A frame came in."""
        assert link.identity is not None
        if kind == CONTROL:
            message = json.loads(payload)
            self._step(self._agreement.received(link.identity.name, message, _now_ms(), int(time.time())))
        elif kind == DATA:
            (number,) = _NUMBER.unpack_from(payload)
            self._deliver(number, link, payload[_NUMBER.size :])

    def link_closed(self, link: PeerLink, reason: str) -> None:
        """A connection ended: find out whether the peer did, too."""
        if link.identity is None or self._links.get(link.identity.name) is not link:
            if link.identity is not None and reason == self.refusals.get(link.identity.name):
                return  # We refused it, and have said so.
            said = reason.removeprefix(REFUSED)
            if said.startswith(_QUIET):
                return
            if said != reason and link.identity is not None:
                self._refused(link.identity.name, reason)
            elif reason != "connection closed by the peer":
                self._no_link(link, reason)
            return
        self._agreement.doubted(link.identity.name)
        if not self._left and link.expected is None:
            self._tasks.spawn(self._verify(link, link.identity.name))

    # Inside

    async def _listen(self, me: NodeAddress) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        if self.settings.listening is not None:
            return await loop.create_server(lambda: PeerLink(self, _now_ms), sock=self.settings.listening)
        return await loop.create_server(lambda: PeerLink(self, _now_ms), sock=bound(me.host, me.port))

    def _refusal(self, link: PeerLink, identity: PeerIdentity) -> str | None:
        if identity.cluster != self.settings.cluster:
            return f"node {identity.name} belongs to cluster {identity.cluster!r}, this is {self.settings.cluster!r}"
        if identity.name == self.settings.name:
            return f"the name {identity.name} is used twice: it is this node's own name"
        if self.listed is None and self.settings.node(identity.name) is None:
            return f"node {identity.name} is not in the node list ({', '.join(self.settings.names)})"
        if link.expected is not None and link.expected != identity.name:
            return f"the address listed for {link.expected} is answered by {identity.name}"
        held = self._links.get(identity.name)
        if held is not None and held.up and held.identity and held.identity.incarnation != identity.incarnation:
            return f"the name {identity.name} is used twice: a live node of that name is at {held.peer_address}"
        return None

    def _order_refusal(self, link: PeerLink, identity: PeerIdentity) -> str | None:
        if link.expected is None and identity.name > self.settings.name:
            return f"{_QUIET[0]}: node {identity.name} dialed, and its name sorts after {self.settings.name}"
        return None

    def _list_refusal(self, identity: PeerIdentity) -> str | None:
        """Why a peer does not belong here by the newer of both lists, its or ours. A newer one is taken first."""
        own, theirs = self.listed, identity.nodes
        if own is None:
            return None
        if theirs is None:
            known = own.node(identity.name) is not None
            return None if known else f"node {identity.name} is not in the node list ({', '.join(own.names)})"
        if (theirs.rank, theirs.settled) > (own.rank, own.settled):
            self._events.put_nowait(ListHeard(identity.name, theirs))
        reason = stranger(own, theirs, self.settings.name, identity.name)
        if reason:
            return reason
        return None if own.node(identity.name) is not None else f"{_QUIET[1]} of {identity.name}"

    def _dial_all(self) -> None:
        """Dial those whose names sort after ours; what dials an address that is not listed any more ends by itself."""
        for node in self.settings.nodes:
            if node.name > self.settings.name and self._dialing.get(node.name) != node:
                self._dialing[node.name] = node
                self._tasks.spawn(self._keep_dialing(node))

    def _let_go(self, name: str) -> None:
        """A node was removed from the cluster, and has had the time to leave."""
        link = self._links.get(name)
        if link is not None and self.listed is not None and self.listed.node(name) is None:
            self._lost(name, link, "it was removed from the cluster")

    def _refused(self, peer: str, why: str) -> None:
        """One of two nodes does not take the other: said until they are linked, or have no reason any more."""
        if self.refusals.get(peer) != why:
            self.refusals[peer] = why
            log.warning("no link with %s: %s", peer, why)

    def _no_link(self, link: PeerLink, reason: str) -> None:
        """A connection came to nothing. A node is told of by its name, and not while there is a link with it."""
        name = link.expected or (link.identity.name if link.identity else self._listed_at(link.peer_host))
        linked = name in self._links and self._links[name].up
        if name is not None and not linked:
            self._complain(name, f"no link with {name}: {reason}")
        elif link.expected is None and link.identity is None:
            self._complain(link.peer_host, f"a connection from {link.peer_host} came to nothing: {reason}")

    def _listed_at(self, host: str) -> str | None:
        """The only other node of that address."""
        found = [node.name for node in self.settings.nodes if node.name != self.settings.name
                 and host in (node.host, *self._addresses.known(node.host))]
        return found[0] if len(found) == 1 else None

    def _complain(self, key: str, message: str) -> None:
        """Log once per peer until what there is to say changes."""
        self._complained_at[key] = time.monotonic()
        if self._complaints.get(key) != message:
            self._complaints[key] = message
            log.warning("%s", message)

    def _deliver(self, number: int, link: PeerLink, message: bytes) -> None:
        assert link.identity is not None
        if number > self._agreement.view.number:
            # The sender has installed a view that is still on its way to us.
            self._waiting.append((number, link, message))
            if len(self._waiting) > _MAX_WAITING:
                link.close("too many messages for a view that never came", abort=True)
        elif link.identity.name in self._members and self._links.get(link.identity.name) is link:
            self._events.put_nowait(Received(link.identity.name, message))

    def _step(self, output: AgreementOutput) -> None:
        for peer, message in output.messages:
            if peer in self._links:
                self._links[peer].send(CONTROL, json.dumps(message).encode())
        if output.installed is not None:
            self._install(output.installed)

    def _install(self, view: AgreedView) -> None:
        self._members = frozenset(view.names)
        self._seen_all |= self._members >= set(self._voters())
        quorate = self._quorate(view.names)
        members = tuple(self._member(name, joined, incarnation) for name, incarnation, joined in view.members)
        log.info("view %d: %s%s", view.number, ", ".join(view.names), "" if quorate else " (no quorum)")
        self._events.put_nowait(LayerViewChanged(view.number, members, quorate, silent_s=self._silent_s))
        self._silent_s = None
        self._confirm_if_newer()
        waiting, self._waiting = self._waiting, []
        for number, link, message in waiting:
            self._deliver(number, link, message)

    def _confirm_if_newer(self) -> None:
        if self._looking_since_s is not None and not self._agreement.own_sessions() & self._before_look:
            self._events.put_nowait(ViewConfirmed(self._looking_since_s))
            self._looking_since_s = None

    def _voters(self) -> tuple[str, ...]:
        return self.settings.names if self.listed is None else self.listed.voters

    def _quorate(self, names: Collection[str]) -> bool:
        if self.listed is not None:
            return self.listed.config().quorate(names, self._seen_all)
        return self.settings.quorum.quorate(names, self.settings.names, self._seen_all)

    def _member(self, name: str, joined_at: int, incarnation: str) -> LayerMember:
        node = self.settings.node(name)
        return LayerMember(name, node.id if node else name, joined_at, incarnation)

    def _lost(self, name: str, link: PeerLink, reason: str) -> None:
        if self._links.get(name) is not link:
            return
        del self._links[name]
        if link.detector is not None:
            self._silent_s = link.detector.silence_ms(_now_ms()) / 1000
        link.close(reason, abort=True)
        log.warning("lost %s: %s", name, reason)
        self._step(self._agreement.unlinked(name, _now_ms(), int(time.time())))

    async def _keep_dialing(self, node: NodeAddress) -> None:
        """Hold a link to a node whose name sorts after ours: dial, wait for its end, dial again."""
        pause_s = _RECONNECT_FIRST_S
        while not self._left and self._dialing.get(node.name) == node:
            if node not in self.settings.nodes:
                del self._dialing[node.name]
                return
            former = self._links.get(node.name)
            link = await self._dial(node)
            if link is not None and link.up:
                pause_s = _RECONNECT_FIRST_S
                await asyncio.shield(link.closed)
                continue
            if former is not None:
                self._lost(node.name, former, f"{former.reason or 'connection lost'}; it cannot be reached again")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, self.settings.reconnect_limit_ms / 1000)

    async def _knock(self) -> None:
        """Ask those who should dial and do not: they may have another list of nodes, which one side has to know of."""
        while not self._left:
            await asyncio.sleep(_KNOCK_S)
            for node in self.settings.nodes:
                if self.listed is not None and node.name < self.settings.name and node.name not in self._links:
                    await self._dial(node)

    async def _dial(self, node: NodeAddress) -> PeerLink | None:
        """A link that is up or closed, None if nobody answers."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.settings.failure_limit_ms / 1000):
                link = await self._addresses.connect(lambda: PeerLink(self, _now_ms, node.name), node.host, node.port)
        except (OSError, TimeoutError):
            return None
        # A connection that is accepted, but not answered, waits for a daemon that is being started again.
        deadline = loop.time() + self.settings.restart_limit_ms / 1000
        while not link.up and not link.closed.done() and loop.time() < deadline:
            await asyncio.wait([link.closed], timeout=0.005)
        if not link.up:
            link.close("the handshake took too long", abort=True)
        return link

    async def _verify(self, link: PeerLink, name: str) -> None:
        """The peer's connection to us closed. Does it still answer? Then it gets the time to dial again."""
        node = self.settings.node(name)
        if node is not None and await self._answers(node):
            await asyncio.sleep(self.settings.failure_limit_ms / 1000)
        self._lost(name, link, f"{link.reason}; it cannot be reached again")

    async def _answers(self, node: NodeAddress) -> bool:
        """Whether a daemon is at that address, or comes back to it in time."""
        try:
            async with asyncio.timeout(self.settings.failure_limit_ms / 1000):
                reader, writer = await self._addresses.open(node.host, node.port)
        except (OSError, TimeoutError):
            return False
        try:
            async with asyncio.timeout(self.settings.restart_limit_ms / 1000):
                await reader.readexactly(HELLO_BYTES)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False
        finally:
            writer.transport.abort()
        return True

    async def _watch(self) -> None:
        """Every heartbeat: say that we live, notice who does not."""
        period_s = self.settings.heartbeat_ms / 1000
        last_ms = _now_ms()
        while True:
            await asyncio.sleep(period_s)
            self.before_beat()
            now_ms = _now_ms()
            lag_ms = now_ms - last_ms - self.settings.heartbeat_ms
            last_ms = now_ms
            for name, link in list(self._links.items()):
                if link.detector is None or not link.up:
                    continue
                if lag_ms > self.settings.heartbeat_ms:
                    link.detector.slept(lag_ms, now_ms)
                if link.detector.lost(now_ms):
                    self._lost(name, link, f"silent for {link.detector.silence_ms(now_ms):.0f} ms")
                else:
                    link.send(HEARTBEAT)
            self._step(self._agreement.tick(now_ms, int(time.time())))


def _now_ms() -> float:
    return time.monotonic() * 1000
