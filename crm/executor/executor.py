"""The executor of one node: runs the operations it is given, in order for each resource, and reports how they went.

Operations of one resource never overlap. A recurring operation runs at once and then again, its interval after each
end, and reports its first result and every other one that differs from the one before. Anything that changes a resource
(start, stop, promote …) ends its recurring operations first. It knows one node and no cluster: what to run and what a
result means is the controller's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crm.executor import agents, fence_agents, metadata
from crm.executor.alerts import AlertRequest, AlertRunner
from crm.executor.fence_agents import FenceOutcome, FenceRequest
from crm.executor.fence_devices import STANDARD as FENCING
from crm.executor.fence_devices import FenceDevices
from crm.executor.leftovers import Journal
from crm.executor.metadata import Metadata
from crm.executor.operation import OperationRequest, OperationResult, RecurringKey, Status
from crm.executor.runner import run_once
from crm.executor.settings import ExecutorSettings
from crm.model.transition import AgentReference

log = logging.getLogger("crm.executor")

# What leaves a resource as it is, and so leaves its recurring operations alone.
_HARMLESS = frozenset({"monitor", "notify", "meta-data", "validate-all"})
_METADATA_TIMEOUT_MS = 30_000
_VALIDATIONS_AT_ONCE = 4


@dataclass(slots=True)
class _Recurring:
    request: OperationRequest
    timer: asyncio.TimerHandle | None = None
    last: OperationResult | None = None
    cancelled: bool = False


@dataclass(slots=True)
class _Job:
    request: OperationRequest
    queued_at: float
    recurring: _Recurring | None = None


@dataclass(slots=True)
class _Lane:
    """The operations of one resource that wait for their turn, and the one that runs."""

    waiting: deque[_Job] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


class Executor:
    """Use it from one event loop. `on_result` is called from that loop, once for every result that matters."""

    def __init__(self, settings: ExecutorSettings, on_result: Callable[[OperationResult], None]) -> None:
        self.settings = settings
        self._on_result = on_result
        self._lanes: dict[str, _Lane] = {}
        self._recurring: dict[RecurringKey, _Recurring] = {}
        self._delayed: set[asyncio.TimerHandle] = set()
        self._running = asyncio.Semaphore(settings.running_limit)
        self._validating = asyncio.Semaphore(_VALIDATIONS_AT_ONCE)
        self._metadata: dict[tuple[Path, int], Metadata] = {}
        self._devices = FenceDevices(settings)
        self._journal = Journal(settings.agent_state / ".operations") if settings.agent_state is not None else None
        for process_id in self._journal.end_left_over() if self._journal is not None else ():
            log.warning("ended an operation that the daemon before this one has left running (process %s)", process_id)
        self._alerts = AlertRunner(settings)
        self._closed = False

    def submit(self, request: OperationRequest) -> None:
        """Run an operation when its turn comes; a recurring one replaces the one of the same key."""
        assert not self._closed, "a closed executor takes no operations"
        if request.interval_ms > 0:
            self._arm(request)
            return
        if request.operation not in _HARMLESS:
            self._cancel_recurring_of(request.resource)
        self._later(request.start_delay_ms, _Job(request, time.monotonic()))

    def cancel(self, resource: str, operation: str, interval_ms: int) -> bool:
        """End a recurring operation; a run under way is not reported any more. False if there was none."""
        recurring = self._recurring.pop(RecurringKey(resource, operation, interval_ms), None)
        if recurring is None:
            return False
        recurring.cancelled = True
        if recurring.timer is not None:
            recurring.timer.cancel()
        return True

    def recurring(self) -> tuple[RecurringKey, ...]:
        """The recurring operations that are armed, in the order in which they came."""
        return tuple(self._recurring)

    def busy(self) -> bool:
        """Whether anything runs or waits for its turn."""
        return any(lane.task is not None for lane in self._lanes.values())

    def waiting(self) -> int:
        """Operations that wait for their turn or for their resource."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    async def metadata(self, agent: AgentReference) -> Metadata:
        """An agent's description, asked once for every version of its file. Raises ValueError with the reason."""
        try:
            path = self._file(agent)
            key = (path, path.stat().st_mtime_ns)
        except (agents.AgentUnusableError, OSError) as error:
            raise ValueError(str(error)) from None
        if key not in self._metadata:
            try:
                self._metadata[key] = await self._ask_metadata(agent)
            except OSError as error:
                raise ValueError(f"{path} could not be run: {error.strerror or error}") from None
        return self._metadata[key]

    async def validate(self, agent: AgentReference, parameters: Mapping[str, str], timeout_ms: int) -> OperationResult:
        """Run an agent's `validate-all`. Not in any lane: nothing is done to the resource, which may not even exist."""
        request = OperationRequest(0, agent, "validate-all", timeout_ms=timeout_ms, parameters=parameters)
        async with self._validating:
            return await run_once(request, self.settings)

    def installed(self) -> tuple[AgentReference, ...]:
        """Every agent that could be run here: OCF agents, then fence agents."""
        fencing = (AgentReference(name, FENCING, name) for name in fence_agents.installed(self.settings))
        return (*agents.installed(self.settings.ocf_roots), *fencing)

    async def fence(self, request: FenceRequest) -> FenceOutcome:
        """Run a fence agent. Not in any lane: fencing waits for nothing."""
        try:
            return await fence_agents.perform(request, self.settings, await self._fence_metadata(request.agent))
        except OSError as error:
            return FenceOutcome(False, reason=f"{request.agent} could not be run: {error.strerror or error}")

    def alert(self, request: AlertRequest) -> None:
        """Run an alert agent."""
        self._alerts.send(request)

    async def close(self) -> None:
        """End all timers and kill what runs. Resources stay as they are."""
        self._closed = True
        await self._alerts.close()
        for key in self.recurring():
            self.cancel(*key)
        for timer in self._delayed:
            timer.cancel()
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _file(self, agent: AgentReference) -> Path:
        if agent.standard == FENCING:
            return fence_agents.find(agent.type, self.settings)
        return agents.find(agent, self.settings.ocf_roots).path

    async def _fence_metadata(self, agent: str) -> Metadata | None:
        """A fence agent's description; None, and so the usual one is assumed, if it cannot be had."""
        try:
            return await self.metadata(AgentReference(agent, FENCING, agent))
        except ValueError:
            return None

    async def _ask_metadata(self, agent: AgentReference) -> Metadata:
        if agent.standard == FENCING:
            described = await fence_agents.describe(agent.type, self.settings, _METADATA_TIMEOUT_MS)
            return metadata.parse(_only_xml(described))
        request = OperationRequest(0, agent, "meta-data", timeout_ms=_METADATA_TIMEOUT_MS)
        result = await run_once(request, self.settings)
        if (result.status, result.rc) != (Status.DONE, 0):
            raise ValueError(result.exit_reason or f"meta-data of {agents.described(agent)} ended with {result.rc}")
        return metadata.parse(_only_xml(result.output))

    def _arm(self, request: OperationRequest) -> None:
        self.cancel(*request.recurring_key)
        recurring = _Recurring(request)
        self._recurring[request.recurring_key] = recurring
        self._repeat_after(recurring, request.start_delay_ms)

    def _repeat_after(self, recurring: _Recurring, delay_ms: int) -> None:
        def due() -> None:
            recurring.timer = None
            self._enqueue(_Job(recurring.request, time.monotonic(), recurring))

        if delay_ms <= 0:
            due()
        else:
            recurring.timer = asyncio.get_running_loop().call_later(delay_ms / 1000, due)

    def _later(self, delay_ms: int, job: _Job) -> None:
        if delay_ms <= 0:
            self._enqueue(job)
            return

        def due() -> None:
            self._delayed.discard(timer)
            job.queued_at = time.monotonic()
            self._enqueue(job)

        timer = asyncio.get_running_loop().call_later(delay_ms / 1000, due)
        self._delayed.add(timer)

    def _cancel_recurring_of(self, resource: str) -> None:
        for key in [key for key in self._recurring if key.resource == resource]:
            self.cancel(*key)

    def _enqueue(self, job: _Job) -> None:
        resource = job.request.resource
        lane = self._lanes.setdefault(resource, _Lane())
        lane.waiting.append(job)
        if lane.task is None:
            lane.task = asyncio.get_running_loop().create_task(self._work_off(resource, lane))

    async def _work_off(self, resource: str, lane: _Lane) -> None:
        """Run what waits in a lane, one after the other, and take the lane down when it is empty."""
        try:
            while lane.waiting:
                await self._run(lane.waiting.popleft())
        finally:
            lane.task = None
            self._lanes.pop(resource, None)

    async def _run(self, job: _Job) -> None:
        if job.recurring is not None and job.recurring.cancelled:
            return
        async with self._running:
            queue_ms = int((time.monotonic() - job.queued_at) * 1000)
            if job.request.agent.standard == FENCING:
                known = await self._fence_metadata(job.request.agent.type)
                result = await self._devices.operate(job.request, known, queue_ms)
            else:
                result = await run_once(job.request, self.settings, queue_ms, self._journal)
        if job.recurring is None:
            self._on_result(result)
        else:
            self._repeated(job.recurring, result)

    def _repeated(self, recurring: _Recurring, result: OperationResult) -> None:
        if recurring.cancelled:
            return
        news = not result.tells_the_same_as(recurring.last)
        recurring.last = result
        self._repeat_after(recurring, recurring.request.interval_ms)
        if news:
            self._on_result(result)


def _only_xml(output: str) -> str:
    """The description without what an agent prints around it."""
    start, end = output.find("<"), output.rfind("</resource-agent>")
    return output[start : end + len("</resource-agent>")]
