"""What the parts of a controller share: identity, time, the CIB, who leads, and the way commands go out.

Not a place for decisions: every rule lives in the part that it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from crm.cib.document import Document
from crm.cib.status_updates import RootUpdate
from crm.cib.version import CibVersion, SeenVersion
from crm.controller.cluster_state import CibPosition, ClusterConfig, Leadership, Member, View
from crm.controller.commands import (
    Broadcast,
    CancelTimer,
    CibStateAdopted,
    Command,
    Log,
    NodesListed,
    Persist,
    Send,
    SetTimer,
    StatusChanged,
)
from crm.controller.hard_state import HardState
from crm.controller.membership.node_list import NodeList
from crm.controller.protocol.message_dedup import MessageNumbers
from crm.controller.protocol.messages import Message
from crm.controller.replication.idempotency import AppliedRequests
from crm.model.release import NEWEST_SCHEMA, THIS, Release

EMPTY_CIB = (
    f'<cib validate-with="{NEWEST_SCHEMA}" admin_epoch="0" epoch="0" num_updates="0">'
    "<configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>"
)


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """This node: its name and id, what tells this start of its daemon from others, and the cluster's shape."""

    name: str
    id: str
    incarnation: str
    config: ClusterConfig


@dataclass(slots=True, eq=False)
class _Wait:
    """What goes on once the disk has everything up to that token; `meanwhile`, once, if the disk is found to fail."""

    token: int
    then: Callable[[], None]
    meanwhile: Callable[[], None] | None


