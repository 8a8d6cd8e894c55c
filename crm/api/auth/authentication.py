"""The doors of the API: who is asking, and whether they may come in at all.

Over the unix socket the kernel says who it is: root, the daemon's own user and the members of the admin group come in.
Over TCP a client's certificate or a token says it, or nobody comes in; only the questions of load balancers are
answered without. What a user may see and change then is for the CIB's access control lists (`crm.cib.access`).

Every change that was asked for and everybody who was turned away is noted (`crm.api.middleware.audit`).
"""

from __future__ import annotations

import asyncio
import contextvars
import grp
import hmac
import os
import pwd
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote_plus

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from crm.api.auth.scopes import READING, Scope, needed
from crm.api.auth.tokens import MADE_BY, TokenError, check
from crm.api.middleware import audit, limits
from crm.api.middleware.problems import CODE_HEADER, answer
from crm.api.service import NodeService
from crm.cib.access import UNRESTRICTED_USERS, Acl
from crm.cib.redaction import redacted_text
from crm.cib.token_lists import revoked_tokens

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

PEER = "crmd.peer"
"""Where the web server notes (uid, gid) of who is at the other end of a unix socket: in the ASGI scope's `state`."""
CERTIFICATE = "crmd.certificate"
"""Where it notes what a client's certificate says, as `ssl.SSLSocket.getpeercert` has it; it has been verified."""

_PRODUCT = re.compile(r"[A-Za-z0-9._-]{1,40}")
OPEN_PATHS = ("/v1/health/",)
"""What load balancers ask: open to all, and never locked, whatever else comes from their address."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, through which door, and what for at most.

    `is_admin`: root, or a member of the admin group. `still_admitted` is asked again while a long answer lasts.
    `client`: the program, as it names itself. `identity`: of the token or certificate, good until `ends_at` (epoch
    seconds); `made_by`: those by which that one was made, and theirs.
    """

    user: str
    groups: tuple[str, ...] = ()
    door: str = "internal"
    scope: Scope = Scope.WRITE
    is_admin: bool = False
    still_admitted: Callable[[], bool] = lambda: True
    client: str = ""
    identity: str = ""
    ends_at: float | None = None
    made_by: tuple[str, ...] = ()


INTERNAL = Principal("root")
_present: contextvars.ContextVar[Principal] = contextvars.ContextVar("principal", default=INTERNAL)


def principal() -> Principal:
    """Who makes the present request."""
    return _present.get()


@dataclass(frozen=True, slots=True)
class AuthenticationSettings:
    """tcp: `token` (nobody comes in without one, or a certificate) or `open` (everybody is `root`: for trials)."""

    key: bytes = b""
    tcp: str = "token"
    admin_group: str = "haclient"
    requests_per_second: int = 100


