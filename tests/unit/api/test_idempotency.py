"""A write that is sent twice under one key is done once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from crm.api.middleware import idempotency
from crm.api.service import RequestRefused
from crm.cib.changes import Edit, EditVerb
from tests.unit.api.node import NOW
from tests.unit.api.test_authentication import Client

STANDBY = "/v1/cluster/cleanup"


def _keyed(client: Client, key: str, path: str = STANDBY, **rest: Any) -> Any:
    return client.http.post(path, headers={"Idempotency-Key": key}, **rest)


@pytest.fixture
def client() -> Client:
    return Client("open")


def test_a_repetition_is_answered_and_not_done(client: Client) -> None:
    first, again = _keyed(client, "k1"), _keyed(client, "k1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert "Idempotency-Replayed" not in first.headers and again.headers["Idempotency-Replayed"] == "true"
    assert len(client.node.cleaned) == 1
    _keyed(client, "k2")
    assert len(client.node.cleaned) == 2


def test_a_key_belongs_to_one_request(client: Client) -> None:
    move = "/v1/resources/web/move"
    assert _keyed(client, "k", move, json={"node": "two"}).status_code == 200
    other = _keyed(client, "k", move, json={"node": "one"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-in-use")
    assert _keyed(client, "k", move, json={"node": "two"}).headers["Idempotency-Replayed"] == "true"


def test_an_error_of_the_request_is_kept_one_of_the_cluster_is_not(client: Client) -> None:
    path = "/v1/nodes/two/standby"
    client.node.trouble = RequestRefused("no-quorum", "cannot", "wait")
    assert _keyed(client, "k", path).status_code == 503
    client.node.trouble = None
    assert _keyed(client, "k", path).status_code == 200
    assert _keyed(client, "bad", "/v1/nodes/nine/standby").status_code == 404
    assert _keyed(client, "bad", "/v1/nodes/nine/standby").headers["Idempotency-Replayed"] == "true"


def test_a_key_is_forgotten_after_a_day_and_has_a_length(client: Client) -> None:
    _keyed(client, "k")
    client.now += idempotency.KEPT_S + 1
    client.node.receipts.replace(())
    _keyed(client, "k")
    assert len(client.node.cleaned) == 2
    for key in ("", "x" * 201):
        assert _keyed(client, key).json()["code"] == "bad-request"


def test_keys_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "KEPT_ANSWERS", 3)
    for key in "abcd":
        _keyed(client, key)
    client.node.receipts.replace(())
    assert "Idempotency-Replayed" in _keyed(client, "d").headers
    assert "Idempotency-Replayed" not in _keyed(client, "a").headers


def test_two_at_once_are_one(client: Client) -> None:
    async def story() -> None:
        release = asyncio.Event()
        cleanup = client.node.cleanup

        async def slow(resource: str | None = None, node: str | None = None, **more: Any) -> int:
            await release.wait()
            return await cleanup(resource, node, **more)

        client.node.cleanup = slow  # type: ignore[method-assign]
        transport = httpx.ASGITransport(app=client._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as http:
            both = [asyncio.create_task(http.post(STANDBY, headers={"Idempotency-Key": "k"})) for _ in range(2)]
            await asyncio.sleep(0.05)
            release.set()
            answers = await asyncio.gather(*both)
        assert [answer.status_code for answer in answers] == [200, 200]
        assert len(client.node.cleaned) == 1

    asyncio.run(story())


IGNORED = ('<crm_config><cluster_property_set id="o"><nvpair id="oi" name="no-quorum-policy" value="ignore"/>'
           "</cluster_property_set></crm_config>")
WRITES = [
    ("POST", "/v1/nodes/two/standby", None),
    ("POST", "/v1/resources/web/move", {"node": "two"}),
    ("POST", "/v1/tags", {"id": "front", "objects": ["web"]}),
    ("PUT", "/v1/options/batch-limit", {"value": "3"}),
    ("PATCH", "/v1/cib", {"verb": "modify", "xml": '<node id="1" uname="one" description="x"/>', "section": "nodes"}),
    ("POST", "/v1/cluster/cleanup", None),
    ("PUT", "/v1/nodes/one/attributes/load", {"value": "value++"}),
    ("POST", "/v1/fencing/nodes/two", {"action": "off"}),
]


@pytest.fixture(scope="module")
def pair() -> tuple[Client, Client]:
    """Two nodes that have nothing in common but the cluster: the CIB, and the receipts."""
    return Client("open"), Client("open")


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_repetition_at_another_node_is_not_done_again(
    pair: tuple[Client, Client], method: str, path: str, body: dict[str, str] | None
) -> None:
    (client, other), headers = pair, {"Idempotency-Key": path}
    first = client.http.request(method, path, json=body, headers=headers)
    assert first.status_code in (200, 201), first.text
    other.node.adopt(client.node.document)
    other.node.receipts.add(*client.node.receipts.all(NOW))
    other.node.origins.clear()
    again = other.http.request(method, path, json=body, headers=headers)
    assert again.status_code == first.status_code, again.text
    assert again.headers["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first.headers
    assert (again.json()["version"], again.json()["term"]) == (first.json()["version"], 3)
    assert set(again.json()) == set(first.json())
    assert other.node.origins == [] and other.node.document is client.node.document
    different = other.http.request(method, f"{path}?x=1", json=body, headers=headers)
    assert different.json()["code"] == "idempotency-key-in-use"
    without = other.http.request(method, path, json=body)
    assert "Idempotency-Replayed" not in without.headers


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_receipt_that_may_be_lost_is_no_proof(method: str, path: str, body: dict[str, str] | None) -> None:
    """It came with a step of a DC that is gone: only what the present DC knows counts."""
    client, other, headers = Client("open"), Client("open"), {"Idempotency-Key": path}
    client.http.request(method, path, json=body, headers=headers)
    other.node.receipts.add(*client.node.receipts.all(NOW))
    other.node.uncertain = RequestRefused("not-ready", "nobody leads", "try again")
    unknown = other.http.request(method, path, json=body, headers=headers)
    assert (unknown.status_code, unknown.json()["code"]) == (503, "not-ready")
    other.node.uncertain = None
    other.node.origins.clear()

    async def forgetful() -> None:
        other.node.receipts.replace(())

    other.node.consistent = forgetful  # type: ignore[method-assign]
    done = other.http.request(method, path, json=body, headers=headers)
    assert done.status_code in (200, 201) and "Idempotency-Replayed" not in done.headers
    assert len(other.node.origins) == 1


def test_a_node_that_lags_behind_calls_no_request_stale(client: Client) -> None:
    """The version that a client has seen elsewhere is news here: the node catches up, and knows the request then."""
    other, (method, path, body) = Client("open"), WRITES[4]
    client.http.post("/v1/nodes/one/standby")
    headers = {"Idempotency-Key": "lag", "If-Match": client.http.get("/v1/cib").headers["ETag"]}
    assert client.http.request(method, path, json=body, headers=headers).status_code == 200

    async def catch_up() -> None:
        other.node.adopt(client.node.document)
        other.node.receipts.add(*client.node.receipts.all(NOW))

    other.node.consistent = catch_up  # type: ignore[method-assign]
    again = other.http.request(method, path, json=body, headers=headers)
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (200, "true")
    headers["Idempotency-Key"] = "another"
    assert other.http.request(method, path, json=body, headers=headers).status_code == 412


def test_nothing_to_change_is_said_of_the_present_configuration_only(client: Client) -> None:
    path, same = "/v1/nodes/two/standby", {"Idempotency-Key": "b"}
    client.http.post(path)
    caught_up = client.node.caught_up
    assert client.http.post(path).json().get("changed", False) is False
    assert client.node.caught_up == caught_up + 1
    client.node.uncertain = RequestRefused("not-ready", "nobody leads", "try again")
    assert client.http.post(path, headers=same).status_code == 503
    client.node.uncertain = RequestRefused("no-quorum", "nobody can say", "try again")
    assert client.http.post(path, headers=same).json()["code"] == "no-quorum"
    client.node.adopt(client.node.document.apply(Edit(EditVerb.MODIFY, IGNORED)))
    assert client.http.post(path, headers=same).status_code == 200


def test_without_quorum_no_request_is_called_stale(client: Client) -> None:
    """A majority elsewhere may have done it."""
    method, path, body = WRITES[4]
    client.node.uncertain = RequestRefused("no-quorum", "nobody can say", "try again")
    answer = client.http.request(method, path, json=body, headers={"If-Match": '"0.99.0@7"'})
    assert (answer.status_code, answer.json()["code"]) == (503, "no-quorum")


def test_without_quorum_who_wanted_a_change_is_told_of_that_and_not_of_reads(client: Client) -> None:
    client.node.uncertain = RequestRefused("no-quorum", "nobody can say what is newest", "read without `consistent`")
    client.node.state = replace(client.node.state, members=tuple(
        replace(each, present=each.name == "one") for each in client.node.state.members))
    client.http.post("/v1/nodes/two/standby")
    answer = client.http.post("/v1/nodes/two/standby").json()
    assert answer["detail"] == "Without quorum the configuration cannot be changed: only one of 2 nodes are here"
    assert answer["next_step"] == "bring back one of two"
    client.node.uncertain = RequestRefused("not-ready", "nobody could say", "read without `consistent`")
    assert "consistent" not in client.http.post("/v1/nodes/two/standby").text


def test_the_dc_is_told_who_asks_and_with_what(client: Client) -> None:
    client.http.post("/v1/nodes/two/standby", headers={"User-Agent": "crmctl/1 (x)"})
    client.http.post("/v1/nodes/two/online", headers={"User-Agent": "<script>"})
    assert [(each.user, each.client) for each in client.node.origins] == [("root", "crmctl"), ("root", "rest")]


def test_a_list_comes_in_pages(client: Client) -> None:
    seen, path = [], "/v1/resources?limit=2"
    while path:
        answer = client.http.get(path)
        seen.append([each["id"] for each in answer.json()])
        path = answer.links.get("next", {}).get("url", "")
    assert seen == [["web", "db"], ["g"]]
    assert [each["name"] for each in client.http.get("/v1/nodes?after=one").json()] == ["two"]
    assert client.http.get("/v1/nodes?after=nine").status_code == 404
    for wrong in ("0", "1001", "x"):
        assert client.http.get(f"/v1/nodes?limit={wrong}").status_code == 422
