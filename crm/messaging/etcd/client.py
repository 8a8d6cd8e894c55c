"""Etcd's JSON gateway (v3): endpoints, login, leases, transactions, one watch. Knows nothing of clusters.

Keys and values are base64 on the wire and bytes of text here; revisions and leases are strings of digits there and
numbers here. An endpoint that does not answer in time is left for the next one.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from crm.messaging.layer import EtcdAccess, LayerError

log = logging.getLogger(__name__)
# One line for each request would drown everything else.
logging.getLogger("httpx").setLevel(logging.WARNING)

UNAUTHENTICATED, DENIED, NOT_FOUND, INVALID, UNAVAILABLE = 16, 7, 5, 3, 14
_MOD = "MOD"


class Unavailable(Exception):  # noqa: N818 - a state of things
    """No endpoint answered, or etcd has no leader. Try again."""


class EtcdRefused(Exception):  # noqa: N818 - etcd's word
    """Etcd answered with an error; `code` is gRPC's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value and the revision of its last change; a value of None: it was deleted."""

    key: str
    value: str | None
    revision: int
    lease: int = 0


@dataclass(frozen=True, slots=True)
class EtcdSnapshot:
    """All entries below a prefix at one revision of one etcd cluster."""

    cluster_id: str
    revision: int
    entries: tuple[Entry, ...]


