"""Forgetting failures: of one resource or of all, on one node or everywhere; or what would follow from that."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from crm.api.auth.permission import check_cleanup
from crm.api.auth.requester import done_before, origin
from crm.api.middleware.problems import ProblemError
from crm.api.service import NodeService
from crm.api.views.answer_values import ReportValue
from crm.api.views.plan_values import PlanValue, planned
from crm.cib.status_edits import cleanup_with_count
from crm.cib.status_updates import apply_updates
from crm.cib.version import CibVersion
from crm.model.report import Report, Severity

Everything = Annotated[bool, Query(description="also what has not failed: its agents are asked how it is")]


class CleanedValue(BaseModel):
    """How many histories were forgotten; what they were about is probed anew."""

    dry_run: bool = False
    forgotten: int = Field(examples=[2])
    version: str = Field(description="version of the CIB on the answering node after it")
    term: int = Field(description="term of the DC that did it")


async def clean_up(
    service: NodeService, resource: str | None, node: str | None, now: int, dry_run: bool, everything: bool = False
) -> CleanedValue | PlanValue:
    """Do it, or plan it; `now` in epoch seconds. Raises Refused, CibError (permission-denied)."""
    check_cleanup(service)
    if dry_run:
        return await _planned(service, resource, node, now, everything)
    done = await done_before(service)
    if done is not None:
        return CleanedValue(forgotten=done.count, version=str(CibVersion(*done.version)), term=done.term)
    forgotten = await service.cleanup(resource, node, everything=everything, origin=origin())
    return CleanedValue(forgotten=forgotten, version=str(service.cib().version), term=service.status().term)


async def _planned(service: NodeService, resource: str | None, node: str | None, now: int,
                   everything: bool) -> PlanValue:
    ids = {member.name: member.id for member in service.status().members}
    if node is not None and node not in ids:
        raise ProblemError("no-such-node", f"There is no node {node}", f"There are {', '.join(ids)}")
    document = service.cib()
    meant = [node_id for name, node_id in ids.items() if node in (None, name)]
    wanted = apply_updates(document, cleanup_with_count(document, meant, resource, everything))
    plan = await planned(service, document, wanted, now)
    what = f"how {resource} is" if resource else "how all resources are"
    note = Report(Severity.NOTICE, "looks-again", resource or "resources", f"Agents are asked {what}",
                  "This plan takes it for granted that they find what is recorded")
    return plan.model_copy(update={"warnings": [ReportValue.of(note), *plan.warnings]})
