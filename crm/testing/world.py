"""A whole cluster in one process, on virtual time: real controllers; messages, disks, agents and faults by a seed.

The same seed gives the same run. Nothing here waits: time jumps to the next thing that happens.

    world = World("abc", cib=..., seed=7)
    world.settle()
    world.crash(world.where("db"))
    world.settle()
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from crm.cib import read
from crm.cib.changes import Edit, Replace, Verb
from crm.cib.document import Document
from crm.controller import Controller, Options, commands, events
from crm.controller.core import Identity
from crm.controller.messages import Message, decode, encode
from crm.controller.values import Member, Shape, Standing, View
from crm.model.cib import Cib
from crm.model.transition import GraphAction, Transition
from crm.testing.agents import Machine
from crm.testing.checkers import Checkers, Violation

Schedule = Callable[[Cib, int], Transition]
EPOCH = 1_700_000_000.0


@dataclass(slots=True)
class Disk:
    """What a node's disk has kept."""

    standing: Standing = field(default_factory=Standing)
    document: Document | None = None


@dataclass
class SimulatedNode:
    """One machine: its disk and services, and its controller while the daemon runs."""

    name: str
    disk: Disk = field(default_factory=Disk)
    machine: Machine = field(default_factory=Machine)
    controller: Controller | None = None
    incarnation: int = 0
    joined_at: int = 0
    started_at: float = -1e9
    view: View | None = None
    waiting: list[tuple[int, str, bytes]] = field(default_factory=list)
    timers: dict[str, int] = field(default_factory=dict)
    recurring: dict[int, tuple[GraphAction, tuple[int, int] | None]] = field(default_factory=dict)
    terminated: str | None = None
    disk_free_at: float = 0.0
    assigned: View | None = None
    """The view that is on its way, or installed."""

    @property
    def alive(self) -> bool:
        return self.controller is not None


