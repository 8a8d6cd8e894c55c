"""The CIB as XML: read it, put a new one, change it in part. The ETag is its version, If-Match guards a change."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from crm.api.auth.permission import check_may_change, readable
from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError, offences
from crm.api.middleware.routing import versioned
from crm.api.queries.bounded_xpath import selected
from crm.api.service import NodeService
from crm.api.views.answer_values import ReportValue, Wish
from crm.api.writing.commit import Check, Written, etag, seen_of, set_version, wanted_version, write
from crm.cib import selection
from crm.cib.changes import Batch, Change, Edit, Patch, Replace
from crm.cib.document import Document
from crm.model.report import Report

IfMatch = Annotated[str | None, Header(description="Change only this version, as read in an ETag")]
DryRun = Annotated[bool, Query(description="Change nothing, answer with the plan")]
Force = Annotated[bool, Query(description="Write it even if its agent refuses it, or it closes a circle")]
Section = Annotated[str | None, Query(description="One section instead of the whole", examples=["resources"])]
XPath = Annotated[str | None, Query(description="The elements that this XPath selects", examples=["//primitive"])]


class EditValue(Wish):
    """One change of one object."""

    verb: str = Field(description="create, modify, upsert, replace or delete", examples=["modify"])
    xml: str = Field("", examples=['<primitive id="web"/>'])
    section: str | None = None
    xpath: str | None = None
    every: bool = Field(False, description="All elements that the XPath selects, not just one")


class VersionValue(BaseModel):
    """How far the answering node's CIB has come."""

    version: str
    term: int = Field(description="newest term of a DC that the answering node knows")
    index: str = Field(description="the state's name for events and blocking queries")


_EDITS: TypeAdapter[EditValue | list[EditValue]] = TypeAdapter(EditValue | list[EditValue])
_EXAMPLE = '<cib admin_epoch="0" epoch="12" num_updates="0"><configuration>…</configuration><status/></cib>'
_XML = {"application/xml": {"schema": {"type": "string"}, "example": _EXAMPLE}}
_XML_BODY = {"requestBody": {"required": True, "content": _XML}}
_DIFF = '<diff format="2"><version><source epoch="12"/><target epoch="13"/></version></diff>'
_PATCH_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/xml": {"schema": {"type": "string", "description": "a <diff> of format 2"}, "example": _DIFF},
            "application/json": {"schema": EditValue.model_json_schema()},
        },
    }
}


def routes(
    service: NodeService, check: Check, look: Callable[[Document], Awaitable[Sequence[Report]]]
) -> APIRouter:
    """The routes; `check` looks at what is written, `look` at what is there."""
    router = versioned("cib", "/cib")

    @router.get("", response_class=Response, responses={200: {"content": _XML}})
    async def read_cib(section: Section = None, xpath: XPath = None) -> Response:
        """The CIB, one section of it, or what an XPath selects (several elements come within `<xpath-query>`)."""
        document = readable(service)
        headers = {"ETag": etag(seen_of(service, document))}
        found = await selected(document, section, xpath)
        return Response(selection.to_bytes(found), media_type="application/xml", headers=headers)

    @router.put("", openapi_extra=_XML_BODY)
    async def replace_cib(
        request: Request, response: Response, section: Section = None, if_match: IfMatch = None, dry_run: DryRun = False
    ) -> Written:
        """Replace the whole CIB, or one section. The status section is the cluster's own and stays."""
        check_may_change(service)
        change = Replace(await _text(request), section)
        return await write(service, change, response, if_seen=wanted_version(if_match), dry_run=dry_run,
                           by_hand=True, check=check)

    @router.patch("", openapi_extra=_PATCH_BODY)
    async def change_cib(
        request: Request, response: Response, if_match: IfMatch = None, dry_run: DryRun = False
    ) -> Written:
        """Change the CIB in part: a patch as XML, or one edit or a list of edits (done together) as JSON."""
        check_may_change(service)
        change = _parsed(request.headers.get("content-type", ""), await _text(request))
        return await write(service, change, response, if_seen=wanted_version(if_match), dry_run=dry_run,
                           by_hand=True, check=check)

    @router.get("/findings")
    async def read_findings(page: Paging) -> list[ReportValue]:
        """What the agents of the nodes say about the resources: unknown and missing parameters, and the like."""
        found = page.of(await look(readable(service)), lambda each: f"{each.where}/{each.code}/{each.message}")
        return [ReportValue.of(each) for each in found]

    @router.get("/version")
    async def read_version(response: Response) -> VersionValue:
        """The version alone: cheap to ask for."""
        document = service.cib()
        set_version(response, seen_of(service, document))
        return VersionValue(version=str(document.version), term=service.status().term, index=service.journal.index)

    return router


def _parsed(content_type: str, text: str) -> Change:
    if not content_type.startswith("application/json"):
        return Patch(text)
    try:
        value = _EDITS.validate_json(text)
    except ValidationError as error:
        found = offences(error.errors())
        cause = f"{found[0]['where']}: {found[0]['message']}"
        raise ProblemError("bad-request", cause, "See /docs for what an edit holds", errors=found) from None
    edits = tuple(Edit(**edit.model_dump()) for edit in (value if isinstance(value, list) else [value]))
    return edits[0] if len(edits) == 1 else Batch(edits)


async def json_body(request: Request) -> object:
    """The body as JSON."""
    try:
        value: object = json.loads(await _text(request))
    except ValueError as error:
        raise ProblemError("bad-request", f"The body is not JSON: {error}", "See /docs for an example") from None
    return value


async def _text(request: Request) -> str:
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError:
        raise ProblemError("bad-request", "The body is not UTF-8", "Send it as UTF-8") from None
