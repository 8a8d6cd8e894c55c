"""Runs alert agents: one after the other for each agent and recipient, so that they hear events in their order.

What goes wrong is logged: an alert is a message, and nothing waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from crm.executor import process
from crm.executor.environment import surroundings
from crm.executor.executor_settings import ExecutorSettings

log = logging.getLogger("crm.executor")

VERSION = "3.0.0"
_FRACTION = re.compile(r"%([1-6])?N")
_LONGEST_QUEUE = 1000
# What an alert's parameters must not replace.
_OURS = frozenset({"PATH", "HOME", "LD_PRELOAD", "LD_LIBRARY_PATH"})


@dataclass(frozen=True, slots=True)
class AlertRequest:
    """One call of an alert agent; `at` in epoch seconds."""

    path: str
    environment: Mapping[str, str]
    timeout_ms: int
    timestamp_format: str
    at: float


class AlertRunner:
    """The alerts of one node."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self._settings = settings
        self._queues: dict[tuple[str, str], asyncio.Queue[AlertRequest]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sequence = 0

    def send(self, request: AlertRequest) -> None:
        """Call the agent when its turn comes."""
        key = (request.path, request.environment.get("CRM_alert_recipient", ""))
        if key not in self._queues:
            self._queues[key] = asyncio.Queue()
            task = asyncio.get_running_loop().create_task(self._work_off(self._queues[key]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._queues[key].qsize() >= _LONGEST_QUEUE:
            log.warning("the alert agent %s does not keep up; an alert is lost", request.path)
            return
        self._queues[key].put_nowait(request)

    async def close(self) -> None:
        """Nobody waits for alerts."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work_off(self, queue: asyncio.Queue[AlertRequest]) -> None:
        while True:
            await self._run(await queue.get())

    async def _run(self, request: AlertRequest) -> None:
        self._sequence += 1
        settings = self._settings
        try:
            if not request.path.startswith("/"):
                raise FileNotFoundError(2, "its path must be absolute")
            outcome = await process.run([request.path], environment(request, settings, self._sequence),
                                        timeout_ms=request.timeout_ms, kill_grace_ms=settings.kill_grace_ms,
                                        output_limit_bytes=4096)
        except OSError as error:
            log.warning("the alert agent %s could not be run: %s", request.path, error.strerror or error)
            return
        if outcome.timed_out or outcome.code:
            how = "did not end in time" if outcome.timed_out else f"ended with {outcome.code}"
            log.warning("the alert agent %s %s: %s", request.path, how, outcome.stderr.strip()[-200:])


def environment(request: AlertRequest, settings: ExecutorSettings, sequence: int) -> dict[str, str]:
    """The complete environment of a call: the alert's parameters, what is told, the time in three ways."""
    seconds, microseconds = int(request.at), int(request.at % 1 * 1_000_000)
    given = {name: value for name, value in request.environment.items() if name not in _OURS and "=" not in name}
    return {
        **surroundings(settings), **given,
        "CRM_alert_version": VERSION,
        "CRM_alert_node_sequence": str(sequence),
        "CRM_alert_timestamp": timestamp(request.timestamp_format, seconds, microseconds),
        "CRM_alert_timestamp_epoch": str(seconds),
        "CRM_alert_timestamp_usec": str(microseconds),
    }


def timestamp(pattern: str, seconds: int, microseconds: int) -> str:
    """A moment in the format of date(1), with `%xN` for a fraction of x digits."""
    digits = f"{microseconds:06d}"
    with_fraction = _FRACTION.sub(lambda found: digits[: int(found[1] or 6)], pattern)
    return time.strftime(with_fraction, time.localtime(seconds))
