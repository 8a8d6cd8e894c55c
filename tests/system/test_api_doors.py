"""The TCP door of a real daemon: whom it lets in, and what it does with clients that mean no good."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.system.machines import until
from tests.system.single_node import SingleNode, single_node


@pytest.fixture(scope="module")
def node() -> Iterator[SingleNode]:
    with single_node("requests_per_second = 100000\nconnections = 150") as running:
        yield running


@pytest.fixture(scope="module")
def trust(node: SingleNode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the cluster's authority."""
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    file.write_text(node.crmctl("certificate", "authority"))
    return file


def _client(node: SingleNode, trust: Path, pair: Path | None = None, token: str = "") -> httpx.Client:
    context = ssl.create_default_context(cafile=str(trust))
    if pair is not None:
        context.load_cert_chain(pair)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=node.url, verify=context, headers=headers, timeout=10)


def _token(node: SingleNode, *words: str) -> str:
    return node.crmctl("token", "create", *words).splitlines()[-1]


def test_the_certificate_is_the_clusters_and_holds_for_name_and_address(node: SingleNode, trust: Path) -> None:
    for place in ("localhost", "127.0.0.1"):
        url = f"https://{place}:{node.port}/v1/health/live"
        assert httpx.get(url, verify=ssl.create_default_context(cafile=str(trust))).status_code == 200
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{node.url}/v1/health/live")
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://localhost:{node.port}/v1/health/live")


def test_nobody_comes_in_without_a_token_or_a_certificate(node: SingleNode, trust: Path) -> None:
    with _client(node, trust) as stranger:
        assert stranger.get("/v1/cluster").status_code == 401
        assert stranger.put("/v1/cib", content="<cib/>").json()["code"] == "no-token"
    with _client(node, trust, token=_token(node, "--scope", "monitor")) as monitor:
        assert monitor.get("/metrics").status_code == 200
        assert monitor.get("/v1/cluster").json()["code"] == "out-of-scope"


def test_a_client_certificate_is_a_user_until_it_is_revoked(node: SingleNode, trust: Path, tmp_path: Path) -> None:
    pair = tmp_path / "anna.pem"
    made = node.crmctl("certificate", "create", "anna", "--for", "1h")
    pair.write_text(made)
    with _client(node, trust, pair) as anna:
        assert anna.get("/v1/cluster").status_code == 200
        assert anna.post("/v1/nodes/alone/standby").json()["code"] == "out-of-scope"
    root = tmp_path / "root.pem"
    root.write_text(node.crmctl("certificate", "create", "root", "--for", "1h"))
    with _client(node, trust, root) as administrator:
        assert administrator.put("/v1/nodes/alone/attributes/a", json={"value": "1"}).status_code == 200
    node.crmctl("certificate", "revoke", made.splitlines()[0].split()[-1])
    with _client(node, trust, pair) as anna:
        assert anna.get("/v1/cluster").json()["code"] == "bad-certificate"


