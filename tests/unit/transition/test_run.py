"""The graph runner: order of passes, failures, throttling, aborts."""

from __future__ import annotations

from crm.model.score import INFINITY
from crm.model.transition import ActionKind, GraphAction, Synapse, Transition
from crm.transition.transition_run import ActionOutcome, RunLimits, TransitionRun


def synapse(number: int, *inputs: int, operation: str = "start", node: str = "a", priority: int = 0,
            kind: ActionKind = ActionKind.RESOURCE, **attributes: str) -> Synapse:
    action = GraphAction(number, kind, operation, f"r{number}_{operation}_0", node=node, attributes=attributes)
    return Synapse(number, action, inputs, priority)


def pseudo(number: int, *inputs: int, priority: int = 0) -> Synapse:
    return synapse(number, *inputs, operation="start_0", kind=ActionKind.PSEUDO, priority=priority)


def run_of(*synapses: Synapse, **options: int) -> TransitionRun:
    return TransitionRun(Transition(1, synapses, **options))


def ids(actions: list[GraphAction]) -> list[int]:
    return [action.id for action in actions]


def test_an_action_waits_for_all_its_inputs() -> None:
    run = run_of(synapse(1), synapse(2), synapse(3, 1, 2))
    assert ids(run.ready()) == [1, 2]
    run.finished(1, ok=True)
    assert ids(run.ready()) == []
    run.finished(2, ok=True)
    assert ids(run.ready()) == [3]


def test_pseudo_actions_complete_at_once_and_are_not_handed_out() -> None:
    run = run_of(pseudo(1), pseudo(2, 1), synapse(3, 2))
    assert ids(run.ready()) == [3]
    assert run.progress.done == 2


def test_within_a_pass_later_synapses_follow_and_earlier_ones_wait() -> None:
    run = run_of(synapse(10, 30), synapse(20), synapse(30, 20), synapse(40))
    passes = []
    while not run.done:
        fired = []
        for action in run.one_pass():
            fired.append(action.id)
            run.finished(action.id, ok=True)
        passes.append(fired)
    assert passes == [[20, 30, 40], [10], []]
    assert run.outcome is ActionOutcome.COMPLETE


def test_a_failure_fails_what_depends_on_it_and_the_rest_goes_on() -> None:
    run = run_of(synapse(1), synapse(2, 1), synapse(3), synapse(4, 3))
    assert ids(run.ready()) == [1, 3]
    run.finished(1, ok=False)
    run.finished(3, ok=True)
    assert ids(run.ready()) == [4]
    run.finished(4, ok=True)
    assert run.ready() == []
    assert run.done
    assert run.outcome is ActionOutcome.TERMINATED


def test_infinite_priority_follows_even_a_failure() -> None:
    run = run_of(synapse(1), synapse(2, 1, priority=INFINITY))
    run.ready()
    run.finished(1, ok=False)
    assert ids(run.ready()) == [2]


def test_an_empty_transition_is_done_after_one_look() -> None:
    run = run_of()
    assert run.ready() == []
    assert run.done
    assert run.outcome is ActionOutcome.COMPLETE


def test_the_batch_limit_counts_what_is_in_flight() -> None:
    run = run_of(*(synapse(number) for number in range(1, 6)), batch_limit=2)
    assert ids(run.ready()) == [1, 2]
    assert run.ready() == []
    run.finished(2, ok=True)
    assert ids(run.ready()) == [3]


def test_the_limit_per_node_does_not_hold_up_other_nodes() -> None:
    run = run_of(synapse(1), synapse(2), synapse(3, node="b"))
    assert ids(run.ready(RunLimits(per_node=1))) == [1, 3]
    run.finished(1, ok=True)
    assert ids(run.ready(RunLimits(per_node=1))) == [2]


def test_migrations_count_on_both_ends() -> None:
    first = synapse(1, operation="migrate_to", CRM_meta_migrate_source="a", CRM_meta_migrate_target="b")
    second = synapse(2, operation="migrate_to", node="c", CRM_meta_migrate_source="c", CRM_meta_migrate_target="b")
    run = run_of(first, second, synapse(3, node="b"), migration_limit=1)
    assert ids(run.ready()) == [1, 3]
    run.finished(1, ok=True)
    assert ids(run.ready()) == [2]