class Core:
    """Shared state of one controller. `now` is epoch seconds, set before each event."""

    def __init__(self, me: NodeIdentity, hard_state: HardState, document: Document | None,
                 release: Release = THIS) -> None:
        self.me = me if hard_state.nodes is None else replace(me, config=hard_state.nodes.config())
        self.release = release
        self.now = 0.0
        self.hard_state = hard_state
        self.document = document or Document.parse(EMPTY_CIB)
        self.view = View(0, (Member(me.name, me.id, 0, me.incarnation),), False)
        self.doubted = False
        """Whether this view counts as one without quorum, because too few of its stores are whole."""
        self.leadership: Leadership | None = None
        self.has_uncommitted_cib = False
        self.may_commit = True
        """Whether this node, as leader, may change the configuration: nobody else can be doing so."""
        self.caught_up = False
        """Whether this node has had, since its daemon started, the CIB that holds all that was committed until then."""
        self.safe_mode = False
        """Whether this node begins nothing (see `crm.controller.leadership.safe_mode`)."""
        self.term_persisted_by: set[str] = set()
        """While this node leads: who is known to have its term on disk."""
        self.unsynced_members: set[str] = set()
        """Members that follow this node as leader, and that no DC with quorum has had since their daemons started."""
        self.commands: list[Command] = []
        self.to_self: list[Message] = []
        self.taken_over = (configuration_version(self.document.version), hard_state.cib_term)
        """Version and term of the configuration that this node found when it took office."""
        self.seen_all = False
        """Whether all voters were in one view since this node started."""
        self.said_off: set[str] = set()
        """Nodes that this one need not have seen, because a person has said that they are off."""
        self.waits_for: tuple[str, ...] = ()
        """Without whom this view, large enough, does not count as quorate."""
        self.lease_margin_ms = 0
        """How long after others have lost this node it may renew its lease, in vain; 0: it keeps none."""
        self.receipts = AppliedRequests()
        """Of the requests that were carried out under a key."""
        self.numbers = MessageNumbers()
        self.welcome_serial = 0
        """Of the last welcome that this node, as leader, has sent."""
        self._token = 0
        self._durable_waits: list[_Wait] = []

    def see(self, view: View) -> None:
        """Take a new view.

        Where both parts of a split can be quorate, a part may have committed changes alone while this node was away.
        Until it is in step it does not count itself quorate without the others, whatever the message layer says. Who is
        said to be off needs not be waited for, until it is seen again.
        """
        self.said_off -= set(view.names)
        missing = set(self.me.config.voters) - set(view.names) - self.said_off
        self.seen_all = self.seen_all or not missing
        self.view = view
        self.doubted = False
        waits = False
        if self.hard_state.nodes is not None:
            # The list is the cluster's own: the message layer may know another one.
            self.view = view = replace(view, quorate=self.me.config.quorate(view.names, self.seen_all))
            waits = not view.quorate and self.me.config.enough(view.names)
        if view.quorate and missing and self._may_lack_changes():
            self.log("warning", f"{self.me.name} has not had the cluster's CIB since it started, and waits for it")
            self.view = replace(view, quorate=False)
            waits = True
        self.waits_for = tuple(sorted(missing)) if waits else ()

    def _may_lack_changes(self) -> bool:
        """Whether others may have changed the CIB alone meanwhile, and this cluster cares (`wait_for_all`)."""
        cares = self.hard_state.nodes is None or self.hard_state.nodes.wait_for_all
        return self.both_halves_quorate and cares and not self.caught_up

    def doubt_quorum(self, doubted: bool) -> None:
        """Count this view as one without quorum, or do so no more."""
        self.doubted = doubted
        self.view = replace(self.view, quorate=not doubted)
        self.changed("members")

    def take_nodes(self, nodes: NodeList) -> None:
        """From now on the cluster consists of these nodes: as of this moment they are what is counted by."""
        if nodes == self.hard_state.nodes:
            return
        self.stand(nodes=nodes)
        self.me = replace(self.me, config=nodes.config())
        self.emit(NodesListed(nodes))
        doubted = self.doubted
        self.see(self.view)
        if doubted:
            self.doubt_quorum(True)
        self.changed("members")

    @property
    def leading(self) -> bool:
        """Whether this node is the elected DC or the caretaker."""
        return self.leadership is not None and self.leadership.name == self.me.name

    @property
    def disks_needed(self) -> int:
        """How many of the configured nodes elect a DC, and have a change on disk before it is acknowledged."""
        return self.me.config.disks_needed if self.view.disks_needed is None else self.view.disks_needed

    def enough(self, names: Collection[str]) -> bool:
        """Whether those elect a DC, and whether a change that they have on disk is safe."""
        if self.view.disks_needed is None:
            return self.me.config.enough(names)
        return len(set(names) & set(self.me.config.voters)) >= self.view.disks_needed

    @property
    def both_halves_quorate(self) -> bool:
        """Whether both parts of a split can be quorate, so that only fencing tells which of them goes on."""
        return self.me.config.both_halves_quorate if self.view.disks_needed is None else self.view.both_halves_quorate

    @property
    def position(self) -> CibPosition:
        """How far this node's CIB has come."""
        return CibPosition(self.hard_state.cib_term, *self.document.version)

    @property
    def seen(self) -> SeenVersion:
        """The state of this node's CIB, as it is told to those who read it."""
        return SeenVersion(self.document.version, self.hard_state.cib_term)

    def is_present(self, seen: SeenVersion) -> bool:
        """Whether the configuration is still the one that somebody has read."""
        if configuration_version(seen.version) != configuration_version(self.document.version):
            return False
        return seen.term is None or seen.term in self._terms_of_configuration()

    def _terms_of_configuration(self) -> tuple[int, ...]:
        """The terms that the present configuration was of: leaders stamp the one that they find with their own."""
        if configuration_version(self.document.version) != self.taken_over[0]:
            return (self.hard_state.cib_term,)
        return (self.hard_state.cib_term, self.taken_over[1])

    @property
    def feature_set(self) -> str:
        """The cluster's: what every node understands (see `crm.controller.protocol.releases`)."""
        return str(self.document.root.get("crm_feature_set") or self.release.feature_set)

    @property
    def dc(self) -> str | None:
        """The name of the leader."""
        return self.leadership.name if self.leadership else None

    def emit(self, command: Command) -> None:
        """Have something done, after all that was asked for before."""
        self.commands.append(command)

    def send(self, to: str, message: Message) -> None:
        """Send to a member; what is for this node itself is handled before `handle` returns."""
        if to == self.me.name:
            self.to_self.append(message)
        elif self.view.member(to) is not None:
            self.emit(Send(to, message, self.numbers.next()))

    def broadcast(self, message: Message) -> None:
        """Send to all other members."""
        if len(self.view.members) > 1:
            self.emit(Broadcast(message, self.numbers.next()))

    def set_timer(self, name: str, after_s: float) -> None:
        """Have `TimerFired(name)` happen in that many seconds."""
        self.emit(SetTimer(name, self.now + after_s))

    def cancel_timer(self, name: str) -> None:
        """Forget a timer."""
        self.emit(CancelTimer(name))

    def log(self, level: str, message: str) -> None:
        """A line for the log."""
        self.emit(Log(level, message))

    def changed(self, what: str) -> None:
        """Tell those who look on."""
        self.emit(StatusChanged(what))

    def stand(self, **changes: object) -> None:
        """Change the standing in memory; `persist` makes it durable."""
        self.hard_state = replace(self.hard_state, **changes)  # type: ignore[arg-type]

    def persist(self, then: Callable[[], None], with_document: bool,
                meanwhile: Callable[[], None] | None = None) -> None:
        """Bring the standing (and the CIB) to disk, and then go on with `then`; `meanwhile` if the disk fails."""
        self._token += 1
        self._durable_waits.append(_Wait(self._token, then, meanwhile))
        self.emit(Persist(self._token, self.hard_state, self.document if with_document else None))

    def persisted(self, token: int) -> None:
        """The disk has everything up to `token`."""
        due = [each for each in self._durable_waits if each.token <= token]
        self._durable_waits = [each for each in self._durable_waits if each.token > token]
        for each in due:
            each.then()

    def not_persisted(self, token: int) -> None:
        """The disk fails to take what was asked for up to `token`."""
        for each in [each for each in self._durable_waits if each.token <= token]:
            meanwhile, each.meanwhile = each.meanwhile, None
            if meanwhile is not None:
                meanwhile()

    def root_note(self) -> RootUpdate:
        """What the leader says of the cluster on the CIB's root element."""
        quorate = "1" if self.view.quorate else "0"
        return RootUpdate({"dc-uuid": self.me.id, "have-quorum": quorate, "crm_feature_set": self.feature_set})

    def adopt(self, document: Document) -> None:
        """Take the next state of the CIB."""
        self.document = document
        self.tell_state()
        self.changed("cib")

    def tell_state(self) -> None:
        """Say which state the CIB is in, and in whose reign."""
        self.emit(CibStateAdopted(self._reign(), self.document))

    def _reign(self) -> str:
        held = self.leadership
        assert held is not None, "only a leader's CIB is taken"
        return f"{held.term}~{held.name}~{held.incarnation}" if held.caretaker else str(held.term)


def configuration_version(version: CibVersion) -> tuple[int, int]:
    """The part of a version that disks keep."""
    return (version.admin_epoch, version.epoch)
