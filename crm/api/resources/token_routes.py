"""Tokens and client certificates for the API over TCP: making them, taking them back before their time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import APIRouter, Path, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from crm.api.auth.authentication import AuthenticationSettings, principal
from crm.api.auth.requester import origin
from crm.api.auth.scopes import Scope
from crm.api.auth.tokens import MADE_BY, Grant, make, new_id
from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun
from crm.api.service import NodeService, RequestRefused
from crm.api.views.answer_values import Wish
from crm.api.writing.commit import Written, seen_of, write_made
from crm.cib.access import UNRESTRICTED_USERS
from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.edits import cluster
from crm.cib.token_lists import ID_LENGTH, ISSUED, REVOKED, counting, revoked_tokens, words_of
from crm.daemon.certificates import CertificateAuthority

_DAY_SECONDS = 86_400
_MOST_TOKENS = 1000
_TRIES, _PAUSE_S = 5, 0.1
_IDS = {"application/json": {"example": ["006554a2d0a1b2c3d4e5f6"]}}
_PEM = {"text/plain": {"schema": {"type": "string"}, "example": "-----BEGIN CERTIFICATE-----\n…"}}


class WantedToken(Wish):
    """For whom, for how long, and what for at most."""

    user: str = Field("root", min_length=1, max_length=255, description="whose permissions (ACLs) it carries")
    for_seconds: int = Field(_DAY_SECONDS, ge=1, le=10 * 366 * _DAY_SECONDS, description="how long it is good")
    scope: Scope = Field(Scope.READ, description="monitor: health and metrics; operate: no configuration; write: all")


class TokenValue(BaseModel):
    """A new token. It is shown this once and kept nowhere."""

    token: str = Field(examples=["crmd1.eyJpZCI6IjAwNjU…"])
    id: str = Field(description="revoke it by this", examples=["006554a2d0a1b2c3d4e5f6"])
    user: str = Field(examples=["anna"])
    scope: Scope
    expires: datetime


class IssuedTokenValue(BaseModel):
    """A token that was made; the token itself is kept nowhere."""

    id: str = Field(description="revoke it by this", examples=["006554a2d0a1b2c3d4e5f6"])
    user: str = Field(examples=["anna"])
    scope: Scope
    expires: datetime
    made_by: list[str] = Field(description="tokens and certificates with which it ends, the nearest first",
                               examples=[["006554a2d0ffeeddccbbaa"]])

    @classmethod
    def of(cls, word: str) -> IssuedTokenValue:
        """From how the cluster's options list it."""
        identity, scope, makers, user = word.split(":")
        return cls(id=identity, user=unquote(user), scope=Scope(scope), made_by=makers.split(",") if makers else [],
                   expires=datetime.fromtimestamp(int(identity[:10], 16), UTC))


class WantedCertificate(Wish):
    """For whom and for how long."""

    user: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$", examples=["anna"])
    for_seconds: int = Field(90 * _DAY_SECONDS, ge=60, le=10 * 366 * _DAY_SECONDS, description="how long it is good")


class CertificateValue(BaseModel):
    """A new client certificate with its key, as PEM. It is shown this once and kept nowhere."""

    certificate: str = Field(examples=["-----BEGIN CERTIFICATE-----\n…"])
    key: str = Field(examples=["-----BEGIN PRIVATE KEY-----\n…"])
    authority: str = Field(description="what the client trusts", examples=["-----BEGIN CERTIFICATE-----\n…"])
    id: str = Field(description="revoke it by this", examples=["5f0c1d7e"])
    user: str = Field(examples=["anna"])
    expires: datetime


TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,64}$")]


