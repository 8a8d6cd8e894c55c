"""What a new transition goes on with, of what an earlier one has begun."""

from __future__ import annotations

from dataclasses import replace

from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition
from crm.transition import TransitionRun, ended_by_stops, match_in_flight


def action(number: int, operation: str, resource: str = "r", node: str = "a", kind: ActionKind = ActionKind.RESOURCE,
           **attributes: str) -> GraphAction:
    interval = attributes.get("CRM_meta_interval", "0")
    return GraphAction(number, kind, operation, f"{resource}_{operation}_{interval}", node=node,
                       resource=AgentReference(resource, "ocf", "Dummy", "crmd"), attributes=attributes)


def plan(*synapses: tuple[GraphAction, tuple[int, ...]]) -> Transition:
    return Transition(1, tuple(Synapse(one.id, one, inputs) for one, inputs in synapses))


SLOW = action(7, "start", CRM_meta_timeout="60000", ip="10.0.0.1")


def test_the_same_action_is_found_under_its_new_number() -> None:
    same = replace(SLOW, id=3)
    assert match_in_flight(plan((action(2, "start", "other"), ()), (same, ())), [SLOW]) == ({0: 3}, [])


def test_another_node_other_parameters_or_nothing_at_all_do_not_fit() -> None:
    for planned in (replace(SLOW, node="b"), replace(SLOW, attributes={**SLOW.attributes, "ip": "10.0.0.2"})):
        assert match_in_flight(plan((planned, ())), [SLOW]) == ({}, [SLOW])
    assert match_in_flight(plan(), [SLOW]) == ({}, [SLOW])


def test_what_a_clone_is_told_of_the_others_may_change() -> None:
    before = replace(SLOW, attributes={**SLOW.attributes, "CRM_meta_notify_active_uname": "a c"})
    after = replace(SLOW, attributes={**SLOW.attributes, "CRM_meta_notify_active_uname": "a"})
    assert match_in_flight(plan((after, ())), [before]) == ({0: 7}, [])


def test_nothing_may_have_to_come_first_but_fencing_and_probes() -> None:
    fencing = action(1, "stonith", node="c", kind=ActionKind.CLUSTER, CRM_meta_stonith_action="reboot")
    probe = action(2, "monitor", node="c", CRM_meta_interval="0")
    milestone = action(3, "stopped_0", kind=ActionKind.PSEUDO)
    assert match_in_flight(plan((fencing, ()), (probe, (1,)), (milestone, (2,)), (SLOW, (3,))), [SLOW]) == ({0: 7}, [])
    first = action(4, "stop", "other")
    assert match_in_flight(plan((first, ()), (milestone, (4,)), (SLOW, (3,))), [SLOW]) == ({}, [SLOW])


def test_what_is_under_way_on_a_node_that_is_fenced_need_not_fit() -> None:
    off = action(1, "stonith", node="a", kind=ActionKind.CLUSTER, CRM_meta_stonith_action="off")
    on = replace(off, attributes={"CRM_meta_stonith_action": "on"})
    assert match_in_flight(plan((off, ()), (replace(SLOW, node="b"), (1,))), [SLOW]) == ({}, [])
    assert match_in_flight(plan((on, ()), (replace(SLOW, node="b"), (1,))), [SLOW]) == ({}, [SLOW])


def test_a_start_of_what_is_stopped_there_need_not_fit() -> None:
    """The node will stop it when it has started it; what follows waits for the stop."""
    again = (replace(SLOW, id=9), (8,))
    assert match_in_flight(plan((action(8, "stop"), ()), again), [SLOW]) == ({}, [])
    assert match_in_flight(plan((action(8, "stop", node="b"), ()), again), [SLOW]) == ({}, [SLOW])
    promotion = action(5, "promote")
    assert match_in_flight(plan((action(8, "stop"), ())), [promotion]) == ({}, [promotion])


def test_a_run_goes_on_with_it_and_waits_for_its_end() -> None:
    probe = action(2, "monitor", node="c", CRM_meta_interval="0")
    run = TransitionRun(plan((probe, ()), (SLOW, (2,)), (action(8, "monitor", CRM_meta_interval="10000"), (7,)),
                             (action(9, "start", "other"), ())))
    run.adopt(7)
    assert [each.id for each in run.ready()] == [2, 9]
    for number in (2, 9):
        run.finished(number, ok=True)
    assert run.ready() == []
    assert not run.done
    run.finished(7, ok=True)
    assert [each.id for each in run.ready()] == [8]
    run.finished(8, ok=True)
    assert run.ready() == []
    assert run.done


def test_a_monitor_of_what_is_stopped_there_is_not_waited_for() -> None:
    """It may wait for its turn, or hang: the stop ends it."""
    monitor = action(6, "monitor", CRM_meta_interval="1000")
    probe, elsewhere = action(5, "monitor"), replace(monitor, node="b")
    assert ended_by_stops(plan((action(8, "stop"), ())), [probe, monitor, elsewhere]) == [1]
    assert ended_by_stops(plan((action(8, "demote"), ())), [monitor]) == []
