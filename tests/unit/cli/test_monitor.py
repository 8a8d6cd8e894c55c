"""`crm_mon`: its command line, its sections as text, XML and HTML, and how the daemon answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from lxml import etree

from crm.api.app import create
from crm.cib.document import Document
from crm.cib.reading.cib_reader import read
from crm.cli.connection import CommandError
from crm.cli.monitor.arguments import parse
from crm.cli.monitor.display import display, show
from crm.cli.monitor.situation import Live, Situation
from crm.cli.monitor.view import DEFAULT, SUMMARY, MonitorSection, MonitorView, ViewError
from crm.cli.pacemaker import crm_mon
from crm.controller.fencing.fencing_history import FencingRecord
from crm.policy_engine.observe import observe
from tests.unit.api.node import NOW, FakeNode

CIB = """<cib validate-with="pacemaker-4.0" admin_epoch="0" epoch="3" num_updates="1" have-quorum="1" dc-uuid="1"
 cib-last-written="Mon Nov 23 10:00:00 2026" update-user="ann" update-client="crmsh" update-origin="one">
<configuration><crm_config/>
<nodes><node id="1" uname="one"/><node id="2" uname="two"/></nodes>
<resources>
<primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2"/>
<primitive id="db" class="ocf" provider="heartbeat" type="pgsql"/>
<clone id="watch-clone"><primitive id="watch" class="ocf" provider="crmd" type="Dummy"/></clone>
</resources>
<constraints><rsc_location id="cli-ban-ip" rsc="ip" node="two" score="-INFINITY"/>
<rsc_location id="likes" rsc="db" node="one" score="10"/></constraints>
<tags><tag id="first"><obj_ref id="one"/></tag></tags></configuration>
<status>
<node_state id="1" uname="one" in_ccm="true" crmd="online" join="member" expected="member">
<transient_attributes id="1"><instance_attributes id="s1"><nvpair id="s1-a" name="pingd" value="2"/>
<nvpair id="s1-f" name="fail-count-ip#monitor_10000" value="2"/>
<nvpair id="s1-l" name="last-failure-ip#monitor_10000" value="1790000000"/></instance_attributes></transient_attributes>
<lrm id="1"><lrm_resources><lrm_resource id="ip" class="ocf" provider="heartbeat" type="IPaddr2">
<lrm_rsc_op id="ip_last_0" operation="start" operation_key="ip_start_0" call-id="4" rc-code="0" op-status="0"
 interval="0" transition-key="1:1:0:u" exec-time="12" last-rc-change="1790000000"/>
<lrm_rsc_op id="ip_monitor_10000" operation="monitor" operation_key="ip_monitor_10000" call-id="5" rc-code="0"
 op-status="0" interval="10000" transition-key="2:1:0:u"/></lrm_resource>
<lrm_resource id="db" class="ocf" provider="heartbeat" type="pgsql">
<lrm_rsc_op id="db_last_0" operation="monitor" operation_key="db_monitor_0" call-id="3" rc-code="7" op-status="0"
 interval="0" transition-key="3:1:7:u"/></lrm_resource>
<lrm_resource id="watch" class="ocf" provider="crmd" type="Dummy">
<lrm_rsc_op id="watch_last_0" operation="start" operation_key="watch_start_0" call-id="6" rc-code="0" op-status="0"
 interval="0" transition-key="4:1:0:u"/></lrm_resource></lrm_resources></lrm></node_state>
