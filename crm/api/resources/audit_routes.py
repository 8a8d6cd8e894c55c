"""The audit log over HTTP, for administrators."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from crm.api.auth.permission import check_administrator
from crm.api.middleware.paging import Paging
from crm.api.middleware.routing import versioned
from crm.api.queries.audit_trail import AuditTrail
from crm.api.service import NodeService


class AuditValue(BaseModel):
    """A change that was asked for, or somebody who was turned away."""

    id: str = Field(examples=["node1/2026-01-01T12:00:00.123+00:00"])
    node: str = Field(description="the node that was asked")
    at: str = Field(examples=["2026-01-01T12:00:00.123+00:00"])
    user: str
    door: str = Field(examples=["unix socket"], description="how they came in")
    address: str = Field(examples=["local"], description="from where")
    method: str = Field(examples=["POST"])
    path: str = Field(examples=["/v1/nodes/node1/standby"])
    query: str = Field(examples=["dry_run=true"])
    status: int = Field(examples=[200])
    code: str = Field(examples=[""], description="of the problem, if it was one")
    version: str = Field(description="version of the CIB when it was answered")


def routes(service: NodeService) -> APIRouter:
    router = versioned("audit", "/audit")
    trail = AuditTrail(service.peers)

    @router.get("")
    async def list_entries(page: Paging, user: str | None = None, refused: bool = False) -> list[AuditValue]:
        """Who changed what, and who was turned away: the last thousand of each node, the newest first."""
        check_administrator(service, "read the audit log")
        found, silent = await trail.all()
        wanted = [each for each in found if user in (None, each.get("user"))
                  and (not refused or each.get("status") in (401, 403, 429))]
        chosen = page.of(wanted, lambda entry: str(entry["id"]), silent)
        return [AuditValue.model_validate({**each, "address": each["from"]}) for each in chosen]

    return router
