"""The contract of a message layer, the values it deals in, and how a layer is found by name.

What every layer promises
- A view is a set of members that agreed on each other. A node receives only from members of its view, and what it sends
  reaches only members of its view; `broadcast` goes to all others.
- Per sender, order is kept and nothing is delivered twice. A message may be lost only when its sender or receiver
  leaves the view or the link between them broke, and then a new view follows.
- Between ViewDoubted and ViewConfirmed nobody should act upon the view. A layer may never doubt.
- `events` yields what happened in order, the first ViewChanged soon after `join`. A node is always in its own view.
"""

from __future__ import annotations

import errno
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, runtime_checkable

from crm.controller.membership.node_list import NodeList
from crm.messaging.quorum import QuorumRule

ENTRY_POINT_GROUP = "crm.message_layers"
_OWN = {
    "memory": "crm.messaging.memory:MemoryLayer",
    "embedded": "crm.messaging.embedded:EmbeddedLayer",
    "corosync": "crm.messaging.corosync:CorosyncLayer",
    "etcd": "crm.messaging.etcd:EtcdLayer",
}


class LayerError(Exception):
    """The layer cannot work: `code` is stable, the message says what and where, the hint what to do next."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """A configured node: its name, its id in the CIB, and where it listens."""

    name: str
    id: str
    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, slots=True)
class EtcdAccess:
    """How the etcd layer reaches its servers; files are paths of PEM files.

    lease_s  a node that has not renewed its lease for so many seconds is lost, and knows it before the others do
    """

    endpoints: tuple[str, ...]
    lease_s: int = 5
    prefix: str = "/crmd/"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


EARLIEST_LOSS = 0.75
"""The share of the failure limit before which no silent member is given up, however punctual it was."""


@dataclass(frozen=True, slots=True)
class LayerSettings:
    """All that a layer may need to know.

    key              the shared secret (at least 16 bytes) that members prove before anything else is parsed
    further_keys     others that are accepted, too, while the key is being changed
    heartbeat_ms     how often a silent link says that it lives
    failure_limit_ms a member that is silent for longer is lost, whatever else is known of it
    restart_limit_ms how long a node whose port takes connections, but whose daemon is gone, is given to come back
    listening        a socket that listens at this node's address already (a supervisor holds it)
    incarnation      what tells this start of the node from its others, told to all in `LayerMember.incarnation`
    """

    name: str
    cluster: str
    nodes: tuple[NodeAddress, ...]
    key: bytes = field(repr=False)
    quorum: QuorumRule = field(default_factory=QuorumRule)
    heartbeat_ms: int = 200
    failure_limit_ms: int = 800
    reconnect_limit_ms: int = 500
    restart_limit_ms: int = 3000
    max_message_bytes: int = 32 * 1024 * 1024
    listening: socket.socket | None = field(default=None, repr=False, compare=False)
    incarnation: str = field(default_factory=lambda: uuid.uuid4().hex)
    etcd: EtcdAccess | None = None
    further_keys: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """All keys that are accepted, the one that this node proves first."""
        return (self.key, *self.further_keys)

    @property
    def earliest_loss_ms(self) -> float:
        """A member that says nothing is not given up before that: who was silent for longer may have been."""
        return EARLIEST_LOSS * self.failure_limit_ms

    @property
    def view_patience_ms(self) -> float:
        """How long a view may rest on links that are gone.

        When one end has found a peer silent, the other may take as long to find that out, and a heartbeat to look.
        """
        return self.failure_limit_ms + 2 * self.heartbeat_ms

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all configured nodes, in the order of the list."""
        return tuple(node.name for node in self.nodes)

    def node(self, name: str) -> NodeAddress | None:
        """The configured node of that name."""
        return next((node for node in self.nodes if node.name == name), None)

    def check(self) -> None:
        """Refuse settings that contradict each other. Raises LayerError."""
        if self.node(self.name) is None:
            raise LayerError(
                "node-not-listed",
                f"this node is named {self.name!r}, but the configured nodes are {', '.join(self.names) or '(none)'}",
                "set the node's name to one of them, or add it to the node list on every node",
            )
        duplicates = sorted({name for name in self.names if self.names.count(name) > 1})
        if duplicates:
            raise LayerError("node-listed-twice", f"node {', '.join(duplicates)} is listed more than once",
                             "give each node one entry")
        if self.failure_limit_ms < 3 * self.heartbeat_ms:
            raise LayerError(
                "failure-limit-too-short",
                f"failure_limit_ms = {self.failure_limit_ms} leaves no room for a lost heartbeat "
                f"(heartbeat_ms = {self.heartbeat_ms})",
                f"use at least {3 * self.heartbeat_ms}",
            )
        try:
            self.quorum.check(self.names)
        except ValueError as error:
            raise LayerError("quorum-mode", str(error)) from None


@dataclass(frozen=True, slots=True)
class LayerMember:
    """A member of a view; `joined_at` in epoch seconds, kept while it stays; `incarnation` differs after a restart."""

    name: str
    id: str
    joined_at: int
    incarnation: str = ""


