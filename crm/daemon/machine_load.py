"""This machine's load, looked at regularly. What follows from it is decided in `crm.controller.execution.throttle`.

What the daemon and its agents do themselves is none of it: else a cluster that has much to do would take its own work
for a busy machine, and do it one action at a time. The kernel's load average does not say whose it is; it is shared out
by who has used the processors in the same minute.
"""

from __future__ import annotations

import asyncio
import math
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

INTERVAL_S = 30.0
_SAMPLE_S = 5.0
_WINDOW_S = 60.0
"""Over which the kernel's first load average fades, so ours does, too."""


@dataclass(frozen=True, slots=True)
class CpuUsed:
    """Processor seconds since some time ago: by everybody on this machine, and by the daemon and its agents."""

    all: float
    own: float


class OwnLoadShare:
    """Which share of what the processors did in the last minute was the daemon's own."""

    def __init__(self, used: CpuUsed) -> None:
        self._last = used
        self._all = self._own = 0.0

    def sample(self, used: CpuUsed, passed_s: float) -> None:
        """Take note of what was used since the last sample."""
        fading = math.exp(-passed_s / _WINDOW_S)
        self._all = self._all * fading + max(0.0, used.all - self._last.all)
        self._own = self._own * fading + max(0.0, used.own - self._last.own)
        self._last = used

    def foreign(self, load: float) -> float:
        """What of a load average is others'."""
        return load if self._all <= 0 else load * (1 - min(1.0, self._own / self._all))


async def watch(measured: Callable[[float, int], None], workers_s: Callable[[], float] = lambda: 0.0) -> None:
    """Tell the load average of the last minute, without the daemon's own, and the number of cores: at once and then
    regularly, for ever. `workers_s`: processor seconds that the daemon's other processes have used until now.
    """
    share, next_s = OwnLoadShare(used_now(workers_s())), 0.0
    while True:
        try:
            load = os.getloadavg()[0]
        except OSError:  # nothing to read it from: then nothing is known of the load, ever
            return
        if next_s <= 0:
            measured(share.foreign(load), os.cpu_count() or 1)
            next_s = INTERVAL_S
        await asyncio.sleep(_SAMPLE_S)
        next_s -= _SAMPLE_S
        share.sample(used_now(workers_s()), _SAMPLE_S)


def used_now(workers_s: float = 0.0) -> CpuUsed:
    """What was used until now. Agents count once they have ended; what they leave running is no longer ours."""
    own = workers_s + sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, (resource.RUSAGE_SELF,
                                                                                             resource.RUSAGE_CHILDREN)))
    try:
        with Path("/proc/stat").open(encoding="ascii") as file:
            # user, nice, system, idle, iowait, irq, softirq, steal
            ticks = [int(each) for each in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return CpuUsed(0.0, own)
    return CpuUsed((sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK"), own)
