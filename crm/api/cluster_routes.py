"""The cluster as a whole: one picture of everything."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from crm.api.permission import check_cleanup
from crm.api.picture import Picture
from crm.api.resource_routes import CleanedValue
from crm.api.service import Service
from crm.api.values import ClusterValue


def routes(service: Service, picture: Callable[[], Picture]) -> APIRouter:
    router = APIRouter(tags=["cluster"])

    @router.get("/cluster")
    async def read_cluster() -> ClusterValue:
        """Everything that the answering node knows: nodes, resources, failures, reports, who leads."""
        return picture().whole(service.status())

    @router.post("/cluster/cleanup")
    async def cleanup(node: str | None = None) -> CleanedValue:
        """Forget all failures, everywhere or on one node, and look again how things are."""
        check_cleanup(service)
        return CleanedValue.of(service, await service.cleanup(None, node))

    return router
