"""Yes or no, for load balancers and monitoring: 200 or 503, with a word why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from crm.api.middleware.routing import versioned
from crm.api.service import NodeService
from crm.api.views.cluster_view import ClusterView, present


class VerdictValue(BaseModel):
    """Yes or no, and why."""

    healthy: bool = Field(examples=[True])
    detail: str
    node: str = Field(description="the node that answers")


Role = Literal["started", "promoted", "unpromoted"]

_Handler = TypeVar("_Handler", bound=Callable[..., Awaitable[VerdictValue]])


def routes(service: NodeService, picture: Callable[[], ClusterView]) -> APIRouter:
    router = versioned("health", "/health")

    def answers(path: str) -> Callable[[_Handler], _Handler]:
        """Load balancers ask by HEAD as often as by GET; one description is enough."""

        def both(handler: _Handler) -> _Handler:
            router.head(path, include_in_schema=False)(handler)
            return router.get(path, responses={503: {"model": VerdictValue, "description": "No"}})(handler)

        return both

    def verdict(response: Response, healthy: bool, detail: str) -> VerdictValue:
        response.status_code = 200 if healthy else 503
        return VerdictValue(healthy=healthy, detail=detail, node=service.name)

    @answers("")
    @answers("/live")
    async def live(response: Response) -> VerdictValue:
        """The daemon answers."""
        return verdict(response, True, "the daemon answers")

    @answers("/ready")
    async def ready(response: Response) -> VerdictValue:
        """The node is part of a cluster that has a DC."""
        status = service.status()
        detail = f"the DC is {status.dc}" if status.dc else "there is no DC yet"
        return verdict(response, status.dc is not None, detail)

    @answers("/quorate")
    async def quorate(response: Response) -> VerdictValue:
        """The node belongs to a majority."""
        status = service.status()
        detail = f"{len(present(status))} members, " + ("quorate" if status.quorate else "no quorum")
        return verdict(response, status.quorate, detail)

    @answers("/dc")
    async def is_dc(response: Response) -> VerdictValue:
        """This very node is the DC."""
        status = service.status()
        return verdict(response, status.dc == status.node, f"the DC is {status.dc or 'not elected yet'}")

    @answers("/resources/{name}")
    async def resource(name: str, response: Response, role: Role = "started") -> VerdictValue:
        """This very node runs the resource, in that role (started, promoted or unpromoted)."""
        found = picture().resource(name)
        if found is None:
            return verdict(response, False, f"there is no resource {name}")
        fits = role == "started" or found.role.lower() == role
        detail = f"{name} is {found.role.lower()} on {', '.join(found.nodes) or 'no node'}"
        return verdict(response, service.name in found.nodes and fits, detail)

    return router
