"""Idempotency keys: a write that is sent again, because its answer got lost, is answered and not done again.

    Idempotency-Key: any text of up to 200 characters that the client makes up for one write

The node that answered keeps the answer for a day, or as long as there is room; a second request that comes while the
first is under way waits for it. A key belongs to its user, and to one request: with another body it is refused. An
answer that says "try again" is not kept.

At another node, whatever became of the first one: what goes to the DC is done once all the same, for the DC remembers
the last thousand keys for an hour, and so does whoever leads after it (`crm.controller.replication.idempotency`). A
task is looked for at all nodes that are here before another one is begun.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.api.auth.authentication import principal
from crm.api.auth.requester import key_id, under
from crm.api.auth.scopes import READING
from crm.api.middleware.problems import answer
from crm.api.service import RequestKey

HEADER = "Idempotency-Key"
KEPT_S = 86_400.0
KEPT_ANSWERS = 1000
KEPT_BYTES = 16 * 1024 * 1024
LONGEST_KEY = 200


@dataclass(slots=True)
class _Kept:
    """What became of a key: for which request, since when, and the answer as it was sent."""

    fingerprint: bytes
    at: float
    messages: list[Message] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def size_bytes(self) -> int:
        return sum(len(message.get("body", b"")) for message in self.messages)

    @property
    def is_final(self) -> bool:
        return bool(self.messages) and self.messages[0]["status"] < 500


class Idempotency:
    """ASGI middleware around the routes; whoever asks is known by then."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get(HEADER) if scope["type"] == "http" and scope["method"] not in READING else None
        if key is None:
            await self._app(scope, receive, send)
            return
        if not 0 < len(key) <= LONGEST_KEY:
            refusal = answer("bad-request", f"header.{HEADER}: it has {len(key)} characters",
                             f"Make up a text of 1 to {LONGEST_KEY} characters for each write")
            await refusal(scope, receive, send)
            return
        await self._once((principal().user, key), scope, receive, send)

    async def _once(self, key: tuple[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        received = await _received(receive)
        fingerprint = _fingerprint(scope, received)
        self._forget()
        kept = self._kept.get(key)
        if kept is not None and kept.fingerprint != fingerprint:
            refusal = answer("idempotency-key-in-use", f"The key {key[1]} belongs to another request",
                             "Make up a new key for each write; repeat one only with the same request")
            await refusal(scope, receive, send)
            return
        if kept is not None:
            await kept.done.wait()
            if kept.is_final:
                await _repeat(kept, send)
                return
        await self._first(key, _Kept(fingerprint, self._clock()), scope, _replayed(received, receive), send)

    async def _first(self, key: tuple[str, str], kept: _Kept, scope: Scope, receive: Receive, send: Send) -> None:
        self._kept[key] = kept
        request_key = RequestKey(key_id(*key), kept.fingerprint.hex()[:32])
        try:
            with under(request_key) as keyed:

                async def keeping(message: Message) -> None:
                    kept.messages.append(message)
                    await send(_marked(message) if keyed.repeated else message)

                await self._app(scope, receive, keeping)
        finally:
            kept.done.set()
            if not kept.is_final and self._kept.get(key) is kept:
                del self._kept[key]

    def _forget(self) -> None:
        """Let go of answers that are too old, or too many."""
        total = sum(kept.size_bytes for kept in self._kept.values())
        for key, kept in list(self._kept.items()):
            fits = len(self._kept) < KEPT_ANSWERS and total <= KEPT_BYTES and self._clock() - kept.at < KEPT_S
            if fits or not kept.done.is_set():
                return
            total -= kept.size_bytes
            del self._kept[key]


async def _received(receive: Receive) -> list[Message]:
    """The request's messages up to the end of its body."""
    messages = []
    while True:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request" or not message.get("more_body", False):
            return messages


def _replayed(messages: list[Message], receive: Receive) -> Receive:
    waiting = list(messages)

    async def replay() -> Message:
        return waiting.pop(0) if waiting else await receive()

    return replay


def _fingerprint(scope: Scope, messages: list[Message]) -> bytes:
    digest = hashlib.sha256(f"{scope['method']} {scope['path']}?".encode() + scope["query_string"] + b"\n")
    for message in messages:
        digest.update(message.get("body", b""))
    return digest.digest()


async def _repeat(kept: _Kept, send: Send) -> None:
    for message in kept.messages:
        await send(_marked(message))


def _marked(message: Message) -> Message:
    """The head of an answer says that it is to something done before."""
    if message["type"] != "http.response.start":
        return message
    return {**message, "headers": [*message["headers"], (b"idempotency-replayed", b"true")]}
