"""Views that nodes agree on over links, in whole clusters: the real agreement and detector on simulated connections."""

from __future__ import annotations

import itertools

import pytest

from crm.testing import Violation, World, scenario
from crm.testing.simulated_links import STALE_LIMIT_S, LinkedMembership


def cluster(names: str, seed: int, fencing: bool = True) -> World:
    world = World(names, scenario.cib(len(names), fencing), seed, membership=LinkedMembership)
    world.checkers.expect = scenario.EXPECTED if fencing else world.checkers.expect
    world.run_for(3)
    world.settle()
    return world


def views_since(world: World, line: int) -> list[tuple[str, str]]:
    """(node, members) of the views that were installed since that line of the story."""
    words = [line.split() for line in world.story[line:]]
    return [(each[1], each[3]) for each in words if len(each) > 3 and each[2] == "sees"]


@pytest.mark.parametrize("names", ["abc", "abcde"])
@pytest.mark.parametrize("seed", range(6))
def test_a_daemon_that_is_restarted_quickly_is_left_out_of_no_view(names: str, seed: int) -> None:
    world = cluster(names, seed)
    for restarted in names:
        line = len(world.story)
        world.kill_daemon(restarted)
        world.run_for(world.random.uniform(0.05, 1.5))
        world.start(restarted)
        world.run_for(4)
        without = [view for view in views_since(world, line) if view[0] != restarted and restarted not in view[1]]
        assert not without, world.tell("a view without the restarted node")
        world.settle()
    assert not [line for line in world.story if "cuts the power" in line], world.tell("fenced for a restart")


@pytest.mark.parametrize("names", ["abc", "abcde"])
@pytest.mark.parametrize("seed", range(6))
def test_daemons_restarted_one_after_the_other_cost_no_healthy_node_its_view(names: str, seed: int) -> None:
    """The next is killed while the links of the one before are coming back."""
    world = cluster(names, seed)
    line = len(world.story)
    for restarted in names:
        world.kill_daemon(restarted)
        world.run_for(world.random.uniform(0.2, 2.5))
        world.start(restarted)
        world.run_for(world.random.uniform(0.0, 0.3))
    world.run_for(6)
    begun = dict.fromkeys(names, 0)
    for (node, members), _ in itertools.groupby(views_since(world, line)):
        # A daemon that was started begins alone; nobody else may be.
        begun[node] += len(members) == 1
    assert set(begun.values()) == {1}, world.tell(f"alone: {begun}")
    assert not [each for each in world.story if "cuts the power" in each], world.tell("fenced for a restart")
    world.settle()


@pytest.mark.parametrize("seed", range(6))
def test_a_node_that_wakes_with_one_link_cut_is_not_quorate_for_long(seed: int) -> None:
    world = cluster("abc", seed, fencing=False)
    sleeper, far = world.random.sample("abc", 2)
    world.pause(sleeper, 5.0)
    world.cut_one_way(sleeper, far)
    world.cut_one_way(far, sleeper)
    world.run_for(5.0 + 2.5)
    quorate = {node.name: node.view is not None and node.view.quorate for node in world.nodes.values()}
    assert not quorate[sleeper], world.tell("an old view is kept")
    assert sum(quorate.values()) == 2


def test_a_node_that_keeps_an_old_view_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agreement as it was: peers that are not linked are in no view, and nobody leaves by itself."""
    monkeypatch.setattr("crm.messaging.embedded.agreement.Agreement._is_overdue", lambda self, now_ms: False)
    monkeypatch.setattr("crm.messaging.embedded.agreement.Agreement._claims",
                        lambda self: self._views | {self._name: self.view.names})
    world = cluster("abc", 0, fencing=False)
    world.pause("a", 5.0)
    world.cut_one_way("a", "c")
    world.cut_one_way("c", "a")
    with pytest.raises(Violation, match="stale-view"):
        world.run_for(5.0 + STALE_LIMIT_S + 2)
