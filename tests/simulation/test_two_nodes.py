"""Two nodes that are each quorate alone: what was committed must outlive whoever comes back first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm.messaging.quorum import QuorumMode, QuorumRule
from crm.testing import World, scenario


def pair(seed: int = 1) -> World:
    one = World("ab", scenario.cib(2), seed, rule=QuorumRule(QuorumMode.TWO_NODE))
    one.checkers.expect = scenario.EXPECTED
    one.power.boots = False
    one.settle()
    return one


def lead_alone(one: World, name: str) -> None:
    """The other leaves gracefully, and a change is made without it."""
    (other,) = {"a", "b"} - {name}
    one.shut_down(other)
    one.settle()
    one.change(name, "alone")
    one.run_for(1)
    assert "alone" in one.acknowledged


@pytest.mark.parametrize("seed", range(5))
def test_nobody_is_elected_without_the_other_s_vote_while_both_are_here(seed: int) -> None:
    """With late messages a node that comes back hears nothing for a while: that must not make it a DC."""
    one = pair(seed)
    lead_alone(one, "a")
    one.network.longest_delay_s = 0.5
    one.start("b")
    one.settle()
    assert not any("b is DC" in line for line in one.story)
    one.checkers.settled()


def test_who_has_only_seen_the_other_does_not_lead_alone() -> None:
    one = pair()
    lead_alone(one, "a")
    one.start("b")
    one.run_for(0.0501)
    one.kill_daemon("a")
    one.run_for(20)
    controller = one.nodes["b"].controller
    assert controller is not None and controller.leads is None
    assert one.where("db") == ["a"], "it goes on there, and b leaves it alone"
    one.start("a")
    one.settle()
    one.checkers.settled()


def alone(founders: str = "ab", waits: bool = True) -> World:
    """One of two machines has died, and the daemon of the other one is started anew."""
    one = World("ab", scenario.cib(2), 1, rule=QuorumRule(QuorumMode.TWO_NODE), founders=founders)
    one.checkers.expect = scenario.EXPECTED
    one.power.boots = False
    one.settle()
    for name in "ab":
        one.crash(name)
    disk = one.nodes["b"].disk
    assert disk.hard_state.nodes is not None
    disk.hard_state = replace(disk.hard_state, nodes=replace(disk.hard_state.nodes, wait_for_all=waits))
    one.start("b")
    one.run_for(20)
    return one


def said(one: World) -> list[str]:
    controller = one.nodes["b"].controller
    assert controller is not None
    return [f"{each.message}. {each.hint}" for each in controller.snapshot().reports if each.code == "started-alone"]


def test_who_starts_alone_waits_and_says_for_whom() -> None:
    one = alone()
    controller = one.nodes["b"].controller
    assert controller is not None and controller.leads is None and one.where("db") == []
    (report,) = said(one)
    assert "without a" in report and "crmctl confirm a" in report
    assert report.index("Boot a") < report.index("confirm") < report.index("data of its services, is lost")


def test_who_is_said_to_be_off_is_not_waited_for() -> None:
    one = alone()
    one.fence("b", "a", "confirm")
    one.settle()
    assert one.where("db") == ["b"] and not said(one)
    one.change("b", "without-a")
    one.run_for(1)
    assert "without-a" in one.acknowledged
    one.start("a")
    one.settle()
    assert "without-a" in one.markers(one.document("a"))
    one.checkers.settled()


def test_a_word_for_another_node_changes_nothing() -> None:
    one = alone()
    one.fence("b", "b", "confirm")
    one.run_for(20)
    assert one.where("db") == [] and said(one)


def test_who_need_not_wait_does_not() -> None:
    one = alone(waits=False)
    assert one.where("db") == ["b"] and not said(one)


def test_a_dc_that_nobody_has_confirmed_gives_way_to_who_knows_more() -> None:
    one = pair()
    one.power.broken = {"power", "spare"}
    one.partition("a", "b")
    one.run_for(3)
    assert {one.nodes[name].controller.leads is not None for name in "ab"} == {True}  # type: ignore[union-attr]
    one.heal()
    one.run_for(1)
    leaders = [name for name in "ab" if one.nodes[name].controller.leads]  # type: ignore[union-attr]
    assert len(leaders) == 1
    one.power.broken.clear()
    one.settle()
    one.checkers.settled()


def test_without_fencing_a_lost_node_is_replaced_and_a_split_ends_in_one_cib() -> None:
    """Nobody can prove anything then: both halves go on. When they meet again one CIB wins, and nothing runs twice."""
    one = World("ab", scenario.cib(2, fencing=False), 1, rule=QuorumRule(QuorumMode.TWO_NODE))
    one.settle()
    one.crash("a")
    one.settle()
    assert one.where("db") == ["b"] == one.where("lone")
    one.start("a")
    one.settle()
    one.partition("a", "b")
    one.settle()
    assert one.where("db") == ["a", "b"]
    one.heal()
    one.settle()
    assert len(one.where("db")) == 1 == len(one.where("lone"))
    one.checkers.settled()
