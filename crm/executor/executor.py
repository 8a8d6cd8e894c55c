"""The executor of one node: runs the operations it is given, in order for each resource, and reports how they went.

Operations of one resource never overlap. A recurring operation runs at once and then again, its interval after each
end, and reports its first result and every other one that differs from the one before. Anything that changes a resource
(start, stop, promote …) ends its recurring operations first, also one that is running: a hanging monitor must not hold
up the stop. Monitors, probes and changes have limits of their own, so that none of them waits for the others. It knows
one node and no cluster: what to run and what a result means is the controller's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from crm.executor import systemd
from crm.executor.alert_agents import AlertRequest, AlertRunner
from crm.executor.classes import Classes
from crm.executor.executor_settings import ExecutorSettings
from crm.executor.fence_agents import FenceOutcome, FenceRequest
from crm.executor.last_starts import STARTS, LastStarts
from crm.executor.metadata import AgentMetadata
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, RecurringKey, Status
from crm.executor.operation_limits import Ready, Turns, WaitingOperation, always_ready
from crm.executor.outcomes import Clock, not_carried_out
from crm.executor.runner import Program
from crm.executor.stonith_class import STANDARD as FENCING
from crm.executor.stop_orders import StopOrders
from crm.keeper.leftovers import OperationLeftovers
from crm.model.text import fit_line
from crm.model.transition import AgentReference

log = logging.getLogger("crm.executor")

# What leaves a resource as it is, and so leaves its recurring operations alone.
_HARMLESS = frozenset({"monitor", "notify", "meta-data", "validate-all"})
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
    job: _Job | None = None
    run: asyncio.Task[None] | None = None


class Executor:
    """Use it from one event loop. `on_result` is called from that loop, once for every result that matters."""

    def __init__(self, settings: ExecutorSettings, on_result: Callable[[OperationResult], None]) -> None:
        self.settings = settings
        self._on_result = on_result
        self._lanes: dict[str, _Lane] = {}
        self._recurring: dict[RecurringKey, _Recurring] = {}
        self._delayed: set[asyncio.TimerHandle] = set()
        self._turns = Turns(settings.operation_limit, settings.monitor_limit)
        state = settings.agent_state
        self._journal = OperationLeftovers(state / ".operations") if state is not None else None
        self._starts = LastStarts(state / ".starts" if state is not None else None)
        self._validating = asyncio.Semaphore(_VALIDATIONS_AT_ONCE)
        for process_id in self._journal.end_left_over() if self._journal is not None else ():
            log.warning("ended an operation that the daemon before this one has left running (process %s)", process_id)
        self._classes = Classes(settings, self._journal)
        self.stop_orders = None if settings.stop_orders is None else StopOrders(
            settings.stop_orders, self._starts, self._stop_program, settings.extra_environment)
        self._alerts = AlertRunner(settings)
        self.ready: Ready = always_ready
        """Waited for before anything begins that could change a resource or fence a node."""
        self._unable: dict[RecurringKey, tuple[float, OperationResult]] = {}
        """Recurring operations that cannot be carried out, since when, and why."""
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
        """End a recurring operation; a run under way is ended, and not reported. False if there was none."""
        recurring = self._recurring.pop(RecurringKey(resource, operation, interval_ms), None)
        if recurring is None:
            return False
        recurring.cancelled = True
        self._unable.pop(recurring.request.recurring_key, None)
        if recurring.timer is not None:
            recurring.timer.cancel()
        lane = self._lanes.get(resource)
        if lane is not None and lane.run is not None and lane.job is not None and lane.job.recurring is recurring:
            lane.run.cancel()
        return True

    def recurring(self) -> tuple[RecurringKey, ...]:
        """The recurring operations that are armed, in the order in which they came."""
        return tuple(self._recurring)

    def busy(self) -> bool:
        """Whether anything runs or waits for its turn."""
        return any(lane.task is not None for lane in self._lanes.values())

    def waiting(self) -> tuple[WaitingOperation, ...]:
        """Operations that wait for their turn or for their resource, and for what; the longest-waiting first."""
        now = time.monotonic()
        found = []
        for lane in self._lanes.values():
            if lane.job is not None and self._turns.waits(lane.job.request):
                found.append(_waiting(lane.job, now, self._turns.reason(lane.job.request)))
            ahead = lane.job.request.operation if lane.job is not None else "another operation"
            found += [_waiting(job, now, f"the {ahead} of {job.request.resource} has not ended")
                      for job in lane.waiting]
        found += [WaitingOperation(*key, now - since, f"it cannot be carried out: {result.exit_reason}")
                  for key, (since, result) in self._unable.items()]
        return tuple(sorted(found, key=lambda each: -each.since_s))

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        """What an agent says about itself, or what its class knows of it. Raises ValueError with the reason."""
        return await self._classes.of(agent).metadata(agent)

    async def validate(self, agent: AgentReference, parameters: Mapping[str, str], timeout_ms: int) -> OperationResult:
        """Run an agent's `validate-all`. Not in any lane: nothing is done to the resource, which may not even exist."""
        request = OperationRequest(0, agent, "validate-all", timeout_ms=timeout_ms, parameters=parameters)
        async with self._validating:
            return await self._classes.of(agent).operate(request, 0)

    async def installed(self) -> tuple[AgentReference, ...]:
        """Every agent that could be run here, class by class."""
        return await self._classes.installed()

    async def fence(self, request: FenceRequest) -> FenceOutcome:
        """Run a fence agent. Not in any lane: fencing waits for nothing."""
        return await self._classes.fencing.fence(request, self.ready)

    async def has(self, agent: AgentReference) -> bool:
        """Whether this node has the agent."""
        return await self._classes.of(agent).has(agent)

    async def tidy(self) -> None:
        """Take away what a daemon before this one has left beside its resources."""
        await self._classes.systemd.tidy(self._starts.types(systemd.STANDARD))

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
        await self._classes.systemd.close()

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
                lane.job = lane.waiting.popleft()
                lane.run = asyncio.get_running_loop().create_task(self._run(lane.job))
                await self._end_of(lane.run)
        finally:
            lane.task = lane.run = lane.job = None
            self._lanes.pop(resource, None)

    async def _end_of(self, run: asyncio.Task[None]) -> None:
        """Wait until it has ended, also when it was cancelled; whoever cancels the lane ends the run with it."""
        try:
            await asyncio.wait([run])
        except asyncio.CancelledError:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
            raise
        if not run.cancelled():
            run.result()

    async def _run(self, job: _Job) -> None:
        if job.recurring is not None and job.recurring.cancelled:
            return
        async with self._turns.turn(job.request):
            if job.request.operation not in _HARMLESS:
                await self.ready()
            result = await self._operate(job.request, int((time.monotonic() - job.queued_at) * 1000))
        if job.recurring is None:
            self._on_result(self._without_evidence(result))
        else:
            self._repeated(job.recurring, result)

    async def _operate(self, ordered: OperationRequest, queue_ms: int) -> OperationResult:
        """Run an operation with what its resource was started with; our own mistakes are results, too."""
        try:
            if ordered.agent.standard == FENCING:
                # A device that cannot be asked cannot fence: that is a failure, whatever the cause.
                return replace(await self._classes.fencing.operate(ordered, queue_ms), carried_out=True)
            result = await self._operate_as_started(ordered, queue_ms)
        except Exception as error:
            log.exception("the %s of %s could not be carried out: internal error",
                          ordered.operation, ordered.resource)
            reason = f"crmd made a mistake ({type(error).__name__}: {fit_line(str(error), 200)}); see its log"
            result = not_carried_out(Clock(ordered, queue_ms), Status.ERROR, ExitCode.UNKNOWN_ERROR, reason)
        self._starts.ended(result)
        if self.stop_orders is not None:
            self.stop_orders.ended(ordered.resource)
        return result

    async def _operate_as_started(self, ordered: OperationRequest, queue_ms: int) -> OperationResult:
        request = self._starts.as_started(ordered)
        self._starts.begins(request)
        unsafe = self.stop_orders.begins(request.resource) if self.stop_orders is not None else ""
        if unsafe and request.operation in STARTS:
            return not_carried_out(Clock(request, queue_ms), Status.ERROR, ExitCode.UNKNOWN_ERROR, unsafe)
        result = await self._classes.of(request.agent).operate(request, queue_ms)
        if request is not ordered and _is_probe(ordered) and _is_not_running(result):
            # What it was started with does not run any more; perhaps somebody has started what is configured now.
            self._starts.forget(ordered.resource)
            result = await self._classes.of(ordered.agent).operate(ordered, queue_ms)
        return result

    def _stop_program(self, request: OperationRequest) -> Program | None:
        return self._classes.of(request.agent).program(request)

    def _without_evidence(self, result: OperationResult) -> OperationResult:
        """What an operation that could not be carried out stands for: what was known before, and so nobody acts.

        A monitor of what was started here counts as before: it is neither stopped nor started elsewhere. What was not
        started here is not installed here, and there is nothing to stop.
        """
        request = result.request
        known = self._starts.last_known(request.resource)
        if result.carried_out or request.operation not in ("monitor", "stop", "demote"):
            return result
        if request.operation != "monitor":
            return replace(result, status=Status.DONE, rc=ExitCode.OK) if known is None else result
        if known is None:
            return replace(result, status=Status.NOT_INSTALLED, rc=ExitCode.NOT_INSTALLED)
        return replace(result, status=Status.DONE, rc=known)

    def _repeated(self, recurring: _Recurring, result: OperationResult) -> None:
        if recurring.cancelled:
            return
        if not result.carried_out:
            self._could_not(recurring, result)
            return
        self._unable.pop(recurring.request.recurring_key, None)
        news = not result.tells_the_same_as(recurring.last)
        recurring.last = result
        self._repeat_after(recurring, recurring.request.interval_ms)
        if news:
            self._on_result(result)


    def _could_not(self, recurring: _Recurring, result: OperationResult) -> None:
        """It could not be carried out, which says nothing about the resource: it is looked at again."""
        key = recurring.request.recurring_key
        since, last = self._unable.get(key, (time.monotonic(), None))
        if last is None or last.exit_reason != result.exit_reason:
            log.error("the %s of %s cannot be carried out: %s", key.operation, key.resource, result.exit_reason)
        self._unable[key] = (since, result)
        if recurring.last is None:
            recurring.last = self._without_evidence(result)
            self._on_result(recurring.last)
        self._repeat_after(recurring, recurring.request.interval_ms)


def _is_probe(request: OperationRequest) -> bool:
    return request.operation == "monitor" and request.interval_ms == 0


def _is_not_running(result: OperationResult) -> bool:
    return (result.status, result.rc) == (Status.DONE, ExitCode.NOT_RUNNING)


def _waiting(job: _Job, now: float, reason: str) -> WaitingOperation:
    request = job.request
    return WaitingOperation(request.resource, request.operation, request.interval_ms, now - job.queued_at, reason)
