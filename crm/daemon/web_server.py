"""The web server of the API, in the daemon's own loop: its sockets, and how patient it is with whoever connects.

It knows nothing of what is asked. To the application it tells who is at the other end (`crmd.peer`: uid and gid of a
unix socket; `crmd.certificate`: what a client's certificate says), in the `state` of the ASGI scope.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT_S = 10.0
HEAD_LIMIT_BYTES = 64 * 1024
HANDSHAKE_LIMIT_S = 10.0
UNSENT_LIMIT_MS = 30_000
_PEER = struct.Struct("3i")


class WebServer:
    """Serves an application on some sockets, with TLS if there is a context."""

    def __init__(self, app: Any, sockets: list[socket.socket], tls: ssl.SSLContext | None, connections: int) -> None:
        self._closing = asyncio.Event()
        config = uvicorn.Config(app, http=_protocol(connections), ws="none", loop="none", lifespan="off",
                                log_config=None, access_log=False, timeout_graceful_shutdown=1, server_header=False)
        self._server = _Server(config, self._closing, tls)
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets))

    async def stop(self) -> None:
        """Answer what is under way, then end."""
        self._server.should_exit = True
        self._closing.set()
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(3):
                await self._task


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, closing: asyncio.Event, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._closing = closing
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own, but the TLS context is ours, and a handshake has little time."""
        loop = asyncio.get_running_loop()
        limit = None if self._tls is None else HANDSHAKE_LIMIT_S
        self.servers = [
            await loop.create_server(self._make_protocol, sock=one, ssl=self._tls, ssl_handshake_timeout=limit)
            for one in sockets or []
        ]
        self.started = True

    def _make_protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state={})
        return protocol

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's business."""
        yield

    async def main_loop(self) -> None:
        """Once a second is enough for an idle server (uvicorn's own loop wakes up ten times)."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._closing.wait()


def _protocol(connections: int) -> type[asyncio.Protocol]:
    """HTTP for a server that holds at most so many connections."""

    class Protocol(_PatientProtocol):
        most_connections = connections

    return Protocol


class _PatientProtocol(HttpToolsProtocol):
    """HTTP that notes who is at the other end, and does not wait for ever for the head of a request."""

    most_connections = 0
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.abort()
            return
        connection = transport.get_extra_info("socket")
        self.app_state = {"crmd.abort": transport.abort}
        if connection.family == socket.AF_UNIX:
            told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
            _, uid, gid = _PEER.unpack(told)
            self.app_state["crmd.peer"] = (uid, gid)
        else:
            # The kernel lets go of a client that takes nothing of what it is sent.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_LIMIT_MS)
            shown = transport.get_extra_info("peercert")
            if shown:
                self.app_state["crmd.certificate"] = shown
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_timer is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > HEAD_LIMIT_BYTES:
            self._refuse(b"431 Request Header Fields Too Large", b"The head of the request is too large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_LIMIT_S, self._too_slow)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        self._refuse(b"408 Request Timeout", b"The head of the request did not come in time")

    def _refuse(self, status: bytes, detail: bytes) -> None:
        self._head_arrived()
        code = status.partition(b" ")[2].lower().replace(b" ", b"-")
        body = b'{"type":"urn:crmd:problem:%s","status":%s,"code":"%s","detail":"%s","next_step":""}' % (
            code, status[:3], code, detail)
        self.transport.write(b"HTTP/1.1 %s\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n"
                             b"Connection: close\r\n\r\n%s" % (status, len(body), body))
        self.transport.close()
