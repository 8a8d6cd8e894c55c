"""HTTP as far as one request and one answer go: places, bytes out, bytes in. No sockets, so sync and async share it.

Connections are closed after each answer: that makes both ends simple, and a tool asks only once or twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote


class ServerPlace(NamedTuple):
    """Where a node answers: a unix socket (`path`), or a host and port."""

    path: str = ""
    host: str = "localhost"
    port: int = 0
    tls: bool = False

    @classmethod
    def parse(cls, text: str) -> ServerPlace:
        """From `/run/crmd/crmd.sock`, `https://node1:8080` or `http://127.0.0.1:8080`. Raises ValueError."""
        if text.startswith("/"):
            return cls(path=text)
        scheme, sign, rest = text.rstrip("/").partition("://")
        host, _, port = rest.rpartition(":")
        if not sign or scheme not in ("http", "https") or not host or not port.isdigit():
            raise ValueError(f"“{text}” is no place of a node: write https://HOST:PORT, or the path of a socket")
        return cls(host=host.strip("[]"), port=int(port), tls=scheme == "https")

    def __str__(self) -> str:
        return self.path or f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


class HttpMessage(NamedTuple):
    """A request."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self, place: ServerPlace) -> bytes:
        """As it goes over the wire."""
        named = any(name.lower() == "user-agent" for name, _ in self.headers)
        wanted = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self.query)
        lines = [
            f"{self.method} {self.path}{'?' if wanted else ''}{wanted} HTTP/1.1",
            f"Host: {place.host}",
            "Connection: close",
            f"Content-Length: {len(self.body)}",
            *([f"Content-Type: {self.content_type}"] if self.body else []),
            *([] if named else ["User-Agent: crm.client"]),
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class HttpAnswer(NamedTuple):
    """What came back; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> object:
        import json

        return json.loads(self.body)


def head_of(raw: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers. Raises ValueError for what is no answer."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ValueError("this is no answer")
    pairs = (line.partition(":") for line in lines)
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def answer_of(raw: bytes) -> HttpAnswer:
    """The answer that a connection brought until it was closed. Raises ValueError for what is none, or cut off."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, headers = head_of(head)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _unchunked(body)
    elif len(body) < int(headers.get("content-length", "0")):
        raise ValueError("the answer broke off")
    return HttpAnswer(status, headers, body)


def _unchunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        if length == 0:
            break
        parts.append(rest[:length])
        body = rest[length + 2 :]
    return b"".join(parts)
