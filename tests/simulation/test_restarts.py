"""Restarts in whole clusters on virtual time, with the real planner: in place, once, whatever dies in between."""

from __future__ import annotations

import pytest

from crm.cib import restart_marks
from crm.cib.changes import Edit, EditVerb
from crm.cib.document import Document
from crm.testing import World

CIB = """<cib admin_epoch="0" epoch="1" num_updates="0" validate-with="pacemaker-3.9"><configuration>
<crm_config><cluster_property_set id="options">
<nvpair id="fencing" name="fencing-enabled" value="false"/></cluster_property_set></crm_config>
<nodes/><resources>
<primitive id="web" class="ocf" provider="crmd" type="Dummy"/>
<group id="g"><primitive id="ip" class="ocf" provider="crmd" type="Dummy"/>
<primitive id="app" class="ocf" provider="crmd" type="Dummy"/></group>
</resources><constraints/><rsc_defaults><meta_attributes id="sticky">
<nvpair id="s" name="resource-stickiness" value="100"/></meta_attributes></rsc_defaults></configuration><status/>
</cib>"""


def settled(seed: int = 1) -> World:
    world = World("abc", CIB, seed)
    world.settle()
    return world


def document(world: World) -> Document:
    leader = world.dc()
    assert leader is not None
    return world.document(leader)


def ask_for_restart(world: World, *names: str) -> dict[str, str]:
    """Have resources restarted as the API does; where each of them is."""
    home = {name: world.where(name)[0] for name in names}
    ids = {str(state.get("uname")): str(state.get("id")) for state in document(world).root.iter("node_state")}
    change = restart_marks.request(document(world), [(ids[home[name]], name, False) for name in names])
    assert change is not None
    world.edit(world.dc() or "", change)
    return home


def prefer_elsewhere(world: World, name: str) -> None:
    """From now on another node would be better, but stickiness holds it: for a stopped resource nothing does."""
    (here,) = world.where(name)
    other = next(node for node in world.nodes if node != here)
    location = f'<rsc_location id="p" rsc="{name}" node="{other}" score="50"/>'
    world.edit(here, Edit(EditVerb.CREATE, location, "constraints"))
    world.settle()
    assert world.where(name) == [here]


def done(world: World, since: int, *lines: str) -> list[str]:
    """The operations since then that end with one of those words."""
    return [line.split(": ", 1)[1] for line in world.story[since:] if any(f"{each} = 0" in line for each in lines)]


@pytest.mark.parametrize("seed", range(8))
def test_a_restart_keeps_its_place(seed: int) -> None:
    world = settled(seed)
    prefer_elsewhere(world, "web")
    since = len(world.story)
    home = ask_for_restart(world, "web")
    world.settle()
    assert world.where("web") == [home["web"]]
    assert done(world, since, "stop web", "start web") == ["stop web = 0", "start web = 0"]
    assert restart_marks.marks(document(world)) == {}


@pytest.mark.parametrize("seed", range(4))
def test_a_group_restarts_in_order_and_together(seed: int) -> None:
    world = settled(seed)
    since = len(world.story)
    home = ask_for_restart(world, "ip", "app")
    world.settle()
    assert (world.where("ip"), world.where("app")) == ([home["ip"]], [home["app"]])
    steps = ("stop app", "stop ip", "start ip", "start app")
    assert done(world, since, *steps) == [f"{step} = 0" for step in steps]


@pytest.mark.parametrize("seed", range(12))
def test_the_dc_dies_in_the_middle_and_it_comes_back_all_the_same(seed: int) -> None:
    world = settled(seed)
    prefer_elsewhere(world, "web")
    home = ask_for_restart(world, "web")
    world.run_for(0.02 * seed)
    leader = world.dc()
    if leader is not None and leader != home["web"]:
        world.crash(leader)
    world.settle()
    assert world.where("web") == [home["web"]], world.story[-40:]
    assert restart_marks.marks(document(world)) == {}


@pytest.mark.parametrize("seed", range(6))
def test_plans_that_are_given_up_in_the_middle_move_nothing(seed: int) -> None:
    """Other changes abort the transition while it is stopped, when nothing but its mark holds it."""
    world = settled(seed)
    prefer_elsewhere(world, "web")
    since = len(world.story)
    home = ask_for_restart(world, "web")
    for number in range(10):
        world.run_for(0.03)
        world.set_attribute(home["web"], "load", str(number))
    world.settle()
    assert world.where("web") == [home["web"]]
    assert done(world, since, "stop web", "start web") == ["stop web = 0", "start web = 0"]


def test_its_node_dies_and_it_starts_elsewhere() -> None:
    world = settled(3)
    home = ask_for_restart(world, "web")
    world.run_for(0.05)
    world.crash(home["web"])
    world.settle()
    (there,) = world.where("web")
    assert there != home["web"]
    world.start(home["web"])
    world.settle()
    assert world.where("web") == [there], "nothing draws it back"
