"""The hunt: seeds on which every promise must hold, those that once broke one, and proof that each checker can fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.cib.version import CibVersion
from crm.controller.cluster_state import ClusterConfig
from crm.controller.commands import RequestAnswered
from crm.controller.core import Core
from crm.controller.execution import throttle as throttling
from crm.controller.execution.planning import Planning
from crm.controller.execution.results import Results
from crm.controller.execution.transient_attributes import TransientAttributes
from crm.controller.fencing.coordinator import FencingCoordinator
from crm.controller.invariants import Invariants
from crm.controller.leadership.election import Election
from crm.controller.leadership.joining import Joining
from crm.controller.protocol.messages import ActionResult, Announce, CibPatch
from crm.controller.replication.replication import Replication
from crm.messaging.quorum import QuorumRule
from crm.model.cib import Cib
from crm.model.transition import Transition
from crm.policy_engine import schedule
from crm.testing import AllowedBreaks, Violation, World, scenario, timeline
from crm.testing.fuzz import FAULTS_PER_SEED, SCENARIOS, FuzzTally, live_through, run_seed, tell_seed, world_of
from crm.testing.invariants import InvariantCheckers, ThrottleChecker
from crm.transition import RunLimits

pytestmark = pytest.mark.timeout(1200)  # all the seeds are lived through by whichever test comes first
SEEDS = 200
FAULTS = 10

FOUND = {
    "plain": {
        89: "two nodes: the DC went on committing alone after it had lost the other, before that was fenced",
        115: "two nodes: a DC that nobody had confirmed wrote its CIB in its own term, which won after healing",
        32: "a node's clock was ahead: its failure expired by one clock, and was looked at by another",
        147: "the same, with a promotable resource",
        217: "a candidate that had voted for another counted the votes for its own candidacy in that other's term",
        238: "an order crossed the answer to a welcome, was taken as lost, and was carried out all the same",
        339: "the same, with a stop",
        83: "two nodes in one view, messages late: one that came back with an old CIB elected itself by its own vote",
        103: "a node was let go before it had been asked what its former daemon had left running",
        187: "two nodes: one that led alone, not confirmed, went on leading when one that knew more came back",
        247: "a failure that happened while nobody led was never counted, and had expired when somebody did",
        531: "two nodes: one had seen the other but not its CIB, won the fencing, and led with an old one",
        9: "a fail count that had expired was cleared at the next look in a quarter of an hour",
        181: "a caretaker of an older term was not followed, and stood again at once, for ever",
        380: "a fail count without an entry in the history was not looked at when it expired",
        408: "a failure that a part without quorum could do nothing about expired, and was forgotten",
        659: "(the simulation) writes of a daemon that had left stayed in the queue of the next",
        4015: "a node that left after the election and before it could join was not noticed to be lost",
        4016: "a welcome that was late made a node follow one that had given way, which never told it so",
        24100: "a leader that had been frozen found a member as it knew it, but that had stopped things meanwhile",
        5918: "a node joined the same leader twice, and told the same failure twice: it was counted twice",
        508: "a fail count and the failed operation expire at different moments; only the first was waited for",
    },
    "varied": {
        3399: "a migration was given up for its time, and had expired when it was told: nobody looked at its target",
        3341: "the same, noticed only in peace",
        10266: "freeze: a minority recovered what it had just sent to a node that it lost, where it had arrived",
        10568: "a leader that had been frozen heard that a stop was done, went on, and then read what else was stopped",
        1163: "freeze: a node that had booted alone recovered what its agent could not tell; others had started",
        21: "a node that had joined anew was fenced in the end by an attempt on its former start: not taken as fenced",
        580: "a leader's clock was behind its predecessor's, and failures lay ahead of it: they were kept so long",
        357: "a person confirmed that a node was off: its device was free, and nobody told those who waited for it",
        224: "the leader was the source of a migration, and lost before anybody had what it wrote of that",
        119: "a migration was given up half-way, and taken as arrived: one of long ago had arrived there",
        36: "source and leader were lost during a migration, and nobody knew that the target might have the resource",
    },
    "harsh": {
        42119: "freeze: a minority moved something to a node that had booted into it and that others took to be off",
        51008: "a daemon died during a migration and came back before it was missed: nobody asked where that was",
        71757: "a node was lost while it was sent something, and told when it came back that it did not run it",
        51192: "two voters with full disks forgot a term, elected a DC in a lower one, and what it committed was lost",
        40370: "(a traceback) what was written down before a plan was made had it made already",
        1208: "disks failed and were mended: the node that knew least stood again and again, and the others waited",
    },
    "links": {
        3: "a node that had been frozen reached only some when it woke: it kept its old view, quorate (four nodes)",
        19: "the same, at another place",
        51: "the same once more",
        29: "the same with five nodes",
        45: "the same, of a view of three of five",
        340: "what was in the socket on waking was heard before the sleep was added: a loss went unseen as long again",
        800045: "a node that had just come back proposed a view without another one whose daemon the rest waited for",
        1001129: "two nodes that were back linked with a third, and left out a fourth that was to link a moment later",
    },
    "changing": {
        1001043: "a leader that had been frozen used a plan of before, though a caretaker had stopped things meanwhile",
    },
    "reading": {
        900047: "db had failed, its failure expired while devices were stuck, and app started before db was looked at",
        900055: "(the simulation) a store was lost while its node's acknowledgement was on its way to the DC",
    },
}
"""Seeds that broke a promise once, by scenario, and what it was."""

Tallies = dict[tuple[str, int, int], FuzzTally]


@pytest.fixture(scope="module")
def tallies() -> Tallies:
    """What became of each scenario, seed and number of faults: on all cores."""
    wanted = [(name, seed, FAULTS_PER_SEED) for name, seeds in FOUND.items() for seed in seeds]
    wanted += [(name, seed, FAULTS) for name in SCENARIOS for seed in range(SEEDS // len(SCENARIOS))]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(wanted, pool.map(_run, wanted, chunksize=4), strict=True))


def _run(wanted: tuple[str, int, int]) -> FuzzTally:
    name, seed, count = wanted
    return run_seed(seed, count, name)


def test_promises_hold_under_faults(tallies: Tallies) -> None:
    lived = [tally for (_, _, count), tally in tallies.items() if count == FAULTS]
    stories = [found.story for tally in lived for found in tally.found]
    assert not stories, "\n\n".join(stories)
    assert sum(tally.faults.total() for tally in lived) > SEEDS * FAULTS * 0.9


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name, seeds in FOUND.items() for seed in seeds])
def test_what_was_found_once_is_found_no_more(name: str, seed: int, tallies: Tallies) -> None:
    tally = tallies[name, seed, FAULTS_PER_SEED]
    assert not tally.found, f"{FOUND[name][seed]}\n{tally.found[0].story}"


def test_the_same_seed_tells_the_same_story() -> None:
    for name in SCENARIOS:
        assert tell_seed(5, 15, name) == tell_seed(5, 15, name)


# Each promise broken on purpose


def breaks(promise: str, seeds: int = 40, mutate: object = None) -> bool:
    """Whether a hunt with the product as it is now finds that promise broken."""
    for seed in range(seeds):
        world = world_of(seed)
        if callable(mutate):
            mutate(world)
        try:
            live_through(world, 25)
        except Violation as violation:
            if violation.promise == promise:
                return True
        except Exception:  # a broken product may fall over as well; the hunt goes on
            continue
    return False


def test_believing_in_fencing_without_a_device_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def believe(self: FencingCoordinator, target: str, action: str, then: object, **_options: object) -> None:
        self.fenced(target, self._replication.incarnation_of(target))
        then(True, "")  # type: ignore[operator]

    monkeypatch.setattr(FencingCoordinator, "fence", believe)
    assert breaks("unique")


def test_a_lying_power_switch_is_caught() -> None:
    assert breaks("unique", mutate=lambda world: world.power.lying.update({"power", "spare"}))


def test_two_dcs_of_a_term_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClusterConfig, "next_term", lambda self, highest, name: highest + 1)
    monkeypatch.setattr(QuorumRule, "quorate", lambda *_arguments: True)
    monkeypatch.setattr(Election, "_majority", lambda self, votes: True)
    assert breaks("one-dc")


def test_a_commit_without_quorum_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Replication, "_is_committed", lambda self, version: True)
    assert breaks("commit")


def test_a_dc_that_lacks_what_was_acknowledged_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Election, "_refusal", lambda self, sender, request: "")
    monkeypatch.setattr(Election, "_rank", lambda self, hello: tuple(-part for part in hello.position.durable))
    assert breaks("durable", 100)


def test_a_node_that_forgets_what_it_told_its_clients_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same mistake, seen by a client that reads again where it has written."""
    monkeypatch.setattr(Election, "_refusal", lambda self, sender, request: "")
    monkeypatch.setattr(Election, "_rank", lambda self, hello: tuple(-part for part in hello.position.durable))
    monkeypatch.setattr(InvariantCheckers, "_has_all_acknowledged", lambda self, term, node: None)
    monkeypatch.setattr(Invariants, "check", lambda self: None)  # by which the controller itself would notice
    assert breaks("reads", 100)


