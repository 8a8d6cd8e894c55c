"""Names of nodes into addresses: whatever the name server does, nothing else waits."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest

from crm.messaging import addresses
from crm.messaging.addresses import Addresses, bound


def _story(work: Callable[[], object]) -> None:
    asyncio.run(asyncio.wait_for(work(), 10))  # type: ignore[arg-type]


class Server:
    """A name server: answers, refuses, or is silent until `wake`."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, ...]] = {"n1.test": ("::1", "127.0.0.1")}
        self.silent = threading.Event()
        self.awake = threading.Event()
        self.asked = 0

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked += 1
        if self.silent.is_set():
            self.awake.wait(5)
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        if host not in self.answers:
            raise socket.gaierror(-2, "Name or service not known")
        return self.answers[host]


def test_an_address_needs_no_server() -> None:
    async def story() -> None:
        server = Server()
        found = Addresses(server)
        for host in ("10.0.0.1", "fd00::1", "fe80::1%eth0"):
            assert await found.of(host) == (host,)
        assert server.asked == 0

    _story(story)


def test_a_name_keeps_its_addresses_while_the_server_is_silent_or_does_not_know_it() -> None:
    async def story() -> None:
        server = Server()
        found = Addresses(server, patience_s=0.05)
        assert await found.of("n1.test") == ("::1", "127.0.0.1")
        server.silent.set()
        for _ in range(20):
            assert await found.of("n1.test") == ("::1", "127.0.0.1")
        assert server.asked == 2, "one question at a time, however often it is wanted"
        server.silent.clear()
        server.awake.set()
        server.answers.clear()
        await asyncio.sleep(0.05)
        assert await found.of("n1.test") == ("::1", "127.0.0.1")
        assert found.problems == {"n1.test": "Name or service not known"}
        server.answers["n1.test"] = ("127.0.0.9",)
        assert await found.of("n1.test") == ("127.0.0.9",) and found.problems == {}

    _story(story)


def test_a_silent_server_holds_up_no_other_thread() -> None:
    async def story() -> None:
        server = Server()
        server.silent.set()
        found = Addresses(server)
        waiting = [asyncio.ensure_future(found.of(f"n{number}.test")) for number in range(30)]
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "written"), 1) == "written"
        server.awake.set()
        assert all(isinstance(each, OSError) for each in await asyncio.gather(*waiting, return_exceptions=True))

    _story(story)


def test_all_addresses_of_a_name_are_tried() -> None:
    async def story() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        found = Addresses(lambda host: ("::1", "127.0.0.1"))
        protocol = await found.connect(asyncio.Protocol, "n1.test", port)
        assert isinstance(protocol, asyncio.Protocol)
        _, writer = await found.open("n1.test", port)
        writer.close()
        server.close()

    _story(story)


def test_a_name_that_has_only_an_ipv6_address_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "look_up", lambda host: ("::1",))
    with bound("n1.six.test", 0) as listening:
        assert listening.family == socket.AF_INET6


def test_the_address_that_is_this_machines_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "look_up", lambda host: ("203.0.113.7", "127.0.0.1"))
    with bound("n1.test", 0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
    monkeypatch.setattr(addresses, "look_up", lambda host: ("203.0.113.7",))
    with pytest.raises(OSError):
        bound("n1.test", 0)
