"""What controllers say to each other; how it is written: `crm.controller.protocol.codec`.

Nodes of several releases may be in one cluster while it is upgraded (`crm.controller.protocol.releases`). So a field is
never renamed on the wire (an alias keeps its name there) or given another meaning; a new one has a default, which says
what older nodes mean that do not send it; what newer nodes send in addition is not looked at; a message of an unknown
kind (`UnknownMessage`) is let go by, so nothing may depend on the answer to a new one before the cluster's feature set
says that all nodes know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from crm.cib.changes import Change
from crm.cib.status_updates import ResourceUpdate
from crm.controller.cluster_state import CibPosition, StoreState
from crm.controller.fencing.fencing_history import FencingRecord
from crm.controller.membership.node_list import ListedNode, NodeList
from crm.controller.replication.idempotency import NOBODY, AppliedRequest, Requester, RequestKey
from crm.model.release import UNTOLD, Release
from crm.model.transition import GraphAction

Count = Annotated[int, Field(ge=-(10**300), le=10**300)]
"""Of milliseconds, cores and the like: what fits into a float, which is what times are reckoned with."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Said by every node in every new view: how far it has come, and whether it leads.

    `has_uncommitted_cib`: its CIB was written by a caretaker, so that its version says nothing about its content.
    `nodes`: term and version of its list of nodes; None: it has no list, or (older releases) knows of none.
    `lease_margin_ms`: see `crm.controller.leadership.leases`; 0: it keeps none.
    """

    view: int
    incarnation: str
    position: CibPosition
    term: int
    has_uncommitted_cib: Annotated[bool, Field(alias="tainted")] = False
    leads: bool = False
    follows: str | None = None
    release: Release = UNTOLD
    store: StoreState = StoreState.WHOLE
    safe_mode: bool = False
    nodes: tuple[int, int] | None = None
    lease_margin_ms: Count = 0


@dataclass(frozen=True, slots=True)
class JoinRefused:
    """A leader refuses a member: it understands too little, or too much else. `code` is stable."""

    term: int
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class VoteRequest:
    """A candidate asks for votes in a new term; on `trial` it asks whether it would get them."""

    term: int
    view: int
    position: CibPosition
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Vote:
    """The answer to a candidate of `term`. A refusal says why; `known_term` is the newest that the voter knows.

    `kept`: whether the voter's disk has the vote. `store`: what that disk can be trusted with.
    """

    term: int
    granted: bool
    position: CibPosition
    because: str = ""
    known_term: int = 0
    trial: bool = False
    kept: bool = True
    store: StoreState = StoreState.WHOLE


@dataclass(frozen=True, slots=True)
class JoinOffer:
    """A leader takes a member in; `cib` is None when the member has the very same one.

    `welcome_serial` grows with every welcome and comes back with the answer: what the leader sent before is known by
    then. `receipts` are all that count: they belong to the CIB. `base`: version of the configuration (two numbers) and
    term of what the leader found when it took office. `nodes` are those of the cluster: they belong to the CIB, too.
    """

    term: int
    caretaker: bool
    view: int
    cib_term: int
    version: tuple[int, int, int]
    cib: str | None
    welcome_serial: Annotated[int, Field(alias="serial")] = 0
    receipts: tuple[AppliedRequest, ...] = ()
    base: tuple[int, int, int] | None = None
    nodes: NodeList | None = None


@dataclass(frozen=True, slots=True)
class OwnAttribute:
    """A transient attribute of the node that tells it."""

    name: str
    value: str
    dampening_ms: Count = 0


@dataclass(frozen=True, slots=True)
class ActionResult:
    """An operation has ended on the sender: what to record, and what the leader needs to judge it.

    `forgotten`: ids of entries that are to go; `resource_gone`: the resource's whole history is. `clock`: the sender's.
    """

    key: str
    operation: str
    interval_ms: int
    rc: int
    status: int
    record: ResourceUpdate
    on_fail: str | None = None
    forgotten: tuple[str, ...] = ()
    resource_gone: bool = False
    exit_reason: str = ""
    clock: float = 0.0


@dataclass(frozen=True, slots=True)
class ActionInFlight:
    """An action that a leader has ordered, by its transition key."""

    key: str
    action: GraphAction


@dataclass(frozen=True, slots=True)
class JoinConfirm:
    """The member has taken the leader's CIB; here is all that its executor knows, and what has no result yet.

    `under_way` are the transition keys of the latter, `changing` those among them that change what runs, `orders` what
    these are; `clock` is the sender's, in epoch seconds; `failures` still stand, whether a leader has heard of them or
    not. `caught_up`: whether a DC with quorum has had this member since its daemon started.
    """

    term: int
    view: int
    incarnation: str
    records: tuple[ResourceUpdate, ...]
    under_way: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()
    clock: float = 0.0
    attributes: tuple[OwnAttribute, ...] = ()
    welcome_serial: Annotated[int, Field(alias="serial")] = 0
    failures: tuple[ActionResult, ...] = ()
    orders: tuple[ActionInFlight, ...] = ()
    caught_up: Annotated[bool, Field(alias="in_step")] = True


@dataclass(frozen=True, slots=True)
class CibPatch:
    """The next state of the CIB as a patch; `durable` ones are to be acknowledged once they are on disk.

    `receipt`: of the request that it carries out. `cib_term`: the term that the CIB is of from then on; a leader that
    was not in office when it welcomed a member has told it a former one. `nodes`: the list, if the step changes it.
    """

    term: int
    caretaker: bool
    patch: str
    durable: bool
    receipt: AppliedRequest | None = None
    cib_term: int | None = None
    nodes: NodeList | None = None


@dataclass(frozen=True, slots=True)
class NodeListCommitted:
    """The list of nodes of that version, made in the sender's term, is committed."""

    term: int
    version: int


