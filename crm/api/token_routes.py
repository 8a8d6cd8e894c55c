"""Tokens for the API over TCP: making them, taking them back before their time."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from crm.api.doors import REVOKED, DoorSettings, principal, revoked_tokens
from crm.api.problems import ProblemError
from crm.api.service import Service
from crm.api.tokens import Grant, make
from crm.api.writing import Written, write
from crm.cib import intents
from crm.cib.access import UNRESTRICTED_USERS

_DAY_SECONDS = 86_400


class WantedToken(BaseModel):
    """For whom, for how long, and whether it may change anything."""

    user: str = Field("root", min_length=1, max_length=255, description="whose permissions (ACLs) it carries")
    for_seconds: int = Field(_DAY_SECONDS, ge=1, le=10 * 366 * _DAY_SECONDS)
    write: bool = Field(False, description="without it, the token only reads")


class TokenValue(BaseModel):
    """A new token. It is shown this once and kept nowhere."""

    token: str
    id: str = Field(description="revoke it by this")
    user: str
    write: bool
    expires: datetime


TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,64}$")]


def routes(service: Service, doors: DoorSettings, clock: Callable[[], float]) -> APIRouter:
    router = APIRouter(prefix="/tokens", tags=["tokens"])

    @router.post("", status_code=201)
    async def create_token(wanted: WantedToken) -> TokenValue:
        """A token for the API over TCP. Nobody can make one that may do more than they may themselves."""
        _check_asking(wanted)
        if not doors.key:
            raise ProblemError(
                "no-key", "This cluster has no key file, so tokens cannot be signed", "openssl rand -hex 32 > key_file"
            )
        grant = Grant(secrets.token_hex(8), wanted.user, int(clock()) + wanted.for_seconds, wanted.write)
        expires = datetime.fromtimestamp(grant.expires, UTC)
        return TokenValue(
            token=make(doors.key, grant), id=grant.id, user=grant.user, write=grant.write, expires=expires
        )

    @router.get("/revoked")
    async def list_revoked() -> list[str]:
        """The ids of the tokens that were taken back."""
        return revoked_tokens(service)

    @router.delete("/{token_id}")
    async def revoke_token(token_id: TokenId, response: Response) -> Written:
        """Take a token back: from now on no node accepts it."""
        ids = dict.fromkeys([*revoked_tokens(service), token_id])
        return await write(service, intents.option(service.cib(), REVOKED, " ".join(ids)), response, dry_run=False)

    return router


def _check_asking(wanted: WantedToken) -> None:
    asking = principal()
    above_lists = asking.user in UNRESTRICTED_USERS
    if not asking.write or (wanted.user != asking.user and not above_lists):
        raise ProblemError(
            "permission-denied", f"{asking.user} may not make a token for {wanted.user}", "Ask root for one"
        )
