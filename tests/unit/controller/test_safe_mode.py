"""Safe mode: nothing is begun, everything else goes on, and there is a way out."""

from __future__ import annotations

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.controller import ControllerOptions, commands, events
from crm.controller.cluster_state import CibPosition
from crm.controller.leadership import safe_mode
from crm.controller.leadership.safe_mode import SafeModeCause
from crm.controller.protocol.messages import Announce, EndSafeMode, Vote, VoteRequest
from tests.unit.controller.alone import Alone

SAFE = ControllerOptions(safe_mode=SafeModeCause("ValueError: evil (while handling Planned)", (0, 1)))
STUCK = ControllerOptions(safe_mode=SafeModeCause("ValueError: evil (while handling Planned)", (9, 9)))
"""The configuration that led here is newer than what will be made here."""
CHANGE = events.ChangeRequested("q", Edit(EditVerb.MODIFY, '<crm_config><cluster_property_set id="o">'
                                          '<nvpair id="x" name="batch-limit" value="3"/></cluster_property_set>'
                                          "</crm_config>"))


def safe_dc() -> Alone:
    alone = Alone("a", options=STUCK)
    assert alone.controller.snapshot().dc == "a"
    return alone


def test_a_dc_in_safe_mode_makes_no_plan_and_says_why() -> None:
    alone = safe_dc()
    assert not alone.wanted(commands.MakePlan)
    seen = alone.controller.snapshot()
    assert seen.state == "safe-mode" and "ValueError: evil" in seen.safe_mode
    report = next(each for each in seen.reports if each.code == "safe-mode")
    assert "ValueError: evil" in report.message and "crmctl history undo" in report.hint


def test_the_configuration_can_be_changed_in_safe_mode() -> None:
    alone = safe_dc()
    alone.do(CHANGE)
    (answer,) = alone.wanted(commands.RequestAnswered)
    assert answer.version is not None and not alone.wanted(commands.MakePlan)


def test_a_newer_configuration_ends_it() -> None:
    alone = Alone("a", options=SAFE)
    assert alone.controller.snapshot().document.version[:2] == SAFE.safe_mode.configuration  # type: ignore[union-attr]
    alone.fire("recheck")
    assert alone.controller.snapshot().safe_mode
    alone.do(CHANGE)
    assert not alone.controller.snapshot().safe_mode
    assert alone.wanted(commands.MakePlan)


def test_a_cleanup_ends_it_on_every_node() -> None:
    alone = safe_dc()
    alone.do(events.CleanupRequested("q"))
    assert not alone.controller.snapshot().safe_mode
    assert alone.wanted(commands.MakePlan)
    leader = Alone()
    leader.elect()
    leader.do(events.CleanupRequested("q"))
    assert leader.sent(EndSafeMode)


def test_it_ends_by_itself_after_a_quarter_of_an_hour() -> None:
    alone = safe_dc()
    timer = next(each for each in alone.wanted(commands.SetTimer) if each.name == safe_mode.TIMER)
    assert timer.at == pytest.approx(alone.now + 900)
    alone.fire(safe_mode.TIMER, 900)
    assert not alone.controller.snapshot().safe_mode
    assert alone.wanted(commands.MakePlan)


def test_a_member_leaves_safe_mode_when_its_leader_says_so_and_nobody_else() -> None:
    alone = Alone(options=STUCK)
    alone.follow("b", term=5)
    alone.hear("c", EndSafeMode(5))
    alone.hear("b", EndSafeMode(4))
    assert alone.controller.snapshot().safe_mode
    came = alone.hear("b", EndSafeMode(5))
    assert not alone.controller.snapshot().safe_mode
    assert not alone.sent(Announce, came)[0].safe_mode


def test_others_lead_rather_than_a_node_in_safe_mode() -> None:
    alone = Alone(options=STUCK)
    alone.hello("b")
    alone.hello("c")
    assert not alone.sent(VoteRequest)
    assert alone.sent(Announce)[-1].safe_mode


def test_a_node_in_safe_mode_leads_if_nobody_else_can() -> None:
    alone = Alone(options=STUCK)
    alone.hello("b", safe_mode=True)
    alone.hello("c", safe_mode=True)
    assert alone.sent(VoteRequest)


def test_a_dc_in_safe_mode_gives_way_to_one_that_is_not_unless_that_lacks_something() -> None:
    alone = Alone(options=STUCK)
    for name in "bc":
        alone.hello(name, safe_mode=True)
    term = alone.sent(VoteRequest)[-1].term
    for name in "bc":
        alone.hear(name, Vote(term, True, CibPosition(), "", term))
    assert alone.controller.leads == term
    alone.hello("b", CibPosition(0, 0, 0, 0), term)
    assert alone.controller.leads == term, "b lacks what this DC has"
    alone.hello("b", alone.position, term)
    assert alone.controller.leads is None


def test_members_in_safe_mode_are_told_of() -> None:
    alone = Alone()
    alone.hello("b", safe_mode=True)
    assert [each.where for each in alone.controller.snapshot().reports if each.code == "safe-mode"] == ["b"]


def test_what_cannot_be_planned_is_reported_with_its_change() -> None:
    alone = Alone("a")
    plan = alone.wanted(commands.MakePlan)[-1]
    alone.do(events.PlanReady(plan.plan_id, None, "ValueError: evil"))
    report = next(each for each in alone.controller.snapshot().reports if each.code == "planning-failed")
    assert "ValueError: evil" in report.message and str(plan.document.version) in report.message
    assert "crmctl history undo" in report.hint


def test_a_machine_on_which_no_plan_can_be_made_is_no_mistake_of_ours() -> None:
    alone = Alone("a")
    plan = alone.wanted(commands.MakePlan)[-1]
    alone.do(events.PlanReady(plan.plan_id, None, "its process was killed by signal 9", "make memory free"))
    report = next(each for each in alone.controller.snapshot().reports if each.code == "planning-failed")
    assert "killed by signal 9" in report.message and "mistake" not in report.message
    assert (report.where, report.hint) == ("a", "make memory free")