def test_changes_out_of_order_are_caught() -> None:
    world = World("abc", scenario.cib(3))
    world.settle()
    for marker in ("first", "second"):
        world.change("a", marker)
        world.run_for(1)
    assert set(world.acknowledged) == {"first", "second"}
    world.asked_at["third"] = world.clock
    world.config = ClusterConfig(world.config.nodes, 0)
    with pytest.raises(Violation, match="order-of-changes"):
        world.checkers.acknowledged(world.nodes["a"], RequestAnswered("third", CibVersion(0, 1, 0), 1))


def without_inputs(operation: str, resource: str) -> Callable[[World], None]:
    """A policy engine that lets one operation wait for nothing."""

    def hasty(cib: Cib, now: int) -> Transition:
        planned = schedule(cib, now)
        synapses = tuple(
            replace(synapse, inputs=()) if synapse.action.operation == operation and synapse.action.resource
            and synapse.action.resource.id == resource else synapse
            for synapse in planned.synapses)
        return replace(planned, synapses=synapses)

    return lambda world: setattr(world, "_schedule", hasty)


def test_a_start_out_of_order_is_caught() -> None:
    assert breaks("order", mutate=without_inputs("start", "app"))


def test_a_stop_out_of_order_is_caught() -> None:
    assert breaks("order", mutate=without_inputs("stop", "db"))


