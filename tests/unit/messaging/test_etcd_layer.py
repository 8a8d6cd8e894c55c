"""The etcd layer against an etcd in memory that does what it is asked, but whose answers get lost at a bad moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest

from crm.messaging import EtcdAccess, LayerEvent, LayerSettings, LayerViewChanged, NodeAddress, ViewConfirmed
from crm.messaging.etcd import EtcdLayer, layer
from crm.messaging.etcd.client import Entry, EtcdRefused, EtcdSnapshot, Unavailable
from tests.unit.messaging.test_contract import free_ports, until


class Memory:
    """Leases and entries; `losing` names the call whose next answer is lost after it was carried out."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.leases: set[int] = set()
        self.losing = ""
        self._numbers: Iterator[int] = count(100)
        self.revision = 1
        self._changed = asyncio.Condition()
        self._log: list[Entry] = []
        self._life = 0

    async def lose_all(self) -> None:
        """All servers come back with empty data."""
        self.entries, self.leases, self.revision, self._log = {}, set(), 1, []
        self.end_watch()

    def end_watch(self) -> None:
        self._life += 1
        self._ending = asyncio.create_task(self._notify())

    async def close(self) -> None:
        """Nothing is open."""

    async def snapshot(self, prefix: str) -> EtcdSnapshot:
        self._answer("snapshot")
        return EtcdSnapshot("one", self.revision, tuple(self.entries.values()))

    async def get(self, key: str) -> Entry | None:
        self._answer("get")
        return self.entries.get(key)

    async def put(self, key: str, value: str, lease: int, revision: int) -> bool:
        if lease not in self.leases:
            raise EtcdRefused(5, "requested lease not found")
        present = self.entries.get(key)
        if (present.revision if present else 0) != revision:
            return False
        await self._write(key, value, lease)
        self._answer("put")
        return True

    async def grant(self, _seconds: int) -> int:
        lease = next(self._numbers)
        self.leases.add(lease)
        self._answer("grant")
        return lease

    async def keep_alive(self, lease: int) -> int:
        self._answer("keep_alive")
        return 2 if lease in self.leases else 0

    async def revoke(self, lease: int) -> None:
        self.leases.discard(lease)
        for entry in [entry for entry in self.entries.values() if entry.lease == lease]:
            await self._write(entry.key, None, lease)

    async def watch(self, _prefix: str, revision: int) -> AsyncIterator[list[Entry]]:
        told, life = revision - 1, self._life
        while True:
            async with self._changed:
                while self.revision <= told and self._life == life:
                    await self._changed.wait()
            if self._life != life:
                return
            news = [entry for entry in self._log if entry.revision > told]
            told = self.revision
            yield news
            if self.losing == "snapshot":
                return

    async def _write(self, key: str, value: str | None, lease: int) -> None:
        self.revision += 1
        entry = Entry(key, value, self.revision, lease)
        self._log.append(entry)
        if value is None:
            self.entries.pop(key, None)
        else:
            self.entries[key] = entry
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _answer(self, call: str) -> None:
        if call == self.losing:
            self.losing = ""
            raise Unavailable("no answer")


def settings() -> LayerSettings:
    (port,) = free_ports(1)
    return LayerSettings("a", "test", (NodeAddress("a", "1", port=port),), b"k" * 32,
                         etcd=EtcdAccess(("http://etcd",), lease_s=2))


