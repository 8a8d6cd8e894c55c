"""Elections come to an end, quickly when all is well and surely when disks and links are slow."""

from __future__ import annotations

import pytest

from crm.controller import Controller
from crm.controller.cluster_state import Leadership
from crm.controller.events import MessageReceived
from crm.controller.protocol.messages import JoinOffer
from crm.testing import World, scenario


def world(names: str = "abc", seed: int = 1) -> World:
    one = World(names, scenario.cib(len(names)), seed)
    one.checkers.expect = scenario.EXPECTED
    one.settle()
    return one


def seconds_to_a_dc(one: World, limit_s: float = 60.0) -> float:
    began = one.clock
    while one.dc() is None and one.clock < began + limit_s:
        one.run_for(0.01)
    return one.clock - began


def candidacies(one: World, mark: int) -> int:
    return sum("standing for DC" in line for line in one.story[mark:])


@pytest.mark.parametrize("names", ["abc", "abcde", "abcdefghi"])
def test_a_lost_dc_is_replaced_by_one_candidacy(names: str) -> None:
    one = world(names)
    former, mark = one.dc(), len(one.story)
    assert former is not None
    one.crash(former)
    one.run_for(one.membership.detection_s + 0.004)
    assert seconds_to_a_dc(one) < 0.06
    assert candidacies(one, mark) == 1


@pytest.mark.parametrize("seed", range(6))
def test_slow_disks_and_a_slow_network_only_delay_an_election(seed: int) -> None:
    one = world(seed=seed)
    one.network.longest_delay_s = 0.5
    for node in one.nodes.values():
        node.disk.slowness = 200.0
    former, mark = one.dc(), len(one.story)
    assert former is not None
    one.crash(former)
    one.run_for(one.membership.detection_s + 0.004)
    assert seconds_to_a_dc(one) < 8.0
    assert candidacies(one, mark) <= 2


@pytest.mark.parametrize("seed", range(6))
def test_a_node_that_comes_back_late_does_not_unseat_the_dc(seed: int) -> None:
    one = world(seed=seed)
    leader = one.dc()
    other = next(name for name in "abc" if name != leader)
    one.crash(other)
    one.settle()
    one.network.longest_delay_s = 0.5
    mark = len(one.story)
    if not one.nodes[other].alive:
        one.start(other)
    one.settle()
    assert one.dc() == leader
    assert candidacies(one, mark) == 0


def test_who_knows_less_than_a_majority_never_stands() -> None:
    """While the two that know more cannot write, and so cannot vote, the third has no chance: it uses up no terms."""
    one = world()
    one.power.boots = False
    one.crash("a")
    one.settle()
    one.change("b", "later")
    one.run_for(1)
    assert "later" in one.acknowledged
    for name in "bc":
        one.crash(name)
        one.nodes[name].disk.failing = True
        one.start(name)
    one.start("a")
    mark = len(one.story)
    one.run_for(60.0)
    for name in "bc":
        one.nodes[name].disk.failing = False
    assert seconds_to_a_dc(one) < 15.0
    assert not any("a: standing" in line for line in one.story[mark:])
    one.settle()
    assert "later" in one.markers(one.document("a"))


@pytest.mark.parametrize("failing", ["b", "bc", "abc"])
def test_full_disks_do_not_end_recovery(failing: str) -> None:
    """Whoever is left elects a DC, fences what is lost and recovers its services; changes wait for a disk."""
    one = world()
    one.power.boots = False
    for name in failing:
        one.nodes[name].disk.failing = True
    lost = one.dc()
    assert lost is not None
    one.crash(lost)
    one.run_for(15.0)
    assert one.dc() not in (None, lost)
    assert all(one.where(service) for service in ("db", "app", "lone"))
    via = next(name for name in "abc" if name != lost)
    one.change(via, "late")
    one.run_for(5.0)
    writable = [name for name in "abc" if name not in failing and name != lost]
    assert ("late" in one.acknowledged) == (len(writable) == 2)


def test_a_candidate_that_hangs_is_passed_over() -> None:
    """The best stands first; one whose disk takes for ever leaves it to the next in the end."""
    one = world()
    former = one.dc()
    assert former is not None
    others = sorted(set("abc") - {former})
    one.nodes[others[0]].disk.slowness = 1e6
    one.crash(former)
    one.power.boots = False
    one.run_for(1)
    one.start(former)
    one.run_for(1)
    assert seconds_to_a_dc(one, 30.0) < 20.0


def test_of_two_caretakers_everybody_follows_the_one_that_stays() -> None:
    """The offer of the one that gives way to the other may come last."""
    one = World("abcdefg", scenario.cib(7), 1)  # a seed with which a becomes the caretaker
    one.settle()
    one.partition("abc", "defg")
    one.run_for(10)
    a, b, c = (controller for name in "abc" if (controller := one.nodes[name].controller) is not None)
    assert {each.snapshot().dc for each in (a, b, c)} == {"a"}

    def welcome_from(leader: Controller) -> MessageReceived:
        at = leader.snapshot()
        cib = at.document.to_bytes().decode()
        return MessageReceived(at.node, JoinOffer(at.term, True, at.view.number, at.term, at.document.version, cib, 99))

    one.handle(one.nodes["c"], welcome_from(b))
    assert c.snapshot().dc == "a", "it knows a better one"
    c._core.leadership = Leadership(c.snapshot().term, "b", True, "b-1")
    one.handle(one.nodes["c"], welcome_from(a))
    assert c.snapshot().dc == "a"


def test_a_caretaker_with_an_older_cib_takes_nothing_away_from_disks() -> None:
    """What it sends replaces what its followers have: an acknowledged change was left on too few (plain 730070)."""
    world = World("abcde", scenario.cib(5), 3)
    world.power.boots = False
    world.settle()
    world.crash("c")  # c, which sorts before d, misses what is acknowledged now
    world.settle()
    world.change("d", "kept")
    world.run_for(2.0)
    assert "kept" in world.acknowledged
    for name in "abe":
        world.crash(name)
    world.run_for(3.0)
    world.start("c")
    world.run_for(10.0)
    controller = world.nodes["d"].controller
    assert controller is not None
    seen = controller.snapshot()
    late = JoinOffer(seen.term, True, seen.view.number, 5, (0, 1, 9), scenario.cib(5))
    world.handle(world.nodes["d"], MessageReceived("c", late, 10**9))
    world.run_for(2.0)
    for document in (world.document("d"), world.nodes["d"].disk.document):
        assert document is not None and "kept" in world.markers(document)
