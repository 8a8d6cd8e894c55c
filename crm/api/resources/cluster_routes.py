"""The cluster as a whole: one picture of everything."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from crm.api.auth.permission import check_status_change
from crm.api.auth.requester import origin
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun
from crm.api.service import NodeService
from crm.api.views.answer_values import ClusterValue
from crm.api.views.cluster_view import ClusterView
from crm.api.views.plan_values import PlanValue
from crm.api.writing.cleanup import CleanedValue, Everything, clean_up


class LossAcceptedValue(BaseModel):
    """The newest CIB of the nodes that are here counts from now on (with `dry_run`: would count)."""

    dry_run: bool = False
    version: str = Field(description="version of the CIB on the answering node, which need not be the newest of them")


def routes(service: NodeService, picture: Callable[[], ClusterView], now: Callable[[], int]) -> APIRouter:
    router = versioned("cluster")

    @router.get("/cluster", response_model=ClusterValue)
    async def read_cluster() -> Response:
        """Everything that the answering node knows: nodes, resources, failures, reports, who leads."""
        # What is asked for most often is written out once for all who ask in the same second.
        return Response(picture().whole_text(service.status()), media_type="application/json")

    @router.post("/cluster/cleanup")
    async def cleanup(
        node: str | None = None, everything: Everything = False, dry_run: DryRun = False
    ) -> CleanedValue | PlanValue:
        """Forget all failures, everywhere or on one node, and look again how things are there."""
        return await clean_up(service, None, node, now(), dry_run, everything)

    @router.post("/cluster/accept-loss")
    async def accept_loss(dry_run: DryRun = False) -> LossAcceptedValue:
        """Say that what the nodes here have is all that is left: stores were lost, and those that are whole never come
        back. What only they have kept is lost with them.
        """
        check_status_change(service, "accept that changes are lost")
        if not any(report.code == "store-lost" for report in service.status().reports):
            raise ProblemError("nothing-lost", "Nothing waits for a lost store here",
                               "See what the cluster waits for: crmctl status")
        if not dry_run:
            await service.accept_loss(origin().user)
        return LossAcceptedValue(dry_run=dry_run, version=str(service.cib().version))

    return router
