"""Who comes in through which door, and what they may do then."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from fastapi.testclient import TestClient
from lxml import etree

from crm.api.app import create
from crm.api.auth import authentication
from crm.api.auth.authentication import CERTIFICATE, PEER, AuthenticationSettings
from crm.api.auth.scopes import Scope
from crm.api.auth.tokens import Grant, make
from crm.cib.changes import Edit, EditVerb
from tests.unit.api.node import NOW, FakeNode

KEY = b"0123456789abcdef"


class Client:
    """A client with a moving clock, over TCP or (as uid) over the unix socket."""

    def __init__(self, tcp: str = "token", key: bytes = KEY, requests_per_second: int = 10_000) -> None:
        self.now = float(NOW)
        self.node = FakeNode()
        self.uid: int | None = None
        self.certificate: dict[str, Any] | None = None
        settings = AuthenticationSettings(key, tcp, requests_per_second=requests_per_second)
        self._inner = create(self.node, clock=lambda: self.now, doors=settings)
        self.http = TestClient(self._app, raise_server_exceptions=False)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if self.uid is not None:
            scope.setdefault("state", {})[PEER] = (self.uid, self.uid)
        if self.certificate is not None:
            scope.setdefault("state", {})[CERTIFICATE] = self.certificate
        await self._inner(scope, receive, send)

    def ask(self, method: str, path: str, token: str | None = None, **rest: Any) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.http.request(method, path, headers=headers, **rest)

    def token(self, user: str = "root", scope: Scope = Scope.READ, seconds: int = 60) -> str:
        return make(KEY, Grant(f"a{user.encode().hex()}", user, int(self.now) + seconds, scope))


@pytest.fixture
def client() -> Client:
    return Client()


READ, WRITE = ("GET", "/v1/cluster"), ("POST", "/v1/nodes/one/standby")


@pytest.mark.parametrize(
    ("token", "asked", "status", "code"),
    [
        (None, READ, 401, "no-token"),
        (None, WRITE, 401, "no-token"),
        (None, ("GET", "/metrics"), 401, "no-token"),
        (None, ("GET", "/v1/health/live"), 200, None),
        ("read", READ, 200, None),
        ("read", ("GET", "/metrics"), 200, None),
        ("read", WRITE, 403, "out-of-scope"),
        ("read", ("POST", "/v1/cluster/cleanup"), 403, "out-of-scope"),
        ("read", ("POST", "/v1/tokens"), 403, "out-of-scope"),
        ("read", ("PUT", "/v1/cib"), 403, "out-of-scope"),
        ("read", ("DELETE", "/v1/tokens/ab"), 403, "out-of-scope"),
        ("write", READ, 200, None),
        ("write", WRITE, 200, None),
    ],
)
def test_over_tcp_a_token_decides(
    client: Client, token: str | None, asked: tuple[str, str], status: int, code: str | None
) -> None:
    said = None if token is None else client.token(scope=Scope(token))
    answer = client.ask(*asked, token=said)
    assert answer.status_code == status
    if code is not None:
        assert answer.json()["code"] == code
        assert answer.json()["next_step"]


@pytest.mark.parametrize("damage", ["x", "", "crmd1", "crmd1.e30", "crmd1..", "crmd1.e30.AAAA", "crmd1.\u00e9.\u00e9"])
def test_no_damaged_token_opens_the_door(client: Client, damage: str) -> None:
    answer = client.http.get("/v1/cluster", headers={"Authorization": f"Bearer {damage}".encode()})
    assert answer.status_code == 401


def test_a_token_of_another_cluster_is_refused(client: Client) -> None:
    foreign = make(b"another key of 16", Grant("a1", "root", NOW + 60, Scope.WRITE))
    assert client.ask(*READ, token=foreign).json()["detail"] == "The token is not one of this cluster"


def test_a_changed_token_is_refused(client: Client) -> None:
    prefix, body, signature = client.token().split(".")
    other = client.token(scope=Scope.WRITE).split(".")[1]
    assert client.ask(*READ, token=f"{prefix}.{other}.{signature}").status_code == 401
    assert client.ask(*READ, token=f"{prefix}.{body}.{signature}").status_code == 200


def test_a_token_ends(client: Client) -> None:
    token = client.token(seconds=60)
    client.now += 59
    assert client.ask(*READ, token=token).status_code == 200
    client.now += 1
    assert client.ask(*READ, token=token).json()["detail"] == "The token has expired"


def test_a_token_is_made_used_and_revoked(client: Client) -> None:
    client.uid = os.getuid()
    made = client.ask("POST", "/v1/tokens", json={"scope": "write"}).json()
    client.uid = None
    assert client.ask(*WRITE, token=made["token"]).status_code == 200
    assert client.ask("DELETE", f"/v1/tokens/{made['id']}", token=made["token"]).status_code == 200
    assert client.ask(*READ, token=made["token"]).json()["detail"] == "The token was revoked"
    client.uid = os.getuid()
    assert client.ask("GET", "/v1/tokens/revoked").json() == [made["id"]]


def test_nobody_makes_a_token_for_somebody_else(client: Client) -> None:
    token = client.token("anna", scope=Scope.WRITE)
    assert client.ask("POST", "/v1/tokens", token=token, json={"user": "root"}).json()["code"] == "permission-denied"
    assert client.ask("POST", "/v1/tokens", token=token, json={"user": "anna"}).status_code == 201


def test_without_a_key_tokens_neither_work_nor_are_made() -> None:
    client = Client(key=b"")
    forged = make(b"", Grant("a1", "root", NOW + 60, Scope.WRITE))
    assert client.ask(*READ, token=forged).json()["code"] == "no-key"
    client.uid = os.getuid()
    assert client.ask("POST", "/v1/tokens", json={}).json()["code"] == "no-key"


def test_over_the_unix_socket_the_admin_group_comes_in(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.uid = 65534
    denied = client.ask(*READ)
    assert (denied.status_code, denied.json()["code"]) == (403, "not-admitted")
    assert "haclient" in denied.json()["next_step"]
    monkeypatch.setattr(authentication, "_groups_of", lambda user, gid=None: ("haclient",))
    assert client.ask(*WRITE).status_code == 200


def test_open_lets_everybody_in() -> None:
    assert Client("open").ask(*WRITE).status_code == 200


def test_the_lists_of_the_cib_hold_behind_every_door(client: Client) -> None:
    lists = """<acls><acl_role id="r"><acl_permission id="r1" kind="read" xpath="/cib"/>
    <acl_permission id="r2" kind="deny" reference="db"/></acl_role>
    <acl_target id="anna"><role id="r"/></acl_target></acls>"""
    enabled = '<cluster_property_set id="o"><nvpair id="oa" name="enable-acl" value="true"/></cluster_property_set>'
    document = client.node.document.apply(Edit(EditVerb.UPSERT, enabled, "crm_config"))
    client.node.document = document.apply(Edit(EditVerb.CREATE, lists, "configuration"))
    token = client.token("anna", scope=Scope.WRITE)
    assert 'id="db"' not in client.ask("GET", "/v1/cib", token=token).text
    assert [each["id"] for each in client.ask("GET", "/v1/resources", token=token).json()] == ["web", "g"]
    for method, path in (WRITE, ("POST", "/v1/cluster/cleanup"), ("POST", "/v1/resources/web/cleanup")):
        assert client.ask(method, path, token=token).json()["code"] == "permission-denied"
    assert client.ask(*WRITE, token=client.token(scope=Scope.WRITE)).status_code == 200


def test_changes_are_noted_with_who_asked(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "crm.audit")
    client.ask(*WRITE, token=client.token("anna", scope=Scope.WRITE))
    client.ask(*WRITE)
    assert [record.getMessage() for record in caplog.records] == [
        f"POST /v1/nodes/one/standby by anna (token a{b'anna'.hex()}): 200",
        "POST /v1/nodes/one/standby by - (tcp): 401 no-token",
    ]


def test_who_hangs_up_in_the_middle_is_no_mistake_of_ours(client: Client) -> None:
    scope = {"type": "http", "method": "PUT", "path": "/v1/cib", "raw_path": b"/v1/cib", "query_string": b"",
             "headers": [], "state": {PEER: (os.getuid(), os.getgid())}, "http_version": "1.1", "root_path": ""}
    messages = [{"type": "http.request", "body": b"<cib", "more_body": True}, {"type": "http.disconnect"}]
    said: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(client._inner(scope, receive, send))
    assert said == []


def test_a_token_ends_with_the_one_that_it_was_made_by(client: Client) -> None:
    maker = client.token("anna", Scope.WRITE, seconds=3600)
    child = client.ask("POST", "/v1/tokens", token=maker, json={"user": "anna", "scope": "write",
                                                                "for_seconds": 315_360_000}).json()
    grandchild = client.ask("POST", "/v1/tokens", token=child["token"], json={"user": "anna"}).json()
    for made in (child, grandchild):
        assert datetime.fromisoformat(made["expires"]).timestamp() <= NOW + 3600
    assert client.ask(*READ, token=grandchild["token"]).status_code == 200
    root = client.token(scope=Scope.WRITE)
    assert client.ask("DELETE", f"/v1/tokens/a{b'anna'.hex()}", token=root).status_code == 200
    for made in (child, grandchild):
        answer = client.ask(*READ, token=made["token"])
        assert (answer.status_code, answer.json()["code"]) == (401, "bad-token")


def _earlier(client: Client, root: str, before: str, how: str) -> Any:
    if how == "undo":
        return client.ask("POST", "/v1/cib/undo", token=root)
    if how == "backup":
        return client.ask("PUT", "/v1/cib", token=root, params={"section": "configuration"}, content=before)
    edit = {"verb": "delete", "xpath": "//cluster_property_set"}
    return client.ask("PATCH", "/v1/cib", token=root, json=edit)


@pytest.mark.parametrize("how", ["undo", "backup", "delete"])
def test_no_earlier_configuration_makes_a_revoked_token_good_again(client: Client, how: str) -> None:
    root = client.token(scope=Scope.WRITE, seconds=400_000_000)
    made = [client.ask("POST", "/v1/tokens", token=root, json={"user": "anna", "for_seconds": 315_360_000}).json()
            for _ in range(2)]
    document = client.node.cib().root.find("configuration")
    before = etree.tostring(document).decode()
    assert client.ask("DELETE", f"/v1/tokens/{made[0]['id']}", token=root).status_code == 200
    assert _earlier(client, root, before, how).status_code == 200
    assert [client.ask(*READ, token=each["token"]).status_code for each in made] == [401, 200]
    assert client.ask("GET", "/v1/tokens/revoked", token=root).json() == [made[0]["id"]]
    assert [each["id"] for each in client.ask("GET", "/v1/tokens", token=root).json()] == [made[1]["id"]]


def test_a_certificate_ends_with_the_token_that_it_was_made_by(client: Client) -> None:
    maker = client.token("anna", Scope.WRITE, seconds=3600)
    made = client.ask("POST", "/v1/certificates", token=maker, json={"user": "anna"}).json()
    assert datetime.fromisoformat(made["expires"]).timestamp() <= NOW + 3600
    shown = x509.load_pem_x509_certificate(made["certificate"].encode())
    unit = shown.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value
    client.certificate = {"subject": ((("commonName", "anna"),), (("organizationalUnitName", unit),)),
                          "serialNumber": made["id"], "notAfter": "Nov 14 23:00:00 2023 GMT"}
    assert client.ask(*READ).status_code == 200
    shown_before, client.certificate = client.certificate, None
    client.ask("DELETE", f"/v1/tokens/a{b'anna'.hex()}", token=client.token(scope=Scope.WRITE))
    client.certificate = shown_before
    assert client.ask(*READ).json()["code"] == "bad-certificate"


def test_tokens_are_listed_while_they_are_good(client: Client) -> None:
    client.uid = os.getuid()
    first = client.ask("POST", "/v1/tokens", json={"user": "anna: ü", "for_seconds": 60}).json()
    second = client.ask("POST", "/v1/tokens", json={"scope": "write", "for_seconds": 3600}).json()
    listed = client.ask("GET", "/v1/tokens").json()
    assert sorted((each["id"], each["user"], each["scope"]) for each in listed) == sorted(
        [(first["id"], "anna: ü", "read"), (second["id"], "root", "write")])
    client.now += 61
    assert [each["id"] for each in client.ask("GET", "/v1/tokens").json()] == [second["id"]]
    client.ask("DELETE", f"/v1/tokens/{second['id']}")
    assert client.ask("GET", "/v1/tokens").json() == []


@pytest.mark.parametrize("path", ["/v1/health", "/v1/health/live", "/v1/health/resources/web"])
def test_wrong_tokens_lock_nobody_out_of_the_health(client: Client, path: str) -> None:
    for _ in range(40):
        client.ask(*READ, token="crmd1.bad.bad")
    assert client.ask(*READ, token="crmd1.bad.bad").status_code == 429
    assert client.ask("GET", path).status_code in (200, 503)


@pytest.mark.parametrize("name", ["a'b", 'a"b', "a'\"b", "a]b", "'or'1'='1"])
@pytest.mark.parametrize("place", ["/v1/options/{}", "/v1/nodes/one/attributes/{}"])
def test_a_name_may_hold_quotation_marks(client: Client, name: str, place: str) -> None:
    client.uid = os.getuid()
    path = place.format(quote(name, safe=""))
    body = {"value": "1"} if "options" in place else {"value": "1", "lifetime": "forever"}
    answer = client.ask("PUT", path, json=body)
    assert answer.status_code < 500, answer.text
    if answer.status_code == 200:
        assert client.ask("DELETE", path, **({"params": {"lifetime": "forever"}} if "nodes" in place else {})
                          ).status_code == 200
