"""What was done on the nodes, and what of it failed: the history that plans are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from fastapi import APIRouter
from pydantic import BaseModel, Field

from crm.api.auth.permission import readable
from crm.api.middleware.paging import Paging
from crm.api.middleware.routing import versioned
from crm.api.service import NodeService
from crm.api.views.answer_values import FailureValue
from crm.api.views.cluster_view import ClusterView
from crm.api.views.waiting_operations import WaitingOperations, WaitingOperationValue
from crm.cib import queries
from crm.cib.document import Document
from crm.cib.redaction import without_secrets
from crm.model.values import parse_integer


class OperationValue(BaseModel):
    """The last result of an operation on a node."""

    id: str = Field(description="unique on its node", examples=["web_monitor_10000"])
    resource: str
    node: str
    operation: str = Field(examples=["monitor"])
    interval_ms: int
    call: int | None
    rc: int | None = Field(description="the agent's exit code")
    status: int | None = Field(description="0 done, 2 timed out, 4 error, -1 under way …")
    reason: str = Field(description="what the agent said")
    output: str = Field(default="", description="the last lines of what the agent printed, if the operation failed")
    at: int | None = Field(description="when the result last changed, epoch seconds")
    took_ms: int | None
    queued_ms: int | None


class FailCountValue(BaseModel):
    """How often an operation failed on a node since it was last cleaned up."""

    resource: str
    node: str
    operation: str
    interval_ms: int
    count: str = Field(description="a number, or INFINITY")


_Told = OperationValue | FailureValue | FailCountValue | WaitingOperationValue


def routes(service: NodeService, picture: Callable[[], ClusterView]) -> APIRouter:
    router = versioned("operations")
    waiting = WaitingOperations(service)

    def chosen(resource: str | None, node: str | None) -> Callable[[_Told], bool]:
        """Whether an entry is about that resource or a part of it, and about that node; None stands for any."""
        names = None if resource is None else picture().names_in(resource)
        return lambda each: (names is None or each.resource in names) and node in (None, each.node)

    @router.get("/operations")
    async def list_operations(
        page: Paging, resource: str | None = None, node: str | None = None
    ) -> list[OperationValue]:
        """The last results of all operations, or of those of one resource (with its members) or node."""
        wanted = chosen(resource, node)
        found = [each for each in operations_of(without_secrets(readable(service))) if wanted(each)]
        return page.of(found, lambda each: f"{each.node}/{each.id}")

    @router.get("/operations/waiting")
    async def list_waiting(
        page: Paging, resource: str | None = None, node: str | None = None
    ) -> list[WaitingOperationValue]:
        """Operations that have not begun, on any node that answers, and what they wait for."""
        wanted = chosen(resource, node)
        found = [each for each in await waiting.all() if wanted(each) and picture().cluster.find(each.resource)]
        return page.of(found, lambda each: f"{each.node}/{each.resource}/{each.operation}/{each.interval_ms}")

    @router.get("/failures")
    async def list_failures(page: Paging, resource: str | None = None, node: str | None = None) -> list[FailureValue]:
        """What failed and was not cleaned up since, with what to do."""
        wanted = chosen(resource, node)
        found = [each for each in picture().failures() if wanted(each)]
        return page.of(found, lambda each: f"{each.node}/{each.resource}/{each.operation}/{each.at}")

    @router.get("/failures/counts")
    async def list_counts(page: Paging, resource: str | None = None, node: str | None = None) -> list[FailCountValue]:
        """How often what failed where; the policy for failures (migration-threshold) counts these."""
        wanted = chosen(resource, node)
        found = [each for each in counts_of(readable(service)) if wanted(each)]
        return page.of(found, lambda each: f"{each.node}/{each.resource}/{each.operation}/{each.interval_ms}")

    return router


def operations_of(document: Document) -> Iterator[OperationValue]:
    """The last results of all operations."""
    for recorded in queries.operations(document.root):
        yield _operation(recorded.resource, recorded.node, recorded.attributes)


def _operation(resource: str, node: str, entry: Mapping[str, str]) -> OperationValue:
    return OperationValue(
        id=entry.get("id", ""),
        resource=resource,
        node=node,
        operation=entry.get("operation", ""),
        interval_ms=parse_integer(entry.get("interval")) or 0,
        call=parse_integer(entry.get("call-id")),
        rc=parse_integer(entry.get("rc-code")),
        status=parse_integer(entry.get("op-status")),
        reason=entry.get("exit-reason", ""),
        output=entry.get("agent-output", ""),
        at=parse_integer(entry.get("last-rc-change")),
        took_ms=parse_integer(entry.get("exec-time")),
        queued_ms=parse_integer(entry.get("queue-time")),
    )


def counts_of(document: Document) -> Iterator[FailCountValue]:
    """How often what failed where."""
    for each in queries.recorded_attributes(document.root):
        if not each.name.startswith("fail-count-"):
            continue
        resource, _, failed = each.name.removeprefix("fail-count-").rpartition("#")
        operation, _, interval = failed.rpartition("_")
        yield FailCountValue(
            resource=resource,
            node=each.node,
            operation=operation,
            interval_ms=parse_integer(interval) or 0,
            count=each.value or "0",
        )
