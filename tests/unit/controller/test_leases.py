"""The others' side of a lease: who is waited for when a node is lost, and for how long."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.cib.queries import recorded_nodes
from crm.controller import ControllerOptions, commands, events
from crm.controller.core import EMPTY_CIB
from crm.controller.leadership.lease_records import TIMER as TERMS_TIMER
from crm.controller.leadership.lease_terms import LeaseTerms
from crm.controller.leadership.leases import TIMER
from crm.controller.protocol.messages import Acknowledge
from crm.controller.replication.replication import FLUSH_TIMER
from tests.unit.controller.alone import Alone

MARGIN_MS = 2_000


def alone(names: str = "abc", margin_ms: int = MARGIN_MS, present: str = "", **given: str) -> Alone:
    values = {"fencing-enabled": "false", "lease-timeout": "4s", "lease-stop-timeout": "1s",
              **{name.replace("_", "-"): value for name, value in given.items()}}
    pairs = "".join(f'<nvpair id="{name}" name="{name}" value="{value}"/>' for name, value in values.items())
    cib = EMPTY_CIB.replace("<crm_config/>", '<crm_config><cluster_property_set id="o">' + pairs
                            + "</cluster_property_set></crm_config>")
    return Alone(names, cib=cib, options=ControllerOptions(lease_margin_ms=margin_ms), present=present)


def leader(keeping: str = "bc", **given: str) -> Alone:
    made = alone(**given)
    made.elect()
    for name in "bc":
        made.hello(name, lease_margin_ms=MARGIN_MS if name in keeping else 0)
        made.join(name)
    made.fire(FLUSH_TIMER)
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
    assert state_of(made, "3")["expected"] == "member"
    made.fire(TIMER, 0.2)
    assert waits(made) == {}
    assert state_of(made, "3")["expected"] == "down"


def state_of(made: Alone, node_id: str) -> dict[str, str]:
    return recorded_nodes(made.controller.document)[node_id]


def test_people_are_told_who_is_waited_for_and_why() -> None:
    made = leader()
    made.see("ab")
    made.hello("b", lease_margin_ms=MARGIN_MS)
    (report,) = [each for each in made.controller.snapshot().reports if each.code == "lease-wait"]
    assert report.where == "c" and "until Tue Nov 14 22:13:27 2023 UTC" in report.message
    armed = [each for each in made.wanted(commands.SetTimer) if each.name == TIMER]
    assert armed and armed[-1].at == pytest.approx(made.now + 7.0)
    made.fire(TIMER, 7.1)
    assert not [each for each in made.controller.snapshot().reports if each.code == "lease-wait"]


def test_who_is_back_is_not_waited_for_once_it_has_told_what_it_runs() -> None:
    made = leader()
    made.see("ab")
    made.see("abc")
    assert waits(made) == {"c": math.inf}
    made.join("c")
    made.fire(FLUSH_TIMER)
    assert waits(made) == {}


def test_a_daemon_that_was_started_anew_must_tell_it_too() -> None:
    made = leader()
    view = made.view("abc", number=made.number + 1)
    made.do(events.ViewInstalled(replace(view, members=(*view.members[:2], replace(view.members[2],
                                                                                   incarnation="c-2")))))
    assert waits(made) == {"c": math.inf}


def test_who_is_lost_again_is_waited_for_anew() -> None:
    made = leader()
    made.see("ab")
    made.see("abc")
    made.join("c")
    made.now += 5
    made.see("ab")
    assert waits(made) == {"c": pytest.approx(7.0)}


def test_a_node_that_keeps_no_lease_is_not_waited_for() -> None:
    made = leader(keeping="b")
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


def test_who_is_lost_to_a_part_without_quorum_may_have_been_with_others_until_it_has_quorum() -> None:
    made = leader()
    made.see("a")
    made.now += 20
    made.see("ab")
    made.elect(voters="b")
    made.hello("b", lease_margin_ms=MARGIN_MS)
    made.join("b")
    assert waits(made) == {"c": pytest.approx(7.0)}


def test_who_was_not_here_when_this_daemon_started_counts_as_lost_from_then() -> None:
    made = alone(present="ab")
    made.elect(voters="b")
    made.hello("b", lease_margin_ms=MARGIN_MS)
    made.join("b")
    assert waits(made) == {"c": pytest.approx(7.0)}


def test_a_node_that_a_person_says_to_be_off_is_not_waited_for() -> None:
    made = leader()
    made.see("ab")
    made.do(events.FencingRequested("1", "c", "confirm"))
    assert waits(made) == {}


def change(made: Alone, option: str, value: str) -> None:
    xml = f'<cluster_property_set id="o"><nvpair id="{option}" name="{option}" value="{value}"/></cluster_property_set>'
    made.do(events.ChangeRequested("1", Edit(EditVerb.MODIFY, xml, "crm_config")))


def test_terms_that_became_shorter_hold_for_who_was_lost_before() -> None:
    """It may not have heard of the change."""
    made = leader()
    made.see("ab")
    change(made, "lease-timeout", "1s")
    assert waits(made) == {"c": pytest.approx(7.0)}


def test_shorter_terms_count_once_a_node_has_had_them_for_as_long_as_it_held_the_longer_ones() -> None:
    made = leader()
    former = tuple(made.controller.document.version)
    change(made, "lease-timeout", "1s")
    made.hear("c", Acknowledge(made.controller.snapshot().term, former))
    held = made.controller._leases.held_ms
    version = tuple(made.controller.document.version)
    made.hear("b", Acknowledge(made.controller.snapshot().term, version))
    for _ in range(13):
        made.fire(TERMS_TIMER, 1.0)
    made.fire(FLUSH_TIMER)
    assert (held("b"), held("c")) == (4_000, 7_000), "c has not acknowledged the change"


def test_longer_terms_count_at_once() -> None:
    made = leader()
    change(made, "lease-timeout", "20s")
    made.see("ab")
    assert waits(made) == {"c": pytest.approx(23.0)}


def test_what_was_known_of_a_lease_is_known_after_all_have_started_anew() -> None:
    made = leader()
    change(made, "lease-timeout", "20s")
    made.fire(FLUSH_TIMER)
    hard_state = made.wanted(commands.Persist)[-1].hard_state
    again = Alone("abc", hard_state=hard_state, options=ControllerOptions(lease_margin_ms=MARGIN_MS), present="ab")
    assert again.controller._leases.held_ms("c") == 23_000


def test_a_single_node_keeps_no_lease() -> None:
    assert alone("a").controller.lease_terms() == LeaseTerms()


def test_terms_are_those_of_the_options() -> None:
    made = leader(no_quorum_policy="demote")
    assert made.controller.lease_terms() == LeaseTerms(4_000, 1_000, demotes=True, quorate=True)
