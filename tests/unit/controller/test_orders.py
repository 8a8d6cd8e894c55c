"""Orders and their time limits, what is held back, what a client's change needs, and when a disk's word counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.controller import Controller, ControllerOptions, commands, events
from crm.controller.cluster_state import ClusterConfig
from crm.controller.core import EMPTY_CIB, Core, NodeIdentity
from crm.controller.execution.backoff import Backoff
from crm.controller.execution.transition_runner import AGE_TIMER
from crm.controller.hard_state import HardState
from crm.controller.protocol.messages import Execute, JoinConfirm
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition
from tests.unit.controller.alone import START, Alone

AGENT = AgentReference("r", "ocf", "Dummy", "crmd")


def action(operation: str = "start", interval_ms: int = 0, number: int = 1) -> GraphAction:
    return GraphAction(number, ActionKind.RESOURCE, operation, f"r_{operation}_{interval_ms}", "a", "1", resource=AGENT,
                       attributes={"CRM_meta_timeout": "20000", "CRM_meta_interval": str(interval_ms)})


def planned(alone: Alone, transition: Transition | None, problem: str = "") -> list[commands.Command]:
    """The answer to the plan that is awaited."""
    return alone.do(events.PlanReady(alone.wanted(commands.MakePlan)[-1].plan_id, transition, problem))


def leading() -> Alone:
    """A DC that waits for a plan which it will use."""
    alone = Alone("a")
    while not alone.controller.awaits_plan(alone.wanted(commands.MakePlan)[-1].plan_id):
        planned(alone, None)
    return alone


def started(came: list[commands.Command]) -> list[str]:
    return [each.action.operation for each in came if isinstance(each, commands.RunOperation)]


def test_a_monitor_does_not_watch_while_a_resource_is_being_changed() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    monitor = action("monitor", 10_000)
    assert monitor.interval_ms == 10_000
    alone.hear("b", Execute(5, False, "1:0:0:u", monitor))
    came = alone.hear("b", Execute(5, False, "2:0:0:u", action("stop", number=2)))
    assert [type(each) for each in came if isinstance(each, commands.CancelOperation | commands.RunOperation)] == [
        commands.CancelOperation, commands.RunOperation]


def test_an_order_has_a_time_limit() -> None:
    alone = leading()
    came = planned(alone, Transition(0, (Synapse(1, action()),)))
    limits = [each.at - alone.now for each in alone.wanted(commands.SetTimer, came) if each.name.startswith("action:")]
    assert len(limits) == 1 and 20 <= limits[0] < 200


def test_nothing_is_begun_that_does_not_fit_to_what_is_still_under_way() -> None:
    alone = leading()
    assert started(planned(alone, Transition(0, (Synapse(1, action()),)))) == ["start"]
    alone.fire(AGE_TIMER, 2)
    alone.do(events.ReplanRequested())
    other = AgentReference("other", "ocf", "Dummy", "crmd")
    came = planned(alone, Transition(0, (Synapse(1, replace(action(), key="other_start_0", resource=other)),)))
    assert started(came) == []
    assert "waiting for r_start_0" in "".join(each.message for each in alone.wanted(commands.Log, came))


def test_a_stop_does_not_wait_for_a_monitor_that_has_no_turn() -> None:
    alone = leading()
    assert started(planned(alone, Transition(0, (Synapse(1, action("monitor", 10_000)),)))) == ["monitor"]
    alone.fire(AGE_TIMER, 2)
    alone.do(events.ReplanRequested())
    assert started(planned(alone, Transition(0, (Synapse(1, action("stop")),)))) == ["stop"]
    assert alone.controller._runner._in_flight.all(lambda flight: flight.action.operation == "monitor") == []


def test_a_failure_is_told_to_a_leader_that_comes_later() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    (run,) = alone.wanted(commands.RunOperation, alone.hear("b", Execute(5, False, "1:0:0:u", action())))
    alone.do(events.OperationEnded(run.call_id, 0, 1, "broken", started_at=alone.now))
    alone.see("ac")
    told = alone.sent(JoinConfirm, alone.follow("c", term=9))
    assert [(each.operation, each.rc) for each in told[-1].failures] == [("start", 1)]


def test_an_answer_to_a_former_question_is_dropped() -> None:
    alone = leading()
    awaited = alone.wanted(commands.MakePlan)[-1].plan_id
    alone.do(events.PlanReady(awaited + 1, Transition(0, (Synapse(1, action()),))))
    assert not alone.wanted(commands.RunOperation)
    planned(alone, Transition(0, (Synapse(1, action()),)))
    assert len(alone.wanted(commands.RunOperation)) == 1


def test_planning_that_failed_is_tried_again() -> None:
    alone = leading()
    came = planned(alone, None, "ValueError: evil")
    (timer,) = [each for each in alone.wanted(commands.SetTimer, came) if each.name == "replan"]
    assert timer.at <= alone.now + 60
    assert alone.wanted(commands.MakePlan, alone.fire("replan", 10))


def backoff() -> Backoff:
    config = ClusterConfig((("a", "1"),), 1)
    core = Core(NodeIdentity("a", "1", "a-1", config), HardState(), None)
    core.now = START
    return Backoff(core)


def test_a_stop_is_never_held_back() -> None:
    one = backoff()
    for _ in range(4):
        one.failed(action(), "no")
    assert one.held([Synapse(1, action()), Synapse(2, action("stop", number=2))]) == {1}


def test_a_success_ends_the_row_of_failures_that_it_belongs_to() -> None:
    one = backoff()
    for _ in range(4):
        one.failed(action(), "no")
    one.succeeded(action("monitor"))
    assert one.held([Synapse(1, action())]) == {1}
    one.succeeded(action())
    assert not one.held([Synapse(1, action())])


def test_only_what_is_on_disk_is_taken_as_such() -> None:
    alone = Alone("a", present="a")
    alone.disk = False
    change = Edit(EditVerb.MODIFY,
                  '<crm_config><cluster_property_set id="o"><nvpair id="x" name="batch-limit" value="3"/>'
                  "</cluster_property_set></crm_config>")
    alone.do(events.ChangeRequested("q", change))
    token = alone.wanted(commands.Persist)[-1].token
    alone.do(events.Persisted(token - 1))
    assert not alone.wanted(commands.RequestAnswered)
    alone.do(events.Persisted(token))
    assert alone.wanted(commands.RequestAnswered)[-1].version is not None


CHANGE = Edit(EditVerb.MODIFY, '<crm_config><cluster_property_set id="o"><nvpair id="x" name="batch-limit" value="3"/>'
              "</cluster_property_set></crm_config>")


def test_a_caretaker_changes_no_configuration() -> None:
    alone = Alone(present="a")
    for _ in range(4):
        alone.fire("election", 1)
    assert alone.controller.snapshot().caretaker
    alone.do(events.ChangeRequested("q", CHANGE))
    assert alone.wanted(commands.RequestAnswered)[-1].code == "no-quorum"


def test_a_change_that_the_cluster_cannot_take_is_refused() -> None:
    def refuse(document: Document) -> None:
        raise CibError("invalid-cib", "no")

    controller = Controller(NodeIdentity("a", "1", "a-1", ClusterConfig((("a", "1"),), 1)), HardState(),
                            Document.parse(EMPTY_CIB),
                            ControllerOptions(), refuse)
    alone = Alone("a", present="a")
    alone.controller = controller
    alone.do(events.Started())
    alone.do(events.ViewInstalled(replace(alone.view("a"), number=2)))
    alone.do(events.ChangeRequested("q", CHANGE))
    assert alone.wanted(commands.RequestAnswered)[-1].code == "invalid-cib"


@pytest.mark.parametrize("operation", ["start", "stop"])
def test_a_result_ends_what_is_in_flight(operation: str) -> None:
    alone = Alone()
    alone.follow("b", term=5)
    alone.hear("b", Execute(5, False, "1:0:0:u", action(operation)))
    assert alone.controller._history.under_way()
    alone.do(events.OperationEnded(1, 0, 0))
    assert not alone.controller._history.under_way()
