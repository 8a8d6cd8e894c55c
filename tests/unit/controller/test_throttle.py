"""Throttling by load: how busy a machine is, what that leaves of the limits, and that the leader heeds it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm.controller.events import LoadMeasured
from crm.controller.execution.throttle import Level, level, reduced
from crm.testing import World
from crm.testing.simulated_node import SimulatedNode
from crm.testing.world import OPTIONS

IDLE, BUSY = (0.1, 4), (7.0, 4)


@pytest.mark.parametrize(("load", "cores", "threshold", "expected"), [
    (3.8, 4, 0.8, Level.NEGLIGIBLE),
    (3.9, 4, 0.8, Level.NOTICEABLE),
    (5.2, 4, 0.8, Level.MODERATE),
    (6.5, 4, 0.8, Level.HIGH),
    (6.5, 4, 2.0, Level.NEGLIGIBLE),
    (0.9, 1, 0.8, Level.MODERATE),
    (99.0, 1, 0.0, Level.NEGLIGIBLE),
])
def test_load_is_judged_by_core_and_threshold(load: float, cores: int, threshold: float, expected: Level) -> None:
    assert level(load, cores, threshold) is expected


def test_load_reduces_a_limit_step_by_step_and_never_to_nothing() -> None:
    assert [reduced(8, busy) for busy in Level] == [1, 2, 6, 8]
    assert [reduced(1, busy) for busy in Level] == [1, 1, 1, 1]


def cib(**options: str) -> str:
    pairs = "".join(f'<nvpair id="o-{name}" name="{name}" value="{value}"/>'
                    for name, value in {"fencing-enabled": "false", **options}.items())
    lone = "".join(f'<primitive id="r{number}" class="ocf" provider="crmd" type="Dummy"/>' for number in range(20))
    return (f'<cib admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config>'
            f'<cluster_property_set id="o">{pairs}</cluster_property_set></crm_config><nodes/>'
            f"<resources>{lone}</resources><constraints/></configuration><status/></cib>")


def most_at_once(loads: dict[str, tuple[float, int]], **options: str) -> tuple[dict[str, int], int]:
    """How many operations ran at once on each node, and in all, from nothing to all started."""
    world = World(loads, cib(**options), options=replace(OPTIONS, node_action_limit=0))
    for name, load in loads.items():
        world.handle(world.nodes[name], LoadMeasured(*load))
    most, most_in_all = dict.fromkeys(loads, 0), 0

    def running(node: SimulatedNode) -> int:
        return sum(1 for action in node.under_way.values() if action.interval_ms == 0)

    for _ in range(4000):
        world.run_for(0.005)
        now = {name: running(node) for name, node in world.nodes.items()}
        most = {name: max(most[name], count) for name, count in now.items()}
        most_in_all = max(most_in_all, sum(now.values()))
        if world.quiet() and all(world.where(f"r{number}") for number in range(20)):
            return most, most_in_all
    raise AssertionError("not all started")


def test_an_idle_node_gets_twice_its_cores() -> None:
    assert most_at_once({"a": (0.0, 4), "b": (0.0, 2), "c": (0.0, 1)})[0] == {"a": 8, "b": 4, "c": 2}


def test_a_busy_node_gets_one_action_and_the_cluster_few() -> None:
    most, in_all = most_at_once(dict.fromkeys("bcde", IDLE) | {"a": BUSY})
    assert most["a"] == 1
    assert in_all <= 5, "two for five nodes, and one for each node that has nothing to do"


def test_the_threshold_is_the_cluster_s_to_choose() -> None:
    assert most_at_once({"a": BUSY, "b": IDLE, "c": IDLE}, **{"load-threshold": "0"})[0]["a"] == 8
    assert most_at_once({"a": (5.2, 4), "b": IDLE, "c": IDLE}, **{"load-threshold": "80%"})[0]["a"] == 2


def test_the_cluster_s_limits_hold() -> None:
    most, _ = most_at_once(dict.fromkeys("abc", IDLE), **{"node-action-limit": "3"})
    assert most == {"a": 3, "b": 3, "c": 3}
    assert most_at_once(dict.fromkeys("abc", IDLE), **{"batch-limit": "2"})[1] == 2


def test_a_new_leader_knows_the_loads() -> None:
    world = World("abc", cib(), options=replace(OPTIONS, node_action_limit=0))
    for name in "abc":
        world.handle(world.nodes[name], LoadMeasured(*BUSY))
    world.settle()
    former = world.dc()
    assert former is not None
    world.crash(former)
    world.run_for(3)
    controller = world.nodes[str(world.dc())].controller
    assert controller is not None
    told = [(report.code, report.where) for report in controller.snapshot().reports if report.code == "node-busy"]
    assert told == [("node-busy", name) for name in "abc" if name != former]


def test_a_start_that_takes_minutes_does_not_use_up_a_busy_node() -> None:
    world = World("a", cib(), options=replace(OPTIONS, node_action_limit=0))
    world.handle(world.nodes["a"], LoadMeasured(*BUSY))
    for number in range(20):
        world.nodes["a"].machine.slow[f"r{number}", "start"] = 0.1
    world.nodes["a"].machine.slow["r3", "start"] = 60.0
    world.run_for(45)
    assert sum(bool(world.where(f"r{number}")) for number in range(20)) == 19
