"""How many operations run at once on a node: changes, probes and recurring monitors each have a limit of their own.

With one limit for all, monitors that hang (of a dead file server, say) take every place, and nothing on the node can be
started or stopped any more, not even what would help.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from crm.executor.operation import OperationRequest

Ready = Callable[[], Awaitable[None]]
"""Returns when something may begin: a daemon that slept first finds out whether its orders still stand."""


async def always_ready() -> None:
    """Nothing has to be waited for."""


@dataclass(frozen=True, slots=True)
class WaitingOperation:
    """An operation that has been waiting for `since_s` seconds, and for what."""

    resource: str
    operation: str
    interval_ms: int
    since_s: float
    reason: str


class Turns:
    """Who may run now; in each kind in the order in which they came."""

    def __init__(self, operation_limit: int, monitor_limit: int) -> None:
        self._limits = {"operations": operation_limit, "probes": monitor_limit, "monitors": monitor_limit}
        self._places = {kind: asyncio.Semaphore(limit) for kind, limit in self._limits.items()}
        self._waiting: set[int] = set()

    @asynccontextmanager
    async def turn(self, request: OperationRequest) -> AsyncIterator[None]:
        """Holds a place while the operation runs."""
        self._waiting.add(id(request))
        try:
            await self._places[kind_of(request)].acquire()
        finally:
            self._waiting.discard(id(request))
        try:
            yield
        finally:
            self._places[kind_of(request)].release()

    def waits(self, request: OperationRequest) -> bool:
        """Whether it waits for its turn."""
        return id(request) in self._waiting

    def reason(self, request: OperationRequest) -> str:
        """Why it waits, as people are told."""
        kind = kind_of(request)
        setting = "operation_limit" if kind == "operations" else "monitor_limit"
        return f"{self._limits[kind]} {kind} run already, and no more may at once ({setting})"


def kind_of(request: OperationRequest) -> str:
    """Which limit an operation counts against: `operations`, `probes` or `monitors`."""
    if request.operation != "monitor":
        return "operations"
    return "monitors" if request.interval_ms > 0 else "probes"
