"""Looks at resources before they are written: does the agent exist here, does it know what is asked of it?

What was wrong before the change already is only told: nobody must mend an old mistake in order to change a description.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from crm.api.middleware.problems import unsuitable
from crm.api.queries.cluster_agents import ClusterAgents, reference
from crm.cib.document import Document
from crm.cib.objects.catalogue import RESOURCES
from crm.cib.objects.resources import Operation, Primitive, Template
from crm.cib.queries import default_timeout
from crm.executor.agent_files import described
from crm.executor.agent_suitability import WantedOperation, WantedResource, examine
from crm.model.report import Report, Severity
from crm.model.transition import AgentReference


class Review:
    """A review of resources against the metadata of their agents."""

    def __init__(self, agents: ClusterAgents) -> None:
        self._agents = agents

    async def __call__(self, document: Document, value: Any, force: bool) -> Sequence[Report]:
        """The findings about a resource and all in it. Raises ProblemError (unsuitable) unless `force`."""
        reports = await self.findings(document, value)
        present = RESOURCES.find(document, value.id)
        before = [] if present is None else await self.findings(document, RESOURCES.value(present))
        wrong = [report for report in reports if report.severity is Severity.ERROR and report not in before]
        if wrong and not force:
            raise unsuitable(wrong)
        return [replace(report, severity=_at_most_a_warning(report.severity)) for report in reports]

    async def findings(self, document: Document, value: Any) -> list[Report]:
        """All that is wrong or doubtful about a resource and all in it."""
        return [report for primitive in _primitives(value) for report in await self._of_primitive(document, primitive)]

    async def _of_primitive(self, document: Document, primitive: Primitive | Template) -> list[Report]:
        wanted = _wanted(document, primitive)
        if not wanted.agent:
            return [_agentless(primitive.id)]
        agent = reference(wanted.agent)
        try:
            known = await self._agents.metadata(agent)
        except ValueError as error:
            hint = await self._nearest(wanted.agent)
            return [Report(Severity.ERROR, "no-metadata", primitive.id, str(error), hint)]
        found = [*examine(wanted, known), *await self._missing(primitive.id, agent)]
        if isinstance(primitive, Template):
            return [report for report in found if report.code != "missing-parameter"]
        return found

    async def _missing(self, resource: str, agent: AgentReference) -> list[Report]:
        """Nodes where the resource could not run."""
        nodes = ", ".join(await self._agents.missing(agent))
        message = f"{nodes} has no agent {described(agent)}, so {resource} cannot run there"
        hint = "Install it there, or keep the resource away: crmctl constraint location ID RESOURCE NODE -INFINITY"
        return [Report(Severity.WARNING, "agent-missing", resource, message, hint)] if nodes else []

    async def _nearest(self, agent: str) -> str:
        names = [described(each) for each in await self._agents.nodes()]
        if agent in names:
            return "Look what is wrong with it: run it with the word meta-data"
        near = get_close_matches(agent, names, 1)
        return f"Did you mean {near[0]}?" if near else "See which there are: crmctl agent list"


def refuse_agentless(value: Any) -> None:
    """Raise ProblemError (unsuitable) for a primitive that names neither an agent nor a template, or an agent without
    its class. No CIB may hold it, and the schema's own words for that are harder to read.
    """
    wrong = [_agentless(each.id) for each in _primitives(value) if not (each.agent or getattr(each, "template", None))]
    wrong += [_unclassed(each.id, each.agent) for each in _primitives(value) if each.agent and ":" not in each.agent]
    if wrong:
        raise unsuitable(wrong)


def _agentless(primitive: str) -> Report:
    hint = "Give it an agent such as ocf:heartbeat:IPaddr2, or a template"
    return Report(Severity.ERROR, "no-agent", primitive, f"{primitive} has no agent", hint)


def _unclassed(primitive: str, agent: str) -> Report:
    hint = f"Write it as ocf:PROVIDER:{agent}, systemd:{agent} or the like. Which there are: crmctl agent list"
    return Report(Severity.ERROR, "no-agent", primitive, f"The agent {agent} of {primitive} has no class", hint)


def _at_most_a_warning(severity: Severity) -> Severity:
    return Severity.WARNING if severity is Severity.ERROR else severity


def _primitives(value: Any) -> Iterator[Primitive | Template]:
    """Those that are given whole; a member that is only named was looked at when it was made."""
    if isinstance(value, Primitive | Template):
        yield value
    for member in getattr(value, "members", ()):
        yield from _primitives(member)


def _wanted(document: Document, primitive: Primitive | Template) -> WantedResource:
    """What is asked of the agent: the template's parameters and operations count unless the primitive has its own."""
    template = getattr(primitive, "template", None)
    element = RESOURCES.find(document, template) if template else None
    base = RESOURCES.value(element) if element is not None else None
    parameters = {**(base.parameters if base else {}), **primitive.parameters}
    conditional = {name: text for each in primitive.conditional_parameters for name, text in each.values.items()}
    operations = {each.telling: each for each in (*(base.operations if base else ()), *primitive.operations)}
    return WantedResource(
        primitive.id,
        (base.agent if base else primitive.agent) or "",
        {**conditional, **parameters},
        tuple(_wanted_operation(each) for each in operations.values()),
        _usual_timeout(document),
    )


def _wanted_operation(operation: Operation) -> WantedOperation:
    return WantedOperation(operation.name, operation.interval, operation.timeout, operation.role)


def _usual_timeout(document: Document) -> str:
    return default_timeout(document) or "20s"
