"""crm_resource, crm_standby, crm_failcount, crm_ticket: the options and outputs that scripts know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crm.cib.changes import Edit
from crm.cli.connection import SOCKET_VARIABLE
from crm.cli.pacemaker import cibadmin, crm_attribute, crm_resource, standby_failcount_ticket
from crm.cli.pacemaker import crm_node as node_tool
from tests.unit.api.node import FakeNode
from tests.unit.cli.serving import serving

Run = Callable[..., str]


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def run(
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "s"))

    def command(main: Callable[[list[str]], int], *words: str, code: int = 0) -> str:
        found = main(list(words))
        printed = capsys.readouterr()
        assert found == code, printed.out + printed.err
        return printed.out if code == 0 else printed.err

    with serving(node, tmp_path / "s"):
        yield command


def test_where_a_resource_is(run: Run) -> None:
    assert run(crm_resource.main, "--resource", "web", "--locate") == "resource web is running on: one\n"
    assert run(crm_resource.main, "-W", "-r", "web", "-Q") == "one\n"
    assert run(crm_resource.main, "-W", "-r", "db") == "resource db is NOT running\n"
    assert "no resource nobody" in run(crm_resource.main, "-W", "-r", "nobody", code=105)
    assert run(crm_resource.main, "-l").split() == ["web", "db", "ip"]


def test_parameters_and_meta_attributes(run: Run) -> None:
    said = run(crm_resource.main, "-r", "web", "-p", "port", "-v", "80")
    assert said == ("Set 'web' option: id=web-instance_attributes-port set=web-instance_attributes name=port "
                    "value=80\n")
    assert run(crm_resource.main, "-r", "web", "-g", "port") == "80\n"
    assert "option: id=web-meta_attributes-priority" in run(crm_resource.main, "-r", "web", "--meta", "-p", "priority",
                                                            "-v", "5")
    assert run(crm_resource.main, "-r", "web", "-m", "--get-parameter=priority") == "5\n"
    assert run(crm_resource.main, "-r", "web", "-m", "-d", "priority") == (
        "Deleted 'web' option: id=web-meta_attributes-priority name=priority\n")
    assert "not found" in run(crm_resource.main, "-r", "web", "-m", "-g", "priority", code=105)
    assert '<nvpair id="web-instance_attributes-port"' in run(crm_resource.main, "-q", "-r", "web")


def test_moves_leave_what_pacemakers_leave(run: Run, node: FakeNode) -> None:
    run(crm_resource.main, "-M", "-r", "web", "-N", "two")
    assert node.document.root.find(".//rsc_location[@id='cli-prefer-web']") is not None
    run(crm_resource.main, "-U", "-r", "web")
    run(crm_resource.main, "-B", "-r", "web", "--node", "one", "-u", "PT1H")
    assert node.document.root.find(".//rsc_location[@id='cli-ban-web-on-one']//date_expression") is not None
    assert "PT1H30M" in run(crm_resource.main, "-B", "-r", "web", "-u", "soon", code=64)
    assert "exactly one" in run(crm_resource.main, "-B", "-M", "-r", "web", code=64)


def test_cleanup_and_delete(run: Run, node: FakeNode) -> None:
    assert run(crm_resource.main, "-C", "-r", "web", "-N", "two") == "Cleaned up web on two\n"
    run(crm_resource.main, "--refresh")
    assert node.cleaned == [("web", "two"), (None, None)]
    run(crm_resource.main, "-D", "-r", "db", "-t", "primitive")
    assert node.document.root.find(".//primitive[@id='db']") is None


def test_waiting_has_its_exit_code(run: Run) -> None:
    assert run(crm_resource.main, "--wait", "-T", "1s", code=124) == ""


def test_agents(run: Run) -> None:
    assert run(crm_resource.main, "--list-standards") == "ocf\n"
    assert run(crm_resource.main, "--list-agents", "ocf:crmd").split() == ["HttpServer", "Dummy", "PortHolder"]


def test_standby(run: Run, node: FakeNode) -> None:
    assert run(standby_failcount_ticket.standby, "-G", "-N", "one") == "scope=nodes  name=standby value=off\n"
    run(standby_failcount_ticket.standby, "-v", "on", "-N", "one")
    assert run(standby_failcount_ticket.standby, "-G", "-N", "one", "-q") == "on\n"
    run(standby_failcount_ticket.standby, "-D", "-N", "one")
    assert run(standby_failcount_ticket.standby, "-G", "-q", "-N", "one") == "off\n"


def test_fail_counts(run: Run, node: FakeNode) -> None:
    assert run(standby_failcount_ticket.failcount, "-G", "-r", "ip", "-N", "one") == (
        "scope=status  name=fail-count-ip value=0\n")
    counted = ('<transient_attributes id="1"><instance_attributes id="t"><nvpair id="t1" '
               'name="fail-count-ip#monitor_10000" value="2"/><nvpair id="t2" name="fail-count-ip#start_0" value="3"/>'
               "</instance_attributes></transient_attributes>")
    node.document = node.document.apply(Edit("create", counted, xpath="/cib/status/node_state[@id='1']"))
    assert run(standby_failcount_ticket.failcount, "-G", "-r", "ip", "-N", "one", "-q") == "5\n"
    assert run(standby_failcount_ticket.failcount, "-G", "-r", "ip", "-N", "one", "-q", "-n", "start") == "3\n"
    run(standby_failcount_ticket.failcount, "-D", "-r", "ip", "-N", "one")
    assert node.cleaned == [("ip", "one")]


def test_tickets(run: Run) -> None:
    assert "--force" in run(standby_failcount_ticket.ticket, "-t", "paris", "-g", code=107)
    run(standby_failcount_ticket.ticket, "-t", "paris", "-g", "--force")
    run(standby_failcount_ticket.ticket, "-t", "paris", "--standby")
    assert run(standby_failcount_ticket.ticket, "-l") == "paris\tgranted [standby]\n"
    assert run(standby_failcount_ticket.ticket, "-t", "paris", "-G", "granted") == "true\n"
    run(standby_failcount_ticket.ticket, "-t", "paris", "-c", "--force")
    assert run(standby_failcount_ticket.ticket, "-l") == ""


def test_a_clones_resource_is_where_any_instance_is(run: Run, node: FakeNode) -> None:
    xml = '<clone id="c"><primitive id="watch" class="ocf" provider="crmd" type="Dummy"/></clone>'
    node.document = node.document.apply(Edit("create", xml))
    assert run(crm_resource.main, "-W", "-r", "watch") == "resource watch is NOT running\n"


def test_standby_is_of_this_node_unless_another_is_named(run: Run, node: FakeNode) -> None:
    run(standby_failcount_ticket.standby, "-v", "on")
    assert node.document.root.find(".//crm_config//nvpair[@name='standby']") is None
    assert run(standby_failcount_ticket.standby, "-G", "-N", "one") == "scope=nodes  name=standby value=on\n"
    assert run(standby_failcount_ticket.standby, "-G", "-N", "two", "-q") == "off\n"
    run(standby_failcount_ticket.standby, "-D")
    assert run(standby_failcount_ticket.standby, "-G") == "scope=nodes  name=standby value=off\n"
    assert "neither on nor off" in run(standby_failcount_ticket.standby, "-v", "maybe", code=64)


def test_attributes_of_every_place(run: Run) -> None:
    for place, scope in ((("-t", "crm_config"), "crm_config"), (("-t", "rsc_defaults"), "rsc_defaults"),
                         (("-t", "op_defaults"), "op_defaults"), (("-N", "two"), "nodes"),
                         (("-z", "-N", "two"), "nodes")):
        run(crm_attribute.main, *place, "-n", "timeout", "-v", "7")
        assert run(crm_attribute.main, *place, "-n", "timeout", "-G") == f"scope={scope}  name=timeout value=7\n"
        run(crm_attribute.main, *place, "-n", "timeout", "-D")
        assert "no attribute" in run(crm_attribute.main, *place, "-n", "timeout", "-G", code=105)
    assert run(crm_attribute.main, "-n", "timeout", "-G", "-d", "9", "-q") == "9\n"
    assert "no type" in run(crm_attribute.main, "-t", "tickets", "-n", "a", "-G", code=64)
    assert "no lifetime" in run(crm_attribute.main, "-l", "weekly", "-n", "a", "-G", code=64)


def test_several_attributes_by_a_pattern(run: Run) -> None:
    for name in ("disk-a", "disk-b", "other"):
        run(crm_attribute.main, "-N", "two", "-n", name, "-v", "1")
    assert run(crm_attribute.main, "-N", "two", "-P", "disk-.*", "-G").count("\n") == 2
    run(crm_attribute.main, "-N", "two", "-P", "disk-.*", "-D")
    assert "matches" in run(crm_attribute.main, "-N", "two", "-P", "disk-.*", "-G", code=105)
    assert run(crm_attribute.main, "-N", "two", "-n", "other", "-G", "-q") == "1\n"
    assert "regular expression" in run(crm_attribute.main, "-N", "two", "-P", "(", "-G", code=64)


def test_what_is_doubtful_about_a_value_is_said_at_once(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert crm_attribute.main(["-n", "no-quorum-policy", "-v", "freze"]) == 0
    assert "no-quorum-policy='freze' cannot be read" in capsys.readouterr().err
    assert crm_resource.main(["-r", "web", "-m", "-p", "resource-stickness", "-v", "5"]) == 0
    told = capsys.readouterr().err
    assert "resource-stickiness" in told
    assert "freze" not in told, "what was wrong before is told by crm_verify"


def test_who_is_here_and_who_is_to_be_forgotten(run: Run, node: FakeNode) -> None:
    assert run(node_tool.main, "-N", "2") == "two\n"
    assert "1 (one), 2 (two)" in run(node_tool.main, "-N", "9", code=105)
    assert "is a member" in run(node_tool.main, "-R", "two", "--force", code=1)
    node.document = node.document.apply(Edit("create", '<node id="3" uname="three"/>'))
    assert "Nothing was done" in run(node_tool.main, "-R", "three", code=107)
    run(node_tool.main, "-R", "three", "--force")
    assert node.document.root.find(".//node[@uname='three']") is None


def test_a_cib_in_a_file_is_worked_on_in_place_of_the_clusters(
    run: Run, node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, before = tmp_path / "cib.xml", node.document
    file.write_text(run(cibadmin.main, "--empty"))
    monkeypatch.setenv("CIB_file", str(file))
    ip = '<primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2"/>'
    run(cibadmin.main, "-C", "-o", "resources", "-X", ip)
    assert run(cibadmin.main, "-Q", "-A", "//primitive", "-e") == "/cib/configuration/resources/primitive[@id='ip']\n"
    assert "id already" in run(cibadmin.main, "-C", "-o", "resources", "-X", ip, code=108)
    assert "Did you mean class?" in run(cibadmin.main, "-M", "-X", '<primitive id="ip" clas="x"/>', code=78)
    assert "has version" in run(cibadmin.main, "-D", "-X", '<primitive id="ip"/>', "--if-version", "0.9.0", code=103)
    run(cibadmin.main, "-D", "-X", '<primitive id="ip"/>', "--dry-run")
    assert run(cibadmin.main, "-Q", "-o", "resources", "-n") == "<resources/>\n"
    run(cibadmin.main, "-R", "-o", "resources", "-X", "<resources/>")
    assert "selects no element" in run(cibadmin.main, "-Q", "-A", "//primitive", code=105)
    for tool, words in ((crm_attribute.main, ["-n", "a", "-v", "1"]), (standby_failcount_ticket.standby, ["-v", "on"]),
                        (crm_resource.main, ["-r", "web", "-D", "-t", "primitive"])):
        assert "Nothing was done" in run(tool, *words, code=64)
    assert node.document is before
    monkeypatch.setenv("CIB_file", str(tmp_path / "nowhere"))
    assert "cannot be read" in run(cibadmin.main, "-Q", code=66)


def test_the_last_thing_to_do_counts_as_agents_rely_on(run: Run) -> None:
    """`crm_node -l -p`, as rabbitmq-server-ha has it."""
    assert run(node_tool.main, "-l", "-p") == run(node_tool.main, "-p")
    assert "exactly one thing" in run(node_tool.main, "--force", code=64)
