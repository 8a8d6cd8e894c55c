"""An operation that takes minutes holds up nothing that does not depend on it."""

from __future__ import annotations

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.cib.queries import recorded_resources
from crm.controller import events
from crm.testing import World, scenario
from crm.testing.invariants import AllowedBreaks

SLOW_S = 60.0
HOMES = {"slow": "b", "after": "b", "one": "c", "two": "a", "three": "b"}
NAMES = tuple(HOMES)


def cib(fencing: bool = False) -> str:
    pairs = (f'<nvpair id="o-f" name="fencing-enabled" value="{str(fencing).lower()}"/>'
             '<nvpair id="o-s" name="start-failure-is-fatal" value="false"/>')
    primitives = "".join(
        f'<primitive id="{name}" class="ocf" provider="crmd" type="Dummy"><operations>'
        f'<op id="{name}-m" name="monitor" interval="2s"/><op id="{name}-s" name="start" interval="0" timeout="120s"/>'
        "</operations></primitive>" for name in NAMES)
    power = ('<primitive id="power" class="stonith" type="fence_x"><instance_attributes id="pp">'
             '<nvpair id="pp-h" name="pcmk_host_list" value="a b c"/></instance_attributes></primitive>') * fencing
    homes = "".join(f'<rsc_location id="home-{name}" rsc="{name}" node="{node}" score="5"/>'
                    for name, node in HOMES.items())
    return f"""<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config><cluster_property_set id="o">{pairs}</cluster_property_set></crm_config>
<rsc_defaults><meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="10"/></meta_attributes>
</rsc_defaults><nodes/><resources>{primitives}{power}</resources><constraints>
<rsc_order id="order" first="slow" then="after"/>
<rsc_colocation id="beside" rsc="after" with-rsc="slow" score="INFINITY"/>{homes}</constraints></configuration>
<status/></cib>"""


def world(fencing: bool = False, seed: int = 1) -> World:
    one = World("abc", cib(fencing), seed)
    one.checkers.expect = AllowedBreaks(unique=NAMES, after=(("slow", "after"),), beside=(("after", "slow"),))
    one.settle()
    assert {name: one.where(name) for name in NAMES} == {name: [node] for name, node in HOMES.items()}
    assert one.dc() == "a"
    return one


def starting_slowly(fencing: bool = False) -> World:
    """A cluster in which a service died on b, where it is being started again, which takes a minute."""
    one = world(fencing)
    for node in one.nodes.values():
        node.machine.slow["slow", "start"] = SLOW_S
    one.break_resource("slow")
    one.run_for(8)
    assert under_way(one, "b", "slow", "start")
    return one


def under_way(one: World, node: str, resource: str, operation: str) -> bool:
    return any(action.operation == operation and action.resource is not None and action.resource.id == resource
               for action in one.nodes[node].under_way.values())


def until_recovered(one: World, lost: str, names: tuple[str, ...] = ("one", "two", "three")) -> float:
    """Cut a node's power; seconds until each of those runs on another."""
    began = one.clock
    one.crash(lost)
    while not all(set(one.where(name)) - {lost} for name in names):
        one.run_for(0.05)
        assert one.clock < began + SLOW_S / 2, one.tell("not recovered")
    return one.clock - began


def starts(one: World, resource: str, since: int) -> list[str]:
    return [line for line in one.story[since:] if f": start {resource} = " in line]


def test_the_cib_tells_of_a_slow_start_while_it_lasts() -> None:
    one = starting_slowly()
    told = one.document("c").root.xpath("//lrm_rsc_op[@op-status='-1']/@operation_key")
    assert told == ["slow_start_0"]
    one.settle(SLOW_S + 30)
    assert not one.document("c").root.xpath("//lrm_rsc_op[@op-status='-1']")
    one.checkers.settled()


@pytest.mark.parametrize("fencing", [False, True])
def test_a_lost_node_is_recovered_while_a_start_takes_a_minute(fencing: bool) -> None:
    without = until_recovered(world(fencing), "c")
    one = starting_slowly(fencing)
    mark = len(one.story)
    assert until_recovered(one, "c") < without + 0.5
    assert one.where("after") == [], "what depends on it waits"
    one.settle(SLOW_S + 30)
    assert one.where("slow") == one.where("after") == ["b"]
    assert len(starts(one, "slow", mark)) == 1, "it was not started again"
    one.checkers.settled()


def test_a_new_dc_goes_on_with_what_the_former_has_ordered() -> None:
    one = starting_slowly()
    mark = len(one.story)
    assert until_recovered(one, "a", ("two",)) < 3
    one.settle(SLOW_S + 30)
    assert one.where("slow") == one.where("after") == ["b"]
    assert len(starts(one, "slow", mark)) == 1
    one.checkers.settled()


def test_a_failure_elsewhere_is_recovered_meanwhile_and_again() -> None:
    one = starting_slowly()
    for name in ("one", "two", "one"):
        one.break_resource(name)
        one.run_for(5)
        assert len(one.where(name)) == 1
    one.settle(SLOW_S + 30)
    one.checkers.settled()


