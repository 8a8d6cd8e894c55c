"""Membership as the embedded layer has it: the real agreement and detector, on simulated connections.

`crm.testing.simulated_membership` is an oracle that always knows; here nodes find out, each for itself, over links that
are made, fall silent, are cut in one direction, and come back one after the other when a daemon is started again. A
connection carries frames in order; a cut delays them until its ends give it up. What a shell does is done as
`crm.messaging.embedded.layer` does it, without its sockets.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from crm.controller.cluster_state import Member, View
from crm.controller.events import MessageReceived, ViewInstalled
from crm.messaging.embedded import agreement
from crm.messaging.embedded.agreement import Agreement, AgreementOutput
from crm.messaging.embedded.detector import Detector
from crm.messaging.layer import LayerSettings
from crm.messaging.quorum import QuorumRule
from crm.testing.shared_memory import SharedMessages
from crm.testing.simulated_node import SimulatedNode, incarnation
from crm.testing.view_checker import ViewChecker

if TYPE_CHECKING:
    from crm.testing.world import World

SETTINGS = LayerSettings("", "simulated", (), b"")
HEARTBEAT_S = SETTINGS.heartbeat_ms / 1000
FAILURE_S = SETTINGS.failure_limit_ms / 1000
RESTART_S = SETTINGS.restart_limit_ms / 1000
RECONNECT_FIRST_S, RECONNECT_LAST_S = 0.02, SETTINGS.reconnect_limit_ms / 1000
LONGEST_HANDSHAKE_S = 0.1
STALE_LIMIT_S = RESTART_S + 2 * FAILURE_S + SETTINGS.view_patience_ms / 1000 + 1.0
"""A view that nobody shares any more is left after so long at the latest, a member's restart being waited for."""
_LOOK_AGAIN_S = 0.05

Frame = tuple[str, Any]


@dataclass(slots=True)
class SimulatedConnection:
    """Two nodes' connection. `open`: its ends by name, as long as each holds it; `outbox`: what each has sent."""

    session: str
    open: dict[str, bool]
    outbox: dict[str, list[Frame]]


@dataclass(slots=True)
class SimulatedLink:
    """One end of a connection: `up` until it is seen to be closed, in use until the peer is given up."""

    peer: str
    connection: SimulatedConnection
    detector: Detector
    up: bool = True


@dataclass(slots=True)
class LinkedDaemon:
    """What a running daemon knows of its links."""

    node: SimulatedNode
    start: int
    agreement: Agreement
    links: dict[str, SimulatedLink] = field(default_factory=dict)
    waiting: list[tuple[int, SimulatedLink, bytes]] = field(default_factory=list)
    ticked_ms: float = 0.0
    unbacked_since: float | None = None


