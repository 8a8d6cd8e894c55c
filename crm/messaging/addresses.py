"""From names of nodes to addresses, apart from everything else.

A name server that does not answer holds a thread for many seconds: here it holds one of this module's, and nothing that
writes to disks or plans waits for it. A name that does not resolve any more keeps the addresses that it had before.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

log = logging.getLogger(__name__)

PATIENCE_S = 0.2
"""After so long the addresses that a name had before are taken."""
_THREADS = 8
_pool = ThreadPoolExecutor(_THREADS, "names")

P = TypeVar("P", bound=asyncio.BaseProtocol)


class Addresses:
    """What the names of one layer's nodes stand for. `resolve` is the system's, which blocks."""

    def __init__(self, resolve: Callable[[str], tuple[str, ...]] | None = None, patience_s: float = PATIENCE_S) -> None:
        self._resolve = resolve or look_up
        self._patience_s = patience_s
        self._known: dict[str, tuple[str, ...]] = {}
        self._asked: dict[str, asyncio.Task[tuple[str, ...]]] = {}
        self.problems: dict[str, str] = {}
        """Names that do not resolve, and why."""

    async def of(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, best first. Raises OSError if there is none and never was."""
        if is_address(host):
            return (host,)
        asked = self._asked.get(host)
        if asked is None:
            asked = self._asked[host] = asyncio.ensure_future(self._ask(host))
            asked.add_done_callback(_noted)
        known = self._known.get(host)
        done, _ = await asyncio.wait({asked}, timeout=None if known is None else self._patience_s)
        if done and asked.exception() is None:
            return asked.result()
        if known is not None:
            return known
        return await asyncio.shield(asked)

    def known(self, host: str) -> tuple[str, ...]:
        """The addresses that a name had last; none of what was never asked for."""
        return self._known.get(host, ())

    async def connect(self, make: Callable[[], P], host: str, port: int) -> P:
        """A connection to the first address of a host that takes one. Raises OSError."""
        loop = asyncio.get_running_loop()
        *others, last = await self.of(host)
        for address in others:
            try:
                return (await loop.create_connection(make, address, port))[1]
            except OSError:
                continue
        return (await loop.create_connection(make, last, port))[1]

    async def open(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The same as streams."""
        *others, last = await self.of(host)
        for address in others:
            try:
                return await asyncio.open_connection(address, port)
            except OSError:
                continue
        return await asyncio.open_connection(last, port)

    async def _ask(self, host: str) -> tuple[str, ...]:
        try:
            found = await asyncio.get_running_loop().run_in_executor(_pool, self._resolve, host)
        except OSError as error:
            if host not in self.problems:
                instead = f"; what it had before is used: {', '.join(self._known[host])}" if host in self._known else ""
                log.warning("the name %s does not resolve: %s%s", host, error.strerror or error, instead)
            self.problems[host] = str(error.strerror or error)
            raise
        finally:
            self._asked.pop(host, None)
        if self.problems.pop(host, None) is not None:
            log.info("the name %s resolves again: %s", host, ", ".join(found))
        self._known[host] = found
        return found


def _noted(asked: asyncio.Task[tuple[str, ...]]) -> None:
    """Whoever asked may wait no more: that a name does not resolve is in the log."""
    if not asked.cancelled():
        asked.exception()


def is_address(host: str) -> bool:
    """Whether that needs no name server."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def look_up(host: str) -> tuple[str, ...]:
    """The addresses of a host, whatever its family; blocks. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def bound(host: str, port: int) -> socket.socket:
    """A listening socket on the first address of a host that this machine has. Raises OSError."""
    addresses = (host,) if is_address(host) else look_up(host)
    error: OSError | None = None
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        # Named as TCP, so that asyncio switches off the delay that bundles small writes.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((address, port))
            listening.listen(128)
        except OSError as failed:
            listening.close()
            error = failed
        else:
            return listening
    assert error is not None, "a host that resolves has an address"
    raise error
