"""Server-sent events, taken apart line by line; shared by both clients."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from crm.client.http import HttpMessage

RETRY_S = 1.0


class Event(NamedTuple):
    """One event: `snapshot`, `change`, `status` or `end`; `value` is what it says; `id` where to go on after it."""

    name: str
    id: str
    value: Any


class Listening:
    """The state of one listener, who may go from node to node: a place, and the lines of an unfinished event."""

    def __init__(self, kinds: Sequence[str], node: str | None, resource: str | None, since: str | None) -> None:
        chosen = [("kind", kind) for kind in kinds]
        told = (("node", node), ("resource", resource))
        self._query = (*chosen, *((name, value) for name, value in told if value is not None))
        self._fields: dict[str, str] = {}
        self.index = since or ""

    def message(self) -> HttpMessage:
        """The request with which to listen (on)."""
        headers = (("Last-Event-ID", self.index),) if self.index else ()
        self._fields = {}
        return HttpMessage("GET", "/v1/events", self._query, headers=(("Accept", "text/event-stream"), *headers))

    def take(self, line: str) -> Event | None:
        """One line; the event that it completes."""
        if line:
            name, _, value = line.partition(": ")
            if name == "id":
                self.index = value
            elif name in ("event", "data"):
                self._fields[name] = value
            return None
        fields, self._fields = self._fields, {}
        if "data" not in fields:
            return None
        return Event(fields.get("event", "message"), self.index, json.loads(fields["data"]))
