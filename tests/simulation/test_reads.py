"""Consistent reads: answered from what has all that was acknowledged before, or not at all."""

from __future__ import annotations

import pytest

from crm.messaging.quorum import QuorumMode, QuorumRule
from crm.testing import World, scenario
from tests.simulation.test_requests import CIB
from tests.simulation.tiny_planner import schedule


def _world(seed: int = 1, names: str = "abc", rule: QuorumRule | None = None) -> World:
    world = World(names, scenario.cib(len(names)), seed, rule=rule)
    world.settle()
    return world


def test_a_read_at_any_node_comes_after_what_was_acknowledged() -> None:
    world = _world()
    for number, via in enumerate("abcabc"):
        world.change(via, f"m{number}")
        world.run_for(1.0)
        assert f"m{number}" in world.acknowledged
        for reader in "abc":
            asked = world.read(reader)
            world.run_for(0.2)
            assert world.answers[asked].version is not None and not world.answers[asked].code


def test_a_dc_that_was_cut_off_answers_no_read() -> None:
    """Neither before it notices nor after: others may lead by then."""
    world = _world(3)
    former = str(world.dc())
    world.cut_off(former)
    at_once = world.read(former)
    world.run_for(5.0)
    later = world.read(former)
    dc = str(world.dc())
    assert dc != former
    world.change(dc, "new")
    world.run_for(6.0)
    assert "new" in world.acknowledged
    assert world.answers[at_once].code == "not-ready"
    assert world.answers[later].code == "no-quorum"
    world.heal()
    world.settle()
    again = world.read(former)
    world.run_for(1.0)
    assert world.answers[again].version is not None


def test_a_frozen_dc_that_wakes_does_not_answer_from_its_past() -> None:
    world = World("abc", CIB, 5, schedule=schedule)
    world.settle()
    former = str(world.dc())
    other = next(name for name in "abc" if name != former)
    world.pause(former, 20.0)
    world.run_for(15.0)
    world.change(other, "meanwhile")
    world.run_for(4.0)
    assert "meanwhile" in world.acknowledged
    asked = world.read(former)
    world.run_for(3.0)
    assert world.answers[asked].code == "not-ready"


def test_without_quorum_nobody_says_what_is_newest() -> None:
    world = _world(2)
    world.crash("b")
    world.crash("c")
    world.run_for(5.0)
    asked = world.read("a")
    world.run_for(6.0)
    assert world.answers[asked].code == "no-quorum"


@pytest.mark.parametrize("seed", range(3))
def test_of_two_nodes_one_answers_once_the_other_is_known_to_be_off(seed: int) -> None:
    world = _world(seed, "ab", QuorumRule(QuorumMode.TWO_NODE))
    both = world.read("a")
    world.run_for(0.5)
    assert world.answers[both].version is not None
    world.crash("b")
    world.settle()
    alone = world.read("a")
    world.run_for(2.0)
    assert world.answers[alone].version is not None


def test_what_a_leader_has_not_committed_is_not_read() -> None:
    """A change that only the DC has may be lost with it: a read that sees it waits, or is not answered."""
    world = _world(7)
    dc = str(world.dc())
    others = [name for name in "abc" if name != dc]
    for name in others:
        world.nodes[name].disk.failing = True
    world.change(dc, "open")
    world.run_for(0.5)
    assert "open" not in world.acknowledged
    asked = world.read(dc)
    world.run_for(5.0)
    assert asked not in world.answers, "nothing is told that might be lost"
    for name in others:
        world.nodes[name].disk.failing = False
    world.run_for(5.0)
    assert world.answers[asked].version is not None and "open" in world.acknowledged