def test_a_start_in_the_wrong_place_is_caught() -> None:
    assert breaks("colocation", mutate=without_inputs("start", "web"))


def test_a_start_before_the_stop_elsewhere_is_caught() -> None:
    assert breaks("unique", mutate=without_inputs("start", "lone"))


def test_too_many_promoted_are_caught() -> None:
    """The best place comes back, and is promoted without waiting for the demotion elsewhere."""
    world = World("abc", scenario.cib(3), seed=7)
    world.checkers.expect = scenario.EXPECTED
    world.settle()
    world.power.boots = False
    world.crash("c")
    world.settle()
    without_inputs("promote", "state")(world)
    world.start("c")
    with pytest.raises(Violation, match="promoted"):
        world.settle()


def test_cibs_that_differ_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    broadcast = Core.broadcast
    lost = iter([False] * 30 + [True] * 100_000)

    def forget(self: Core, message: object) -> None:
        if not (isinstance(message, CibPatch) and next(lost)):
            broadcast(self, message)  # type: ignore[arg-type]

    monkeypatch.setattr(Core, "broadcast", forget)
    assert breaks("same-cib", 5)


def test_a_part_that_nobody_leads_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Election._stand
    monkeypatch.setattr(Election, "_stand", lambda self: stand(self) if self._core.view.quorate else None)
    assert breaks("led", 20)


