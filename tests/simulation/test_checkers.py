"""Proof that each checker of the simulation can fail: each promise is broken on purpose, and that is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from crm.controller.leadership.election import Election
from crm.controller.leadership.joining import Joining
from crm.controller.protocol.messages import ActionResult, Announce, CibPatch
from crm.controller.replication.replication import Replication
from crm.messaging.quorum import QuorumRule
from crm.model.cib import Cib
from crm.model.transition import Transition
from crm.policy_engine import schedule
from crm.testing import AllowedBreaks, Violation, World, scenario, timeline
from crm.testing.fuzz import live_through, world_of
from crm.testing.invariants import ThrottleChecker
from crm.transition import RunLimits

pytestmark = pytest.mark.timeout(1200)


def breaks(promise: str, seeds: Iterable[int] = range(40), mutate: object = None) -> bool:
    """Whether a hunt with the product as it is now finds that promise broken."""
    for seed in seeds:
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
        self._fenced(target, self._replication.incarnation_of(target))
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
    assert breaks("durable", range(105, 130))


def test_a_node_that_forgets_what_it_told_its_clients_is_caught() -> None:
    """Seen by a client that reads again where it has written."""
    world = World("abc", scenario.cib(3))
    world.settle()
    node, before = world.nodes["a"], world.document("a")
    world.change("a", "kept")
    world.run_for(2)
    assert "kept" in world.acknowledged and node.controller is not None
    world.checkers.reads()
    node.controller._core.document = before
    with pytest.raises(Violation) as caught:
        world.checkers.reads()
    assert caught.value.promise == "reads"


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
    assert breaks("same-cib", range(5))


def test_a_part_that_nobody_leads_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Election._stand
    monkeypatch.setattr(Election, "_stand", lambda self: stand(self) if self._core.view.quorate else None)
    assert breaks("led", range(20))


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
    assert breaks("idle", range(20))


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
