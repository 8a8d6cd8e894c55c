"""Plans away from the event loop: one thread, one plan at a time, so that heartbeats and clients are served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from crm.cib.document import Document
from crm.model.cib import Cib
from crm.model.transition import Transition

Schedule = Callable[[Cib, int], Transition]


class Planner:
    """Runs the policy engine. `last_ms`: how long the last plan took."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._pool = ThreadPoolExecutor(1, "planner")
        self.last_ms = 0.0

    def plan(self, document: Document) -> asyncio.Future[Transition]:
        """The transition for a CIB as of now. Fails with whatever the policy engine fails with."""
        return asyncio.get_running_loop().run_in_executor(self._pool, self._run, document)

    def close(self) -> None:
        """Do not wait for a plan that nobody wants."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, document: Document) -> Transition:
        begun = time.perf_counter()
        transition = self._schedule(document.model(), int(time.time()))
        self.last_ms = (time.perf_counter() - begun) * 1000
        return transition
