"""A daemon that slept looks before it acts: what happens is kept back until the message layer has confirmed the view.

Asleep means that the event loop, the process or the machine did not run for longer than the others wait for a silent
member: they may have gone on without this node, while it still believes to lead or to be quorate. The clock is the one
that counts while the machine is suspended.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from crm.controller import events


def _clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Waking:
    """What is kept back from the controller. `look`: has the layer confirm the view. `check` must be called often."""

    def __init__(self, limit_s: float, look: Callable[[], None], clock: Callable[[], float] = _clock,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._look = look
        self._clock = clock
        self._monotonic = monotonic
        self._checked_at: float | None = None
        self._since_s: float | None = None
        self._kept: list[events.Event] = []

    def begin(self) -> None:
        """The layer has joined: from now on a gap is a sleep."""
        self._checked_at = self._clock()

    def check(self) -> bool:
        """Whether nothing may be done now, because this node slept or its layer is in doubt."""
        if self._checked_at is not None:
            now = self._clock()
            slept_s, self._checked_at = now - self._checked_at, now
            if slept_s > self._limit_s:
                self.doubt(self._monotonic())
                self._look()
        return self._since_s is not None

    def doubt(self, since_s: float) -> None:
        """The view may not hold any more; only a confirmation that is newer than that ends it."""
        self._since_s = max(since_s, self._since_s or since_s)

    def keeps(self, event: events.Event) -> bool:
        """Whether the event is kept back for now."""
        if not self.check():
            return False
        self._kept.append(event)
        return True

    def confirmed(self, since_s: float) -> list[events.Event]:
        """The view was confirmed, by something newer than that. Returns what is to be handled now, in order.

        Views and messages come before what happened on this node. Messages from before the last view are left out, as
        if the links had lost them: they were sent to one who was in another view.
        """
        if self._since_s is None or since_s < self._since_s:
            return []
        self._since_s = None
        kept, self._kept = self._kept, []
        views = [place for place, event in enumerate(kept) if isinstance(event, events.ViewChanged)]
        last = views[-1] if views else -1
        told = [event for place, event in enumerate(kept) if isinstance(event, events.ViewChanged)
                or (isinstance(event, events.MessageReceived) and place > last)]
        own = [event for event in kept if not isinstance(event, events.ViewChanged | events.MessageReceived)]
        return told + own
