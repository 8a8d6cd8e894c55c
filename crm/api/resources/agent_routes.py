"""Agents: which there are on which nodes, and what they say about themselves."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.queries.cluster_agents import ClusterAgents, reference
from crm.executor.agent_files import described
from crm.executor.metadata import AgentMetadata

_EXAMPLE = '<resource-agent name="HttpServer"><version>1.1</version>…</resource-agent>'
_METADATA = {"application/xml": {"schema": {"type": "string"}, "example": _EXAMPLE}}

_ALIASES: dict[str, tuple[str | None, ...]] = {"service": ("lsb", "systemd")}
"""Standards that stand for others."""


class AgentValue(BaseModel):
    """An agent by name."""

    name: str = Field(examples=["ocf:heartbeat:IPaddr2"])
    standard: str = Field(examples=["ocf"])
    provider: str | None = Field(examples=["heartbeat"])
    type: str = Field(examples=["IPaddr2"])
    nodes: list[str] = Field(description="which have it, of those that are here")


class ParameterValue(BaseModel):
    """A parameter of an agent."""

    name: str
    type: str = Field(examples=["integer"])
    default: str | None
    required: bool
    reloadable: bool = Field(description="can be changed without a restart")
    private: bool = Field(description="kept out of logs and answers")
    deprecated: bool
    unique_group: str = Field(description="parameters of the same group must differ between resources")
    choices: list[str]
    description: str
    details: str


class AgentActionValue(BaseModel):
    """An action that an agent knows, with the times that it advises."""

    name: str
    timeout: str | None
    interval: str | None
    role: str | None
    depth: str | None


class MetadataValue(BaseModel):
    """What an agent says about itself."""

    name: str
    version: str
    description: str
    details: str
    parameters: list[ParameterValue]
    actions: list[AgentActionValue]

    @classmethod
    def of(cls, name: str, metadata: AgentMetadata) -> MetadataValue:
        return cls.model_validate({**asdict(metadata), "name": name})


def routes(agents: ClusterAgents) -> APIRouter:
    router = versioned("agents", "/agents")

    @router.get("")
    async def list_agents(
        page: Paging, standard: str | None = None, provider: str | None = None, node: str | None = None
    ) -> list[AgentValue]:
        """The agents on the nodes that are here, each with the nodes that have it."""
        standards = _ALIASES.get(standard or "", (standard,))
        found = [each for each in (await agents.nodes()).items()
                 if (standard is None or each[0].standard in standards) and provider in (None, each[0].provider)
                 and (node is None or node in each[1])]
        return [AgentValue(name=described(each), standard=each.standard, provider=each.provider, type=each.type,
                           nodes=nodes)
                for each, nodes in page.of(found, lambda each: described(each[0]))]

    @router.get("/standards")
    async def list_standards() -> dict[str, list[str]]:
        """The standards of the agents, each with its providers."""
        found: dict[str, dict[str, None]] = {}
        for each in await agents.nodes():
            found.setdefault(each.standard, {}).update({each.provider: None} if each.provider else {})
        for alias, meant in _ALIASES.items():
            if any(standard in found for standard in meant):
                found[alias] = {}
        return {standard: list(providers) for standard, providers in found.items()}

    @router.get("/{name}")
    async def read_agent(name: str) -> MetadataValue:
        """What an agent says about itself: parameters with types and defaults, actions with advised times."""
        return MetadataValue.of(name, await _metadata(name))

    @router.get("/{name}/metadata", response_class=Response, responses={200: {"content": _METADATA}})
    async def read_metadata(name: str) -> Response:
        """The same as the agent prints it: XML, as the OCF standard describes it."""
        return Response((await _metadata(name)).text, media_type="application/xml")

    async def _metadata(name: str) -> AgentMetadata:
        try:
            return await agents.metadata(reference(name))
        except ValueError as error:
            raise ProblemError("no-such-agent", str(error), "See which there are: crmctl agent list") from None

    return router
