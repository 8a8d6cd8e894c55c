"""The doors of the API: who is asking, and whether they may come in at all.

Over the unix socket the kernel says who it is: root, the daemon's own user and the members of the admin group come in.
Over TCP a token says it, or nobody comes in; only the questions of load balancers are answered without one. What a user
may see and change then is for the CIB's access control lists (`crm.cib.access`).
"""

from __future__ import annotations

import contextvars
import grp
import hmac
import logging
import os
import pwd
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from typing import Any

from crm.api.problems import answer
from crm.api.service import Service
from crm.api.tokens import TokenError, check

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PEER = "crmd.peer"
"""Where the web server notes (uid, gid) of who is at the other end of a unix socket: in the ASGI scope's `state`."""

OPEN_PATHS = ("/v1/health/",)
_READING = ("GET", "HEAD", "OPTIONS")

audit = logging.getLogger("crm.audit")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and through which door; without `write` only questions are answered.

    `is_admin`: root, or a member of the admin group. `still_admitted` is asked again while a long answer lasts.
    """

    user: str
    groups: tuple[str, ...] = ()
    door: str = "internal"
    write: bool = True
    is_admin: bool = False
    still_admitted: Callable[[], bool] = lambda: True


INTERNAL = Principal("root")
_present: contextvars.ContextVar[Principal] = contextvars.ContextVar("principal", default=INTERNAL)


def principal() -> Principal:
    """Who makes the present request."""
    return _present.get()


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """tcp: `token` (nobody comes in without one) or `open` (everybody is `root`: for trials on loopback)."""

    key: bytes = b""
    tcp: str = "token"
    admin_group: str = "haclient"


class Doors:
    """ASGI middleware that lets in or turns away, and notes every change that was asked for."""

    def __init__(
        self, app: App, service: Service, settings: DoorSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self._app = app
        self._service = service
        self._settings = settings
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = self._identify(scope)
        if isinstance(found, Principal) and not found.write and scope["method"] not in _READING:
            found = _Denied("read-only", "The token may only read", "Ask for one that may write")
        if isinstance(found, _Denied):
            audit.warning("%s %s denied: %s", scope["method"], scope["path"], found.detail)
            await answer(found.code, found.detail, found.hint)(scope, receive, send)
            return
        if scope["method"] not in _READING:
            audit.info("%s %s by %s (%s)", scope["method"], scope["path"], found.user, found.door)
        remembered = _present.set(found)
        try:
            await self._app(scope, receive, send)
        finally:
            _present.reset(remembered)

    def _identify(self, scope: Scope) -> Principal | _Denied:
        peer = scope.get("state", {}).get(PEER)
        if peer is not None:
            return self._from_socket(*peer)
        if self._settings.tcp == "open" or scope["path"].startswith(OPEN_PATHS):
            return Principal("root", door="tcp, open")
        if not self._settings.key:
            return _Denied("no-key", "This node has no key file, so no token can be checked", "Set key_file")
        return self._from_token(scope)

    def _from_socket(self, uid: int, gid: int) -> Principal | _Denied:
        if uid in (0, os.getuid()):
            return Principal("root", door="unix socket")
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = str(uid)
        groups = _groups_of(user, gid)
        if self._settings.admin_group in groups:
            return Principal(user, groups, "unix socket")
        return _Denied(
            "not-admitted",
            f"{user} is not in the group {self._settings.admin_group}",
            f"Become a member (usermod -aG {self._settings.admin_group} {user}), or ask as root",
        )

    def _from_token(self, scope: Scope) -> Principal | _Denied:
        header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        kind, _, token = header.decode("latin-1").partition(" ")
        if not hmac.compare_digest(kind.lower(), "bearer") or not token:
            hint = "Make a token with: crmctl token create USER, and send it as Authorization: Bearer TOKEN"
            return _Denied("no-token", "Over TCP a token is needed", hint)
        try:
            grant = check(self._settings.key, token.strip(), self._clock(), self._revoked())
        except (TokenError, ValueError, TypeError) as error:
            reason = str(error) if isinstance(error, TokenError) else "The token is damaged"
            return _Denied("bad-token", reason, "Make a new one with: crmctl token create USER")
        return Principal(grant.user, _groups_of(grant.user), "token " + grant.id, grant.write)

    def _revoked(self) -> Collection[str]:
        return revoked_tokens(self._service)


REVOKED = "crmd-revoked-tokens"


def revoked_tokens(service: Service) -> list[str]:
    """The ids of tokens that were taken back before their time."""
    root = service.cib().root
    pair = root.find(f"configuration/crm_config/cluster_property_set/nvpair[@name='{REVOKED}']")
    return (pair.get("value") or "").split() if pair is not None else []


@dataclass(frozen=True, slots=True)
class _Denied:
    code: str
    detail: str
    hint: str


def _groups_of(user: str, gid: int | None = None) -> tuple[str, ...]:
    try:
        account = pwd.getpwnam(user)
        numbers = os.getgrouplist(user, account.pw_gid if gid is None else gid)
    except (KeyError, OSError):
        return ()
    found = []
    for number in numbers:
        try:
            found.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return tuple(found)
