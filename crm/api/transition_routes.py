"""The transitions that were carried out: their inputs, actions, times and outcomes. Kept by the node that led them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from crm.api.permission import visible
from crm.api.problems import ProblemError
from crm.api.routing import versioned
from crm.api.service import Service
from crm.cib.document import Document


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


class TransitionsValue(BaseModel):
    """The transitions of one node; those that another node led are there."""

    node: str
    dc: str | None = Field(description="the node that leads now: ask it for the newest")
    transitions: list[TransitionCount]


def routes(service: Service) -> APIRouter:
    router = versioned("transitions", "/transitions")
    archive = service.records.transitions

    @router.get("")
    async def list_transitions() -> TransitionsValue:
        """What the answering node has led, the newest first."""
        found = [TransitionCount.model_validate(each) for each in await archive.all()]
        return TransitionsValue(node=service.name, dc=service.status().dc, transitions=found)

    @router.get("/{number}")
    async def read_transition(number: int) -> TransitionValue:
        """One transition with the times of its actions."""
        return TransitionValue.model_validate(_existing(service, number, await archive.one(number)))

    @router.get("/{number}/input", response_class=Response, responses={200: {"content": {"application/xml": {}}}})
    async def read_input(number: int) -> Response:
        """The CIB that it was planned from: crm_simulate -x replays it."""
        content = _existing(service, number, await archive.input(number))
        return Response(visible(service, Document.parse(content)).to_bytes(), media_type="application/xml")

    return router


def _existing(service: Service, number: int, found: Any) -> Any:
    if found is None:
        leader = service.status().dc
        hint = f"Ask {leader}, which leads" if leader not in (None, service.name) else "See: crmctl transition list"
        raise ProblemError("no-such-transition", f"{service.name} has kept no transition {number}", hint)
    return found
