"""What is multicast to the group: announcements, dismissals, and chunks of messages. Pure.

A frame is four bytes of magic, one of the protocol's version, one of its kind, and what belongs to the kind. A chunk
carries the view in which its message was sent, for whom it is (0: all others), the message's length and its place.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

MAGIC = b"CRMC"
VERSION = 1
ANNOUNCEMENT, DISMISSAL, CHUNK, BEAT = b"A", b"G", b"D", b"B"
EVERYBODY = 0

_HEAD = struct.Struct(">4sBc")
_CHUNK = struct.Struct(">QIQQ")
CHUNK_BYTES = 192 * 1024

Process = tuple[int, int]
"""A member of the group: corosync's node id and the process id."""


class ForeignVersionError(Exception):
    """The sender speaks another version of the protocol."""

    def __init__(self, version: int) -> None:
        super().__init__(f"protocol version {version}, here {VERSION}")
        self.version = version


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a member says of itself once it has seen a membership.

    members   the processes of that membership
    held      processes of killed daemons that are still waited for
    highest   the highest number of a view that it knows of
    disks     how many disks make a change safe, by corosync's kind of quorum: majority, one, or all (of the view)
    """

    name: str
    cluster: str
    incarnation: str
    joined_at: int
    members: tuple[Process, ...]
    held: tuple[Process, ...]
    highest: int
    quorate: bool
    disks: str

    def frame(self) -> bytes:
        return _head(ANNOUNCEMENT) + json.dumps(asdict(self)).encode()


@dataclass(frozen=True, slots=True)
class Beat:
    """A member's process is not stuck; that its node lives is corosync's to say."""

    def frame(self) -> bytes:
        return _head(BEAT)


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A killed daemon did not come back in time, or one is stuck: it is waited for no longer.

    ring  the ring in which that was found; in a later one it does not count (None: an older release does not say)
    """

    process: Process
    ring: int | None = None

    def frame(self) -> bytes:
        return _head(DISMISSAL) + json.dumps(asdict(self)).encode()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a message; `length` of the whole, `place` of this part in it."""

    view: int
    to: int
    length: int
    place: int
    content: bytes

    def frame(self) -> bytes:
        return _head(CHUNK) + _CHUNK.pack(self.view, self.to, self.length, self.place) + self.content


Frame = Announcement | Dismissal | Chunk | Beat


def chunks(view: int, to: int, message: bytes, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """A message in parts; an empty one is one empty part."""
    for place in range(0, max(len(message), 1), size):
        yield Chunk(view, to, len(message), place, message[place : place + size])


def parse(data: bytes) -> Frame:
    """Raises ValueError for what is no frame, ForeignVersionError for one of another version."""
    if len(data) < _HEAD.size:
        raise ValueError("too short for a frame")
    magic, version, kind = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("not a frame of crmd")
    if version != VERSION:
        raise ForeignVersionError(version)
    body = data[_HEAD.size :]
    try:
        return _PARSERS[kind](body)
    except (KeyError, TypeError, struct.error) as error:
        raise ValueError(f"malformed frame: {error!r}") from None


class MessageAssembly:
    """Puts the chunks of one sender together, in the order in which they come."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._parts: list[bytes] = []
        self._have = 0

    def add(self, chunk: Chunk) -> bytes | None:
        """The whole message once its last chunk is here; what does not fit together is dropped."""
        if chunk.place == 0:
            self._parts, self._have = [], 0
        if chunk.place != self._have or chunk.length > self._limit:
            return None
        self._parts.append(chunk.content)
        self._have += len(chunk.content)
        if self._have < chunk.length:
            return None
        parts, self._parts, self._have = self._parts, [], 0
        return b"".join(parts)


def _head(kind: bytes) -> bytes:
    return _HEAD.pack(MAGIC, VERSION, kind)


def _announcement(body: bytes) -> Announcement:
    fields = json.loads(body)
    return Announcement(str(fields["name"]), str(fields["cluster"]), str(fields["incarnation"]),
                        int(fields["joined_at"]), _processes(fields["members"]), _processes(fields["held"]),
                        int(fields["highest"]), bool(fields["quorate"]), str(fields["disks"]))


def _dismissal(body: bytes) -> Dismissal:
    fields = json.loads(body)
    ring = fields.get("ring")
    return Dismissal(_processes([fields["process"]])[0], None if ring is None else int(ring))


def _chunk(body: bytes) -> Chunk:
    view, to, length, place = _CHUNK.unpack_from(body)
    return Chunk(view, to, length, place, body[_CHUNK.size :])


def _processes(values: Any) -> tuple[Process, ...]:
    return tuple((int(node), int(process)) for node, process in values)


_PARSERS: dict[bytes, Callable[[bytes], Frame]] = {
    ANNOUNCEMENT: _announcement, DISMISSAL: _dismissal, CHUNK: _chunk, BEAT: lambda _body: Beat()}
