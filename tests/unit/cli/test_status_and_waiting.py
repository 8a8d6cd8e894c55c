"""What people read: who is promoted, everything about one resource or node, and a line of progress."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crm.cli import crmctl
from crm.cli.connection import SOCKET_VARIABLE
from crm.cli.crmctl_commands.status_overview import resources
from crm.cli.crmctl_commands.task_progress import ProgressLine, progress
from crm.cli.pacemaker import crm_verify
from crm.model.transition import Transition
from tests.unit.api.node import FakeNode
from tests.unit.cli.serving import serving

Run = Callable[..., str]
SECRET = ('<primitive id="vault" class="ocf" provider="crmd" type="Dummy"><instance_attributes id="v">'
          '<nvpair id="v1" name="password" value="tellnobody"/><nvpair id="v2" name="fake" value="seen"/>'
          '</instance_attributes><operations><op id="vo" name="monitor" interval="10s"/></operations></primitive>')


class IdleNode(FakeNode):
    """One whose cluster has nothing to do."""

    async def plan(self, document: Any) -> Transition:
        return Transition(1)


@pytest.fixture
def node() -> FakeNode:
    return IdleNode()


@pytest.fixture
def run(
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "s"))

    def command(*words: str, code: int = 0) -> str:
        found = crmctl.main(words)
        printed = capsys.readouterr()
        assert found == code, printed.out + printed.err
        return printed.out + printed.err

    with serving(node, tmp_path / "s"):
        yield command


def entry(name: str, role: str, *nodes: str, kind: str = "primitive", children: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {"id": name, "kind": kind, "agent": None, "role": role, "nodes": list(nodes), "managed": True,
            "failed": False, "blocked": False, "children": list(children)}


def test_the_status_says_who_is_promoted() -> None:
    clone = entry("db", "Started", "a", "b", kind="clone", children=(
        entry("x:0", "Promoted", "a"), entry("x:1", "Unpromoted", "b")))
    assert [line.split() for line in resources([clone])][1:] == [["Promoted", "a"], ["Unpromoted", "b"]]
    groups = entry("gs", "Started", "a", kind="clone", children=(
        entry("g:0", "Started", "a", kind="group", children=(entry("x:0", "Unpromoted", "a"),)),))
    assert ["Promoted", "nobody"] in [line.split() for line in resources([groups])]
    plain = entry("ping", "Started", "a", kind="clone", children=(entry("p:0", "Started", "a"),))
    assert len(list(resources([plain]))) == 1


def test_what_is_under_way_is_not_told_as_done() -> None:
    """A start that takes a minute would otherwise read as a service that is there."""
    starting = entry("db", "Started", "a") | {"under_way": "start"}
    watched = entry("web", "Started", "a") | {"under_way": "monitor"}
    assert [line.split()[1] for line in resources([starting, watched])] == ["Starting", "Started"]


def test_everything_about_a_resource(run: Run) -> None:
    run("resource", "ban", "web", "two", "--no-wait")
    run("constraint", "order", "first", "web", "db")
    shown = run("status", "web")
    assert shown.startswith("web (ocf:crmd:HttpServer) is started on one\n")
    assert "web is started before db is started" in shown
    assert "cli-ban-web-on-two (left by a move or ban): web must not run on nodes where" in shown
    assert "start of web on one: ok" in shown and "crmctl clear web" in shown
    assert "one  runs here" in shown and "score" in shown


def test_failures_stand_with_what_to_do(run: Run) -> None:
    shown = run("status", "ip")
    assert "start of ip on one" in shown and "port in use" in shown and "crmctl cleanup ip" in shown
    assert "in g" in shown.splitlines()[0]


def test_secrets_are_not_shown(run: Run, node: FakeNode) -> None:
    from crm.cib.changes import Edit

    node.adopt(node.document.apply(Edit("create", SECRET, "resources")))
    shown = run("status", "vault")
    assert "fake=seen" in shown and "password=********" in shown and "tellnobody" not in shown
    assert "tellnobody" not in run("status", "vault", "--json")


def test_everything_about_a_node(run: Run) -> None:
    shown = run("status", "one")
    assert "one (node, id 1) is online" in shown and "  web" in shown and "port in use" in shown
    assert "nothing" in run("status", "two")
    assert "two runs nothing" in run("standby", "two")
    assert "crmctl online two" in run("status", "two")
    assert "one still runs web" in run("standby", "one", code=1)
    assert "one runs web" in run("online", "one")
    assert "on one fails again: port in use" in run("cleanup", code=1)
    assert "Nothing has failed since" in run("cleanup", "--node", "two")


def test_a_name_of_nothing_is_answered_with_the_nearest(run: Run) -> None:
    assert "Did you mean web?" in run("status", "wbe", code=105)
    assert "Did you mean one?" in run("status", "oen", code=105)


def test_a_command_ends_with_what_came_of_it(run: Run) -> None:
    told = run("resource", "start", "db", code=1)
    assert "db runs nowhere" in told
    assert "web runs on one (after" in run("resource", "start", "web")
    assert "still active on one" in run("resource", "stop", "web", code=1)
    assert "db is stopped" in run("resource", "stop", "db")
    assert "db is stopped and gone" in run("resource", "delete", "db")


def test_options_may_stand_after_the_parameters(run: Run) -> None:
    words = ("resource", "create", "x", "ocf:crmd:Dummy")
    assert "There is no option --froce" in run(*words, "a=1", "--froce", code=64)
    told = run(*words, "op", "monitor", "interval=10s", "timeout=20s", "--no-wait", "--timeout", "5s")
    assert "x is configured" in told
    told = run("resource", "create", "y", *words[3:], "meta", "priority=1", "promotable", "notify=true", "--no-wait")
    assert "y-clone is configured" in told
    assert '"promotable": "true"' in run("resource", "show", "y-clone")


def test_crm_verify_says_of_a_live_cluster_what_a_write_would(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CIB_file", raising=False)
    assert crm_verify.main(["-L", "-V"]) == 78
    said = capsys.readouterr().err
    assert "The agent ocf:crmd:HttpServer needs the parameter port (where it listens) (web)" in said
    assert "no recurring monitor" not in said, "advice is no matter for scripts"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_one_line_and_nothing_is_left_of_it() -> None:
    stream = Terminal()
    line = ProgressLine(stream)
    line.show("web starts on one")
    line.show("web is looked at on one")
    line.end()
    assert stream.getvalue().count("\n") == 0 and stream.getvalue().endswith("\r\033[K")


def test_elsewhere_only_what_takes_long_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("crm.cli.crmctl_commands.task_progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    line = ProgressLine(stream)
    for text in ("web starts on one", "web starts on one", "web is looked at on one"):
        now[0] += 4
        line.show(text)
    line.end()
    assert stream.getvalue() == "web starts on one …\n"


def test_ctrl_c_leaves_the_change_and_says_how_to_take_it_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crm.cli.crmctl_commands.task_progress.send", interrupted)
    assert progress({"id": "one-1", "state": "running", "message": ""}, "crmctl resource start web") == 130
    said = capsys.readouterr().err
    assert "The change stays; take it back: crmctl resource start web" in said and "crmctl task follow one-1" in said
