"""The tasks of a message layer: kept as long as they run, ended together, and never failing in silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

log = logging.getLogger("crm.messaging")


class LayerTasks:
    """Tasks that belong to one layer."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Have something done beside everything else; that it fails is a mistake of ours, and logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._finished)

    def cancel(self) -> None:
        """Ask all of them to end."""
        for task in list(self._running):
            task.cancel()

    async def ended(self) -> None:
        """Wait until all of them have."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task of the message layer failed", exc_info=task.exception())
