"""When a silent peer counts as lost: adaptive within bounds, and fair when it was us who slept.

The limit follows the gaps seen so far (mean plus eight standard deviations), never below three quarters of the hard
limit and never above it: a link that was always punctual is given up a little earlier. A closed connection is not a
matter for this detector; it is checked by a reconnect at once.
"""

from __future__ import annotations

import math

from crm.messaging.layer import EARLIEST_LOSS

_WEIGHT = 0.05
_DEVIATIONS = 8.0


class Detector:
    """One per link. All times in milliseconds of one monotonic clock."""

    def __init__(self, now_ms: float, heartbeat_ms: int, failure_limit_ms: int) -> None:
        self._last = now_ms
        self._mean = float(heartbeat_ms)
        self._variance = float(heartbeat_ms) ** 2
        self._hard_limit = failure_limit_ms

    def heard(self, now_ms: float) -> None:
        """Something arrived."""
        gap = now_ms - self._last
        self._last = max(self._last, now_ms)
        difference = gap - self._mean
        self._mean += _WEIGHT * difference
        self._variance = (1 - _WEIGHT) * (self._variance + _WEIGHT * difference * difference)

    def slept(self, lag_ms: float, now_ms: float) -> None:
        """We could not listen for that long until now: do not hold it against the peer.

        What had come meanwhile may have been heard already: nobody is heard later than now.
        """
        self._last = min(self._last + lag_ms, max(self._last, now_ms))

    def silence_ms(self, now_ms: float) -> float:
        """How long nothing has been heard."""
        return now_ms - self._last

    @property
    def limit_ms(self) -> float:
        """Silence beyond this means lost."""
        adaptive = self._mean + _DEVIATIONS * math.sqrt(self._variance)
        return min(float(self._hard_limit), max(EARLIEST_LOSS * self._hard_limit, adaptive))

    def lost(self, now_ms: float) -> bool:
        """Whether the peer counts as lost."""
        return self.silence_ms(now_ms) > self.limit_ms
