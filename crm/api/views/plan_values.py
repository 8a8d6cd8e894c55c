"""The shape of plans: what would be done and why, what is interrupted, what is fenced, what to think of first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from crm.api.auth.permission import visible
from crm.api.queries.off_loop import beside
from crm.api.service import NodeService
from crm.api.views.answer_values import ReportValue
from crm.cib.diff_summary import ObjectDifference, summarize_changes
from crm.cib.document import Document
from crm.cib.version import SeenVersion
from crm.daemon.client_jobs import previews
from crm.failover_simulation.change_preview import ChangePreview, PreviewedAction
from crm.failover_simulation.faults import Fault
from crm.failover_simulation.simulator import PlacementChange
from crm.model.report import Report, Severity


class ActionValue(BaseModel):
    """One action of a plan."""

    operation: str = Field(examples=["start"], description="an agent's operation, probe, fence, …")
    resource: str | None = Field(examples=["web"])
    node: str | None = Field(examples=["node2"])
    interval_ms: int = 0
    step: int = Field(1, description="1 is first; actions of the same step do not wait for each other")
    because: list[str] = Field([], description="why, from the nearest cause to the last")
    about_ms: int = Field(0, description="how long it takes")
    measured: bool = Field(False, description="it took so long before; else that is its time limit")

    @classmethod
    def of(cls, action: PreviewedAction) -> ActionValue:
        return cls(
            operation=action.operation, resource=action.resource, node=action.node, interval_ms=action.interval_ms,
            step=action.step, because=list(action.because), about_ms=action.about_ms, measured=action.measured,
        )


class InterruptionValue(BaseModel):
    """What becomes of a resource that does not just stay as it is."""

    resource: str
    effect: str = Field(examples=["moves"], description="fewer, restarts, moves, unpromoted or lost")
    before: list[str] = Field(examples=[["node1 (promoted)"]])
    after: list[str]
    interruption_ms: int | None = Field(description="how long nobody serves; null: for good; 0: not at all")
    measured: bool = Field(description="whether that was measured before, else it is what time limits allow")
    why: list[str]

    @classmethod
    def of(cls, change: PlacementChange) -> InterruptionValue:
        return cls(
            resource=change.resource, effect=change.effect.value, before=[str(place) for place in change.before],
            after=[str(place) for place in change.after], interruption_ms=change.interruption_ms,
            measured=change.measured, why=[part.strip() for part in change.why],
        )


class FencingPlanValue(BaseModel):
    """A node that would be fenced."""

    node: str
    action: str
    reason: str


class BlockedValue(BaseModel):
    """What would have to be done, but cannot."""

    operation: str
    node: str | None
    because: list[str]


class DifferenceValue(BaseModel):
    """One object that differs."""

    what: str = Field(examples=["changed"], description="added, removed, changed or moved")
    about: str = Field(examples=["port of web"])
    text: list[str] = Field(examples=[["~ port of web: value 80 → 81"]], description="as a diff shows it")
    xml: str = ""

    @classmethod
    def of(cls, difference: ObjectDifference) -> DifferenceValue:
        return cls(what=difference.what, about=difference.about, text=difference.lines(), xml=difference.xml)


class PlanValue(BaseModel):
    """What the cluster would do; nothing has been done."""

    dry_run: bool = True
    version: str = Field(description="version of the CIB that this was planned on; as If-Match it guards the change")
    differences: list[DifferenceValue] = Field(description="what would change in the configuration")
    headlines: list[str] = Field(description="what becomes of each instance, a sentence each")
    actions: list[ActionValue] = Field(description="of the next transition, in order")
    interruptions: list[InterruptionValue] = Field(description="what does not just stay as it is, until all is at rest")
    fenced: list[FencingPlanValue]
    blocked: list[BlockedValue]
    warnings: list[ReportValue] = Field(description="what to think of first")
    reports: list[ReportValue] = Field([], description="findings about the configuration")
    settled: bool = Field(description="whether the cluster comes to rest")

    @classmethod
    def of(
        cls, service: NodeService, present: Document, wanted: Document, found: ChangePreview, reports: Sequence[Report]
    ) -> PlanValue:
        warnings = [each for each in reports if each.severity is not Severity.NOTICE and each.code in _REVIEWED]
        differences = summarize_changes(visible(service, present), visible(service, wanted))
        return cls(
            version=str(SeenVersion(present.version, service.status().cib_term)),
            differences=[DifferenceValue.of(each) for each in differences],
            headlines=list(found.headlines),
            actions=[ActionValue.of(action) for action in found.actions],
            interruptions=[InterruptionValue.of(change) for change in found.changes],
            fenced=[FencingPlanValue(node=each.node, action=each.action, reason=each.reason) for each in found.fenced],
            blocked=[BlockedValue(operation=each.task, node=each.node, because=list(each.because))
                     for each in found.blocked],
            warnings=[ReportValue.of(each) for each in (*found.warnings, *warnings)],
            reports=[ReportValue.of(each) for each in dict.fromkeys((*reports, *found.reports))],
            settled=found.settled,
        )


ONLY_PLANNED: dict[int | str, dict[str, Any]] = {
    200: {"model": PlanValue, "description": "Nothing was done (`dry_run`): what would happen"}
}
"""For writes whose status is another one than 200 when they are done."""

_REVIEWED = ("stopped-above", "short-timeout", "not-monitored", "not-fenceable", "missing-parameter", "agent-missing",
             "unknown-parameter", "wrong-parameter", "no-metadata", "refused-by-agent", "not-validated",
             "ordering-circle", "colocation-circle", "colocation-with-itself", "colocation-contradiction",
             "unknown-device")
"""Findings about the change itself, not about the configuration as a whole."""


async def planned(
    service: NodeService, present: Document, wanted: Document, now: int, reports: Sequence[Report] = (),
    faults: Sequence[Fault] = (), undone: bool = False,
) -> PlanValue:
    """The plan for a CIB, made beside the event loop. Of the differences only what the asking user may read is told.

    With `undone` the present configuration comes back once the wanted one is carried out.
    """
    found = await service.compute(previews, present, wanted, now, faults, undone)
    return await beside(PlanValue.of, service, present, wanted, found, reports)