@dataclass(frozen=True, slots=True)
class LayerViewChanged:
    """A new view: numbers only grow at any one node.

    needed  how many members a DC's election and a change's safety need, where the layer's own quorum is not the
            configured rule (corosync with a quorum device, say); None: by the rule of the settings
    splits  given `disks_needed`: whether both parts of a split can be quorate (corosync's two_node), so that only
    fencing
            tells which of them goes on
    silent_s  how long a member that was lost had been silent when it was given up, where the layer knows
    """

    number: int
    members: tuple[LayerMember, ...]
    quorate: bool
    disks_needed: int | None = None
    both_halves_quorate: bool = False
    silent_s: float | None = field(default=None, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The members' names, sorted."""
        return tuple(member.name for member in self.members)


@dataclass(frozen=True, slots=True)
class ViewDoubted:
    """Since that moment nobody can tell whether the view holds: what the layer rests on does not answer."""

    since_s: float


@dataclass(frozen=True, slots=True)
class ViewConfirmed:
    """The view installed last holds, by something from the others that was sent after `since_s` (monotonic clock)."""

    since_s: float


@dataclass(frozen=True, slots=True)
class ListHeard:
    """A peer that proved the key has another list of the cluster's nodes, perhaps a newer one."""

    peer: str
    nodes: NodeList


@dataclass(frozen=True, slots=True)
class Received:
    """A message from a member of the view."""

    sender: str
    message: bytes


LayerEvent = LayerViewChanged | Received | ViewDoubted | ViewConfirmed | ListHeard


class MessageLayer(Protocol):
    """See the module's docstring for what is promised."""

    async def join(self) -> None:
        """Take part. Raises LayerError when that is impossible (a port in use, a contradiction in the settings)."""

    async def send(self, to: str, message: bytes) -> None:
        """Send to one member; what is for a node outside the view is dropped. To oneself: delivered in order."""

    async def broadcast(self, message: bytes) -> None:
        """Send to all other members of the view."""

    def events(self) -> AsyncIterator[LayerEvent]:
        """What happens, in order, until `leave`."""

    def look(self) -> None:
        """This node slept: find out whether its view still holds. ViewConfirmed follows, after a new view or without.

        A view of this node alone, without quorum, needs nobody's word.
        """

    async def leave(self) -> None:
        """Leave cleanly: the others see a new view at once."""


@runtime_checkable
class BeatingLayer(Protocol):
    """A layer whose members tell by what they send that they live. `before_beat` is called each time, beforehand.

    What has passed since the last time is how long the others may have heard nothing of this node.
    """

    before_beat: Callable[[], None]


@runtime_checkable
class ListedLayer(Protocol):
    """A layer whose nodes are those of the cluster's own list, which the controllers keep."""

    refusals: dict[str, str]
    """Peers that this node is not linked with because one has refused the other, and why."""

    def use_nodes(self, nodes: NodeList) -> None:
        """From now on the cluster consists of these: said before `join`, and with every change."""

    def use_keys(self, keys: tuple[bytes, ...]) -> None:
        """Prove the first of these keys to peers, and accept any of them, on connections to come."""


class LayerFactory(Protocol):
    """What an entry point of the group names: a class or function that makes a layer."""

    def __call__(self, settings: LayerSettings) -> MessageLayer: ...


def complete(factory: LayerFactory, settings: LayerSettings) -> LayerSettings:
    """Let a layer that knows the cluster itself fill in what the settings leave open. Raises LayerError."""
    filled: LayerSettings = getattr(factory, "complete", lambda given: given)(settings)
    return filled


def check_size(message: bytes, most_bytes: int) -> None:
    """Raises LayerError (message-too-large)."""
    if len(message) > most_bytes:
        raise LayerError("message-too-large", f"a message of {len(message)} bytes is over the limit of {most_bytes}",
                         "raise max_message_bytes on every node")


def listen_error(node: NodeAddress, error: OSError) -> LayerError:
    """Why a node cannot listen, said so that it can be mended."""
    where = f"{node.host} port {node.port}"
    if error.errno == errno.EADDRINUSE:
        return LayerError("port-in-use", f"cannot listen on {where}: another process does already",
                          "is this node's crmd already running? otherwise give the node another port")
    return LayerError("cannot-listen", f"cannot listen on {where}: {error.strerror or error}",
                      "check that the address listed for this node is one of its own")


def find_layer(name: str) -> LayerFactory:
    """The layer registered under that name. Raises LayerError with the known names."""
    # Our own are also there when crmd runs from a source tree that was never installed.
    points = {own: EntryPoint(own, place, ENTRY_POINT_GROUP) for own, place in _OWN.items()}
    points |= {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in points:
        raise LayerError("unknown-message-layer", f"no message layer is named {name!r}",
                         f"installed layers: {', '.join(sorted(points))}")
    factory: LayerFactory = points[name].load()
    return factory
