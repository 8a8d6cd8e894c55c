"""The shapes of answers as `TypedDict`s: what the OpenAPI document says, for type checkers. A test compares them."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Report(TypedDict):
    """A finding about the configuration."""

    severity: str
    code: str
    where: str
    message: str
    hint: str
    line: int | None


class Node(TypedDict):
    """A node of the cluster."""

    name: str
    id: str
    state: str
    online: bool
    standby: bool
    maintenance: bool
    unclean: bool
    is_dc: bool
    attributes: dict[str, str]
    resources: list[str]


class Resource(TypedDict):
    """A resource or an instance of one, with what it is made of."""

    id: str
    kind: str
    agent: str | None
    role: str
    nodes: list[str]
    managed: bool
    failed: bool
    blocked: bool
    children: list[Resource]


class Failure(TypedDict):
    """An operation that failed."""

    resource: str
    operation: str
    node: str
    rc: int
    status: int
    reason: str
    at: int | None
    next_step: str


class Cluster(TypedDict):
    """The cluster as the answering node sees it."""

    answered_by: str
    state: str
    dc: str | None
    term: int
    fresh: bool
    problem: str
    quorate: bool
    members: list[str]
    version: str
    transition: dict[str, int] | None
    nodes: list[Node]
    resources: list[Resource]
    failures: list[Failure]
    reports: list[Report]


class Action(TypedDict):
    """One action of a plan."""

    operation: str
    resource: str | None
    node: str | None
    interval_ms: int


class Written(TypedDict):
    """What a write came to: committed (version, term), nothing to change (`unchanged`), or (dry run) `actions`."""

    dry_run: bool
    reports: list[Report]
    version: NotRequired[str]
    term: NotRequired[int]
    unchanged: NotRequired[bool]
    actions: NotRequired[list[Action]]


class Cleaned(TypedDict):
    """How many histories were forgotten."""

    forgotten: int
    version: str
    term: int


class Health(TypedDict):
    """Yes or no, and why."""

    healthy: bool
    detail: str
    node: str


class Version(TypedDict):
    """How far a node's CIB has come."""

    version: str
    term: int
    index: str


class Token(TypedDict):
    """A new token."""

    token: str
    id: str
    user: str
    scope: str
    expires: str
