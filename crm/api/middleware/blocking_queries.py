"""Blocking queries and freshness: what every answer says of the state it was read from, and waiting for a newer one.

    GET …?index=0.12.4@3&wait=30     answers when the cluster's state is another one, at the latest after 30 seconds

    GET …?consistent=true            answers from a state that has all that was acknowledged before

For clients too simple for `/v1/events`. The `Crmd-Index` of an answer is the `index` of the next question. All reads
under /v1 take part, so this stands around the application and not in each of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.api.middleware.limits import MOST_LISTENERS
from crm.api.middleware.problems import answer
from crm.api.service import NodeService, RequestRefused

LONGEST_S = 300.0
USUAL_S = 60.0
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

HEADERS = {
    "Crmd-Index": "the state of the cluster that the answer is of; a later question may wait until it has changed",
    "Crmd-Version": "version of the CIB on the answering node",
    "Crmd-Term": "newest term of a DC that the answering node knows",
    "Crmd-Node": "the node that answers",
    "Crmd-Fresh": "whether it follows a DC with quorum, as far as it knows: what it says is of a moment ago",
}
PARAMETERS = (
    ("index", "answer when the state is another one than this (a `Crmd-Index`)", {"type": "string"}, "0.12.4@3"),
    ("wait", f"for at most so many seconds, with `index` (default {USUAL_S:.0f})",
     {"type": "number", "minimum": 0, "maximum": LONGEST_S}, 30),
    ("consistent", "answer from what has every change that was acknowledged before the question, at any node: the DC "
     "asks the other nodes first whether it still leads", {"type": "boolean"}, True),
)
NAMES = frozenset(name for name, *_ in PARAMETERS)
"""The parameters of a query that every read under /v1 takes."""


class ChangeWaiter:
    """Whether a client still waits for its answer: what it sends meanwhile is kept for who reads its request."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[Message] = []
        self.gone = False

    async def receive(self) -> Message:
        """The next message of the request, those first that have come already."""
        return self._kept.pop(0) if self._kept else await self._receive()

    async def while_waiting(self, work: Coroutine[None, None, None], seconds: float) -> None:
        """Until the work is done, the time is over, or the client has hung up."""
        tasks = [asyncio.ensure_future(work), asyncio.ensure_future(self._until_gone())]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_gone(self) -> None:
        while not self.gone:
            message = await self._receive()
            self._kept.append(message)
            self.gone = message["type"] == "http.disconnect"


class BlockingQueries:
    """ASGI middleware: holds back a read until its time has come, and stamps every answer."""

    def __init__(self, app: ASGIApp, service: NodeService) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._stamp(message)
            await send(message)

        problem, client = None, ChangeWaiter(receive)
        if scope["method"] in ("GET", "HEAD") and takes_index(scope["path"]):
            asked = parse_qs(scope["query_string"].decode("latin-1"))
            if "index" in asked:
                problem = await self._wait(asked, client)
            if problem is None and "consistent" in asked:
                problem = await self._catch_up(asked["consistent"][-1])
        if problem is not None:
            await answer(*problem)(scope, client.receive, stamped)
        elif not client.gone:
            await self._app(scope, client.receive, stamped)

    async def _catch_up(self, wanted: str) -> tuple[str, str, str] | None:
        """Wait until this node has all that was acknowledged; why not, if nobody can say so."""
        if wanted not in _BOOLEANS:
            return "bad-request", f"query.consistent: “{wanted}” is neither true nor false", "Write consistent=true"
        try:
            if _BOOLEANS[wanted]:
                await self._service.consistent()
        except RequestRefused as error:
            return error.code, error.message, error.hint
        return None

    async def _wait(self, asked: Mapping[str, list[str]], client: ChangeWaiter) -> tuple[str, str, str] | None:
        """Wait as the query asks for, as long as the client does; what is wrong with it otherwise."""
        index, wait = asked.get("index", [""])[-1], asked.get("wait", [str(USUAL_S)])[-1]
        seconds = _seconds(wait)
        if seconds is None:
            return ("bad-request", f"query.wait: “{wait}” is not a number from 0 to {LONGEST_S:.0f}",
                    "Write the seconds, such as wait=30")
        journal = self._service.journal
        if journal.listeners >= MOST_LISTENERS:
            return "too-many-listeners", f"{MOST_LISTENERS} wait here already", "Ask another node"
        journal.listeners += 1
        try:
            await client.while_waiting(self._until_another(index), seconds)
        finally:
            journal.listeners -= 1
        return None

    async def _until_another(self, index: str) -> None:
        journal = self._service.journal
        while index == journal.index and not journal.closed:
            await journal.change()

    def _stamp(self, message: Message) -> None:
        status = self._service.status()
        headers = MutableHeaders(scope=message)
        headers["Crmd-Index"] = self._service.journal.index
        headers["Crmd-Version"] = str(status.version)
        headers["Crmd-Term"] = str(status.term)
        headers["Crmd-Node"] = status.node
        headers["Crmd-Fresh"] = str(status.fresh).lower()


def takes_index(path: str) -> bool:
    """Whether a read waits when it is asked to."""
    return path.startswith("/v1/") and not path.startswith(("/v1/health/", "/v1/events"))


def _seconds(text: str) -> float | None:
    """What `wait` says, with or without its unit."""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= LONGEST_S else None
