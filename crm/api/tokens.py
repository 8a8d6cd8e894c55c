"""Tokens for the API over TCP: who somebody is, for how long and for what, signed with the cluster's key.

A token is made by one node and known to all, because they share the key; nothing about it is stored. It ends by itself
or by revoking its id (`crmd-revoked-tokens` in the cluster's options).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

_PREFIX = "crmd1"
_PURPOSE = b"crmd api token v1"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says: `expires` in epoch seconds; without `write` it only reads."""

    id: str
    user: str
    expires: int
    write: bool


class TokenError(Exception):
    """A token that cannot be accepted; the message says why, without repeating the token."""


def make(key: bytes, grant: Grant) -> str:
    """The token for a grant."""
    body = _encode(json.dumps(asdict(grant), separators=(",", ":")).encode())
    return f"{_PREFIX}.{body}.{_encode(_signature(key, body))}"


def check(key: bytes, token: str, now: float, revoked: Collection[str] = ()) -> Grant:
    """What a token grants. Raises TokenError if it is forged, damaged, expired or revoked."""
    prefix, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    if prefix != _PREFIX or not hmac.compare_digest(_encode(_signature(key, body)), signature):
        raise TokenError("The token is not one of this cluster")
    grant = Grant(**json.loads(_decode(body)))
    if now >= grant.expires:
        raise TokenError("The token has expired")
    if grant.id in revoked:
        raise TokenError("The token was revoked")
    return grant


def _signature(key: bytes, body: str) -> bytes:
    own_key = hmac.new(key, _PURPOSE, hashlib.sha256).digest()
    return hmac.new(own_key, body.encode(), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
