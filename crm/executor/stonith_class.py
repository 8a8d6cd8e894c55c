"""The class `stonith`: fence devices of this node. "Started" means registered here, watched by its agent's monitor.

Nothing runs for a started device, so a probe looks at what this daemon has registered. Source: Pacemaker Explained,
"Fencing": a start checks that the device answers, a stop only takes it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crm.executor import fence_agents, metadata
from crm.executor.agent_files import AgentUnusableError
from crm.executor.executor_settings import ExecutorSettings
from crm.executor.fence_agents import FenceOutcome, FenceRequest
from crm.executor.metadata import AgentMetadata
from crm.executor.ocf import METADATA_TIMEOUT_MS, only_xml
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, Status
from crm.executor.operation_limits import Ready, always_ready
from crm.executor.outcomes import Clock
from crm.model.transition import AgentReference

STANDARD = "stonith"


class FenceDevices:
    """The devices that are started on this node, by resource id."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self._settings = settings
        self._started: set[str] = set()
        self._metadata: dict[tuple[Path, int], AgentMetadata] = {}

    async def operate(self, request: OperationRequest, queue_ms: int) -> OperationResult:
        """Carry out one operation of a device as a resource."""
        clock = Clock(request, queue_ms)
        return clock.result(*await self._operate(request))

    def program(self, request: OperationRequest) -> None:
        """A device is no process: there is nothing to stop."""
        return

    async def fence(self, request: FenceRequest, ready: Ready = always_ready) -> FenceOutcome:
        """Run a fence agent. It waits for nothing but `ready`."""
        try:
            return await fence_agents.perform(request, self._settings, await self._known(request.agent), ready)
        except OSError as error:
            return FenceOutcome(False, reason=f"{request.agent} could not be run: {error.strerror or error}")

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        """What a fence agent says about itself, asked once for every version of its file. Raises ValueError."""
        try:
            path = fence_agents.find(agent.type, self._settings)
            key = (path, path.stat().st_mtime_ns)
            if key not in self._metadata:
                said = await fence_agents.describe(agent.type, self._settings, METADATA_TIMEOUT_MS)
                self._metadata[key] = metadata.parse(only_xml(said))
        except (AgentUnusableError, OSError) as error:
            raise ValueError(str(error)) from None
        return self._metadata[key]

    async def installed(self) -> Sequence[AgentReference]:
        """The fence agents that could be run here."""
        return [AgentReference(name, STANDARD, name) for name in fence_agents.installed(self._settings)]

    async def has(self, agent: AgentReference) -> bool:
        """Whether that fence agent could be run here."""
        try:
            fence_agents.find(agent.type, self._settings)
        except AgentUnusableError:
            return False
        return True

    async def _known(self, agent: str) -> AgentMetadata | None:
        """A fence agent's description; None, and so the usual one is assumed, if it cannot be had."""
        try:
            return await self.metadata(AgentReference(agent, STANDARD, agent))
        except ValueError:
            return None

    async def _operate(self, request: OperationRequest) -> tuple[Status, int, str, str]:
        match request.operation:
            case "start":
                outcome = await self._monitor(request)
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
                return _judged(await self._monitor(request))
        return Status.NOT_SUPPORTED, ExitCode.UNIMPLEMENTED, f"A fence device has no operation {request.operation}", ""

    async def _monitor(self, request: OperationRequest) -> FenceOutcome:
        wanted = FenceRequest(request.agent.type, "monitor", request.parameters, timeout_ms=request.timeout_ms)
        return await self.fence(wanted)


def _judged(outcome: FenceOutcome) -> tuple[Status, int, str, str]:
    if outcome.ok:
        return Status.DONE, ExitCode.OK, "", outcome.output
    if outcome.timed_out:
        return Status.TIMEOUT, ExitCode.UNKNOWN_ERROR, outcome.reason, outcome.output
    status = Status.NOT_INSTALLED if outcome.rc == ExitCode.NOT_INSTALLED else Status.DONE
    rc = ExitCode.NOT_INSTALLED if status is Status.NOT_INSTALLED else ExitCode.UNKNOWN_ERROR
    return status, rc, outcome.reason, outcome.output
