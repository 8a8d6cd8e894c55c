"""Whether corosync works for this node: what it multicasts must come back to it. Pure; times in seconds of one clock.

A corosync that is frozen, overrun or without a ring takes frames and says nothing. A node that hears nothing from the
others must not blame them before it has heard itself.
"""

from __future__ import annotations

from collections import deque


class Echo:
    """What was sent and has not come back. Frames of one node come back in the order in which they were sent."""

    def __init__(self) -> None:
        self._outstanding: deque[float] = deque()
        self._returned_at = 0.0
        self.sent_count = self.returned_count = 0

    def sent(self, now_s: float) -> None:
        """A frame was given to corosync."""
        self._outstanding.append(now_s)
        self.sent_count += 1

    def returned(self, now_s: float) -> None:
        """A frame of this node was delivered to it."""
        self._returned_at = now_s
        self.returned_count += 1
        if self._outstanding:
            self._outstanding.popleft()

    def forget(self) -> None:
        """The connection ended: nothing of it will come back."""
        self._outstanding.clear()
        self.sent_count = self.returned_count = 0

    @property
    def awaited(self) -> int:
        """How many frames have not come back."""
        return len(self._outstanding)

    def silent_s(self, now_s: float) -> float:
        """For how long something has been awaited and nothing has come."""
        return now_s - max(self._outstanding[0], self._returned_at) if self._outstanding else 0.0
