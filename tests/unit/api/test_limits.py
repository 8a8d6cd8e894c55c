"""How much the API takes: requests, failures, bodies; what its audit log says; who sees secrets."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm.api.auth.scopes import Scope, needed
from crm.api.auth.tokens import new_id
from crm.api.middleware import audit, limits
from crm.api.middleware.limits import Depth, Rate
from crm.cib.changes import Edit, EditVerb
from crm.cib.redaction import REDACTED
from crm.cib.token_lists import still_counts
from crm.policy_engine.scheduling import allow_deep_recursion
from tests.unit.api.node import NOW, FakeNode
from tests.unit.api.test_authentication import READ, WRITE, Client


def test_a_rate_allows_a_burst_and_then_so_many_a_second() -> None:
    rate = Rate(10)
    assert [rate.take("a", 100.0) for _ in range(20)] == [0.0] * 20
    assert rate.take("a", 100.0) == pytest.approx(0.1)
    assert rate.take("b", 100.0) == 0.0
    assert rate.take("a", 100.11) == 0.0
    assert rate.take("a", 100.11) > 0.0


def test_a_rate_does_not_grow_with_strangers() -> None:
    rate = Rate(10)
    for number in range(30_000):
        rate.take(str(number), 100.0)
    assert len(rate._buckets) <= 10_000


def test_too_many_requests_are_turned_away_with_the_time_to_wait() -> None:
    client = Client(requests_per_second=5)
    token = client.token()
    answers = [client.ask(*READ, token=token) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[-1].json()["code"] == "too-many-requests"
    assert answers[-1].headers["Retry-After"] == "1"
    assert client.ask("GET", "/v1/health/live").status_code == 200
    client.now += 1
    assert client.ask(*READ, token=token).status_code == 200
    client.uid = os.getuid()
    assert {client.ask(*READ).status_code for _ in range(30)} == {200}


def test_guessing_tokens_is_slow() -> None:
    client = Client()
    codes = [client.ask(*READ, token="crmd1.e30.AAAA").json()["code"] for _ in range(40)]
    assert codes[:30] == ["bad-token"] * 30
    assert set(codes[30:]) == {"too-many-failures"}
    assert client.ask(*READ, token=client.token()).status_code == 429
    client.now += 60
    assert client.ask(*READ, token=client.token()).status_code == 200


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    ("path", "most"), [("/v1/resources/web/move", "BODY_LIMIT_BYTES"), ("/v1/cib", "CIB_LIMIT_BYTES")]
)
def test_a_body_has_a_limit(monkeypatch: pytest.MonkeyPatch, path: str, most: str, declared: bool) -> None:
    monkeypatch.setattr(limits, most, 1000)
    client = Client()
    client.uid = os.getuid()
    method = "PUT" if path == "/v1/cib" else "POST"
    body: Any = b" " * 1001 if declared else iter([b" " * 600, b" " * 600])
    answer = client.http.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert "1000 bytes" in answer.json()["detail"]


def test_a_body_that_says_that_it_is_too_big_is_not_read() -> None:
    client = Client()
    client.uid = os.getuid()
    scope = {"type": "http", "method": "PUT", "path": "/v1/cib", "raw_path": b"/v1/cib", "query_string": b"",
             "headers": [(b"content-length", str(limits.CIB_LIMIT_BYTES + 1).encode())], "http_version": "1.1",
             "root_path": ""}
    said: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("nothing of it is wanted")

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(client._app(scope, receive, send))
    assert said[0]["status"] == 413


def test_deep_json_is_a_bad_request() -> None:
    allow_deep_recursion()  # as in a daemon that has planned once
    client = Client()
    client.uid = os.getuid()
    for method, path in (("POST", "/v1/resources/web/move"), ("PATCH", "/v1/cib")):
        body = "[" * 200_000
        answer = client.http.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422) and answer.json()["code"] == "bad-request", answer.text


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "deepest"),
    [
        ("", 0),
        ("[]", 1),
        ('{"a": [[], [{}]]}', 4),
        ('{"a": "[[[["}', 1),
        (r'{"a": "\"[[[[", "b": "\\", "c": [1]}', 2),
        (r'["\\\"[[[", "x\\", []]', 2),
        ("]]]][", 0),
    ],
)
def test_depth_is_seen_however_the_text_is_cut(text: str, deepest: int, pieces: int) -> None:
    depth, data = Depth(), text.encode()
    size = max(1, len(data) // pieces)
    found = [depth.after(data[start : start + size]) for start in range(0, len(data), size)]
    assert (found[-1] if found else 0) == deepest


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/metrics", Scope.MONITOR),
        ("HEAD", "/v1/health/resources/web", Scope.MONITOR),
        ("GET", "/v1/cluster", Scope.READ),
        ("POST", "/v1/simulate", Scope.READ),
        ("POST", "/v1/nodes/one/standby", Scope.OPERATE),
        ("POST", "/v1/resources/web/move", Scope.OPERATE),
        ("PUT", "/v1/nodes/one/attributes/a", Scope.OPERATE),
        ("POST", "/v1/nodes/one/fence", Scope.WRITE),
        ("POST", "/v1/fencing/nodes/one", Scope.WRITE),
        ("POST", "/v1/resources", Scope.WRITE),
        ("DELETE", "/v1/resources/web", Scope.WRITE),
        ("PUT", "/v1/cib", Scope.WRITE),
        ("POST", "/v1/tokens", Scope.WRITE),
        ("POST", "/v1/whatever/comes/next", Scope.WRITE),
        ("BREW", "/v1/cluster", Scope.WRITE),
    ],
)
def test_what_a_request_needs(method: str, path: str, scope: Scope) -> None:
    assert needed(method, path) is scope
    assert [each.covers(scope) for each in Scope] == sorted(each.covers(scope) for each in Scope)
    assert scope.covers(scope) and Scope.WRITE.covers(scope)


@pytest.mark.parametrize(
    "address", ["/v1/options/a%01b", "/v1/options/%ef%bf%bf", "/v1/cib?xpath=//a%00", "/v1/nodes/%ed%a0%80"]
)
def test_characters_that_no_name_can_hold_are_refused(address: str) -> None:
    client = Client()
    client.uid = os.getuid()
    answer = client.ask("GET", address)
    assert answer.status_code in (404, 422) and answer.json()["code"] in ("bad-request", "no-such-node"), answer.text


def test_a_certificate_is_a_user() -> None:
    client = Client()
    client.certificate = _certificate("anna", "0A1B")
    assert client.ask(*READ).status_code == 200
    assert client.ask(*WRITE).json()["code"] == "out-of-scope"
    client.node.adopt(client.node.document.apply(Edit(EditVerb.UPSERT, _LISTS_ON, "crm_config")))
    assert client.ask(*WRITE).json()["code"] == "permission-denied"
    client.certificate["subject"] = ((("commonName", "root"),),)
    assert client.ask(*WRITE).status_code == 200
    client.ask("DELETE", "/v1/tokens/a1b")
    assert client.ask(*READ).json()["code"] == "bad-certificate"


def test_a_certificate_without_a_user_or_past_its_end_opens_nothing() -> None:
    client = Client()
    client.certificate = {**_certificate("anna"), "subject": ()}
    assert client.ask(*READ).json()["code"] == "bad-certificate"
    client.certificate = _certificate("root", seconds=-1)
    assert client.ask(*READ).json()["code"] == "bad-certificate"


_LISTS_ON = '<cluster_property_set id="o"><nvpair id="oa" name="enable-acl" value="true"/></cluster_property_set>'


def _certificate(user: str, serial: str = "01", seconds: int = 60) -> dict[str, Any]:
    """What ssl tells of a client's certificate."""
    end = datetime.fromtimestamp(NOW + seconds, UTC).strftime("%b %d %H:%M:%S %Y GMT")
    return {"subject": ((("commonName", user),),), "serialNumber": serial, "notAfter": end}


