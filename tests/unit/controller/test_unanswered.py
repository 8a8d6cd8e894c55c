"""What becomes of what a leader has ordered when no answer comes: failed, never done; and of what nobody must miss."""

from __future__ import annotations

from crm.cib.changes import Edit, EditVerb
from crm.cib.status_updates import ResourceUpdate
from crm.controller import commands, events
from crm.controller.execution import transition_runner
from crm.controller.execution.in_flight import TIMER_PREFIX
from crm.controller.protocol.messages import (
    Acknowledge,
    ActionResult,
    CleanHistory,
    Execute,
    FenceOrder,
    FencingHistoryUpdate,
    JoinConfirm,
)
from crm.model.score import INFINITY
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition
from crm.testing import scenario
from tests.unit.controller.alone import Alone

AGENT = AgentReference("r", "ocf", "Dummy", "crmd")
NOTHING = ResourceUpdate("r", "ocf", "Dummy", "crmd", {})
MIGRATABLE = '<meta_attributes id="m"><nvpair id="m-a" name="allow-migrate" value="true"/></meta_attributes>'
CHANGE = events.ChangeRequested("q", Edit(EditVerb.MODIFY, '<crm_config><cluster_property_set id="o">'
                                          '<nvpair id="x" name="batch-limit" value="3"/></cluster_property_set>'
                                          "</crm_config>"))


def action(number: int, operation: str, node: str, **meta: str) -> GraphAction:
    attributes = {"CRM_meta_timeout": "20000", **{f"CRM_meta_{name}": value for name, value in meta.items()}}
    kind, agent = (ActionKind.CLUSTER, None) if operation == "stonith" else (ActionKind.RESOURCE, AGENT)
    return GraphAction(number, kind, operation, f"r_{operation}_0", node, str("abcde".index(node) + 1), resource=agent,
                       attributes=attributes)


def leading(names: str = "abc", cib: str | None = None) -> Alone:
    """The DC of those nodes, all of which have joined; it waits for a plan."""
    dc = Alone(names, cib=cib or scenario.cib(len(names)))
    dc.elect()
    for name in names[1:]:
        dc.join(name)
    return dc


def planned(dc: Alone, *synapses: Synapse) -> list[commands.Command]:
    """The DC runs these: as soon as it has no reason to plan once more."""
    if not dc.controller.awaits_plan(plan_id(dc)):
        dc.do(events.ReplanRequested())
    asked = 0
    came: list[commands.Command] = []
    while plan_id(dc) != asked:
        asked = plan_id(dc)
        came = dc.do(events.PlanReady(asked, Transition(0, synapses)))
    return came


def plan_id(dc: Alone) -> int:
    return dc.wanted(commands.MakePlan)[-1].plan_id


def ended_well(came: list[commands.Command]) -> list[bool]:
    """Whether the actions of the transition that has ended are noted as done."""
    return [timing.ok for each in came if isinstance(each, commands.TransitionEnded) for timing in each.timings]


def start_on_b() -> tuple[Alone, str]:
    """A start was ordered, and something waits for it; its transition key."""
    dc = leading()
    came = planned(dc, Synapse(1, action(1, "start", "b")), Synapse(2, action(2, "promote", "c"), (1,)))
    (order,) = dc.sent(Execute, came)
    return dc, order.key


def test_an_order_without_a_result_has_failed_when_its_time_is_over() -> None:
    dc, key = start_on_b()
    came = dc.fire(f"{TIMER_PREFIX}{key}", 1000)
    assert ended_well(came) == [False]
    assert not dc.sent(Execute, came)
    assert any("no result within its time limit" in each.message for each in dc.wanted(commands.Log, came))


def test_what_a_lost_node_was_to_do_is_not_done() -> None:
    dc, _ = start_on_b()
    came = dc.see("ac")
    assert ended_well(came) == [False]
    assert not dc.sent(Execute, came)


def test_in_a_new_view_nothing_is_begun_before_all_have_told_what_they_run() -> None:
    """This leader may have been frozen, and the same members may have followed another meanwhile."""
    dc = leading()
    awaited = plan_id(dc)
    dc.see("abc")
    came = dc.do(events.PlanReady(awaited, Transition(0, (Synapse(1, action(1, "start", "b")),))))
    came += dc.join("b")
    assert not dc.sent(Execute, came) and not dc.wanted(commands.MakePlan, came)
    assert dc.wanted(commands.MakePlan, dc.join("c"))


def orders(dc: Alone, came: list[commands.Command]) -> list[FenceOrder]:
    """What is to be fenced, here or elsewhere."""
    return [*dc.sent(FenceOrder, came), *(each.order for each in dc.wanted(commands.RunFencing, came))]


