"""The first bytes of a connection: two fixed-size hellos, then keys that only holders of the shared secret can derive.

Each side sends a fresh X25519 public key. The keys of the connection come from the Diffie-Hellman secret *and* the
shared secret, so a recording is useless later even if the shared secret leaks, and nobody without it can produce one
valid frame. Nothing but the 37 bytes of a hello is read from a peer that has not proved itself by such a frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crm.messaging.embedded.frames import Opener, Sealer

_NAME, _VERSION = b"CRMD", b"1"
MAGIC = _NAME + _VERSION
HELLO_BYTES = len(MAGIC) + 32


class HandshakeError(Exception):
    """The peer does not speak this protocol or does not hold the key."""


@dataclass(frozen=True, slots=True)
class Secured:
    """What a handshake gives: the two directions of a connection, and `sessions`, one for each key of the dialing side.

    The name of the connection, which both sides derive alike, belongs to the key that the dialing side proves.
    """

    sealer: Sealer
    opener: Opener
    sessions: tuple[str, ...]
    dialed: bool

    @property
    def session(self) -> str:
        """The connection's name, once a frame has come."""
        return self.sessions[0 if self.dialed else self.opener.chosen]


class Handshake:
    """One side of a handshake: send `hello`, then give the peer's hello to `secure`.

    Of several `keys` this side proves the first, and takes any from the peer: so the key is changed without a stop.
    """

    def __init__(self, keys: bytes | Sequence[bytes], dialed: bool) -> None:
        self._keys = (keys,) if isinstance(keys, bytes) else tuple(keys)
        self._dialed = dialed
        self._private = X25519PrivateKey.generate()
        self.hello = MAGIC + self._private.public_key().public_bytes_raw()

    def secure(self, peer_hello: bytes, max_frame_bytes: int) -> Secured:
        """Derive the connection's keys. Raises HandshakeError when the peer speaks something else."""
        if len(peer_hello) != HELLO_BYTES or not peer_hello.startswith(_NAME):
            raise HandshakeError("the peer does not speak this cluster protocol")
        if not peer_hello.startswith(MAGIC):
            theirs = peer_hello[len(_NAME) : len(MAGIC)].decode(errors="replace")
            raise HandshakeError(f"the peer speaks version {theirs} of the cluster protocol, here it is "
                                 f"{_VERSION.decode()}: install the same release of crmd on both")
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(peer_hello[len(MAGIC) :]))
        except ValueError:
            raise HandshakeError("the peer sent an invalid public key") from None
        first, second = (self.hello, peer_hello) if self._dialed else (peer_hello, self.hello)
        salts = [hashlib.sha256(key).digest() for key in self._keys]
        materials = [HKDF(hashes.SHA256(), 80, salt=salt, info=first + second).derive(shared) for salt in salts]
        outward, inward = slice(0, 32), slice(32, 64)
        if not self._dialed:
            outward, inward = inward, outward
        opener = Opener([material[inward] for material in materials], max_frame_bytes)
        sessions = tuple(material[64:].hex() for material in materials)
        return Secured(Sealer(materials[0][outward], max_frame_bytes), opener, sessions, self._dialed)
