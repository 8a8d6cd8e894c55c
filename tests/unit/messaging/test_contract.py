"""What every message layer promises, run against each of them."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from crm.messaging import (
    LayerError,
    LayerSettings,
    LayerViewChanged,
    MessageLayer,
    NodeAddress,
    QuorumMode,
    QuorumRule,
    Received,
    ViewConfirmed,
)
from crm.messaging.embedded import EmbeddedLayer
from crm.messaging.memory import Hub, MemoryLayer

KEY = b"k" * 32


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@dataclass
class Node:
    """A layer with what it has reported so far."""

    layer: MessageLayer
    views: list[LayerViewChanged] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    confirmed: list[tuple[float, int]] = field(default_factory=list)
    """Since when, and the view that was."""
    reader: asyncio.Task[None] | None = None

    async def join(self) -> None:
        await self.layer.join()
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.layer.events():
            if isinstance(event, LayerViewChanged):
                self.views.append(event)
            elif isinstance(event, Received):
                self.received.append(event)
            elif isinstance(event, ViewConfirmed):
                self.confirmed.append((event.since_s, self.views[-1].number))

    @property
    def members(self) -> tuple[str, ...]:
        return self.views[-1].names if self.views else ()


class Cluster:
    """Nodes a, b, c, … on one kind of layer."""

    def __init__(self, kind: str, names: str = "abc", quorum: QuorumRule | None = None) -> None:
        self.kind = kind
        self.hub = Hub()
        addresses = [NodeAddress(name, str(number), "127.0.0.1", port)
                     for number, (name, port) in enumerate(zip(names, free_ports(len(names)), strict=True), 1)]
        self.base = LayerSettings(names[0], "test", tuple(addresses), KEY, quorum or QuorumRule())
        self.nodes: dict[str, Node] = {}

    def make(self, name: str, **changes: object) -> Node:
        settings = replace(self.base, name=name, incarnation=uuid.uuid4().hex, **changes)  # type: ignore[arg-type]
        layer = MemoryLayer(settings, self.hub) if self.kind == "memory" else EmbeddedLayer(settings)
        return Node(layer)

    async def start(self, *names: str) -> None:
        for name in names:
            self.nodes[name] = self.make(name)
            await self.nodes[name].join()

    async def agree(self, *names: str) -> None:
        await until(lambda: all(self.nodes[name].members == tuple(sorted(names)) for name in names))

    def members_of(self, name: str) -> tuple[str, ...]:
        return self.nodes[name].members

    async def stop(self) -> None:
        for node in self.nodes.values():
            await node.layer.leave()
            if node.reader:
                await node.reader


async def until(condition: Callable[[], bool], limit_s: float = 5.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.005)


def play(kind: str, story: Callable[[Cluster], Awaitable[None]], **options: object) -> None:
    async def whole() -> None:
        cluster = Cluster(kind, **options)  # type: ignore[arg-type]
        try:
            await story(cluster)
        finally:
            await cluster.stop()

    asyncio.run(whole())


@pytest.fixture(params=["memory", "embedded"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_members_agree_on_a_view_and_its_quorum(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a")
        await until(lambda: cluster.nodes["a"].members == ("a",))
        assert not cluster.nodes["a"].views[-1].quorate
        await cluster.start("b", "c")
        await cluster.agree("a", "b", "c")
        views = [node.views[-1] for node in cluster.nodes.values()]
        assert len({(view.number, view.members) for view in views}) == 1
        assert all(view.quorate for view in views)
        assert [member.id for member in views[0].members] == ["1", "2", "3"]

    play(kind, story)


def test_view_numbers_grow_at_each_node(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        for node in cluster.nodes.values():
            numbers = [view.number for view in node.views]
            assert all(left < right for left, right in itertools.pairwise(numbers))

    play(kind, story)


def test_order_is_kept_per_sender_and_nothing_comes_twice(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        for number in range(500):
            await cluster.nodes["a"].layer.send("c", b"a%d" % number)
            await cluster.nodes["b"].layer.broadcast(b"b%d" % number)
        receiver = cluster.nodes["c"]
        await until(lambda: len(receiver.received) == 1000)
        for sender in "ab":
            got = [event.message for event in receiver.received if event.sender == sender]
            assert got == [b"%s%d" % (sender.encode(), number) for number in range(500)]

    play(kind, story)


def test_broadcast_leaves_out_the_sender_and_a_message_to_oneself_arrives(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b")
        await cluster.agree("a", "b")
        await cluster.nodes["a"].layer.broadcast(b"to others")
        await cluster.nodes["a"].layer.send("a", b"to me")
        await until(lambda: len(cluster.nodes["a"].received) == 1 and len(cluster.nodes["b"].received) == 1)
        assert cluster.nodes["a"].received == [Received("a", b"to me")]
        assert cluster.nodes["b"].received == [Received("a", b"to others")]

    play(kind, story)


def test_a_node_that_leaves_is_missed_at_once_and_hears_nothing_more(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        await cluster.nodes["b"].layer.leave()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await cluster.agree("a", "c")
        assert loop.time() - begun < 0.5
        heard = len(cluster.nodes["b"].received)
        await cluster.nodes["a"].layer.send("b", b"too late")
        await cluster.nodes["a"].layer.broadcast(b"without you")
        await until(lambda: len(cluster.nodes["c"].received) == 1)
        assert len(cluster.nodes["b"].received) == heard

    play(kind, story)


def test_a_node_may_come_back_with_another_incarnation(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        before = {member.name: member.incarnation for member in cluster.nodes["a"].views[-1].members}
        await cluster.nodes["c"].layer.leave()
        await cluster.agree("a", "b")
        await cluster.start("c")
        await cluster.agree("a", "b", "c")
        after = {member.name: member.incarnation for member in cluster.nodes["a"].views[-1].members}
        assert before["a"] == after["a"]
        assert before["c"] != after["c"]

    play(kind, story)


def test_a_large_message_arrives_whole_and_one_over_the_limit_is_refused(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b")
        await cluster.agree("a", "b")
        large = bytes(range(256)) * 40_000
        await cluster.nodes["a"].layer.send("b", large)
        await until(lambda: len(cluster.nodes["b"].received) == 1)
        assert cluster.nodes["b"].received[0].message == large
        with pytest.raises(LayerError, match="over the limit"):
            await cluster.nodes["a"].layer.send("b", b"x" * (cluster.base.max_message_bytes + 1))

    play(kind, story)


def test_two_nodes_wait_for_each_other_once_and_then_one_is_enough(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a")
        await until(lambda: cluster.nodes["a"].members == ("a",))
        assert not cluster.nodes["a"].views[-1].quorate
        await cluster.start("b")
        await cluster.agree("a", "b")
        await cluster.nodes["b"].layer.leave()
        await cluster.agree("a")
        assert cluster.nodes["a"].views[-1].quorate

    play(kind, story, names="ab", quorum=QuorumRule(QuorumMode.TWO_NODE))


def test_a_single_node_is_quorate(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a")
        await until(lambda: cluster.nodes["a"].members == ("a",))
        assert cluster.nodes["a"].views[-1].quorate

    play(kind, story, names="a", quorum=QuorumRule(QuorumMode.SINGLE_NODE))


@pytest.mark.parametrize(("changes", "code"), [
    ({"name": "x"}, "node-not-listed"),
    ({"failure_limit_ms": 150}, "failure-limit-too-short"),
    ({"quorum": QuorumRule(QuorumMode.TWO_NODE)}, "quorum-mode"),
])
def test_contradictions_are_refused_at_join(kind: str, changes: dict[str, object], code: str) -> None:
    async def story(cluster: Cluster) -> None:
        name = str(changes.get("name", "a"))
        node = cluster.make(name, **{key: value for key, value in changes.items() if key != "name"})
        with pytest.raises(LayerError) as caught:
            await node.layer.join()
        assert caught.value.code == code

    play(kind, story)




def test_a_look_is_answered_by_what_is_newer(kind: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        node = cluster.nodes["b"]
        before = node.views[-1].number
        asked_at = time.monotonic()
        node.layer.look()
        await until(lambda: bool(node.confirmed))
        since_s, number = node.confirmed[0]
        assert since_s >= asked_at
        assert node.members == ("a", "b", "c")
        assert number > before or kind == "memory"
        await cluster.agree("a", "b", "c")
        assert len(node.confirmed) == 1

    play(kind, story)
