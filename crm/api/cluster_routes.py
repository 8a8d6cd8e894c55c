"""The cluster as a whole: one picture of everything, as values or as text."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from crm.api.permission import check_cleanup
from crm.api.picture import Picture
from crm.api.problems import ProblemError
from crm.api.resource_routes import CleanedValue
from crm.api.service import NodeStatus, Service
from crm.api.values import ClusterValue

_TEXT = {"text/plain": {"schema": {"type": "string"}, "example": "Cluster Summary:\n  * Stack: crmd\n"}}


def routes(
    service: Service, picture: Callable[[], Picture], status_text: Callable[[Picture, NodeStatus], str] | None
) -> APIRouter:
    router = APIRouter(tags=["cluster"])

    @router.get("/cluster")
    async def read_cluster() -> ClusterValue:
        """Everything that the answering node knows: nodes, resources, failures, reports, who leads."""
        return picture().whole(service.status())

    @router.get("/cluster/text", response_class=PlainTextResponse, responses={200: {"content": _TEXT}})
    async def read_text() -> str:
        """The status as `crm_mon -1` prints it."""
        if status_text is None:
            raise ProblemError("not-available", "This node was started without the text of crm_mon")
        return status_text(picture(), service.status())

    @router.post("/cluster/cleanup")
    async def cleanup(node: str | None = None) -> CleanedValue:
        """Forget all failures, everywhere or on one node, and look again how things are."""
        check_cleanup(service)
        return CleanedValue.of(service, await service.cleanup(None, node))

    return router
