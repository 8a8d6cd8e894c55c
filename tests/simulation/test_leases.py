"""Whole clusters without fencing: nothing runs twice, because nodes stop what they run before others start it."""

from __future__ import annotations

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.controller.leadership.leases import LostNodeLeases
from crm.keeper import lease_rules
from crm.keeper.lease_file import Lease, LeaseState
from crm.testing import Violation, World, scenario, simulated_keepers

LIMIT_S, STOP_S = 3.0, 1.0


def world(names: str = "abc", seed: int = 1, leases: bool = True) -> World:
    given = {"lease-timeout": "3s", "lease-stop-timeout": "1s"}
    one = World(names, scenario.cib(len(names), False, given), seed, leases=leases)
    one.checkers.expect = scenario.EXPECTED
    one.settle()
    return one


def home_of(one: World) -> str:
    (home,) = one.where("db")
    return home


def moves_away(one: World, home: str) -> None:
    one.run_for(12.0)
    assert one.where("db") not in ([], [home]), one.tell("db does not run elsewhere")


def test_a_cut_off_node_stops_what_it_runs_before_it_is_started_elsewhere() -> None:
    one = world()
    home = home_of(one)
    one.cut_off(home)
    moves_away(one, home)


def test_a_cut_off_node_whose_stop_hangs_is_ended_by_force() -> None:
    one = world()
    home = home_of(one)
    one.nodes[home].machine.hanging.add(("db", "stop"))
    one.cut_off(home)
    moves_away(one, home)


def test_a_frozen_daemon_is_ended_and_what_it_ran_stopped() -> None:
    one = world()
    home = home_of(one)
    one.freeze_daemon(home, 60.0)
    one.run_for(LIMIT_S + 2 * STOP_S)
    assert "db" not in one.nodes[home].machine.active
    one.run_for(10.0)
    assert len(one.where("db")) == 1


def test_a_killed_daemon_that_does_not_come_back_leaves_nothing_behind() -> None:
    one = world()
    home = home_of(one)
    one.nodes[home].machine.hanging.add(("db", "stop"))
    one.kill_daemon(home)
    one.run_for(LIMIT_S + STOP_S + 0.5)
    assert not one.nodes[home].machine.active
    one.run_for(10.0)
    assert len(one.where("db")) == 1


def test_a_daemon_that_is_back_in_time_changes_nothing() -> None:
    one = world()
    home = home_of(one)
    for _ in range(3):
        one.kill_daemon(home)
        one.run_for(1.5)
        one.start(home)
        one.run_for(2.0)
    assert home_of(one) == home
    assert "stop db" not in "\n".join(one.story)


def test_a_freeze_that_ends_in_time_changes_nothing() -> None:
    one = world()
    home = home_of(one)
    one.freeze_daemon(home, LIMIT_S - 0.5)
    one.run_for(10.0)
    assert home_of(one) == home


def test_the_next_leader_waits_as_well() -> None:
    one = world()
    dc, home = one.dc(), home_of(one)
    one.cut_off(home)
    one.run_for(1.0)
    if dc not in (None, home):
        one.kill_daemon(str(dc))
        one.run_for(0.3)
        one.start(str(dc))
    moves_away(one, home)


def test_a_node_that_leaves_is_not_waited_for() -> None:
    one = world()
    home = home_of(one)
    one.shut_down(home)
    one.run_for(2.0)
    assert one.where("db") not in ([], [home])
    assert one.nodes[home].lease == Lease()


def put_in_standby(one: World, name: str) -> None:
    number = list(one.nodes).index(name) + 1
    one.edit(name, Edit(EditVerb.MODIFY, f'<node id="{number}"><instance_attributes id="nodes-{number}"><nvpair '
             f'id="standby-{number}" name="standby" value="on"/></instance_attributes></node>', "nodes"))


def test_what_the_lost_node_does_not_run_does_not_wait_for_its_lease() -> None:
    one = world("abcd")
    home = home_of(one)
    resting = next(name for name in one.nodes if name not in (home, one.dc()))
    one.crash(resting)
    one.run_for(0.5)
    put_in_standby(one, home)
    one.run_for(2.0)
    assert one.where("db") not in ([], [home]), "db moves while the lease of another node is waited for"


def test_what_was_being_started_on_the_lost_node_waits_for_its_lease() -> None:
    one = world()
    home = home_of(one)
    for name in one.nodes:
        one.nodes[name].machine.slow["db", "start"] = 1.0
    put_in_standby(one, home)
    one.run_for(0.8)
    (begun,) = {name for name in one.nodes if any(f"{name}: start db" in line for line in one.story)} or {""}
    one.kill_daemon(begun)
    one.run_for(15.0)
    assert len(one.where("db")) == 1


def test_without_leases_the_same_is_caught() -> None:
    one = world(leases=False)
    home = home_of(one)
    one.kill_daemon(home)
    with pytest.raises(Violation, match="unique"):
        one.run_for(12.0)


def test_a_leader_that_does_not_wait_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    one = world()
    monkeypatch.setattr(LostNodeLeases, "_left_s", lambda self, name: 0.0)
    one.kill_daemon(home_of(one))
    with pytest.raises(Violation, match="unique"):
        one.run_for(12.0)


def test_a_daemon_that_renews_without_quorum_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    one = world()
    home = home_of(one)

    def hold(lease: Lease, terms: lease_rules.HeldTerms, in_doubt: bool, now: int) -> Lease:
        return Lease(LeaseState.HELD, now, now, terms.limit_ms, terms.stop_ms)

    monkeypatch.setattr(simulated_keepers, "next_lease", hold)
    one.nodes[home].machine.hanging.add(("db", "stop"))
    one.cut_off(home)
    with pytest.raises(Violation, match="unique"):
        one.run_for(12.0)