class AuthenticationMiddleware:
    """ASGI middleware that lets in or turns away."""

    def __init__(
        self, app: App, service: NodeService, settings: AuthenticationSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self._app = app
        self._service = service
        self._settings = settings
        self._clock = clock
        self._requests = limits.Rate(settings.requests_per_second)
        self._failures = limits.Rate(limits.FAILURES_PER_MINUTE / 60, limits.FAILURES_PER_MINUTE)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = self._admit(scope)
        if isinstance(found, _Denied):
            self._note(scope, Principal("-", door=_place(scope)), int(found.status), found.code)
            await found.answer()(scope, receive, send)
            return
        remembered = _present.set(replace(found, client=_client(scope)))
        try:
            await self._app(scope, limits.limited(scope, receive), self._noting(scope, found, send))
        except (ClientDisconnect, asyncio.CancelledError):
            return  # The client hung up, or the daemon ends: nobody is there to be answered, and nothing to report.
        finally:
            _present.reset(remembered)

    def _admit(self, scope: AsgiScope) -> Principal | _Denied:
        """Who it is, if they may come in for what they want."""
        local = _is_local(scope)
        if not local and (denied := self._too_often(scope)) is not None:
            return denied
        found = self._identify(scope)
        if isinstance(found, _Denied):
            if not local:
                self._failures.take(_address(scope), self._clock())
            return found
        wanted = needed(scope["method"], scope["path"])
        if not found.scope.covers(wanted):
            hint = f"Ask for a token of the scope {wanted}: crmctl token create {found.user} --scope {wanted}"
            return _Denied("out-of-scope", f"This is for the scope {wanted}, the token has {found.scope}", hint)
        if strange := limits.strange_character(scope):
            return _Denied("bad-request", f"The address holds the character {strange}, which no name of a CIB can hold",
                           "Leave it out; write other special characters as percent codes of their UTF-8")
        most = limits.body_limit_bytes(scope)
        if limits.declared_bytes(scope) > most:
            return _Denied("too-large", f"The body has more than {most} bytes", "Send less at once")
        return found

    def _too_often(self, scope: AsgiScope) -> _Denied | None:
        if _is_open(scope):
            return None
        address, now = _address(scope), self._clock()
        if wait := self._failures.wait(address, now):
            return _Denied("too-many-failures", f"Too many attempts from {address} have failed", "Wait, then come with "
                           "a valid token or certificate", retry_after_s=wait)
        if wait := self._requests.take(address, now):
            most = self._settings.requests_per_second
            return _Denied("too-many-requests", f"More than {most} requests a second come from {address}",
                           "Ask less often, or listen at /v1/events", retry_after_s=wait)
        return None

    def _noting(self, scope: AsgiScope, who: Principal, send: Send) -> Send:
        """The same answer; if it is to a change, it is noted."""

        async def noting(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = {bytes(name).lower(): bytes(value).decode("latin-1") for name, value in message["headers"]}
                code = headers.get(CODE_HEADER.lower().encode(), "")
                if scope["method"] not in READING or message["status"] in (401, 403):
                    self._note(scope, who, message["status"], code, headers.get(b"crmd-version", ""))
            await send(message)

        return noting

    def _note(self, scope: AsgiScope, who: Principal, status: int, code: str, version: str = "") -> None:
        fields = {"method": scope["method"], "path": scope["path"],
                  "query": self._query(scope), "user": who.user, "door": who.door,
                  "from": _address(scope), "status": status, "code": code, "version": version}
        audit.note(fields, refused=status in (401, 403, 429))

    def _query(self, scope: AsgiScope) -> str:
        return redacted_text(self._service.cib(), unquote_plus(scope["query_string"].decode("latin-1")))[:500]

    def _identify(self, scope: AsgiScope) -> Principal | _Denied:
        state = scope.get("state", {})
        if PEER in state:
            return self._from_socket(*state[PEER])
        if self._settings.tcp == "open" or _is_open(scope):
            return Principal("root", door="tcp, open", is_admin=True)
        if CERTIFICATE in state:
            return self._from_certificate(state[CERTIFICATE])
        return self._from_token(scope)

    def _from_socket(self, uid: int, gid: int) -> Principal | _Denied:
        if uid in (0, os.getuid()):
            return Principal("root", door="unix socket", is_admin=True)
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = str(uid)
        groups = _groups_of(user, gid)
        if self._settings.admin_group in groups:
            return Principal(user, groups, "unix socket", is_admin=True)
        return _Denied(
            "not-admitted",
            f"{user} is not in the group {self._settings.admin_group}",
            f"Become a member (usermod -aG {self._settings.admin_group} {user}), or ask as root",
        )

    def _from_certificate(self, told: dict[str, Any]) -> Principal | _Denied:
        """Who shows a certificate is the user that it names. Without lists, only administrators may change things."""
        user = next((value for part in told.get("subject", ()) for name, value in part if name == "commonName"), "")
        serial = str(told.get("serialNumber", "")).lstrip("0").lower()
        ends_at = ssl.cert_time_to_seconds(told["notAfter"])
        if not user:
            return _Denied("bad-certificate", "The certificate names no user (its CN)",
                           "Make one with: crmctl certificate create USER")
        made_by = tuple(value.removeprefix(MADE_BY) for part in told.get("subject", ()) for name, value in part
                        if name == "organizationalUnitName" and value.startswith(MADE_BY))
        if not self._is_valid((serial, *made_by), ends_at):
            return _Denied("bad-certificate", "The certificate has expired or was revoked",
                           f"Make a new one with: crmctl certificate create {user}")
        groups = _groups_of(user)
        admin = self._is_admin(user, groups)
        listed = Acl.of(self._service.cib(), user, groups) is not None
        scope = Scope.WRITE if admin or listed else Scope.READ
        return Principal(user, groups, f"certificate {serial}", scope, admin,
                         lambda: self._is_valid((serial, *made_by), ends_at), "", serial, ends_at, made_by)

    def _from_token(self, scope: AsgiScope) -> Principal | _Denied:
        header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        kind, _, token = header.decode("latin-1").partition(" ")
        if not self._settings.key:
            return _Denied("no-key", "This node has no key, so no token can be checked", "Set key_file")
        if not hmac.compare_digest(kind.lower().encode(), b"bearer") or not token:
            hint = "Make a token with: crmctl token create USER, and send it as Authorization: Bearer TOKEN"
            return _Denied("no-token", "Over TCP a token or a client certificate is needed", hint)
        try:
            grant = check(self._settings.key, token.strip(), self._clock(), self._revoked())
        except (TokenError, ValueError, TypeError) as error:
            reason = str(error) if isinstance(error, TokenError) else "The token is damaged"
            return _Denied("bad-token", reason, "Make a new one with: crmctl token create USER")
        groups = _groups_of(grant.user)
        return Principal(grant.user, groups, f"token {grant.id}", grant.scope, self._is_admin(grant.user, groups),
                         lambda: self._is_valid((grant.id, *grant.made_by), grant.expires), "", grant.id, grant.expires,
                         grant.made_by)

    def _is_admin(self, user: str, groups: Collection[str]) -> bool:
        return user in UNRESTRICTED_USERS or self._settings.admin_group in groups

    def _is_valid(self, identities: Collection[str], ends_at: float) -> bool:
        return self._clock() < ends_at and not set(identities).intersection(self._revoked())

    def _revoked(self) -> Collection[str]:
        return revoked_tokens(self._service.cib())


def _is_open(scope: AsgiScope) -> bool:
    return f"{scope['path']}/".startswith(OPEN_PATHS)


def _is_local(scope: AsgiScope) -> bool:
    return PEER in scope.get("state", {})


def _address(scope: AsgiScope) -> str:
    client = scope.get("client")
    return "local" if _is_local(scope) or not client else str(client[0])


def _client(scope: AsgiScope) -> str:
    """The first word of what a client says that it is."""
    told = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    found = _PRODUCT.match(told.decode("latin-1"))
    return found[0] if found else "rest"


def _place(scope: AsgiScope) -> str:
    return "unix socket" if _is_local(scope) else "tcp"


@dataclass(frozen=True, slots=True)
class _Denied:
    code: str
    detail: str
    hint: str
    retry_after_s: float = 0.0

    @property
    def status(self) -> int:
        return self.answer().status_code

    def answer(self) -> Response:
        response = answer(self.code, self.detail, self.hint)
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        if self.retry_after_s:
            response.headers["Retry-After"] = str(int(self.retry_after_s) + 1)
        return response


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
