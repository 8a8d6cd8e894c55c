"""A line for the log that blocks nobody: a reader that stands still must not hold up who stops things.

Standard output is shared with other processes, so it cannot be made non-blocking; it is asked whether it takes a line.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time

_MOST_BYTES = 2_048
"""Less than PIPE_BUF: what a pipe says that it takes, it takes at once and whole."""


def say(what: str) -> None:
    """Write a line, if somebody takes it now."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = sys.stdout.fileno()
        waiting = select.poll()
        waiting.register(descriptor, select.POLLOUT)
        if any(state & select.POLLOUT for _, state in waiting.poll(0)):
            line = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} crmd: {what}".encode()
            os.write(descriptor, line[: _MOST_BYTES - 1] + b"\n")
