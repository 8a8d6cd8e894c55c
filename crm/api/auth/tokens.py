"""Tokens for the API over TCP: who somebody is, for how long and for what, signed with the cluster's key.

A token is made by one node and known to all, because they share the key; nothing of it is stored, not even a hash, so
there is no list that could leak, be lost, or be behind on one node. For people the cluster's options list which were
made, and for whom (`crmd-issued-tokens`). A token ends by itself, or by revoking its id (`crmd-revoked-tokens`), and
with the token or certificate that it was made by. An id begins with the moment at which its token ends anyway, so that
the lists forget it then.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass

from crm.api.auth.scopes import Scope

_PREFIX = "crmd1"
MADE_BY = "made by "
"""How a certificate's subject names its makers, in its organizational units."""
_PURPOSE = b"crmd api token v1"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says: whose permissions, until when (epoch seconds), what for at most."""

    id: str
    user: str
    expires: int
    scope: Scope
    made_by: tuple[str, ...] = ()
    """Ids of the token or certificate that it was made by, of the one by which that was made, and so on."""


class TokenError(Exception):
    """A token that cannot be accepted; the message says why, without repeating the token."""


def new_id(expires: int) -> str:
    """An id for a token that ends then."""
    return f"{expires:010x}{secrets.token_hex(6)}"


def make(key: bytes, grant: Grant) -> str:
    """The token for a grant."""
    # Nodes of earlier releases know no makers; they accept what has none.
    told = {name: value for name, value in asdict(grant).items() if name != "made_by" or value}
    body = _encode(json.dumps(told, separators=(",", ":")).encode())
    return f"{_PREFIX}.{body}.{_encode(_signature(key, body))}"


def check(key: bytes, token: str, now: float, revoked: Collection[str] = ()) -> Grant:
    """What a token grants. Raises TokenError if it is forged, damaged, expired or revoked."""
    prefix, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    if prefix != _PREFIX or not hmac.compare_digest(_encode(_signature(key, body)), signature):
        raise TokenError("The token is not one of this cluster")
    fields = json.loads(_decode(body))
    grant = Grant(**{**fields, "scope": Scope(fields["scope"]), "made_by": tuple(fields.get("made_by", ()))})
    if now >= grant.expires:
        raise TokenError("The token has expired")
    if grant.id in revoked:
        raise TokenError("The token was revoked")
    if not set(grant.made_by).isdisjoint(revoked):
        raise TokenError("The token was revoked with the one that it was made by")
    return grant


def _signature(key: bytes, body: str) -> bytes:
    own_key = hmac.new(key, _PURPOSE, hashlib.sha256).digest()
    return hmac.new(own_key, body.encode(), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
