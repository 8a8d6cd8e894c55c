"""The words of crmctl, from the command line through the REST API to the configuration and back to the screen."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from crm.api.middleware import audit
from crm.cib.changes import Edit
from crm.cib.document import Document
from crm.cli import crmctl
from crm.cli.connection import SOCKET_VARIABLE, _worded, in_sentences
from crm.controller.commands import ActionTiming, TransitionEnded
from crm.model.report import Report, Severity
from tests.unit.api.node import FakeNode
from tests.unit.cli.serving import serving
from tests.unit.daemon.test_transition_archive import begun

Run = Callable[..., str]


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def run(
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Runs a command line; answers with all that it printed, and checks its exit code."""
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "s"))

    def command(*words: str, code: int = 0) -> str:
        found = crmctl.main(words)
        printed = capsys.readouterr()
        assert found == code, printed.out + printed.err
        return printed.out + printed.err

    with serving(node, tmp_path / "s"):
        yield command


def test_a_resource_from_the_command_line(run: Run, node: FakeNode) -> None:
    words = ("port=80", "op", "monitor", "interval=10s", "timeout=20s", "meta", "priority=5", "--no-wait")
    plan = run("resource", "create", "site", "ocf:crmd:HttpServer", *words, "--dry-run")
    assert "+ primitive site" in plan and "start site on" in plan and node.document.version == (0, 5, 0)
    assert "site is configured" in run("resource", "create", "site", "ocf:crmd:HttpServer", *words)
    shown = json.loads(run("resource", "show", "site"))
    assert (shown["parameters"], shown["meta"]) == ({"port": "80"}, {"priority": "5"})
    assert "Did you mean port?" in run("resource", "create", "x", "ocf:crmd:HttpServer", "prt=1", code=1)
    run("resource", "group", "all", "site", "web", "--no-wait")
    assert "  site" in run("resource", "list")
    run("resource", "meta", "all", "priority", "7", "--no-wait")
    assert "undo: crmctl resource start all" in run("resource", "stop", "all", "--no-wait")
    run("resource", "start", "all", "--no-wait")
    assert "No change needed" in run("resource", "start", "all", "--no-wait")
    assert json.loads(run("resource", "show", "all"))["meta"] == {"priority": "7"}
    run("resource", "delete", "all", "--keep-members", "--no-wait")
    run("resource", "delete", "site", "--no-wait")
    assert "crmctl resource" not in run("resource", "show", "sie", code=105)


def test_a_resource_goes_through_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "web.json"
    file.write_text(run("resource", "show", "web"))
    changed = {**json.loads(file.read_text()), "description": "the site"}
    file.write_text(json.dumps(changed))
    run("resource", "define", str(file))
    assert json.loads(run("resource", "show", "web"))["description"] == "the site"
    file.write_text("[]")
    assert "is not the JSON of a resource" in run("resource", "define", str(file), code=65)


def test_constraints_tell_what_they_do(run: Run) -> None:
    assert "web prefers with 100 one." in run("constraint", "location", "l", "web", "one", "100")
    assert "runs only together with" in run("constraint", "colocation", "c", "web", "db")
    assert "Only if both happen" in run("constraint", "order", "o2", "db", "web", "--kind", "Optional")
    assert "fenced" in run("constraint", "ticket", "t", "paris", "web", "--loss-policy", "fence")
    assert run("constraint", "list", "db").count("(") == 2
    run("constraint", "delete", "l")
    assert "web prefers" not in run("constraint", "list")


def test_properties(run: Run) -> None:
    assert "fencing-enabled" in run("property", "list")
    assert "stop" in run("property", "show", "no-quorum-policy")
    assert "Did you mean no-quorum-policy?" in run("property", "show", "no-quorum-polic", code=105)
    run("property", "set", "maintenance-mode", "true")
    assert "maintenance-mode = true" in run("property", "show", "maintenance-mode")
    run("property", "set", "batch-limit=7")
    assert "batch-limit = 7" in run("property", "show", "batch-limit")
    assert "which value" in run("property", "set", "batch-limit", code=64)
    run("resource", "meta", "web", "priority=3", "--no-wait")
    assert '"priority": "3"' in run("resource", "show", "web")
    assert "no node nine" in run("fence", "nine", code=105)
    run("property", "unset", "maintenance-mode")
    assert "(default)" in run("property", "show", "maintenance-mode")


