"""What a controller wants done: the shell performs these in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crm.cib.document import Document
from crm.cib.version import CibVersion
from crm.controller.hard_state import HardState
from crm.controller.membership.node_list import NodeList
from crm.controller.protocol.messages import FenceOrder, Message
from crm.model.release import Objection
from crm.model.transition import GraphAction, Transition


@dataclass(frozen=True, slots=True)
class Send:
    """Send to one other member. `number`: see `crm.controller.protocol.message_dedup`."""

    to: str
    message: Message
    number: int


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Send to all other members. `number`: see `crm.controller.protocol.message_dedup`."""

    message: Message
    number: int


@dataclass(frozen=True, slots=True)
class Persist:
    """Bring this to disk, then say `Persisted(token)`.

    Of several that wait, only the last standing and the last document need be written, the standing first.
    """

    token: int
    hard_state: HardState
    document: Document | None


@dataclass(frozen=True, slots=True)
class MakePlan:
    """Compute a transition for this document, away from the event loop, then say `PlanReady`. `now`: epoch seconds."""

    plan_id: int
    document: Document
    now: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Say `TimerFired(name)` at this time (epoch seconds); replaces a timer of the same name."""

    name: str
    at: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget a timer."""

    name: str


@dataclass(frozen=True, slots=True)
class RunOperation:
    """Have this node's executor carry out an action; its results are `OperationEnded(call_id, …)`."""

    call_id: int
    action: GraphAction
    key: str


@dataclass(frozen=True, slots=True)
class CancelOperation:
    """End a recurring operation of this node's executor; all of the resource's when `operation` is None."""

    resource: str
    operation: str | None = None
    interval_ms: int = 0


@dataclass(frozen=True, slots=True)
class RunFencing:
    """Have this node's executor run a fence agent; its end is `FencingEnded(order.order, …)`."""

    order: FenceOrder


@dataclass(frozen=True, slots=True)
class SendAlert:
    """Have this node's executor run an alert agent. `at`: epoch seconds of the event, for its timestamps."""

    path: str
    environment: Mapping[str, str]
    timeout_ms: int
    timestamp_format: str
    at: float


@dataclass(frozen=True, slots=True)
class FenceSelf:
    """End this node and everything that its agents started, at once: others count on it. Nothing comes after this."""

    reason: str


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """The end of a client's request: a version when it was committed, else why not. `count`: what a cleanup touched."""

    request_id: str
    version: CibVersion | None = None
    term: int = 0
    code: str = ""
    message: str = ""
    hint: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class TransitionBegun:
    """A transition begins; `document` is what it was planned from, `planned_at` when (epoch seconds)."""

    number: int
    term: int
    document: Document
    planned_at: int
    transition: Transition


@dataclass(frozen=True, slots=True)
class ActionTiming:
    """When an action was handed out and when its result came (epoch seconds); None while there is none."""

    action_id: int
    begun_at: float
    ended_at: float | None = None
    ok: bool | None = None


@dataclass(frozen=True, slots=True)
class TransitionEnded:
    """It is over. `outcome`: complete, stopped, terminated, or dropped when the node leads no more."""

    number: int
    outcome: str
    reason: str
    ended_at: float
    timings: tuple[ActionTiming, ...]


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """Something that people look at has changed: who leads, who is here, the CIB, a transition."""

    what: str


@dataclass(frozen=True, slots=True)
class CibStateAdopted:
    """This node's CIB is at its next state. Every node of a reign goes through the same ones in the same order.

    `reign` names whose order they are in: the term of an elected DC (each term has one), and for a caretaker, which
    shares its term with others, its name and start as well. Within a reign, versions only rise.
    """

    reign: str
    document: Document


@dataclass(frozen=True, slots=True)
class NodesListed:
    """The cluster consists of these nodes now: the message layer is to know them, and to let go of all others."""

    nodes: NodeList


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the log; `level` as in the logging module's names."""

    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """This node's part is over: leave the cluster and end the daemon, which was refused if there is an objection.

    `let_go`: the cluster knows, and counts on nothing of what ran here.
    """

    reason: str
    objection: Objection | None = None
    let_go: bool = False


Command = (
    Send
    | Broadcast
    | Persist
    | MakePlan
    | SetTimer
    | CancelTimer
    | RunOperation
    | CancelOperation
    | RunFencing
    | SendAlert
    | FenceSelf
    | RequestAnswered
    | TransitionBegun
    | TransitionEnded
    | StatusChanged
    | CibStateAdopted
    | NodesListed
    | Log
    | Terminate
)
