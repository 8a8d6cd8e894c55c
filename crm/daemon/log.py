"""The daemon's log: written by a thread, so that a reader that stands still (a full pipe) holds up nobody else.

What does not fit into the queue meanwhile is dropped, and counted; the log says how much it was as soon as somebody
reads again. Whoever ends the process flushes first: that waits for a moment, not for a reader that never comes.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from logging.handlers import QueueHandler, QueueListener
from queue import Full, Queue
from typing import Any

from crm.model.text import fit

MOST_WAITING = 10_000
"""Lines; a daemon in trouble writes some hundred a second."""
FLUSH_S = 1.0


class DaemonLog(QueueHandler):
    """What the daemon logs through. `writing` does the rest, in a thread of its own."""

    def __init__(self, writing: logging.Handler, most: int = MOST_WAITING) -> None:
        self._lines: Queue[logging.LogRecord] = Queue(most)
        super().__init__(self._lines)
        self._dropped = _Dropped()
        self._listener = _Listener(self._lines, writing, self._dropped)
        self._listener.start()

    def enqueue(self, record: logging.LogRecord) -> None:
        """Never waits."""
        try:
            self._lines.put_nowait(record)
        except Full:
            self._dropped.add()

    def flush(self) -> None:
        """Wait until all is written, for `FLUSH_S` at most."""
        end = time.monotonic() + FLUSH_S
        with self._lines.all_tasks_done:
            while self._lines.unfinished_tasks and (left_s := end - time.monotonic()) > 0:
                self._lines.all_tasks_done.wait(left_s)

    def close(self) -> None:
        """The thread ends with the process: it may stand still in a write."""
        self.flush()
        super().close()


class _Dropped:
    """How many lines were dropped since somebody asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def add(self) -> None:
        with self._lock:
            self._count += 1

    def take(self) -> int:
        with self._lock:
            count, self._count = self._count, 0
        return count


class _Listener(QueueListener):
    def __init__(self, lines: Queue[logging.LogRecord], writing: logging.Handler, dropped: _Dropped) -> None:
        super().__init__(lines, writing)
        self._dropped = dropped

    def handle(self, record: logging.LogRecord) -> None:
        super().handle(record)
        count = self._dropped.take()
        if count:
            text = f"{count} lines are missing here or above: whoever reads this log stood still"
            super().handle(logging.LogRecord("crm.daemon", logging.WARNING, __file__, 0, text, (), None))


class _Descriptor:
    """A stream without a buffer or a lock, in which a thread may stand still while the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        left = text.encode(errors="backslashreplace")
        while left:
            left = left[os.write(self._descriptor, left):]

    def flush(self) -> None:
        """Nothing is kept."""


class _Writing(logging.StreamHandler[Any]):
    """Only one thread uses it, so that it needs no lock that the end of the process would wait for."""

    def createLock(self) -> None:  # noqa: N802  # logging's name
        self.lock = None

    def format(self, record: logging.LogRecord) -> str:
        return fit(super().format(record))


def set_up(level: int, node_name: str) -> None:
    """Have all that is logged written to standard error, unless somebody takes it already."""
    root = logging.getLogger()
    if root.handlers:
        return
    writing = _Writing(_Descriptor(sys.stderr.fileno()))
    writing.setFormatter(logging.Formatter(f"%(asctime)s.%(msecs)03d {node_name} %(levelname)s %(message)s",
                                           "%Y-%m-%dT%H:%M:%S"))
    root.addHandler(DaemonLog(writing))
    root.setLevel(level)


def flush() -> None:
    """Have what was logged come out, before the process ends."""
    for handler in logging.getLogger().handlers:
        handler.flush()
