"""Results of operations, timed; and results of those that could not be carried out.

An operation that could not be carried out says nothing about its resource, see `Executor`.
"""

from __future__ import annotations

import time

from crm.executor.operation import OperationRequest, OperationResult, Status


class Clock:
    """Measures one operation from now on, and makes its result."""

    def __init__(self, request: OperationRequest, queue_ms: int) -> None:
        self.request = request
        self._queue_ms = queue_ms
        self._started_at, self._began = int(time.time()), time.monotonic()

    def result(self, status: Status, rc: int, reason: str = "", output: str = "", *,
               carried_out: bool = True) -> OperationResult:
        """The result of the operation, which ends now."""
        run_ms = int((time.monotonic() - self._began) * 1000)
        return OperationResult(self.request, status, rc, reason, output, self._started_at, run_ms, self._queue_ms,
                               carried_out)


def not_carried_out(clock: Clock, status: Status, rc: int, reason: str) -> OperationResult:
    """Nothing was done, and nothing was learnt."""
    return clock.result(status, rc, reason, carried_out=False)
