"""The agents of all nodes: which are installed where, and what one says about itself wherever it is.

A resource can run only where its agent is; that one is missing on a node is often found out when the resource is to go
there.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from crm.api.service import NodeService, RequestRefused
from crm.cib.objects import codec
from crm.executor.agent_files import described
from crm.executor.metadata import AgentMetadata
from crm.model.transition import AgentReference

_LIST, _ONE, _HAS = "agents", "agent", "has-agent"
_PATIENCE_S = 5.0
_METADATA: TypeAdapter[AgentMetadata] = TypeAdapter(AgentMetadata)


class ClusterAgents:
    """Asks all members what is installed there."""

    def __init__(self, service: NodeService) -> None:
        self._service = service
        service.peers.offer(_LIST, self._own_list)
        service.peers.offer(_ONE, self._own)
        service.peers.offer(_HAS, self._own_has)

    async def nodes(self) -> dict[AgentReference, list[str]]:
        """Every agent with the nodes that have it, of those that are here: this node's first, in their order."""
        told, _ = await self._service.peers.ask_all(_LIST)
        found: dict[AgentReference, list[str]] = {}
        for node, entries in told.items():
            for standard, provider, kind in entries:
                found.setdefault(AgentReference(kind, standard, kind, provider), []).append(node)
        return found

    async def missing(self, agent: AgentReference) -> list[str]:
        """The nodes that are here and do not have an agent."""
        told, _ = await self._service.peers.ask_all(_HAS, described(agent))
        return [node for node, has in told.items() if not has]

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        """What an agent (see `reference`) says about itself: on this node, else on one that has it.

        Raises ValueError with the reason.
        """
        try:
            return await self._service.metadata(agent)
        except ValueError:
            elsewhere = await self._elsewhere(agent)
            if elsewhere is None:
                raise
            return elsewhere

    async def _elsewhere(self, agent: AgentReference) -> AgentMetadata | None:
        for node in (await self.nodes()).get(agent, ()):
            if node == self._service.name:
                continue  # It has just failed to tell, and may have taken its time.
            try:
                told = await self._service.peers.ask(node, _ONE, described(agent), _PATIENCE_S)
            except RequestRefused:
                continue
            return _METADATA.validate_python(told)
        return None

    async def _own_list(self, _about: Any) -> list[tuple[str, str | None, str]]:
        return [(each.standard, each.provider, each.type) for each in await self._service.agents()]

    async def _own_has(self, about: Any) -> bool:
        return await self._service.has_agent(reference(str(about)))

    async def _own(self, about: Any) -> dict[str, Any]:
        try:
            return asdict(await self._service.metadata(reference(str(about))))
        except ValueError as error:
            raise RequestRefused("no-such-agent", str(error)) from None


def reference(agent: str) -> AgentReference:
    """An agent by the name that people write, `ocf:heartbeat:IPaddr2`."""
    standard, provider, type_ = codec.split_agent(agent)
    return AgentReference(type_, standard, type_, provider or None)
