"""One fault from beginning to end: what ran before, what is done, what runs afterwards, and what does not and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from crm.cib.parsing import Element
from crm.cib.reading.cib_reader import read
from crm.failover_simulation.faults import Fault, FaultKind, faults_of, monitor_interval_ms, unmonitored
from crm.failover_simulation.simulated_cluster import SimulatedCluster, TransitionSequence, active
from crm.failover_simulation.timing import ExpectedDurations, Moment, Timed, timeline
from crm.model.transition import ActionKind
from crm.policy_engine.explain.explainer import explain_all
from crm.policy_engine.picture.cluster import Cluster, Role
from crm.policy_engine.picture.names import base_name


@dataclass(frozen=True, slots=True, order=True)
class ResourcePlacement:
    """A node where a resource is active, and whether promoted there."""

    node: str
    promoted: bool = False

    def __str__(self) -> str:
        return f"{self.node} (promoted)" if self.promoted else self.node


class FaultEffect(StrEnum):
    """What a fault does to a resource, worst last.

    FEWER     some instances are gone, others go on
    RESTARTS  stopped and started in the same place
    MOVES     started (or promoted) somewhere else
    UNPROMOTED  it runs, but is promoted nowhere any more
    LOST      it does not run any more
    """

    STAYS = "stays"
    FEWER = "fewer"
    RESTARTS = "restarts"
    MOVES = "moves"
    UNPROMOTED = "unpromoted"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class PlacementChange:
    """What a fault does to one resource (all instances of a clone together).

    interruption_ms   how long nobody serves, from the fault on: noticing it comes on top. None if that never ends
    measured          whether all of that was measured before, else it is what timeouts allow at most
    why               for what is lost: why it cannot recover
    """

    resource: str
    effect: FaultEffect
    before: tuple[ResourcePlacement, ...]
    after: tuple[ResourcePlacement, ...]
    interruption_ms: int | None = 0
    measured: bool = True
    why: tuple[str, ...] = ()

    @property
    def recovers(self) -> bool:
        """Whether it serves again in the end."""
        return self.effect not in (FaultEffect.LOST, FaultEffect.UNPROMOTED)


@dataclass(frozen=True, slots=True)
class FaultRun:
    """A fault and what came of it.

    steps     operations and fencings that were carried out
    settled   whether the cluster came to rest
    """

    fault: Fault
    changes: tuple[PlacementChange, ...]
    steps: int
    fenced: tuple[str, ...]
    settled: bool
    quorate: bool
    notes: tuple[str, ...] = ()

    @property
    def lost(self) -> tuple[PlacementChange, ...]:
        """What does not recover."""
        return tuple(change for change in self.changes if not change.recovers)

    def change(self, resource: str) -> PlacementChange | None:
        """What happens to one resource."""
        return next((change for change in self.changes if change.resource == resource), None)

    def places(self, resource: str) -> tuple[ResourcePlacement, ...]:
        """Where a resource is in the end."""
        change = self.change(resource)
        return change.after if change is not None else ()


class Simulator:
    """A CIB to rehearse with, at a moment (epoch seconds): brought to rest first, then struck again and again.

    A configuration that was never used counts as if all its nodes, and those given besides, had just come up.
    """

    def __init__(self, root: Element, now: int, nodes: Sequence[str] = ()) -> None:
        self._durations = ExpectedDurations(root)
        self._stage = SimulatedCluster(root, now)
        self._stage.add_nodes(nodes)
        self.notes: list[str] = []
        if self._stage.is_untouched():
            self.notes.append("Nothing is recorded of this cluster: taken as if all nodes had just come up.")
            self._stage.power_on()
        self.opening = self._stage.settle()
        self.cluster = self._stage.cluster()
        self.before = placements(self.cluster)
        self.promoted = _promoted_names(self.cluster)
        for name in unmonitored(self.cluster):
            self.notes.append(f"{name} has no recurring monitor: if it failed, nobody would notice.")
        if not self.opening.settled:
            self.notes.append("The cluster does not come to rest even before anything happens.")

    @property
    def resources(self) -> list[str]:
        """Names of all resources, whether they run or not, in order."""
        names = [base_name(each.id) for top in self.cluster.resources for each in top.primitives()]
        return list(dict.fromkeys(names))

    def faults(self, kinds: Iterable[FaultKind]) -> list[Fault]:
        """What can happen."""
        return faults_of(self.cluster, tuple(kinds))

    def rehearse(self, fault: Fault) -> FaultRun:
        """Let a fault happen and see what comes of it."""
        simulated = self._stage.copy()
        simulated.strike(fault)
        course = simulated.settle()
        cluster = simulated.cluster()
        after = placements(cluster)
        reasons = Reasons(simulated)
        timed = timeline(course.transitions, self._durations)
        changes = tuple(
            change_of(name, self.before.get(name, ()), after.get(name, ()), hit_by(fault, name), timed, reasons)
            for name in self.resources
            if self.before.get(name) or after.get(name)
        )
        return FaultRun(
            fault,
            changes,
            sum(1 for each in timed if each.action.kind is not ActionKind.PSEUDO),
            tuple(str(each.action.node) for each in timed if each.action.operation == "stonith"),
            course.settled,
            cluster.quorate,
            tuple(self._notes(fault, course)),
        )

    def _notes(self, fault: Fault, course: TransitionSequence) -> list[str]:
        notes = [] if course.settled else ["the cluster does not come to rest: it plans changes again and again"]
        if fault.resource is not None:
            resource = active(self.cluster, fault.resource)[0]
            interval_ms = monitor_interval_ms(resource)
            if interval_ms:
                notes.append(f"noticed by the next monitor, after {interval_ms / 1000:g} s at most")
        return notes


def placements(cluster: Cluster) -> dict[str, tuple[ResourcePlacement, ...]]:
    """Where each primitive is active; instances of a clone under the name without a number."""
    found: dict[str, set[ResourcePlacement]] = {}
    for top in cluster.resources:
        for each in top.primitives():
            nodes = [node for node in each.active_on if node.online and not node.unclean]
            places = {ResourcePlacement(node.name, each.role is Role.PROMOTED) for node in nodes}
            found.setdefault(base_name(each.id), set()).update(places)
    return {name: tuple(sorted(places)) for name, places in found.items()}


def _promoted_names(cluster: Cluster) -> frozenset[str]:
    return frozenset(name for name, places in placements(cluster).items() if any(each.promoted for each in places))


class Reasons:
    """Why things do not run on a stage that came to rest; asked for only when something does not."""

    def __init__(self, simulated: SimulatedCluster) -> None:
        self._stage = simulated
        self._told: Mapping[str, tuple[str, ...]] | None = None

    def why(self, name: str) -> tuple[str, ...]:
        if self._told is None:
            self._told = self._ask()
        return self._told.get(name, ())

    def _ask(self) -> dict[str, tuple[str, ...]]:
        told: dict[str, tuple[str, ...]] = {}
        for answer in explain_all(read(self._stage.root), self._stage.now):
            for instance in answer.instances:
                role = (instance.promotion.verdict,) if instance.promotion is not None and instance.on else ()
                told.setdefault(base_name(instance.id), role or instance.why)
        return told


def hit_by(fault: Fault, name: str) -> tuple[str, ...]:
    """The nodes where a fault ends a resource at once."""
    return fault.nodes if fault.kind is not FaultKind.STANDBY and fault.resource in (None, name) else ()


def change_of(
    name: str,
    before: Sequence[ResourcePlacement],
    after: Sequence[ResourcePlacement],
    hit: Sequence[str],
    timed: Sequence[Timed],
    reasons: Reasons,
) -> PlacementChange:
    """What happens to a resource that was in some places and is in others. `hit`: nodes where it ended at once."""
    own = [each for each in timed if _is_about(each, name)]
    effect = _effect(before, after, own)
    interruption, measured = _interruption(before, effect, own, hit)
    why = reasons.why(name) if effect in (FaultEffect.LOST, FaultEffect.UNPROMOTED) else ()
    return PlacementChange(name, effect, tuple(before), tuple(after), interruption, measured, why)


def _is_about(timed: Timed, name: str) -> bool:
    agent = timed.action.resource
    return agent is not None and name in (agent.id, base_name(agent.long_id or agent.id))


def _effect(before: Sequence[ResourcePlacement], after: Sequence[ResourcePlacement],
            own: Sequence[Timed]) -> FaultEffect:
    if before and not after:
        return FaultEffect.LOST
    if any(place.promoted for place in before) and not any(place.promoted for place in after):
        return FaultEffect.UNPROMOTED
    if set(after) - set(before):
        return FaultEffect.MOVES
    if any(
        each.action.operation in ("stop",
                                  "demote") and ResourcePlacement(str(each.action.node)) in _bare(after) for each in own
    ):
        return FaultEffect.RESTARTS
    return FaultEffect.FEWER if set(before) - set(after) else FaultEffect.STAYS


def _bare(places: Iterable[ResourcePlacement]) -> set[ResourcePlacement]:
    return {ResourcePlacement(place.node) for place in places}


def _interruption(
    before: Sequence[ResourcePlacement], effect: FaultEffect, own: Sequence[Timed], hit: Sequence[str]
) -> tuple[int | None, bool]:
    """How long nobody serves, and whether that was measured. What is promoted serves, else whatever is active."""
    if effect in (FaultEffect.LOST, FaultEffect.UNPROMOTED):
        return None, True
    serving = [place for place in before if place.promoted] or list(before)
    if not serving:
        return 0, True
    down_tasks = ("stop", "demote") if serving[0].promoted else ("stop",)
    live = {str(each.action.node) for each in own if each.action.operation == "migrate_to"}
    begins: list[Moment] = []
    for place in serving:
        stops = [each.begins for each in own if each.action.operation in down_tasks and each.action.node == place.node]
        if place.node in hit:
            begins.append(Moment(0, True))
        elif stops and place.node not in live:
            begins.append(min(stops, key=lambda moment: moment.ms))
        else:
            return 0, True
    up_tasks = ("promote",) if serving[0].promoted else ("start", "migrate_from")
    ends = [each.ends for each in own if each.action.operation in up_tasks]
    if not ends:
        return 0, True
    down, up = max(begins, key=lambda moment: moment.ms), min(ends, key=lambda moment: moment.ms)
    return max(up.ms - down.ms, 0), up.measured
