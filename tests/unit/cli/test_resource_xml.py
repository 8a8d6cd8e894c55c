"""crm_resource --output-as=xml: what programs read, held against Pacemaker's own schema where that is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from crm.cib.changes import Edit, EditVerb
from crm.cli.connection import SOCKET_VARIABLE
from crm.cli.monitor.display import display
from crm.cli.pacemaker import crm_resource
from tests.unit.api.node import FakeNode
from tests.unit.cli.serving import serving

SCHEMA = Path("/usr/share/pacemaker/api/api-result.rng")
Run = Callable[..., etree._Element]

STATEFUL = """<clone id="c"><meta_attributes id="cm"><nvpair id="cm1" name="promotable" value="true"/></meta_attributes>
<primitive id="s" class="ocf" provider="crmd" type="Stateful"/></clone>"""
PROMOTED = """<lrm_resource id="s" class="ocf" provider="crmd" type="Stateful"><lrm_rsc_op id="s_last_0"
 operation="promote" operation_key="s_promote_0" interval="0" call-id="9" rc-code="0" op-status="0"
 transition-key="1:1:0:x" transition-magic="0:0;1:1:0:x" exec-time="10" last-rc-change="1699999000"/></lrm_resource>"""


@pytest.fixture
def node() -> FakeNode:
    found = FakeNode()
    found.adopt(found.document.apply(Edit(EditVerb.CREATE, STATEFUL, "resources")))
    history = "/cib/status/node_state[@id='1']/lrm/lrm_resources"
    found.adopt(found.document.apply(Edit(EditVerb.CREATE, PROMOTED, xpath=history)))
    return found


@pytest.fixture(scope="module")
def schema() -> etree.RelaxNG | None:
    return etree.RelaxNG(etree.parse(SCHEMA)) if SCHEMA.exists() else None


@pytest.fixture
def run(
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    schema: etree.RelaxNG | None,
) -> Iterator[Run]:
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "s"))

    def command(*words: str, code: int = 0) -> etree._Element:
        found = crm_resource.main([*words, "--output-as=xml"])
        printed = capsys.readouterr()
        assert (found, printed.err) == (code, ""), printed.out + printed.err
        root = etree.fromstring(printed.out)
        if schema is not None:
            schema.assertValid(_older(root))
        status = root.find("status")
        assert status is not None and status.get("code") == str(code)
        return root

    with serving(node, tmp_path / "s", display("crmd")):
        yield command


def _older(root: etree._Element) -> etree._Element:
    """Without what came into the schema after the version that Debian 12 has."""
    copy = deepcopy(root)
    for each in copy.iter("resource", "group", "clone"):
        for name in ("maintenance", "removed"):
            each.attrib.pop(name, "")
    return copy


def _texts(root: etree._Element, path: str) -> list[str | None]:
    return [each.text for each in root.iterfind(path)]


def test_where_it_is(run: Run) -> None:
    assert _texts(run("-W", "-r", "web"), "nodes[@resource='web']/node") == ["one"]
    assert _texts(run("-W", "-r", "db"), "nodes/node") == []
    (promoted,) = run("-W", "-r", "c").iterfind("nodes/node")
    assert (promoted.text, promoted.get("state")) == ("one", "promoted")


def test_what_there_is(run: Run) -> None:
    names = run("-l").find("list")
    assert names is not None and names.get("name") == "resource names"
    assert _texts(names, "item[@name='resource']")[:3] == ["web", "db", "ip"]
    assert [each.get("id") for each in run("-L").iterfind("resources/*")] == ["web", "db", "g", "c"]
    for option in ("-q", "-w"):
        config = run(option, "-r", "g").find("resource_config")
        assert config is not None and [each.tag for each in config] == ["group", "xml"]
        assert str(config.findtext("xml")).startswith('<group id="g">')


def test_why(run: Run, node: FakeNode) -> None:
    (reason,) = run("-Y", "-r", "web").iterfind("reason")
    assert (reason.get("running"), [each.get("id") for each in reason]) == ("true", ["web"])
    assert run("-Y", "-r", "web", "-N", "one").find("reason").get("running_on") == "one"  # type: ignore[union-attr]
    stopped = '<meta_attributes id="dm"><nvpair id="dm1" name="target-role" value="Stopped"/></meta_attributes>'
    node.adopt(node.document.apply(Edit(EditVerb.CREATE, stopped, xpath="//primitive[@id='db']")))
    found = {each.get("id"): each for each in run("-Y").iterfind("reason/resources/resource")}
    assert (found["web"].get("running"), found["db"].get("running")) == ("true", "false")
    assert found["db"].find("check[@remain_stopped='true']") is not None


def test_constraints(run: Run, node: FakeNode) -> None:
    for text in ('<rsc_location id="l" rsc="web" node="one" score="100"/>',
                 '<rsc_colocation id="co" rsc="web" with-rsc="db" score="INFINITY" rsc-role="Started"/>'):
        node.adopt(node.document.apply(Edit(EditVerb.CREATE, text, "constraints")))
    (location, colocation) = run("-a", "-r", "web").iterfind("constraints/*")
    assert dict(location.attrib) == {"id": "l", "rsc": "web", "node": "one", "score": "100"}
    assert colocation.get("with-rsc") == "db" and colocation.get("rsc-role") == "Started"


def test_operations(run: Run) -> None:
    found = {each.get("op"): each for each in run("-O").iterfind("operations/operation")}
    promote = found["s_promote_0"]
    assert (promote.get("call"), promote.get("rc"), promote.get("status")) == ("9", "0", "complete")
    assert promote.get("agent") == "ocf:crmd:Stateful" and promote.get("exec-time") == "10"
    assert [each.get("rsc") for each in run("-o", "-r", "ip").iterfind("operations/operation")] == ["ip", "ip"]
    assert run("-O", "-r", "db").find("operations") is None


def test_agents(run: Run) -> None:
    assert _texts(run("--list-standards"), "list[@name='standards']/item") == ["ocf"]
    assert "HttpServer" in _texts(run("--list-agents", "ocf:crmd"), "agents[@provider='crmd']/agent")
    assert _texts(run("--list-ocf-providers"), "providers[@standard='ocf']/provider") == ["crmd"]
    assert _texts(run("--list-ocf-alternatives", "Dummy"), "providers[@for='Dummy']/provider") == ["crmd"]
    metadata = run("--show-metadata", "ocf:crmd:HttpServer").findtext("metadata")
    assert etree.fromstring(str(metadata)).get("name") == "HttpServer"


@pytest.mark.parametrize("standard", ["upstart", "nagios"])
def test_what_cannot_be_run_is_said(run: Run, standard: str) -> None:
    (error,) = _texts(run("--list-agents", standard, code=105), "status/errors/error")
    assert f"cannot run agents of the standard {standard}" in str(error)


def test_values_and_changes(run: Run, node: FakeNode) -> None:
    assert run("-r", "web", "-m", "-p", "priority", "-v", "5").find("status[@message='OK']") is not None
    assert _texts(run("-r", "web", "-m", "-g", "priority"), "list[@name='attributes']/item[@name='priority']") == ["5"]
    (error,) = _texts(run("-r", "web", "-m", "-g", "none", code=105), "status/errors/error")
    assert error == "Attribute 'none' not found for 'web'"
    run("-C", "-r", "web")
    assert node.cleaned == [("web", None)]
    assert "no resource nosuch" in str(_texts(run("-W", "-r", "nosuch", code=105), "status/errors/error")[0])


def test_only_the_promoted_role_is_moved(run: Run, node: FakeNode) -> None:
    run("--move", "-r", "c", "--promoted")
    ban = node.document.root.find(".//rsc_location[@id='cli-ban-c-on-one']")
    assert ban is not None and ban.get("role") == "Promoted"
    run("--clear", "-r", "c")
    run("--move", "-r", "c", "-N", "two", "--promoted", "-u", "PT1H")
    preference = node.document.root.find(".//rsc_location[@id='cli-prefer-c']")
    assert preference is not None and preference.get("role") == "Promoted" and preference.find("rule") is not None
    (error,) = _texts(run("--ban", "-r", "web", "--promoted", code=1), "status/errors/error")
    assert "web is promoted nowhere" in str(error)
