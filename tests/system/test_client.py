"""The typed client against real daemons: over the socket, over TLS, past a node that is down, and listening."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.client import AsyncClient, Client, Problem, Unreachable, calls
from tests.system.single_node import SingleNode, single_node

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def node() -> Iterator[SingleNode]:
    with single_node() as running:
        yield running


@pytest.fixture
def access(node: SingleNode, tmp_path: Path) -> dict[str, str]:
    """A token that may write, and whom to trust."""
    trust = tmp_path / "ca.pem"
    trust.write_text(node.crmctl("certificate", "authority"))
    token = node.crmctl("token", "create", "--scope", "write").splitlines()[-1]
    return {"token": token, "ca_file": str(trust)}


def test_over_the_socket_and_over_tls_it_is_the_same_cluster(node: SingleNode, access: dict[str, str]) -> None:
    with Client(node.socket) as near, Client(NOWHERE, node.url, **access) as far:
        assert near.do(calls.cluster())["dc"] == far.do(calls.cluster())["dc"] == "alone"
        written = far.do(calls.set_option("stop-all-resources", "false"))
        assert written["version"] == near.do(calls.version())["version"]
        assert 'name="stop-all-resources"' in near.do(calls.cib("crm_config"))
        with pytest.raises(Problem, match="Did you mean"):
            far.do(calls.standby("alon"))


def test_nobody_answers(node: SingleNode) -> None:
    with pytest.raises(Unreachable, match="No node answers"):
        Client(NOWHERE, "/nowhere.sock").do(calls.version())


def test_a_repeated_write_is_answered_from_memory(node: SingleNode) -> None:
    client = Client(node.socket)
    wanted = calls.once(calls.set_attribute("alone", "counter", "value++"), "k1")
    client.do(calls.set_attribute("alone", "counter", "1"))
    client.do(wanted)
    client.do(wanted)
    assert client.do(calls.node("alone"))["attributes"]["counter"] == "2"


def test_events_and_waiting(node: SingleNode) -> None:
    client = Client(node.socket)
    events = client.events(kinds=["attribute"])
    snapshot = next(event for event in events if event.name == "snapshot")
    client.do(calls.set_attribute("alone", "heard", "yes"))
    change = next(event for event in events if event.name == "change")
    assert [(each["name"], each["value"]) for each in change.value["changes"]] == [("heard", "yes")]
    resumed = next(event for event in client.events(since=snapshot.id) if event.name == "change")
    assert resumed.id == change.id
    later = client.ask(calls.waiting(calls.nodes(), snapshot.id, 20).message)
    assert later.headers["crmd-index"] == client.do(calls.version())["index"]


def test_the_same_with_await(node: SingleNode, access: dict[str, str]) -> None:
    async def story() -> None:
        async with AsyncClient(NOWHERE, node.url, **access) as client:
            several = await asyncio.gather(*(client.do(calls.cluster()) for _ in range(5)))
            assert {one["dc"] for one in several} == {"alone"}
            events = client.events(kinds=["attribute"])
            assert (await anext(events)).name == "snapshot"
            await client.do(calls.set_attribute("alone", "heard", "again"))
            async for event in events:
                if event.name == "change":
                    assert event.value["changes"][0]["value"] == "again"
                    break
            with pytest.raises(Problem) as caught:
                await client.do(calls.resource("none"))
            assert caught.value.code == "no-such-resource"
        with pytest.raises(Unreachable):
            await AsyncClient(NOWHERE).do(calls.version())

    asyncio.run(story())


def test_commands_ask_a_cluster_elsewhere(node: SingleNode, access: dict[str, str], monkeypatch: pytest.MonkeyPatch,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    from crm.cli.crmctl import main

    monkeypatch.setenv("CRMD_URL", f"{NOWHERE} {node.url}")
    monkeypatch.setenv("CRMD_TOKEN", access["token"])
    monkeypatch.setenv("CRMD_CA_FILE", access["ca_file"])
    assert main(["status"]) == 0
    assert "alone" in capsys.readouterr().out
    monkeypatch.setenv("CRMD_TOKEN", "wrong")
    assert main(["status"]) != 0
    assert "token" in capsys.readouterr().err