def test_a_change_is_carried_out_meanwhile() -> None:
    one = starting_slowly()
    new = '<primitive id="new" class="ocf" provider="crmd" type="Dummy"/>'
    one.edit("a", Edit(EditVerb.CREATE, new, "resources"))
    one.run_for(3)
    assert len(one.where("new")) == 1
    one.settle(SLOW_S + 30)
    assert one.where("slow") == ["b"]
    one.checkers.settled()


def test_a_node_joins_and_is_used_meanwhile() -> None:
    one = starting_slowly()
    until_recovered(one, "c")
    one.start("c")
    one.run_for(5)
    mark = len(one.story)
    one.break_resource("two")
    one.run_for(5)
    assert len(one.where("two")) == 1
    one.settle(SLOW_S + 30)
    assert len(starts(one, "slow", mark)) == 1
    one.checkers.settled()


def test_a_slow_start_that_fails_is_recovered() -> None:
    one = starting_slowly()
    one.nodes["b"].machine.failing.add(("slow", "start"))
    until_recovered(one, "c")
    one.run_for(SLOW_S)
    counts = [pair.get("value") for pair in one.document("a").root.iter("nvpair")
              if pair.get("name") == "fail-count-slow#start_0"]
    assert counts == ["1"]
    for node in one.nodes.values():
        node.machine.failing.clear()
        node.machine.slow.clear()
    one.settle(3 * SLOW_S)
    assert len(one.where("slow")) == 1
    one.checkers.settled()


def standby(one: World, value: str) -> None:
    """A client puts b in standby, or back."""
    pair = f'<instance_attributes id="i"><nvpair id="i-s" name="standby" value="{value}"/></instance_attributes>'
    one.edit("a", Edit(EditVerb.MODIFY, f'<node id="2">{pair}</node>', "nodes"))


def test_a_slow_start_that_is_no_longer_wanted_is_stopped_in_its_turn() -> None:
    one = starting_slowly()
    standby(one, "on")
    one.run_for(5)
    assert under_way(one, "b", "slow", "start")
    assert not any(under_way(one, node, "slow", operation) for node in "ac" for operation in ("start", "stop"))
    assert until_recovered(one, "c", ("one",)) < 3, "nothing else waits for it"
    for node in one.nodes.values():
        node.machine.slow.clear()
    mark = len(one.story)
    one.settle(SLOW_S + 30)
    assert one.where("slow") == one.where("after") == ["a"]
    done = [line.split(maxsplit=1)[1] for line in one.story[mark:] if " slow = 0" in line]
    assert [what for what in done if "monitor" not in what][:3] == [
        "b: start slow = 0", "b: stop slow = 0", "a: start slow = 0"]
    one.checkers.settled()


def test_a_slow_stop_that_is_no_longer_wanted_is_waited_for() -> None:
    one = world()
    one.nodes["b"].machine.slow["slow", "stop"] = 20.0
    standby(one, "on")
    one.run_for(5)
    assert under_way(one, "b", "slow", "stop")
    standby(one, "off")
    one.run_for(5)
    assert not any(under_way(one, node, "slow", "start") for node in "abc")
    one.settle(SLOW_S)
    assert len(one.where("slow")) == 1
    one.checkers.settled()


def test_a_slow_stop_holds_up_only_its_own() -> None:
    one = world()
    one.nodes["b"].machine.slow["after", "stop"] = SLOW_S
    one.break_resource("slow")
    one.run_for(6)
    assert under_way(one, "b", "after", "stop")
    until_recovered(one, "c")
    assert one.where("slow") == []
    one.settle(SLOW_S + 30)
    assert one.where("slow") == one.where("after")
    one.checkers.settled()


def test_a_node_is_fenced_for_a_failed_stop_while_it_starts_something_slowly() -> None:
    one = starting_slowly(fencing=True)
    one.nodes["b"].machine.failing.add(("three", "stop"))
    one.break_resource("three")
    one.run_for(15)
    assert one.where("three") not in ([], ["b"])
    assert any("fencing b" in line for line in one.story)


def test_a_cleanup_while_a_stop_takes_long_leaves_the_status_true() -> None:
    one = World("abc", scenario.cib(3), 1)
    one.checkers.expect = scenario.EXPECTED
    one.settle()
    (home,) = one.where("db")
    one.nodes[home].machine.slow["db", "stop"] = 4.0
    number = list(one.nodes).index(home) + 1
    one.edit(home, Edit(EditVerb.MODIFY, f'<node id="{number}"><instance_attributes id="nodes-{number}"><nvpair '
                        f'id="standby-{number}" name="standby" value="on"/></instance_attributes></node>', "nodes"))
    one.run_for(1.5)
    dc = one.nodes[str(one.dc())]
    assert one.where("db") == [home]
    one.handle(dc, events.CleanupRequested("cleanup", "db", everything=True))
    one.run_for(1.0)
    assert dc.controller is not None
    assert one.where("db") == [home], "the stop has not ended"
    assert "db" in recorded_resources(dc.controller.document, str(number)), "what runs is in the status"
    one.run_for(10.0)
    assert one.where("db") not in ([], [home])
