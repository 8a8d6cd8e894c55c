"""What the API and the socket tools call, on any node: the cluster as this node sees it, and the ways to change it.

Changes go to the DC, wherever it is; `change` returns when a majority of the nodes has the change on disk.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.version import CibVersion, SeenVersion
from crm.controller import ControllerSnapshot, commands
from crm.controller.events import (
    AttributeRequested,
    ChangeRequested,
    CleanupRequested,
    Event,
    FencingRequested,
    LossAcceptanceRequested,
    MembersRequested,
    ReadRequested,
    ShutdownRequested,
)
from crm.controller.fencing.fencing_history import FencingRecord
from crm.controller.membership.node_list import ListedNode, NodeList
from crm.controller.replication.idempotency import NOBODY, AppliedRequest, Requester
from crm.daemon.configuration_history import ConfigurationHistory
from crm.daemon.errors import RequestRefused
from crm.daemon.event_log import EventLog
from crm.daemon.layer_keys import LayerKeys
from crm.daemon.measurements import Measurements
from crm.daemon.peer_queries import PeerQueries
from crm.daemon.transition_queries import TransitionQueries
from crm.daemon.worker import WorkerError
from crm.executor.executor import Executor
from crm.executor.metadata import AgentMetadata
from crm.executor.operation import OperationResult
from crm.executor.operation_limits import WaitingOperation
from crm.model.report import Report
from crm.model.transition import AgentReference, Transition
from crm.transition import Progress

REQUEST_LIMIT_S = 30.0
FENCING_LIMIT_S = 600.0
READ_LIMIT_S = 5.0
"""After so long nobody could say what the newest state is."""
_READ_TRY_S = 1.0
_POLL_S = 0.01

T = TypeVar("T")
Compute = Callable[..., Awaitable[Any]]

__all__ = ["ClusterService", "Committed", "MemberStatus", "NodeStatus", "RequestRefused"]


@dataclass(frozen=True, slots=True)
class Committed:
    """The CIB's version after a change, and the term in which it was committed."""

    version: CibVersion
    term: int


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """A configured node, as this one sees it. `joined` is known on the DC only."""

    name: str
    id: str
    present: bool
    joined_at: int
    joined: bool | None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What a node knows at one moment.

    state    starting, election, integration, planning, transition, idle, safe-mode (on the DC); not-dc; stopping
    cib_term  the term that this node's CIB was written in
    fresh    whether this node follows a DC that was elected with quorum, as far as it knows: its CIB is kept up to date
    problem  why this node's disk does not take changes, empty if it does
    safe_mode  the mistake because of which this node begins nothing, empty if it is not in safe mode
    """

    node: str
    state: str
    dc: str | None
    caretaker: bool
    term: int
    members: tuple[MemberStatus, ...]
    quorate: bool
    version: CibVersion
    fresh: bool
    transition: int
    progress: Progress | None
    reports: tuple[Report, ...]
    problem: str
    cib_term: int = 0
    safe_mode: str = ""


class ClusterService:
    """One node's door. The callables are the shell's."""

    def __init__(self, name: str, nodes: tuple[tuple[str, str], ...], snapshot: Callable[[], ControllerSnapshot],
                 post: Callable[[Event], None], plan: Callable[[Document], Awaitable[Transition]],
                 problem: Callable[[], str], executor: Executor,
                 configurations: ConfigurationHistory,
                 transitions: TransitionQueries, peers: PeerQueries, receipt: Callable[[str], AppliedRequest | None],
                 measured: Callable[[], Measurements] = Measurements,
                 mistakes: Callable[[], int] = lambda: 0,
                 own_reports: Callable[[], tuple[Report, ...]] = tuple,
                 compute: Compute | None = None) -> None:
        self.name = name
        self._nodes = nodes
        self._snapshot = snapshot
        self._post = post
        self._plan = plan
        self._problem = problem
        self.measures = measured
        """What the node has measured of itself; see `crm.daemon.measurements`."""
        self._own_reports = own_reports
        self._compute = compute
        self.mistakes = mistakes
        """How many mistakes of its own this node's daemon has ended by since a person started it."""
        self._executor = executor
        self.configurations = configurations
        self.transitions = transitions
        self.peers = peers
        self.receipt = receipt
        """What is known of a request that was carried out under a key; by the id of the key."""
        self._waiting: dict[str, asyncio.Future[commands.RequestAnswered]] = {}
        self.journal = EventLog(snapshot().document)
        self._number = 0
        self.keys: LayerKeys | None = None
        """The message layer's keys, where crmd has them."""

    def status(self) -> NodeStatus:
        """The cluster as this node sees it."""
        seen = self._snapshot()
        members = tuple(self._member(seen, name, node_id) for name, node_id in self.nodes())
        return NodeStatus(seen.node, seen.state, seen.dc, seen.caretaker, seen.term, members, seen.view.quorate,
                          seen.document.version, _is_fresh(seen), seen.transition, seen.progress,
                          (*seen.reports, *self._own_reports()),
                          self._problem(), seen.cib_term, seen.safe_mode)

    def nodes(self) -> tuple[tuple[str, str], ...]:
        """Names and ids of the cluster's nodes: of its own list, else of the settings (or what the engine knows)."""
        listed = self._snapshot().nodes
        return self._nodes if listed is None else tuple((node.name, node.id) for node in listed.nodes)

    def node_list(self) -> NodeList | None:
        """The cluster's own list of nodes, as this node has it; None where the message layer has one elsewhere."""
        return self._snapshot().nodes

    async def change_members(self, action: str, nodes: tuple[ListedNode, ...], *,
                             origin: Requester = NOBODY) -> Committed:
        """Add nodes to the list, mark them to be removed, or (keep) not. Raises Refused."""
        answer = await self._ask(lambda request_id: MembersRequested(request_id, action, nodes, origin))
        assert answer.version is not None
        return Committed(answer.version, answer.term)

    async def rotate_key(self) -> None:
        """Give all nodes a new key of the message layer. Raises Refused."""
        if self.keys is None:
            raise RequestRefused("no-such-key", "The key is not crmd's own with this message layer",
                                 "with corosync: corosync-keygen, and its authkey on every node")
        await self.keys.rotate(tuple(name for name, _ in self.nodes()))

    def cib(self) -> Document:
        """This node's CIB; `status().fresh` tells whether it is kept up to date."""
        return self._snapshot().document

    async def consistent(self) -> None:
        """Return once this node's CIB has all that was acknowledged, anywhere, before the call.

        Raises Refused (no-quorum, no-dc, not-ready) if nobody can say so within READ_LIMIT_S.
        """
        end = time.monotonic() + READ_LIMIT_S
        index = await self._read_index(end)
        while not self._has(index):
            if time.monotonic() > end:
                raise RequestRefused("not-ready",
                                     f"{self.name} has not caught up with the DC within {READ_LIMIT_S:g} s",
                                     "ask another node, or read without `consistent`")
            await asyncio.sleep(_POLL_S)

    async def _read_index(self, end: float) -> commands.RequestAnswered:
        """How far the cluster is, as its DC says after having made sure that it leads. Raises Refused."""
        while True:
            try:
                left = max(_POLL_S, end - time.monotonic())
                return await self._ask(ReadRequested, min(_READ_TRY_S, left))
            except RequestRefused as error:
                if error.code == "no-quorum" or time.monotonic() > end:
                    if error.code != "outcome-unknown":
                        raise
                    raise RequestRefused("not-ready",
                                         f"Nobody could say within {READ_LIMIT_S:g} s what the newest state is",
                                         "see who is there: crmctl status; or read without `consistent`") from None
            await asyncio.sleep(_POLL_S)

    def _has(self, index: commands.RequestAnswered) -> bool:
        """Whether this node's CIB is that of a leader, and has come as far as that."""
        seen = self._snapshot()
        assert index.version is not None
        return seen.dc is not None and not seen.caretaker and (
            seen.term > index.term or (seen.term == index.term and seen.document.version >= index.version))

    async def change(self, change: Change, *, if_seen: SeenVersion | None = None, dry_run: bool = False,
                     origin: Requester = NOBODY) -> Committed:
        """Change the CIB. With `dry_run` only look whether it could be. Raises Refused."""
        if dry_run:
            return self._try(change, if_seen)
        answer = await self._ask(lambda request_id: ChangeRequested(request_id, change, if_seen, origin))
        assert answer.version is not None
        return Committed(answer.version, answer.term)

    async def cleanup(self, resource: str | None = None, node: str | None = None, *, everything: bool = False,
                      origin: Requester = NOBODY) -> int:
        """Forget failures (or whole histories), so that the next plan looks anew; how many. Raises Refused."""
        answer = await self._ask(lambda request_id: CleanupRequested(request_id, resource, node, origin, everything))
        return answer.count

    async def accept_loss(self, by: str) -> None:
        """Take a person's word that what the nodes here have is all that is left. Raises Refused (nothing-lost)."""
        await self._ask(lambda request_id: LossAcceptanceRequested(request_id, by))

    async def set_attribute(self, node: str, name: str, value: str | None, dampening_ms: int | None = None, *,
                            origin: Requester = NOBODY) -> None:
        """Set a transient attribute of a node, or remove it with None. Raises Refused (no-such-node)."""
        await self._ask(lambda request_id: AttributeRequested(request_id, node, name, value, dampening_ms, origin))

    async def fence(self, target: str, action: str, *, origin: Requester = NOBODY) -> Committed:
        """Fence a node (reboot, off), unfence it (on), or `confirm` that it is off; returns when that is done.

        Raises Refused: fencing-failed, node-is-here, no-such-node, no-dc.
        """
        answer = await self._ask(lambda request_id: FencingRequested(request_id, target, action, origin),
                                 FENCING_LIMIT_S)
        assert answer.version is not None
        return Committed(answer.version, answer.term)

    async def test_fencing(self, target: str) -> tuple[str, ...]:
        """What each device that may fence a node says about it, a line for each. Nothing is done to the node."""
        answer = await self._ask(lambda request_id: FencingRequested(request_id, target, "test"), FENCING_LIMIT_S)
        return tuple(answer.message.splitlines())

    def fencings(self) -> tuple[FencingRecord, ...]:
        """The history of fencing, oldest first."""
        return self._snapshot().fencings

    async def plan(self, document: Document) -> Transition:
        """What the cluster would do if this were its CIB. Raises Refused (too-much-work)."""
        try:
            return await self._plan(document)
        except WorkerError as error:
            raise RequestRefused("too-much-work", f"This could not be planned: {error}",
                                 error.remedy or "ask again in a moment") from None

    async def compute(self, work: Callable[..., T], *arguments: object) -> T:
        """What a function returns, worked out beside the daemon (`crm.daemon.client_jobs`). Raises Refused (too-busy,
        …).
        """
        assert self._compute is not None
        found: T = await self._compute(work, *arguments)
        return found

    @property
    def under_way(self) -> int:
        """Requests that wait for an answer of the DC."""
        return len(self._waiting)

    async def agents(self) -> tuple[AgentReference, ...]:
        """The agents that could be run on this node."""
        return await self._executor.installed()

    async def has_agent(self, agent: AgentReference) -> bool:
        """Whether this node has an agent."""
        return await self._executor.has(agent)

    def waiting_operations(self) -> tuple[WaitingOperation, ...]:
        """Operations that wait for their turn on this node."""
        return self._executor.waiting()

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        """What an agent says about itself, on this node. Raises ValueError with the reason."""
        return await self._executor.metadata(agent)

    async def validate(self, agent: AgentReference, parameters: Mapping[str, str], timeout_ms: int) -> OperationResult:
        """What an agent on this node thinks of these parameters (its action `validate-all`)."""
        return await self._executor.validate(agent, parameters, timeout_ms)

    def shut_down(self) -> None:
        """Have this node leave: its resources move away first, then the daemon ends."""
        self._post(ShutdownRequested())

    # The shell's side

    def answered(self, answer: commands.RequestAnswered) -> None:
        """The controller has an answer for a client."""
        future = self._waiting.pop(answer.request_id, None)
        if future is not None and not future.done():
            future.set_result(answer)

    def tell(self, what: str) -> None:
        """Something has changed; what is not in the CIB is for the moment's listeners only."""
        if what not in ("cib", "history"):
            self.journal.told()

    def close(self) -> None:
        """No more answers will come."""
        for request_id, future in self._waiting.items():
            if not future.done():
                future.set_result(commands.RequestAnswered(request_id, code="outcome-unknown",
                                                           message=f"{self.name} is leaving",
                                                           hint="ask another node"))
        self.journal.close()

    async def _ask(self, make: Callable[[str], Event], limit_s: float = REQUEST_LIMIT_S) -> commands.RequestAnswered:
        self._number += 1
        request_id = f"{self.name}-{uuid.uuid4().hex[:8]}-{self._number}"
        future: asyncio.Future[commands.RequestAnswered] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        self._post(make(request_id))
        try:
            async with asyncio.timeout(limit_s):
                answer = await future
        except TimeoutError:
            raise RequestRefused("outcome-unknown", f"No answer from the DC within {limit_s:.0f} s",
                                 "see who is there: crmctl status") from None
        finally:
            self._waiting.pop(request_id, None)
        if answer.code:
            raise RequestRefused(answer.code, answer.message, answer.hint)
        return answer

    def _try(self, change: Change, if_seen: SeenVersion | None) -> Committed:
        seen = self._snapshot()
        document = seen.document
        if if_seen is not None and if_seen.version[:2] != document.version[:2]:
            raise RequestRefused("stale-version", f"You saw version {if_seen}, it is {document.version} now",
                                 "read it again and repeat the change on that")
        try:
            return Committed(document.apply(change).version, seen.term)
        except CibError as error:
            raise RequestRefused(error.code, error.message, error.hint) from None

    def _member(self, seen: ControllerSnapshot, name: str, node_id: str) -> MemberStatus:
        member = seen.view.member(name)
        joined = name in seen.joined if seen.dc == seen.node else None
        return MemberStatus(name, node_id, member is not None, member.joined_at if member else 0, joined)


def _is_fresh(seen: ControllerSnapshot) -> bool:
    return seen.dc is not None and not seen.caretaker and seen.view.quorate
