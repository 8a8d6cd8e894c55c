"""Fencing: its history, doing it, saying that it was done by hand, and which device can fence which node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from crm.api.auth.permission import check_status_change, readable
from crm.api.auth.requester import done_before, origin
from crm.api.middleware.paging import Paging
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun
from crm.api.service import NodeService
from crm.api.views.answer_values import Wish
from crm.api.views.plan_values import PlanValue
from crm.api.writing.fencing_plans import confirmation_plan, fencing_plan
from crm.cib.reading import cib_reader
from crm.cib.version import CibVersion
from crm.controller.fencing.coverage import coverage
from crm.policy_engine.picture.fence_devices import fencing_setup


class FenceWish(Wish):
    """What to do to the node."""

    action: Literal["reboot", "off", "on"] = Field("reboot", description="`on` unfences it")


class FencedValue(BaseModel):
    """It is done: the node is off (or on)."""

    dry_run: bool = False
    node: str
    action: str
    version: str = Field(description="version of the CIB that knows of it")
    term: int = Field(description="term of the DC that had it done")


class FencingValue(BaseModel):
    """One fencing of the history."""

    id: str
    target: str
    action: str
    origin: str = Field(description="who asked")
    state: str = Field(examples=["success"])
    begun_at: int = Field(description="epoch seconds")
    ended_at: int = Field(description="epoch seconds, 0 while it is under way")
    device: str
    executor: str = Field(description="the node that used the device")
    reason: str = Field(description="why it failed")
    why: str = Field(default="", description="what made it necessary")


class CoverageValue(BaseModel):
    """How a node can be fenced."""

    node: str
    ways: list[list[str]] = Field(description="devices that are used together, in the order of trying")
    origins: list[str] = Field(description="nodes from which that can be done")
    problem: str
    tested: list[str] = Field([], description="what the devices say, when they were asked")


def routes(service: NodeService, now: Callable[[], int]) -> APIRouter:
    router = versioned("fencing", "/fencing")

    @router.get("/history")
    async def history(page: Paging, node: str | None = None) -> list[FencingValue]:
        """What was fenced since the cluster started, oldest first."""
        records = [record for record in service.fencings() if node in (None, record.target)]
        chosen = page.of(records, lambda record: record.id)
        return [FencingValue.model_validate(asdict(record)) for record in chosen]

    @router.get("/coverage")
    async def read_coverage(test: bool = False) -> list[CoverageValue]:
        """Which device can fence which node; with `test` every device is asked, and nothing is done to any node."""
        cib = cib_reader.read(readable(service).root)
        found = coverage(fencing_setup(cib, now()), [node.name for node in cib.nodes])
        return [CoverageValue(**asdict(each), tested=list(await service.test_fencing(each.node)) if test else [])
                for each in found]

    @router.post("/nodes/{name}")
    async def fence(name: str, wish: FenceWish, dry_run: DryRun = False) -> FencedValue | PlanValue:
        """Fence a node now, whatever it runs; answers when a device has confirmed it."""
        check_status_change(service, "fence nodes")
        if dry_run:
            return await fencing_plan(service, name, wish.action, now())
        return await _done(name, wish.action)

    @router.post("/nodes/{name}/confirm")
    async def confirm(name: str, dry_run: DryRun = False) -> FencedValue | PlanValue:
        """Say that a node is off because you have made sure of it. If it is not, its services may run twice."""
        check_status_change(service, "confirm that nodes are off")
        if dry_run:
            return await confirmation_plan(service, name, now())
        return await _done(name, "confirm")

    async def _done(name: str, action: str) -> FencedValue:
        done = await done_before(service)
        if done is not None:
            return FencedValue(node=name, action=action, version=str(CibVersion(*done.version)), term=done.term)
        committed = await service.fence(name, action, origin=origin())
        return FencedValue(node=name, action=action, version=str(committed.version), term=committed.term)

    return router
