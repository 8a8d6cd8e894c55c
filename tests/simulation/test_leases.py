"""Whole clusters without fencing: nothing runs twice, because nodes stop what they run before others start it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.controller.leadership.leases import LostNodeLeases
from crm.keeper import lease_rules
from crm.keeper.lease_file import Lease, LeaseState
from crm.testing import Violation, World, scenario, simulated_keepers

LIMIT_S, STOP_S = 3.0, 1.0
LeaveAlone = Callable[[World, str, str], None]


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


def configure(one: World, via: str, section: str, xml: str) -> None:
    one.edit(via, Edit(EditVerb.MODIFY, xml, section))


def maintain_node(one: World, via: str, name: str, on: bool) -> None:
    number = list(one.nodes).index(name) + 1
    pair = f'<nvpair id="m-{number}" name="maintenance" value="{str(on).lower()}"/>'
    configure(one, via, "nodes", f'<node id="{number}"><instance_attributes id="nodes-{number}">{pair}'
              "</instance_attributes></node>")


def leave_alone_node(one: World, via: str, home: str) -> None:
    maintain_node(one, via, home, True)


def leave_alone_cluster(one: World, via: str, home: str) -> None:
    configure(one, via, "crm_config", '<cluster_property_set id="options"><nvpair id="mm" name="maintenance-mode" '
              'value="true"/></cluster_property_set>')


def leave_alone_resource(one: World, via: str, home: str) -> None:
    configure(one, via, "resources", '<primitive id="db"><meta_attributes id="db-m"><nvpair id="db-um" '
              'name="is-managed" value="false"/></meta_attributes></primitive>')


@pytest.mark.parametrize("how", ["cut", "killed", "leaves"])
@pytest.mark.parametrize("leave_alone", [leave_alone_node, leave_alone_cluster, leave_alone_resource])
def test_what_a_lost_node_was_not_managing_is_started_nowhere_else(
        leave_alone: LeaveAlone, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = world()
    home = home_of(one)
    other = next(name for name in one.nodes if name != home)
    leave_alone(one, other, home)
    one.run_for(2.0)
    monkeypatch.setattr(one, "start_if_down", lambda node: None)  # Its supervisor is dead, too.
    {"cut": one.cut_off, "killed": one.kill_daemon, "leaves": one.shut_down}[how](home)
    one.run_for(3.0)
    for undo in (lambda: maintain_node(one, other, home, False), lambda: one.edit(other, Edit(
            EditVerb.DELETE, xpath="//nvpair[@id='mm']")), lambda: one.edit(other, Edit(
                EditVerb.DELETE, xpath="//nvpair[@id='db-um']"))):
        undo()  # It is too late for the node to hear of that.
    one.run_for(15.0)
    assert one.where("db") == [home]
    reports = one.nodes[other].controller.snapshot().reports  # type: ignore[union-attr]
    (report,) = [each for each in reports if each.code == "left-running"]
    assert report.where == home and "db" in report.message
    one.heal()
    if not one.nodes[home].alive:
        one.start(home)
    one.settle()
    assert one.where("db") == [home]
    assert not [each for each in one.nodes[other].controller.snapshot().reports  # type: ignore[union-attr]
                if each.code == "left-running"]


def test_a_node_lost_before_it_heard_of_the_end_of_its_maintenance_is_still_thought_to_run_it() -> None:
    one = world()
    home = home_of(one)
    other = next(name for name in one.nodes if name != home)
    maintain_node(one, other, home, True)
    one.run_for(2.0)
    one.cut_off(home)
    maintain_node(one, other, home, False)
    one.run_for(15.0)
    assert one.where("db") == [home]


def test_a_person_may_say_that_the_node_is_off() -> None:
    one = world()
    home = home_of(one)
    other = next(name for name in one.nodes if name != home)
    maintain_node(one, other, home, True)
    one.run_for(2.0)
    one.crash(home)
    one.run_for(15.0)
    assert one.where("db") == []
    one.clean_up(other)
    one.run_for(5.0)
    assert one.where("db") == []
    one.fence(other, home, "confirm")
    one.run_for(5.0)
    assert one.where("db") not in ([], [home])
