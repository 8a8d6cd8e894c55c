"""The first bytes of a connection: two fixed-size hellos, then keys that only holders of the shared secret can derive.

Each side sends a fresh X25519 public key. The keys of the connection come from the Diffie-Hellman secret *and* the
shared secret, so a recording is useless later even if the shared secret leaks, and nobody without it can produce one
valid frame. Nothing but the 37 bytes of a hello is read from a peer that has not proved itself by such a frame.
"""

from __future__ import annotations

import hashlib
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
    """What a handshake gives: the two directions of a connection, and a name for it that both sides derive alike."""

    sealer: Sealer
    opener: Opener
    session: str


class Handshake:
    """One side of a handshake: send `hello`, then give the peer's hello to `secure`."""

    def __init__(self, key: bytes, dialed: bool) -> None:
        self._key = key
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
        salt = hashlib.sha256(self._key).digest()
        material = HKDF(hashes.SHA256(), 80, salt=salt, info=first + second).derive(shared)
        outward, inward = material[:32], material[32:64]
        if not self._dialed:
            outward, inward = inward, outward
        return Secured(Sealer(outward, max_frame_bytes), Opener(inward, max_frame_bytes), material[64:].hex())
