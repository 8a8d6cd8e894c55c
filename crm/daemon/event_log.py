"""The states that this node's CIB went through, for those who want to hear of changes as they happen.

A state is named by its index, `VERSION@REIGN`: all nodes give the same state the same index, so a listener who was cut
off goes on at any node, also across a change of DC. The journal keeps the news of the last steps, bounded in number and
size. Listeners have no queues: each holds a place in the journal, and one that is too slow finds that place gone, and
begins again with a snapshot. So nobody who listens can hold up or fill up the daemon.

A node that was out of touch takes the whole CIB of the DC in one step; its news are then the difference. What is not in
the CIB (the state of this node's controller, a running transition) has no index: `moment` counts its changes.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from crm.cib.change_events import News, change_events
from crm.cib.document import Document

STEPS = 4096
SIZE_BYTES = 8 * 1024 * 1024
NO_REIGN = "none"


@dataclass(frozen=True, slots=True)
class LoggedState:
    """One step: the index that it led to, its news, and the same as JSON."""

    index: str
    changes: tuple[News, ...]
    text: str = field(repr=False)


class EventLog:
    """Of one node. Not thread safe: everything happens in the daemon's loop."""

    def __init__(self, document: Document, steps: int = STEPS, size_bytes: int = SIZE_BYTES) -> None:
        self.document = document
        self.reign = NO_REIGN
        self.moment = 0
        self.closed = False
        self.listeners = 0
        self._kept: deque[LoggedState] = deque()
        self._places: dict[str, int] = {}
        """Where in the history a listener with that index goes on: the number of the first step it has not seen."""
        self._first = 0
        self._size = 0
        self._limits = (steps, size_bytes)
        self._woken = asyncio.Event()

    @property
    def index(self) -> str:
        """Of the present state."""
        return f"{self.document.version}@{self.reign}"

    @property
    def size_bytes(self) -> int:
        """What is kept, as text."""
        return self._size

    def adopted(self, reign: str, document: Document) -> None:
        """The CIB is at its next state."""
        before, former, known = self.document, self.index, self.reign != NO_REIGN
        self.document, self.reign = document, reign
        if self.index == former:
            return
        if not known:
            # What was on disk has no status, so it is not a state that other nodes have been in.
            self._forget_all()
        else:
            self._keep(before, document)
        self._places.pop(self.index, None)
        self._places[self.index] = self._first + len(self._kept)
        self._wake()

    def told(self) -> None:
        """Something has changed that is of the moment only."""
        self.moment += 1
        self._wake()

    def after(self, index: str) -> list[LoggedState] | None:
        """The steps since a state, oldest first; None if this node does not know (any more) how it went on from it."""
        if index == self.index:
            return []
        place = self._places.get(index)
        if place is None or place < self._first:
            return None
        return list(islice(self._kept, place - self._first, None))

    async def change(self) -> None:
        """Wait until something has changed, or the journal is closed."""
        woken = self._woken
        if not self.closed:
            await woken.wait()

    def close(self) -> None:
        """Nothing will change any more."""
        self.closed = True
        self._wake()

    def _keep(self, before: Document, document: Document) -> None:
        changes = change_events(before, document)
        step = LoggedState(self.index, changes, _text(self.index, changes))
        self._kept.append(step)
        self._size += len(step.text)
        most, size_bytes = self._limits
        while len(self._kept) > most or (self._size > size_bytes and self._kept):
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        gone = self._kept.popleft()
        self._size -= len(gone.text)
        self._first += 1
        oldest = next(iter(self._places), None)
        while oldest is not None and self._places[oldest] < self._first:
            del self._places[oldest]
            oldest = next(iter(self._places), None)

    def _forget_all(self) -> None:
        self._first += len(self._kept)
        self._kept.clear()
        self._places.clear()
        self._size = 0

    def _wake(self) -> None:
        woken, self._woken = self._woken, asyncio.Event()
        woken.set()


def _text(index: str, changes: tuple[News, ...]) -> str:
    return json.dumps({"index": index, "changes": changes}, ensure_ascii=False, separators=(",", ":"))
