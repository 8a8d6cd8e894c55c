"""Whole clusters on virtual time: stories that must end well, and seeds that hunt for those that do not."""

from __future__ import annotations

from crm.testing import World
from tests.simulation.tiny_planner import schedule

CIB = """<cib admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config><cluster_property_set id="options">
<nvpair id="fencing" name="fencing-enabled" value="false"/></cluster_property_set></crm_config>
<nodes/><resources>
<primitive id="db" class="ocf" provider="crmd" type="Dummy"/>
<primitive id="web" class="ocf" provider="crmd" type="Dummy"/>
</resources><constraints/></configuration><status/></cib>"""


def world(names: str = "abc", seed: int = 1) -> World:
    return World(names, CIB, seed, schedule)


def test_a_cluster_starts_its_services_once() -> None:
    one = world()
    one.settle()
    assert len(one.where("db")) == 1
    assert len(one.where("web")) == 1
    one.checkers.settled()


def test_a_lost_node_s_services_come_back_elsewhere() -> None:
    one = world()
    one.settle()
    (home,) = one.where("db")
    one.crash(home)
    before = one.clock
    one.settle()
    assert one.where("db") not in ([], [home])
    assert one.clock - before < 3


def test_the_dc_s_loss_is_survived() -> None:
    one = world()
    one.settle()
    former = one.dc()
    assert former is not None
    one.crash(former)
    one.settle()
    assert one.dc() not in (None, former)
    assert len(one.where("db")) == 1


def test_a_restarted_daemon_finds_its_services_and_touches_nothing() -> None:
    one = world("a")
    one.settle()
    one.kill_daemon("a")
    one.run_for(1)
    assert one.where("db") == ["a"]
    mark = len(one.story)
    one.start("a")
    one.settle()
    assert one.where("db") == ["a"]
    done = [line for line in one.story[mark:] if " start " in line or " stop " in line]
    assert [line for line in done if "start a" not in line] == []


def test_a_daemon_that_is_back_before_it_is_missed_keeps_its_services() -> None:
    one = world()
    one.settle()
    (home,) = one.where("db")
    one.kill_daemon(home)
    one.start(home)
    mark = len(one.story)
    one.settle()
    assert one.where("db") == [home]
    assert [line for line in one.story[mark:] if "start db" in line or "stop db" in line] == []


def test_a_failed_service_is_recovered_where_its_monitor_found_it() -> None:
    one = world()
    one.settle()
    one.break_resource("db")
    one.run_for(3)
    one.settle()
    assert len(one.where("db")) == 1
    dc = one.dc()
    assert dc is not None
    counts = [pair.get("value") for pair in one.document(dc).root.iter("nvpair")
              if str(pair.get("name")) == "fail-count-db#monitor_1000"]
    assert counts == ["1"]


def test_a_node_that_shuts_down_is_empty_before_it_leaves() -> None:
    one = world()
    one.settle()
    (home,) = one.where("db")
    one.shut_down(home)
    one.settle()
    assert one.nodes[home].terminated is not None
    assert one.nodes[home].machine.active == {}
    assert len(one.where("db")) == 1


def test_a_minority_stops_what_it_runs_and_takes_no_change() -> None:
    one = world()
    one.settle()
    (home,) = one.where("db")
    one.cut_off(home)
    one.run_for(5)
    assert home not in one.where("db")
    one.change(home, "in-the-minority")
    one.run_for(10)
    assert one.answers["in-the-minority"].code == "no-quorum"
    other = next(name for name in "abc" if name != home)
    one.change(other, "in-the-majority")
    one.run_for(1)
    assert one.answers["in-the-majority"].version is not None
    one.heal()
    one.settle()
    one.checkers.settled()


def test_a_change_reaches_every_disk() -> None:
    one = world()
    one.settle()
    one.change("b", "x")
    one.settle()
    assert "x" in one.acknowledged
    for node in one.nodes.values():
        assert node.disk.document is not None
        assert "x" in one.markers(node.disk.document)


def test_a_whole_cib_from_outside_does_not_make_the_cluster_forget_its_quorum() -> None:
    one = world()
    one.settle()
    dc = one.dc()
    assert dc is not None
    xml = one.document(dc).to_bytes().decode()
    for said in ('have-quorum="1"', 'dc-uuid="1"'):
        assert said in xml
        xml = xml.replace(said, "")
    third = '<primitive id="third" class="ocf" provider="crmd" type="Dummy"/></resources>'
    one.replace("b", xml.replace("</resources>", third))
    one.settle()
    assert len(one.where("third")) == 1
    assert one.document(dc).root.get("have-quorum") == "1"
    one.checkers.settled()