@dataclass(frozen=True, slots=True)
class MembersForward:
    """A client of the sender wants nodes added or removed; of added ones, ids and places are the leader's to give.

    `action` is add, remove, or keep (one that was to be removed).
    """

    request_id: str
    action: str
    nodes: tuple[ListedNode, ...]
    origin: Requester = NOBODY


@dataclass(frozen=True, slots=True)
class RequestApplied:
    """A leader has carried out a request that changed nothing in the CIB, or more than that."""

    term: int
    receipt: AppliedRequest


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Everything up to this version is on the sender's disk."""

    term: int
    version: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Resync:
    """The sender has missed an update and needs the whole CIB."""

    term: int


@dataclass(frozen=True, slots=True)
class Execute:
    """A leader has an action carried out; `key` is the transition key that the result will bear."""

    term: int
    caretaker: bool
    key: str
    action: GraphAction


@dataclass(frozen=True, slots=True)
class ActionRefused:
    """The sender did not carry an action out: the leader's term is over for it."""

    key: str
    because: str


@dataclass(frozen=True, slots=True)
class CleanHistory:
    """A leader has the history of a resource forgotten (None: of every one), or only some entries of it."""

    term: int
    resource: str | None
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeForward:
    """A change that a client asked of the sender, for the leader; only on the state of the CIB with that version.

    `if_term`: and of that term; None (older nodes): of any.
    """

    request_id: str
    change: Change
    if_version: tuple[int, int, int] | None = None
    origin: Requester = NOBODY
    if_term: int | None = None


@dataclass(frozen=True, slots=True)
class CleanupForward:
    """A cleanup that a client asked of the sender, for the leader. `everything`: older leaders always do that."""

    request_id: str
    resource: str | None
    node: str | None
    origin: Requester = NOBODY
    everything: bool = False


@dataclass(frozen=True, slots=True)
class StoreLossAccepted:
    """A person says that what the nodes here have is all that is left (see `crm.controller.leadership.lost_store`)."""

    by: str


@dataclass(frozen=True, slots=True)
class ReadForward:
    """A client of the sender reads, and wants to see all that was acknowledged before it asked."""

    request_id: str


@dataclass(frozen=True, slots=True)
class FollowProbe:
    """A leader asks whether the receiver still follows it; `number` comes back with the answer."""

    term: int
    number: int


