"""The corosync layer on a corosync in memory, of one node, that can be frozen while the daemon runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator

import pytest

from crm.messaging import (
    LayerSettings,
    LayerViewChanged,
    NodeAddress,
    QuorumMode,
    QuorumRule,
    ViewConfirmed,
    ViewDoubted,
)
from crm.messaging.corosync import CorosyncLayer, layer
from crm.messaging.corosync.connection import CorosyncMembership, Delivered, Happening, Quorum, Ring
from crm.messaging.corosync.echo import Echo
from crm.messaging.corosync.frames import Dismissal, parse
from tests.unit.messaging.test_contract import until

ME, OTHER = (1, 100), (2, 200)


class Fake:
    """A corosync that delivers what is multicast, unless it is frozen."""

    made: list[Fake]

    def __init__(self, _group: str, _nodes: int) -> None:
        self.process = ME
        self.members: tuple[tuple[int, int], ...] = (ME,)
        self.frozen = False
        self.sent: list[bytes] = []
        self._happened: list[Happening] = []
        self._readable, self._wake = os.pipe()
        os.set_blocking(self._readable, False)
        self.descriptors = {self._readable: "cpg"}
        self.made.append(self)

    def open(self) -> None:
        self.happen(Ring(7, frozenset({1})), Quorum(7, True, "one"), CorosyncMembership(self.members, ()))

    def close(self) -> None:
        os.close(self._readable)
        os.close(self._wake)

    def leave(self) -> None:
        self.happen(CorosyncMembership((), ()))

    def multicast(self, frame: bytes) -> bool:
        self.sent.append(frame)
        self.happen(Delivered(ME, frame))
        return True

    def happen(self, *happenings: Happening) -> None:
        self._happened += happenings
        if not self.frozen:
            os.write(self._wake, b"x")

    def freeze(self, frozen: bool) -> None:
        self.frozen = frozen
        if not frozen:
            os.write(self._wake, b"x")

    def dispatch(self, _name: str) -> Iterator[Happening]:
        os.read(self._readable, 1000)
        if not self.frozen:
            happened, self._happened = self._happened, []
            yield from happened


class Seen:
    """A layer that has joined, and what it has told so far."""

    def __init__(self) -> None:
        self.layer = CorosyncLayer(LayerSettings("a", "test", (NodeAddress("a", "1"),), b"",
                                                 QuorumRule(QuorumMode.SINGLE_NODE), failure_limit_ms=600))
        self.events: list[object] = []

    async def read(self) -> None:
        async for event in self.layer.events():
            self.events.append(event)

    @property
    def quorate(self) -> bool:
        return [event.quorate for event in self.events if isinstance(event, LayerViewChanged)][-1:] == [True]

    def count(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)


def play(monkeypatch: pytest.MonkeyPatch, story: Callable[[Seen], Awaitable[None]]) -> None:
    Fake.made = []
    monkeypatch.setattr(layer, "CorosyncConnection", Fake)
    monkeypatch.setattr(layer.cluster_map, "complete", lambda settings: settings)
    monkeypatch.setattr(layer.cluster_map, "ring_limit_s", lambda: 0.6)

    async def whole() -> None:
        seen = Seen()
        await seen.layer.join()
        reader = asyncio.create_task(seen.read())
        await until(lambda: seen.quorate)
        try:
            await story(seen)
        finally:
            await seen.layer.leave()
            await reader

    asyncio.run(whole())


def test_a_silent_corosync_puts_the_view_in_doubt_then_ends_it_and_the_node_joins_again(
        monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(seen: Seen) -> None:
        Fake.made[-1].freeze(True)
        began = asyncio.get_running_loop().time()
        await until(lambda: seen.count(ViewDoubted) == 1)
        assert asyncio.get_running_loop().time() - began < 1.0
        assert seen.quorate
        await until(lambda: not seen.quorate)
        Fake.made[-1].freeze(False)
        await until(lambda: seen.quorate)
        assert len(Fake.made) == 2

    play(monkeypatch, story)


def test_a_corosync_that_answers_in_time_confirms_the_view(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(seen: Seen) -> None:
        Fake.made[-1].freeze(True)
        await until(lambda: seen.count(ViewDoubted) == 1)
        Fake.made[-1].freeze(False)
        await until(lambda: seen.count(ViewConfirmed) == 1)
        assert seen.count(LayerViewChanged) == 1
        assert len(Fake.made) == 1

    play(monkeypatch, story)


def test_a_look_is_answered_only_when_frames_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(seen: Seen) -> None:
        seen.layer.look()
        await until(lambda: seen.count(ViewConfirmed) == 1)
        Fake.made[-1].freeze(True)
        seen.layer.look()
        await asyncio.sleep(0.1)
        assert seen.count(ViewConfirmed) == 1
        Fake.made[-1].freeze(False)
        await until(lambda: seen.count(ViewConfirmed) == 2)

    play(monkeypatch, story)


@pytest.mark.parametrize("frozen", [True, False])
def test_nobody_is_blamed_for_silence_by_who_does_not_hear_itself(monkeypatch: pytest.MonkeyPatch,
                                                                  frozen: bool) -> None:
    monkeypatch.setattr(layer, "_STUCK_S", 0.7)

    async def story(seen: Seen) -> None:
        corosync = Fake.made[-1]
        seen.layer._group._installed[OTHER] = next(iter(seen.layer._group._installed.values()))
        seen.layer._heard[OTHER] = asyncio.get_running_loop().time()
        corosync.freeze(frozen)
        await asyncio.sleep(1.3)
        blamed = any(isinstance(parse(frame), Dismissal) for frame in corosync.sent)
        assert blamed != frozen

    play(monkeypatch, story)


def test_silence_is_what_was_sent_and_did_not_come_back() -> None:
    echo = Echo()
    assert echo.silent_s(10.0) == 0
    echo.sent(10.0)
    echo.sent(11.0)
    assert echo.silent_s(12.0) == 2
    echo.returned(12.0)
    assert echo.silent_s(12.5) == 0.5
    echo.returned(13.0)
    assert echo.silent_s(99.0) == 0
