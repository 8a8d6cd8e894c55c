"""The promises of a cluster, checked after every step of a simulation, whatever happens; else a `Violation`.

Each looks at what really happened (agents, disks, answers to clients), not at what a CIB says about it. What a checker
needs to know of the configuration (what is unique, what needs what) it is told in `AllowedBreaks`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.controller.commands import RequestAnswered
from crm.controller.protocol.keys import TransitionKey, failure_attributes
from crm.model.transition import ActionKind, GraphAction
from crm.testing.fail_count_checker import FailCountChecker

if TYPE_CHECKING:
    from crm.controller.cluster_state import View
    from crm.testing.simulated_node import SimulatedNode
    from crm.testing.world import World


class Violation(AssertionError):  # noqa: N818 - the word of the field
    """A promise was broken; `promise` is its short name, the text the end of the story."""

    def __init__(self, promise: str, story: str) -> None:
        super().__init__(f"[{promise}] {story}")
        self.promise = promise
        self.what = story.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class ThrottleChecker:
    """How much of one transition may be under way at once: in all and per node (0: no limit), migrations (-1: none)."""

    batch: int = 0
    per_node: int = 0
    migrations: int = -1


@dataclass(frozen=True, slots=True)
class AllowedBreaks:
    """What must hold for the resources of a simulated cluster; nothing is expected of those not named.

    unique            at most one instance is active anywhere, at any time
    unique_in_peace   the same, once the cluster has settled
    promoted          of these at most so many are promoted
    after             the first must be active somewhere when the second starts
    beside            the first starts only where the second is active
    throttle          the limits on what is under way
    forgotten         failures count no more once the cluster has settled for a while
    only_with_quorum  a part without quorum changes no configuration; where it may, only what is on all disks is safe
    """

    unique: tuple[str, ...] = ()
    promoted: tuple[tuple[str, int], ...] = ()
    after: tuple[tuple[str, str], ...] = ()
    beside: tuple[tuple[str, str], ...] = ()
    unique_in_peace: tuple[str, ...] = ()
    throttle: ThrottleChecker = ThrottleChecker()
    forgotten: bool = False
    only_with_quorum: bool = True


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """An operation that a node has been told to run. `transition`: whose, and its number there."""

    transition: tuple[str, int]
    node: str
    migrates: bool


class InvariantCheckers:
    """The promises, checked on a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.expect = AllowedBreaks()
        self.unwatched = False
        """Whether a client has had the cluster look away (maintenance), so that a death may stay unnoticed."""
        self._leaders: dict[int, str] = {}
        self._broken_at: dict[str, float] = {}
        self._state_unknown: set[str] = set()
        self.fail_counts = FailCountChecker(world)
        self._failures: Counter[tuple[str, str]] = Counter()
        self._under_way: dict[int, _UnderWay] = {}
        self._acknowledged_at: dict[str, tuple[float, tuple[int, int, int]]] = {}
        self._told: dict[tuple[str, int], set[str]] = {}
        """The changes that each start of a daemon has told its clients are made."""

    # What the world tells

    def broken(self, resource: str) -> None:
        """A service died on its own: what follows from that is nobody's fault, until it is noticed or started again."""
        self._broken_at[resource] = self._world.clock
        watched = any(resource in node.machine.active and node.watches(resource)
                      for node in self._world.nodes.values())
        if not watched:
            self._state_unknown.add(resource)

    def ordered(self, node: SimulatedNode, run: int, action: GraphAction, key: str) -> None:
        """A node has been told to run an operation, for the transition key given."""
        of = TransitionKey.parse(key)
        if of is not None:
            migrates = action.operation in ("migrate_to", "migrate_from")
            self._under_way[run] = _UnderWay((of.uuid, of.transition), node.name, migrates)
            self._throttled(self._under_way[run])

    def over(self, run: int) -> None:
        """That operation has ended."""
        self._under_way.pop(run, None)

    def out_of_sight(self, node: SimulatedNode) -> None:
        """A leader may have lost the node: what it has ordered there does not count as under way for it any more."""
        self._under_way = {run: each for run, each in self._under_way.items() if each.node != node.name}

    def begins(self, node: SimulatedNode, action: GraphAction, frozen: bool = False) -> None:
        """An agent begins to work. `frozen`: its machine was, and cannot know what went on."""
        assert action.resource is not None
        name = action.resource.id
        if action.operation in ("start", "migrate_from"):
            self._starts_alone(node, name)
            if not self._world.membership.out_of_touch(node):
                self._starts_after(node, name)
                self._starts_beside(node, name)
        if action.operation == "promote":
            self._promotes_alone(node, name)
        if action.operation == "stop" and not self._world.membership.out_of_touch(node):
            self._stops_last(node, name)

    def ended(self, node: SimulatedNode, action: GraphAction, ok: bool) -> None:
        """An agent has done its work, or has been ended."""
        if ok and action.operation == "start" and action.resource is not None:
            self._state_unknown.discard(action.resource.id)
        self._active_once()

    def failed(self, node: SimulatedNode, action: GraphAction) -> None:
        """An agent's answer is not what was wanted, and its daemon hears it."""
        assert action.resource is not None
        counted, _ = failure_attributes(action.resource.id, action.operation, action.interval_ms)
        self._failures[self._world.config.id_of(node.name), counted] += 1
        self.fail_counts.failed(node.name, counted)

    def state_unknown(self, resource: str) -> None:
        """An operation was ended when its time was up, and yet its work was done: what it left is not what was told."""
        self._state_unknown.add(resource)

    def acknowledged(self, node: SimulatedNode, answer: RequestAnswered) -> None:
        """A client of that node was told that its change is safe."""
        self._committed_by_quorum(answer)
        self._in_order(answer)
        self._told.setdefault((node.name, node.incarnation), set()).add(answer.request_id)
        self._reads_what_it_told(node)

    def reads(self) -> None:
        """Whoever has told a client that a change is made has it ever since, for that client to read."""
        for node in self._world.nodes.values():
            self._reads_what_it_told(node)

    def counts(self) -> None:
        """No failure is counted twice, and none is forgotten: not when a leader dies, nor when its node joins again."""
        leader = self._world.dc()
        states = self._world.document(leader).root.iterfind("status/node_state") if leader else ()
        for state in states:
            for pair in state.iterfind("transient_attributes/instance_attributes/nvpair"):
                name, count = str(pair.get("name")), str(pair.get("value"))
                happened = self._failures[str(state.get("id")), name]
                if name.startswith("fail-count-") and count.isdigit() and int(count) > happened:
                    self._break("fail-count", f"{name} of {state.get('uname')} is {count}, after {happened} failures")
        if self.expect.forgotten and not self._world.moving:
            for problem in self.fail_counts.broken():
                self._break("fail-count-kept", problem)

    def step(self) -> None:
        """Check all that must hold at any moment."""
        self._one_dc_per_term()
        if self._world.lists is not None:
            self._one_quorate_dc()

    def stale_view(self, node: SimulatedNode, view: View) -> None:
        """A node has called itself quorate for too long in a view that no quorum is in."""
        self._break("stale-view", f"{node.name} is quorate with {', '.join(view.names)}, of whom too few are there")

    # At any moment

    def _throttled(self, new: _UnderWay) -> None:
        """`batch-limit`, the node's own limit and `migration-limit` hold for what one transition has under way."""
        limits = self.expect.throttle
        together = [each for each in self._under_way.values() if each.transition == new.transition]
        here = [each for each in together if each.node == new.node]
        moving = [each for each in here if each.migrates]
        for limit, what, found in ((limits.batch, "batch-limit", together), (limits.per_node, "node limit", here),
                                   (limits.migrations, "migration-limit", moving)):
            if 0 < limit < len(found):
                self._break("throttle", f"{len(found)} operations are under way on {', '.join(e.node for e in found)}, "
                            f"the {what} is {limit}")

    def _starts_alone(self, node: SimulatedNode, resource: str) -> None:
        """Nothing starts while it may still be active elsewhere: on a living machine, heard of or not."""
        if resource not in self.expect.unique:
            return
        others = [other.name for other in self._world.nodes.values() if other is not node and not self._excused(other)
                  and (resource in other.machine.active or self._starting(other, resource))]
        if others:
            self._break("unique", f"{resource} starts on {node.name} while it is active on {', '.join(others)}")

    def _excused(self, node: SimulatedNode) -> bool:
        """Whether nobody can stop what runs there: without fencing, on a machine that stands still."""
        return self._world.keepers is not None and node.excused_until > self._world.clock

    def _starting(self, node: SimulatedNode, resource: str) -> bool:
        return any(action.operation == "start" and action.resource is not None and action.resource.id == resource
                   for action in node.under_way.values())

    def _active_once(self) -> None:
        for resource in self.expect.unique:
            where = [name for name in self._world.where(resource) if not self._excused(self._world.nodes[name])]
            if len(where) > 1:
                self._break("unique", f"{resource} is active on {', '.join(where)}")

    def _promotes_alone(self, node: SimulatedNode, resource: str) -> None:
        limit = dict(self.expect.promoted).get(resource)
        others = [other.name for other in self._world.nodes.values()
                  if other is not node and other.machine.active.get(resource) and not self._excused(other)]
        if limit is not None and len(others) >= limit:
            self._break("promoted", f"{resource} is promoted on {node.name} while {', '.join(others)} is")

    def _starts_after(self, node: SimulatedNode, resource: str) -> None:
        for first, then in self.expect.after:
            if then == resource and not self._world.where(first) and not self._broke_lately(first):
                self._break("order", f"{then} starts on {node.name} while {first} is not active")

    def _stops_last(self, node: SimulatedNode, resource: str) -> None:
        """What needs it was stopped before, as far as those see who are together with the node; what a node leaves
        alone (maintenance) stays as it is.
        """
        if self._world.where(resource) != [node.name] or node.view is None:
            return
        for first, then in self.expect.after:
            users = [name for name in self._world.where(then)
                     if name in node.view.names and then not in self._world.nodes[name].left_alone]
            if first == resource and users and not self._broke_lately(then):
                self._break("order", f"{first} stops on {node.name} while {then} is active on {', '.join(users)}")

    def _starts_beside(self, node: SimulatedNode, resource: str) -> None:
        for dependent, other in self.expect.beside:
            if dependent == resource and other not in node.machine.active and not self._broke_lately(other):
                self._break("colocation", f"{dependent} starts on {node.name}, where {other} is not active")

    def _broke_lately(self, resource: str) -> bool:
        """Whether it died on its own so lately that the cluster may not know. Who does not watch never does."""
        if resource in self._state_unknown:
            return True
        if self.unwatched:
            return resource in self._broken_at
        return self._world.clock - self._broken_at.get(resource, -1e9) < 30.0

    def _one_dc_per_term(self) -> None:
        for node in self._world.nodes.values():
            if node.controller is None:
                continue
            leads = node.controller.leads
            if leads is None:
                continue
            if leads not in self._leaders:
                self._leaders[leads] = node.name
                self._has_all_acknowledged(leads, node)
            if self._leaders[leads] != node.name:
                self._break("one-dc", f"term {leads} has two DCs: {self._leaders[leads]} and {node.name}")

    def _one_quorate_dc(self) -> None:
        """Of DCs that each lead a view which is not over there is one, whatever lists the nodes have."""
        world = self._world
        found = {node.view.number: node.name for node in world.nodes.values() if node.controller is not None
                 and node.controller.leads is not None and node.controller.snapshot().view.quorate
                 and node.view is not None and not world.membership.out_of_touch(node)
                 and node.paused_until <= world.clock}
        if len(found) > 1:
            self._break("two-dcs", f"{' and '.join(found.values())} lead at once, each with quorum")

    def _has_all_acknowledged(self, term: int, node: SimulatedNode) -> None:
        """At the moment of election, a DC has every change that was acknowledged in an earlier term.

        By terms and not by time: one that was frozen may win its election when there is a DC of a later one already.
        """
        world = self._world
        if world.config.both_halves_quorate:
            # The halves of two nodes may each have a DC until one is fenced; only in office must it have everything.
            return
        before = {marker for marker, (acknowledged_in, *_) in world.acknowledged.items() if acknowledged_in < term}
        missing = before - world.markers(world.document(node.name))
        if missing:
            self._break("durable", f"the DC of term {term}, {node.name}, lacks acknowledged changes {sorted(missing)}")

    def _committed_by_quorum(self, answer: RequestAnswered) -> None:
        """On enough disks, and as of the term that acknowledged it: by an older one another CIB could win over it.

        A disk that had it and lost its store since counts: its node's word may have been on its way to the DC, and a
        node without its store is not believed to know what is missing.
        """
        world, marker = self._world, answer.request_id
        having = [node.name for node in world.nodes.values()
                  if any(term >= answer.term and marker in world.markers(document)
                         for term, document in node.disk.has_had())]
        if not world.config.enough(having):
            self._break("commit", f"{marker} is acknowledged, but only on the disks of {having}")

    def _reads_what_it_told(self, node: SimulatedNode) -> None:
        told = self._told.get((node.name, node.incarnation), set())
        if node.controller is None or not told:
            return
        missing = told - self._world.markers(self._world.document(node.name))
        if missing:
            self._break("reads", f"{node.name} has told its clients of {sorted(missing)}, and has it no more")

    def has_read(self, node: SimulatedNode, answer: RequestAnswered, expected: frozenset[str]) -> None:
        """A consistent read comes after every change that was acknowledged, anywhere, before it was asked for."""
        world = self._world
        assert answer.version is not None
        index = (answer.term, *answer.version[:2])
        newer = sorted(marker for marker in expected if world.acknowledged[marker] > index)
        seen = node.controller.snapshot() if node.controller is not None else None
        if seen is not None and seen.dc is not None and (seen.term, seen.document.version) == (
                answer.term, answer.version):
            newer += sorted(expected - world.markers(seen.document))
        if newer:
            self._break("consistent-reads", f"a read by {node.name} was answered as of {index}, without {newer}")

    def _in_order(self, answer: RequestAnswered) -> None:
        """A change that was asked for after another had been acknowledged comes after it."""
        world = self._world
        assert answer.version is not None
        mine = (answer.term, *answer.version[:2])
        began = world.asked_at[answer.request_id]
        for marker, (at, other) in self._acknowledged_at.items():
            if at < began and other >= mine:
                self._break("order-of-changes", f"{answer.request_id} got {mine}, but {marker} had {other} before it")
        self._acknowledged_at[answer.request_id] = (world.clock, mine)

    # After the faults

    def unled(self) -> list[str]:
        """Nodes that are awake and follow nobody who leads."""
        world = self._world
        awake = {node.name: node.controller.snapshot() for node in world.nodes.values()
                 if node.controller is not None and node.paused_until <= world.clock}
        leading = {name for name, snapshot in awake.items() if snapshot.dc == name}
        return [name for name, snapshot in awake.items() if snapshot.dc not in leading]

    def led(self) -> None:
        """Every part of the cluster has a leader, with quorum or without: somebody must obey its `no-quorum-policy`."""
        if self.unled():
            self._break("led", f"{', '.join(self.unled())} follow nobody who leads")

    def settled(self) -> None:
        """One DC, one CIB, every acknowledged change in it, and nothing left to do."""
        world = self._world
        snapshots = [node.controller.snapshot() for node in world.nodes.values()
                     if node.controller and world.belongs(node.name)]
        if world.lists is not None and (left := world.lists.unfinished()):
            self._break("members", f"the list of nodes does not come to rest: {left}")
        leaders = {snapshot.dc for snapshot in snapshots}
        if len(leaders) != 1 or None in leaders:
            self._break("settles", f"no common DC after healing: {leaders}")
        if len({snapshot.document.digest() for snapshot in snapshots}) != 1:
            versions = {snapshot.node: str(snapshot.document.version) for snapshot in snapshots}
            self._break("same-cib", f"CIBs differ after healing: {versions}")
        for resource in self.expect.unique_in_peace:
            if len(world.where(resource)) > 1:
                self._break("unique-in-peace", f"{resource} is active on {', '.join(world.where(resource))} in the end")
        counted = [str(pair.get("name")) for pair in snapshots[0].document.root.iterfind("status//nvpair")
                   if str(pair.get("name")).startswith("fail-count-")]
        if counted and self.expect.forgotten:
            self._break("forgotten", f"failures of long ago still count: {counted}")
        missing = set(world.acknowledged) - world.markers(snapshots[0].document)
        if missing:
            self._break("durable", f"acknowledged changes are lost: {sorted(missing)}")
        leader = next(iter(leaders))
        assert leader is not None
        left = [synapse.action.key for synapse in world.plan(leader).synapses
                if synapse.action.kind is not ActionKind.PSEUDO]
        if left:
            self._break("idle", f"settled, and yet the next plan has {left}")

    def _break(self, promise: str, what: str) -> None:
        raise Violation(promise, self._world.tell(what))
