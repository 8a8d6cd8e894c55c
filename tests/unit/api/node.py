"""A node for API tests: a CIB, a majority of one, and a way to be in trouble."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from crm.api.service import Committed, FencingRecord, Journal, MemberStatus, NodeStatus, Refused
from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.store import Store
from crm.cib.version import Version
from crm.daemon.led_transitions import LedTransitions
from crm.daemon.measures import Measures
from crm.daemon.peers import Peers
from crm.daemon.records import Records
from crm.daemon.transition_archive import TransitionArchive
from crm.executor.metadata import AgentAction, Metadata, Parameter
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition

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
STATUS = NodeStatus("one", "idle", "one", False, 3, MEMBERS, True, Version(), True, 0, None, (), "")


ACTIONS = (AgentAction("start", "30s"), AgentAction("stop", "30s"), AgentAction("monitor", "20s", "10s"))
SERVER = Metadata(
    "HttpServer",
    description="Serves a folder",
    parameters=(
        Parameter("port", "integer", required=True, description="where it listens"),
        Parameter("folder", default="/srv"),
        Parameter("mode", "select", default="fast", choices=("fast", "safe")),
    ),
    actions=ACTIONS,
)
AGENTS = {"HttpServer": SERVER, "Dummy": Metadata("Dummy", actions=ACTIONS), "PortHolder": Metadata("PortHolder")}


class FakeNode:
    """A Service whose every change is committed at once, unless `trouble` says otherwise."""

    name = "one"

    def __init__(self) -> None:
        self.document = Document.parse(CIB)
        self.measured = Measures()
        self.journal = Journal(self.document)
        self.journal.adopted("3", self.document)
        self.store = Store(Path(tempfile.mkdtemp(prefix="crmd-test-")))
        self.store.save(self.document)
        self.archive = TransitionArchive(self.store.folder / "transitions", self.name)
        self.records = Records(self.store)
        self.peers = Peers(self.name, lambda: self.others, self._send)
        self.others: dict[str, Peers] = {}
        """Other nodes that are here."""
        self.transitions = LedTransitions(self.archive, self.peers, lambda: self.state.dc, ("one", "two"))
        self.state = STATUS
        self.trouble: Refused | None = None
        self.attributes: list[tuple[str, str, str | None, int | None]] = []
        self.fenced: list[tuple[str, str]] = []
        self.cleaned: list[tuple[str | None, str | None]] = []

    def meet(self, name: str, archive: TransitionArchive) -> None:
        """Another node is here, with what it has kept."""
        other = Peers(name, lambda: (self.name,), lambda to, raw: self.arrive(self.peers, name, raw))
        LedTransitions(archive, other, lambda: self.state.dc, ("one", "two"))
        self.others[name] = other

    def _send(self, to: str, raw: bytes) -> None:
        self.arrive(self.others[to], self.name, raw)

    def arrive(self, peers: Peers, sender: str, raw: bytes) -> None:
        asyncio.get_running_loop().call_soon(peers.received, sender, raw)

    def status(self) -> NodeStatus:
        return self.state

    def cib(self) -> Document:
        return self.document

    async def change(self, change: Change, *, if_version: Version | None = None, dry_run: bool = False) -> Committed:
        if self.trouble is not None:
            raise self.trouble
        self.adopt(self.document.apply(change))
        self.store.save(self.document)
        return Committed(self.document.version, 3)

    async def plan(self, document: Document) -> Transition:
        action = GraphAction(
            1, ActionKind.RESOURCE, "start", "web_start_0", "two", resource=AgentReference("web", "ocf", "x")
        )
        pseudo = GraphAction(2, ActionKind.PSEUDO, "running", "g_running_0")
        return Transition(1, (Synapse(1, action), Synapse(2, pseudo)))

    async def cleanup(self, resource: str | None = None, node: str | None = None) -> int:
        self.cleaned.append((resource, node))
        return 1

    async def set_attribute(self, node: str, name: str, value: str | None, dampening_ms: int | None = None) -> None:
        self.attributes.append((node, name, value, dampening_ms))

    async def fence(self, target: str, action: str) -> Committed:
        if self.trouble is not None:
            raise self.trouble
        self.fenced.append((target, action))
        return Committed(self.document.version, 3)

    async def test_fencing(self, target: str) -> tuple[str, ...]:
        return (f"power: answers for {target}",)

    def fencings(self) -> tuple[FencingRecord, ...]:
        return (FencingRecord("x-1", "two", "off", "one", "success", NOW, NOW + 2, "power", "one"),)

    def measures(self) -> Measures:
        return self.measured

    def adopt(self, document: Document) -> None:
        """The CIB moves on."""
        self.document = document
        self.journal.adopted("3", document)

    def agents(self) -> tuple[AgentReference, ...]:
        return tuple(AgentReference(name, "ocf", name, "crmd") for name in AGENTS)

    async def metadata(self, agent: AgentReference) -> Metadata:
        if agent.type not in AGENTS:
            raise ValueError(f"There is no agent {agent.type} on this node")
        return AGENTS[agent.type]
