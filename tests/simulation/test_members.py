"""The cluster's own list of nodes: it grows and shrinks one voter at a time, and no two lists make two clusters."""

from __future__ import annotations

import pytest

from crm.controller import events
from crm.controller.membership.node_list import NodeList
from crm.messaging.quorum import QuorumMode, QuorumRule
from crm.testing import fuzz, node_list_requests, scenario
from crm.testing.world import World


def world(founders: str, seed: int = 1, fencing: bool = True, rule: QuorumRule | None = None) -> World:
    made = World("abcdefg", scenario.cib(7, fencing), seed, founders=founders, rule=rule)
    made.checkers.expect = scenario.EXPECTED
    made.settle()
    return made


def asked(one: World, via: str, action: str, names: str) -> str:
    """What became of a wish: the code of the answer, empty if it was done."""
    request = node_list_requests.ask(one, via, action, names)
    one.run_for(1.0)
    return one.answers[request].code


def listed(one: World) -> NodeList:
    assert one.lists is not None
    return one.lists.newest


def grow(one: World, via: str, names: str) -> None:
    assert asked(one, via, "add", names) == ""
    for name in names:
        one.start(name)
    one.settle()


def test_a_cluster_grows_from_one_to_five_and_back_and_keeps_what_it_was_told() -> None:
    one = world("a")
    for number, (via, names) in enumerate((("a", "bc"), ("b", "de"))):
        one.change(via, f"before{number}")
        grow(one, via, names)
        one.change(names[0], f"after{number}")
        one.settle()
    assert set(listed(one).voters) == set("abcde")
    for name in "abcd":
        assert asked(one, "e", "remove", name) == ""
        one.run_for(15.0)
        one.settle()
        assert not one.nodes[name].alive and name not in listed(one).names
        one.change("e", f"without-{name}")
        one.settle()
    assert listed(one).voters == ("e",) and one.dc() == "e"
    assert set(one.acknowledged) >= {"before0", "after0", "before1", "after1", "without-a", "without-d"}
    one.checkers.settled()


def test_the_cluster_forgets_a_node_that_was_removed() -> None:
    one = world("abc")
    assert asked(one, "b", "remove", "c") == ""
    one.settle()
    root = one.document("a").root
    assert [node.get("uname") for node in root.iterfind("configuration/nodes/node")] == ["a", "b"]
    assert [state.get("uname") for state in root.iterfind("status/node_state")] == ["a", "b"]


def test_an_old_configuration_brings_no_removed_node_back() -> None:
    one = world("abc")
    old = one.document("a").to_bytes().decode()
    assert asked(one, "b", "remove", "c") == ""
    one.settle()
    version = one.document("a").version
    one.replace("a", old.replace('admin_epoch="0"', f'admin_epoch="{version.admin_epoch + 1}"', 1))
    one.settle()
    root = one.document("a").root
    assert one.document("a").version.admin_epoch == 1
    assert [node.get("uname") for node in root.iterfind("configuration/nodes/node")] == ["a", "b"]
    assert not any("c is fenced" in line for line in one.story)


def test_a_node_that_is_lost_goes_from_the_list_only_once_it_is_fenced() -> None:
    one = world("abc")
    one.power.boots = False
    one.power.broken |= {"power", "spare"}
    one.crash("c")
    one.run_for(3.0)
    assert asked(one, "a", "remove", "c") == ""
    one.run_for(20.0)
    assert "c" in listed(one).names, "what it runs is not accounted for"
    one.power.broken.clear()
    one.run_for(10.0)
    one.settle()
    assert "c" not in listed(one).names and any("c is fenced" in line for line in one.story)


def test_a_node_that_is_off_goes_from_the_list_once_a_person_confirms_it() -> None:
    one = world("abc")
    one.power.broken |= {"power", "spare"}
    one.crash("c")
    one.run_for(3.0)
    assert asked(one, "a", "remove", "c") == ""
    one.run_for(5.0)
    assert "c" in listed(one).names
    one.fence("a", "c", "confirm")
    one.run_for(5.0)
    assert "c" not in listed(one).names


