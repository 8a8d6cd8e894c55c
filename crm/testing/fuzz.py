"""The hunt: many seeds, each a cluster that lives through faults and must then settle. Finds violations, tells stories.

    python -m crm.testing --seeds 1000
    python -m crm.testing --seed 17 --story
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from crm.controller import ControllerOptions
from crm.messaging.quorum import QuorumMode, QuorumRule
from crm.testing import fault_catalogue, link_faults, random_clusters, scenario, simulated_clients
from crm.testing.invariants import Violation
from crm.testing.simulated_links import LinkedMembership
from crm.testing.timeline import EPOCH
from crm.testing.world import World

FAULTS_PER_SEED = 50
SETTLE_LIMIT_S = 240.0
FORGET_S = 60.0
ELECTION_LIMIT_S = 30.0
_PAUSES_S = (0.001, 0.01, 0.05, 0.3, 1.0, 3.0, 15.0)


@dataclass(slots=True)
class FoundViolation:
    """What one seed came to: the broken promise and its story, both empty if all held."""

    seed: int
    promise: str = ""
    story: str = ""


@dataclass(slots=True)
class FuzzTally:
    """What a hunt has come to so far."""

    seeds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    simulated_s: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    found: list[FoundViolation] = field(default_factory=list)

    def add(self, other: FuzzTally) -> None:
        """Take in another one's."""
        self.seeds += other.seeds
        self.faults += other.faults
        self.simulated_s += other.simulated_s
        self.wall_s += other.wall_s
        self.cpu_s += other.cpu_s
        self.found += other.found


def world_of(seed: int, scenario_name: str = "plain") -> World:
    """The cluster of a seed in a scenario."""
    return SCENARIOS[scenario_name].make(seed)


def _plain_world(seed: int) -> World:
    """The cluster of a seed: 1 to 9 nodes, most often three or five; sometimes two that are quorate alone."""
    sizes = (3, 3, 3, 5, 5, 2, 4, 1, 7, 3, 5, 2, 9)
    size = sizes[seed % len(sizes)]
    world = World("abcdefghi"[:size], scenario.cib(size), seed, rule=_rule(seed, size))
    world.checkers.expect = scenario.EXPECTED
    world.about = f"{size} nodes; services: {', '.join(world.services)}"
    return world


def _linked_world(seed: int) -> World:
    """The plain cluster, three or five nodes most often, whose nodes find each other over links."""
    size = (3, 5, 3, 4, 3, 5, 2, 7)[seed % 8]
    world = World("abcdefghi"[:size], scenario.cib(size), seed, rule=_rule(seed, size), membership=LinkedMembership)
    world.checkers.expect = scenario.EXPECTED
    world.about = f"{size} nodes over links; services: {', '.join(world.services)}"
    return world


def _rule(seed: int, size: int) -> QuorumRule:
    return QuorumRule(QuorumMode.TWO_NODE if size == 2 and seed % 2 else QuorumMode.MAJORITY)


def _varied_world(seed: int) -> World:
    setup = random_clusters.setup_of(seed)
    options = ControllerOptions(setup.node_action_limit, setup.recheck_interval_s, startup_fencing_delay_s=5.0)
    world = World("abcdefghi"[:setup.nodes], setup.cib, seed, rule=setup.rule, options=options)
    world.checkers.expect = setup.expect
    world.services, world.moving, world.tickets = setup.services, setup.moving, setup.tickets
    world.about = f"{setup.about}; {setup.rule.mode.value}"
    return world


def _changing_world(seed: int) -> World:
    """A cluster that grows and shrinks: one node founds it, or three; there are machines for seven."""
    founders = ("a", "abc", "a", "abcde", "ab")[seed % 5]
    world = World("abcdefg", scenario.cib(7), seed, founders=founders)
    world.checkers.expect = scenario.EXPECTED
    world.about = f"{len(founders)} of 7 nodes found it; services: {', '.join(world.services)}"
    return world


def _leased_world(seed: int) -> World:
    """The plain cluster without fencing: its nodes keep leases."""
    size = (3, 3, 5, 4, 3, 2, 5, 3)[seed % 8]
    cib = scenario.cib(size, False, {"lease-timeout": "3s", "lease-stop-timeout": "1s"})
    world = World("abcdefghi"[:size], cib, seed, leases=True)
    world.checkers.expect = scenario.EXPECTED
    world.about = f"{size} nodes without fencing; services: {', '.join(world.services)}"
    return world


