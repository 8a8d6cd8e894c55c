"""What the API needs of a node: the border to `crm.daemon`, so small that tests have a node of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.version import SeenVersion
from crm.controller.fencing.fencing_history import FencingRecord
from crm.controller.membership.node_list import ListedNode, NodeList
from crm.controller.replication.idempotency import NOBODY, AppliedRequest, Requester, RequestKey
from crm.daemon.configuration_history import ConfigurationHistory
from crm.daemon.errors import RequestRefused
from crm.daemon.event_log import EventLog
from crm.daemon.measurements import Measurements
from crm.daemon.peer_queries import PeerQueries, PeerSilence
from crm.daemon.service import Committed, MemberStatus, NodeStatus
from crm.daemon.transition_queries import TransitionQueries
from crm.executor.metadata import AgentMetadata
from crm.executor.operation import OperationResult
from crm.executor.operation_limits import WaitingOperation
from crm.model.transition import AgentReference, Transition

__all__ = [
    "AppliedRequest",
    "Committed",
    "EventLog",
    "FencingRecord",
    "ListedNode",
    "MemberStatus",
    "NodeList",
    "NodeService",
    "NodeStatus",
    "PeerQueries",
    "PeerSilence",
    "RequestKey",
    "RequestRefused",
    "Requester",
]


T = TypeVar("T")


class NodeService(Protocol):
    """One node of a cluster; any node will do, changes are forwarded to the DC. See `crm.daemon.service.Service`."""

    name: str
    journal: EventLog
    configurations: ConfigurationHistory
    transitions: TransitionQueries
    peers: PeerQueries

    def status(self) -> NodeStatus: ...
    def cib(self) -> Document: ...
    async def consistent(self) -> None: ...
    def receipt(self, key_id: str, /) -> AppliedRequest | None: ...
    async def change(
        self, change: Change, *, if_seen: SeenVersion | None = None, dry_run: bool = False, origin: Requester = NOBODY
    ) -> Committed: ...
    async def plan(self, document: Document) -> Transition: ...
    async def compute(self, work: Callable[..., T], *arguments: object) -> T: ...
    async def cleanup(
        self, resource: str | None = None, node: str | None = None, *, everything: bool = False,
        origin: Requester = NOBODY
    ) -> int: ...
    async def accept_loss(self, by: str) -> None: ...
    async def set_attribute(
        self, node: str, name: str, value: str | None, dampening_ms: int | None = None, *, origin: Requester = NOBODY
    ) -> None: ...
    async def fence(self, target: str, action: str, *, origin: Requester = NOBODY) -> Committed: ...
    async def test_fencing(self, target: str) -> tuple[str, ...]: ...
    def node_list(self) -> NodeList | None: ...
    async def change_members(
        self, action: str, nodes: tuple[ListedNode, ...], *, origin: Requester = NOBODY
    ) -> Committed: ...
    async def rotate_key(self) -> None: ...
    def measures(self) -> Measurements: ...
    def mistakes(self) -> int: ...
    def fencings(self) -> tuple[FencingRecord, ...]: ...
    async def agents(self) -> tuple[AgentReference, ...]: ...
    async def has_agent(self, agent: AgentReference) -> bool: ...
    def waiting_operations(self) -> tuple[WaitingOperation, ...]: ...
    async def metadata(self, agent: AgentReference) -> AgentMetadata: ...
    async def validate(
        self, agent: AgentReference, parameters: Mapping[str, str], timeout_ms: int
    ) -> OperationResult: ...
