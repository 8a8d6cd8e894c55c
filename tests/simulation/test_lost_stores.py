"""Stores that were damaged or emptied: who knows that its CIB may be old waits for one that is whole, and says so."""

from __future__ import annotations

import pytest

from crm.controller import events
from crm.controller.cluster_state import StoreState
from crm.controller.hard_state import HardState
from crm.controller.leadership.election import FOUNDING_PATIENCE_S
from crm.messaging.quorum import QuorumMode, QuorumRule
from crm.testing import World, scenario
from tests.simulation.test_requests import CIB
from tests.simulation.tiny_planner import schedule

STORES = pytest.mark.parametrize("store", [StoreState.LOST, StoreState.NEW])


def _world(names: str = "abc", seed: int = 1, rule: QuorumRule | None = None) -> World:
    world = World(names, CIB, seed, schedule=schedule, rule=rule)
    world.settle()
    world.change("a", "kept")
    world.run_for(1.0)
    assert "kept" in world.acknowledged
    return world


def _reports(world: World, name: str) -> list[str]:
    controller = world.nodes[name].controller
    assert controller is not None
    return [f"{each.message}. {each.hint}" for each in controller.snapshot().reports if each.code == "store-lost"]


def _accept_loss(world: World, via: str) -> str:
    world.handle(world.nodes[via], events.LossAcceptanceRequested(f"accept-{via}", "anna"))
    world.run_for(1.0)
    return world.answers[f"accept-{via}"].code


@STORES
def test_two_lost_stores_of_three_wait_for_the_third(store: StoreState) -> None:
    world = _world()
    world.crash("c")
    for name in "ab":
        world.lose_store(name, store)
    for name in "ab":
        world.start(name)
    world.run_for(60.0 if store is StoreState.LOST else FOUNDING_PATIENCE_S - 2)
    assert world.dc() is None
    (said,) = _reports(world, "a")
    assert "no quorum until c comes" in said and "crmctl accept-loss" in said
    world.start("c")
    world.settle()
    for name in "abc":
        assert "kept" in world.markers(world.document(name))
        assert world.nodes[name].disk.hard_state.store is StoreState.WHOLE
        assert not _reports(world, name)


def test_one_lost_store_of_three_waits_for_both_others_and_is_whole_afterwards() -> None:
    world = _world()
    world.crash("b")
    world.crash("c")
    world.lose_store("a")
    world.start("a")
    world.start("b")
    world.run_for(30.0)
    assert world.dc() is None, "a change may have been acknowledged by the store that was lost, and by c"
    world.start("c")
    world.settle()
    assert "kept" in world.markers(world.document("a"))
    world.crash("c")
    world.settle()
    world.change("a", "later")
    world.run_for(2.0)
    assert "later" in world.acknowledged, "a counts again"


def test_what_is_left_counts_once_a_person_says_so() -> None:
    world = _world()
    world.crash("c")
    world.lose_store("a")
    world.start("a")
    world.crash("b")
    world.start("b")
    world.run_for(5.0)
    assert world.dc() is None
    assert _accept_loss(world, "a") == ""
    world.settle()
    assert world.dc() is not None
    for name in "ab":
        assert "kept" in world.markers(world.document(name)), "b, whose store is whole, was the newest that was here"
    assert _accept_loss(world, "a") == "nothing-lost"


def test_a_loss_is_accepted_for_all_that_are_here() -> None:
    world = _world("abcde")
    for name in "de":
        world.crash(name)
    for name in "abc":
        world.lose_store(name)
    for name in "abc":
        world.start(name)
    world.run_for(5.0)
    assert world.dc() is None
    world.acknowledged.clear()
    assert _accept_loss(world, "b") == ""
    world.settle()
    assert world.dc() is not None
    assert {world.nodes[name].disk.hard_state.store for name in "abc"} == {StoreState.WHOLE}


def test_all_stores_lost_is_a_new_beginning_when_all_are_here() -> None:
    world = _world()
    for name in "abc":
        world.lose_store(name)
    world.acknowledged.clear()
    for name in "abc":
        world.start(name)
    world.run_for(5.0)
    assert world.dc() is not None


def _found(world: World, names: str) -> None:
    for node in world.nodes.values():
        world.crash(node.name)
        node.disk.document, node.disk.hard_state = None, HardState(store=StoreState.NEW)
    for name in names:
        world.start(name)


def test_a_new_cluster_begins_at_once_when_all_are_here() -> None:
    world = World("abc", None, 1, schedule=schedule)
    _found(world, "abc")
    world.run_for(3.0)
    assert world.dc() is not None


def test_a_new_cluster_waits_a_while_for_nodes_that_may_know_more() -> None:
    world = World("abc", None, 1, schedule=schedule)
    _found(world, "ab")
    world.run_for(FOUNDING_PATIENCE_S - 3)
    assert world.dc() is None
    world.run_for(15.0)
    assert world.dc() is not None


def test_of_two_nodes_the_one_with_the_lost_store_waits_for_the_other() -> None:
    world = _world("ab", rule=QuorumRule(QuorumMode.TWO_NODE, wait_for_all=False))
    world.crash("b")
    world.lose_store("a")
    world.start("a")
    world.run_for(30.0)
    assert world.dc() is None
    world.start("b")
    world.settle()
    assert "kept" in world.markers(world.document("a"))


def test_a_caretakers_cib_does_not_make_a_store_whole() -> None:
    world = _world("abcde")
    for name in "cde":
        world.crash(name)
    world.lose_store("a")
    world.start("a")
    world.run_for(10.0)
    controller = world.nodes["a"].controller
    assert controller is not None and controller.snapshot().dc == "b" and controller.snapshot().caretaker
    assert "kept" in world.markers(world.document("a"))
    assert world.nodes["a"].disk.hard_state.store is StoreState.LOST


def test_what_has_lost_something_founds_nothing_however_long_it_waits() -> None:
    world = _world()
    world.crash("c")
    for name in "ab":
        world.lose_store(name)
    for name in "ab":
        world.start(name)
    world.run_for(FOUNDING_PATIENCE_S + 10)
    world.kill_daemon("b")
    world.start("b")
    world.run_for(FOUNDING_PATIENCE_S + 10)
    assert world.dc() is None
    seen = [node.controller.snapshot() for node in world.nodes.values() if node.controller is not None]
    assert {(each.dc, each.caretaker) for each in seen} == {(seen[0].dc, True)}, "both know that they know too little"


@pytest.mark.parametrize("seed", range(4))
def test_promises_hold_when_stores_are_lost_one_at_a_time(seed: int) -> None:
    world = World("abcde", scenario.cib(5), seed)
    world.checkers.expect = scenario.EXPECTED
    world.settle()
    for number in range(5):
        world.change(world.random.choice("abcde"), f"m{number}")
        world.run_for(world.random.choice([0.01, 0.5, 2.0]))
        victim = world.random.choice("abcde")
        world.lose_store(victim, world.random.choice((StoreState.LOST, StoreState.NEW)))
        world.run_for(world.random.choice([0.1, 3.0]))
        if not world.nodes[victim].alive:  # who fenced it may have booted it
            world.start(victim)
        world.settle()
    world.checkers.settled()