@dataclass(frozen=True, slots=True)
class FuzzScenario:
    """What hunts are run on: a cluster for each seed, and what may go wrong there."""

    make: Callable[[int], World]
    catalogue: fault_catalogue.Catalogue


SCENARIOS = {
    "plain": FuzzScenario(_plain_world, fault_catalogue.PLAIN),
    "varied": FuzzScenario(_varied_world, fault_catalogue.VARIED),
    "harsh": FuzzScenario(_varied_world, fault_catalogue.HARSH),
    "slow": FuzzScenario(_varied_world, fault_catalogue.SLOW),
    "reading": FuzzScenario(_varied_world, fault_catalogue.READING),
    "links": FuzzScenario(_linked_world, link_faults.LINKS),
    "leases": FuzzScenario(_leased_world, fault_catalogue.LEASES),
    "terms": FuzzScenario(_leased_world, fault_catalogue.TERMS),
    "changing": FuzzScenario(_changing_world, fault_catalogue.CHANGING),
}


def live_through(world: World, count: int = FAULTS_PER_SEED,
                 catalogue: fault_catalogue.Catalogue = fault_catalogue.PLAIN) -> None:
    """Faults, then peace; all promises must hold throughout, and in the end. Raises Violation."""
    world.run_for(world.random.choice([0.05, 1.0, 5.0]))
    for _ in range(count):
        fault_catalogue.inject(world, catalogue)
        world.run_for(world.random.choice(_PAUSES_S))
        world.checkers.counts()
        world.checkers.reads()
    fault_catalogue.mend_disks(world)
    world.run_for(12.0)
    end = world.clock + ELECTION_LIMIT_S
    while world.checkers.unled() and world.clock < end:
        world.run_for(0.5)
    world.checkers.led()
    fault_catalogue.mend(world)
    world.run_for(30.0)
    for node in world.nodes.values():
        if not node.alive and world.belongs(node.name):
            world.start(node.name)
    simulated_clients.undo(world)
    world.settle(SETTLE_LIMIT_S)
    # Failures are forgotten after a while, and then what they kept away may come back.
    world.run_for(FORGET_S)
    world.settle(SETTLE_LIMIT_S)
    world.checkers.settled()


def run_seed(seed: int, count: int = FAULTS_PER_SEED, scenario_name: str = "plain") -> FuzzTally:
    """Live through one seed."""
    began, cpu_began = time.perf_counter(), time.process_time()
    world = world_of(seed, scenario_name)
    tally = FuzzTally(seeds=1)
    try:
        live_through(world, count, SCENARIOS[scenario_name].catalogue)
    except Violation as violation:
        tally.found.append(FoundViolation(seed, violation.promise, str(violation)))
    except Exception as error:  # a controller that falls over is a find like any other
        tally.found.append(FoundViolation(seed, type(error).__name__, world.tell(repr(error))))
    tally.faults = world.faults
    tally.simulated_s = world.clock - EPOCH
    tally.wall_s = time.perf_counter() - began
    tally.cpu_s = time.process_time() - cpu_began
    return tally


def tell_seed(seed: int, count: int = FAULTS_PER_SEED, scenario_name: str = "plain") -> list[str]:
    """All that happened in a seed, a line each: seconds since the start, and what. What was done to it has a star."""
    world = world_of(seed, scenario_name)
    try:
        live_through(world, count, SCENARIOS[scenario_name].catalogue)
        world.note("peace: settled, nothing left to do, every promise kept")
    except Violation as violation:
        world.note(f"BROKEN [{violation.promise}] {violation.what}")
    return [f"seed {seed}, {scenario_name}: {world.about}", *world.story]


def shrink(seed: int, count: int = FAULTS_PER_SEED, scenario_name: str = "plain") -> int:
    """The fewest first faults of a failing seed with which it still fails in the same way; `count` if it does not."""
    wanted = [found.promise for found in run_seed(seed, count, scenario_name).found]
    if not wanted:
        return count
    return next((fewer for fewer in range(1, count)
                 if [found.promise for found in run_seed(seed, fewer, scenario_name).found] == wanted), count)
