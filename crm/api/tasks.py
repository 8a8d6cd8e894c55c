"""What takes longer than an answer: waiting until the cluster is at rest, restarting a resource. Kept on this node.

A task can be looked at, waited for and cancelled; cancelling undoes what it has changed for the time being.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count

from crm.api.origin import origin
from crm.api.permission import check_change
from crm.api.picture import Picture
from crm.api.problems import ProblemError
from crm.api.service import Refused, RequestKey, Service
from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.objects import wishes
from crm.model.transition import ActionKind, Transition

_KEPT = 100
_POLL_S = 0.2
Say = Callable[[str], None]


@dataclass(slots=True)
class Task:
    """One task. `state`: running, done, failed or cancelled; times in epoch seconds; `key` of the request for it."""

    id: str
    kind: str
    about: str
    state: str = "running"
    message: str = ""
    code: str = ""
    begun_at: float = 0.0
    ended_at: float | None = None
    work: asyncio.Task[None] | None = field(default=None, repr=False)
    key: RequestKey | None = None


class Tasks:
    """The tasks of this node, the last hundred of them."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._tasks: dict[str, Task] = {}
        self._numbers = count(1)

    def all(self) -> list[Task]:
        """The newest first."""
        return list(reversed(self._tasks.values()))

    def find(self, task_id: str) -> Task:
        """Raises ProblemError (no-such-task)."""
        if task_id not in self._tasks:
            raise ProblemError("no-such-task", f"{self._node} knows no task {task_id}",
                               "See which there are: crmctl task list; a node that starts anew forgets its own")
        return self._tasks[task_id]

    def of_key(self, key_id: str) -> Task | None:
        """The task that was begun under a key."""
        return next((task for task in self._tasks.values() if task.key is not None and task.key.id == key_id), None)

    def start(self, kind: str, about: str, limit_s: float, work: Callable[[Say], Awaitable[None]]) -> Task:
        """Begin a task that may take so long. The work raises whatever a request may raise."""
        task = Task(f"{self._node}-{next(self._numbers)}", kind, about, begun_at=time.time(), key=origin().key)
        self._tasks[task.id] = task
        self._forget_old()

        def say(message: str) -> None:
            task.message = message

        task.work = asyncio.get_running_loop().create_task(self._run(task, limit_s, work(say)))
        return task

    async def wait(self, task: Task, seconds: float) -> None:
        """Until it has ended, at most so long."""
        if task.work is not None:
            await asyncio.wait([task.work], timeout=seconds)

    async def cancel(self, task: Task) -> None:
        """End it; what it has changed for the time being is undone first."""
        if task.work is not None and not task.work.done():
            task.work.cancel()
            await asyncio.wait([task.work], timeout=30)

    async def _run(self, task: Task, limit_s: float, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await work
            task.state = "done"
        except TimeoutError:
            task.state, task.code = "failed", "timeout"
            task.message = f"Not done within {limit_s:g} s: {task.message}"
        except asyncio.CancelledError:
            task.state = "cancelled"
        except (CibError, Refused) as error:
            task.state, task.code, task.message = "failed", error.code, str(error)
        except ProblemError as error:
            task.state, task.code, task.message = "failed", error.code, error.detail
        finally:
            task.ended_at = time.time()

    def _forget_old(self) -> None:
        ended = [each.id for each in self._tasks.values() if each.state != "running"]
        for task_id in ended[: max(0, len(self._tasks) - _KEPT)]:
            del self._tasks[task_id]


async def settle(service: Service, say: Say) -> None:
    """Until the cluster has nothing left to do."""
    while True:
        document = service.cib()
        left = _left(await service.plan(document))
        if not left and service.cib() is document and service.status().state in ("idle", "not-dc"):
            say("nothing is left to do")
            return
        say(f"{left} actions are left" if left else "the last results are on their way")
        await asyncio.sleep(_POLL_S)


def _left(transition: Transition) -> int:
    return sum(1 for each in transition.synapses if each.action.kind is not ActionKind.PSEUDO)


async def restart(service: Service, resource: str, say: Say) -> None:
    """Stop a resource and start it again, where it was wanted before."""
    before = wishes.target_role(service.cib(), resource)
    say(f"{resource} stops")
    await change(service, lambda document: wishes.stop(document, resource))
    try:
        await _until_stopped(service, resource)
    finally:
        # Also when it is cancelled or fails: nobody must find it stopped later and wonder why.
        await asyncio.shield(change(service, lambda document: wishes.resource_values(
            document, resource, "meta_attributes", {"target-role": before})))
    say(f"{resource} starts")
    await settle(service, say)


async def _until_stopped(service: Service, resource: str) -> None:
    seen: Document | None = None
    while True:
        document = service.cib()
        if document is not seen:
            seen = document
            found = Picture.of(document, int(time.time())).resource(resource)
            if found is None or not found.nodes:
                return
            _check_can_stop(resource, found.blocked)
        await asyncio.sleep(_POLL_S)


def _check_can_stop(resource: str, blocked: bool) -> None:
    if blocked:
        raise ProblemError("blocked", f"{resource} cannot be stopped: an operation of it failed",
                           f"See why: crmctl explain {resource}")


async def change(service: Service, make: Callable[[Document], Change | None]) -> None:
    """Commit a change within a task, as whoever started it."""
    present = service.cib()
    wanted = make(present)
    if wanted is not None:
        check_change(present, present.apply(wanted))
        await service.change(wanted, origin=replace(origin(), key=None))