def routes(service: NodeService, doors: AuthenticationSettings, clock: Callable[[], float]) -> APIRouter:
    router = versioned("tokens")

    @router.post("/tokens", status_code=201)
    async def create_token(wanted: WantedToken) -> TokenValue:
        """A token for the API over TCP. Nobody can make one that may do more than they may themselves."""
        _check_asking(wanted.user, "a token")
        _check_key(doors)
        expires = _end(int(clock()) + wanted.for_seconds)
        grant = Grant(new_id(expires), wanted.user, expires, wanted.scope, _makers())
        await _list(service, grant, clock())
        return TokenValue(token=make(doors.key, grant), id=grant.id, user=grant.user, scope=grant.scope,
                          expires=datetime.fromtimestamp(expires, UTC))

    @router.post("/certificates", status_code=201)
    async def create_certificate(wanted: WantedCertificate) -> CertificateValue:
        """A client certificate for the API over TCP: whoever shows it is that user."""
        _check_asking(wanted.user, "a certificate")
        _check_key(doors)
        authority = CertificateAuthority(doors.key)
        until = datetime.fromtimestamp(_end(int(clock()) + wanted.for_seconds), UTC)
        units = [MADE_BY + identity for identity in _makers()]
        made = authority.for_user(wanted.user, until, datetime.fromtimestamp(clock(), UTC), units)
        return CertificateValue(certificate=made.certificate.decode(), key=made.key.decode(), user=wanted.user,
                                authority=authority.certificate.decode(), id=made.serial, expires=made.expires)

    @router.get("/certificates/authority", response_class=PlainTextResponse, responses={200: {"content": _PEM}})
    async def read_authority() -> str:
        """The certificate of the cluster's authority, as PEM: what clients trust; the same on every node."""
        _check_key(doors)
        return CertificateAuthority(doors.key).certificate.decode()

    @router.get("/tokens")
    async def list_tokens(page: Paging) -> list[IssuedTokenValue]:
        """The tokens that were made, are still good and were not taken back: those of the asking user, all for root."""
        revoked = set(revoked_tokens(service.cib()))
        issued = [IssuedTokenValue.of(word) for word in words_of(service.cib(), ISSUED)]
        asking = principal()
        good = [each for each in issued if each.expires.timestamp() > clock()
                and revoked.isdisjoint((each.id, *each.made_by))
                and (asking.is_admin or each.user == asking.user)]
        return page.of(good, lambda each: each.id)

    @router.get("/tokens/revoked", responses={200: {"content": _IDS}})
    async def list_revoked(page: Paging) -> list[str]:
        """The ids of the tokens and certificates that were taken back and would be good otherwise."""
        return page.of(revoked_tokens(service.cib()), str)

    @router.delete("/tokens/{token_id}")
    async def revoke_token(token_id: TokenId, response: Response, dry_run: DryRun = False) -> Written:
        """Take a token or a certificate back: from now on no node accepts it."""
        def revoked(document: Document) -> Change | None:
            known = counting(service.cib(), REVOKED, clock())
            ids = dict.fromkeys([*known, token_id.lstrip("0") if len(token_id) != ID_LENGTH else token_id])
            return cluster.option(document, REVOKED, " ".join(ids))

        return await write_made(service, revoked, response, dry_run=dry_run)

    return router


def _makers() -> tuple[str, ...]:
    """By what the asking user came in, and by what that was made: with any of these ends what they make."""
    asking = principal()
    return (asking.identity, *asking.made_by) if asking.identity else ()


def _end(wanted: int) -> int:
    """When what the asking user makes ends: not after what they came in with."""
    ends_at = principal().ends_at
    return wanted if ends_at is None else min(wanted, int(ends_at))


async def _list(service: NodeService, grant: Grant, now: float) -> None:
    """Note a new token in the cluster's options; the cluster keeps the list, so the makers need no permission for it.

    Raises ProblemError (too-many-tokens), Refused.
    """
    for left in reversed(range(_TRIES)):
        document = service.cib()
        kept = counting(document, ISSUED, now)
        if len(kept) >= _MOST_TOKENS:
            raise ProblemError("too-many-tokens", f"{len(kept)} tokens are good; there may be no more",
                               "Take back those that nobody needs: crmctl token list, crmctl token revoke ID")
        word = f"{grant.id}:{grant.scope}:{','.join(grant.made_by)}:{quote(grant.user, safe='')}"
        change = cluster.option(document, ISSUED, " ".join([*kept, word]))
        assert change is not None, "an option that is set is a change"
        try:
            await service.change(change, if_seen=seen_of(service, document), origin=origin())
            return
        except RequestRefused as error:
            if error.code != "stale-version" or not left:
                raise
            await asyncio.sleep(_PAUSE_S)


def _check_asking(user: str, what: str) -> None:
    asking = principal()
    if asking.scope is not Scope.WRITE or (user != asking.user and asking.user not in UNRESTRICTED_USERS):
        raise ProblemError("permission-denied", f"{asking.user} may not make {what} for {user}", "Ask root for one")


def _check_key(doors: AuthenticationSettings) -> None:
    if not doors.key:
        raise ProblemError("no-key", "This node has no key to sign with", "openssl rand -hex 32 > key_file")
