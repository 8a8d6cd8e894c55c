"""The class `ocf`: agents that are programs under an OCF root. Source: OCF resource agent API 1.1."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from crm.executor import agent_files, environment, metadata
from crm.executor.agent_files import AgentUnusableError
from crm.executor.executor_settings import ExecutorSettings
from crm.executor.metadata import AgentMetadata
from crm.executor.operation import OperationRequest, OperationResult, Status
from crm.executor.runner import Program, run_once
from crm.keeper.leftovers import OperationLeftovers
from crm.model.transition import AgentReference

METADATA_TIMEOUT_MS = 30_000


class OcfAgents:
    """Those of this node; a description is asked once for every version of a file."""

    def __init__(self, settings: ExecutorSettings, journal: OperationLeftovers | None) -> None:
        self._settings = settings
        self._journal = journal
        self._metadata: dict[tuple[Path, int], AgentMetadata] = {}

    async def operate(self, request: OperationRequest, queue_ms: int) -> OperationResult:
        """Run an operation. An agent of before OCF 1.1 takes new values by `reload`, which others mean otherwise."""
        word = await self._reload_word(request) if request.operation == "reload-agent" else request.operation
        find = partial(self._program, word=word)
        return await run_once(request, find, self._settings, queue_ms, self._journal)

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        """What an agent says about itself. Raises ValueError with the reason."""
        try:
            path = agent_files.find(agent, self._settings.ocf_roots).path
            key = (path, path.stat().st_mtime_ns)
        except (AgentUnusableError, OSError) as error:
            raise ValueError(str(error)) from None
        if key not in self._metadata:
            self._metadata[key] = metadata.parse(await self._ask(agent))
        return self._metadata[key]

    async def installed(self) -> Sequence[AgentReference]:
        """Every agent that could be run here."""
        return tuple(agent_files.installed(self._settings.ocf_roots))

    async def has(self, agent: AgentReference) -> bool:
        """Whether it could be run here."""
        try:
            agent_files.find(agent, self._settings.ocf_roots)
        except AgentUnusableError:
            return False
        return True

    async def _reload_word(self, request: OperationRequest) -> str:
        try:
            return (await self.metadata(request.agent)).reload_action or request.operation
        except ValueError:
            return request.operation

    def program(self, request: OperationRequest) -> Program:
        """The command that carries an operation out. Raises AgentUnusableError."""
        return self._program(request, request.operation)

    def _program(self, request: OperationRequest, word: str) -> Program:
        agent = agent_files.find(request.agent, self._settings.ocf_roots)
        given = environment.build(request, agent, self._settings)
        return Program((str(agent.path), word), given)

    async def _ask(self, agent: AgentReference) -> str:
        request = OperationRequest(0, agent, "meta-data", timeout_ms=METADATA_TIMEOUT_MS)
        result = await run_once(request, partial(self._program, word="meta-data"), self._settings)
        if (result.status, result.rc) != (Status.DONE, 0):
            raise ValueError(result.exit_reason
                             or f"meta-data of {agent_files.described(agent)} ended with {result.rc}")
        return only_xml(result.output)


def only_xml(output: str) -> str:
    """The description without what an agent prints around it."""
    start, end = output.find("<"), output.rfind("</resource-agent>")
    return output[start : end + len("</resource-agent>")]
