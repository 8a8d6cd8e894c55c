"""Where processors are busy the daemon comes first: one that gets no processor for a second is taken for lost.

Agents and all else that the daemon starts have the usual priority. All threads of the daemon are preferred alike: one
that is not would keep the interpreter from those that are, until it gets a processor itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


def prefer(nice: int) -> bool:
    """Give this process, and none that it starts, that niceness; False if it is not allowed to (it needs root)."""
    try:
        # sched(7): a child begins anew, with a niceness of zero. Threads do, too, see `prefer_threads`.
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except OSError as error:
        log.debug("the daemon keeps its priority: %s", error)
        return False
    # sched(7), autogroup: where it is on, a niceness counts within a session only, and the session has one of its own.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")
    return True


async def prefer_threads(nice: int) -> None:
    """The same for threads that came since, for ever."""
    known: set[int] = set()
    while True:
        threads = {int(entry.name) for entry in Path("/proc/self/task").iterdir()}
        for thread in threads - known:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, thread, nice)
        known = threads
        await asyncio.sleep(_LOOK_EVERY_S)
