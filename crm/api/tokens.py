"""Tokens for the API over TCP: who somebody is, for how long and for what, signed with the cluster's key.

A token is made by one node and known to all, because they share the key; nothing about it is stored, not even a hash,
so there is no list that could leak, be lost, or be behind on one node. It ends by itself, or by revoking its id
(`crmd-revoked-tokens` in the cluster's options); an id begins with the moment at which its token ends anyway, so that
the list forgets it then.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass

from crm.api.scopes import Scope

_PREFIX = "crmd1"
ID_LENGTH = 22
_PURPOSE = b"crmd api token v1"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says: whose permissions, until when (epoch seconds), what for at most."""

    id: str
    user: str
    expires: int
    scope: Scope


class TokenError(Exception):
    """A token that cannot be accepted; the message says why, without repeating the token."""


def new_id(expires: int) -> str:
    """An id for a token that ends then."""
    return f"{expires:010x}{secrets.token_hex(6)}"


def still_counts(identity: str, now: float) -> bool:
    """Whether it still matters that this id was revoked; those of certificates always do."""
    return len(identity) != ID_LENGTH or int(identity[:10], 16) > now


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
    fields = json.loads(_decode(body))
    grant = Grant(**{**fields, "scope": Scope(fields["scope"])})
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
