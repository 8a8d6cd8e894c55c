"""The state as people and `crm_mon` want to see it: sections of text, or the same as XML or HTML.

The display itself is handed in, because it is the commands' (`crm.cli.monitor`); here is only its address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.service import FencingRecord, NodeService, NodeStatus
from crm.api.views.cluster_view import ClusterView

_MEDIA_TYPES = {"text": "text/plain", "xml": "application/xml", "html": "text/html", "simple": "text/plain"}
_CONTENT = {
    "text/plain": {"schema": {"type": "string"}, "example": "Cluster Summary:\n  * Stack: crmd\n"},
    "application/xml": {"schema": {"type": "string"}, "example": "<crm_mon/>"},
    "text/html": {"schema": {"type": "string"}, "example": "<!DOCTYPE html>…"},
}


@dataclass(frozen=True, slots=True)
class MonitorFormat:
    """All that a display is made of."""

    picture: ClusterView
    status: NodeStatus
    fencings: Sequence[FencingRecord]


Display = Callable[[MonitorFormat, Mapping[str, str]], str]
"""Writes the display; the mapping says what is wanted, its values as in the query. Raises ValueError."""


def routes(service: NodeService, picture: Callable[[], ClusterView], display: Display | None) -> APIRouter:
    router = versioned("cluster")

    @router.get("/cluster/text", response_class=PlainTextResponse, responses={200: {"content": _CONTENT}})
    async def read_text(
        format: Annotated[Literal["text", "xml", "html", "simple"], Query(description="how it is written")] = "text",
        sections: Annotated[
            str | None,
            Query(description="which sections, with commas; an unknown one's error names them all",
                  examples=["nodes,resources,failures"]),
        ] = None,
        inactive: Annotated[bool, Query(description="also what does not run")] = False,
        by_node: Annotated[bool, Query(description="resources under the nodes on which they run")] = False,
        brief: Annotated[bool, Query(description="resources counted by agent")] = False,
        details: Annotated[bool, Query(description="node ids, every instance of a clone, implied resources")] = False,
        timing: Annotated[bool, Query(description="operations with their times")] = False,
        whole_history: Annotated[bool, Query(description="every fencing, not only the last of its kind")] = False,
        node: Annotated[str, Query(description="only this node, or those with this tag")] = "",
        resource: Annotated[str, Query(description="only this resource, or those with this tag")] = "",
        bans: Annotated[str, Query(description="only bans whose id starts with this")] = "",
    ) -> Response:
        """The status as `crm_mon` prints it."""
        if display is None:
            raise ProblemError("not-available", "This node was started without the display of crm_mon")
        flags = {"inactive": inactive, "by_node": by_node, "brief": brief, "details": details, "timing": timing,
                 "whole_history": whole_history}
        texts = {"format": format, "node": node, "resource": resource, "bans": bans}
        query = texts | {name: "true" for name, wanted in flags.items() if wanted}
        if sections is not None:
            query["sections"] = sections
        shown = MonitorFormat(picture(), service.status(), service.fencings())
        try:
            return Response(display(shown, query), media_type=_MEDIA_TYPES[format])
        except ValueError as error:
            raise ProblemError("invalid-query", str(error)) from None

    return router
