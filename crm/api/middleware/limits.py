"""How much the API takes: listeners, requests from one address over TCP; bytes, depth and seconds of one body.

Over the unix socket requests are not counted: who is there is trusted, and must not be kept out by strangers.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import unquote_plus

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

BODY_LIMIT_BYTES = 1024 * 1024
CIB_LIMIT_BYTES = 64 * 1024 * 1024
BODY_LIMIT_S = 120.0
FAILURES_PER_MINUTE = 30
DEEPEST_JSON = 100
MOST_LISTENERS = 1000
_MOST_ADDRESSES = 10_000
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKS = re.compile(rb'\\.|["\[\]{}]', re.DOTALL)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rate:
    """So many a second on average, and twice as many at once, for each key; forgets whom it has not seen for long."""

    def __init__(self, per_second: float, burst: float | None = None) -> None:
        self._per_second = per_second
        self._burst = 2 * per_second if burst is None else burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """Count one; 0 if it is within the limit, else the seconds after which it would be (it is not counted)."""
        bucket = self._refilled(key, now)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._per_second
        bucket.tokens -= 1
        return 0.0

    def wait(self, key: str, now: float) -> float:
        """As `take`, but counts nothing."""
        bucket = self._refilled(key, now)
        return 0.0 if bucket.tokens >= 1 else (1 - bucket.tokens) / self._per_second

    def _refilled(self, key: str, now: float) -> _Bucket:
        bucket = self._buckets.pop(key, None) or _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + max(0.0, now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket


def strange_character(scope: Scope) -> str:
    """A character of the path or the query that can stand in no XML, so in no name of a CIB; empty if there is none."""
    query = unquote_plus(scope["query_string"].decode("latin-1"))
    found = NOT_IN_XML.search(scope["path"] + query)
    return "" if found is None else f"U+{ord(found[0]):04X}"


def body_limit_bytes(scope: Scope) -> int:
    """The largest body that a request may have: whole configurations are large, all else is small."""
    return CIB_LIMIT_BYTES if scope["path"] in ("/v1/cib", "/v1/simulate") else BODY_LIMIT_BYTES


def declared_bytes(scope: Scope) -> int:
    """What the request says of its body's size; 0 if it says nothing."""
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(told) if told.isdigit() and len(told) < 19 else 0


def limited(scope: Scope, receive: Receive) -> Receive:
    """The same body, but an error once it is too large, or has taken too long."""
    most, taken, end, complete = body_limit_bytes(scope), 0, 0.0, False
    depth = Depth() if _is_json(scope) else None

    async def receive_within_limits() -> Message:
        nonlocal taken, end
        loop = asyncio.get_running_loop()
        end = end or loop.time() + BODY_LIMIT_S
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"The body did not come within {BODY_LIMIT_S:.0f} s") from None
        taken += len(message.get("body", b""))
        if taken > most:
            raise too_large(most)
        if depth is not None and depth.after(message.get("body", b"")) > DEEPEST_JSON:
            raise HTTPException(422, f"The body is nested more than {DEEPEST_JSON} levels deep")
        return message

    async def receive_on() -> Message:
        """After the body, what comes is that the client has gone; that may take its time."""
        nonlocal complete
        if complete:
            return await receive()
        message = await receive_within_limits()
        complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return receive_on


class Depth:
    """How deeply a JSON text is nested, looked at piece by piece.

    Parsers recurse, and the planner has raised the recursion limit of this process far above what the stack of another
    thread holds: a text that is too deep must not get as far as a parser.
    """

    def __init__(self) -> None:
        self._now = self._deepest = 0
        self._in_string = False
        self._rest = b""

    def after(self, piece: bytes) -> int:
        """The greatest depth so far."""
        piece, end = self._rest + piece, 0
        for match in _MARKS.finditer(piece):
            end = match.end()
            self._take(match[0])
        # A backslash at the end belongs to what comes next.
        self._rest = b"\\" if end < len(piece) and piece.endswith(b"\\") else b""
        return self._deepest

    def _take(self, mark: bytes) -> None:
        if mark == b'"':
            self._in_string = not self._in_string
        elif not self._in_string and mark in b"[{":
            self._now += 1
            self._deepest = max(self._deepest, self._now)
        elif not self._in_string and mark in b"]}":
            self._now -= 1


def _is_json(scope: Scope) -> bool:
    """Whether the body may get to a JSON parser: anything that does not say that it is XML."""
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return b"xml" not in kind.lower()


def too_large(most: int) -> HTTPException:
    """The error for a body beyond the limit."""
    return HTTPException(413, f"The body has more than {most} bytes")
