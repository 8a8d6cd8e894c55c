"""Server-sent events: a snapshot, then every change, resumable at any node. What is sent is the journal's.

    event: snapshot   the cluster as it is; first, and again whenever this node cannot tell how it went on from an index
    event: change     one step of the CIB: its index (also the event's id) and its news, see `crm.cib.change_events`
    event: status     this node's controller, of the moment: has no id, is not repeated, repetitions are put together
    event: end        why the stream ends: the node leaves, or who listens is not admitted any more
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from crm.api.auth.authentication import Principal, principal
from crm.api.auth.permission import is_restricted, readable
from crm.api.middleware.limits import MOST_LISTENERS
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.service import EventLog, NodeService
from crm.api.views.cluster_view import ClusterView, present, progress
from crm.cib.change_events import News, change_events
from crm.daemon.event_log import LoggedState

KEEP_ALIVE_S = 15.0
SEND_LIMIT_S = 30.0

Kind = Literal["cluster", "node", "operation", "history", "attribute", "ticket", "configuration", "status"]
_EXAMPLE = (
    'id: 0.12.4@3\nevent: change\ndata: {"index":"0.12.4@3","changes":[{"kind":"operation","resource":"web",'
    '"operation":"start","rc":0,"status":0,"node":"node1","change":"created","path":"/cib/status/…"}]}\n\n'
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a listener wants to hear of: news that fit everything that is given."""

    kinds: frozenset[str] = frozenset()
    node: str | None = None
    resource: str | None = None

    @property
    def takes_all(self) -> bool:
        return not self.kinds and self.node is None and self.resource is None

    def chosen(self, changes: tuple[News, ...]) -> list[News]:
        """The news that fit."""
        return [each for each in changes if self._fits(each)]

    def _fits(self, told: News) -> bool:
        if self.kinds and told["kind"] not in self.kinds:
            return False
        if self.node is not None and told.get("node") != self.node:
            return False
        return self.resource is None or self.resource in (told.get("resource"), told.get("id"))


def routes(service: NodeService, picture: Callable[[], ClusterView]) -> APIRouter:
    router = versioned("events")
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}}

    @router.get("/events", response_class=StreamingResponse, responses={200: {"content": content}})
    async def events(
        kind: Annotated[list[Kind], Query(description="only news of these kinds")] = [],  # noqa: B006 - FastAPI copies
        node: Annotated[str | None, Query(description="only news of this node", examples=["node1"])] = None,
        resource: Annotated[str | None, Query(description="only news of this resource", examples=["web"])] = None,
        since: Annotated[str | None, Query(description="go on after this index; Last-Event-ID counts more")] = None,
        last_event_id: Annotated[str | None, Header(description="as browsers send it after a cut")] = None,
    ) -> EventStream:
        """Changes as they happen, as server-sent events. Begins with a snapshot, unless it goes on after an index."""
        if service.journal.listeners >= MOST_LISTENERS:
            raise ProblemError("too-many-listeners", f"{MOST_LISTENERS} listen here already", "Ask another node")
        listener = Listener(service, picture, Filter(frozenset(kind), node, resource))
        return EventStream(listener.listen(last_event_id or since))

    return router


class EventStream(StreamingResponse):
    """A stream that is ended, by force, when the other side does not take what it is sent."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[str]) -> None:
        super().__init__(content, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_LIMIT_S):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            # What was not taken is still in the connection's buffer, so that closing it would wait for the other side.
            scope["state"]["crmd.abort"]()


class Listener:
    """One stream: a place in the journal."""

    def __init__(self, service: NodeService, picture: Callable[[], ClusterView], wanted: Filter) -> None:
        self._service = service
        self._journal: EventLog = service.journal
        self._picture = picture
        self._wanted = wanted
        self._who: Principal = principal()
        self._index = ""
        self._seen = service.cib()

    async def listen(self, since: str | None) -> AsyncIterator[str]:
        self._journal.listeners += 1
        try:
            for event in self._begin(since):
                yield event
            moment = self._journal.moment
            yield self._status()
            while (ending := self._ending()) is None:
                events = list(self._catch_up())
                if moment != self._journal.moment:
                    moment = self._journal.moment
                    events.append(self._status())
                if events:
                    yield "".join(events)
                elif not await self._has_changed(moment):
                    yield ": still here\n\n"
            yield ending
        finally:
            self._journal.listeners -= 1

    async def _has_changed(self, moment: int) -> bool:
        """Wait for something to tell; False if nothing has come for a while."""
        if self._index != self._journal.index or moment != self._journal.moment:
            return True
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                await self._journal.change()
        except TimeoutError:
            return False
        return True

    def _begin(self, since: str | None) -> Iterator[str]:
        if since is None:
            yield self._snapshot("start")
        elif since == self._journal.index or (not is_restricted(self._service) and self._journal.after(since)):
            self._index = since
        else:
            yield self._snapshot("unknown-index")

    def _catch_up(self) -> Iterator[str]:
        if self._index == self._journal.index:
            return
        if is_restricted(self._service):
            yield self._difference()
            return
        steps = self._journal.after(self._index)
        if steps is None:
            yield self._snapshot("too-slow")
            return
        self._index = self._journal.index
        yield from (self._step(step) for step in steps)

    def _step(self, step: LoggedState) -> str:
        if self._wanted.takes_all:
            return _event("change", step.text, step.index)
        return self._change(step.index, step.changes)

    def _change(self, index: str, changes: tuple[News, ...]) -> str:
        chosen = self._wanted.chosen(changes)
        if not chosen:
            return f"id: {index}\n\n"  # no event, but the listener's place moves on
        return _event("change", json.dumps({"index": index, "changes": chosen}, ensure_ascii=False), index)

    def _difference(self) -> str:
        """For those who may not see everything: the difference of what they may see."""
        before, after = self._seen, readable(self._service)
        self._index, self._seen = self._journal.index, after
        return self._change(self._index, change_events(before, after))

    def _snapshot(self, reason: str) -> str:
        self._index = self._journal.index
        self._seen = readable(self._service)
        cluster = self._picture().whole_text(self._service.status())
        head = json.dumps({"index": self._index, "reason": reason})
        return _event("snapshot", f'{head[:-1]}, "cluster": {cluster}}}', self._index)

    def _status(self) -> str:
        status, fencings = self._service.status(), self._service.fencings()
        value = {
            "node": status.node,
            "state": status.state,
            "dc": status.dc,
            "term": status.term,
            "quorate": status.quorate,
            "members": present(status),
            "index": self._journal.index,
            "transition": progress(status),
            "fenced": asdict(fencings[-1]) if fencings else None,
        }
        return _event("status", json.dumps(value, ensure_ascii=False))

    def _ending(self) -> str | None:
        if self._journal.closed:
            return _end("leaving", f"{self._service.name} is leaving", "Go on at another node, with the last id")
        if not self._who.still_admitted():
            return _end("not-admitted", "The token or certificate has ended or was revoked", "Come with a new one")
        return None


def _end(code: str, detail: str, next_step: str) -> str:
    return _event("end", json.dumps({"code": code, "detail": detail, "next_step": next_step}))


def _event(name: str, text: str, index: str | None = None) -> str:
    identity = f"id: {index}\n" if index is not None else ""
    return f"{identity}event: {name}\ndata: {text}\n\n"