def successes(dc: Alone, came: list[commands.Command]) -> list[str]:
    return [record.target for news in dc.sent(FencingHistoryUpdate, came) for record in news.records
            if record.state == "success"]


def test_a_device_that_does_not_answer_has_fenced_nobody() -> None:
    """Nor has one whose node is lost: others try."""
    dc = leading("abcde")
    dc.see("acde")
    for name in "cde":
        dc.join(name)
    came = planned(dc, Synapse(1, action(1, "stonith", "b", stonith_action="reboot")))
    (first,) = orders(dc, came)
    came = dc.fire(f"fence:{first.order}", 1000)
    assert not successes(dc, came)
    (second,) = dc.sent(FenceOrder, came)
    came = dc.see("ade")
    assert not successes(dc, came)
    (third,) = dc.sent(FenceOrder, came)
    assert len({first.order, second.order, third.order}) == 3


def test_a_migration_is_ordered_when_every_member_knows_of_it() -> None:
    dc = leading()
    came = planned(dc, Synapse(1, action(1, "migrate_to", "b", migrate_source="b", migrate_target="c")))
    term, version = dc.controller.leads or 0, dc.controller.snapshot().document.version
    assert not dc.sent(Execute, came)
    assert not dc.sent(Execute, dc.hear("b", Acknowledge(term, version)))
    (order,) = dc.sent(Execute, dc.hear("c", Acknowledge(term, version)))
    assert order.action.operation == "migrate_to"


def test_a_node_that_was_away_is_asked_for_what_may_have_come_to_it() -> None:
    """What it says of a resource that migrates and that it does not run is not believed."""
    cib = scenario.cib(3).replace('type="Dummy"><operations>', f'type="Dummy">{MIGRATABLE}<operations>', 1)
    dc = leading(cib=cib)
    dc.see("ac")
    dc.see("abc")
    for name in "bc":
        dc.hello(name, dc.position)
    record = ResourceUpdate("db", "ocf", "Dummy", "crmd", {"db_last_0": {
        "operation": "monitor", "operation_key": "db_monitor_0", "rc-code": "7", "call-id": "3", "interval": "0",
        "op-status": "0", "transition-magic": "0:7;1:1:7:u", "transition-key": "1:1:7:u"}})
    came = dc.hear("b", JoinConfirm(dc.controller.snapshot().term, dc.number, "b-1", (record,), clock=dc.now))
    came += dc.fire("flush", 1)
    assert [(each.resource) for each in dc.sent(CleanHistory, came)] == ["db"]
    document = dc.controller.snapshot().document
    assert document.root.find("status/node_state[@uname='b']") is not None
    assert not document.root.findall("status/node_state[@uname='b']//lrm_resource")


def test_of_two_nodes_one_does_not_commit_alone_while_the_other_may_be_on() -> None:
    pair = Alone("ab", disks_needed=1, cib=scenario.cib(2))
    pair.elect()
    pair.join("b")
    pair.do(CHANGE)
    assert not pair.wanted(commands.RequestAnswered)
    pair.see("a")
    assert not [each for each in pair.wanted(commands.RequestAnswered) if each.version is not None]


def test_a_slow_promotion_is_waited_for_if_the_others_must_be_told_of_it() -> None:
    """An agent that changes the configuration while it promotes aborts its own transition (redis does)."""
    dc = leading()
    came = planned(dc, Synapse(1, action(1, "promote", "b")), Synapse(2, action(2, "notify", "c"), (1,), INFINITY))
    (order,) = dc.sent(Execute, came)
    dc.do(CHANGE)
    came = dc.fire("changes", 1)
    came += [command for _ in range(5) for command in dc.fire(transition_runner.AGE_TIMER, 1)]
    assert not dc.wanted(commands.MakePlan, came), "what follows would never be done"
    came = dc.hear("b", ActionResult(order.key, "promote", 0, 0, 0, NOTHING, clock=dc.now))
    (told,) = dc.sent(Execute, came)
    assert told.action.operation == "notify"
    came = dc.hear("c", ActionResult(told.key, "notify", 0, 0, 0, NOTHING, clock=dc.now))
    assert dc.wanted(commands.MakePlan, came)


def test_a_slow_promotion_that_nothing_follows_is_not_waited_for() -> None:
    dc = leading()
    planned(dc, Synapse(1, action(1, "promote", "b")), Synapse(2, action(2, "notify", "c"), (1,)))
    dc.do(CHANGE)
    came = dc.fire("changes", 1)
    came += [command for _ in range(3) for command in dc.fire(transition_runner.AGE_TIMER, 1)]
    assert dc.wanted(commands.MakePlan, came)