@dataclass(frozen=True, slots=True)
class Following:
    """The sender follows the leader of that term, as it asked in its question `number`."""

    term: int
    number: int


@dataclass(frozen=True, slots=True)
class RequestAnswer:
    """The leader's answer to a forwarded request."""

    request_id: str
    version: tuple[int, int, int] | None = None
    term: int = 0
    code: str = ""
    message: str = ""
    hint: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class LeaveRequest:
    """The sender wants to shut down: its resources are to move away first."""


@dataclass(frozen=True, slots=True)
class Released:
    """The leader lets a node go."""

    term: int
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FenceOrder:
    """A leader has a fence device do something: one step of a fencing. Times in milliseconds.

    The agent is run after `delay_ms` and by chance up to `spread_ms` more. `conclusive`: its success means that the
    target is fenced, whoever leads by then; `incarnation`: which start of the target's daemon is meant.
    """

    term: int
    caretaker: bool
    order: str
    device: str
    agent: str
    parameters: Mapping[str, str]
    verb: str
    target: str
    port: str
    timeout_ms: Count
    delay_ms: Count = 0
    spread_ms: Count = 0
    conclusive: bool = False
    incarnation: str = ""


@dataclass(frozen=True, slots=True)
class FenceReport:
    """How such a step went. `unsupported`: the agent does not know the action."""

    order: str
    device: str
    target: str
    verb: str
    ok: bool
    output: str = ""
    reason: str = ""
    unsupported: bool = False
    conclusive: bool = False
    incarnation: str = ""


@dataclass(frozen=True, slots=True)
class FencingInFlight:
    """What a former leader has ordered, told to a new one: its end will be reported within `limit_ms`."""

    order: str
    device: str
    target: str
    verb: str
    incarnation: str
    limit_ms: Count


@dataclass(frozen=True, slots=True)
class FencingHistoryUpdate:
    """What has become of some fencings: everybody keeps the history."""

    records: tuple[FencingRecord, ...]


@dataclass(frozen=True, slots=True)
class FenceForward:
    """A client of the sender wants a node fenced: `action` is reboot, off, on, or confirm (it is off already)."""

    request_id: str
    target: str
    action: str
    origin: Requester = NOBODY


@dataclass(frozen=True, slots=True)
class AttributeUpdate:
    """Somebody on the sender sets a transient attribute of a node; no value removes it. None: the known dampening."""

    node: str
    name: str
    value: str | None
    dampening_ms: Count | None = None
    key: RequestKey | None = None


@dataclass(frozen=True, slots=True)
class AttributeAccepted:
    """The leader has taken a value for the receiver, which keeps it for the next leader."""

    name: str
    value: str | None
    dampening_ms: Count = 0


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """How busy the sender's machine is: its load average of the last minute, and its cores.

    `action_limit`: how many actions it takes at once by its own settings; 0 if they say nothing.
    """

    load: float
    cores: Count
    action_limit: Count = 0


@dataclass(frozen=True, slots=True)
class EndYourself:
    """The receiver is to end itself and all that it runs, at once."""

    term: int
    reason: str


@dataclass(frozen=True, slots=True)
class EndSafeMode:
    """The leader was asked for a cleanup: who is in safe mode tries again."""

    term: int


Message = (
    Announce
    | JoinRefused
    | VoteRequest
    | Vote
    | JoinOffer
    | JoinConfirm
    | CibPatch
    | NodeListCommitted
    | MembersForward
    | RequestApplied
    | Acknowledge
    | Resync
    | Execute
    | ActionRefused
    | CleanHistory
    | ActionResult
    | ChangeForward
    | CleanupForward
    | StoreLossAccepted
    | ReadForward
    | FollowProbe
    | Following
    | RequestAnswer
    | LeaveRequest
    | Released
    | FenceOrder
    | FenceReport
    | FencingInFlight
    | FencingHistoryUpdate
    | FenceForward
    | AttributeUpdate
    | AttributeAccepted
    | NodeLoad
    | EndYourself
    | EndSafeMode
)
