"""Asks a resource's own agent whether it could work so (its action `validate-all`), before the resource is written.

The agent is run with what it would be given at its start, on the node where it would start if that has the agent, else
on another one. Missing software or a missing file is a matter of the node: it counts only if no node is content. An
agent that has no such action, or that takes too long over it, is not held against anybody.
Source: OCF resource agent API 1.1, "validate-all".
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm.api.queries.cluster_agents import ClusterAgents
from crm.api.service import NodeService, RequestRefused
from crm.cib.document import Document
from crm.cib.redaction import redacted_text
from crm.executor.agent_files import described
from crm.model.history import ExitCode, OperationStatus
from crm.model.report import Report, Severity
from crm.model.transition import ActionKind, AgentReference, GraphAction, Transition

_ONE = "validate-all"
TIMEOUT_MS = 10_000
_PATIENCE_S = TIMEOUT_MS / 1000 + 5
_MOST_RESOURCES = 20
_MOST_NODES = 3
_LONGEST_REASON = 400
_NEVER_RIGHT = (ExitCode.INVALID_PARAMETER, ExitCode.NOT_CONFIGURED)
"""Wrong on every node: what is asked of the agent is wrong, not what it finds."""
_NOT_HERE = (ExitCode.NOT_INSTALLED, ExitCode.INSUFFICIENT_PRIVILEGE)


@dataclass(frozen=True, slots=True)
class AgentVerdict:
    """What an agent said on a node. `status` and `rc` are Pacemaker's numbers."""

    node: str
    status: int
    rc: int
    reason: str

    @property
    def content(self) -> bool:
        """Whether it could work so."""
        return (self.status, self.rc) == (OperationStatus.DONE, ExitCode.OK)

    @property
    def is_refusal(self) -> bool:
        """Whether the agent says that it could not. Whoever only fails says nothing of what it was asked."""
        told = self.rc in (*_NEVER_RIGHT, *_NOT_HERE) or bool(self.reason and self.rc != ExitCode.UNIMPLEMENTED)
        return self.status == OperationStatus.DONE and not self.content and told

    @property
    def is_final(self) -> bool:
        """Whether no other node need be asked."""
        return self.content or (self.is_refusal and self.rc in _NEVER_RIGHT)


@dataclass(frozen=True, slots=True)
class _Question:
    agent: AgentReference
    parameters: Mapping[str, str]
    node: str | None


class Validation:
    """Asks the agents of all nodes."""

    def __init__(self, service: NodeService, agents: ClusterAgents) -> None:
        self._service = service
        self._agents = agents
        service.peers.offer(_ONE, self._own)

    async def __call__(self, after: Document, names: Collection[str]) -> list[Report]:
        """Errors for those of the primitives that their agents refuse in that CIB, warnings where it is not clear."""
        if not names:
            return []
        questions = _questions(await self._service.plan(after), names)
        reports = await asyncio.gather(*(self._ask(after, each) for each in questions[:_MOST_RESOURCES]))
        return [report for found in reports for report in found]

    async def _ask(self, after: Document, question: _Question) -> list[Report]:
        agent = question.agent
        try:
            known = await self._agents.metadata(AgentReference(agent.type, agent.standard, agent.type, agent.provider))
        except ValueError:
            return []  # That there is no such agent has been said.
        if not any(action.name == _ONE for action in known.actions):
            return []
        verdicts: list[AgentVerdict] = []
        for node in await self._nodes(question):
            verdicts.append(await self._verdict(question, node))
            if verdicts[-1].is_final:
                break
        return [_without_secrets(after, report) for report in judged(agent, verdicts)]

    async def _nodes(self, question: _Question) -> Sequence[str]:
        agent = question.agent
        reference = AgentReference(agent.type, agent.standard, agent.type, agent.provider)
        nodes = (await self._agents.nodes()).get(reference, [])
        return sorted(nodes, key=lambda name: name != question.node)[:_MOST_NODES]

    async def _verdict(self, question: _Question, node: str) -> AgentVerdict:
        agent = question.agent
        about = {"id": agent.id, "standard": agent.standard, "provider": agent.provider, "type": agent.type,
                 "parameters": dict(question.parameters)}
        try:
            told = await self._service.peers.ask(node, _ONE, about, _PATIENCE_S)
        except RequestRefused as error:
            return AgentVerdict(node, OperationStatus.TIMEOUT, ExitCode.UNKNOWN_ERROR, error.message)
        return AgentVerdict(node, int(told["status"]), int(told["rc"]), str(told["reason"])[:_LONGEST_REASON])

    async def _own(self, about: Any) -> dict[str, Any]:
        agent = AgentReference(str(about["id"]), str(about["standard"]), str(about["type"]), about["provider"])
        result = await self._service.validate(agent, about["parameters"], TIMEOUT_MS)
        return {"status": int(result.status), "rc": int(result.rc),
                "reason": _said(result.exit_reason, result.output)}


