"""The others' side of a lease: who is waited for when a node is lost, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm.cib.document import Document
from crm.controller import ControllerOptions, commands, events
from crm.controller.core import EMPTY_CIB
from crm.controller.leadership.leases import TIMER, LeaseTerms
from tests.unit.controller.alone import Alone

MARGIN_MS = 2_000


def alone(names: str = "abc", margin_ms: int = MARGIN_MS, present: str = "", **given: str) -> Alone:
    values = {"fencing-enabled": "false", "lease-timeout": "4s", "lease-stop-timeout": "1s",
              **{name.replace("_", "-"): value for name, value in given.items()}}
    pairs = "".join(f'<nvpair id="{name}" name="{name}" value="{value}"/>' for name, value in values.items())
    cib = EMPTY_CIB.replace("<crm_config/>", '<crm_config><cluster_property_set id="o">' + pairs
                            + "</cluster_property_set></crm_config>")
    return Alone(names, cib=cib, options=ControllerOptions(lease_margin_ms=margin_ms), present=present)


def leader(**given: str) -> Alone:
    made = alone(**given)
    made.elect()
    for name in "bc":
        made.hello(name, lease_margin_ms=MARGIN_MS)
    return made


def waits(made: Alone) -> dict[str, float]:
    return made.controller._leases.waits()


def test_a_lost_node_is_given_the_time_to_stop_what_it_runs() -> None:
    made = leader()
    assert waits(made) == {}
    made.see("ab")
    assert waits(made) == {"c": pytest.approx(7.0)}
    made.now += 6.9
    made.hello("b", lease_margin_ms=MARGIN_MS)
    assert waits(made) == {"c": pytest.approx(0.1)}
    made.now += 0.2
    made.hello("b", lease_margin_ms=MARGIN_MS)
    assert waits(made) == {}


def test_nothing_is_planned_meanwhile_and_people_are_told_why() -> None:
    made = leader()
    made.see("ab")
    assert made.controller._planning.blocked()
    made.hello("b", lease_margin_ms=MARGIN_MS)
    (report,) = [each for each in made.controller.snapshot().reports if each.code == "lease-wait"]
    assert report.where == "c" and "until Tue Nov 14 22:13:27 2023 UTC" in report.message
    armed = [each for each in made.wanted(commands.SetTimer) if each.name == TIMER]
    assert armed and armed[-1].at == pytest.approx(made.now + 7.0)
    made.fire(TIMER, 7.1)
    assert not made.controller._planning.blocked()


def test_who_is_back_is_not_waited_for_once_it_has_told_what_it_runs() -> None:
    made = leader()
    made.see("ab")
    made.see("abc")
    assert waits(made) == {"c": pytest.approx(7.0)}
    made.controller._leases.joined("c")
    assert waits(made) == {}


def test_a_daemon_that_was_started_anew_must_tell_it_too() -> None:
    made = leader()
    view = made.view("abc", number=made.number + 1)
    made.do(events.ViewInstalled(replace(view, members=(*view.members[:2], replace(view.members[2],
                                                                                 incarnation="c-2")))))
    assert waits(made) == {"c": pytest.approx(7.0)}


def test_who_is_lost_again_is_waited_for_anew() -> None:
    made = leader()
    made.see("ab")
    made.see("abc")
    made.controller._leases.joined("c")
    made.now += 5
    made.see("ab")
    assert waits(made) == {"c": pytest.approx(7.0)}


def test_a_node_that_keeps_no_lease_is_not_waited_for() -> None:
    made = leader()
    made.hello("c")
    made.see("ab")
    assert waits(made) == {}


@pytest.mark.parametrize("given", [{"fencing_enabled": "true"}, {"no_quorum_policy": "ignore"},
                                   {"no_quorum_policy": "freeze"}, {"lease_timeout": "0"}])
def test_nobody_waits_where_a_lost_node_does_not_stop_by_itself(given: dict[str, str]) -> None:
    made = leader(**given)
    made.see("ab")
    assert waits(made) == {}
    assert made.controller.lease_terms() == LeaseTerms(quorate=True)


def test_a_part_without_quorum_waits_for_nobody() -> None:
    made = leader()
    made.see("a")
    assert waits(made) == {}
    assert not made.controller.lease_terms().quorate


def test_who_was_not_here_when_this_daemon_started_counts_as_lost_from_then() -> None:
    made = alone(present="ab")
    assert waits(made) == {"c": pytest.approx(7.0)}


def test_a_node_that_a_person_says_to_be_off_is_not_waited_for() -> None:
    made = leader()
    made.see("ab")
    made.controller._leases.known_off("c")
    assert waits(made) == {}


def test_terms_that_became_shorter_hold_for_who_was_lost_before() -> None:
    """It may not have heard of the change."""
    made = leader()
    made.see("ab")
    text = made.controller.document.to_bytes().decode()
    made.controller._core.document = Document.parse(text.replace('value="4s"', 'value="1s"'))
    assert waits(made) == {"c": pytest.approx(7.0)}
    made.now += 7.1
    made.hello("b", lease_margin_ms=MARGIN_MS)
    made.see("abc")
    made.see("ab")
    assert waits(made) == {"c": pytest.approx(4.0)}


def test_a_single_node_keeps_no_lease() -> None:
    assert alone("a").controller.lease_terms() == LeaseTerms()


def test_terms_are_those_of_the_options() -> None:
    made = leader(no_quorum_policy="demote")
    assert made.controller.lease_terms() == LeaseTerms(4_000, 1_000, demotes=True, quorate=True)


def test_who_is_here_is_not_said_to_be_lost() -> None:
    made = alone(present="a")
    made.see("ac")
    assert [each.where for each in made.controller.snapshot().reports if each.code == "lease-wait"] == ["b"]
    made.see("abc")
    assert [each for each in made.controller.snapshot().reports if each.code == "lease-wait"] == []