def test_an_abort_skips_lower_priorities_and_waits_for_what_is_in_flight() -> None:
    run = run_of(synapse(1), synapse(2, 1), synapse(3, 1, priority=200), pseudo(4, 1))
    run.ready()
    run.abort(100, "configuration changed")
    assert not run.done
    run.finished(1, ok=True)
    assert ids(run.ready()) == [3]
    run.finished(3, ok=True)
    assert run.ready() == []
    assert run.done
    assert run.outcome is ActionOutcome.STOPPED
    assert run.progress.done == 3


def test_the_highest_abort_counts() -> None:
    run = run_of(synapse(1, priority=50))
    run.abort(INFINITY, "quorum lost")
    run.abort(10, "attribute changed")
    assert run.aborted is not None
    assert run.aborted.reason == "quorum lost"
    assert run.ready() == []


def test_a_late_or_foreign_result_changes_nothing() -> None:
    run = run_of(synapse(1), synapse(2, 1))
    assert not run.finished(1, ok=True)
    run.ready()
    assert run.finished(1, ok=True)
    assert not run.finished(1, ok=False)
    assert not run.finished(77, ok=True)
    assert ids(run.ready()) == [2]


def test_a_time_limit_covers_the_operation_and_the_cluster() -> None:
    run = run_of(synapse(1, CRM_meta_timeout="30000"), cluster_delay_ms=5000)
    assert run.transition.time_limit_ms(run.ready()[0]) == 35_000


def test_a_missing_input_terminates_the_run() -> None:
    run = run_of(synapse(1, 99))
    assert run.ready() == []
    assert run.outcome is ActionOutcome.TERMINATED


def test_duplicate_inputs_count_once() -> None:
    run = run_of(synapse(1), synapse(2, 1, 1))
    run.ready()
    run.finished(1, ok=True)
    assert ids(run.ready()) == [2]


def test_a_node_may_have_a_limit_of_its_own() -> None:
    run = run_of(synapse(1), synapse(2), synapse(3, node="b"), synapse(4, node="b"))
    assert ids(run.ready(RunLimits(per_node=2, nodes={"a": 1}))) == [1, 3, 4]


def test_a_limit_by_load_holds_up_neither_idle_nodes_nor_fencing() -> None:
    fencing = synapse(5, operation="stonith", node="a", kind=ActionKind.CLUSTER)
    run = run_of(synapse(1), synapse(2), synapse(3, node="b"), synapse(4, node="b"), fencing)
    assert ids(run.ready(RunLimits(batch=1, by_load=True))) == [1, 3, 5]
    run.finished(3, ok=True)
    assert ids(run.ready(RunLimits(batch=1, by_load=True))) == [4]


def test_a_node_with_no_room_for_operations_can_be_fenced() -> None:
    run = run_of(synapse(1), synapse(2, operation="stonith", kind=ActionKind.CLUSTER), synapse(3))
    assert ids(run.ready(RunLimits(per_node=1))) == [1, 2]


def test_what_is_held_is_waited_for_and_everything_else_goes_on() -> None:
    run = run_of(synapse(1), synapse(2), synapse(3, 1))
    held = RunLimits(held=frozenset({1}))
    assert ids(run.ready(held)) == [2]
    run.finished(2, ok=True)
    assert ids(run.ready(held)) == [] and not run.done
    assert ids(run.ready(RunLimits())) == [1]
    run.finished(1, ok=True)
    assert ids(run.ready()) == [3]


def test_an_abort_waits_for_nothing_that_is_held() -> None:
    run = run_of(synapse(1))
    held = RunLimits(held=frozenset({1}))
    assert ids(run.ready(held)) == []
    run.abort(INFINITY, "something else")
    assert ids(run.ready(held)) == [] and run.done and run.outcome is ActionOutcome.STOPPED


def test_an_aborted_run_owes_what_follows_whatever_happens() -> None:
    run = run_of(synapse(1, operation="promote"), pseudo(2, 1), synapse(3, 2, operation="notify", priority=INFINITY),
                 synapse(4, 1), pseudo(5, 3, 4))
    run.ready()
    run.abort(INFINITY, "something changed")
    assert run.owes
    run.finished(1, ok=True)
    assert ids(run.ready()) == [3] and not run.done
    assert not run.owes, "it is in flight, and nothing follows"
    run.finished(3, ok=True)
    assert ids(run.ready()) == [] and run.done


def test_an_aborted_run_owes_nothing_that_waits_for_what_will_not_be_done() -> None:
    run = run_of(synapse(1), synapse(2, 1), synapse(3, 1, 2, operation="notify", priority=INFINITY), synapse(4, 1))
    run.ready()
    run.abort(INFINITY, "something changed")
    assert not run.owes
