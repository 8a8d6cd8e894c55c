"""The shapes of answers, and what the bodies of requests have in common; the OpenAPI document comes from them.

Each answer is made from a value of the inside by its `of`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from crm.api.service import Committed
from crm.model.report import Report


class Wish(BaseModel):
    """The body of a request. A member that it does not know is refused: who misspells one is to hear of it."""

    model_config = ConfigDict(extra="forbid")


class ReportValue(BaseModel):
    """A finding about the configuration."""

    severity: str = Field(examples=["warning"])
    code: str = Field(examples=["unknown-option"])
    where: str = Field(description="id of the element")
    message: str
    hint: str
    line: int | None

    @classmethod
    def of(cls, report: Report) -> ReportValue:
        return cls(
            severity=report.severity,
            code=report.code,
            where=report.where,
            message=report.message,
            hint=report.hint,
            line=report.line,
        )


class CommittedValue(BaseModel):
    """A change that a majority of the nodes has on disk."""

    dry_run: bool = False
    version: str = Field(description="version of the CIB that holds the change", examples=["0.12.0"])
    term: int = Field(description="term of the DC that committed it")
    reports: list[ReportValue] = []

    @classmethod
    def of(cls, committed: Committed, reports: list[Report]) -> CommittedValue:
        found = [ReportValue.of(report) for report in reports]
        return cls(version=str(committed.version), term=committed.term, reports=found)


class UnchangedValue(BaseModel):
    """There was nothing to change."""

    dry_run: bool = False
    version: str
    term: int = Field(description="term of the DC that the answering node follows, or followed last")
    unchanged: bool = True
    reports: list[ReportValue] = []


class AcceptedValue(BaseModel):
    """A change of what lasts only as long as its node is here: the DC has it, or gets it as soon as there is one."""

    dry_run: bool = False
    version: str = Field(description="version of the CIB on the answering node, which may not have it yet")
    term: int = Field(description="term of the DC that the answering node follows")
    accepted: bool = True


class NodeValue(BaseModel):
    """A node of the cluster."""

    name: str
    id: str
    state: str = Field(description="online, offline, pending, standby, maintenance or unclean")
    online: bool
    standby: bool
    maintenance: bool
    unclean: bool
    is_dc: bool
    attributes: dict[str, str]
    resources: list[str] = Field(description="what runs here")


class ResourceValue(BaseModel):
    """A resource or an instance of one, with what it is made of."""

    id: str
    kind: str = Field(description="primitive, group, clone or bundle")
    agent: str | None = Field(examples=["ocf:crmd:HttpServer"])
    role: str
    nodes: list[str] = Field(description="where it is active")
    managed: bool
    failed: bool
    blocked: bool
    under_way: str = Field(default="", description="what is done with it or with a part of it now, if not only watched",
                           examples=["start"])
    children: list[ResourceValue] = []


class FailureValue(BaseModel):
    """An operation that failed, and what to do when its cause is mended."""

    resource: str
    operation: str
    node: str
    rc: int
    status: int
    reason: str
    output: str = Field(default="", description="the last lines of what the agent printed")
    at: int | None = Field(description="epoch seconds")
    next_step: str


class ClusterValue(BaseModel):
    """The cluster as the answering node sees it."""

    answered_by: str
    state: str = Field(description="state of the answering node's controller")
    dc: str | None
    term: int
    fresh: bool = Field(description="whether the answering node follows a DC, so that its CIB is kept up to date")
    problem: str = Field(description="why the answering node's disk takes no changes, empty if it does")
    quorate: bool
    members: list[str]
    version: str = Field(description="version of the CIB that this was read from")
    transition: dict[str, int] | None = Field(description="progress of the running transition")
    nodes: list[NodeValue]
    resources: list[ResourceValue]
    failures: list[FailureValue]
    reports: list[ReportValue]
