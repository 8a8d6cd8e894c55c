"""A whole cluster in one process, on virtual time: real controllers and policy engine; everything else is simulated.

The same seed gives the same run. Nothing here waits: time jumps to the next thing that happens.

    world = World("abc", cib=..., seed=7)
    world.settle()
    world.crash(world.where("db")[0])
    world.settle()
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from crm.cib.changes import Change, Edit, Replace, Verb
from crm.cib.document import Document
from crm.controller import Controller, Options, commands, events
from crm.controller.core import Identity
from crm.controller.messages import encode
from crm.controller.values import Member, Shape, View
from crm.messaging.quorum import QuorumRule
from crm.model.cib import Cib
from crm.model.history import ExitCode, OperationStatus
from crm.model.release import THIS, Release
from crm.model.transition import GraphAction, Transition
from crm.testing.checkers import Checkers, Violation
from crm.testing.machines import Disk, Machine
from crm.testing.network import Network
from crm.testing.power import Power
from crm.testing.sharing import SharedDocuments, SharedMessages

Schedule = Callable[[Cib, int], Transition]
EPOCH = 1_700_000_000.0
_BUSY_LIMIT = 50_000
"""So many things happen within a simulated second only if nodes talk in circles."""


@dataclass
class SimulatedNode:
    """One machine: its disk and services, its controller while the daemon runs. `skew`: its clock is off by that."""

    name: str
    disk: Disk = field(default_factory=Disk)
    machine: Machine = field(default_factory=Machine)
    controller: Controller | None = None
    incarnation: int = 0
    boot: int = 0
    powered: bool = True
    joined_at: int = 0
    release: Release = THIS
    paused_until: float = 0.0
    skew: float = 0.0
    view: View | None = None
    assigned: View | None = None
    """The view that is on its way, or installed."""
    seen_all: bool = False
    """Whether all nodes were in one view since the daemon started (see `QuorumRule.wait_for_all`)."""
    waiting: list[tuple[int, str, bytes]] = field(default_factory=list)
    timers: dict[str, int] = field(default_factory=dict)
    recurring: dict[int, tuple[GraphAction, tuple[int, int] | None]] = field(default_factory=dict)
    lanes: dict[str, float] = field(default_factory=dict)
    """When the last operation of each resource ends: one at a time."""
    under_way: dict[int, GraphAction] = field(default_factory=dict)
    """Operations whose agents run, whether their daemon lives or not."""
    terminated: str | None = None

    @property
    def alive(self) -> bool:
        return self.controller is not None


OPTIONS = Options(node_action_limit=4, startup_fencing_delay_s=5.0)


class World:
    """The simulated cluster. Durations are in seconds.

    rule  when a set of nodes is quorate (default: a majority)    options  what each controller is told
    """

    def __init__(self, names: Iterable[str] = "abc", cib: str | None = None, seed: int = 0,
                 schedule: Schedule | None = None, detection_s: float = 0.05, rule: QuorumRule | None = None,
                 options: Options = OPTIONS) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.clock = EPOCH
        self.acknowledged: dict[str, tuple[int, int, int]] = {}
        """Markers that clients were told are safe, with the version and term that they were told."""
        self.asked_at: dict[str, tuple[float, View | None]] = {}
        """When clients asked for a marker, and in which view their node was."""
        self.answers: dict[str, commands.Answer] = {}
        self.alerts: list[tuple[str, dict[str, str]]] = []
        """What alert agents were told, and where."""
        self.faults: Counter[str] = Counter()
        self.services: tuple[str, ...] = ("db", "app", "web", "lone", "state", "all")
        """What may die or fail."""
        self.moving: tuple[str, ...] = ()
        """Resources that clients may order about."""
        self.tickets: tuple[str, ...] = ()
        self.story: list[str] = []
        self.detection_s = detection_s
        self.nodes = {name: SimulatedNode(name) for name in names}
        self.about = f"{len(self.nodes)} nodes"
        self.network = Network(self.nodes)
        self.power = Power(self)
        self._rule = rule or QuorumRule()
        self.shape = Shape(tuple((name, str(number)) for number, name in enumerate(self.nodes, 1)),
                           self._rule.needed(self.nodes))
        self.checkers = Checkers(self)
        self._schedule = schedule or _policy_engine()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._documents = SharedDocuments()
        self._options = replace(options, documents=self._documents)
        self._messages = SharedMessages()
        self._view_number = 0
        self._busy_since = self.clock
        self._last_arrival: dict[tuple[str, str], float] = {}
        document = Document.parse(cib) if cib else None
        for node in self.nodes.values():
            node.disk.document = document
            self.start(node.name)

    # What a test does

    def start(self, name: str) -> None:
        """Start a node's daemon (its machine is on)."""
        node = self.nodes[name]
        assert node.controller is None, f"{name} is running"
        node.incarnation += 1
        node.powered = True
        node.joined_at = int(self.clock)
        identity = Identity(name, self.shape.id_of(name), f"{name}-{node.incarnation}", self.shape)
        options = replace(self._options, release=node.release)
        node.controller = Controller(identity, node.disk.standing, node.disk.document, options)
        node.terminated = None
        self.note(f"start {name}")
        self._end_left_over(node)
        self._handle(node, events.Started())
        self._membership_changed()

    def crash(self, name: str) -> None:
        """Cut a machine's power."""
        self.note(f"crash {name}")
        node = self.nodes[name]
        node.boot += 1
        node.powered = False
        for resource in node.machine.active:
            self.checkers.broken(resource)
        node.machine.active.clear()
        node.machine.hanging.clear()
        node.paused_until = 0.0
        node.lanes.clear()
        node.under_way.clear()
        pending = len(node.disk.pending)
        node.disk.lose_power(self.random.randint(0, pending), self.random.random() < 0.5)
        self._stop_daemon(node)

    def kill_daemon(self, name: str) -> None:
        """End only the daemon: what its agents started goes on."""
        self.note(f"kill the daemon of {name}")
        self._stop_daemon(self.nodes[name])

    def pause(self, name: str, seconds: float) -> None:
        """Freeze a machine with all that is on it; then it goes on as if nothing had happened."""
        self.note(f"pause {name} for {seconds:g} s")
        node = self.nodes[name]
        node.paused_until = max(node.paused_until, self.clock + seconds)
        self._membership_changed()
        self._at(node.paused_until - self.clock + 1e-6, self._membership_changed)

    def shut_down(self, name: str) -> None:
        """Ask a node to leave gracefully."""
        self.note(f"shut down {name}")
        self._handle(self.nodes[name], events.ShutdownRequested())

    def partition(self, *groups: Iterable[str]) -> None:
        """Cut the network into these groups; nodes not named share one more."""
        sides = [tuple(group) for group in groups]
        self.network.partition(sides)
        self.note("cut " + " | ".join("".join(side) for side in sides))
        self._membership_changed()

    def cut_off(self, name: str) -> None:
        """Cut one node off from all others."""
        self.partition([name])

    def cut_one_way(self, sender: str, receiver: str) -> None:
        """One node is not heard by another any more."""
        self.network.cut(sender, receiver)
        self.note(f"cut {sender} -> {receiver}")
        self._membership_changed()

    def heal(self) -> None:
        """Everybody hears everybody again."""
        self.network.heal()
        self.note("heal")
        self._membership_changed()

    def change(self, via: str, marker: str) -> None:
        """A client of a node adds a marker to the configuration; if acknowledged, it must never be lost."""
        node = self.nodes[via]
        if node.controller is None:
            return
        xml = (f'<crm_config><cluster_property_set id="markers"><nvpair id="marker-{marker}" name="marker-{marker}" '
               f'value="1"/></cluster_property_set></crm_config>')
        self.asked_at[marker] = self.clock, node.view
        self._handle(node, events.ChangeRequested(marker, Edit(Verb.MODIFY, xml)))

    def edit(self, via: str, change: Change) -> None:
        """A client of a node changes the CIB."""
        self._handle(self.nodes[via], events.ChangeRequested(f"edit-{next(self._count)}", change))

    def replace(self, via: str, xml: str) -> None:
        """A client of a node replaces the whole CIB."""
        self.edit(via, Replace(xml))

    def fence(self, via: str, target: str, action: str = "off") -> str:
        """A client of a node wants another one fenced; the key under which `answers` will have the answer."""
        request = f"fence-{next(self._count)}"
        self._handle(self.nodes[via], events.FencingRequested(request, target, action))
        return request

    def clean_up(self, via: str) -> None:
        """A client of a node has all failures forgotten."""
        self._handle(self.nodes[via], events.CleanupRequested(f"cleanup-{next(self._count)}"))

    def set_attribute(self, via: str, name: str, value: str | None, dampening_ms: int | None = None,
                      of: str | None = None) -> None:
        """A client of a node sets a transient attribute, of that node or another; no value removes it."""
        request = f"attribute-{next(self._count)}"
        self._handle(self.nodes[via], events.AttributeRequested(request, of or via, name, value, dampening_ms))

    def break_resource(self, name: str) -> None:
        """A service dies on its own."""
        self.note(f"{name} dies")
        self.checkers.broken(name)
        for node in self.nodes.values():
            node.machine.active.pop(name, None)

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock + seconds
        busy = 0
        while self._heap and self._heap[0][0] <= end:
            at, _, act = heapq.heappop(self._heap)
            busy = busy + 1 if at < self._busy_since + 1.0 else 0
            self._busy_since = self._busy_since if busy else at
            if busy > _BUSY_LIMIT:
                raise Violation("busy", self.tell(f"more than {_BUSY_LIMIT} things happened within a second"))
            self.clock = max(self.clock, at)
            act()
            self.checkers.step()
        self.clock = end

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
        live = [node.controller.snapshot() for node in self.nodes.values() if node.controller]
        return all(snapshot.dc is not None and snapshot.state in ("idle", "not-dc") for snapshot in live)

    # What a test sees

    def where(self, resource: str) -> list[str]:
        """Where a resource really runs."""
        return [node.name for node in self.nodes.values() if resource in node.machine.active]

    def out_of_touch(self, node: SimulatedNode) -> bool:
        """Whether others have gone on in another view, and this node or its leader has yet to hear of it."""
        leader = node.controller.snapshot().dc if node.controller else None
        return any(self._is_over(each.view) for each in (node, self.nodes.get(leader or "", node)))

    def _is_over(self, view: View | None) -> bool:
        if view is None:
            return True
        assigned = [self.nodes[name].assigned for name in view.names]
        return any(each is None or each.number != view.number for each in assigned)

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
        self._at(delay_s, act)

    # How the world works

    def _at(self, delay_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.clock + delay_s, next(self._count), act))

    def _stop_daemon(self, node: SimulatedNode) -> None:
        # What the kernel has taken in is written; the daemon did not wait for it.
        node.disk.lose_power(self.random.randint(0, len(node.disk.pending)), torn=False)
        node.controller = None
        self.checkers.out_of_sight(node)
        node.view = node.assigned = None
        node.seen_all = False
        node.waiting.clear()
        node.timers.clear()
        node.recurring.clear()
        self._membership_changed()

    def _for(self, node: SimulatedNode, act: Callable[[], None]) -> Callable[[], None]:
        """Something that happens to a daemon only if it is still the same one, and not before a pause is over."""
        incarnation = node.incarnation

        def guarded() -> None:
            if node.controller is None or node.incarnation != incarnation:
                return
            if node.paused_until > self.clock:
                self._at(node.paused_until - self.clock, guarded)
            else:
                act()

        return guarded

    def _handle(self, node: SimulatedNode, event: events.Event) -> None:
        if node.controller is None:
            return
        for command in node.controller.handle(event, self.clock + node.skew):
            if node.controller is not None:
                self._perform(node, command)

    def _perform(self, node: SimulatedNode, command: commands.Command) -> None:
        match command:
            case (commands.StatusChanged() | commands.CibAdopted() | commands.TransitionBegun()
                  | commands.TransitionEnded()):
                pass
            case commands.Send(to, message):
                self._send(node, to, encode(message))
            case commands.Broadcast(message):
                raw = encode(message)
                for member in node.view.names if node.view else ():
                    if member != node.name:
                        self._send(node, member, raw)
            case commands.Persist():
                self._write(node, command)
            case commands.MakePlan():
                self._at(self.random.uniform(0.001, 0.1), self._for(node, lambda: self._planned(node, command)))
            case commands.SetTimer(name, at):
                self._set_timer(node, name, at)
            case commands.CancelTimer(name):
                node.timers.pop(name, None)
            case commands.RunOperation(call_id, action, key):
                self._run(node, call_id, action, key)
            case commands.CancelOperation():
                self._cancel(node, command)
            case commands.RunFencing(order):
                self.power.use(node, order, lambda ended: self._for(node, lambda: self._handle(node, ended)))
            case commands.FenceSelf(reason):
                self.note(f"{node.name} fences itself: {reason}")
                self.crash(node.name)
            case commands.Answer():
                self._answered(node, command)
            case commands.Log(level, message):
                if level != "debug":
                    self.note(f"{node.name}: {message}")
            case commands.Terminate(reason):
                node.terminated = reason
                self.note(f"{node.name} leaves: {reason}")
                self._at(0.0, self._for(node, lambda: self._stop_daemon(node)))
            case commands.SendAlert():
                self.alerts.append((node.name, dict(command.environment)))

    def _write(self, node: SimulatedNode, command: commands.Persist) -> None:
        """One disk writes in order."""
        disk = node.disk
        kept = self._documents.without_status(command.document) if command.document is not None else None
        disk.begin(command.token, command.standing, kept)
        disk.free_at = max(disk.free_at, self.clock) + self.random.uniform(0.0005, 0.01) * disk.slowness
        self._at(disk.free_at - self.clock, self._for(node, lambda: self._persisted(node, command.token)))

    def _persisted(self, node: SimulatedNode, token: int) -> None:
        node.disk.sync(token)
        self._handle(node, events.Persisted(token))

    def _send(self, node: SimulatedNode, to: str, raw: bytes) -> None:
        if node.view is None:
            return
        number = node.view.number
        arrival = self.clock + self.random.uniform(0.0001, self.network.longest_delay_s)
        arrival = max(arrival, self._last_arrival.get((node.name, to), 0.0) + 1e-6)
        self._last_arrival[node.name, to] = arrival
        receiver = self.nodes[to]
        self._at(arrival - self.clock, self._for(receiver, lambda: self._arrive(receiver, node.name, number, raw)))

    def _arrive(self, node: SimulatedNode, sender: str, number: int, raw: bytes) -> None:
        """A message: held back until its view is known here, dropped if its sender is in no view with us."""
        if not self.network.carries(sender, node.name):
            return
        if node.view is None or number > node.view.number:
            node.waiting.append((number, sender, raw))
        elif sender in node.view.names:
            self._handle(node, events.MessageReceived(sender, self._messages.decode(raw)))

    def _membership_changed(self) -> None:
        self._at(self.detection_s, self._form_views)

    def _form_views(self) -> None:
        awake = {name for name, node in self.nodes.items() if node.alive and node.paused_until <= self.clock}
        for name in self.nodes.keys() - awake:
            self.checkers.out_of_sight(self.nodes[name])
        together = {frozenset(node.assigned.names) for node in self.nodes.values() if node.assigned}
        for group in self.network.cliques(awake, sorted(together, key=lambda each: (-len(each), sorted(each)))):
            members = [self.nodes[name] for name in group]
            self._view_number += 1
            described = tuple(Member(node.name, self.shape.id_of(node.name), node.joined_at,
                                     f"{node.name}-{node.incarnation}") for node in members)
            if all(node.assigned is not None and node.assigned.members == described for node in members):
                continue
            for node in members:
                self.checkers.out_of_sight(node)
                node.seen_all |= len(members) == len(self.nodes)
                quorate = self._rule.quorate(group, list(self.nodes), node.seen_all)
                view = node.assigned = View(self._view_number, described, quorate)
                self._at(self.random.uniform(0, 0.003), self._for(node, partial(self._install, node, view)))

    def _install(self, node: SimulatedNode, view: View) -> None:
        if node.view is not None and node.view.number >= view.number:
            return
        node.view = view
        self.note(f"{node.name} sees {''.join(view.names)}{'' if view.quorate else ' without quorum'}")
        self._handle(node, events.ViewChanged(view))
        waiting, node.waiting = node.waiting, []
        for number, sender, raw in waiting:
            self._arrive(node, sender, number, raw)

    def _planned(self, node: SimulatedNode, command: commands.MakePlan) -> None:
        assert node.controller is not None
        transition = None
        if node.controller.awaits_plan(command.plan_id):
            transition = self._schedule(command.document.model(), command.now)
        self._handle(node, events.Planned(command.plan_id, transition))

    def _set_timer(self, node: SimulatedNode, name: str, at: float) -> None:
        ticket = next(self._count)
        node.timers[name] = ticket

        def fire() -> None:
            if node.timers.get(name) == ticket:
                del node.timers[name]
                self._handle(node, events.TimerFired(name))

        self._at(max(0.0, at - node.skew - self.clock), self._for(node, fire))

    # Agents

    def _run(self, node: SimulatedNode, call_id: int, action: GraphAction, key: str) -> None:
        assert action.resource is not None
        if action.interval_ms > 0:
            node.recurring[call_id] = (action, None)
            self._at(self.random.uniform(0.01, 0.05), self._for(node, lambda: self._watch(node, call_id)))
            return
        name = action.resource.id
        hangs = (name, action.operation) in node.machine.hanging
        duration = action.timeout_ms / 1000 if hangs else self.random.uniform(0.01, 0.2)
        duration = node.machine.slow.get((name, action.operation), duration)
        begun = max(self.clock, node.lanes.get(name, 0.0))
        node.lanes[name] = begun + duration
        run, incarnation = next(self._count), node.incarnation
        self.checkers.ordered(node, run, action, key)

        def begin() -> None:
            if node.incarnation == incarnation:
                node.under_way[run] = action
                self.checkers.begins(node, action)

        def end() -> None:
            self.checkers.over(run)
            if node.under_way.pop(run, None) is not None:
                status, rc = self._perform_operation(node, action, hangs)
                if (status, rc) != (OperationStatus.DONE, action.target_rc):
                    self.checkers.failed(node, action)
                ended = events.OperationEnded(call_id, status, rc, started_at=begun + node.skew,
                                              run_ms=round(1000 * (self.clock - begun)))
                if node.incarnation == incarnation:
                    self._handle(node, ended)

        self._at(begun - self.clock, self._on(node, begin))
        self._at(begun + duration - self.clock, self._on(node, end))

    def _perform_operation(self, node: SimulatedNode, action: GraphAction, hung: bool) -> tuple[int, int]:
        """What an operation does, and how it ends; one that hung was killed, with its work done or not."""
        assert action.resource is not None
        done = not hung or self.random.random() < 0.5
        status, rc = self._carry_out(node, action) if done else (OperationStatus.TIMEOUT, 1)
        if hung:
            status, rc = OperationStatus.TIMEOUT, 1
            if done:
                self.checkers.muddled(action.resource.id)
        told = "0" if rc == 0 else f"{rc} ({ExitCode(rc).name.lower().replace('_', ' ')})"
        self.note(f"{node.name}: {action.operation} {action.resource.id} = {told}{' after its time' if hung else ''}")
        self.checkers.ended(node, action, ok=(status, rc) == (OperationStatus.DONE, 0))
        return status, rc

    def _carry_out(self, node: SimulatedNode, action: GraphAction) -> tuple[int, int]:
        """What an agent does. The sending half of a migration also makes the resource active where it goes."""
        goes_to = action.attributes.get("CRM_meta_migrate_target", "")
        if action.operation != "migrate_to":
            return node.machine.perform(action)
        target = self.nodes[goes_to]
        assert action.resource is not None
        if not (target.powered and self.network.linked(node.name, goes_to)):
            return OperationStatus.DONE, ExitCode.UNKNOWN_ERROR
        status, rc = node.machine.perform(action)
        if rc == ExitCode.OK:
            target.machine.active.setdefault(action.resource.id, False)
        return status, rc

    def _end_left_over(self, node: SimulatedNode) -> None:
        """A daemon that starts ends the operations that the one before it has left (services go on)."""
        left, node.under_way = node.under_way, {}
        for action in left.values():
            if self.random.random() < 0.5:
                self._carry_out(node, action)
                self.note(f"{node.name}: {action.operation} of the former daemon was done")
            self.checkers.ended(node, action, ok=False)
        node.lanes.clear()

    def _on(self, node: SimulatedNode, act: Callable[[], None]) -> Callable[[], None]:
        """Something that happens on a machine, daemon or not, as long as its power is on."""
        boot = node.boot

        def guarded() -> None:
            if node.boot != boot:
                return
            if node.paused_until > self.clock:
                self._at(node.paused_until - self.clock, guarded)
            else:
                act()

        return guarded

    def _watch(self, node: SimulatedNode, call_id: int) -> None:
        """A recurring operation: reports its first result and every change."""
        if call_id not in node.recurring:
            return
        action, last = node.recurring[call_id]
        result = node.machine.perform(action)
        node.recurring[call_id] = (action, result)
        if result != last:
            if result != (OperationStatus.DONE, action.target_rc):
                self.checkers.failed(node, action)
            self._handle(node, events.OperationEnded(call_id, *result, started_at=self.clock + node.skew, run_ms=5))
        self._at(action.interval_ms / 1000, self._for(node, lambda: self._watch(node, call_id)))

    def _cancel(self, node: SimulatedNode, command: commands.CancelOperation) -> None:
        for call_id, (action, _) in list(node.recurring.items()):
            meant = command.operation is None or (
                (action.operation, action.interval_ms) == (command.operation, command.interval_ms))
            if meant and action.resource and action.resource.id == command.resource:
                del node.recurring[call_id]

    def _answered(self, node: SimulatedNode, answer: commands.Answer) -> None:
        self.answers[answer.request_id] = answer
        if answer.version is None or answer.request_id not in self.asked_at:
            return
        _, asked_in = self.asked_at[answer.request_id]
        by_all = node.view is not None and node.view == asked_in and len(node.view.members) == len(self.nodes)
        if by_all or self.checkers.expect.only_with_quorum:
            self.checkers.acknowledged(answer)
            self.acknowledged[answer.request_id] = (answer.term, *answer.version[:2])


def _policy_engine() -> Schedule:
    from crm import policy_engine

    return policy_engine.schedule