def test_what_was_revoked_is_forgotten_when_it_would_have_ended() -> None:
    client = Client()
    client.uid = os.getuid()
    old, newer = new_id(NOW + 10), new_id(NOW + 1000)
    for identity in (old, "ab12", newer):
        client.ask("DELETE", f"/v1/tokens/{identity}")
    assert client.ask("GET", "/v1/tokens/revoked").json() == [old, "ab12", newer]
    client.now += 100
    client.ask("DELETE", "/v1/tokens/cd34")
    assert client.ask("GET", "/v1/tokens/revoked").json() == ["ab12", newer, "cd34"]
    assert still_counts(newer, client.now) and not still_counts(old, client.now)


def test_the_audit_log_says_who_what_when_and_what_came_of_it(tmp_path: Path) -> None:
    logging.getLogger("crm.audit").setLevel("INFO")
    file = tmp_path / "log" / "audit.log"
    handler = audit.write_to(file, 10_000, 2)
    assert handler is not None
    try:
        client = Client()
        client.node.adopt(_with_password(client.node))
        client.ask("POST", "/v1/nodes/one/standby?note=hunter2", token=client.token("anna", Scope.WRITE))
        client.ask("POST", "/v1/nodes/nine/standby", token=client.token("anna", Scope.WRITE))
        client.ask(*WRITE)
        client.ask(*READ, token=client.token())
        entries = [json.loads(line) for line in file.read_text().splitlines()]
        assert [(entry["user"], entry["path"], entry["status"], entry["code"]) for entry in entries] == [
            ("anna", "/v1/nodes/one/standby", 422, "unknown-parameter"),
            ("anna", "/v1/nodes/nine/standby", 404, "no-such-node"),
            ("-", "/v1/nodes/one/standby", 401, "no-token"),
        ]
        assert all(entry["at"].endswith("+00:00") and entry["from"] for entry in entries)
        assert "hunter2" not in file.read_text() and REDACTED in file.read_text()
        assert file.stat().st_mode & 0o077 == 0
        for _ in range(200):
            client.ask("POST", "/v1/nodes/nine/standby", token=client.token("anna", Scope.WRITE))
        assert sorted(each.name for each in file.parent.iterdir()) == ["audit.log", "audit.log.1", "audit.log.2"]
        assert file.stat().st_size <= 10_000
    finally:
        logging.getLogger("crm.audit").removeHandler(handler)
        handler.close()


