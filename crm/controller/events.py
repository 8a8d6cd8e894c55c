"""What happens to a controller: everything that `Controller.handle` understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crm.cib.changes import Change
from crm.cib.version import SeenVersion
from crm.controller.cluster_state import View
from crm.controller.membership.node_list import ListedNode, NodeList
from crm.controller.protocol.messages import Message
from crm.controller.replication.idempotency import NOBODY, Requester
from crm.model.transition import AgentReference, Transition


@dataclass(frozen=True, slots=True)
class Started:
    """The daemon is up: said once, before anything else."""


@dataclass(frozen=True, slots=True)
class ViewInstalled:
    """The message layer agreed on a new view."""

    view: View


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message from a member of the view. `number`: which of its messages it is (see
    `crm.controller.protocol.message_dedup`).
    """

    sender: str
    message: Message
    number: int = 0


@dataclass(frozen=True, slots=True)
class NodesHeard:
    """A peer that the message layer has met has this list of nodes."""

    peer: str
    nodes: NodeList


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer set by a `SetTimer` has run out."""

    name: str


@dataclass(frozen=True, slots=True)
class Persisted:
    """Everything up to that token is on disk."""

    token: int


@dataclass(frozen=True, slots=True)
class PersistFailed:
    """What was asked for up to that token is not on disk, nor will be soon: it is full, or hangs. It is tried again."""

    token: int


@dataclass(frozen=True, slots=True)
class PlanReady:
    """The answer to a `MakePlan`; None and a reason when planning failed.

    `remedy`: what can be done where not the plan but the machine is the cause (no memory, no process).
    """

    plan_id: int
    transition: Transition | None
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class AgentTraits:
    """What an agent's metadata says that the history needs: names of reloadable and of private parameters."""

    reloadable: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    can_reload: bool = False


@dataclass(frozen=True, slots=True)
class OperationEnded:
    """An operation of this node's executor has a result; a recurring one reports again whenever its result changes.

    `status` and `rc` are Pacemaker's numbers; `started_at` is in epoch seconds. `agent` and `parameters`: what it ran
    with, which need not be what was ordered: a resource is stopped by what it was started with. None: as ordered.
    """

    call_id: int
    status: int
    rc: int
    exit_reason: str = ""
    output: str = ""
    started_at: float = 0.0
    run_ms: int = 0
    queue_ms: int = 0
    agent: AgentReference | None = None
    parameters: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FencingEnded:
    """A fence agent of this node has ended; `unsupported` when it does not know the action."""

    order: str
    ok: bool
    output: str = ""
    reason: str = ""
    unsupported: bool = False


@dataclass(frozen=True, slots=True)
class AgentDescribed:
    """An agent's metadata has been read."""

    agent: AgentReference
    traits: AgentTraits


@dataclass(frozen=True, slots=True)
class ChangeRequested:
    """A client of this node wants a change of the CIB."""

    request_id: str
    change: Change
    if_seen: SeenVersion | None = None
    origin: Requester = NOBODY


@dataclass(frozen=True, slots=True)
class LossAcceptanceRequested:
    """A person says that what the nodes here have is all that is left of the cluster's configuration."""

    request_id: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class ReadRequested:
    """A client wants to read what is at least as new as its question (see `crm.controller.replication.read_index`)."""

    request_id: str


@dataclass(frozen=True, slots=True)
class CleanupRequested:
    """A client wants failures of a resource forgotten; None means every one; `everything`: whole histories."""

    request_id: str
    resource: str | None = None
    node: str | None = None
    origin: Requester = NOBODY
    everything: bool = False


@dataclass(frozen=True, slots=True)
class FencingRequested:
    """A client wants a node fenced: `action` is reboot, off or on; confirm (a person has made sure that it is off); or
    test (ask its devices, and do nothing).
    """

    request_id: str
    target: str
    action: str
    origin: Requester = NOBODY


@dataclass(frozen=True, slots=True)
class MembersRequested:
    """A client wants nodes added to the cluster or removed from it (see
    `crm.controller.protocol.messages.MembersForward`).
    """

    request_id: str
    action: str
    nodes: tuple[ListedNode, ...]
    origin: Requester = NOBODY


@dataclass(frozen=True, slots=True)
class AttributeRequested:
    """A client sets a transient attribute of a node; no value removes it. `value++` and `value+=N` add.

    `dampening_ms`: how long nothing must change before it is written; None: as it was.
    """

    request_id: str
    node: str
    name: str
    value: str | None
    dampening_ms: int | None = None
    origin: Requester = NOBODY


@dataclass(frozen=True, slots=True)
class LoadMeasured:
    """This machine's load average of the last minute, and how many cores it has."""

    load: float
    cores: int


@dataclass(frozen=True, slots=True)
class ShutdownRequested:
    """This node is to leave: its resources move away first."""


@dataclass(frozen=True, slots=True)
class ReplanRequested:
    """Somebody wants the cluster to look again, though nothing changed."""

    reason: str = "requested"
    details: Mapping[str, str] = field(default_factory=dict)


Event = (
    Started
    | ViewInstalled
    | NodesHeard
    | MessageReceived
    | TimerFired
    | Persisted
    | PersistFailed
    | PlanReady
    | OperationEnded
    | FencingEnded
    | AgentDescribed
    | ChangeRequested
    | LossAcceptanceRequested
    | ReadRequested
    | CleanupRequested
    | FencingRequested
    | AttributeRequested
    | MembersRequested
    | LoadMeasured
    | ShutdownRequested
    | ReplanRequested
)
