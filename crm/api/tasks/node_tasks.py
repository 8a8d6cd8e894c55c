"""What takes longer than an answer: waiting until the cluster is at rest, restarting a resource. Kept on this node.

A task can be looked at, waited for and cancelled; cancelling undoes what it has changed for the time being.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count

from crm.api.auth.permission import check_change
from crm.api.auth.requester import origin
from crm.api.middleware.problems import ProblemError
from crm.api.service import NodeService, RequestKey, RequestRefused
from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.controller.execution.rest_watch import RESTLESS
from crm.model.transition import ActionKind, Transition

_KEPT = 100
_POLL_S = 0.2
Say = Callable[[str], None]
Work = Callable[[Say], Awaitable[str | None]]
"""What a task does; it may answer with what came of it, in words."""


@dataclass(slots=True)
class NodeTask:
    """One task. `state`: running, done, failed or cancelled; times in epoch seconds; `key` of the request for it.

    message    how far it is, what came of it, or why it failed; `next_step` what to do then
    """

    id: str
    kind: str
    about: str
    state: str = "running"
    message: str = ""
    code: str = ""
    next_step: str = ""
    begun_at: float = 0.0
    ended_at: float | None = None
    work: asyncio.Task[None] | None = field(default=None, repr=False)
    key: RequestKey | None = None


class NodeTasks:
    """The tasks of this node, the last hundred of them."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._tasks: dict[str, NodeTask] = {}
        self._numbers = count(1)

    def all(self) -> list[NodeTask]:
        """The newest first."""
        return list(reversed(self._tasks.values()))

    def find(self, task_id: str) -> NodeTask:
        """Raises ProblemError (no-such-task)."""
        if task_id not in self._tasks:
            raise ProblemError("no-such-task", f"{self._node} knows no task {task_id}",
                               "See which there are: crmctl task list; a node that starts anew forgets its own")
        return self._tasks[task_id]

    def of_key(self, key_id: str) -> NodeTask | None:
        """The task that was begun under a key."""
        return next((task for task in self._tasks.values() if task.key is not None and task.key.id == key_id), None)

    def start(self, kind: str, about: str, limit_s: float, work: Work) -> NodeTask:
        """Begin a task that may take so long. The work raises whatever a request may raise."""
        task = NodeTask(f"{self._node}-{next(self._numbers)}", kind, about, begun_at=time.time(), key=origin().key)
        self._tasks[task.id] = task
        self._forget_old()

        def say(message: str) -> None:
            task.message = message

        task.work = asyncio.get_running_loop().create_task(self._run(task, limit_s, work(say)))
        return task

    async def wait(self, task: NodeTask, seconds: float) -> None:
        """Until it has ended, at most so long."""
        if task.work is not None:
            await asyncio.wait([task.work], timeout=seconds)

    async def cancel(self, task: NodeTask) -> None:
        """End it; what it has changed for the time being is undone first."""
        if task.work is not None and not task.work.done():
            task.work.cancel()
            await asyncio.wait([task.work], timeout=30)

    async def _run(self, task: NodeTask, limit_s: float, work: Awaitable[str | None]) -> None:
        try:
            async with asyncio.timeout(limit_s):
                told = await work
            task.state, task.message = "done", task.message if told is None else told
        except TimeoutError:
            task.state, task.code = "failed", "timeout"
            task.message = f"Not done within {limit_s:g} s: {task.message}"
        except asyncio.CancelledError:
            task.state = "cancelled"
        except (CibError, RequestRefused) as error:
            task.state, task.code, task.message, task.next_step = "failed", error.code, str(error), error.hint
        except ProblemError as error:
            task.state, task.code, task.message, task.next_step = "failed", error.code, error.detail, error.hint
        finally:
            task.ended_at = time.time()

    def _forget_old(self) -> None:
        ended = [each.id for each in self._tasks.values() if each.state != "running"]
        for task_id in ended[: max(0, len(self._tasks) - _KEPT)]:
            del self._tasks[task_id]


async def settle(service: NodeService, say: Say) -> None:
    """Until the cluster has nothing left to do."""
    while True:
        document = service.cib()
        left = _left(await service.plan(document))
        if not left and service.cib() is document and service.status().state in ("idle", "not-dc"):
            say("nothing is left to do")
            return
        if left:
            refuse_restless(service)
        say(f"{left} actions are left" if left else "the last results are on their way")
        await asyncio.sleep(_POLL_S)


def refuse_restless(service: NodeService) -> None:
    """Waiting has no end where plans come to none. Raises ProblemError (not-at-rest)."""
    for report in service.status().reports:
        if report.code in RESTLESS:
            raise ProblemError("not-at-rest", report.message, report.hint)


def _left(transition: Transition) -> int:
    return sum(1 for each in transition.synapses if each.action.kind is not ActionKind.PSEUDO)


async def change(service: NodeService, make: Callable[[Document], Change | None]) -> None:
    """Commit a change within a task, as whoever started it."""
    present = service.cib()
    wanted = make(present)
    if wanted is not None:
        check_change(present, present.apply(wanted))
        await service.change(wanted, origin=replace(origin(), key=None))
