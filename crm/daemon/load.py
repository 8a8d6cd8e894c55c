"""This machine's load, looked at every half minute. What follows from it is decided in `crm.controller.throttle`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

INTERVAL_S = 30.0


async def watch(measured: Callable[[float, int], None]) -> None:
    """Tell the load average of the last minute and the number of cores, at once and then regularly, for ever."""
    while True:
        try:
            load = os.getloadavg()[0]
        except OSError:  # nothing to read it from: then nothing is known of the load, ever
            return
        measured(load, os.cpu_count() or 1)
        await asyncio.sleep(INTERVAL_S)