def test_nodes_tickets_agents(run: Run) -> None:
    run("node", "utilization", "one", "cpu", "8")
    assert "utilization: cpu=8" in run("node", "show", "one")
    assert "two" in run("node", "list")
    run("ticket", "grant", "paris")
    assert "granted" in run("ticket", "list")
    run("ticket", "forget", "paris")
    assert "ocf:crmd:HttpServer" in run("agent", "list")
    assert "port*: integer" in run("agent", "show", "ocf:crmd:HttpServer")


def test_plan_and_apply(run: Run, node: FakeNode, tmp_path: Path) -> None:
    file = tmp_path / "wanted.xml"
    file.write_bytes(node.document.to_bytes().replace(b'value="false"', b'value="true"'))
    assert "was not planned yet" in run("apply", str(file), code=1)
    assert "~ fencing-enabled of the cluster options: value false → true" in run("plan", str(file))
    run("property", "set", "batch-limit", "3")
    assert "Read the CIB again" in run("apply", str(file), code=103)
    run("plan", str(file))
    file.write_bytes(file.read_bytes() + b"\n")
    assert "was changed since it was planned" in run("apply", str(file), code=103)
    run("plan", str(file))
    assert "Applied" in run("apply", str(file))
    assert "~ " in run("history", "diff") or "- batch-limit" in run("history", "diff")
    assert "Went back" in run("history", "undo")
    assert "batch-limit" in run("property", "list")
    assert "present" in run("history", "list")


def test_a_simulation(run: Run) -> None:
    text = run("simulate", "--lose", "one")
    assert "web goes from one to two; interrupted for" in text
    assert "There are one, two" in run("simulate", "--lose", "nine", code=105)


def test_tasks(run: Run, node: FakeNode) -> None:
    assert "Not done within 1 s" in run("wait", "--timeout", "1s", code=124)
    restless = Report(Severity.WARNING, "plan-restless", "cluster", "The cluster does not come to rest", "crm_verify")
    node.state = replace(node.state, reports=(restless,))
    assert "does not come to rest" in run("wait", "--timeout", "1min", code=1)
    assert "failed" in run("task", "list")


def test_transitions(run: Run, node: FakeNode) -> None:
    asyncio.run(node.archive.begun(begun(7)))
    times = (ActionTiming(1, 1001.0, 1009.0, True),)
    asyncio.run(node.archive.ended(TransitionEnded(7, "complete", "", 1010.5, times)))
    assert "one-1" in (listed := run("transition", "list")) and "complete" in listed
    assert "Those that two led are not listed" in listed
    assert "+0.00 s  start web on one: done after 8.00 s" in run("transition", "show", "one-1")
    assert run("transition", "graph", "1").startswith('digraph "one-1"')
    assert run("transition", "input", "1").startswith("<cib")
    assert "would be another one now" in run("transition", "replay", "1", code=1)
    assert "crmctl transition list" in run("transition", "show", "one-9", code=105)


def test_tags_users_and_groups_are_lists_that_grow_and_shrink(run: Run) -> None:
    plan = run("tag", "create", "front", "web", "--dry-run")
    assert "+ tag front" in plan and "front" not in run("tag", "list")
    assert "Tag front is configured" in run("tag", "create", "front", "web")
    run("tag", "add", "front", "db", "web")
    assert json.loads(run("tag", "show", "front"))["objects"] == ["web", "db"]
    run("tag", "remove", "front", "web")
    assert "It has db" in run("tag", "remove", "front", "web", code=105)
    assert "undo: crmctl history undo" in run("tag", "delete", "front")
    run("role", "create", "watcher", "read", "xpath=/cib")
    run("user", "create", "anna", "watcher")
    run("user-group", "create", "ops", "watcher")
    assert run("user", "list").split()[-2:] == ["anna", "watcher"]
    assert run("user-group", "list").split()[-2:] == ["ops", "watcher"]


def test_roles_are_written_as_they_are_shown(run: Run) -> None:
    words = ("read", "xpath=/cib", "write", "object-type=nvpair", "attribute=value", "deny", "reference=db")
    run("role", "create", "operator", *words)
    assert "read xpath=/cib; write object-type=nvpair attribute=value; deny reference=db" in run("role", "list")
    assert "enable-acl" in run("role", "create", "bad", "xpath=/cib", code=64)
    assert "is not understood" in run("role", "create", "bad", "read", "xpth=/cib", code=64)


