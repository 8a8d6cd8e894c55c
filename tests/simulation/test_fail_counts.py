"""Fail counts live as long as the daemon of their node, whoever leads: a ban by failures is not forgotten by chance."""

from __future__ import annotations

import pytest

from crm.cib.queries import transient_attributes
from crm.controller.execution.transient_attributes import TransientAttributes
from crm.testing import AllowedBreaks, Violation, World, scenario

COUNT = "fail-count-lone#start_0"


def banned(seed: int, names: str = "abc") -> tuple[World, str]:
    """A cluster in which `lone` has failed to start on one node, which lives."""
    cib = scenario.cib(len(names), False).replace('value="20s"', 'value="0"')
    one = World(names, cib, seed)
    one.settle()
    (home,) = one.where("lone")
    one.break_resource("lone")
    one.nodes[home].machine.failing.add(("lone", "start"))
    one.run_for(15)
    assert one.where("lone") not in ([], [home])
    one.nodes[home].machine.failing.clear()
    return one, home


def count(one: World, of: str, name: str = COUNT) -> str | None:
    dc = one.dc()
    assert dc is not None
    return transient_attributes(one.document(dc), one.config.id_of(of)).get(name)


def restarted_as_leader(name: str = COUNT) -> tuple[World, str]:
    """The only other node was started anew with what its disk has, and leads."""
    for seed in range(40):
        one, home = banned(seed)
        second, third = (name for name in "abc" if name != home)
        assert count(one, home) == "INFINITY"
        one.crash(second)
        one.run_for(3)
        one.crash(third)
        one.run_for(1)
        one.start(third)
        one.settle()
        if one.dc() == third:
            return one, home
    raise AssertionError("it never leads")


def test_a_leader_that_was_just_started_hears_of_them() -> None:
    one, home = restarted_as_leader()
    assert count(one, home) == "INFINITY"
    assert "lone" not in one.nodes[home].machine.active


def test_a_node_that_was_cut_off_brings_them_back() -> None:
    one, home = banned(1)
    one.cut_off(home)
    one.run_for(3)
    assert count(one, home) is None
    one.heal()
    one.settle()
    assert count(one, home) == "INFINITY"


def test_what_was_cleaned_up_stays_so_for_the_next_leader() -> None:
    one, home = banned(1)
    one.clean_up(home)
    one.settle()
    assert count(one, home) is None
    for name in [name for name in "abc" if name != home]:
        one.kill_daemon(name)
        one.start(name)
        one.settle()
        assert count(one, home) is None, name


@pytest.mark.parametrize("names", ["abc", "abcde"])
def test_a_count_that_the_leader_has_is_not_made_less_by_what_a_node_remembers(names: str) -> None:
    one, home = banned(2, names)
    for _ in range(2):
        one.cut_off(home)
        one.run_for(3)
        one.heal()
        one.settle()
        assert count(one, home) == "INFINITY"


def test_a_count_that_is_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TransientAttributes, "member_joined", lambda self, joined: None)
    one, home = banned(1)
    one.checkers.expect = AllowedBreaks(forgotten=True)
    one.checkers.counts()
    one.run_for(3)
    one.checkers.counts()
    one.cut_off(home)
    one.run_for(3)
    one.heal()
    one.run_for(5)
    with pytest.raises(Violation, match=r"fail-count-kept.* is 0, and was (1|INFINITY)"):
        one.checkers.counts()
