"""Frames on an authenticated connection: four bytes of length, then AES-GCM over kind and payload.

The nonce is the frame's number, so a frame that was dropped, repeated, reordered or changed on the way does not open.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_LENGTH = struct.Struct(">I")
_TAG_BYTES = 16
_OVERHEAD_BYTES = _TAG_BYTES + 64


class FrameError(Exception):
    """A frame is too large or does not open; the connection is beyond repair."""


class Sealer:
    """Turns payloads into frames, in order."""

    def __init__(self, key: bytes, max_payload_bytes: int) -> None:
        self._cipher = AESGCM(key)
        self._limit = max_payload_bytes
        self._count = 0

    def seal(self, kind: bytes, payload: bytes = b"") -> bytes:
        """The frame for `kind` (one byte) and `payload`."""
        assert len(kind) == 1
        assert len(payload) <= self._limit + _OVERHEAD_BYTES
        sealed = self._cipher.encrypt(self._count.to_bytes(12, "big"), kind + payload, None)
        self._count += 1
        return _LENGTH.pack(len(sealed)) + sealed


class Opener:
    """Turns received bytes into payloads; keeps what is incomplete.

    Of several keys the one that opens the first frame is the connection's; `chosen` is its place.
    """

    def __init__(self, keys: bytes | Sequence[bytes], max_payload_bytes: int) -> None:
        self._ciphers = [AESGCM(key) for key in ((keys,) if isinstance(keys, bytes) else keys)]
        self.chosen = 0
        self._limit = max_payload_bytes + _OVERHEAD_BYTES
        self._count = 0
        self._buffer = bytearray()

    def allow(self, max_payload_bytes: int) -> None:
        """From the next frame on, at most so much in one."""
        self._limit = max_payload_bytes + _OVERHEAD_BYTES

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Take bytes; yields (kind, payload) for each complete frame. Raises FrameError."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if not _TAG_BYTES < length <= self._limit:
                raise FrameError(f"a frame of {length} bytes is outside of what is allowed (at most {self._limit})")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            sealed = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield self._open(sealed)

    def _open(self, sealed: bytes) -> tuple[bytes, bytes]:
        places = range(len(self._ciphers)) if self._count == 0 else (self.chosen,)
        for place in places:
            try:
                plain = self._ciphers[place].decrypt(self._count.to_bytes(12, "big"), sealed, None)
            except InvalidTag:
                continue
            self.chosen = place
            self._count += 1
            return plain[:1], plain[1:]
        raise FrameError("a frame does not open with this connection's key")
