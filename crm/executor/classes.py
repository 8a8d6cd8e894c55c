"""The classes of agents that this node can run, by the name that stands in a CIB. To add one: a class, a line below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from crm.executor.agent_files import described
from crm.executor.environment import surroundings
from crm.executor.executor_settings import ExecutorSettings
from crm.executor.lsb import LsbScripts
from crm.executor.metadata import AgentMetadata
from crm.executor.ocf import OcfAgents
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, Status
from crm.executor.outcomes import Clock, not_carried_out
from crm.executor.runner import Program
from crm.executor.services import Services
from crm.executor.stonith_class import FenceDevices
from crm.executor.systemd import SystemdUnits
from crm.keeper.leftovers import OperationLeftovers
from crm.model.transition import AgentReference


class AgentClass(Protocol):
    """How agents of one class are run, described and found."""

    async def operate(self, request: OperationRequest, queue_ms: int) -> OperationResult:
        """One run of an operation; whatever goes wrong is a result."""
        ...

    def program(self, request: OperationRequest) -> Program | None:
        """The command that carries an operation out, if one does. Raises AgentUnusableError."""
        ...

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        """What the agent says about itself. Raises ValueError with the reason."""
        ...

    async def installed(self) -> Sequence[AgentReference]:
        """Those of this node, in order of their names."""
        ...

    async def has(self, agent: AgentReference) -> bool:
        """Whether this node has that one."""
        ...


class Unknown:
    """A class that crmd does not run."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = ", ".join(known)

    async def operate(self, request: OperationRequest, queue_ms: int) -> OperationResult:
        reason = self._reason(request.agent)
        return not_carried_out(Clock(request, queue_ms), Status.NOT_SUPPORTED, ExitCode.UNIMPLEMENTED, reason)

    def program(self, request: OperationRequest) -> Program | None:
        return None

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        raise ValueError(self._reason(agent))

    async def installed(self) -> Sequence[AgentReference]:
        return ()

    async def has(self, agent: AgentReference) -> bool:
        return False

    def _reason(self, agent: AgentReference) -> str:
        return f"crmd runs no agents of the class {agent.standard} ({described(agent)}); it runs {self._known}"


class Classes:
    """All classes of a node."""

    def __init__(self, settings: ExecutorSettings, journal: OperationLeftovers | None) -> None:
        lsb = LsbScripts(settings, journal)
        self.systemd = SystemdUnits(settings.systemd_bus, settings.systemd_folder, surroundings(settings))
        self.fencing = FenceDevices(settings)
        self._known: dict[str, AgentClass] = {
            "ocf": OcfAgents(settings, journal),
            "stonith": self.fencing,
            "systemd": self.systemd,
            "lsb": lsb,
            "service": Services(lsb, self.systemd),
        }
        self._unknown = Unknown(tuple(self._known))

    def of(self, agent: AgentReference) -> AgentClass:
        """The class of an agent."""
        return self._known.get(agent.standard, self._unknown)

    async def installed(self) -> tuple[AgentReference, ...]:
        """Every agent that could be run here, class by class; the alias `service` stands for two others."""
        return tuple([agent for name, each in self._known.items() if name != "service"
                      for agent in await each.installed()])


