"""The cluster as a whole: one picture of everything, and a stream of its changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from crm.api.permission import check_cleanup
from crm.api.picture import Picture, present, progress
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
        return CleanedValue(forgotten=await service.cleanup(None, node))

    @router.get("/events", response_class=StreamingResponse)
    async def events() -> StreamingResponse:
        """Server-sent events: the status now, then every change of it."""
        return StreamingResponse(
            _stream(service), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    return router


async def _stream(service: Service) -> AsyncIterator[str]:
    number = 0
    yield _event(number, "all", service)
    async for what in service.events():
        number += 1
        yield _event(number, what, service)


def _event(number: int, what: str, service: Service) -> str:
    status, fencings = service.status(), service.fencings()
    value = {
        "changed": what,
        "node": status.node,
        "state": status.state,
        "dc": status.dc,
        "term": status.term,
        "quorate": status.quorate,
        "members": present(status),
        "version": str(status.version),
        "transition": progress(status),
        "fenced": asdict(fencings[-1]) if fencings else None,
    }
    return f"id: {number}\nevent: status\ndata: {json.dumps(value)}\n\n"
