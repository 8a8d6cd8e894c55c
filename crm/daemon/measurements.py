"""What a node measures of itself: how long planning, transitions and the detection of lost nodes took, and its queues.

Counted since the daemon started, in the shape of Prometheus' histograms; `crm.api.views.metrics` writes it out. No
decisions.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class DurationHistogram:
    """A histogram of durations in seconds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound and how many took no longer, as Prometheus wants them."""
        bounds = [*(f"{bound:g}" for bound in BOUNDS_S), "+Inf"]
        sums = [float(sum(self._counts[: place + 1])) for place in range(len(bounds))]
        return list(zip(bounds, sums, strict=True))


@dataclass(slots=True)
class Measurements:
    """Of one node.

    planning    computing a transition
    transition  carrying one out, on the DC
    detection   silence of a lost node before the message layer gave it up (where the layer knows)
    loop_delay  how much later than due the event loop, and so heartbeats and replies, came to its turn
    queues      how much waits, by name; taken at the moment of asking
    """

    planning: DurationHistogram = field(default_factory=DurationHistogram)
    transition: DurationHistogram = field(default_factory=DurationHistogram)
    detection: DurationHistogram = field(default_factory=DurationHistogram)
    loop_delay: DurationHistogram = field(default_factory=DurationHistogram)
    queues: dict[str, int] = field(default_factory=dict)
    _transition_began: float | None = None

    def in_transition(self, running: bool, now_s: float) -> None:
        """Whether a transition runs, from this moment on."""
        if running and self._transition_began is None:
            self._transition_began = now_s
        elif not running and self._transition_began is not None:
            self.transition.add(now_s - self._transition_began)
            self._transition_began = None