def _with_password(node: FakeNode) -> Any:
    pair = '<nvpair id="db-passwd" name="passwd" value="hunter2"/>'
    attributes = f'<instance_attributes id="db-p">{pair}</instance_attributes>'
    return node.document.apply(Edit(EditVerb.MODIFY, f'<primitive id="db">{attributes}</primitive>'))


def test_secrets_are_shown_to_administrators_only() -> None:
    client = Client()
    client.node.adopt(_with_password(client.node))
    for token, seen in ((client.token(), True), (client.token("anna", Scope.WRITE), False)):
        for query in ("", "?section=resources", "?xpath=//nvpair"):
            assert ("hunter2" in client.ask("GET", f"/v1/cib{query}", token=token).text) is seen
        assert "hunter2" not in client.ask("GET", "/v1/cluster", token=token).text


def test_a_placeholder_is_never_written_over_a_secret() -> None:
    client = Client()
    client.node.adopt(_with_password(client.node))
    token = client.token("anna", Scope.WRITE)
    read = client.ask("GET", "/v1/cib?section=resources", token=token).text
    answer = client.ask("PUT", "/v1/cib?section=resources", token=token, content=read.replace('id="web"', 'id="wob"'))
    assert answer.status_code == 200
    assert client.node.document.root.find(".//nvpair[@id='db-passwd']").get("value") == "hunter2"
    before = client.node.document
    elsewhere = read.replace('id="db-passwd" name="passwd"', 'id="db-other" name="passwd"')
    answer = client.ask("PUT", "/v1/cib?section=resources", token=token, content=elsewhere)
    assert (answer.status_code, answer.json()["code"]) == (422, "redacted-value")
    assert client.node.document is before


