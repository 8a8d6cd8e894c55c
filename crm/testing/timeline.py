"""Virtual time: what is to happen and when. Time jumps to the next thing; nothing waits."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

EPOCH = 1_700_000_000.0
"""When simulations begin, in epoch seconds."""
_BUSY_LIMIT = 50_000
"""So many things happen within a simulated second only if nodes talk in circles."""


class TooBusyError(Exception):
    """Time does not go on, for all that happens at once."""


class VirtualTimeline:
    """What will happen, in order of time; what is due at the same moment, in the order in which it was asked for."""

    def __init__(self) -> None:
        self.now = EPOCH
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._busy_since = self.now

    def number(self) -> int:
        """A number that nobody had before."""
        return next(self._count)

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        """Have something happen."""
        self.at(self.now + delay_s, act)

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Have something happen at that moment, in epoch seconds."""
        heapq.heappush(self._heap, (moment, self.number(), act))

    def run_for(self, seconds: float, after_each: Callable[[], None]) -> None:
        """Let time pass. Raises TooBusyError."""
        end = self.now + seconds
        busy = 0
        while self._heap and self._heap[0][0] <= end:
            at, _, act = heapq.heappop(self._heap)
            busy = busy + 1 if at < self._busy_since + 1.0 else 0
            self._busy_since = self._busy_since if busy else at
            if busy > _BUSY_LIMIT:
                raise TooBusyError(f"more than {_BUSY_LIMIT} things happened within a second")
            self.now = max(self.now, at)
            act()
            after_each()
        self.now = end
