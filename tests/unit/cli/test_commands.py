"""The commands against a daemon of a few lines: what they ask, what they print, how they end."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.cli import crmctl
from crm.cli.connection import SOCKET_VARIABLE
from crm.cli.crmctl_commands.status_overview import overview
from crm.cli.pacemaker import cibadmin, crm_mon


class FakeDaemon:
    """Answers every request with the same bytes, and remembers what it was asked."""

    def __init__(self, path: Path) -> None:
        self.requests: list[tuple[str, bytes]] = []
        self.answer = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def says(self, status: int, body: object, content_type: str = "application/json") -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        head = f'HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nETag: "0.5.0"\r\nContent-Length: {len(raw)}'
        self.answer = head.encode() + b"\r\n\r\n" + raw

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                raw = b""
                while b"\r\n\r\n" not in raw:
                    raw += connection.recv(65536)
                head, _, body = raw.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                while len(body) < length:
                    body += connection.recv(65536)
                self.requests.append((head.decode().split(" HTTP")[0], body))
                connection.sendall(self.answer)


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    path = tmp_path / "s"
    monkeypatch.setenv(SOCKET_VARIABLE, str(path))
    daemon = FakeDaemon(path)
    yield daemon
    daemon.close()


COMMITTED = {"dry_run": False, "version": "0.6.0", "term": 3, "reports": []}
PLAN = {"dry_run": True, "actions": [{"operation": "stop", "resource": "web", "node": "one"}], "reports": []}


@pytest.mark.parametrize(
    ("arguments", "asked", "body"),
    [
        (["-Q"], "GET /v1/cib", ""),
        (["-Q", "-o", "nodes"], "GET /v1/cib?section=nodes", ""),
        (["-Q", "-A", "//node[@id='1']"], "GET /v1/cib?xpath=%2F%2Fnode%5B%40id%3D%271%27%5D", ""),
        (["-R", "-X", "<cib/>"], "PUT /v1/cib", "<cib/>"),
        (["-R", "-o", "nodes", "-X", "<nodes/>"], "PUT /v1/cib?section=nodes", "<nodes/>"),
        (["-R", "-X", "<tags/>"], "PUT /v1/cib?section=tags", "<tags/>"),
        (["-P", "-X", "<diff/>"], "PATCH /v1/cib", "<diff/>"),
    ],
)
def test_cibadmin_asks_for(daemon: FakeDaemon, arguments: list[str], asked: str, body: str) -> None:
    daemon.says(200, COMMITTED)
    assert cibadmin.main(arguments) == 0
    assert daemon.requests == [(asked, body.encode())]


@pytest.mark.parametrize(
    ("arguments", "edit"),
    [
        (["-C", "-o", "resources", "-X", "<group/>"], {"verb": "create", "section": "resources", "xml": "<group/>"}),
        (["-M", "-X", "<node/>"], {"verb": "modify", "xml": "<node/>"}),
        (["-M", "-c", "-X", "<node/>"], {"verb": "upsert"}),
        (["-D", "-A", "//tag"], {"verb": "delete", "xpath": "//tag", "xml": "", "every": False}),
        (["-d", "-A", "//tag"], {"verb": "delete", "every": True}),
        (["-R", "-X", "<node id='1'/>"], {"verb": "replace", "xml": "<node id='1'/>"}),
    ],
)
def test_cibadmin_edits(daemon: FakeDaemon, arguments: list[str], edit: dict[str, object]) -> None:
    daemon.says(200, COMMITTED)
    assert cibadmin.main(arguments) == 0
    asked, body = daemon.requests[0]
    assert asked == "PATCH /v1/cib"
    assert edit.items() <= json.loads(body).items()


def test_cibadmin_prints_the_plan_of_a_dry_run(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.says(200, PLAN)
    assert cibadmin.main(["-D", "-X", "<group id='g'/>", "--dry-run"]) == 0
    assert daemon.requests[0][0].endswith("?dry_run=true")
    assert capsys.readouterr().out.split() == ["Steps:", "1.", "stop", "web", "on", "one"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["-R"], 64), (["-R", "-X", "<a", "-p"], 64), (["-R", "-x", "/no/such/file"], 66), (["-R", "-X", "<a"], 78)],
)
def test_cibadmin_needs_one_readable_input(
    daemon: FakeDaemon, arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cibadmin.main(arguments) == code
    assert daemon.requests == []
    assert capsys.readouterr().err.startswith("cibadmin: ")


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        ({"code": "no-quorum", "detail": "No quorum", "next_step": "Wait"}, 106, "No quorum\ncibadmin: Wait"),
        ({"code": "stale-version", "detail": "Old"}, 103, "Old"),
        ({"code": "invalid-cib", "detail": "x (line 3): wrong", "next_step": "Did you mean y?"}, 78, "Did you mean y?"),
        ({"code": "no-such-object", "detail": "None"}, 105, "None"),
        ({"code": "unheard-of", "detail": "Hm"}, 1, "Hm"),
    ],
)
def test_problems_become_messages_and_exit_codes(
    daemon: FakeDaemon, problem: dict[str, str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.says(422, problem, "application/problem+json")
    assert cibadmin.main(["-Q"]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 500 X\r\n\r\n<html>", b"HTTP/1.1 400 X\r\n\r\n[1]"]
)
def test_a_daemon_that_answers_nonsense_is_no_traceback(daemon: FakeDaemon, answer: bytes) -> None:
    daemon.answer = answer
    assert crmctl.main(["cib"]) in (1, 102)


def test_no_daemon_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "none"))
    assert crm_mon.main(["-1"]) == 102
    said = capsys.readouterr().err
    assert "crmd does not run on this node" in said and SOCKET_VARIABLE in said


@pytest.mark.parametrize(
    ("arguments", "asked", "body", "said"),
    [
        (["standby", "one", "--no-wait"], "POST /v1/nodes/one/standby", {}, "undo: crmctl online one"),
        (["online", "one", "--no-wait"], "POST /v1/nodes/one/online", {}, "Node one is online"),
        (
            ["move", "web", "two", "--for", "2h", "--no-wait"],
            "POST /v1/resources/web/move",
            {"node": "two", "for_seconds": 7200},
            "2h",
        ),
        (
            ["move", "web", "--forever", "--no-wait"],
            "POST /v1/resources/web/move",
            {"node": None, "for_seconds": None},
            "away until",
        ),
        (["clear", "web", "--no-wait"], "POST /v1/resources/web/clear", {}, "web may run"),
    ],
)
def test_crmctl_does_and_says_how_to_undo(
    daemon: FakeDaemon, arguments: list[str], asked: str, body: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.says(200, COMMITTED)
    assert crmctl.main(arguments) == 0
    assert (daemon.requests[0][0], json.loads(daemon.requests[0][1] or "{}")) == (asked, body)
    assert said in capsys.readouterr().out


def test_a_time_that_is_none_is_refused(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert crmctl.main(["move", "web", "two", "--for", "soon"]) == 64
    assert "2h" in capsys.readouterr().err


def test_the_overview_shows_what_matters_first() -> None:
    child = {"id": "ip", "kind": "primitive", "agent": "ocf:x:y", "role": "Stopped", "nodes": [], "managed": True}
    child |= {"failed": True, "blocked": False, "children": []}
    group = child | {"id": "g", "kind": "group", "agent": None, "role": "Started", "failed": False, "children": [child]}
    node = {"name": "one", "state": "online", "online": True, "is_dc": True, "resources": ["ip"]}
    failure = {"resource": "ip", "operation": "start", "node": "one", "rc": 1, "reason": "", "at": None}
    cluster = {
        "nodes": [node],
        "quorate": False,
        "dc": None,
        "term": 1,
        "version": "0.1.0",
        "resources": [group],
        "failures": [failure | {"next_step": "crmctl cleanup ip"}],
        "reports": [{"severity": "warning", "where": "o", "message": "Odd", "hint": "Mend it"}],
    }
    text = "\n".join(overview(cluster))
    assert text.startswith("1 of 1 nodes online, WITHOUT QUORUM, no DC")
    for expected in ("one  online (DC)", "    ip", "[failed]", "exit code 1", "crmctl cleanup ip", "Mend it"):
        assert expected in text


@pytest.mark.parametrize("module", [
    "crmctl", "pacemaker.crm_mon", "pacemaker.cibadmin", "pacemaker.crm_resource", "pacemaker.standby_failcount_ticket",
])
def test_commands_load_little(module: str) -> None:
    """Scripts and agents call them by the hundred: no library outside the standard one, and nothing slow."""
    program = f"import sys; import crm.cli.{module}; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"lxml", "pydantic", "fastapi", "networkx", "asyncio", "http.client", "email", "subprocess", "json.decoder"}
    assert heavy & set(loaded) <= ({"json.decoder"} if module == "pacemaker.cibadmin" else set())
