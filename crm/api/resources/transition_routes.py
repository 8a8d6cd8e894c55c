"""The transitions that were carried out: inputs, graphs, times, outcomes. Any node answers for those of all nodes.

Each is kept by the node that led it (`crm.daemon.transition_queries`), so those of a node that is not here are missing.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from crm.api.auth.permission import is_restricted, readable, visible
from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.service import NodeService
from crm.api.views.plan_values import PlanValue, planned
from crm.api.views.transition_graph import dot_text
from crm.cib.document import Document
from crm.cib.objects.catalogue import RESOURCES
from crm.failover_simulation.change_preview import UNTOLD, shown_operation
from crm.policy_engine.picture.names import base_name

_XML = {"application/xml": {"schema": {"type": "string"}, "example": '<cib epoch="12">…</cib>'}}
_DOT = {"text/vnd.graphviz": {"schema": {"type": "string"},
                              "example": 'digraph "node1-7" {\n  "web_start_0 node1" [style=bold color=green]\n}\n'}}

TransitionId = Annotated[str, Path(description="NODE-NUMBER; a number alone is one of the present DC's",
                                   examples=["node1-7"], max_length=300)]


class DoneActionValue(BaseModel):
    """One action of a transition."""

    id: int
    operation: str
    key: str
    resource: str | None
    node: str | None
    interval_ms: int
    waits_for: list[int] = Field(description="ids of what had to be done before, pseudo-actions included")
    begun_at: float | None = Field(description="epoch seconds; null: it was never begun")
    ended_at: float | None = Field(description="epoch seconds; null: no result came")
    ok: bool | None


class TransitionSummary(BaseModel):
    """A transition."""

    id: str = Field(examples=["node1-7"])
    number: int = Field(description="counts on the node that led it")
    dc: str
    term: int
    version: str = Field(description="version of the CIB that it was planned from")
    begun_at: float = Field(description="epoch seconds")
    ended_at: float | None
    outcome: str = Field(description="running, complete, stopped (something changed), terminated, dropped, interrupted")
    reason: str = Field(description="why it was stopped")


class TransitionCount(TransitionSummary):
    """A transition in short."""

    actions: int = Field(description="how many there are")


class TransitionValue(TransitionSummary):
    """A transition with its actions."""

    actions: list[DoneActionValue]


class ReplayValue(BaseModel):
    """What the policy engine makes of an earlier transition's input now, as of the time when it was planned."""

    id: str = Field(examples=["node1-7"])
    same: bool = Field(description="whether it comes to the same actions as then")
    only_then: list[str] = Field(description="actions that are not planned any more", examples=[["start web on node1"]])
    only_now: list[str] = Field(description="actions that were not planned then", examples=[["start web on node2"]])
    plan: PlanValue


def routes(service: NodeService) -> APIRouter:
    router = versioned("transitions", "/transitions")
    kept = service.transitions

    @router.get("")
    async def list_transitions(page: Paging) -> list[TransitionCount]:
        """The transitions that the cluster's nodes have led, the newest first."""
        records, silent = await kept.all()
        chosen = page.of(records, lambda record: str(record["id"]), silent)
        return [TransitionCount.model_validate(each) for each in chosen]

    @router.get("/{transition_id}")
    async def read_transition(transition_id: TransitionId) -> TransitionValue:
        """One transition with the times of its actions."""
        return TransitionValue.model_validate(await _record(transition_id))

    @router.get("/{transition_id}/input", response_class=Response, responses={200: {"content": _XML}})
    async def read_input(transition_id: TransitionId) -> Response:
        """The CIB that it was planned from: crm_simulate -x replays it."""
        return Response((await _input(transition_id)).to_bytes(), media_type="application/xml")

    @router.get("/{transition_id}/graph", response_class=Response, responses={200: {"content": _DOT}})
    async def read_graph(transition_id: TransitionId) -> Response:
        """Its actions and their order, with what became of them, as a graph for graphviz (dot)."""
        return Response(dot_text(await _record(transition_id)), media_type="text/vnd.graphviz")

    @router.get("/{transition_id}/replay")
    async def replay(transition_id: TransitionId) -> ReplayValue:
        """Plan again from its input, as of that time: the reasons, and whether it comes to the same."""
        record, document = await _record(transition_id), await _input(transition_id)
        plan = await planned(service, document, document, int(record["begun_at"]))
        then, now = _actions_then(record), _actions_now(plan)
        only_then, only_now = [each for each in then if each not in now], [each for each in now if each not in then]
        return ReplayValue(id=record["id"], same=not only_then and not only_now, only_then=only_then,
                           only_now=only_now, plan=plan)

    async def _record(transition_id: str) -> dict[str, Any]:
        return _readable(service, _existing(transition_id, await kept.one(transition_id)))

    async def _input(transition_id: str) -> Document:
        return visible(service, Document.parse(_existing(transition_id, await kept.input(transition_id))))

    return router


def _existing(transition_id: str, found: Any) -> Any:
    if found is None:
        raise ProblemError("no-such-transition", f"No transition {transition_id} is kept", "crmctl transition list")
    return found


def _readable(service: NodeService, record: dict[str, Any]) -> dict[str, Any]:
    """The record without actions for resources that the asking user may not read."""
    if not is_restricted(service):
        return record
    known = {str(element.get("id")) for element in RESOURCES.elements(readable(service))}
    actions = [each for each in record["actions"] if each["resource"] and base_name(each["resource"]) in known]
    return {**record, "actions": actions, "pseudo": []}


def _actions_then(record: dict[str, Any]) -> dict[str, None]:
    return dict.fromkeys(_told(shown_operation(each["operation"], each["interval_ms"]), each["resource"], each["node"])
                         for each in record["actions"] if each["operation"] not in UNTOLD)


def _actions_now(plan: PlanValue) -> dict[str, None]:
    return dict.fromkeys(_told(each.operation, each.resource, each.node) for each in plan.actions)


def _told(operation: str, resource: str | None, node: str | None) -> str:
    return operation + (f" {resource}" if resource else "") + (f" on {node}" if node else "")