class EtcdClient:
    """One node's way to etcd. `timeout_s` is for one answer of one endpoint."""

    def __init__(self, access: EtcdAccess, timeout_s: float) -> None:
        if not access.endpoints:
            raise LayerError("no-endpoints", "the etcd layer has no endpoints",
                             'set etcd.endpoints = ["https://HOST:2379", …]')
        self._access = access
        self._endpoints = [endpoint.rstrip("/") for endpoint in access.endpoints]
        self._token = ""
        self._moved = asyncio.Event()
        """Another endpoint is used now: a watch at the former one may never say that it is dead."""
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(verify=_tls(access), timeout=httpx.Timeout(timeout_s), trust_env=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def snapshot(self, prefix: str) -> EtcdSnapshot:
        """Everything below a prefix."""
        answer = await self._call("/v3/kv/range", {"key": _b64(prefix), "range_end": _b64(_after(prefix))})
        with _understood():
            header = answer["header"]
            entries = tuple(_entry(one) for one in answer.get("kvs", []))
            return EtcdSnapshot(str(header["cluster_id"]), int(header["revision"]), entries)

    async def get(self, key: str) -> Entry | None:
        """One entry."""
        found = (await self._call("/v3/kv/range", {"key": _b64(key)})).get("kvs", [])
        with _understood():
            return _entry(found[0]) if found else None

    async def put(self, key: str, value: str, lease: int, revision: int) -> bool:
        """Write if the key's last change is at that revision (0: if it does not exist); whether it was."""
        compare = {"key": _b64(key), "target": _MOD, "result": "EQUAL", "mod_revision": str(revision)}
        put = {"request_put": {"key": _b64(key), "value": _b64(value), "lease": str(lease)}}
        answer = await self._call("/v3/kv/txn", {"compare": [compare], "success": [put]})
        return bool(answer.get("succeeded", False))

    async def grant(self, seconds: int) -> int:
        """A new lease."""
        answer = await self._call("/v3/lease/grant", {"TTL": str(seconds)})
        with _understood():
            return int(answer["ID"])

    async def keep_alive(self, lease: int) -> int:
        """Renew a lease; how many seconds it has again, 0 if it is gone."""
        answer = await self._call("/v3/lease/keepalive", {"ID": str(lease)})
        with _understood():
            return int(answer.get("result", answer).get("TTL", 0))

    async def revoke(self, lease: int) -> None:
        """End a lease and what hangs on it; one that is gone already is fine."""
        try:
            await self._call("/v3/lease/revoke", {"ID": str(lease)})
        except EtcdRefused as error:
            if error.code != NOT_FOUND:
                raise

    async def watch(self, prefix: str, revision: int) -> AsyncIterator[list[Entry]]:
        """Changes below a prefix from a revision on, in order.

        Ends when etcd ends it (compaction, a lost leader) or when another call has left this endpoint.
        """
        wanted = {"create_request": {"key": _b64(prefix), "range_end": _b64(_after(prefix)),
                                     "start_revision": str(revision)}}
        headers = await self._headers()
        timeout = httpx.Timeout(self._timeout_s, read=None)
        self._moved.clear()
        try:
            url = f"{self._endpoints[0]}/v3/watch"
            async with contextlib.AsyncExitStack() as stack:
                # Etcd confirms a watch at once; only then may it be silent for as long as it likes.
                async with asyncio.timeout(self._timeout_s):
                    asked = self._http.stream("POST", url, json=wanted, headers=headers, timeout=timeout)
                    stream = await stack.enter_async_context(asked)
                lines = stream.aiter_lines()
                while (line := await self._next(lines)) is not None:
                    result = json.loads(line).get("result")
                    if result is None or result.get("canceled"):
                        return
                    if events := result.get("events"):
                        yield [_event(event) for event in events]
        except (httpx.HTTPError, TimeoutError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.debug("the watch ended: %r", error)

    def end_watch(self) -> None:
        """Have the watch end, if one is under way."""
        self._moved.set()

    async def _next(self, lines: AsyncIterator[str]) -> str | None:
        """The next line of a watch; None at its end, or when its endpoint was left."""
        line = asyncio.ensure_future(anext(lines, None))
        moved = asyncio.ensure_future(self._moved.wait())
        try:
            await asyncio.wait((line, moved), return_when=asyncio.FIRST_COMPLETED)
            return await line if line.done() else None
        finally:
            for waiting in (line, moved):
                waiting.cancel()
            await asyncio.gather(line, moved, return_exceptions=True)

    async def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        problem = ""
        for _ in range(len(self._endpoints) + 1):
            endpoint = self._endpoints[0]
            try:
                return await self._ask(endpoint, path, body, await self._headers())
            except EtcdRefused as error:
                if error.code == UNAUTHENTICATED and self._token:
                    self._token = ""
                elif error.code != UNAVAILABLE:
                    raise
                else:
                    problem = self._leave(endpoint, str(error))
            except httpx.HTTPError as error:
                problem = self._leave(endpoint, str(error) or type(error).__name__)
        raise Unavailable(problem)

    async def _ask(self, endpoint: str, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        answer = await self._http.post(f"{endpoint}{path}", json=body, headers=headers)
        try:
            value = answer.json()
            if answer.status_code == 200 and isinstance(value, dict):
                return value
            raise _refusal(answer.status_code, value)
        except (ValueError, TypeError, AttributeError):
            raise LayerError("not-etcd", f"{endpoint} does not answer as etcd does (status {answer.status_code} for "
                             f"{path})", "correct etcd.endpoints; etcd 3.4 or newer is needed") from None

    def _leave(self, endpoint: str, problem: str) -> str:
        """Try another endpoint next time."""
        if self._endpoints[0] == endpoint:
            self._moved.set()
            self._endpoints = [*self._endpoints[1:], endpoint]
        return f"{endpoint}: {problem}"

    async def _headers(self) -> dict[str, str]:
        if self._access.user and not self._token:
            credentials = {"name": self._access.user, "password": self._access.password}
            try:
                answer = await self._ask(self._endpoints[0], "/v3/auth/authenticate", credentials, {})
            except EtcdRefused as error:
                if error.code == UNAVAILABLE:
                    raise
                raise LayerError("etcd-login", f"etcd does not let user {self._access.user!r} in: {error}",
                                 "correct etcd.user and password_file") from None
            with _understood():
                self._token = str(answer["token"])
        return {"Authorization": self._token} if self._token else {}


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """Around reading an answer: what lacks a part or has a wrong one is not etcd's."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise LayerError("not-etcd", f"etcd's answer cannot be understood ({error!r})",
                         "correct etcd.endpoints; etcd 3.4 or newer is needed") from None


async def within(seconds: float, client: EtcdClient, prefix: str) -> EtcdSnapshot:
    """A first snapshot, tried again and again for a while. Raises LayerError with what stood in the way."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return await client.snapshot(prefix)
        except Unavailable as error:
            if asyncio.get_running_loop().time() > end:
                raise LayerError("no-etcd", f"etcd cannot be reached ({error})",
                                 "check etcd.endpoints and whether etcd runs and has a leader") from None
            await asyncio.sleep(0.2)
        except EtcdRefused as error:
            raise refused(error) from None


def refused(error: EtcdRefused) -> LayerError:
    """The error for what will not get better by itself."""
    if error.code in (DENIED, UNAUTHENTICATED, INVALID):
        return LayerError("etcd-access", f"etcd refuses: {error}", "set etcd.user and password_file, and let "
                          "that user read and write below etcd.prefix")
    return LayerError("etcd-error", f"etcd refuses: {error}", "look into etcd's log")


def _refusal(status: int, value: dict[str, Any]) -> EtcdRefused:
    message = str(value.get("message") or value.get("error") or f"status {status}")
    code = int(value.get("code", 0))
    lost_leader = "no leader" in message or "timed out" in message or "leader changed" in message
    return EtcdRefused(UNAVAILABLE if lost_leader or status in (502, 503, 504) else code, message)


def _tls(access: EtcdAccess) -> ssl.SSLContext | bool:
    if not any(endpoint.startswith("https:") for endpoint in access.endpoints):
        return False
    for file in (access.ca_file, access.certificate_file, access.key_file):
        if file and not Path(file).is_file():
            raise LayerError("etcd-certificate", f"{file} is not there", "correct the files of messaging.etcd")
    try:
        context = ssl.create_default_context(cafile=access.ca_file or None)
        if access.certificate_file:
            context.load_cert_chain(access.certificate_file, access.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise LayerError("etcd-certificate", f"the certificates for etcd cannot be used: {error}",
                         "correct the files of messaging.etcd") from None
    return context


def _entry(fields: dict[str, Any], deleted: bool = False) -> Entry:
    value = None if deleted else base64.b64decode(fields.get("value", "")).decode(errors="replace")
    return Entry(base64.b64decode(fields["key"]).decode(errors="replace"), value, int(fields["mod_revision"]),
                 int(fields.get("lease", 0)))


def _event(event: dict[str, Any]) -> Entry:
    return _entry(event["kv"], deleted=event.get("type") == "DELETE")


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _after(prefix: str) -> str:
    """The first key that sorts after all that begin with the prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
