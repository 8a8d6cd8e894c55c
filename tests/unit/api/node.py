"""A node for API tests: a CIB, a majority of one, and a way to be in trouble."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from crm.api.queries.cluster_agents import ClusterAgents
from crm.api.service import Committed, EventLog, FencingRecord, MemberStatus, NodeStatus, RequestRefused
from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.store import CibStore
from crm.cib.version import CibVersion, SeenVersion
from crm.controller.membership.node_list import ListedNode, NodeList, first_list
from crm.controller.replication.idempotency import NOBODY, AppliedRequest, AppliedRequests, Requester
from crm.daemon.configuration_history import ConfigurationHistory
from crm.daemon.history_records import HistoryRecords
from crm.daemon.measurements import Measurements
from crm.daemon.peer_queries import PeerQueries
from crm.daemon.transition_archive import TransitionArchive
from crm.daemon.transition_queries import TransitionQueries
from crm.executor.metadata import AgentMetadata, AgentParameter, DescribedAction
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, Status
from crm.executor.operation_limits import WaitingOperation
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition

T = TypeVar("T")
NOW = 1_700_000_000

CIB = """<cib validate-with="pacemaker-3.9" epoch="5" have-quorum="1" dc-uuid="1">
<configuration><crm_config><cluster_property_set id="o"><nvpair id="o1" name="fencing-enabled" value="false"/>
</cluster_property_set></crm_config>
<nodes><node id="1" uname="one"/><node id="2" uname="two"/></nodes>
<resources><primitive id="web" class="ocf" provider="crmd" type="HttpServer"/>
<primitive id="db" class="ocf" provider="crmd" type="Dummy"/>
<group id="g"><primitive id="ip" class="ocf" provider="crmd" type="PortHolder"/></group></resources>
<constraints/></configuration>
<status>
<node_state id="1" uname="one" in_ccm="1700" crmd="1700" join="member" expected="member"><lrm id="1"><lrm_resources>
<lrm_resource id="web" class="ocf" provider="crmd" type="HttpServer">
<lrm_rsc_op id="web_last_0" operation="start" operation_key="web_start_0" interval="0"
 call-id="3" rc-code="0" op-status="0"
 transition-key="1:1:0:x" transition-magic="0:0;1:1:0:x"/></lrm_resource>
<lrm_resource id="ip" class="ocf" provider="crmd" type="PortHolder">
<lrm_rsc_op id="ip_last_0" operation="monitor" operation_key="ip_monitor_0" interval="0"
 call-id="4" rc-code="7" op-status="0"
 transition-key="2:1:7:x" transition-magic="0:7;2:1:7:x"/>
<lrm_rsc_op id="ip_last_failure_0" operation="start" operation_key="ip_start_0" interval="0"
 call-id="5" rc-code="1"
 op-status="0" exit-reason="port in use" last-rc-change="1699999000" transition-key="3:1:0:x"
 transition-magic="0:1;3:1:0:x"/></lrm_resource>
