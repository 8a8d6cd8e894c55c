"""A node that was lost under other terms than those of today is waited for by those that it held, or for a person."""

from __future__ import annotations

from crm.cib.changes import Edit, EditVerb
from crm.testing import World, scenario

LONG, SHORT = {"lease-timeout": "20s"}, {"lease-timeout": "2s", "lease-stop-timeout": "1s"}


def world(fencing: bool, options: dict[str, str], names: str = "abc") -> World:
    one = World(names, scenario.cib(len(names), fencing, options), 1, leases=True)
    one.checkers.expect = scenario.EXPECTED
    one.settle()
    one.run_for(30.0)  # Long enough for each node to hold a lease by these terms.
    return one


def home_of(one: World) -> str:
    (home,) = one.where("db")
    return home


def survivors(one: World, lost: str) -> list[str]:
    return [name for name in one.nodes if name != lost]


def set_options(one: World, via: str, options: dict[str, str]) -> None:
    pairs = "".join(f'<nvpair id="option-{name}" name="{name}" value="{value}"/>' for name, value in options.items())
    one.edit(via,
             Edit(EditVerb.MODIFY, f'<cluster_property_set id="options">{pairs}</cluster_property_set>', "crm_config"))


def restart_all(one: World, names: list[str]) -> None:
    for name in names:
        one.kill_daemon(name)
    one.run_for(0.2)
    for name in names:
        one.start(name)


def reports(one: World, name: str) -> str:
    controller = one.nodes[name].controller
    assert controller is not None
    return "\n".join(f"{report.message} {report.hint}" for report in controller.snapshot().reports)


def lost_though_fencing_fails(restarted: bool) -> tuple[World, str]:
    """A node whose daemon is dead, and that no device could fence; then fencing is turned off."""
    one = world(True, SHORT)
    home = home_of(one)
    one.power.broken |= {"power", "spare"}
    one.kill_daemon(home)
    one.run_for(5.0)
    if restarted:
        restart_all(one, survivors(one, home))
        one.run_for(10.0)
    set_options(one, survivors(one, home)[0], {"fencing-enabled": "false"})
    one.run_for(60.0)
    return one, home


def test_who_was_lost_while_fencing_was_on_is_not_assumed_stopped() -> None:
    one, home = lost_though_fencing_fails(restarted=False)
    assert one.where("db") == [home]
    assert f"crmctl confirm {home}" in reports(one, survivors(one, home)[0])


def test_nor_after_a_restart_of_all_others() -> None:
    one, home = lost_though_fencing_fails(restarted=True)
    assert one.where("db") == [home]
    assert f"crmctl confirm {home}" in reports(one, survivors(one, home)[0])


def test_nor_by_others_that_restart_after_fencing_was_turned_off() -> None:
    one, home = lost_though_fencing_fails(restarted=False)
    restart_all(one, survivors(one, home))
    one.run_for(60.0)
    assert one.where("db") == [home]


def test_it_is_started_elsewhere_once_a_person_says_that_the_node_is_off() -> None:
    one, home = lost_though_fencing_fails(restarted=False)
    one.crash(home)
    one.fence(survivors(one, home)[0], home, "confirm")
    one.run_for(10.0)
    assert one.where("db") not in ([], [home])


def test_and_is_taken_back_when_the_node_joins() -> None:
    one, home = lost_though_fencing_fails(restarted=False)
    one.start(home)
    one.run_for(10.0)
    assert one.where("db") == [home]
    assert "crmctl confirm" not in reports(one, home)


def test_who_froze_just_before_fencing_was_turned_off_holds_no_lease_either() -> None:
    one = world(True, SHORT)
    home = home_of(one)
    one.power.broken |= {"power", "spare"}
    one.freeze_daemon(home, 120.0)
    set_options(one, survivors(one, home)[0], {"fencing-enabled": "false"})
    one.run_for(60.0)
    assert one.where("db") == [home]


def test_who_holds_a_longer_lease_is_waited_for_as_long_after_a_change_and_a_restart() -> None:
    one = world(False, LONG)
    home = home_of(one)
    one.kill_daemon(home)
    one.run_for(2.0)
    set_options(one, survivors(one, home)[0], SHORT)
    one.run_for(1.0)
    restart_all(one, survivors(one, home))
    one.run_for(40.0)
    assert len(one.where("db")) == 1, "it runs once, and did so all the time: the world's checkers see to that"


def test_once_all_hold_leases_by_the_new_terms_these_count() -> None:
    one = world(True, SHORT)
    set_options(one, "a", {"fencing-enabled": "false"})
    one.run_for(20.0)
    home = home_of(one)
    one.crash(home)
    one.run_for(12.0)
    assert one.where("db") not in ([], [home])


def test_shorter_terms_count_once_all_have_held_them_for_a_while() -> None:
    one = world(False, LONG)
    set_options(one, "a", SHORT)
    one.run_for(60.0)
    home = home_of(one)
    one.crash(home)
    one.run_for(8.0)
    assert one.where("db") not in ([], [home])