class World:
    """The simulated cluster. Durations are in seconds."""

    def __init__(self, names: Iterable[str] = "abc", cib: str | None = None, seed: int = 0,
                 schedule: Schedule | None = None, detection_s: float = 0.05) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.clock = EPOCH
        self.healed_at = 0.0
        self.acknowledged: set[str] = set()
        self.answers: dict[str, commands.Answer] = {}
        self.story: list[str] = []
        self.detection_s = detection_s
        self.nodes = {name: SimulatedNode(name) for name in names}
        self.checkers = Checkers(self)
        self._shape = Shape(tuple((name, str(number)) for number, name in enumerate(self.nodes, 1)),
                            len(self.nodes) // 2 + 1)
        self._schedule = schedule or _policy_engine()
        self._groups: dict[str, int] = {}
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._view_number = 0
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
        node.joined_at = int(self.clock)
        # A fresh machine runs nothing; one whose services outlived its daemon takes a while to find out.
        node.started_at = self.clock if node.machine.active else -1e9
        identity = Identity(name, self._shape.id_of(name), f"{name}-{node.incarnation}", self._shape)
        node.controller = Controller(identity, node.disk.standing, node.disk.document, Options(node_action_limit=4))
        node.terminated = None
        self._tell(f"start {name}")
        self._handle(node, events.Started())
        self._membership_changed()

    def crash(self, name: str) -> None:
        """Cut a machine's power."""
        self._tell(f"crash {name}")
        self.nodes[name].machine.active.clear()
        self._stop_daemon(self.nodes[name])

    def kill_daemon(self, name: str) -> None:
        """End only the daemon: what its agents started goes on."""
        self._tell(f"kill the daemon of {name}")
        self._stop_daemon(self.nodes[name])

    def shut_down(self, name: str) -> None:
        """Ask a node to leave gracefully."""
        self._tell(f"shut down {name}")
        self._handle(self.nodes[name], events.ShutdownRequested())

    def partition(self, *groups: Iterable[str]) -> None:
        """Cut the network into these groups; nodes not named share one more."""
        self._groups = {name: number for number, group in enumerate(groups, 1) for name in group}
        # A new cut may bring nodes together that an earlier one kept apart.
        self.healed_at = self.clock
        self._tell("cut " + " | ".join("".join(group) for group in groups))
        self._membership_changed()

    def cut_off(self, name: str) -> None:
        """Cut one node off from all others."""
        self.partition([name])

    def heal(self) -> None:
        """Everybody hears everybody again."""
        self._groups = {}
        self.healed_at = self.clock
        self._tell("heal")
        self._membership_changed()

    def change(self, via: str, marker: str) -> None:
        """A client of a node adds a marker to the configuration; if acknowledged, it must never be lost."""
        node = self.nodes[via]
        if node.controller is None:
            return
        xml = (f'<crm_config><cluster_property_set id="markers"><nvpair id="marker-{marker}" name="marker-{marker}" '
               f'value="1"/></cluster_property_set></crm_config>')
        self._handle(node, events.ChangeRequested(marker, Edit(Verb.MODIFY, xml)))

    def edit(self, via: str, edit: Edit) -> None:
        """A client of a node changes the CIB."""
        self._handle(self.nodes[via], events.ChangeRequested(f"edit-{next(self._count)}", edit))

    def replace(self, via: str, xml: str) -> None:
        """A client of a node replaces the whole CIB."""
        self._handle(self.nodes[via], events.ChangeRequested(f"edit-{next(self._count)}", Replace(xml)))

    def break_resource(self, name: str) -> None:
        """A service dies on its own."""
        for node in self.nodes.values():
            node.machine.active.pop(name, None)

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock + seconds
        while self._heap and self._heap[0][0] <= end:
            at, _, act = heapq.heappop(self._heap)
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
        raise Violation(self.tell(f"not settled within {limit_s} s"))

    def quiet(self) -> bool:
        """Whether there is a leader that is idle wherever somebody lives."""
        live = [node.controller.snapshot() for node in self.nodes.values() if node.controller]
        return all(snapshot.dc is not None and snapshot.state in ("idle", "not-dc") for snapshot in live)

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

    def connected(self, left: str, right: str) -> bool:
        """Whether two nodes can hear each other."""
        return self._groups.get(left, 0) == self._groups.get(right, 0)

    def tell(self, what: str) -> str:
        """The story's end, for a message."""
        return f"seed {self.seed}: {what}\n  " + "\n  ".join(self.story[-40:])

    # How the world works

    def _tell(self, line: str) -> None:
        self.story.append(f"{self.clock - EPOCH:8.3f} {line}")

    def _at(self, delay_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.clock + delay_s, next(self._count), act))

    def _stop_daemon(self, node: SimulatedNode) -> None:
        node.controller = None
        node.view = node.assigned = None
        node.waiting.clear()
        node.timers.clear()
        node.recurring.clear()
        self._membership_changed()

    def _for(self, node: SimulatedNode, act: Callable[[], None]) -> Callable[[], None]:
        """Something that happens to a daemon only if it is still the same one."""
        incarnation = node.incarnation

        def guarded() -> None:
            if node.controller is not None and node.incarnation == incarnation:
                act()

        return guarded

    def _handle(self, node: SimulatedNode, event: events.Event) -> None:
        if node.controller is None:
            return
        for command in node.controller.handle(event, self.clock):
            self._perform(node, command)

    def _perform(self, node: SimulatedNode, command: commands.Command) -> None:
        match command:
            case commands.Send(to, message):
                self._send(node, to, message)
            case commands.Broadcast(message):
                for member in node.view.names if node.view else ():
                    if member != node.name:
                        self._send(node, member, message)
            case commands.Persist():
                # One disk writes in order.
                node.disk_free_at = max(node.disk_free_at, self.clock) + self.random.uniform(0.0005, 0.01)
                self._at(node.disk_free_at - self.clock, self._for(node, lambda: self._persisted(node, command)))
            case commands.MakePlan():
                self._at(self.random.uniform(0.001, 0.1), self._for(node, lambda: self._planned(node, command)))
            case commands.SetTimer(name, at):
                self._set_timer(node, name, at)
            case commands.CancelTimer(name):
                node.timers.pop(name, None)
            case commands.RunOperation(call_id, action, _):
                self._run(node, call_id, action)
            case commands.CancelOperation():
                self._cancel(node, command)
            case commands.Answer():
                self._answered(command)
            case commands.Log(level, message):
                if level != "debug":
                    self._tell(f"{node.name}: {message}")
            case commands.Terminate(reason):
                node.terminated = reason
                self._tell(f"{node.name} leaves: {reason}")
                self._at(0.0, self._for(node, lambda: self._stop_daemon(node)))
            case commands.StatusChanged():
                pass

    def _send(self, node: SimulatedNode, to: str, message: Message) -> None:
        if node.view is None:
            return
        raw, number = encode(message), node.view.number
        arrival = self.clock + self.random.uniform(0.0001, 0.004)
        arrival = max(arrival, self._last_arrival.get((node.name, to), 0.0) + 1e-6)
        self._last_arrival[node.name, to] = arrival
        receiver = self.nodes[to]
        self._at(arrival - self.clock, self._for(receiver, lambda: self._arrive(receiver, node.name, number, raw)))

    def _arrive(self, node: SimulatedNode, sender: str, number: int, raw: bytes) -> None:
        """A message: held back until its view is known here, dropped if its sender is in no view with us."""
        if not self.connected(node.name, sender):
            return
        if node.view is None or number > node.view.number:
            node.waiting.append((number, sender, raw))
        elif sender in node.view.names:
            self._handle(node, events.MessageReceived(sender, decode(raw)))

    def _membership_changed(self) -> None:
        self._at(self.detection_s, self._form_views)

    def _form_views(self) -> None:
        for group in sorted({self._groups.get(name, 0) for name in self.nodes}):
            members = [node for node in self.nodes.values()
                       if node.alive and self._groups.get(node.name, 0) == group]
            self._view_number += 1
            described = tuple(Member(node.name, self._shape.id_of(node.name), node.joined_at,
                                     f"{node.name}-{node.incarnation}") for node in members)
            view = View(self._view_number, described, len(members) >= self._shape.needed)
            for node in members:
                if node.assigned is None or node.assigned.members != described:
                    node.assigned = view
                    self._at(self.random.uniform(0, 0.003), self._for(node, partial(self._install, node, view)))

    def _install(self, node: SimulatedNode, view: View) -> None:
        if node.view is not None and node.view.number >= view.number:
            return
        node.view = view
        self._tell(f"{node.name} sees {''.join(view.names)}{'' if view.quorate else ' without quorum'}")
        self._handle(node, events.ViewChanged(view))
        waiting, node.waiting = node.waiting, []
        for number, sender, raw in waiting:
            self._arrive(node, sender, number, raw)

    def _persisted(self, node: SimulatedNode, command: commands.Persist) -> None:
        node.disk.standing = command.standing
        if command.document is not None:
            node.disk.document = command.document.without_status()
        self._handle(node, events.Persisted(command.token))

    def _planned(self, node: SimulatedNode, command: commands.MakePlan) -> None:
        transition = self._schedule(read.read(command.document.root), command.now)
        self._handle(node, events.Planned(command.plan_id, transition))

    def _set_timer(self, node: SimulatedNode, name: str, at: float) -> None:
        ticket = next(self._count)
        node.timers[name] = ticket

        def fire() -> None:
            if node.timers.get(name) == ticket:
                del node.timers[name]
                self._handle(node, events.TimerFired(name))

        self._at(max(0.0, at - self.clock), self._for(node, fire))

    def _run(self, node: SimulatedNode, call_id: int, action: GraphAction) -> None:
        if action.interval_ms > 0:
            node.recurring[call_id] = (action, None)
            self._at(self.random.uniform(0.01, 0.05), self._for(node, lambda: self._watch(node, call_id)))
            return
        begun = self.clock
        incarnation = node.incarnation

        def end() -> None:
            # An agent goes on when its daemon dies; only the power cut ends it, and that empties the machine.
            if node.incarnation != incarnation:
                return
            status, rc = node.machine.perform(action)
            self._tell(f"{node.name}: {action.operation} {action.resource.id if action.resource else ''} = {rc}")
            if action.operation == "start" and rc == 0 and action.resource:
                self.checkers.started(node.name, action.resource.id)
            self._handle(node, events.OperationEnded(call_id, status, rc, started_at=begun, run_ms=20))

        self._at(self.random.uniform(0.01, 0.2), self._for(node, end))

    def _watch(self, node: SimulatedNode, call_id: int) -> None:
        """A recurring operation: reports its first result and every change."""
        if call_id not in node.recurring:
            return
        action, last = node.recurring[call_id]
        result = node.machine.perform(action)
        node.recurring[call_id] = (action, result)
        if result != last:
            self._handle(node, events.OperationEnded(call_id, *result, started_at=self.clock, run_ms=5))
        self._at(action.interval_ms / 1000, self._for(node, lambda: self._watch(node, call_id)))

    def _cancel(self, node: SimulatedNode, command: commands.CancelOperation) -> None:
        for call_id, (action, _) in list(node.recurring.items()):
            meant = command.operation is None or (
                (action.operation, action.interval_ms) == (command.operation, command.interval_ms))
            if meant and action.resource and action.resource.id == command.resource:
                del node.recurring[call_id]

    def _answered(self, answer: commands.Answer) -> None:
        self.answers[answer.request_id] = answer
        if answer.version is not None and not answer.request_id.startswith("edit-"):
            self.acknowledged.add(answer.request_id)


def _policy_engine() -> Schedule:
    from crm import policy_engine

    schedule: Any = getattr(policy_engine, "schedule", None)
    assert schedule is not None, "this build has no policy engine; give World a schedule of your own"
    return schedule  # type: ignore[no-any-return]
