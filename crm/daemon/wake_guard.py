"""A daemon that slept looks before it acts: what happens is kept back until the message layer has confirmed the view.

Asleep means that this node told nobody that it lives for as long as the others wait at the least for a silent member:
the event loop, the process or the machine did not run. They may have gone on without this node, while it still believes
to lead or to be quorate. The clock is the one that counts while the machine is suspended.

What is kept back is bounded. What was told in a view that is over is dropped when the next one comes, as if the links
had lost it; so is what is told beyond `MOST_TOLD`: who misses a step asks for the whole, and orders have time limits.
What happened on this node is never dropped: it is not more than this node had begun.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from crm.controller import events


def _clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


log = logging.getLogger("crm.daemon")

MOST_TOLD = 5000
"""So many messages of one view are kept."""
_MOST_VIEWS = 100
_REPEATED = (events.LoadMeasured,)
"""What is measured again and again: only the last one counts."""


class WakeGuard:
    """What is kept back from the controller. `look`: has the layer confirm the view.

    limit_s  who says nothing for longer may have been given up. `beat` must be called before each sign of life that the
             others measure by, `check` before anything is done.
    """

    def __init__(self, limit_s: float, look: Callable[[], None], clock: Callable[[], float] = _clock,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._look = look
        self._clock = clock
        self._monotonic = monotonic
        self._beat_at: float | None = None
        self._slept = False
        self._since_s: float | None = None
        self._views: list[events.ViewInstalled] = []
        self._told: list[events.MessageReceived] = []
        self._own: list[events.Event] = []
        self.dropped = 0
        """Messages beyond what is kept, since the last confirmation."""

    def begin(self) -> None:
        """The layer has joined: from now on a gap is a sleep."""
        self._beat_at = self._clock()

    def beat(self) -> None:
        """This node is about to tell the others that it lives."""
        self.check()
        self._beat_at, self._slept = self._clock(), False

    def check(self) -> bool:
        """Whether nothing may be done now, because this node slept or its layer is in doubt."""
        slept = self._beat_at is not None and self._clock() - self._beat_at > self._limit_s
        if slept and not self._slept:
            # Once for each sleep: it lasts until the next beat.
            self._slept = True
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
        if isinstance(event, events.ViewInstalled):
            self._views = [*self._views, event][-_MOST_VIEWS:]
            self._told.clear()
        elif isinstance(event, events.MessageReceived):
            self._keep_told(event)
        else:
            if isinstance(event, _REPEATED):
                self._own = [each for each in self._own if type(each) is not type(event)]
            self._own.append(event)
        return True

    def _keep_told(self, event: events.MessageReceived) -> None:
        if len(self._told) < MOST_TOLD:
            self._told.append(event)
        else:
            self.dropped += 1

    def confirmed(self, since_s: float) -> list[events.Event]:
        """The view was confirmed, by something newer than that. Returns what is to be handled now, in order.

        Views and messages come before what happened on this node.
        """
        if self._since_s is None or since_s < self._since_s:
            return []
        self._since_s = None
        if self.dropped:
            log.warning("%d messages came while nothing could be done, and were dropped: who sent them asks again",
                        self.dropped)
        kept = [*self._views, *self._told, *self._own]
        self._views, self._told, self._own, self.dropped = [], [], [], 0
        return kept
