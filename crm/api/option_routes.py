"""Cluster options one by one, for tools that set a single one."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from crm.api.cib_routes import DryRun
from crm.api.permission import readable
from crm.api.problems import ProblemError
from crm.api.service import Service
from crm.api.writing import Written, write
from crm.cib import intents
from crm.cib.record import cluster_option


class OptionValue(BaseModel):
    """The value of an option."""

    value: str


def routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/options", tags=["options"])

    @router.get("/{name}")
    async def read_option(name: str) -> OptionValue:
        """The value of a cluster option that is set."""
        value = cluster_option(readable(service), name)
        if value is None:
            raise ProblemError("no-such-object", f"The option {name} is not set", "Its default counts")
        return OptionValue(value=value)

    @router.put("/{name}")
    async def set_option(name: str, wish: OptionValue, response: Response, dry_run: DryRun = False) -> Written:
        """Set a cluster option."""
        change = intents.option(service.cib(), name, wish.value)
        return await write(service, change, response, dry_run=dry_run)

    @router.delete("/{name}")
    async def remove_option(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """Remove a cluster option; its default counts then."""
        return await write(service, intents.option(service.cib(), name, None), response, dry_run=dry_run)

    return router
