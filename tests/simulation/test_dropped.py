"""A configuration that the cluster does not have is dropped, and its node says so."""

from __future__ import annotations

import pytest

from crm.messaging.quorum import QuorumMode, QuorumRule
from crm.testing import World
from tests.simulation.test_requests import CIB
from tests.simulation.tiny_planner import schedule


def _said(world: World, name: str) -> list[str]:
    controller = world.nodes[name].controller
    assert controller is not None
    return [each.message for each in controller.snapshot().reports if each.code == "configuration-replaced"]


@pytest.mark.parametrize("seed", range(3))
def test_what_a_dc_has_changed_while_it_was_cut_off_is_said_to_be_dropped(seed: int) -> None:
    world = World("abc", CIB, seed, schedule=schedule)
    world.settle()
    former = str(world.dc())
    others = [name for name in "abc" if name != former]
    world.cut_off(former)
    world.change(former, "alone")
    world.run_for(5.0)
    world.change(str(world.dc()), "together")
    world.run_for(1.0)
    world.heal()
    world.settle()
    (said,) = _said(world, former)
    assert f"{former} had configuration" in said and f"the cluster that {world.dc()} leads" in said
    assert not any(_said(world, name) for name in others)


def test_two_halves_that_both_went_on_say_whose_was_dropped() -> None:
    world = World("ab", CIB.replace("</crm_config>", '<cluster_property_set id="o"><nvpair id="f" '
                                    'name="fencing-enabled" value="false"/></cluster_property_set></crm_config>'),
                  4, schedule=schedule, rule=QuorumRule(QuorumMode.TWO_NODE))
    world.settle()
    world.cut_off("a")
    world.run_for(5.0)
    for name in "ab":
        world.change(name, f"by-{name}")
    world.run_for(3.0)
    world.acknowledged.clear()  # without fencing nothing else can be promised
    world.heal()
    world.settle()
    lost = [name for name in "ab" if f"by-{name}" not in world.markers(world.document(name))]
    assert [name for name in "ab" if _said(world, name)] == lost


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_said_where_nothing_was_dropped(seed: int) -> None:
    world = World("abc", CIB, seed, schedule=schedule)
    world.settle()
    for number in range(4):
        world.change(world.random.choice("abc"), f"m{number}")
        world.run_for(1.0)
        victim = world.random.choice("abc")
        world.random.choice([world.crash, world.kill_daemon])(victim)
        world.run_for(world.random.choice([0.5, 4.0]))
        world.change(world.random.choice([name for name in "abc" if name != victim]), f"n{number}")
        world.run_for(2.0)
        world.start(victim)
        world.settle()
        assert not any(_said(world, name) for name in "abc")
