"""A clock that neither jumps nor goes back, and follows the machine's wall clock all the same.

The controller's times must not jump: limits would seem to have passed, or never to pass. A wall clock that was wrong
when the daemon started (its time service came later) must not leave its mark on all that is recorded until the next
start. So what lies between the two is made up for slowly: at most `RATE` of the time that passes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from crm.model.report import Report, Severity

RATE = 0.05
TOLD_S = 5.0
"""From so much between the two on people are told."""


class SteadyClock:
    """Epoch seconds. `wall` and `monotonic` are the machine's."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._told = wall()
        self._at = monotonic()

    def now(self) -> float:
        """The time by this clock."""
        at = self._monotonic()
        passed, self._at = max(0.0, at - self._at), at
        self._told += passed
        most = passed * RATE
        self._told += max(-most, min(most, self._wall() - self._told))
        return self._told

    def behind_s(self) -> float:
        """How far the machine's clock is ahead of this one (less than nothing: behind it)."""
        return self._wall() - self.now()

    def reports(self) -> tuple[Report, ...]:
        """What people must know."""
        behind = self.behind_s()
        if abs(behind) < TOLD_S:
            return ()
        return (Report(Severity.WARNING, "clock-stepped", "clock", f"This machine's clock was set {abs(behind):.0f} s "
                       f"{'ahead' if behind > 0 else 'back'} while crmd ran: its times follow within about "
                       f"{abs(behind) / RATE / 60:.0f} minutes", "A restart of crmd makes them right at once"),)