<node_state id="2" uname="two" in_ccm="true" crmd="online" join="member" expected="member"/>
<tickets><ticket_state id="east" granted="true" standby="false"/></tickets>
</status></cib>"""
FENCINGS = (
    FencingRecord("f1", "two", "off", "one (crmctl)", "failed", 100, 110, "power", "one", "no answer"),
    FencingRecord("f2", "two", "off", "one", "success", 120, 130, "power", "one"),
    FencingRecord("f3", "two", "off", "one", "success", 140, 150, "power", "one"),
    FencingRecord("f4", "one", "reboot", "two", "pending", 160),
)


@pytest.fixture
def situation() -> Situation:
    document = Document.parse(CIB)
    return Situation(document, observe(read(document.root), NOW), Live("one", "one", 3, True, "embedded", FENCINGS, ()))


def lines(situation: Situation, arguments: str) -> list[str]:
    return show(situation, parse(arguments.split()).view).splitlines()


def section(situation: Situation, arguments: str, heading: str) -> list[str]:
    shown = lines(situation, arguments)
    after = shown[shown.index(f"{heading}:") + 1:]
    return after[:after.index("")] if "" in after else after


def test_sections_are_chosen_from_left_to_right() -> None:
    assert parse(["-1"]).view.sections == DEFAULT
    assert parse(["-1", "-f", "-o"]).view.sections == DEFAULT | {MonitorSection.FAIL_COUNTS, MonitorSection.OPERATIONS}
    assert parse(["-1", "-D", "-c"]).view.sections == (DEFAULT - SUMMARY) | {MonitorSection.TICKETS}
    assert parse(["--exclude=all", "--include=nodes,dc"]).view.sections == {MonitorSection.NODES, MonitorSection.DC}
    assert parse(["--include=nodes", "--exclude=all"]).view.sections == frozenset()
    assert parse(["--output-as=xml", "--exclude=fencing"]).view.has(MonitorSection.FENCING_FAILED) is False
    assert parse(["-m0"]).view.has(MonitorSection.FENCING_FAILED) is False
    assert parse(["-m", "3"]).view.whole_history


@pytest.mark.parametrize(("arguments", "says"), [
    (["--include=nods"], "nods is not a section: .*nodes"),
    (["--interval=often"], "not a length of time"),
    (["-d"], "--daemonize needs --output-to"),
    (["--what"], "unrecognized arguments: --what"),
])
def test_what_makes_no_sense_is_said(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says) as raised:
        parse(arguments)
    assert raised.value.code == 64


def test_a_view_survives_its_way_to_the_daemon() -> None:
    view = parse(["-1", "-r", "-n", "-t", "-m3", "--node=one", "-Lcli-", "-A"]).view
    assert MonitorView.of_query(view.query()) == view
    assert MonitorView().query() == {}
    for wrong in ({"sections": "nods"}, {"colour": "red"}, {"inactive": "perhaps"}, {"format": "pdf"}):
        with pytest.raises(ViewError):
            MonitorView.of_query(wrong)


def test_the_summary_says_who_leads_and_who_changed_what(situation: Situation) -> None:
    assert section(situation, "-1", "Cluster Summary")[:2] == [
        "  * Stack: embedded", "  * Current DC: one (version crmd, term 3) - partition with quorum"]
    assert "  * Last change:  Mon Nov 23 10:00:00 2026 by ann via crmsh on one" in lines(situation, "-1")


def test_nodes_of_several_releases_are_told_in_the_summary() -> None:
    told = CIB.replace('name="pingd" value="2"', 'name="#feature-set" value="3.20.5"')
    document = Document.parse(told)
    mixed = Situation(document, observe(read(document.root), NOW))
    assert "MIXED-VERSION partition with quorum" in section(mixed, "-1", "Cluster Summary")[1]
    xml = etree.fromstring(show(mixed, parse(["-1", "--output-as=xml"]).view).encode())
    assert xml.xpath("string(summary/current_dc/@mixed_version)") == "true"
    assert not [line for line in lines(mixed, "-1A") if "#feature-set" in line]


def test_resources_are_listed_counted_or_put_under_their_nodes(situation: Situation) -> None:
    assert section(situation, "-1", "Active Resources") == [
        "  * ip\t(ocf:heartbeat:IPaddr2):\t Started one", "  * Clone Set: watch-clone [watch]:",
        "    * Started: [ one ]"]
    assert "  * db\t(ocf:heartbeat:pgsql):\t Stopped" in section(situation, "-1r", "Full List of Resources")
    assert section(situation, "-1br", "Full List of Resources")[:2] == [
        "  * 1/1\t(ocf:heartbeat:IPaddr2):\tActive one", "  * 0/1\t(ocf:heartbeat:pgsql):\tActive"]
    assert section(situation, "-1n", "Node List") == [
        "  * Node one: online:", "    * Resources:", "      * ip\t(ocf:heartbeat:IPaddr2):\t Started",
        "      * watch\t(ocf:crmd:Dummy):\t Started", "  * Node two: online:", "    * Resources:"]
    assert section(situation, "-1nr", "Inactive Resources")[0] == "  * db\t(ocf:heartbeat:pgsql):\t Stopped"


def test_what_happened_is_listed(situation: Situation) -> None:
    operations = section(situation, "-1o", "Operations")
    assert operations[1:4] == ["    * ip: migration-threshold=1000000 fail-count=2 "
                               + operations[1].partition("fail-count=2 ")[2],
                               "      * (4) start", '      * (5) monitor: interval="10000ms"']
    assert not any("db" in line for line in operations), "a probe that found nothing tells nothing"
    assert any('exec-time="12ms" rc=0 (OK)' in line for line in lines(situation, "-1t"))
    assert section(situation, "-1f", "Migration Summary")[1].startswith(
        "    * ip: migration-threshold=1000000 fail-count=2 last-failure='")
    assert "    * pingd                           \t: 2         " in section(situation, "-1A", "Node Attributes")
    assert section(situation, "-1c", "Tickets") == ["  * east: granted"]
    assert section(situation, "-1L", "Negative Location Constraints") == [
        "  * cli-ban-ip\tprevents ip from running on two"]
    assert "Negative Location Constraints:" not in lines(situation, "-1 -Lother")


def test_of_fencing_the_last_of_each_kind_or_all(situation: Situation) -> None:
    assert section(situation, "-1", "Failed Fencing Actions")[0].startswith(
        "  * off of two failed (no answer): delegate=one, client=one (crmctl), origin=one, last-failed='")
    assert section(situation, "-1", "Pending Fencing Actions") == ["  * reboot of one pending: client=two, origin=two"]
    assert "Fencing History:" not in lines(situation, "-1")
    assert len(section(situation, "-1 -m2", "Fencing History")) == 1
    assert len(section(situation, "-1 -m3", "Fencing History")) == 2
    assert "Failed Fencing Actions:" not in lines(situation, "-1 -m0")


def test_only_what_has_to_do_with_a_node_or_a_resource(situation: Situation) -> None:
    assert section(situation, "-1 --node=first", "Node List") == ["  * Online: [ one ]"]
    assert section(situation, "-1r --resource=db", "Full List of Resources") == [
        "  * db\t(ocf:heartbeat:pgsql):\t Stopped"]
    assert section(situation, "-1 --node=two", "Active Resources") == ["  * No active resources"]
    assert section(situation, "-1r --node=two", "Full List of Resources") == [
        "  * db\t(ocf:heartbeat:pgsql):\t Stopped",
        "  * Clone Set: watch-clone [watch]:", "    * Stopped: [ two ]"]
    assert section(situation, "-1R --resource=watch:0", "Active Resources") == [
        "  * Clone Set: watch-clone [watch]:", "    * watch\t(ocf:crmd:Dummy):\t Started one"]


def test_one_line_for_monitoring_systems(situation: Situation) -> None:
    assert lines(situation, "-s") == ["CLUSTER OK: 2 nodes online, 4 resource instances configured"]
    alone = Situation(situation.document, situation.cluster, Live("two", None, 3, False, "embedded", (), ()))
    assert lines(alone, "-s") == ["CLUSTER WARN: No DC"]


def test_xml_has_every_section(situation: Situation) -> None:
    root = etree.fromstring("\n".join(lines(situation, "--output-as=xml")))
    assert [child.tag for child in root] == ["summary", "nodes", "resources", "node_attributes", "node_history",
                                             "fence_history", "tickets", "bans", "status"]
    assert root.find("summary/current_dc").get("name") == "one"
    assert root.find("summary/last_change").attrib == {
        "time": "Mon Nov 23 10:00:00 2026", "user": "ann", "client": "crmsh", "origin": "one"}
    assert [ban.get("node") for ban in root.iter("ban")] == ["two"]
    assert len(root.findall("fence_history/fence_event")) == 3
    assert root.find("node_history/node/resource_history").get("fail-count") == "2"


def test_html_is_a_page_of_lists_within_lists(situation: Situation) -> None:
    page = "\n".join(lines(situation, "-n --output-as=html"))
    parsed = etree.fromstring(page.replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', "")
                              .replace('<meta name="viewport" content="width=device-width">', ""))
    assert parsed.findall(".//li/ul/li/ul/li")[0].text.startswith("ip\t")
    assert parsed.find(".//title").text == "Cluster status"


def test_a_cib_in_a_file_needs_no_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cib.xml"
    file.write_text(CIB)
    monkeypatch.setenv("CIB_file", str(file))
    assert crm_mon.main(["-s"]) == 0
    assert capsys.readouterr().out.startswith("CLUSTER OK")
    target = tmp_path / "status.html"
    assert crm_mon.main(["--output-as=html", f"--output-to={target}"]) == 0
    assert "<h2>Node List</h2>" in target.read_text()
    file.write_text("<cib>")
    assert crm_mon.main(["-1"]) == 78
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("CIB_file", str(tmp_path / "nowhere"))
    assert crm_mon.main(["-1"]) == 66


def test_the_daemon_answers_in_every_format() -> None:
    api = TestClient(create(FakeNode(), clock=lambda: NOW, display=display("memory")), raise_server_exceptions=False)
    assert api.get("/v1/cluster/text").text.startswith("Cluster Summary:\n  * Stack: memory\n")
    query = parse(["--output-as=xml", "--exclude=resources"]).view.query()
    answer = api.get("/v1/cluster/text", params=query)
    assert answer.headers["content-type"] == "application/xml"
    assert etree.fromstring(answer.content).find("resources") is None
    wrong = api.get("/v1/cluster/text", params={"sections": "nods"})
    assert wrong.status_code == 422 and "nods is not a section" in wrong.json()["detail"]
