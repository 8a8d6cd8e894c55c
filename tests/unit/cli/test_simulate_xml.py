"""`crm_simulate --output-as=xml` and `crm_verify`: structure, exit codes, the live cluster's CIB."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from lxml import etree

from crm.cli import simulate
from crm.cli.connection import SOCKET_VARIABLE
from crm.cli.pacemaker import crm_verify
from tests.unit.cli.test_commands import FakeDaemon, daemon

__all__ = ["daemon"]

DATABASE = "cib_examples/database.xml"
ODD = """<cib validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config>
<cluster_property_set id="o"><nvpair id="o1" name="stonith-enable" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="a"/></nodes><resources><primitive id="web" class="ocf" provider="crmd" type="Dummy"/>
</resources><constraints><rsc_location id="l" rsc="web" node="nobody" score="5"/></constraints></configuration>
<status/></cib>"""


def answer(capsys: pytest.CaptureFixture[str]) -> etree._Element:
    return etree.fromstring(capsys.readouterr().out)


def test_a_simulation_as_xml(capsys: pytest.CaptureFixture[str]) -> None:
    given = [
        "-x",
        DATABASE,
        "-S",
        "-s",
        "-u",
        "node1",
        "-u",
        "node2",
        "-u",
        "node3",
        "--quorum",
        "1",
        "--output-as=xml",
    ]
    assert simulate.main(given) == 0
    root = answer(capsys)
    sections = [
        "cluster_status",
        "modifications",
        "allocations",
        "actions",
        "transition",
        "revised_cluster_status",
        "status",
    ]
    assert [child.tag for child in root] == sections
    assert root.get("request") == f"crm_simulate {' '.join(given)}"
    (modifications,) = root.findall("modifications")
    assert modifications.get("quorum") == "1"
    assert [each.get("node") for each in modifications] == ["node1", "node2", "node3"]
    revised = root.find("revised_cluster_status")
    assert revised is not None
    running = [each.get("role") for each in revised.iter("resource") if each.get("active") == "true"]
    assert {"Started", "Unpromoted"} <= set(running)
    started = [each.get("resource") for each in root.iterfind("actions/rsc_action") if each.get("action") == "start"]
    assert "power" in started
    assert [(each.get("code"), each.get("message")) for each in root.iter("status")] == [("0", "OK")]


def test_errors_as_xml(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate.main(["-x", "none.xml", "-R", "--output-as=xml"]) == 66
    root = answer(capsys)
    assert root.findtext("status/errors/error") == "crm_simulate: cannot read none.xml: No such file or directory"


def test_the_live_cluster_is_asked(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CIB_file", raising=False)
    daemon.says(200, Path(DATABASE).read_text(), "application/xml")
    assert simulate.main(["-L"]) == 0
    assert "Node node1: UNCLEAN (offline)" in capsys.readouterr().out
    assert daemon.requests[0][0] == "GET /v1/cib"
    monkeypatch.setattr(crm_verify, "_by_agents", list)
    assert crm_verify.main(["-L"]) == 0
    monkeypatch.setenv(SOCKET_VARIABLE, "/nowhere")
    assert simulate.main(["-L"]) == 102
    assert "crmd does not run on this node" in capsys.readouterr().err
    assert crm_verify.main(["-L"]) == 102


def test_a_good_configuration_needs_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert crm_verify.main(["-x", DATABASE, "-V"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_doubtful_one_is_told_with_line_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert crm_verify.main(["-X", ODD]) == 78
    assert capsys.readouterr().err == "Configuration may need attention (-V may provide more detail)\n"
    assert crm_verify.main(["-X", ODD, "-V"]) == 78
    told = capsys.readouterr().err
    assert (
        "has no option stonith-enable, so it has no effect (" in told
        and "line 2). Did you mean stonith-enabled?" in told
    )
    assert "the node nobody" in told


def test_a_wrong_one_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert crm_verify.main(["-X", ODD.replace("rsc_location", "rsc_locution")]) == 78
    told = capsys.readouterr().err
    assert "error: " in told and "Did you mean <rsc_location>?" in told and "Configuration invalid" in told
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"<cib")))
    assert crm_verify.main(["-p", "-q"]) == 78
    assert "not well-formed" in capsys.readouterr().err
    assert crm_verify.main(["-x", "none.xml"]) == 78
    with pytest.raises(SystemExit) as ended:
        crm_verify.main([])
    assert ended.value.code == 64


def test_circles_are_found_and_told_as_xml(capsys: pytest.CaptureFixture[str]) -> None:
    circle = ODD.replace('name="stonith-enable"', 'name="stonith-enabled"').replace(
        '<rsc_location id="l" rsc="web" node="nobody" score="5"/>',
        '<rsc_colocation id="c1" rsc="web" with-rsc="db" score="5"/>'
        '<rsc_colocation id="c2" rsc="db" with-rsc="web" score="5"/>',
    )
    circle = circle.replace("</resources>", '<primitive id="db" class="ocf" provider="crmd" type="Dummy"/></resources>')
    assert crm_verify.main(["-X", circle, "--output-as=xml"]) == 78
    root = answer(capsys)
    (status,) = root.findall("status")
    assert (status.get("code"), status.get("message")) == ("78", "Invalid configuration")
    assert any("web with db with web (c1, c2)" in str(error.text) for error in status.iter("error"))