def test_a_certificate_of_somebody_else_opens_nothing(node: SingleNode, trust: Path, tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    from crm.daemon.certificates import CertificateAuthority

    now = datetime.now(UTC)
    foreign = CertificateAuthority(b"a key of another cluster").for_user("root", now + timedelta(hours=1), now)
    pair = tmp_path / "foreign.pem"
    pair.write_bytes(foreign.key + foreign.certificate)
    with _client(node, trust, pair) as stranger, pytest.raises(httpx.HTTPError):
        stranger.get("/v1/cluster")


def test_an_event_stream_ends_when_its_token_is_revoked(node: SingleNode, trust: Path) -> None:
    made = node.crmctl("token", "create").splitlines()
    with _client(node, trust, token=made[-1]) as client, client.stream("GET", "/v1/events") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("id: ")
        node.crmctl("token", "revoke", made[0].split()[-1])
        events = [line for line in lines if line.startswith("event: ")]
        assert events[-1] == "event: end"


def _connected(node: SingleNode, trust: Path) -> ssl.SSLSocket:
    raw = socket.create_connection(("localhost", node.port), timeout=20)
    return ssl.create_default_context(cafile=str(trust)).wrap_socket(raw, server_hostname="localhost")


def _answer(connection: ssl.SSLSocket) -> bytes:
    parts = []
    with contextlib.suppress(OSError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_who_does_not_finish_the_head_of_a_request_is_sent_away(node: SingleNode, trust: Path) -> None:
    began = time.monotonic()
    with _connected(node, trust) as silent, _connected(node, trust) as slow:
        slow.sendall(b"GET /v1/cluster HTTP/1.1\r\nHost: x\r\n")
        assert b"408 Request Timeout" in _answer(slow)
        assert b"408 Request Timeout" in _answer(silent)
    assert 5 < time.monotonic() - began < 18


def test_a_head_without_end_is_refused(node: SingleNode, trust: Path) -> None:
    with _connected(node, trust) as connection:
        connection.sendall(b"GET /v1/cluster HTTP/1.1\r\nHost: x\r\n")
        with contextlib.suppress(OSError):
            for number in range(3000):
                connection.sendall(b"X-Filler-%d: %s\r\n" % (number, b"y" * 100))
        assert b"431 Request Header Fields Too Large" in _answer(connection)


@pytest.mark.parametrize(
    "request_text",
    [
        b"\x16\x03\x01" * 100,
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/cib HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/cib HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v1/%ff%fe%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_or_cut_off(node: SingleNode, trust: Path, request_text: bytes) -> None:
    with _connected(node, trust) as connection:
        connection.sendall(request_text)
        connection.settimeout(12)
        assert b" 200 " not in _answer(connection)[:20]
    assert node.ask("GET", "/v1/health/live").status == 200


def test_a_crowd_of_idle_connections_keeps_nobody_out_who_uses_the_socket(node: SingleNode) -> None:
    crowd = []
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                crowd.append(socket.create_connection(("localhost", node.port), timeout=1))
        began = time.monotonic()
        for _ in range(20):
            assert node.ask("GET", "/v1/health/live").status == 200
        assert time.monotonic() - began < 5
    finally:
        for connection in crowd:
            connection.close()


def test_hostile_bodies_leave_no_trace(node: SingleNode, trust: Path) -> None:
    token = _token(node, "--scope", "write")
    version = node.ask("GET", "/v1/cib/version").json()
    bodies = [
        b"<cib " + b"a='1' " * 10_000 + b"/>",
        b"<a>" * 100_000,
        b"<cib>" + b"<x/>" * 200_000 + b"</cib>",
        b"<!DOCTYPE cib [<!ENTITY a 'aaaa'>]><cib>&a;</cib>",
        b'{"verb":' + b"[" * 100_000,
        b"\x00" * 100_000,
        b"\xff\xfe" * 50_000,
        b"",
    ]
    with _client(node, trust, token=token) as client:
        for _ in range(2):
            _send_all(client, bodies)
        before = node.memory_mb()
        for _ in range(6):
            _send_all(client, bodies)
    assert node.memory_mb() - before < 25
    assert node.ask("GET", "/v1/cib/version").json() == version
    assert "Traceback" not in node.log()


def _send_all(client: httpx.Client, bodies: list[bytes]) -> None:
    for body in bodies:
        for method, path, kind in (
            ("PUT", "/v1/cib", "application/xml"),
            ("PATCH", "/v1/cib", "application/xml"),
            ("PATCH", "/v1/cib", "application/json"),
            ("POST", "/v1/resources/web/move", "application/json"),
            ("PUT", "/v1/options/stop-all-resources", "text/plain"),
        ):
            answer = client.request(method, path, content=body, headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (method, kind, body[:30], answer.text[:300])
            assert answer.json()["code"] and answer.json()["next_step"]


def test_listeners_that_take_nothing_cost_little(node: SingleNode) -> None:
    """Fifty listeners who never read, while the cluster changes."""
    deaf = []
    for _ in range(50):
        connection = socket.socket(socket.AF_UNIX)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(node.socket)
        connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        deaf.append(connection)
    time.sleep(0.5)
    before = node.memory_mb()
    try:
        body = {name: json.dumps({"value": name * 1000}).encode() for name in "abcd"}
        began = time.monotonic()
        for turn in range(200):
            node.ask("PUT", "/v1/nodes/alone/attributes/noise", body=body["abcd"[turn % 4]],
                     content_type="application/json")
        assert time.monotonic() - began < 30
        assert node.memory_mb() - before < 30
    finally:
        for connection in deaf:
            connection.close()


def _listeners(node: SingleNode) -> str:
    lines = node.ask("GET", "/metrics").text.splitlines()
    return next(line for line in lines if line.startswith("crmd_event_listeners "))


def test_who_hangs_up_while_waiting_gives_its_place_back(node: SingleNode) -> None:
    before = _listeners(node)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(node.socket)
        index = node.ask("GET", "/v1/nodes").headers["crmd-index"]
        connection.sendall(f"GET /v1/nodes?index={index}&wait=60 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until(lambda: _listeners(node) != before, "nobody waits", 5)
    until(lambda: _listeners(node) == before, "its place is still taken", 5)


def test_many_clients_at_once_are_all_answered(node: SingleNode, trust: Path) -> None:
    token = _token(node)

    def ask(_: int) -> int:
        with _client(node, trust, token=token) as client:
            return client.get("/v1/nodes").status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(60))) == {200}


@contextlib.contextmanager
def _longest_silence(node: SingleNode) -> Iterator[list[float]]:
    """How long the slowest answer took (seconds) of a daemon that is asked all the time whether it lives."""
    taken: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            began = time.monotonic()
            node.ask("GET", "/v1/health/live")
            taken.append(time.monotonic() - began)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield taken
    finally:
        over.set()
        asking.join()


LISTS = """<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-a" name="enable-acl" value="true"/>
</cluster_property_set></crm_config><nodes/><resources/><constraints/><acls>
<acl_role id="see"><acl_permission id="see-r" kind="read" xpath="//nodes"/>
</acl_role><acl_role id="op"><acl_permission id="op-w" kind="write" xpath="//nodes"/></acl_role>
<acl_target id="bert"><role id="see"/></acl_target><acl_target id="olga"><role id="op"/></acl_target></acls>
</configuration>"""


@pytest.mark.parametrize("user", ["bert", "olga"])
def test_a_large_body_delays_nobody(trust: Path, node: SingleNode, user: str) -> None:
    assert node.ask("PUT", "/v1/cib", query={"section": "configuration"}, body=LISTS.encode()).status == 200
    body = '<cib admin_epoch="9">' + "<a/>" * 1_000_000 + "</cib>"
    token = _token(node, user, "--scope", "write")
    with _client(node, trust, token=token) as client, _longest_silence(node) as taken:
        answer = client.put("/v1/cib", content=body, headers={"Content-Type": "application/xml"}, timeout=60)
    print(f"{user}: {answer.status_code}, slowest other answer {max(taken):.2f} s")
    assert answer.status_code in (403, 422)
    assert max(taken) < 1.0


def test_an_expression_without_end_delays_nobody(trust: Path, node: SingleNode) -> None:
    expression = "//*"
    for _ in range(7):
        expression = f"//*[count({expression})>0]"
    with _client(node, trust, token=_token(node)) as client, _longest_silence(node) as taken:
        answer = client.get("/v1/cib", params={"xpath": expression}, timeout=60)
    print(f"{answer.status_code}, slowest other answer {max(taken):.2f} s")
    assert answer.json()["code"] == "bad-xpath"
    assert max(taken) < 1.0