def test_alerts(run: Run, tmp_path: Path) -> None:
    run("alert", "create", "mail", "/bin/mail.sh", "a@x", "b@x", "from=me", "--kinds", "nodes,fencing",
        "--timeout", "10s")
    shown = json.loads(run("alert", "show", "mail"))
    assert [each["value"] for each in shown["recipients"]] == ["a@x", "b@x"]
    assert (shown["parameters"], shown["meta"], sorted(shown["kinds"])) == (
        {"from": "me"}, {"timeout": "10s"}, ["fencing", "nodes"])
    file = tmp_path / "alert.json"
    file.write_text(json.dumps({**shown, "path": "/bin/other.sh"}))
    run("alert", "define", str(file))
    assert "/bin/other.sh" in run("alert", "list")
    assert "kinds" in run("alert", "create", "b", "/x", "--kinds", "moons", code=1)


def test_fencing_levels(run: Run) -> None:
    assert "is no fence device" in run("fence-level", "create", "1", "web", "--node", "two", code=1)
    run("fence-level", "create", "1", "web", "--node", "two", "--force")
    run("fence-level", "create", "2", "web", "db", "--attribute", "rack=b", "--id", "rack-b", "--force")
    listed = run("fence-level", "list")
    assert "fl-two-1  two     1      web" in listed and "rack-b    rack=b  2      web db" in listed
    run("fence-level", "delete", "rack-b")
    assert "rack-b" not in run("fence-level", "list")


def test_defaults(run: Run, tmp_path: Path) -> None:
    run("defaults", "set", "resource", "resource-stickiness=100", "priority=1")
    run("defaults", "set", "resource", "resource-stickiness=200")
    assert "resource-stickiness=200 priority=1" in run("defaults", "list")
    run("defaults", "unset", "resource", "priority")
    run("defaults", "set", "operation", "timeout=30s")
    assert json.loads(run("defaults", "show", "operation", "op-options"))["values"] == {"timeout": "30s"}
    file = tmp_path / "nights.json"
    rule = {"kind": "rule", "conditions": [{"kind": "agent", "type": "Dummy"}]}
    file.write_text(json.dumps({"id": "nights", "values": {"priority": "7"}, "rule": rule}))
    run("defaults", "define", "resource", str(file))
    assert "with a rule" in run("defaults", "list")
    run("defaults", "delete", "resource", "nights")
    assert "No change needed" in run("defaults", "unset", "resource", "nothing")


def test_results_and_failures(run: Run) -> None:
    assert "start      one   exit code 1" in run("operation", "list", "ip")
    assert "ip start on one: port in use" in run("failure", "list")
    assert run("failure", "list", "--node", "two") == "Nothing has failed\n"
    assert "FAILURES" in run("failure", "counts")


def test_the_audit_log(run: Run, tmp_path: Path) -> None:
    handler = audit.write_to(tmp_path / "audit.log", 20_000, 3)
    assert handler is not None
    handler.handle(logging.makeLogRecord({"audit": {
        "method": "POST", "path": "/v1/nodes/one/standby", "query": "", "user": "anna", "door": "unix socket",
        "from": "local", "status": 403, "code": "permission-denied", "version": "0.5.0"}}))
    try:
        for words in ((), ("--user", "anna"), ("--refused",)):
            assert "anna (unix socket)  403     POST /v1/nodes/one/standby" in run("audit", *words), words
        assert "anna" not in run("audit", "--user", "ben")
    finally:
        audit.audit.removeHandler(handler)
        handler.close()


def test_a_ticket_is_shown_with_what_needs_it(run: Run) -> None:
    run("constraint", "ticket", "need", "paris", "web")
    assert "paris is revoked; last granted: never" in (shown := run("ticket", "show", "paris")) and "web" in shown
    assert json.loads(run("constraint", "show", "need"))["ticket"] == "paris"


def test_every_command_of_crmctl_has_a_help_text() -> None:
    """Down to the last verb."""
    waiting = [("crmctl", crmctl._parser(""))]
    while waiting:
        name, parser = waiting.pop()
        for action in parser._actions:
            if not isinstance(action, argparse._SubParsersAction):
                continue
            helped = {each.dest: each.help for each in action._choices_actions}
            for word, below in action.choices.items():
                assert helped.get(word), f"{name} {word}"
                waiting.append((f"{name} {word}", below))