</lrm_resources></lrm></node_state>
<node_state id="2" uname="two" in_ccm="1700" crmd="1700" join="member" expected="member">
<lrm id="2"><lrm_resources/></lrm></node_state></status></cib>"""


MEMBERS = (MemberStatus("one", "1", True, 1700, True), MemberStatus("two", "2", True, 1700, True))
STATUS = NodeStatus("one", "idle", "one", False, 3, MEMBERS, True, CibVersion(), True, 0, None, (), "", 3)


ACTIONS = (DescribedAction("start", "30s"), DescribedAction("stop", "30s"), DescribedAction("monitor", "20s", "10s"))
SERVER = AgentMetadata(
    "HttpServer",
    description="Serves a folder",
    parameters=(
        AgentParameter("port", "integer", required=True, description="where it listens"),
        AgentParameter("folder", default="/srv"),
        AgentParameter("mode", "select", default="fast", choices=("fast", "safe")),
    ),
    actions=ACTIONS,
    text='<resource-agent name="HttpServer"><version>1.1</version></resource-agent>\n',
)
AGENTS = {"HttpServer": SERVER, "Dummy": AgentMetadata("Dummy", actions=ACTIONS),
          "PortHolder": AgentMetadata("PortHolder")}


class _WithOneAgent:
    """What the other nodes of these tests have: an agent that this one has, too, and one of their own."""

    def __init__(self, peers: PeerQueries) -> None:
        self.peers = peers

    async def agents(self) -> tuple[AgentReference, ...]:
        return tuple(AgentReference(name, "ocf", name, "crmd") for name in ("Dummy", "Lonely"))

    async def has_agent(self, agent: AgentReference) -> bool:
        return agent.type in ("Dummy", "Lonely")

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        return AgentMetadata(agent.type, parameters=(AgentParameter("depth", required=True),), actions=ACTIONS,
                             text="<x/>")


class FakeNode:
    """A Service whose every change is committed at once, unless `trouble` says otherwise."""

    name = "one"

    def __init__(self) -> None:
        self.document = Document.parse(CIB)
        self.measured = Measurements()
        self.journal = EventLog(self.document)
        self.journal.adopted("3", self.document)
        self._folder = tempfile.TemporaryDirectory(prefix="crmd-test-", ignore_cleanup_errors=True)
        self.store = CibStore(Path(self._folder.name))
        self.store.save(self.document)
        self.archive = TransitionArchive(self.store.folder / "transitions", self.name)
        self.peers = PeerQueries(self.name, lambda: self.others, self._send)
        self.others: dict[str, PeerQueries] = {}
        """Other nodes that are here."""
        self.configurations = ConfigurationHistory(HistoryRecords(self.store), self.peers)
        self.transitions = TransitionQueries(self.archive, self.peers, lambda: self.state.dc, lambda: ("one", "two"))
        self.state = STATUS
        self.receipts = AppliedRequests()
        self.origins: list[Requester] = []
        self.trouble: RequestRefused | None = None
        self.uncertain: RequestRefused | None = None
        """Why this node cannot say that it is up to date."""
        self.caught_up = 0
        """How often it was asked to be."""
        self.attributes: list[tuple[str, str, str | None, int | None]] = []
        self.fenced: list[tuple[str, str]] = []
        self.nodes = first_list([ListedNode("one", "1", port=1), ListedNode("two", "2", port=2)]).founded(3).kept()
        self.members: list[tuple[str, tuple[str, ...]]] = []
        self.rotations = 0
        self.cleaned: list[tuple[str | None, str | None]] = []
        self.validated: list[tuple[str, dict[str, str]]] = []
        self.refusals: dict[str, tuple[int, str]] = {}
        """What agents answer to validate-all, by resource: exit code and reason; 0 for all others."""
        self.waiting: tuple[WaitingOperation, ...] = ()

    def meet(self, name: str, archive: TransitionArchive, store: CibStore | None = None) -> None:
        """Another node is here, with what it has kept."""
        other = PeerQueries(name, lambda: (self.name,), lambda to, raw: self.arrive(self.peers, name, raw))
        TransitionQueries(archive, other, lambda: self.state.dc, lambda: ("one", "two"))
        ClusterAgents(_WithOneAgent(other))
        if store is not None:
            ConfigurationHistory(HistoryRecords(store), other)
        self.others[name] = other

    def _send(self, to: str, raw: bytes) -> None:
        self.arrive(self.others[to], self.name, raw)

    def arrive(self, peers: PeerQueries, sender: str, raw: bytes) -> None:
        asyncio.get_running_loop().call_soon(peers.received, sender, raw)

    def status(self) -> NodeStatus:
        return self.state

    def cib(self) -> Document:
        return self.document

    async def consistent(self) -> None:
        self.caught_up += 1
        if self.uncertain is not None:
            raise self.uncertain

    def receipt(self, key_id: str, /) -> AppliedRequest | None:
        return self.receipts.find(key_id, NOW)

    def _done(self, origin: Requester, count: int = 0) -> Committed:
        """It is carried out, and the cluster knows under which key."""
        self.origins.append(origin)
        if origin.key is not None:
            self.receipts.add(AppliedRequest(origin.key, self.document.version, 3, NOW, count))
        return Committed(self.document.version, 3)

    async def change(
        self, change: Change, *, if_seen: SeenVersion | None = None, dry_run: bool = False, origin: Requester = NOBODY
    ) -> Committed:
        if self.trouble is not None:
            raise self.trouble
        self.adopt(self.document.apply(change))
        self.store.save(self.document)
        return self._done(origin)

    async def plan(self, document: Document) -> Transition:
        action = GraphAction(
            1, ActionKind.RESOURCE, "start", "web_start_0", "two", resource=AgentReference("web", "ocf", "x")
        )
        pseudo = GraphAction(2, ActionKind.PSEUDO, "running", "g_running_0")
        return Transition(1, (Synapse(1, action), Synapse(2, pseudo)))

    async def compute(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.to_thread(work, *arguments)

    async def cleanup(self, resource: str | None = None, node: str | None = None, *, everything: bool = False,
                      origin: Requester = NOBODY) -> int:
        self.cleaned.append((resource, node))
        self._done(origin, 1)
        return 1

    async def accept_loss(self, by: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.origins.append(Requester(by))

    async def set_attribute(
        self, node: str, name: str, value: str | None, dampening_ms: int | None = None, *, origin: Requester = NOBODY
    ) -> None:
        self.attributes.append((node, name, value, dampening_ms))
        self._done(origin)

    async def fence(self, target: str, action: str, *, origin: Requester = NOBODY) -> Committed:
        if self.trouble is not None:
            raise self.trouble
        self.fenced.append((target, action))
        return self._done(origin)

    def node_list(self) -> NodeList | None:
        return self.nodes

    async def change_members(
        self, action: str, nodes: tuple[ListedNode, ...], *, origin: Requester = NOBODY
    ) -> Committed:
        if self.trouble is not None:
            raise self.trouble
        self.members.append((action, tuple(node.name for node in nodes)))
        if action == "add":
            self.nodes = self.nodes.with_added(3, nodes).kept()
        return self._done(origin)

    async def rotate_key(self) -> None:
        self.rotations += 1

    async def test_fencing(self, target: str) -> tuple[str, ...]:
        return (f"power: answers for {target}",)

    def fencings(self) -> tuple[FencingRecord, ...]:
        return (FencingRecord("x-1", "two", "off", "one", "success", NOW, NOW + 2, "power", "one"),)

    def measures(self) -> Measurements:
        return self.measured

    def mistakes(self) -> int:
        return 0

    def waiting_operations(self) -> tuple[WaitingOperation, ...]:
        return self.waiting

    def adopt(self, document: Document) -> None:
        """The CIB moves on."""
        self.document = document
        self.journal.adopted("3", document)

    async def agents(self) -> tuple[AgentReference, ...]:
        return tuple(AgentReference(name, "ocf", name, "crmd") for name in AGENTS)

    async def has_agent(self, agent: AgentReference) -> bool:
        return agent.type in AGENTS

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        if agent.type not in AGENTS:
            raise ValueError(f"There is no agent {agent.type} on this node")
        return AGENTS[agent.type]

    async def validate(self, agent: AgentReference, parameters: Mapping[str, str], timeout_ms: int) -> OperationResult:
        self.validated.append((agent.id, dict(parameters)))
        rc, reason = self.refusals.get(agent.id, (int(ExitCode.OK), ""))
        return OperationResult(OperationRequest(0, agent, "validate-all"), Status.DONE, rc, reason)