def test_a_removed_node_that_comes_back_leads_nothing_and_is_told_why() -> None:
    one = world("abc")
    one.power.boots = False
    one.crash("c")
    one.settle()
    assert asked(one, "a", "remove", "c") == ""
    one.run_for(3.0)
    one.start("c")
    one.run_for(20.0)
    assert one.nodes["c"].controller is not None
    seen = one.nodes["c"].controller.snapshot()
    assert not seen.view.quorate and seen.view.names == ("c",)
    assert seen.nodes is not None and seen.nodes.node("c") is None, "it knows that it was removed"
    one.checkers.settled()


def test_nodes_with_an_older_list_found_no_cluster_of_their_own() -> None:
    """Two of three were off or cut off while the list became another: by theirs they are a majority still."""
    one = world("abc")
    grow(one, "a", "de")
    one.power.broken |= {"power", "spare"}
    one.partition("ab")  # The others are three of five.
    one.run_for(10.0)
    assert one.dc() in ("c", "d", "e") and not any(
        snapshot.view.quorate for snapshot in (one.nodes[name].controller.snapshot() for name in "ab"))  # type: ignore[union-attr]


def test_an_invited_node_founds_nothing() -> None:
    one = world("a")
    assert asked(one, "a", "add", "bc") == ""
    one.crash("a")
    for name in "bc":
        one.start(name)
    one.run_for(30.0)
    assert one.dc() is None
    one.start("a")
    one.settle()
    assert set(listed(one).voters) == set("abc")


def test_a_change_of_the_list_waits_for_a_majority_of_the_old_one() -> None:
    """Of two nodes one is gone: with the new one they would be two of three, yet the old list needs both."""
    one = world("ab")
    assert asked(one, "a", "add", "c") == ""
    leader = str(one.dc())
    other = "b" if leader == "a" else "a"
    one.nodes[other].disk.failing = True
    one.start("c")
    one.run_for(10.0)
    assert listed(one).node("c") is not None and not listed(one).node("c").voter  # type: ignore[union-attr]
    one.nodes[other].disk.failing = False
    one.settle()
    assert set(listed(one).voters) == set("abc")


def test_the_next_change_waits_until_the_last_one_is_committed() -> None:
    one = world("ab")
    one.nodes["b"].disk.failing = one.nodes["a"].disk.failing = True
    first = node_list_requests.ask(one, "a", "add", "c")
    one.run_for(0.5)
    second = node_list_requests.ask(one, "a", "add", "d")
    one.run_for(0.5)
    assert first not in one.answers and one.answers[second].code == "not-ready"
    one.nodes["b"].disk.failing = one.nodes["a"].disk.failing = False
    one.run_for(5.0)
    assert one.answers[first].code == "" and "d" not in listed(one).names


@pytest.mark.parametrize(("action", "names", "code"), [
    ("remove", "abc", "last-node"), ("remove", "g", "no-such-node"), ("keep", "g", "no-such-node")])
def test_what_makes_no_sense_is_refused(action: str, names: str, code: str) -> None:
    assert asked(world("abc"), "b", action, names) == code


def test_without_quorum_the_list_stays() -> None:
    one = world("abc")
    one.cut_off("a")
    one.run_for(5.0)
    request = node_list_requests.ask(one, "a", "add", "d")
    one.run_for(30.0)
    assert one.answers[request].code == "no-quorum"


def test_a_list_that_is_the_engines_is_not_ours_to_change() -> None:
    one = World("abc", scenario.cib(3), 1)
    one.settle()
    one.handle(one.nodes["a"], events.MembersRequested("m", "remove", ()))
    assert one.answers["m"].code == "not-crmds-list"


def test_two_nodes_of_which_one_is_enough_become_three_and_two_again() -> None:
    one = world("ab", rule=QuorumRule(QuorumMode.TWO_NODE))
    grow(one, "a", "c")
    assert listed(one).config().disks_needed == 2
    assert asked(one, "b", "remove", "a") == ""
    one.settle()
    config = listed(one).config()
    assert set(config.voters) == {"b", "c"} and config.both_halves_quorate
    one.checkers.settled()


@pytest.mark.parametrize("seed", (8, 9, 10, 23, 24, 45, 53, 94, 97, 105, 205, 211, 217, 398))
def test_seeds_of_finds_stay_fine(seed: int) -> None:
    assert fuzz.run_seed(seed, scenario_name="changing").found == []