@pytest.mark.parametrize("lost", ["grant", "get", "put", "keep_alive", "snapshot"])
@pytest.mark.parametrize("trouble", ["the lease runs out", "the record is deleted"])
def test_a_member_comes_back_whatever_answer_is_lost(lost: str, trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        etcd = Memory()
        monkeypatch.setattr(layer, "EtcdClient", lambda *_arguments: etcd)
        made = EtcdLayer(settings())
        await made.join()
        await until(lambda: made._view.quorate)
        ours = made._lease
        etcd.losing = lost
        if trouble == "the lease runs out":
            await etcd.revoke(ours)
        else:
            await etcd._write(next(iter(etcd.entries)), None, ours)
        await until(lambda: not made._view.quorate)
        await until(lambda: made._view.quorate and not etcd.losing and bool(etcd.entries))
        assert made._lease != ours
        await made.leave()

    asyncio.run(story())


def test_a_write_whose_answer_is_lost_does_not_stop_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        etcd = Memory()
        monkeypatch.setattr(layer, "EtcdClient", lambda *_arguments: etcd)
        made = EtcdLayer(settings())
        await made.join()
        await until(lambda: made._view.quorate)
        etcd.losing = "put"
        made.broken("b")
        await until(lambda: not etcd.losing)
        made.broken("b")
        await until(lambda: '"serial": 2' in next(iter(etcd.entries.values())).value)  # type: ignore[operator]
        await made.leave()

    asyncio.run(story())


@pytest.mark.parametrize("lease_lives", [True, False])
def test_a_look_asks_etcd_for_the_lease_and_the_records(lease_lives: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        etcd = Memory()
        monkeypatch.setattr(layer, "EtcdClient", lambda *_arguments: etcd)
        made = EtcdLayer(settings())
        await made.join()
        await until(lambda: made._view.quorate)
        told: list[LayerEvent] = []

        async def read() -> None:
            async for event in made.events():
                told.append(event)

        reader = asyncio.create_task(read())
        if not lease_lives:
            etcd.leases.clear()
        asked_at = time.monotonic()
        made.look()
        await until(lambda: any(isinstance(event, ViewConfirmed) for event in told))
        place = next(place for place, event in enumerate(told) if isinstance(event, ViewConfirmed))
        confirmed, view = told[place], [event for event in told[:place] if isinstance(event, LayerViewChanged)][-1]
        assert isinstance(confirmed, ViewConfirmed)
        assert confirmed.since_s >= asked_at
        assert view.quorate == lease_lives
        await made.leave()
        await reader

    asyncio.run(story())


def test_members_agree_again_at_once_when_etcd_comes_back_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its revisions begin anew, far below those that the views were numbered by."""

    async def story() -> None:
        etcd = Memory()
        etcd.revision = 1509
        monkeypatch.setattr(layer, "EtcdClient", lambda *_arguments: etcd)
        nodes = tuple(NodeAddress(name, str(number), "127.0.0.1", port)
                      for number, (name, port) in enumerate(zip("abc", free_ports(3), strict=True), 1))
        made = [EtcdLayer(LayerSettings(name, "test", nodes, b"k" * 32, incarnation=name,
                                        etcd=EtcdAccess(("http://etcd",), lease_s=2))) for name in "abc"]
        for each in made:
            await each.join()

        def agreed() -> bool:
            views = {(each._view.number, each._view.names, each._view.quorate) for each in made}
            return len(views) == 1 and made[0]._view.names == ("a", "b", "c")

        await until(agreed)
        before = made[0]._view.number
        await etcd.lose_all()
        await until(lambda: not any(each._view.quorate for each in made))
        await until(agreed, 2.5)
        assert made[0]._view.number > before
        await etcd.lose_all()
        await until(lambda: not any(each._view.quorate for each in made))
        await until(agreed, 2.5)
        for each in made:
            await each.leave()

    asyncio.run(story())


@pytest.mark.parametrize("how", ["leaves", "is lost", "does not answer"])
def test_how_long_a_lost_member_had_been_silent_is_told(how: str, monkeypatch: pytest.MonkeyPatch) -> None:

    async def story() -> None:
        etcd = Memory()
        monkeypatch.setattr(layer, "EtcdClient", lambda *_arguments: etcd)
        ports = free_ports(3)
        nodes = tuple(NodeAddress(name, str(number), "127.0.0.1", port)
                      for number, (name, port) in enumerate(zip("abc", ports, strict=True), 1))
        a, b = (EtcdLayer(LayerSettings(name, "test", nodes, b"k" * 32, incarnation=name,
                                        etcd=EtcdAccess(("http://etcd",), lease_s=2))) for name in "ab")
        views = []

        async def read() -> None:
            async for event in a.events():
                views.append(event)

        await a.join()
        reader = asyncio.create_task(read())
        await b.join()
        await until(lambda: a._view.names == ("a", "b") and b._mesh._links.keys() == {"a"})
        assert [view.silent_s for view in views] == [None] * len(views)
        if how == "leaves":
            await b.leave()
        elif how == "is lost":
            for task in list(b._tasks._running):
                task.cancel()
            await b._mesh.close()
        else:
            await etcd.revoke(b._lease)
        await until(lambda: a._view.names == ("a",))
        told = views[-1].silent_s
        if how == "leaves":
            assert told is None
        elif how == "is lost":
            assert told is not None and 0 <= told < 2, "since its connection has ended"
        else:
            assert told == 2, "the time of its lease"
        await a.leave()
        await reader

    asyncio.run(story())
