"""Blocking queries, and what every answer says of its freshness."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from crm.api.app import create
from crm.api.service import RequestRefused
from crm.cib.status_updates import TransientAttributeUpdate, apply_updates
from tests.unit.api.node import NOW, FakeNode


def _client(node: FakeNode) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create(node, clock=lambda: NOW), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://node")


@pytest.mark.parametrize("path", ["/v1/cluster", "/v1/nodes/one", "/v1/resources", "/v1/cib", "/v1/cib/version"])
def test_a_read_waits_for_the_next_state(path: str) -> None:
    async def story() -> None:
        node = FakeNode()
        async with _client(node) as client:
            index = (await client.get(path)).headers["Crmd-Index"]
            waiting = asyncio.create_task(client.get(path, params={"index": index, "wait": "20"}))
            await asyncio.sleep(0.05)
            assert not waiting.done() and node.journal.listeners == 1
            node.adopt(apply_updates(node.document, [TransientAttributeUpdate("1", "a", "b")]))
            answer = await asyncio.wait_for(waiting, 2)
            assert (answer.status_code, answer.headers["Crmd-Index"]) == (200, "0.5.1@3")
            assert node.journal.listeners == 0
            passed = await asyncio.wait_for(client.get(path, params={"index": index}), 1)
            assert passed.headers["Crmd-Index"] == "0.5.1@3"

    asyncio.run(story())


def test_a_read_waits_no_longer_than_asked_and_not_for_a_node_that_leaves() -> None:
    async def story() -> None:
        node = FakeNode()
        async with _client(node) as client:
            began = time.monotonic()
            await client.get("/v1/cluster", params={"index": node.journal.index, "wait": "0.1s"})
            assert 0.1 <= time.monotonic() - began < 2
            for wrong in ("soon", "-1", "301", "nan"):
                answer = await client.get("/v1/cluster", params={"index": "x", "wait": wrong})
                assert (answer.status_code, answer.json()["code"]) == (422, "bad-request")
            node.journal.close()
            await asyncio.wait_for(client.get("/v1/cluster", params={"index": node.journal.index}), 2)

    asyncio.run(story())


def test_every_answer_says_how_fresh_it_is() -> None:
    async def story() -> None:
        node = FakeNode()
        async with _client(node) as client:
            for path in ("/v1/cluster", "/v1/nothing", "/metrics", "/v1/health/live"):
                headers = (await client.get(path)).headers
                told = [headers[f"Crmd-{name}"] for name in ("Index", "Version", "Term", "Node", "Fresh")]
                assert told == ["0.5.0@3", "0.0.0", "3", "one", "true"]

    asyncio.run(story())


def test_a_consistent_read_is_answered_once_the_node_has_caught_up_or_not_at_all() -> None:
    async def story() -> None:
        node = FakeNode()
        async with _client(node) as client:
            assert (await client.get("/v1/cib", params={"consistent": "true"})).status_code == 200
            assert (await client.get("/v1/cib", params={"consistent": "false"})).status_code == 200
            assert node.caught_up == 1
            wrong = await client.get("/v1/cib", params={"consistent": "please"})
            assert (wrong.status_code, wrong.json()["code"]) == (422, "bad-request")
            node.uncertain = RequestRefused("no-quorum", "nobody can say", "try again")
            refused = await client.get("/v1/cib", params={"consistent": "true"})
            assert (refused.status_code, refused.json()["code"]) == (503, "no-quorum")
            assert (await client.get("/v1/cib")).status_code == 200

    asyncio.run(story())


def test_who_hangs_up_gives_its_place_back() -> None:
    async def story() -> None:
        node = FakeNode()
        app = create(node, clock=lambda: NOW)
        hung_up, sent = asyncio.Event(), []
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, object]:
            for message in asked:
                return message
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        query = f"index={node.journal.index}&wait=60".encode()
        scope = {"type": "http", "method": "GET", "path": "/v1/nodes", "query_string": query, "headers": [],
                 "client": ("x", 1), "state": {}}
        request = asyncio.create_task(app(scope, receive, send))
        await asyncio.sleep(0.05)
        assert node.journal.listeners == 1
        hung_up.set()
        await asyncio.wait_for(request, 2)
        assert node.journal.listeners == 0 and sent == [], "nobody is there to be answered"

    asyncio.run(story())
