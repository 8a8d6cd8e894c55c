"""Earlier configurations: which are kept, what changed between them, and going back to one.

Each node keeps those that it wrote itself; any node tells of those of all that are here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from crm.api.auth.permission import readable, visible
from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun
from crm.api.service import NodeService
from crm.api.views.answer_values import Wish
from crm.api.views.plan_values import DifferenceValue
from crm.api.writing.commit import Written, etag, write_made
from crm.cib.changes import Replace
from crm.cib.diff_summary import summarize_changes
from crm.cib.document import Document
from crm.cib.queries import configuration_text
from crm.cib.version import CibVersion, SeenVersion

VersionText = Annotated[str, Query(description="admin_epoch.epoch.num_updates, or the word previous",
                                   examples=["0.12.0"])]


class KeptValue(BaseModel):
    """A configuration that is kept."""

    version: str = Field(examples=["0.12.0"])
    at: datetime = Field(description="when it was written")
    present: bool
    nodes: list[str] = Field(description="who has kept it")


class UndoWish(Wish):
    """Where to go back to."""

    version: str = Field(default="previous", description="a version of the history, or previous")


def routes(service: NodeService) -> APIRouter:
    router = versioned("cib", "/cib")

    @router.get("/history")
    async def list_versions(page: Paging) -> list[KeptValue]:
        """The configurations that the nodes have kept, the newest first."""
        present = service.cib().version[:2]
        kept, silent = await service.configurations.all()
        return [
            KeptValue(version=str(each.version), at=datetime.fromtimestamp(each.at, UTC),
                      present=each.version[:2] == present, nodes=list(each.nodes))
            for each in page.of(kept, lambda each: str(each.version), silent)
        ]

    @router.get("/history/{version}", response_class=Response, responses={200: {"content": {"application/xml": {}}}})
    async def read_version(version: str) -> Response:
        """An earlier CIB, without its status."""
        document = visible(service, await _earlier(service, version))
        headers = {"ETag": etag(SeenVersion(document.version))}
        return Response(document.to_bytes(), media_type="application/xml", headers=headers)

    @router.get("/differences")
    async def read_differences(since: VersionText = "previous", until: str | None = None) -> list[DifferenceValue]:
        """What changed from one configuration to another (without `until`: to the present one)."""
        before = visible(service, await _earlier(service, since))
        after = readable(service) if until is None else visible(service, await _earlier(service, until))
        return [DifferenceValue.of(each) for each in summarize_changes(before, after)]

    @router.post("/undo")
    async def undo(response: Response, wish: UndoWish | None = None, dry_run: DryRun = False) -> Written:
        """Go back to an earlier configuration. That is a change like any other: it can be undone."""
        document = await _earlier(service, (wish or UndoWish()).version)
        text = configuration_text(document)
        return await write_made(
            service, lambda _present: Replace(text, "configuration"), response, dry_run=dry_run
        )

    return router


async def _earlier(service: NodeService, version: str) -> Document:
    """The configuration of that version. Raises ProblemError (no-such-version), CibError (bad-version), Refused."""
    kept, _ = await service.configurations.all()
    if version == "previous":
        return await _previous(service, [each.version for each in kept])
    found = await service.configurations.one(CibVersion.parse(version))
    if found is None:
        span = f"There are {kept[-1].version} to {kept[0].version}" if kept else "There are none"
        raise ProblemError("no-such-version", f"No node that is here has kept version {version}",
                           f"{span}: crmctl history list")
    return found


async def _previous(service: NodeService, kept: Sequence[CibVersion]) -> Document:
    present = service.cib().version[:2]
    earlier = [version for version in kept if version[:2] < present]
    found = await service.configurations.one(earlier[0]) if earlier else None
    if found is None:
        raise ProblemError("no-such-version", "No node that is here has kept a configuration before the present one",
                           "See: crmctl history list")
    return found
