"""Clients of a service: a thread in the client's network that asks all the time and keeps what it was promised.

Each protocol is spoken here in a few lines: a request has a time limit of its own, and nothing is to be installed.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from ctypes import CDLL
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.system.machines import Network

LIMIT_S = 0.5
# A request that was sent to an address on its way is lost for so long: it is what a gap can be measured to.
_WEB_LIMIT_S = 0.1
PAUSE_S = 0.01
_Answer = TypeVar("_Answer")


class RefusedError(OSError):
    """The service answered, but not with what was asked for."""


@dataclass(frozen=True)
class Request:
    """One request: when it began and ended (monotonic seconds), and what came of it.

    It is `answered` if the service did what was asked, and `promised` if that must be there whatever happens.
    """

    number: int
    began: float
    ended: float
    answered: bool
    promised: bool


@dataclass
class Client:
    """Sends requests numbered from 1, one after the other, until it is closed.

    `send` raises OSError for one that failed, and answers whether what was written is safe.
    """

    network: Network
    send: Callable[[int], bool]
    requests: list[Request] = field(default_factory=list)
    last_error: str = ""
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    @property
    def served(self) -> bool:
        """Whether the last request was answered."""
        return bool(self.requests) and self.requests[-1].answered

    def served_since(self, moment: float) -> bool:
        """Whether the last request was answered, and began after that moment."""
        return self.served and self.requests[-1].began > moment

    def promised(self) -> set[int]:
        """The numbers that must never be missing again."""
        return {request.number for request in self.requests if request.promised}

    def lost_since(self, moment: float) -> int:
        """How many requests that ended after a moment were not answered."""
        return sum(1 for request in list(self.requests) if request.ended > moment and not request.answered)

    def gap_since(self, moment: float) -> float:
        """The longest time between two answered requests that ended after a moment, in seconds."""
        longest, last = 0.0, moment
        for request in list(self.requests):
            if request.answered and request.ended > moment:
                longest, last = max(longest, request.ended - last), request.ended
        return longest

    def _work(self) -> None:
        enter(self.network)
        number = 0
        while not self._over.wait(PAUSE_S):
            number += 1
            began = time.monotonic()
            try:
                answered, promised = True, self.send(number)
            except (OSError, subprocess.SubprocessError) as error:
                self.last_error, answered, promised = str(error), False, False
            self.requests.append(Request(number, began, time.monotonic(), answered, promised))


def enter(network: Network) -> None:
    """Bring the calling thread, and what it will start, into the client's network."""
    space = os.open(f"/run/netns/{network.client}", os.O_RDONLY)
    try:
        assert CDLL(None, use_errno=True).setns(space, 0) == 0
    finally:
        os.close(space)


def from_outside(network: Network, ask: Callable[[], _Answer]) -> _Answer:
    """What `ask` answers in the client's network."""
    answers: list[_Answer] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            enter(network)
            answers.append(ask())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]


def run(*command: str, limit_s: float = 2.0, text: str = "") -> str:
    """What a command printed; OSError if it failed or took too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit_s, input=text)
    except subprocess.TimeoutExpired:
        raise RefusedError(f"{Path(command[0]).name} took longer than {limit_s} s") from None
    if done.returncode:
        raise RefusedError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


# HTTP

def get(address: str, port: int) -> str:
    """The body at `/`; OSError unless the answer is 200."""
    with socket.create_connection((address, port), _WEB_LIMIT_S) as stream:
        stream.sendall(f"GET / HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
        answer = _until_closed(stream)
    head, _, body = answer.partition("\r\n\r\n")
    if " 200 " not in head.partition("\r\n")[0] + " ":
        raise RefusedError(head.partition("\r\n")[0])
    return body


def _until_closed(stream: socket.socket) -> str:
    parts = []
    while part := stream.recv(65536):
        parts.append(part)
    return b"".join(parts).decode(errors="replace")


# Redis (RESP)

class Redis:
    """One connection; commands answer an int, a text, None or a list of texts."""

    def __init__(self, address: str, limit_s: float = LIMIT_S) -> None:
        self._stream = socket.create_connection((address, 6379), limit_s)
        self._file = self._stream.makefile("rb")

    def __enter__(self) -> Redis:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._stream.close()

    def ask(self, *words: str) -> object:
        self._stream.sendall(f"*{len(words)}\r\n".encode()
                             + b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words))
        return self._answer()

    def _answer(self) -> object:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise RefusedError("the connection was closed")
        kind, text = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise RefusedError(text)
        if kind == b":":
            return int(text)
        if kind == b"$":
            return None if text == "-1" else self._file.read(int(text) + 2)[:-2].decode()
        if kind == b"*":
            return [self._answer() for _ in range(int(text))]
        return text


# PostgreSQL (protocol 3, user without a password)

class Postgres:
    """One connection; `ask` answers the rows of a statement as texts."""

    def __init__(self, address: str, user: str, database: str, limit_s: float = LIMIT_S, port: int = 5432) -> None:
        self._stream = socket.create_connection((address, port), limit_s)
        self._file = self._stream.makefile("rb")
        words = b"\0".join(word.encode() for word in ("user", user, "database", database)) + b"\0\0"
        self._stream.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
        self._rows()

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._stream.close()

    def ask(self, statement: str) -> list[tuple[str, ...]]:
        text = statement.encode() + b"\0"
        self._stream.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)
        return self._rows()

    def _rows(self) -> list[tuple[str, ...]]:
        """The rows until the server is ready for the next statement."""
        rows: list[tuple[str, ...]] = []
        said = b""
        while True:
            head = self._file.read(5)
            if len(head) < 5:
                raise RefusedError(f"the connection was closed {said!r}")
            kind, size = head[:1], struct.unpack("!i", head[1:])[0]
            body = self._file.read(size - 4)
            if kind == b"D":
                rows.append(_fields(body))
            elif kind == b"E":
                said = body
                if b"FATAL" in body:
                    raise RefusedError(body.replace(b"\0", b" ").decode(errors="replace"))
            elif kind == b"N" and b"synchronous replication" in body:
                # "The transaction has already committed locally, but might not have been replicated."
                said = body
            elif kind == b"Z":
                if said:
                    raise RefusedError(said.replace(b"\0", b" ").decode(errors="replace"))
                return rows


def _fields(body: bytes) -> tuple[str, ...]:
    count, place, fields = struct.unpack("!h", body[:2])[0], 2, []
    for _ in range(count):
        size = struct.unpack("!i", body[place:place + 4])[0]
        place += 4
        fields.append(body[place:place + max(size, 0)].decode())
        place += max(size, 0)
    return tuple(fields)
