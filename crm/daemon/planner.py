"""Plans in a process of its own, one at a time: heartbeats and clients are served however long a plan takes.

The process is kept, with the CIB of the last plan: of the next one only what has changed is sent and read. One that
dies or hangs over a plan is replaced, and the plan made again; if that ends in the same way, planning has failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

from crm.cib.cib_parts import Cut, Receiver, Sender
from crm.cib.document import Document
from crm.daemon import transition_format
from crm.daemon.fork_server import ForkServer
from crm.daemon.worker import Worker, WorkerError
from crm.daemon.worker_process import Servant, packed
from crm.model.transition import Transition

LIMIT_S = 300.0
"""Of the processor, for one plan."""
TRIES = 2


class PlanningServant:
    """In the worker: has the policy engine plan, and answers with the transition in pieces."""

    def __init__(self) -> None:
        self._receiver = Receiver()

    def __call__(self, request: tuple[Cut, int]) -> Iterator[Any]:
        from crm.policy_engine import schedule

        cut, now = request
        transition = schedule(self._receiver.model(cut), now)
        yield from transition_format.pieces(transition)
        yield transition_format.frame(transition)


class Planner:
    """Runs the policy engine. `idle_s`: after so long without a plan its process is let go (None: never). `title` is
    what that process is called.
    """

    def __init__(self, forks: ForkServer, idle_s: float | None = None, title: str = "crmd: planner",
                 servant: Callable[[], Servant] = PlanningServant, limit_s: float = LIMIT_S) -> None:
        self._forks = forks
        self._idle_s = idle_s
        self._servant = servant
        self._limit_s = limit_s
        self._title = title
        self._turn = asyncio.Lock()
        self.worker: Worker | None = None
        self._sender = Sender()
        self._letting_go: asyncio.TimerHandle | None = None

    async def plan(self, document: Document) -> Transition:
        """The transition for a CIB as of now. Raises WorkerError, or whatever the policy engine raises."""
        # Once begun it is carried through even if nobody waits for it: a process is not ended for that.
        return await asyncio.shield(asyncio.ensure_future(self._in_turn(document)))

    def close(self) -> None:
        """Do not wait for a plan that nobody wants."""
        if self._letting_go is not None:
            self._letting_go.cancel()
        if self.worker is not None:
            self.worker.close()
        self.worker = None

    async def _in_turn(self, document: Document) -> Transition:
        async with self._turn:
            if self._letting_go is not None:
                self._letting_go.cancel()
            try:
                return await self._planned(document)
            finally:
                if self._idle_s is not None:
                    self._letting_go = asyncio.get_running_loop().call_later(self._idle_s, self.close)

    async def _planned(self, document: Document) -> Transition:
        for _ in range(TRIES - 1):
            try:
                return await self._once(document)
            except WorkerError:
                continue
        return await self._once(document)

    async def _once(self, document: Document) -> Transition:
        if self.worker is None or not self.worker.alive:
            self.worker, self._sender = await self._forks.worker(self._servant, self._title), Sender()
        request = await asyncio.to_thread(self._request, document)
        assembly, framed = transition_format.TransitionAssembly(), []

        def take(value: Any) -> None:
            if isinstance(value, Transition):
                framed.append(value)
            else:
                assembly.take(value)

        try:
            await self.worker.ask(request, take, self._limit_s)
        except Exception:
            # How far it has got with what it was sent is not known.
            self.worker.close()
            raise
        return assembly.finish(framed[0])

    def _request(self, document: Document) -> bytes:
        return packed((self._sender.cut(document), int(time.time())))
