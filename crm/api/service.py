"""What the API needs of a node: the border to `crm.daemon`, so small that tests have a node of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.version import Version
from crm.model.report import Report
from crm.model.transition import Transition


class RefusedError(Exception):
    """A change that the cluster does not take. `code` is stable, `hint` the next step."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class NodeStatus(Protocol):
    """What a node knows about the cluster and itself."""

    @property
    def node(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def dc(self) -> str | None: ...
    @property
    def term(self) -> int: ...
    @property
    def members(self) -> Sequence[str]: ...
    @property
    def quorate(self) -> bool: ...
    @property
    def version(self) -> Version: ...
    @property
    def reports(self) -> Sequence[Report]: ...


class Committed(Protocol):
    """A change that a majority has on disk."""

    @property
    def version(self) -> Version: ...
    @property
    def term(self) -> int: ...


class Service(Protocol):
    """One node of a cluster; any node will do, changes are forwarded to the DC."""

    @property
    def name(self) -> str: ...
    def status(self) -> NodeStatus: ...
    def cib(self) -> Document: ...
    async def change(
        self, change: Change, *, if_version: Version | None = None, dry_run: bool = False
    ) -> Committed: ...
    async def plan(self, document: Document) -> Transition: ...
    async def cleanup(self, resource: str | None = None, node: str | None = None) -> int: ...
    def events(self) -> AsyncIterator[NodeStatus]: ...
