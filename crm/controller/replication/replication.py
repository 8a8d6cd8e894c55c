"""The CIB on every node: the leader orders and applies changes, the others follow, disks acknowledge.

A change of configuration is committed when as many of the configured nodes as make a quorum have it on disk. A change
of status is sent in the same order, never written, and not waited for. A follower that missed a step asks for the
whole.

A new leader takes office once as many disks have its term: whoever leads in office later then does so in a higher one.
Until then it changes no configuration and writes nothing, so that nothing of it can win over what others commit.

The list of the cluster's nodes (`crm.controller.membership.node_list`) travels with the CIB: its changes are steps of
that.

In a cluster whose parts can both be quorate (two nodes), a change is committed when every node that is not known to be
off has it, and a new leader takes office only once every node that is not here is known to be off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from crm.cib import patch
from crm.cib.changes import Patch
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.queries import recorded_nodes, transient_attribute
from crm.cib.status_updates import FailCountUpdate, StatusUpdate, TransientAttributeUpdate, apply_updates
from crm.cib.version import CibVersion
from crm.controller.cluster_state import Leadership, StoreState
from crm.controller.core import Core, configuration_version
from crm.controller.membership.node_list import NodeList
from crm.controller.parts import Part
from crm.controller.protocol.keys import FAILURES
from crm.controller.protocol.messages import Acknowledge, AttributeAccepted, CibPatch, JoinOffer, RequestApplied, Resync
from crm.controller.replication.dropped_configuration import DroppedConfiguration
from crm.controller.replication.idempotency import AppliedRequest

FLUSH_TIMER = "flush"
FLUSH_AFTER_S = 0.01
COMMIT_TIMER = "commit"
COMMIT_LIMIT_S = 20.0
"""After so long whoever waits for a change to be on disks is told that it is not."""


class Documents:
    """How documents travel from the leader to its followers."""

    def text(self, document: Document) -> str:
        """A CIB as it is sent whole."""
        return document.to_bytes().decode()

    def whole(self, text: str) -> Document:
        """A CIB that was sent whole. Raises CibError."""
        return Document.parse(text)

    def step(self, former: Document, document: Document) -> str:
        """The patch that leads from one to the next."""
        return patch.make(former, document).xml

    def next(self, document: Document, step: str) -> Document:
        """The CIB after a patch. Raises CibError."""
        return document.apply(Patch(step))


@dataclass(slots=True)
class _Untold:
    version: CibVersion
    then: Callable[[], None]


@dataclass(slots=True)
class _Uncommitted:
    """A change that waits for disks. `then`: see `Replication.advance`. `since`: epoch seconds."""

    version: CibVersion
    then: Callable[[str], None]
    since: float
    own: bool = False
    """Whether it is a step of the configuration that this leader has made in office."""


class Replication(Part):
    """Both sides of replication; which one acts follows from who leads."""

    def __init__(self, core: Core, welcomed: Callable[[JoinOffer], None], documents: Documents) -> None:
        self._core = core
        self._documents = documents
        self._welcomed = welcomed
        self._notes: list[StatusUpdate] = []
        self._acknowledged: dict[str, CibVersion] = {}
        self._uncommitted: list[_Uncommitted] = []
        self._untold: list[_Untold] = []
        self.dropped = DroppedConfiguration(core)
        self.own_term_committed = False
        """Whether something that this leader has made in its term is on enough disks."""

    # The leader's side

    def lead(self) -> None:
        """Take over: stamp the CIB with the new term, durably."""
        core = self._core
        self._acknowledged = {}
        self.own_term_committed = False
        assert core.leadership is not None
        core.tell_state()
        if core.leadership.caretaker:
            core.has_uncommitted_cib = core.may_commit = True
            return
        core.has_uncommitted_cib = False
        core.may_commit = False
        self.take_office()

    def node_off(self, name: str) -> None:
        """Nobody can be committing there."""
        self.take_office()

    def take_office(self) -> None:
        """Stamp the CIB with our term if nobody else can be doing so. Asked again as nodes are found to be off."""
        core = self._core
        elected = core.leadership is not None and core.leading and not core.leadership.caretaker
        if core.may_commit or not elected or not self._others_are_off() or not self._term_is_kept():
            return
        assert core.leadership is not None
        core.may_commit = core.caught_up = True
        core.taken_over = (configuration_version(core.document.version), core.hard_state.cib_term)
        core.stand(cib_term=core.leadership.term, store=StoreState.WHOLE)
        self._persist_own()

    def term_kept(self, name: str) -> None:
        """A member has our term on disk."""
        self._core.term_persisted_by.add(name)
        self.take_office()

    def _term_is_kept(self) -> bool:
        return self._core.enough(self._core.term_persisted_by)

    def _others_are_off(self) -> bool:
        core = self._core
        return not core.both_halves_quorate or self.not_off() <= set(core.view.names)

    def not_off(self) -> set[str]:
        """The voting nodes that are not known to be off."""
        return self._not_off_of(self._core.me.config.voters)

    def _not_off_of(self, names: Iterable[str]) -> set[str]:
        core, states = self._core, recorded_nodes(self._core.document)
        return {name for name in names if core.view.member(name) is not None
                or states.get(core.me.config.id_of(name), {}).get("expected") != "down"}

    def stop_leading(self) -> None:
        """Whoever waits for a commit learns that its fate is open."""
        waiting, self._uncommitted = self._uncommitted, []
        self._notes, self._untold = [], []
        for change in waiting:
            change.then("the DC lost its office before enough nodes had the change on disk")

    def welcome_for(self, leadership: Leadership, same: bool) -> JoinOffer:
        """What takes a member in; without the CIB if it has the same one."""
        core = self._core
        self.flush()
        core.welcome_serial += 1
        xml = None if same else self._documents.text(core.document)
        return JoinOffer(leadership.term, leadership.caretaker, core.view.number, core.hard_state.cib_term,
                         core.document.version, xml, core.welcome_serial, core.receipts.all(core.now), self._base(),
                         core.hard_state.nodes)

    def _base(self) -> tuple[int, int, int] | None:
        """What this leader has found; none as long as it has not taken office."""
        core = self._core
        if not core.may_commit or core.has_uncommitted_cib:
            return None
        (admin_epoch, epoch), term = core.taken_over
        return admin_epoch, epoch, term

    def note(self, *notes: StatusUpdate) -> None:
        """Record what happened, soon: notes that come together make one step."""
        if notes and not self._notes:
            self._core.set_timer(FLUSH_TIMER, FLUSH_AFTER_S)
        self._notes += notes

    def flush(self) -> None:
        """Make the step that the notes ask for."""
        notes, self._notes = self._notes, []
        if notes and self._core.leading:
            self.advance(apply_updates(self._core.document, notes))
            self._tell_failures(notes)

    def _tell_failures(self, notes: Iterable[StatusUpdate]) -> None:
        """Each node keeps its own fail counts for the next leader: that one may just have started, and lack them."""
        core = self._core
        counts = dict.fromkeys((note.node_id, note.name) for note in notes if isinstance(
            note, TransientAttributeUpdate | FailCountUpdate) and note.name.startswith(FAILURES))
        for node_id, name in counts:
            node = core.me.config.name_of(node_id)
            if node is not None and core.view.member(node) is not None:
                core.send(node, AttributeAccepted(name, transient_attribute(core.document, node_id, name)))

    def tell_all(self, note: StatusUpdate, then: Callable[[], None]) -> None:
        """Record what is about to happen; `then` when every other member has it, so that whoever leads next knows."""
        self.flush()
        document = apply_updates(self._core.document, [note])
        self.advance(document, acknowledged=True)
        self._untold.append(_Untold(document.version, then))
        self.check_told()

    def check_told(self) -> None:
        """Go on with what every other member (of those that are still here) knows."""
        others, had = set(self._core.view.names) - {self._core.me.name}, self._acknowledged
        told = [each for each in self._untold
                if all(name in had and had[name] >= each.version for name in others)]
        self._untold = [each for each in self._untold if each not in told]
        for each in told:
            each.then()

    def incarnation_of(self, name: str) -> str:
        """Which start of a node's daemon was the last to join, as the status has it; empty if none was recorded."""
        core = self._core
        return recorded_nodes(core.document).get(core.me.config.id_of(name), {}).get("incarnation", "")

    def advance(self, document: Document, then: Callable[[str], None] | None = None,
                receipt: AppliedRequest | None = None, acknowledged: bool = False,
                nodes: NodeList | None = None) -> None:
        """The leader's CIB becomes `document`; `then("")` once that is committed, `then(why)` if it is open.

        A change of configuration is acknowledged by the members, one of status only if that is asked for. `receipt`: of
        the request that this carries out. With `nodes` the list of nodes changes by the same step.
        """
        core = self._core
        assert core.leadership is not None and core.leading
        former = core.document
        if nodes is not None:
            core.take_nodes(nodes)
        durable = configuration_version(document.version) != configuration_version(former.version)
        if document is not former:
            update = CibPatch(core.leadership.term, core.leadership.caretaker, self._documents.step(former, document),
                              durable or acknowledged, receipt, core.hard_state.cib_term, nodes)
            core.adopt(document)
            core.broadcast(update)
            self._keep(receipt)
        elif receipt is not None:
            self.receipted(receipt)
        if durable:
            self._persist_own()
        self.take_office()
        if core.both_halves_quorate:
            # A node may just have been found to be off.
            self._check_committed()
        if then is not None:
            own = durable and core.may_commit and not core.leadership.caretaker
            self._uncommitted.append(_Uncommitted(document.version, then, core.now, own))
            if len(self._uncommitted) == 1:
                core.set_timer(COMMIT_TIMER, COMMIT_LIMIT_S)
            self._check_committed()

    def receipted(self, receipt: AppliedRequest) -> None:
        """A request was carried out that is no step of the CIB: everybody keeps the receipt."""
        core = self._core
        assert core.leadership is not None
        self._keep(receipt)
        core.persist(_nothing, with_document=False)
        core.broadcast(RequestApplied(core.leadership.term, receipt))

    def _keep(self, receipt: AppliedRequest | None) -> None:
        if receipt is not None:
            self._core.receipts.add(receipt)

    def acknowledged(self, sender: str, term: int, version: CibVersion) -> None:
        """A member has everything up to that version on disk."""
        core = self._core
        if not core.leading or core.leadership is None or core.leadership.term != term:
            return
        if version > core.document.version:
            core.log("warning", f"{sender} acknowledges version {version}, which {core.me.name} has not reached")
            return
        self._acknowledged[sender] = max(version, self._acknowledged.get(sender, version))
        if not core.leadership.caretaker:
            self.term_kept(sender)
        self._check_committed()
        self.check_told()

    def resync(self, sender: str) -> None:
        """A member has missed a step: send it everything."""
        if self._core.leading and self._core.leadership is not None:
            self._core.send(sender, self.welcome_for(self._core.leadership, same=False))

    def _persist_own(self) -> None:
        core = self._core
        if not core.may_commit:
            return
        version, term = core.document.version, core.hard_state.term
        core.persist(lambda: self.acknowledged(core.me.name, term, version), with_document=True)

    def _check_committed(self) -> None:
        while self._uncommitted and self._is_committed(self._uncommitted[0].version):
            change = self._uncommitted.pop(0)
            self.own_term_committed = self.own_term_committed or change.own
            change.then("")
        if not self._uncommitted:
            self._core.cancel_timer(COMMIT_TIMER)

    def commit_timer(self) -> None:
        """Whoever has waited too long for disks is told which ones."""
        core = self._core
        while self._uncommitted and self._uncommitted[0].since + COMMIT_LIMIT_S <= core.now:
            change = self._uncommitted.pop(0)
            having = self._having(change.version)
            whose = ", ".join(sorted(having)) or "no node"
            without = ", ".join(sorted(set(core.me.config.names) - having))
            change.then(f"{core.disks_needed} disks must have it, and only {whose} says so, not {without}: "
                        "are they down, or their disks full?")
        if self._uncommitted:
            core.set_timer(COMMIT_TIMER, max(0.1, self._uncommitted[0].since + COMMIT_LIMIT_S - core.now))

    def _having(self, version: CibVersion) -> set[str]:
        """Who has the configuration of that version on disk."""
        wanted = configuration_version(version)
        return {name for name, acknowledged in self._acknowledged.items()
                if configuration_version(acknowledged) >= wanted}

    def _is_committed(self, version: CibVersion) -> bool:
        core = self._core
        having = self._having(version)
        if core.leadership is not None and core.leadership.caretaker:
            return having >= set(core.view.names)
        return self.decides(having)

    def decides(self, names: set[str]) -> bool:
        """Whether those are enough to keep a change for good, so that nobody decides without one of them."""
        if not self._by_former_list(names):
            return False
        return names >= self.not_off() if self._core.both_halves_quorate else self._core.enough(names)

    def _by_former_list(self, having: set[str]) -> bool:
        """A change of the node list that this leader has made is for the former voters to keep, too."""
        core, nodes = self._core, self._core.hard_state.nodes
        if nodes is None or nodes.settled or nodes.term != core.hard_state.term:
            return True
        if nodes.two_node and len(nodes.former) == 2:
            return having >= self._not_off_of(nodes.former)
        return core.me.config.by_former(having)

    @property
    def acknowledged_by(self) -> Mapping[str, CibVersion]:
        """How far the members have acknowledged, in this leader's reign."""
        return self._acknowledged

    @property
    def open_promises(self) -> int:
        """How many wait for disks, or for all to be told."""
        return len(self._uncommitted) + len(self._untold)

    # The follower's side

    def read(self, welcome: JoinOffer) -> Document | None:
        """The CIB that comes with a welcome; None if it is the present one. Raises CibError."""
        return None if welcome.cib is None else self._documents.whole(welcome.cib)

    def take_whole(self, sender: str, welcome: JoinOffer, document: Document | None) -> None:
        """Take the leader's CIB, as `read` has found it, bring it to disk, acknowledge."""
        core = self._core
        self.dropped.look(sender, welcome)
        if document is not None:
            core.adopt(document)
        else:
            core.tell_state()
        core.receipts.replace(welcome.receipts)
        core.has_uncommitted_cib = welcome.caretaker
        # What an elected DC has is all that there is: from now on this store can be trusted.
        core.stand(cib_term=welcome.cib_term, store=core.hard_state.store if welcome.caretaker else StoreState.WHOLE)
        self._acknowledge_when_durable()
        self._welcomed(welcome)

    def update(self, sender: str, update: CibPatch) -> None:
        """Take the next step."""
        core = self._core
        held = core.leadership
        if held is None or held.name != sender or (held.term, held.caretaker) != (update.term, update.caretaker):
            return
        if update.cib_term is not None and update.cib_term > update.term:
            core.log("warning", f"{sender} tells of a CIB of term {update.cib_term} in term {update.term}: let go by")
            return
        try:
            core.adopt(self._documents.next(core.document, update.patch))
        except CibError as error:
            core.log("notice", f"asking {sender} for the whole CIB: {error}")
            core.send(sender, Resync(update.term))
            return
        self._keep(update.receipt)
        if update.cib_term is not None:
            core.stand(cib_term=update.cib_term)
        if update.nodes is not None and core.hard_state.nodes is not None:
            core.take_nodes(update.nodes)
        if update.durable:
            self._acknowledge_when_durable()

    def take_receipt(self, sender: str, message: RequestApplied) -> None:
        """The leader has carried out a request."""
        held = self._core.leadership
        if held is not None and held.name == sender and held.term == message.term:
            self._keep(message.receipt)
            self._core.persist(_nothing, with_document=False)

    def _acknowledge_when_durable(self) -> None:
        core = self._core
        held = core.leadership
        assert held is not None
        acknowledge = Acknowledge(held.term, core.document.version)
        complete = not held.caretaker and self._others_are_off()

        def durable() -> None:
            core.caught_up = core.caught_up or complete
            core.send(held.name, acknowledge)

        core.persist(durable, with_document=True)


def _nothing() -> None:
    """Nobody waits for this to be on disk."""
