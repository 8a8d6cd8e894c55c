"""The transitions of a cluster, asked for at any node; and how nodes ask each other at all."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from crm.api.app import create
from crm.api.middleware.idempotency import _fingerprint
from crm.api.service import RequestKey
from crm.api.tasks.cluster_tasks import ClusterTasks
from crm.api.tasks.node_tasks import NodeTasks
from crm.cib.changes import Edit
from crm.cib.document import Document
from crm.cib.store import CibStore
from crm.controller.commands import ActionTiming, TransitionEnded
from crm.daemon.errors import RequestRefused
from crm.daemon.peer_queries import PeerQueries
from crm.daemon.transition_archive import TransitionArchive
from crm.model.transition import Synapse
from tests.unit.api.node import CIB, NOW, FakeNode
from tests.unit.api.test_authentication import Client
from tests.unit.daemon.test_transition_archive import START, TRANSITION, begun

DONE = TransitionEnded(7, "complete", "", 1010.5, (ActionTiming(1, 1001.0, 1009.0, True),))


@functools.cache
def _app(node: FakeNode) -> FastAPI:
    """It takes a while to make one."""
    return create(node, clock=lambda: NOW)


async def _asked(node: FakeNode, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=_app(node), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
        return await client.get(f"/v1/transitions{path}")


def test_one_node_answers_for_all(tmp_path: Path) -> None:
    async def story() -> None:
        node, archive = FakeNode(), TransitionArchive(tmp_path, "two")
        await archive.begun(begun(7))
        await archive.ended(DONE)
        alone = await _asked(node, "")
        assert (alone.json(), alone.headers["Crmd-Missing"]) == ([], "two")
        node.meet("two", archive)
        await node.archive.begun(begun(7))
        listed = await _asked(node, "")
        assert sorted(each["id"] for each in listed.json()) == ["one-1", "two-1"]
        assert "Crmd-Missing" not in listed.headers
        other = (await _asked(node, "/two-1")).json()
        assert (other["dc"], other["outcome"], other["actions"][0]["ended_at"]) == ("two", "complete", 1009.0)
        assert (await _asked(node, "/1")).json()["id"] == "one-1", "a number alone is the DC's"
        assert Document.parse((await _asked(node, "/two-1/input")).content).version == (0, 5, 0)
        graph = (await _asked(node, "/two-1/graph")).text
        assert 'label="web_start_0 one\\n8.00 s" style=bold color=green' in graph and "1 -> 2" in graph
        for path in ("/two-9", "/nine-1", "/9"):
            assert (await _asked(node, path)).json()["code"] == "no-such-transition"
        del node.others["two"]
        away = await _asked(node, "/two-1")
        assert (away.status_code, away.json()["code"]) == (503, "node-away")

    asyncio.run(story())


def test_a_replay_tells_what_is_different_now() -> None:
    async def story() -> None:
        node = FakeNode()
        elsewhere = replace(TRANSITION, synapses=(Synapse(1, replace(START, node="two")),))
        await node.archive.begun(replace(begun(7), transition=elsewhere))
        replayed = (await _asked(node, "/one-1/replay")).json()
        assert replayed["same"] is False
        assert replayed["only_then"] == ["start web on two"]
        assert "start db on two" in replayed["only_now"]
        assert replayed["plan"]["actions"][0]["because"]

    asyncio.run(story())


def test_a_list_comes_in_pages() -> None:
    async def story() -> None:
        node = FakeNode()
        for number in range(3):
            await node.archive.begun(begun(number))
        first = await _asked(node, "?limit=2")
        assert [each["id"] for each in first.json()] == ["one-3", "one-2"]
        rest = await _asked(node, first.links["next"]["url"].removeprefix("/v1/transitions"))
        assert [each["id"] for each in rest.json()] == ["one-1"] and "Link" not in rest.headers

    asyncio.run(story())


def _pair() -> tuple[PeerQueries, PeerQueries]:
    """Two nodes, a and b, that hear each other."""
    loop = asyncio.get_running_loop()
    names = ("a", "b")
    a = PeerQueries("a", lambda: names, lambda to, raw: _arrive(loop, b, "a", raw), most_bytes=1000)
    b = PeerQueries("b", lambda: names, lambda to, raw: _arrive(loop, a, "b", raw), most_bytes=1000)
    return a, b


def _arrive(loop: asyncio.AbstractEventLoop, peers: PeerQueries, sender: str, raw: bytes) -> None:
    loop.call_soon(peers.received, sender, raw)


def test_a_question_is_answered_refused_or_given_up() -> None:
    async def story() -> None:
        a, b = _pair()

        async def double(about: int) -> int:
            return 2 * about

        async def refuse(_about: object) -> None:
            raise RequestRefused("no", "not today", "tomorrow")

        async def talk(_about: object) -> str:
            return "x" * 2000

        for topic, offer in (("double", double), ("refuse", refuse), ("talk", talk)):
            b.offer(topic, offer)
        assert await a.ask("b", "double", 21) == 42
        for topic, code in (("refuse", "no"), ("talk", "too-large"), ("sing", "not-available")):
            with pytest.raises(RequestRefused) as caught:
                await a.ask("b", topic)
            assert caught.value.code == code
        with pytest.raises(RequestRefused, match="c is not here"):
            await a.ask("c", "double", 1)

    asyncio.run(story())


def test_whoever_is_lost_or_silent_does_not_answer() -> None:
    async def story() -> None:
        here = {"a", "b"}
        a = PeerQueries("a", lambda: here, lambda to, raw: None)
        with pytest.raises(RequestRefused, match="has not answered within"):
            await a.ask("b", "x", limit_s=0.01)
        question = asyncio.create_task(a.ask("b", "x"))
        await asyncio.sleep(0)
        here.remove("b")
        a.members_changed()
        with pytest.raises(RequestRefused, match="was lost before it answered"):
            await question

    asyncio.run(story())


def test_what_is_no_question_is_left_to_others_and_nonsense_hurts_nobody() -> None:
    async def story() -> None:
        a, _ = _pair()
        assert not a.received("b", b"Hello {}")
        for raw in (b"Ask nonsense", b"Ask []", b"Tell {}", b'Tell {"id": "x", "value": 1}', b'Ask {"topic": []}'):
            assert a.received("b", raw)
        await asyncio.sleep(0.01)

    asyncio.run(story())


def test_earlier_configurations_are_those_of_all_nodes(tmp_path: Path) -> None:
    """A node that was away has gaps, and fills them with what the others have."""

    def configured(epoch: int, description: str) -> Document:
        text = CIB.replace('epoch="5"', f'epoch="{epoch}"').replace('id="db"', f'id="db" description="{description}"')
        return Document.parse(text)

    async def story() -> None:
        node, other, third = FakeNode(), CibStore(tmp_path / "two"), CibStore(tmp_path / "three")
        for store in (other, third):
            store.save(configured(3, "a"))
        other.save(configured(4, "b"))
        third.save(configured(4, "c"))
        node.meet("two", node.archive, other)
        transport = httpx.ASGITransport(app=create(node, clock=lambda: NOW), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://one") as client:
            listed = (await client.get("/v1/cib/history")).json()
            assert [(each["version"], each["nodes"]) for each in listed] == [
                ("0.5.0", ["one"]), ("0.4.0", ["two"]), ("0.3.0", ["two"])]
            assert 'description="b"' in (await client.get("/v1/cib/history/0.4.0")).text
            undone = (await client.post("/v1/cib/undo?dry_run=true")).json()
            assert undone["differences"][0]["text"] == ["~ primitive db: description = b"], "not the one before that"
            node.meet("three", node.archive, third)
            assert 'description="a"' in (await client.get("/v1/cib/history/0.3.0")).text
            doubtful = await client.get("/v1/cib/history/0.4.0")
            assert (doubtful.status_code, doubtful.json()["code"]) == (409, "several-objects")
            assert (await client.get("/v1/cib/history/0.1.0")).json()["code"] == "no-such-version"

    asyncio.run(story())


def test_agents_are_those_of_all_nodes() -> None:
    async def story() -> None:
        node = FakeNode()
        transport = httpx.ASGITransport(app=create(node, clock=lambda: NOW), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://one") as client:
            resource = {"kind": "primitive", "id": "x", "agent": "ocf:crmd:HttpServer", "parameters": {"port": "1"}}
            alone = (await client.post("/v1/resources?dry_run=true", json=resource)).json()["reports"]
            assert "agent-missing" not in [each["code"] for each in alone]
            node.meet("two", node.archive)
            found = {each["type"]: each["nodes"] for each in (await client.get("/v1/agents")).json()}
            assert found == {"HttpServer": ["one"], "Dummy": ["one", "two"], "PortHolder": ["one"], "Lonely": ["two"]}
            assert [each["type"] for each in (await client.get("/v1/agents?node=two")).json()] == ["Dummy", "Lonely"]
            lonely = (await client.get("/v1/agents/ocf:crmd:Lonely")).json()
            assert lonely["parameters"][0]["name"] == "depth"
            assert (await client.get("/v1/agents/ocf:crmd:Lonely/metadata")).text == "<x/>"
            assert (await client.get("/v1/agents/ocf:crmd:Nobody")).json()["code"] == "no-such-agent"
            reports = (await client.post("/v1/resources?dry_run=true", json=resource)).json()["reports"]
            (missing,) = [each for each in reports if each["code"] == "agent-missing"]
            assert missing["message"] == "two has no agent ocf:crmd:HttpServer, so x cannot run there"
            wrong = {**resource, "agent": "ocf:crmd:Lonely", "parameters": {}}
            refused = (await client.post("/v1/resources", json=wrong)).json()
            assert "depth" in refused["detail"], "it is known by its own node's word"

    asyncio.run(story())


def test_a_task_is_followed_and_ended_at_any_node() -> None:
    async def story() -> None:
        node = FakeNode()
        tasks = NodeTasks("two")
        other = PeerQueries("two", lambda: ("one",), lambda to, raw: node.arrive(node.peers, "two", raw))
        ClusterTasks(tasks, other)
        node.others["two"] = other
        released = asyncio.Event()

        async def work() -> None:
            await released.wait()

        ending, staying = (tasks.start("restart", name, 60, lambda say: work()) for name in ("web", "db"))
        transport = httpx.ASGITransport(app=create(node, clock=lambda: NOW), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://one") as client:
            assert {each["id"] for each in (await client.get("/v1/tasks")).json()} == {"two-1", "two-2"}
            assert (await client.delete(f"/v1/tasks/{staying.id}")).json()["state"] == "cancelled"
            waiting = asyncio.create_task(client.get(f"/v1/tasks/{ending.id}?wait=5"))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            released.set()
            assert (await waiting).json()["state"] == "done"
            headers = {"Idempotency-Key": "restart-web"}
            tasks.of_key = lambda key_id: replace(ending, key=RequestKey(key_id, known))  # type: ignore[method-assign]
            known = "another request"
            refused = await client.post("/v1/resources/web/restart", headers=headers)
            assert refused.json()["code"] == "idempotency-key-in-use"
            known = _fingerprint({"method": "POST", "path": "/v1/tasks/wait", "query_string": b""}, []).hex()[:32]
            again = await client.post("/v1/tasks/wait", headers={"Idempotency-Key": "wait"})
            assert (again.status_code, again.json()["id"]) == (202, ending.id), "begun at the other node"
            for unknown in ("two-9", "nobody", "one-1"):
                assert (await client.get(f"/v1/tasks/{unknown}")).json()["code"] == "no-such-task"
            assert (await client.get("/v1/tasks/nine-1")).json()["code"] == "node-away"

    asyncio.run(story())


def test_whom_the_lists_allow_nothing_sees_nothing_of_a_transition() -> None:
    client = Client()
    asyncio.run(client.node.archive.begun(begun(7)))
    lists = '<cluster_property_set id="o"><nvpair id="oa" name="enable-acl" value="true"/></cluster_property_set>'
    client.node.adopt(client.node.document.apply(Edit("upsert", lists, "crm_config")))
    headers = {"Authorization": f"Bearer {client.token('nobody')}"}
    assert client.http.get("/v1/transitions/one-1", headers=headers).json()["actions"] == []
    for path in ("input", "graph", "replay"):
        answer = client.http.get(f"/v1/transitions/one-1/{path}", headers=headers)
        assert answer.status_code == 200 and "web" not in answer.text, path
