"""The class `service`: whichever this node has, an init script or a unit of systemd; asked anew for every operation.

The history keeps the alias, so that the same resource may be the one here and the other there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crm.executor import lsb, systemd
from crm.executor.lsb import LsbScripts
from crm.executor.metadata import AgentMetadata
from crm.executor.operation import OperationRequest, OperationResult
from crm.executor.runner import Program
from crm.executor.systemd import SystemdUnits
from crm.model.transition import AgentReference


class Services:
    """The alias of this node's init scripts and units."""

    def __init__(self, scripts: LsbScripts, units: SystemdUnits) -> None:
        self._scripts = scripts
        self._units = units

    async def operate(self, request: OperationRequest, queue_ms: int) -> OperationResult:
        """Run an operation of the script, or else of the unit."""
        meant = replace(request, agent=self._meant(request.agent))
        result = await self._of(meant.agent).operate(meant, queue_ms)
        return replace(result, request=request)

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        """What the script, or else the unit, says about itself. Raises ValueError with the reason."""
        meant = self._meant(agent)
        return await self._of(meant).metadata(meant)

    async def installed(self) -> Sequence[AgentReference]:
        """Every script and unit, each name once."""
        both = (*await self._scripts.installed(), *await self._units.installed())
        return [AgentReference(name, "service", name) for name in dict.fromkeys(each.type for each in both)]

    async def has(self, agent: AgentReference) -> bool:
        """Whether there is a script or a unit of that name."""
        meant = self._meant(agent)
        return await self._of(meant).has(meant)

    def program(self, request: OperationRequest) -> Program:
        """The command that carries an operation of the script out, or else of the unit. Raises AgentUnusableError."""
        meant = replace(request, agent=self._meant(request.agent))
        return self._of(meant.agent).program(meant)

    def _meant(self, agent: AgentReference) -> AgentReference:
        standard = lsb.STANDARD if self._scripts.exists(agent.type) else systemd.STANDARD
        return replace(agent, standard=standard)

    def _of(self, agent: AgentReference) -> LsbScripts | SystemdUnits:
        return self._scripts if agent.standard == lsb.STANDARD else self._units