class LinkedMembership:
    """In place of `SimulatedMembership`: the same door, views that nodes agree on by themselves."""

    def __init__(self, world: World, rule: QuorumRule, detection_s: float) -> None:
        self._world = world
        self._rule = rule
        self.detection_s = detection_s
        self._messages = SharedMessages()
        self._daemons: dict[str, LinkedDaemon] = {}
        self._sessions = itertools.count(1)
        self._views = ViewChecker(world)

    # The door

    def changed(self) -> None:
        """A daemon may have begun or ended; of links and pauses nobody is told."""
        for node in self._world.nodes.values():
            daemon = self._daemons.get(node.name)
            if daemon is not None and (node.controller is None or node.incarnation != daemon.start):
                self._ended(daemon)
            if node.controller is not None and node.name not in self._daemons:
                self._begun(node)
        self._views.changed()

    def broadcast(self, node: SimulatedNode, raw: bytes) -> None:
        """To all others in the node's view."""
        for member in node.view.names if node.view else ():
            if member != node.name:
                self.send(node, member, raw)

    def send(self, node: SimulatedNode, to: str, raw: bytes) -> None:
        """To one member of the node's view."""
        daemon = self._daemons.get(node.name)
        if daemon is not None and node.view is not None and to in node.view.names and to in daemon.links:
            self._put(daemon, daemon.links[to], ("data", (daemon.agreement.view.number, raw)))

    def out_of_touch(self, node: SimulatedNode) -> bool:
        """Whether others have gone on in another view, and this node or its leader has yet to hear of it."""
        nodes = self._world.nodes
        leader = node.controller.snapshot().dc if node.controller else None
        return any(self._is_over(each.view) for each in (node, nodes.get(leader or "", node)))

    def _is_over(self, view: View | None) -> bool:
        return view is None or self._sharing(view) < len(view.names)

    def _sharing(self, view: View) -> int:
        views = [self._world.nodes[name].view for name in view.names]
        return sum(each is not None and (each.number, each.names) == (view.number, view.names) for each in views)

    # Daemons

    def _begun(self, node: SimulatedNode) -> None:
        names = list(self._world.nodes)
        start = incarnation(node.name, node.incarnation)

        def quorate(members: Any) -> bool:
            return self._rule.quorate(members, names, node.seen_all)

        made = Agreement(node.name, start, node.joined_at, SETTINGS.view_patience_ms, quorate)
        daemon = self._daemons[node.name] = LinkedDaemon(node, node.incarnation, made)
        self._later(daemon, 0.001, lambda: self._first(daemon))

    def _first(self, daemon: LinkedDaemon) -> None:
        self._take(daemon, daemon.agreement.start(self._ms, self._s))
        daemon.ticked_ms = self._ms
        self._tick(daemon)
        for name in self._world.nodes:
            if name > daemon.node.name:
                self._dial(daemon, name, RECONNECT_FIRST_S)

    def _ended(self, daemon: LinkedDaemon) -> None:
        """The kernel closes what the daemon had open; of a machine without power nobody hears anything."""
        del self._daemons[daemon.node.name]
        for link in daemon.links.values():
            link.connection.open[daemon.node.name] = False
            if daemon.node.powered and link.up:
                self._tell_closed(daemon.node.name, link)

    def _tick(self, daemon: LinkedDaemon) -> None:
        """Every heartbeat: say that we live, notice who does not."""
        lag_ms = self._ms - daemon.ticked_ms - SETTINGS.heartbeat_ms
        daemon.ticked_ms = self._ms
        for link in list(daemon.links.values()):
            if not link.up:
                continue
            if lag_ms > SETTINGS.heartbeat_ms:
                link.detector.slept(lag_ms, self._ms)
            if link.detector.lost(self._ms):
                self._lose(daemon, link)
            else:
                self._put(daemon, link, ("beat", None))
        self._take(daemon, daemon.agreement.tick(self._ms, self._s))
        self._check_backed(daemon, lag_ms)
        self._later(daemon, HEARTBEAT_S, lambda: self._tick(daemon))

    def _check_backed(self, daemon: LinkedDaemon, lag_ms: float) -> None:
        """A promise of this layer: nobody stays quorate in a view that is no quorum's any more."""
        view = daemon.node.view
        names = list(self._world.nodes)
        shared = view is None or not view.quorate or self._sharing(view) >= self._rule.disks_needed(names)
        if shared or lag_ms > SETTINGS.heartbeat_ms:
            daemon.unbacked_since = None
        elif daemon.unbacked_since is None:
            daemon.unbacked_since = self._world.clock
        if daemon.unbacked_since is not None and self._world.clock - daemon.unbacked_since > STALE_LIMIT_S:
            assert view is not None
            self._world.checkers.stale_view(daemon.node, view)

    # Connections

    def _dial(self, daemon: LinkedDaemon, to: str, pause_s: float) -> None:
        """Hold a link to a node whose name sorts after ours: dial, wait for its end, dial again."""
        former = daemon.links.get(to)

        def failed() -> None:
            link = daemon.links.get(to)
            if link is not None and link is former:
                self._lose(daemon, link)
            again = min(2 * pause_s, RECONNECT_LAST_S)
            self._later(daemon, pause_s, lambda: self._dial(daemon, to, again))

        def answered(other: LinkedDaemon) -> None:
            self._connect(daemon, other)

        self._reach(daemon, to, answered, failed)

    def _reach(self, daemon: LinkedDaemon, to: str, answered: Callable[[LinkedDaemon], None],
               failed: Callable[[], None]) -> None:
        """Open a connection to a node; a daemon that is being started again gets its time."""
        world, node = self._world, self._world.nodes[to]
        if not node.powered or not world.network.linked(daemon.node.name, to):
            self._later(daemon, FAILURE_S, failed)
            return
        give_up_at = world.clock + RESTART_S

        def look() -> None:
            other = self._daemons.get(to)
            if node.terminated is not None and other is None:
                failed()
            elif other is not None and node.paused_until <= world.clock and other.ticked_ms:
                if world.network.linked(daemon.node.name, to):
                    answered(other)
                else:
                    failed()
            elif world.clock > give_up_at or not node.powered:
                failed()
            else:
                self._later(daemon, _LOOK_AGAIN_S, look)

        self._later(daemon, world.random.uniform(0.001, LONGEST_HANDSHAKE_S), look)

    def _connect(self, dialer: LinkedDaemon, other: LinkedDaemon) -> None:
        """Both ends are up, each a little later."""
        names = (dialer.node.name, other.node.name)
        made = SimulatedConnection(f"s{next(self._sessions)}", dict.fromkeys(names, True), {name: [] for name in names})
        for daemon, peer in ((dialer, other), (other, dialer)):
            delay_s = self._world.random.uniform(0.0001, self._world.network.longest_delay_s)
            self._later(daemon, delay_s, partial(self._up, daemon, peer, made))

    def _up(self, daemon: LinkedDaemon, peer: LinkedDaemon, made: SimulatedConnection) -> None:
        name = peer.node.name
        if not made.open[name] or not made.open[daemon.node.name]:
            if daemon.node.name < name:
                self._dial(daemon, name, RECONNECT_FIRST_S)
            return
        former = daemon.links.get(name)
        if former is not None:
            former.up = former.connection.open[daemon.node.name] = False
        daemon.links[name] = SimulatedLink(name, made,
                                           Detector(self._ms, SETTINGS.heartbeat_ms, SETTINGS.failure_limit_ms))
        start = incarnation(name, peer.start)
        self._take(daemon, daemon.agreement.linked(name, start, made.session, self._ms, self._s))
        self._pump(name, daemon, made)

    def _put(self, daemon: LinkedDaemon, link: SimulatedLink, frame: Frame) -> None:
        """Send over a connection: frames arrive in order, those of one moment together."""
        if not link.up:
            return
        outbox = link.connection.outbox[daemon.node.name]
        outbox.append(frame)
        other = self._daemons.get(link.peer)
        if len(outbox) == 1 and other is not None:
            delay_s = self._world.random.uniform(0.0001, self._world.network.longest_delay_s)
            self._later(other, delay_s, partial(self._pump, daemon.node.name, other, link.connection))

    def _pump(self, sender: str, receiver: LinkedDaemon, connection: SimulatedConnection) -> None:
        """What was sent arrives, or waits while the way is cut; the transport sends it again."""
        link = receiver.links.get(sender)
        outbox = connection.outbox[sender]
        if link is None or link.connection is not connection or not link.up or not outbox:
            return
        if not self._world.network.carries(sender, receiver.node.name):
            self._later(receiver, _LOOK_AGAIN_S, partial(self._pump, sender, receiver, connection))
            return
        frames, outbox[:] = list(outbox), []
        for kind, payload in frames:
            if link.up and receiver.links.get(sender) is link:
                link.detector.heard(self._ms)
                self._hear(receiver, link, kind, payload)

    def _hear(self, daemon: LinkedDaemon, link: SimulatedLink, kind: str, payload: Any) -> None:
        if kind == "control":
            self._take(daemon, daemon.agreement.received(link.peer, payload, self._ms, self._s))
        elif kind == "data":
            number, raw = payload
            self._deliver(daemon, number, raw, link)

    def _lose(self, daemon: LinkedDaemon, link: SimulatedLink) -> None:
        """Give a peer up: it is told by the end of the connection, if that gets through."""
        if daemon.links.get(link.peer) is not link:
            return
        del daemon.links[link.peer]
        was_up, link.up = link.up, False
        link.connection.open[daemon.node.name] = False
        if was_up:
            self._tell_closed(daemon.node.name, link)
            if daemon.node.name < link.peer:
                self._dial(daemon, link.peer, RECONNECT_FIRST_S)
        self._world.note(f"{daemon.node.name} has lost {link.peer}")
        self._take(daemon, daemon.agreement.unlinked(link.peer, self._ms, self._s))

    def _tell_closed(self, by: str, link: SimulatedLink) -> None:
        other = self._daemons.get(link.peer)
        if other is None or not self._world.network.carries(by, link.peer):
            return
        theirs = other.links.get(by)
        if theirs is not None and theirs.connection is link.connection:
            self._later(other, self._world.random.uniform(0.0001, 0.01), partial(self._closed, other, theirs))

    def _closed(self, daemon: LinkedDaemon, link: SimulatedLink) -> None:
        """A connection ended: did the peer?"""
        if daemon.links.get(link.peer) is not link or not link.up:
            return
        link.up = link.connection.open[daemon.node.name] = False
        daemon.agreement.doubted(link.peer)
        if daemon.node.name < link.peer:
            self._dial(daemon, link.peer, RECONNECT_FIRST_S)
            return
        lose = partial(self._lose, daemon, link)
        self._reach(daemon, link.peer, lambda _other: self._later(daemon, FAILURE_S, lose), lose)

    # Views and messages

    def _take(self, daemon: LinkedDaemon, output: AgreementOutput) -> None:
        for peer, message in output.messages:
            if peer in daemon.links:
                self._put(daemon, daemon.links[peer], ("control", message))
        if output.installed is not None:
            self._install(daemon, output.installed)

    def _install(self, daemon: LinkedDaemon, agreed: agreement.AgreedView) -> None:
        world, node = self._world, daemon.node
        members = tuple(Member(name, world.config.id_of(name), joined, start) for name, start, joined in agreed.members)
        node.seen_all |= len(members) == len(world.nodes)
        view = View(agreed.number, members, self._rule.quorate(agreed.names, list(world.nodes), node.seen_all))
        gone = set(node.view.names) - set(view.names) if node.view is not None else set()
        for name in sorted({*view.names, *gone}):
            world.checkers.out_of_sight(world.nodes[name])
        former, node.view = node.view, view
        node.assigned = view
        world.note(f"{node.name} sees {''.join(view.names)}{'' if view.quorate else ' without quorum'}")
        self._views.installed(node, former, view)
        world.handle(node, ViewInstalled(view))
        waiting, daemon.waiting = daemon.waiting, []
        for number, link, raw in waiting:
            self._deliver(daemon, number, raw, link)

    def _deliver(self, daemon: LinkedDaemon, number: int, raw: bytes, link: SimulatedLink) -> None:
        """A message: held back until its view is known here, dropped if who sent it is in no view with us."""
        if number > daemon.agreement.view.number:
            daemon.waiting.append((number, link, raw))
        elif link.peer in daemon.agreement.view.names and daemon.links.get(link.peer) is link:
            self._world.handle(daemon.node, MessageReceived(link.peer, *self._messages.decode(raw)))

    # Time

    @property
    def _ms(self) -> float:
        return self._world.clock * 1000

    @property
    def _s(self) -> int:
        return int(self._world.clock)

    def _later(self, daemon: LinkedDaemon, delay_s: float, act: Callable[[], None]) -> None:
        """Have a daemon do something, if it is still the same one then, and not before a pause is over."""
        node, start = daemon.node, daemon.start

        def guarded() -> None:
            if node.controller is not None and node.incarnation == start:
                act()

        self._world.later(delay_s, self._world.in_daemon(node, guarded))