def judged(agent: AgentReference, verdicts: Sequence[AgentVerdict]) -> list[Report]:
    """What the verdicts of several nodes, in the order in which they were asked, come to."""
    refusals = [each for each in verdicts if each.is_refusal]
    if any(each.content for each in verdicts):
        return [_report(agent, each, Severity.WARNING, f"so {agent.id} cannot run there as things are",
                        "Mend it there, or keep the resource away") for each in refusals]
    if refusals:
        return [_report(agent, refusals[0], Severity.ERROR, "", "Mend what it names")]
    # Whoever takes long, or fails without a word, says nothing about the parameters.
    return [_report(agent, each, Severity.WARNING, "so its parameters are not checked", "See whether it starts")
            for each in verdicts[:1] if each.rc != ExitCode.UNIMPLEMENTED]


def _report(agent: AgentReference, verdict: AgentVerdict, severity: Severity, consequence: str, hint: str) -> Report:
    name = described(agent)
    said = verdict.reason or f"exit code {verdict.rc} ({_MEANINGS.get(verdict.rc, 'unknown error')})"
    if verdict.is_refusal:
        message = f"The agent {name} refuses this on {verdict.node}: {said.rstrip('.')}"
    else:
        message = f"The agent {name} on {verdict.node} has not answered ({said.rstrip('.')})"
    code = "refused-by-agent" if verdict.is_refusal else "not-validated"
    return Report(severity, code, agent.id, f"{message}, {consequence}" if consequence else message, hint)


_MEANINGS = {
    int(ExitCode.INVALID_PARAMETER): "invalid parameter",
    int(ExitCode.INSUFFICIENT_PRIVILEGE): "insufficient privileges",
    int(ExitCode.NOT_INSTALLED): "something is not installed",
    int(ExitCode.NOT_CONFIGURED): "not configured properly",
}


def _questions(transition: Transition, names: Collection[str]) -> list[_Question]:
    """What each primitive's agent would be given, as the plan has it: at a start, else at whatever else is done."""
    found: dict[str, GraphAction] = {}
    for action in (synapse.action for synapse in transition.synapses):
        if action.kind is not ActionKind.RESOURCE or action.resource is None or action.resource.id not in names:
            continue
        known = found.get(action.resource.id)
        if known is None or (action.operation == "start" and known.operation != "start"):
            found[action.resource.id] = action
    return [_Question(action.resource, action.attributes, action.node) for action in found.values()
            if action.resource is not None and action.operation in _TELLING]


_TELLING = ("start", "monitor", "promote", "reload-agent", "reload", "migrate_to", "migrate_from")
"""Operations that are given the wanted parameters; a stop gets those of the last start."""


_ERROR_LINE = re.compile(r"\b(?:ERROR|CRIT(?:ICAL)?):\s*(?P<text>.+)")


def _said(reason: str, output: str) -> str:
    """Why, in the agent's words. Its last reason is often that of a helper, and what is meant stands in its log."""
    logged = [found["text"].strip() for line in output.splitlines() if (found := _ERROR_LINE.search(line))]
    told = [each for each in dict.fromkeys([*logged[-2:], reason]) if each]
    if not told:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        return lines[-1] if lines else ""
    return "; ".join(each.rstrip(".") for each in told)


def _without_secrets(after: Document, report: Report) -> Report:
    message = redacted_text(after, report.message)
    return Report(report.severity, report.code, report.where, message, report.hint)
