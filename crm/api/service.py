"""What the API needs of a node: the border to `crm.daemon`, so small that tests have a node of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.version import Seen
from crm.controller.fencing.records import FencingRecord
from crm.controller.node_list import ListedNode, NodeList
from crm.controller.receipts import NOBODY, Origin, Receipt, RequestKey
from crm.daemon.journal import Journal
from crm.daemon.kept_configurations import KeptConfigurations
from crm.daemon.led_transitions import LedTransitions
from crm.daemon.measures import Measures
from crm.daemon.peers import Peers, Silence
from crm.daemon.refusal import Refused
from crm.daemon.service import Committed, MemberStatus, NodeStatus
from crm.executor.metadata import Metadata
from crm.executor.operation import OperationResult
from crm.executor.turns import Waiting
from crm.model.transition import AgentReference, Transition

__all__ = ["Committed", "FencingRecord", "Journal", "ListedNode", "MemberStatus", "NodeList", "NodeStatus", "Origin",
           "Peers", "Receipt", "Refused", "RequestKey", "Service", "Silence"]


class Service(Protocol):
    """One node of a cluster; any node will do, changes are forwarded to the DC. See `crm.daemon.service.Service`."""

    name: str
    journal: Journal
    configurations: KeptConfigurations
    transitions: LedTransitions
    peers: Peers

    def status(self) -> NodeStatus: ...
    def cib(self) -> Document: ...
    def receipt(self, key_id: str, /) -> Receipt | None: ...
    async def change(
        self, change: Change, *, if_seen: Seen | None = None, dry_run: bool = False, origin: Origin = NOBODY
    ) -> Committed: ...
    async def plan(self, document: Document) -> Transition: ...
    async def cleanup(
        self, resource: str | None = None, node: str | None = None, *, origin: Origin = NOBODY
    ) -> int: ...
    async def set_attribute(
        self, node: str, name: str, value: str | None, dampening_ms: int | None = None, *, origin: Origin = NOBODY
    ) -> None: ...
    async def fence(self, target: str, action: str, *, origin: Origin = NOBODY) -> Committed: ...
    async def test_fencing(self, target: str) -> tuple[str, ...]: ...
    def node_list(self) -> NodeList | None: ...
    async def change_members(
        self, action: str, nodes: tuple[ListedNode, ...], *, origin: Origin = NOBODY
    ) -> Committed: ...
    async def rotate_key(self) -> None: ...
    def measures(self) -> Measures: ...
    def fencings(self) -> tuple[FencingRecord, ...]: ...
    async def agents(self) -> tuple[AgentReference, ...]: ...
    async def has_agent(self, agent: AgentReference) -> bool: ...
    def waiting_operations(self) -> tuple[Waiting, ...]: ...
    async def metadata(self, agent: AgentReference) -> Metadata: ...
    async def validate(
        self, agent: AgentReference, parameters: Mapping[str, str], timeout_ms: int
    ) -> OperationResult: ...
