"""One connection to a peer: handshake, identities, then frames. Tells its owner when it is up, hears and closes."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from crm.controller.membership import node_list
from crm.controller.membership.node_list import NodeList
from crm.messaging.embedded.detector import Detector
from crm.messaging.embedded.frames import FrameError
from crm.messaging.embedded.handshake import HELLO_BYTES, Handshake, HandshakeError, Secured
from crm.messaging.layer import LayerSettings

IDENTITY, WELCOME, REFUSAL = b"I", b"W", b"R"
HEARTBEAT, CONTROL, DATA = b"H", b"C", b"D"
REFUSED = "refused by the peer: "
HANDSHAKE_LIMIT_S = 2.0
DIALED_LIMIT_S = 60.0
MAX_UNSENT_BYTES = 128 * 1024 * 1024
MAX_UNPROVED_BYTES = 64 * 1024
"""A peer that has not proved the key yet is heard for no more than its identity takes."""


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """Who a peer says it is, once it has proved the key."""

    cluster: str
    name: str
    incarnation: str
    nodes: NodeList | None = None
    """Its list of the cluster's nodes."""


class LinkOwner(Protocol):
    """What a link needs of the layer."""

    settings: LayerSettings
    incarnation: str
    listed: NodeList | None

    def judge(self, link: PeerLink, identity: PeerIdentity) -> str | None:
        """Why this peer may not be linked with, None if it may."""

    def link_up(self, link: PeerLink) -> None: ...

    def link_heard(self, link: PeerLink, kind: bytes, payload: bytes) -> None: ...

    def link_closed(self, link: PeerLink, reason: str) -> None: ...


_BROKEN = {errno.EPIPE: "the connection broke", errno.ECONNRESET: "the peer's machine reset the connection",
           errno.ETIMEDOUT: "the peer's machine did not answer", errno.EHOSTUNREACH: "the peer cannot be reached",
           errno.ENETUNREACH: "the peer's network cannot be reached"}


def _in_words(error: Exception | None) -> str:
    """What ended a connection, for people; nothing for nothing."""
    if not isinstance(error, OSError):
        return str(error or "")
    return _BROKEN.get(error.errno or 0) or (error.strerror or str(error)).lower()


class PeerLink(asyncio.Protocol):
    """States: hello → identity → up → closed. `expected`: the name of the node that was dialed."""

    def __init__(self, owner: LinkOwner, now_ms: Callable[[], float], expected: str | None = None) -> None:
        self.expected = expected
        self.identity: PeerIdentity | None = None
        self.closed = asyncio.get_running_loop().create_future()
        self.detector: Detector | None = None
        self.reason = ""
        self._owner = owner
        self._now_ms = now_ms
        self._handshake = Handshake(owner.settings.keys, dialed=expected is not None)
        self._hello = b""
        self._secured: Secured | None = None
        self._accepted = self._welcomed = False
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def up(self) -> bool:
        """Whether both sides have accepted each other."""
        return self._accepted and self._welcomed and not self.closed.done()

    @property
    def session(self) -> str:
        """A name for this connection that both sides share."""
        assert self._secured is not None
        return self._secured.session

    @property
    def peer_address(self) -> str:
        """Where the peer is, for messages."""
        address = self._transport.get_extra_info("peername") if self._transport else None
        return f"{address[0]}:{address[1]}" if address else "unknown address"

    @property
    def peer_host(self) -> str:
        """The peer's address without the port."""
        return self.peer_address.rsplit(":", 1)[0]

    @property
    def socket(self) -> socket.socket | None:
        """The connection's socket, for its options."""
        found: socket.socket | None = self._transport.get_extra_info("socket") if self._transport else None
        return found

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._handshake.hello)
        # Who dialed has a limit of its own; who was dialed must not let strangers hold connections open.
        limit_s = HANDSHAKE_LIMIT_S if self.expected is None else DIALED_LIMIT_S
        self._deadline = asyncio.get_running_loop().call_later(limit_s, self._handshake_late)

    def data_received(self, data: bytes) -> None:
        try:
            if self._secured is None:
                data = self._take_hello(data)
            if self._secured is not None and data:
                for kind, payload in self._secured.opener.feed(data):
                    self._take_frame(kind, payload)
        except HandshakeError as error:
            self.close(str(error))
        except FrameError as error:
            self.close("the peer did not prove the shared key" if self.identity is None else str(error))
        except (ValueError, KeyError, TypeError) as error:
            self.close(f"the peer sent something malformed: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        if not self.reason:
            unproved = "the peer hung up before it proved the shared key (does it have another one?)"
            said_something = self.identity is None and self._hello
            self.reason = _in_words(error) or (unproved if said_something else "connection closed by the peer")
        if self._deadline:
            self._deadline.cancel()
        if not self.closed.done():
            self.closed.set_result(None)
            self._owner.link_closed(self, self.reason)

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Queue a frame; a peer that does not read is given up."""
        if self._transport is None or self._secured is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.close("the peer does not read what it is sent", abort=True)
            return
        self._transport.write(self._secured.sealer.seal(kind, payload))

    def close(self, reason: str, abort: bool = False) -> None:
        """End the connection."""
        self.reason = self.reason or reason
        if self._transport is not None:
            if abort:
                self._transport.abort()
            else:
                self._transport.close()

    def _take_hello(self, data: bytes) -> bytes:
        self._hello += data
        if len(self._hello) < HELLO_BYTES:
            return b""
        hello, rest = self._hello[:HELLO_BYTES], self._hello[HELLO_BYTES:]
        self._secured = self._handshake.secure(hello, self._owner.settings.max_message_bytes)
        self._secured.opener.allow(MAX_UNPROVED_BYTES)
        me = {"cluster": self._owner.settings.cluster, "name": self._owner.settings.name,
              "incarnation": self._owner.incarnation,
              "nodes": asdict(self._owner.listed) if self._owner.listed else None}
        self.send(IDENTITY, json.dumps(me).encode())
        return rest

    def _take_frame(self, kind: bytes, payload: bytes) -> None:
        if self.identity is None:
            if kind != IDENTITY:
                raise ValueError("no identity came first")
            self._take_identity(json.loads(payload))
        elif kind == REFUSAL:
            self.close(f"{REFUSED}{payload.decode(errors='replace')}")
        elif kind == WELCOME:
            self._welcomed = True
            self._check_up()
        elif self.up and self.detector is not None:
            self.detector.heard(self._now_ms())
            self._owner.link_heard(self, kind, payload)

    def _take_identity(self, fields: dict[str, Any]) -> None:
        assert self._secured is not None, "the identity came in a frame"
        self._secured.opener.allow(self._owner.settings.max_message_bytes)
        nodes = node_list.from_data(fields["nodes"]) if fields.get("nodes") else None
        self.identity = PeerIdentity(str(fields["cluster"]), str(fields["name"]), str(fields["incarnation"]), nodes)
        refusal = self._owner.judge(self, self.identity)
        if refusal is not None:
            self.send(REFUSAL, refusal.encode())
            self.close(refusal)
            return
        self._accepted = True
        self.send(WELCOME)
        self._check_up()

    def _check_up(self) -> None:
        if not self.up:
            return
        if self._deadline:
            self._deadline.cancel()
        settings = self._owner.settings
        self.detector = Detector(self._now_ms(), settings.heartbeat_ms, settings.failure_limit_ms)
        self._owner.link_up(self)

    def _handshake_late(self) -> None:
        if not self.up:
            self.close("the handshake took too long", abort=True)
