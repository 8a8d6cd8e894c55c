"""A whole cluster in one process, on virtual time: real controllers and policy engine; everything else is simulated.

The same seed gives the same run. Nothing here waits: time jumps to the next thing that happens.

    world = World("abc", cib=..., seed=7)
    world.settle()
    world.crash(world.where("db")[0])
    world.settle()
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from crm.cib.changes import Change, Edit, EditVerb, Replace
from crm.cib.document import Document
from crm.controller import Controller, ControllerOptions, commands, events
from crm.controller.cluster_state import ClusterConfig, StoreState
from crm.controller.core import NodeIdentity
from crm.controller.protocol.codec import encode
from crm.messaging.quorum import QuorumRule
from crm.model.cib import Cib
from crm.model.transition import Transition
from crm.testing.invariants import InvariantCheckers, Violation
from crm.testing.node_lists import Lists
from crm.testing.power_switches import Power
from crm.testing.shared_memory import SharedDocuments
from crm.testing.simulated_agents import SimulatedExecutors
from crm.testing.simulated_keepers import MARGIN_MS, Keepers
from crm.testing.simulated_links import LinkedMembership
from crm.testing.simulated_machines import DiskWrite
from crm.testing.simulated_membership import SimulatedMembership
from crm.testing.simulated_network import SimulatedNetwork
from crm.testing.simulated_node import SimulatedNode, incarnation
from crm.testing.timeline import EPOCH, TooBusyError, VirtualTimeline

Schedule = Callable[[Cib, int], Transition]
SLEEP_S, LOOK_S, KEEPER_LOOK_S = 0.6, 0.06, 0.1
"""From when on a gap is a sleep, and how long it takes to learn where one is then (where there are leases)."""
EXCUSED_S = 3.0
"""How long after a machine has stood still its keeper may take."""
RETRY_S = 1.0
"""After so long a write that failed is tried again."""
OPTIONS = ControllerOptions(node_action_limit=4, startup_fencing_delay_s=5.0)


class World:
    """The simulated cluster. Durations are in seconds.

    rule  when a set of nodes is quorate (default: a majority)    options  what each controller is told
    membership  how nodes find each other: an oracle, or the real agreement over links (`LinkedMembership`)
    leases  whether nodes keep leases, and their daemons look before they act when they slept
    founders  who is in the list of nodes at first, if that list is the cluster's own; others are off until invited
    """

    def __init__(self, names: Iterable[str] = "abc", cib: str | None = None, seed: int = 0,
                 schedule: Schedule | None = None, detection_s: float = 0.05, rule: QuorumRule | None = None,
                 options: ControllerOptions = OPTIONS,
                 membership: type[SimulatedMembership] | type[LinkedMembership] = SimulatedMembership,
                 founders: Iterable[str] | None = None, leases: bool = False) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.timeline = VirtualTimeline()
        self.acknowledged: dict[str, tuple[int, int, int]] = {}
        """Markers that clients were told are safe, with the version and term that they were told."""
        self.asked_at: dict[str, float] = {}
        """When clients asked for a marker."""
        self.reads: dict[str, frozenset[str]] = {}
        """Consistent reads that clients asked for, and the markers that were acknowledged by then."""
        self.answers: dict[str, commands.RequestAnswered] = {}
        self.alerts: list[tuple[str, dict[str, str]]] = []
        """What alert agents were told, and where."""
        self.faults: Counter[str] = Counter()
        self.services: tuple[str, ...] = ("db", "app", "web", "lone", "state", "all")
        """What may die or fail."""
        self.moving: tuple[str, ...] = ()
        """Resources that clients may order about."""
        self.tickets: tuple[str, ...] = ()
        self.story: list[str] = []
        self.nodes = {name: SimulatedNode(name) for name in names}
        self.about = f"{len(self.nodes)} nodes"
        self.network = SimulatedNetwork(self.nodes)
        self.power = Power(self)
        rule = rule or QuorumRule()
        self.config = ClusterConfig(tuple((name, str(number)) for number, name in enumerate(self.nodes, 1)),
                                    rule.disks_needed(self.nodes))
        self.membership = membership(self, rule, detection_s)
        self.checkers = InvariantCheckers(self)
        self._agents = SimulatedExecutors(self)
        self._schedule = schedule or _policy_engine()
        self._documents = SharedDocuments()
        self._options = replace(options, documents=self._documents, lease_margin_ms=MARGIN_MS if leases else 0)
        document = Document.parse(cib) if cib else None
        self.lists = Lists(self) if founders is not None else None
        for node in self.nodes.values():
            if self.lists is None or node.name in tuple(founders or ()):
                node.disk.document = document
        if self.lists is not None:
            self.lists.found(tuple(founders or ()), rule)
        self.keepers = Keepers(self) if leases else None
        for node in self.nodes.values():
            if self.belongs(node.name):
                self.start(node.name)
            else:
                node.powered = False

    @property
    def clock(self) -> float:
        """The true time, in epoch seconds."""
        return self.timeline.now

    # What a test does

    def start(self, name: str) -> None:
        """Start a node's daemon (its machine is on); later, if its keeper stops things."""
        node = self.nodes[name]
        assert node.controller is None, f"{name} is running"
        if self.keepers is not None and self.keepers.is_ending(node):
            self.later(KEEPER_LOOK_S, self.on_machine(node, lambda: self.start_if_down(node)))
            return
        node.incarnation += 1
        node.powered = True
        node.joined_at = int(self.clock)
        identity = NodeIdentity(name, self.config.id_of(name), incarnation(name, node.incarnation), self.config)
        options = replace(self._options, release=node.release)
        node.controller = Controller(identity, node.disk.hard_state, node.disk.document, options)
        node.terminated = None
        self.note(f"start {name}")
        self._agents.end_left_over(node)
        self.handle(node, events.Started())
        self.membership.changed()

    def start_if_down(self, node: SimulatedNode) -> None:
        """Start its daemon unless somebody has."""
        if node.controller is None:
            self.start(node.name)

    def belongs(self, name: str) -> bool:
        """Whether a node is in the cluster's list, as it was committed last."""
        return self.lists is None or self.lists.newest.node(name) is not None

    def crash(self, name: str) -> None:
        """Cut a machine's power."""
        self.note(f"crash {name}")
        node = self.nodes[name]
        for resource in node.machine.active:
            self.checkers.broken(resource)
        node.lose_power()
        pending = len(node.disk.pending)
        node.disk.lose_power(self.random.randint(0, pending), self.random.random() < 0.5)
        self._stop_daemon(node)

    def lose_store(self, name: str, store: StoreState = StoreState.LOST) -> None:
        """A machine loses power and what its disk had of the CIB; LOST: the votes are still there."""
        self.crash(name)
        self.nodes[name].disk.lose(store)
        self.note(f"the store of {name} is {store.value}")

    def kill_daemon(self, name: str) -> None:
        """End only the daemon: what its agents started goes on."""
        self.note(f"kill the daemon of {name}")
        self._stop_daemon(self.nodes[name])

    def pause(self, name: str, seconds: float) -> None:
        """Freeze a machine with all that is on it; then it goes on as if nothing had happened."""
        self.note(f"pause {name} for {seconds:g} s")
        node = self.nodes[name]
        node.paused_until = max(node.paused_until, self.clock + seconds)
        node.excused_until = node.paused_until + EXCUSED_S
        self._sleeps(node, seconds)

    def freeze_daemon(self, name: str, seconds: float) -> None:
        """Freeze only the daemon; what runs goes on."""
        self.note(f"freeze the daemon of {name} for {seconds:g} s")
        node = self.nodes[name]
        node.frozen_until = max(node.frozen_until, self.clock + seconds)
        self._sleeps(node, seconds)

    def _sleeps(self, node: SimulatedNode, seconds: float) -> None:
        node.ready_at = node.asleep_until
        if self.keepers is not None and seconds > SLEEP_S:
            node.ready_at, node.slept = node.asleep_until + LOOK_S, True
        self.membership.changed()
        self.later(node.asleep_until - self.clock + 1e-6, self.membership.changed)

    def shut_down(self, name: str) -> None:
        """Ask a node to leave gracefully."""
        self.note(f"shut down {name}")
        self.handle(self.nodes[name], events.ShutdownRequested())

    def partition(self, *groups: Iterable[str]) -> None:
        """Cut the network into these groups; nodes not named share one more."""
        sides = [tuple(group) for group in groups]
        self.network.partition(sides)
        self.note("cut " + " | ".join("".join(side) for side in sides))
        self.membership.changed()

    def cut_off(self, name: str) -> None:
        """Cut one node off from all others."""
        self.partition([name])

    def cut_one_way(self, sender: str, receiver: str) -> None:
        """One node is not heard by another any more."""
        self.network.cut(sender, receiver)
        self.note(f"cut {sender} -> {receiver}")
        self.membership.changed()

    def heal(self) -> None:
        """Everybody hears everybody again."""
        self.network.heal()
        self.note("heal")
        self.membership.changed()

    def change(self, via: str, marker: str) -> None:
        """A client of a node adds a marker to the configuration; if acknowledged, it must never be lost."""
        node = self.nodes[via]
        if node.controller is None:
            return
        xml = (f'<crm_config><cluster_property_set id="markers"><nvpair id="marker-{marker}" name="marker-{marker}" '
               f'value="1"/></cluster_property_set></crm_config>')
        self.asked_at[marker] = self.clock
        self.handle(node, events.ChangeRequested(marker, Edit(EditVerb.MODIFY, xml)))

    def read(self, via: str) -> str:
        """A client of a node wants to read what has all that was acknowledged before; the key of its answer."""
        request = f"read-{self.timeline.number()}"
        self.reads[request] = frozenset(self.acknowledged)
        self.handle(self.nodes[via], events.ReadRequested(request))
        return request

    def edit(self, via: str, change: Change) -> None:
        """A client of a node changes the CIB."""
        self.handle(self.nodes[via], events.ChangeRequested(f"edit-{self.timeline.number()}", change))

    def replace(self, via: str, xml: str) -> None:
        """A client of a node replaces the whole CIB."""
        self.edit(via, Replace(xml))

    def fence(self, via: str, target: str, action: str = "off") -> str:
        """A client of a node wants another one fenced; the key under which `answers` will have the answer."""
        request = f"fence-{self.timeline.number()}"
        self.handle(self.nodes[via], events.FencingRequested(request, target, action))
        return request

    def clean_up(self, via: str) -> None:
        """A client of a node has all failures forgotten."""
        self.checkers.fail_counts.cleaned()
        self.handle(self.nodes[via], events.CleanupRequested(f"cleanup-{self.timeline.number()}"))

    def set_attribute(self, via: str, name: str, value: str | None, dampening_ms: int | None = None,
                      of: str | None = None) -> None:
        """A client of a node sets a transient attribute, of that node or another; no value removes it."""
        request = f"attribute-{self.timeline.number()}"
        self.handle(self.nodes[via], events.AttributeRequested(request, of or via, name, value, dampening_ms))

    def break_resource(self, name: str) -> None:
        """A service dies on its own."""
        self.note(f"{name} dies")
        self.checkers.broken(name)
        for node in self.nodes.values():
            node.machine.active.pop(name, None)

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        try:
            self.timeline.run_for(seconds, self.checkers.step)
        except TooBusyError as busy:
            raise Violation("busy", self.tell(str(busy))) from None

    def settle(self, limit_s: float = 60.0) -> None:
        """Let time pass until nothing is in flight, then check what must hold in peace. Raises Violation."""
        end = self.clock + limit_s
        while self.clock < end:
            self.run_for(0.5)
            if self.quiet():
                self.run_for(0.5)
                if self.quiet():
                    return
        raise Violation("settles", self.tell(f"not settled within {limit_s} s"))

    def quiet(self) -> bool:
        """Whether there is a leader that is idle wherever somebody lives."""
        live = [node.controller.snapshot() for node in self.nodes.values()
                if node.controller and self.belongs(node.name)]
        return all(snapshot.dc is not None and snapshot.state in ("idle", "not-dc") for snapshot in live)

    # What a test sees

    def where(self, resource: str) -> list[str]:
        """Where a resource really runs."""
        return [node.name for node in self.nodes.values() if resource in node.machine.active]

    def dc(self) -> str | None:
        """The elected DC, if there is one."""
        for node in self.nodes.values():
            if node.controller:
                snapshot = node.controller.snapshot()
                if snapshot.dc == node.name and not snapshot.caretaker:
                    return node.name
        return None

    def document(self, name: str) -> Document:
        """A node's CIB."""
        controller = self.nodes[name].controller
        assert controller is not None
        return controller.snapshot().document

    def markers(self, document: Document) -> set[str]:
        """The markers that are in a CIB."""
        return {str(pair.get("name")).removeprefix("marker-") for pair in document.root.iter("nvpair")
                if str(pair.get("name")).startswith("marker-")}

    def plan(self, name: str) -> Transition:
        """What the policy engine wants done, as that node sees the cluster, by its clock."""
        return self._schedule(self.document(name).model(), int(self.clock + self.nodes[name].skew))

    def tell(self, what: str) -> str:
        """The story's end, for a message."""
        return f"seed {self.seed}: {what}\n  " + "\n  ".join(self.story[-60:])

    def note(self, line: str, before: int | None = None) -> None:
        """A line for the story: at its end, or before the one with that number."""
        self.story.insert(len(self.story) if before is None else before, f"{self.clock - EPOCH:8.3f} {line}")

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Have something happen."""
        self.timeline.after(delay_s, act)

    # How the world works

    def _stop_daemon(self, node: SimulatedNode) -> None:
        # What the kernel has taken in is written; the daemon did not wait for it.
        node.disk.lose_power(self.random.randint(0, len(node.disk.pending)), torn=False)
        self.checkers.out_of_sight(node)
        node.lose_daemon()
        self.membership.changed()

    def end_daemon(self, node: SimulatedNode) -> None:
        """Its keeper ends the daemon, and what that had in hand."""
        if node.controller is not None:
            self._stop_daemon(node)
        node.incarnation += 1  # nothing begins any more that the daemon had planned to
        self._agents.end_left_over(node)

    def in_daemon(self, node: SimulatedNode, act: Callable[[], None], at_once: bool = False) -> Callable[[], None]:
        """Something that happens to a daemon only if it is still the same one, and not before a pause is over.

        `at_once`: it is by this that a daemon that slept learns where it is.
        """
        incarnation = node.incarnation

        def guarded() -> None:
            if node.controller is None or node.incarnation != incarnation:
                return
            until = node.asleep_until if at_once else max(node.asleep_until, node.ready_at)
            if until > self.clock:
                self.timeline.at(until, guarded)
            else:
                act()

        return guarded

    def on_machine(self, node: SimulatedNode, act: Callable[[], None]) -> Callable[[], None]:
        """Something that happens on a machine, daemon or not, as long as its power is on."""
        boot = node.boot

        def guarded() -> None:
            if node.boot != boot:
                return
            if node.paused_until > self.clock:
                self.timeline.at(node.paused_until, guarded)
            else:
                act()

        return guarded

    def handle(self, node: SimulatedNode, event: events.Event) -> None:
        if node.controller is None:
            return
        for command in node.controller.handle(event, self.clock + node.skew):
            if node.controller is not None:
                self._perform(node, command)

    def _perform(self, node: SimulatedNode, command: commands.Command) -> None:
        match command:
            case (commands.StatusChanged() | commands.CibStateAdopted() | commands.TransitionBegun()
                  | commands.TransitionEnded()):
                pass
            case commands.NodesListed(nodes):
                if self.lists is not None:
                    self.lists.told(nodes)
            case commands.Send(to, message, number):
                self.membership.send(node, to, encode(message, number))
            case commands.Broadcast(message, number):
                self.membership.broadcast(node, encode(message, number))
            case commands.Persist():
                self._write(node, command)
            case commands.MakePlan():
                self.later(self.random.uniform(0.001, 0.1), self.in_daemon(node, lambda: self._planned(node, command)))
            case commands.SetTimer(name, at):
                self._set_timer(node, name, at)
            case commands.CancelTimer(name):
                node.timers.pop(name, None)
            case commands.RunOperation(call_id, action, key):
                self._agents.run(node, call_id, action, key)
            case commands.CancelOperation():
                self._agents.cancel(node, command)
            case commands.RunFencing(order):
                self.power.use(node, order, lambda ended: self.in_daemon(node, lambda: self.handle(node, ended)))
            case commands.FenceSelf(reason):
                self.note(f"{node.name} fences itself: {reason}")
                self.crash(node.name)
            case commands.RequestAnswered():
                self._answered(node, command)
            case commands.Log(level, message):
                if level != "debug":
                    self.note(f"{node.name}: {message}")
            case commands.Terminate(reason, let_go=let_go):
                node.terminated = reason
                if let_go and self.keepers is not None:
                    self.keepers.let_go(node)
                self.note(f"{node.name} leaves: {reason}")
                self.later(0.0, self.in_daemon(node, lambda: self._stop_daemon(node)))
            case commands.SendAlert():
                self.alerts.append((node.name, dict(command.environment)))

    def _write(self, node: SimulatedNode, command: commands.Persist) -> None:
        """One write at a time; what is asked for meanwhile is written by the next (see `crm.daemon.storage`)."""
        kept = self._documents.without_status(command.document) if command.document is not None else None
        node.disk.pending.append(DiskWrite(command.token, command.hard_state, kept))
        if not node.disk.writing:
            self._write_pending(node)

    def _write_pending(self, node: SimulatedNode) -> None:
        disk = node.disk
        disk.writing = True
        written = partial(self._written, node, disk.pending[-1].token)
        self.later(self.random.uniform(0.0005, 0.01) * disk.slowness, self.in_daemon(node, written))

    def _written(self, node: SimulatedNode, token: int) -> None:
        disk = node.disk
        if disk.failing:
            self.later(RETRY_S, self.in_daemon(node, partial(self._write_pending, node)))
            self.handle(node, events.PersistFailed(token))
            return
        disk.sync(token)
        disk.writing = False
        if disk.pending:
            self._write_pending(node)
        self.handle(node, events.Persisted(token))

    def _planned(self, node: SimulatedNode, command: commands.MakePlan) -> None:
        assert node.controller is not None
        transition = None
        if node.controller.awaits_plan(command.plan_id):
            transition = self._schedule(command.document.model(), command.now)
        self.handle(node, events.PlanReady(command.plan_id, transition))

    def _set_timer(self, node: SimulatedNode, name: str, at: float) -> None:
        ticket = self.timeline.number()
        node.timers[name] = ticket

        def fire() -> None:
            if node.timers.get(name) == ticket:
                del node.timers[name]
                self.handle(node, events.TimerFired(name))

        self.later(max(0.0, at - node.skew - self.clock), self.in_daemon(node, fire))

    def _answered(self, node: SimulatedNode, answer: commands.RequestAnswered) -> None:
        self.answers[answer.request_id] = answer
        if answer.request_id in self.reads and answer.version is not None:
            self.checkers.has_read(node, answer, self.reads.pop(answer.request_id))
        if answer.version is None or answer.request_id not in self.asked_at:
            return
        kept = (each.disk.document for each in self.nodes.values())
        by_all = all(document is not None and answer.request_id in self.markers(document) for document in kept)
        if by_all or self.checkers.expect.only_with_quorum:
            self.checkers.acknowledged(node, answer)
            self.acknowledged[answer.request_id] = (answer.term, *answer.version[:2])


def _policy_engine() -> Schedule:
    from crm import policy_engine

    return policy_engine.schedule