def test_whatever_changes_something_can_be_planned_only(run: Run, node: FakeNode) -> None:
    before = node.document
    for words in (("cleanup", "web"), ("fence", "one"), ("resource", "restart", "web"), ("standby", "one"),
                  ("node", "attribute", "one", "load", "3", "--transient"), ("node", "attribute", "one", "load", "3")):
        assert "Steps:" in run(*words, "--dry-run"), words
    assert "is a member of the cluster" in run("confirm", "one", "--dry-run", code=1)
    assert node.document is before and (node.fenced, node.cleaned, node.attributes) == ([], [], [])
    assert "load of one is 3" in run("node", "attribute", "one", "load", "3", "--transient")
    assert node.attributes == [("one", "load", "3", None)]
    assert "Cleared the history of 1 resource; re-probing" in run("cleanup", "web", "--no-wait")


def test_who_confirms_that_the_other_of_two_is_off_hears_what_is_lost_by_that(run: Run, node: FakeNode) -> None:
    assert "data will be damaged. Nothing was done" in run("confirm", "two", code=64)
    alone = Report(Severity.WARNING, "started-alone", "one", "It has started without two", "Boot two")
    node.state = replace(node.state, reports=(alone,))
    said = run("confirm", "two", code=64)
    assert "what two alone has changed" in said and "is lost. To boot two loses nothing" in said
    assert not node.fenced


def test_plan_and_apply_say_what_is_wrong_with_agents_and_constraints(run: Run, node: FakeNode, tmp_path: Path) -> None:
    new = ('<primitive id="p1" class="ocf" provider="crmd" type="HttpServr"/>'
           '<primitive id="p2" class="ocf" provider="crmd" type="HttpServer"><instance_attributes id="p2-i">'
           '<nvpair id="p2-n" name="prot" value="1"/></instance_attributes></primitive>'
           '<template id="t" class="ocf" provider="crmd" type="HttpServer"/>'
           '<primitive id="p3" template="t"/></resources>')
    apart = '<rsc_colocation id="{}" rsc="p1" with-rsc="p2" score="{}INFINITY"/>'
    root = Document.parse(node.document.to_bytes().replace(b"</resources>", new.encode()))
    for number, sign in enumerate(("", "-")):
        root = root.apply(Edit("create", apart.format(f"c{number}", sign), "constraints"))
    file = tmp_path / "wanted.xml"
    file.write_bytes(root.to_bytes())
    wrong = ("Did you mean ocf:crmd:HttpServer?", "prot", "Add port", "that cannot all be kept")
    planned = run("plan", str(file))
    assert not node.validated, "whoever plans has nothing run"
    applied = run("apply", str(file))
    assert [each for each in wrong if each not in planned or each not in applied] == []
    assert "p3" in applied and "p3 has no agent" not in applied


def test_names_that_nothing_has_are_no_empty_answers(run: Run) -> None:
    for words in (("operation", "list"), ("failure", "list"), ("failure", "show"), ("failure", "counts")):
        assert "nope" in run(*words, "nope", code=105), words
    assert "nine" in run("operation", "list", "--node", "nine", code=105)


def test_several_nodes_at_once(run: Run) -> None:
    said = run("standby", "one", "two", "--no-wait")
    assert "Node one is in standby" in said and "Node two is in standby" in said
    assert "Node two is online" in run("online", "one", "two", "--no-wait")


def test_an_agent_without_its_provider_and_an_attribute_that_nobody_knows(run: Run) -> None:
    assert "Write it as ocf:PROVIDER:HttpServer" in run("resource", "create", "x", "HttpServer", "port=1", code=1)
    said = run("resource", "create", "y", "ocf:crmd:HttpServer", "port=1", "meta", "is-manged=false", "--no-wait")
    assert "There is no meta attribute is-manged" in said and "Did you mean is-managed?" in said


def test_reports_are_sentences() -> None:
    assert in_sentences("It is so.", "Change it.") == "It is so. Change it" == in_sentences("It is so", "Change it")
    assert in_sentences("It is so.", "") == "It is so"
    problem = {"reports": [{"line": None, "where": "x", "message": "wrong"},
                           {"line": 3, "where": "y", "message": "bad"}]}
    assert _worded(problem) == "2 things are wrong:\n  x: wrong\n  line 3, y: bad"
