"""What clients ask that takes long, computed by processes of its own: explanations and previews.

Each job has a process for itself, at a low priority, with limits to time and memory: it leaves nothing behind, and
whatever it is asked, neither the daemon nor the planning for the cluster waits for it.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from crm.cib.document import Document
from crm.cib.queries import configuration
from crm.daemon.errors import RequestRefused
from crm.daemon.fork_server import ForkServer
from crm.daemon.worker import WorkerError
from crm.daemon.worker_process import packed

if TYPE_CHECKING:
    from crm.failover_simulation.change_preview import ChangePreview
    from crm.failover_simulation.faults import Fault
    from crm.policy_engine.explain.answers import Explanation

T = TypeVar("T")

LIMIT_S = 120.0
"""Of the processor."""
MOST_MEMORY_BYTES = 4 * 1024 * 1024 * 1024
AT_ONCE = 2
MOST_WAITING = 50
_NICE = 10


class ClientJobs:
    """Runs functions elsewhere, a few at a time."""

    def __init__(self, forks: ForkServer, limit_s: float = LIMIT_S) -> None:
        self._forks = forks
        self._limit_s = limit_s
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """What that function (of a module) returns for arguments that can be pickled.

        Raises what the function raises, and Refused (too-busy, too-much-work).
        """
        if self._waiting >= MOST_WAITING:
            raise RequestRefused("too-busy", f"{MOST_WAITING} explanations and plans wait for their turn on this node",
                                 "wait for their answers, or ask another node")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._run(work, arguments)
        except (WorkerError, MemoryError) as error:
            remedy = error.remedy if isinstance(error, WorkerError) else ""
            raise RequestRefused("too-much-work",
                                 f"This could not be worked out: {str(error) or 'it takes too much memory'}",
                                 remedy or "ask for less at once, or again when the node is less busy") from None
        finally:
            self._waiting -= 1

    async def _run(self, work: Callable[..., T], arguments: Sequence[object]) -> T:
        request = await asyncio.to_thread(packed, (work, arguments))
        worker = await self._forks.worker(_Once, f"crmd: {work.__name__}")
        answers: list[T] = []
        try:
            await worker.ask(request, answers.append, self._limit_s)
        finally:
            worker.close()
        return answers[0]


class _Once:
    """In the worker."""

    def __init__(self) -> None:
        os.nice(_NICE)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))

    def __call__(self, request: tuple[Callable[..., Any], Sequence[object]]) -> Iterator[Any]:
        work, arguments = request
        yield work(*arguments)


def explanations(document: Document, now: int, name: str, node: str | None = None) -> Explanation | None:
    """Why a resource is where it is; see `crm.policy_engine.explain`."""
    from crm.cib.reading.cib_reader import read
    from crm.policy_engine.explain import explain

    return explain(read(document.root), now, name, node)


def previews(present: Document, wanted: Document, now: int, faults: Sequence[Fault], undone: bool) -> ChangePreview:
    """What would become of the cluster; with `undone` the present configuration comes back afterwards."""
    from crm.failover_simulation.change_preview import preview_change

    afterwards = configuration(present) if undone else None
    return preview_change(present.root, wanted.root, now, faults, afterwards)