def test_no_error_repeats_a_secret() -> None:
    client = Client()
    client.node.adopt(_with_password(client.node))
    token = client.token()
    for path in ("/v1/resources/hunter2", "/v1/cib?xpath=//hunter2[", "/v1/cib?section=hunter2", "/v1/nodes/hunter2"):
        answer = client.ask("GET", path, token=token)
        assert answer.status_code >= 400
        assert "hunter2" not in answer.text, path


def test_a_wrong_value_is_named_with_its_place() -> None:
    client = Client()
    client.uid = os.getuid()
    answer = client.ask("POST", "/v1/resources/web/move", json={"node": "two", "for_seconds": -5})
    assert answer.json()["errors"] == [
        {"where": "body.for_seconds", "message": "Input should be greater than or equal to 1", "value": -5}]


def test_a_mistake_of_ours_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    client.uid = os.getuid()
    monkeypatch.setattr(client.node, "cleanup", lambda *_: 1 / 0)
    answer = client.ask("POST", "/v1/cluster/cleanup")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert "Traceback" not in answer.text and answer.json()["next_step"]


def test_characters_that_no_cib_can_hold_are_named_with_their_place() -> None:
    client = Client()
    client.uid = os.getuid()
    tag = {"id": "t", "references": ["web", "a\u0001b"]}
    answer = client.ask("POST", "/v1/tags", json=tag)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["where"] == "body.references.1"


def test_an_address_cannot_pass_for_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "crm.audit"):
        Client().ask("POST", "/v1/nodes/a%0a2026-01-01 one INFO all is well%1b[2J/standby")
    assert [record.getMessage() for record in caplog.records] == [
        "POST /v1/nodes/a%0A2026-01-01 one INFO all is well%1B[2J/standby by - (tcp): 401 no-token"
    ]


def test_an_audit_log_that_was_moved_away_begins_anew_and_one_that_cannot_be_written_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "state" / "audit.log"
    handler = audit.write_to(file, 10_000, 2)
    assert handler is not None
    try:
        Client().ask(*WRITE)
        file.unlink()
        Client().ask(*WRITE)
        assert file.read_text().count("no-token") == 1
        file.unlink()
        file.parent.rmdir()
        assert Client().ask(*WRITE).status_code == 401
        assert file.read_text().count("no-token") == 1, "the folder is made anew"
        file.unlink()
        file.parent.rmdir()
        file.parent.touch()
        assert Client().ask(*WRITE).status_code == Client().ask(*WRITE).status_code == 401
        assert caplog.text.count("audit entries are not written to") == 1
        (report,) = audit.reports("one")
        assert report.code == "audit-not-written" and "2 are kept in memory" in report.message
        assert str(file.parent) in report.hint
        assert "Traceback" not in capsys.readouterr().err
        file.parent.unlink()
        assert audit.reports("one") == () and "are written to" in caplog.text
        Client().ask(*WRITE)
        assert file.read_text().count("no-token") == 3
    finally:
        logging.getLogger("crm.audit").removeHandler(handler)


def test_audit_entries_are_kept_while_there_is_no_room_and_are_whole_afterwards(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    file, write, room = tmp_path / "audit.log", os.write, [40]

    def limited(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(descriptor, data[:room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(audit, "MOST_KEPT", 3)
    monkeypatch.setattr(os, "write", limited)
    logging.getLogger("crm.audit").setLevel("WARNING")  # the daemon's log may be limited to that
    handler = audit.write_to(file, 10_000, 2)
    try:
        for number in range(5):
            audit.note({"method": "POST", "path": f"/{number}", "user": "root", "door": "unix socket", "status": 200,
                        "code": ""}, refused=False)
        (report,) = audit.reports("one")
        assert "No space left on device. 3 are kept in memory; 2 older ones are lost" in report.message
        room[0] = 100_000
        assert audit.reports("one") == ()
        half, *whole = file.read_text().splitlines()
        assert len(half) == 40 and [json.loads(line)["path"] for line in whole] == ["/2", "/3", "/4"]
    finally:
        logging.getLogger("crm.audit").removeHandler(handler)
