"""What a running cluster adds to a plan's order."""

from __future__ import annotations

from dataclasses import replace

from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition
from crm.transition import add_probe_barriers, without_moves_to, without_starts


def synapse(number: int, operation: str, resource: str, *inputs: int, node: str = "a", interval: int = 0) -> Synapse:
    action = GraphAction(number, ActionKind.RESOURCE, operation, f"{resource}_{operation}_{interval}", node=node,
                         resource=AgentReference(resource, "ocf", "Stateful"),
                         attributes={"CRM_meta_interval": str(interval)})
    return Synapse(number, action, inputs)


def inputs(transition: Transition) -> dict[int, tuple[int, ...]]:
    return {synapse.action.id: synapse.inputs for synapse in transition.synapses}


def test_a_promotion_waits_for_the_probes_of_its_resource_only() -> None:
    plan = Transition(1, (
        synapse(1, "monitor", "db", node="b"), synapse(2, "monitor", "web", node="b"),
        synapse(3, "monitor", "db", interval=10_000), synapse(4, "promote", "db")))
    assert inputs(add_probe_barriers(plan)) == {1: (), 2: (), 3: (), 4: (1,)}


def test_instances_of_a_unique_clone_are_one_resource() -> None:
    plan = Transition(1, (synapse(1, "monitor", "db:1", node="b"), synapse(2, "promote", "db:0")))
    assert inputs(add_probe_barriers(plan))[2] == (1,)


def test_a_start_waits_for_the_monitor_that_it_rests_on() -> None:
    monitor = synapse(1, "monitor", "db", interval=10_000)
    start = replace(synapse(2, "start", "app", 3), rests_on=(1,))
    assert inputs(add_probe_barriers(Transition(1, (monitor, start)))) == {1: (), 2: (3, 1)}


def test_a_probe_that_waits_for_the_promotion_is_not_waited_for() -> None:
    """As on a guest node whose machine needs the promoted instance."""
    plan = Transition(1, (
        synapse(1, "promote", "db"), synapse(2, "start", "vm", 1), synapse(3, "monitor", "db", 2, node="guest")))
    assert add_probe_barriers(plan) == plan


def test_two_promotions_and_two_probes_never_wait_in_a_circle() -> None:
    plan = Transition(1, (
        synapse(1, "promote", "db"), synapse(2, "monitor", "web", 1), synapse(3, "promote", "web"),
        synapse(4, "monitor", "db", 3)))
    added = inputs(add_probe_barriers(plan))
    assert (added[1], added[3]) in {((4,), ()), ((), (2,))}


def test_a_node_is_let_go_when_it_has_told_what_it_runs() -> None:
    leave = Synapse(4, GraphAction(4, ActionKind.CLUSTER, "do_shutdown", "do_shutdown-b", node="b"))
    plan = Transition(1, (synapse(1, "monitor", "db", node="b"), synapse(2, "monitor", "web", node="b"),
                          synapse(3, "monitor", "db", node="c"), leave))
    assert inputs(add_probe_barriers(plan))[4] == (1, 2)


def test_a_plan_without_promotions_is_left_alone() -> None:
    plan = Transition(1, (synapse(1, "monitor", "db"), synapse(2, "start", "db", 1)))
    assert add_probe_barriers(plan) is plan


def test_without_beginnings_only_what_ends_something_is_left() -> None:
    plan = Transition(1, (
        synapse(1, "monitor", "web", node="b"), synapse(2, "stop", "db"), synapse(3, "start", "db", 2),
        synapse(4, "monitor", "db", 3, interval=10_000), synapse(5, "promote", "db", 3), synapse(6, "stop", "web", 1)))
    assert inputs(without_starts(plan)) == {1: (), 2: (), 6: (1,)}


def test_what_was_to_move_to_those_nodes_stays_and_so_does_what_waits_for_it() -> None:
    plan = Transition(1, (
        synapse(1, "monitor", "db", node="b"), synapse(2, "stop", "db"), synapse(3, "start", "db", 1, 2, node="b"),
        synapse(4, "stop", "disk", 2), synapse(5, "stop", "web"), synapse(6, "start", "web", 5, node="c")))
    assert inputs(without_moves_to(plan, {"b"})) == {1: (), 5: (), 6: (5,)}
    assert without_moves_to(plan, {"d"}) is plan
