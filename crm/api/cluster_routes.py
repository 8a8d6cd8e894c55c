"""The cluster as a whole: one picture of everything."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response

from crm.api.cib_routes import DryRun
from crm.api.cleaning import CleanedValue, clean_up
from crm.api.picture import Picture
from crm.api.plan_values import PlanValue
from crm.api.routing import versioned
from crm.api.service import Service
from crm.api.values import ClusterValue


def routes(service: Service, picture: Callable[[], Picture], now: Callable[[], int]) -> APIRouter:
    router = versioned("cluster")

    @router.get("/cluster", response_model=ClusterValue)
    async def read_cluster() -> Response:
        """Everything that the answering node knows: nodes, resources, failures, reports, who leads."""
        # What is asked for most often is written out once for all who ask in the same second.
        return Response(picture().whole_text(service.status()), media_type="application/json")

    @router.post("/cluster/cleanup")
    async def cleanup(node: str | None = None, dry_run: DryRun = False) -> CleanedValue | PlanValue:
        """Forget all failures, everywhere or on one node, and look again how things are."""
        return await clean_up(service, None, node, now(), dry_run)

    return router