def test_a_cluster_that_never_settles_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Planning, "transition_over", lambda self: self.want("restless"))
    with pytest.raises(Violation, match="settles"):
        World("ab", scenario.cib(2)).settle(3.0)


def test_a_cluster_that_rests_with_work_left_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TransientAttributes, "member_joined", lambda *_arguments: None)
    want = Planning.want

    def lazy(self: Planning, reason: str, delay_s: float = 0.0) -> None:
        if not any(word in reason for word in ("failed on", "joined", "left", "view")):
            want(self, reason, delay_s)

    monkeypatch.setattr(Planning, "want", lazy)
    assert breaks("idle", 20)


GUESTS = "".join(
    scenario.primitive(name, meta=f'<meta_attributes id="{name}-m"><nvpair id="{name}-a" name="allow-migrate" '
                                  'value="true"/></meta_attributes>') for name in ("g1", "g2", "g3", "g4"))
LIMITS = {"batch-limit": ThrottleChecker(batch=1), "node-action-limit": ThrottleChecker(per_node=1),
          "migration-limit": ThrottleChecker(migrations=1)}


def live_with_guests(option: str) -> None:
    """Start everything, and have all of it move away from one node."""
    cib = scenario.cib(2).replace("</resources>", f"{GUESTS}</resources>").replace(
        "</cluster_property_set>", f'<nvpair id="o" name="{option}" value="1"/></cluster_property_set>')
    world = World("ab", cib)
    world.checkers.expect = AllowedBreaks(throttle=LIMITS[option])
    world.settle()
    standby = '<instance_attributes id="s"><nvpair id="sb" name="standby" value="on"/></instance_attributes>'
    world.edit("a", Edit(EditVerb.MODIFY, f'<node id="1">{standby}</node>', "nodes"))
    world.settle()
    assert world.where("g1") == ["b"]


@pytest.mark.parametrize("option", LIMITS)
def test_too_much_at_once_is_caught(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    live_with_guests(option)
    monkeypatch.setattr(throttling.JobThrottle, "limits", lambda self, *_arguments: RunLimits())
    with pytest.raises(Violation, match="throttle"):
        live_with_guests(option)


def test_two_of_one_in_peace_are_caught() -> None:
    world = World("ab", scenario.cib(2))
    world.checkers.expect = AllowedBreaks(unique_in_peace=("lone",))
    world.settle()
    for node in world.nodes.values():
        node.machine.active["lone"] = False
    with pytest.raises(Violation, match="unique-in-peace"):
        world.checkers.settled()


def test_failures_that_are_never_forgotten_are_caught() -> None:
    world = World("ab", scenario.cib(2).replace('value="20s"', 'value="0"'))
    world.checkers.expect = AllowedBreaks(forgotten=True)
    world.settle()
    world.break_resource("lone")
    world.run_for(90)
    world.settle()
    with pytest.raises(Violation, match="forgotten"):
        world.checkers.settled()


def test_a_failure_that_is_counted_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    count = Results._count_failure

    def twice(self: Results, node_id: str, node: str, result: ActionResult) -> None:
        count(self, node_id, node, result)
        self._replication.flush()
        count(self, node_id, node, result)

    monkeypatch.setattr(Results, "_count_failure", twice)
    assert breaks("fail-count")


def test_messages_in_circles_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    hello = Joining.hello

    def chatty(self: Joining, sender: str, message: Announce) -> None:
        hello(self, sender, message)
        for _ in range(2):
            self._core.send(sender, message)

    monkeypatch.setattr(Joining, "hello", chatty)
    monkeypatch.setattr(timeline, "_BUSY_LIMIT", 2000)
    with pytest.raises(Violation, match="busy"):
        World("abc", scenario.cib(3)).settle()
