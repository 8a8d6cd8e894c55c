"""Fence devices as resources of this node: "started" means registered here, and watched by its agent's own monitor.

Nothing runs for a started device, so a probe looks at what this daemon has registered. Source: Pacemaker Explained,
"Fencing": a start checks that the device answers, a stop only takes it out.
"""

from __future__ import annotations

import time

from crm.executor import fence_agents
from crm.executor.fence_agents import FenceOutcome, FenceRequest
from crm.executor.metadata import Metadata
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, Status
from crm.executor.settings import ExecutorSettings

STANDARD = "stonith"


class FenceDevices:
    """The devices that are started on this node, by resource id."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self._settings = settings
        self._started: set[str] = set()

    async def operate(self, request: OperationRequest, known: Metadata | None, queue_ms: int) -> OperationResult:
        """Carry out one operation of a device as a resource."""
        began_at, clock = int(time.time()), time.monotonic()
        status, rc, reason, output = await self._operate(request, known)
        run_ms = int((time.monotonic() - clock) * 1000)
        return OperationResult(request, status, rc, reason, output, began_at, run_ms, queue_ms)

    async def _operate(self, request: OperationRequest, known: Metadata | None) -> tuple[Status, int, str, str]:
        match request.operation:
            case "start":
                outcome = await self._monitor(request, known)
                if outcome.ok:
                    self._started.add(request.resource)
                return _judged(outcome)
            case "stop":
                self._started.discard(request.resource)
                return Status.DONE, ExitCode.OK, "", ""
            case "monitor" if request.resource not in self._started:
                return Status.DONE, ExitCode.NOT_RUNNING, "", ""
            case "monitor" if request.interval_ms == 0:
                return Status.DONE, ExitCode.OK, "", ""
            case "monitor":
                return _judged(await self._monitor(request, known))
        return Status.NOT_SUPPORTED, ExitCode.UNIMPLEMENTED, f"A fence device has no operation {request.operation}", ""

    async def _monitor(self, request: OperationRequest, known: Metadata | None) -> FenceOutcome:
        wanted = FenceRequest(request.agent.type, "monitor", request.parameters, timeout_ms=request.timeout_ms)
        return await fence_agents.perform(wanted, self._settings, known)


def _judged(outcome: FenceOutcome) -> tuple[Status, int, str, str]:
    if outcome.ok:
        return Status.DONE, ExitCode.OK, "", outcome.output
    if outcome.timed_out:
        return Status.TIMEOUT, ExitCode.UNKNOWN_ERROR, outcome.reason, outcome.output
    status = Status.NOT_INSTALLED if outcome.rc == ExitCode.NOT_INSTALLED else Status.DONE
    rc = ExitCode.NOT_INSTALLED if status is Status.NOT_INSTALLED else ExitCode.UNKNOWN_ERROR
    return status, rc, outcome.reason, outcome.output
