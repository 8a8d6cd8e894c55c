"""Members come and go: the leader takes them in, records them, and notices who is lost.

A member is joined once it has the leader's CIB and has told what its executor knows; that replaces its history, so a
node whose daemon restarted starts from an empty one and is probed. Who leaves the view is recorded at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import Enum

from crm.cib.changes import Batch, Edit, EditVerb
from crm.cib.edits import cluster
from crm.cib.errors import CibError
from crm.cib.queries import cluster_option, configured_node_ids, recorded_calls, recorded_nodes, transient_attributes
from crm.cib.stamp import OWN_CLIENT, OWN_USER, stamp, utc_text
from crm.cib.status_edits import fenced_remotely, lost, node_left, node_removed
from crm.cib.status_updates import HistoryUpdate, NodeUpdate, ResourceUpdate, StatusUpdate
from crm.controller.cluster_state import CibPosition, Leadership
from crm.controller.core import Core
from crm.controller.execution.local_executor_state import LocalExecutorState
from crm.controller.execution.pending_operations import Migration, invalidate_target, may_have_come, migrations
from crm.controller.leadership.election import Election
from crm.controller.leadership.lease_terms import fencing_enabled
from crm.controller.leadership.leases import LostNodeLeases
from crm.controller.leadership.left_running import LeftRunning
from crm.controller.parts import MemberJoined, Part, Parts
from crm.controller.protocol.clock_skew import ahead_s, by_leaders_clock
from crm.controller.protocol.keys import failure_attributes
from crm.controller.protocol.messages import ActionResult, Announce, CleanHistory, JoinConfirm, JoinOffer, JoinRefused
from crm.controller.protocol.releases import Releases
from crm.controller.replication.replication import Replication
from crm.model.lease import NOT_AWAITED, lease_text
from crm.model.release import Objection

TIMER = "join"
JOIN_LIMIT_S = 2.0
NOT_LISTED = "not-listed"
"""The objection to a node that is not in the cluster's list."""


class Absence(Enum):
    """How a node is gone. OFF: fenced, or a person says so. LET_GO: its machine is on, and may run what it ran.
    STOPPED: its lease is over, which says nothing of what it did not manage.
    """

    LOST = "lost"
    LET_GO = "let go"
    STOPPED = "stopped"
    OFF = "off"


class Joining(Part):
    """Both sides of taking members in. `beginning`: what a node has been told to start or promote, without an answer
    yet.
    """

    def __init__(self, core: Core, parts: Parts, election: Election, replication: Replication,
                 history: LocalExecutorState, releases: Releases, leases: LostNodeLeases, left_running: LeftRunning,
                 beginning: Callable[[str], Iterable[str]], watchdog: bool = False,
                 written_at: Callable[[float], str] = utc_text) -> None:
        self._core = core
        self._parts = parts
        self._watchdog = watchdog
        self._written_at = written_at
        self._election = election
        self._replication = replication
        self._history = history
        self._releases = releases
        self._leases = leases
        self._left_running = left_running
        self._beginning = beginning
        self.joined: dict[str, str] = {}
        """Incarnations of those who have joined, by name."""
        self._refused: dict[str, str] = {}
        """Incarnations of members that must not join, by name: they are about to leave."""
        self._silent: set[str] = set()
        """Members that had joined before the present view, and have not told anew what they run."""
        self._complete = False
        self._told_late: set[tuple[str, str, float]] = set()
        """Failures that this leader has learned of by joining: node, transition key, the node's clock."""

    @property
    def complete(self) -> bool:
        """Whether every member of the view has joined (or had the time to)."""
        return self._complete

    def knows_lists(self, name: str) -> bool:
        """Whether a member can follow a change of the list of nodes."""
        hello = self._election.hellos.get(name)
        return hello is not None and hello.nodes is not None

    def lead(self) -> None:
        """Begin leading: take this node in, and everybody who has said hello."""
        core = self._core
        self.joined, self._refused, self._silent = {}, {}, set()
        core.unsynced_members.clear()
        self._told_late.clear()
        self._complete = False
        core.set_timer(TIMER, JOIN_LIMIT_S)
        absent = self._absent()
        self._replication.note(core.root_note(), *self._releases.first(self._election.hellos),
                               *(note for name in absent for note in self._absence_of(name)))
        self._add_missing_nodes()
        for name in absent:
            self._parts.member_left(name)
        self._joined(core.me.name, self._history.joining(core.hard_state.term, core.welcome_serial))
        core.broadcast(self._election.own_hello())
        for name, hello in self._election.hellos.items():
            if name != core.me.name:
                self.hello(name, hello)

    def hello(self, sender: str, hello: Announce) -> None:
        """A member is here: send it the CIB. A leader that we do not follow: tell it that we are here."""
        core = self._core
        self._releases.told(sender, hello.release)
        if hello.leads and core.dc != sender and hello.view == core.view.number:
            core.send(sender, self._election.own_hello())
        if not core.leading or core.leadership is None or hello.view != core.view.number:
            return
        if self._refuse(sender, hello):
            return
        same = (hello.follows == core.me.name and hello.term == core.hard_state.term and not hello.has_uncommitted_cib
                and hello.position == core.position and self.joined.get(sender) == hello.incarnation)
        core.send(sender, self._replication.welcome_for(core.leadership, same))

    def view_changed(self) -> None:
        """The leader goes on in a new view: who is missing is lost, who is new will announce itself."""
        core = self._core
        if not core.leading:
            return
        self._replication.note(core.root_note())
        gone = [name for name, incarnation in sorted(self.joined.items()) if not self._is_here(name, incarnation)]
        # This node may have been frozen while they followed a caretaker: what it knows of them may be over.
        self._silent = set(core.view.names) - {core.me.name}
        self._refused = {name: start for name, start in self._refused.items() if self._is_here(name, start)}
        if self._not_joined() | set(gone) & set(core.view.names):
            # Said before anybody is called lost: nothing is planned until those who are here have told what they run.
            self._complete = False
            core.set_timer(TIMER, JOIN_LIMIT_S)
        for name in gone:
            self._left(name)
        self._replication.flush()
        for name in self._absent():
            self._left_before_joining(name)
        self._check_complete()

    def timer(self) -> None:
        """Some members do not join: go on without them."""
        core = self._core
        if not core.leading or self._complete:
            return
        missing = sorted(self._not_joined())
        core.log("warning", f"going on without {', '.join(missing)}: present, but not joined within {JOIN_LIMIT_S} s")
        self._complete = True
        self._parts.members_complete()

    def welcome(self, sender: str, welcome: JoinOffer) -> None:
        """A leader takes us in."""
        core = self._core
        self._take_nodes(welcome)
        if not self._acceptable(sender, welcome):
            return
        try:
            document = self._replication.read(welcome)
        except CibError as error:
            core.log("warning", f"{sender} sends a CIB that cannot be read: {error}")
            return
        member = core.view.member(sender)
        assert member is not None
        leadership = Leadership(welcome.term, sender, welcome.caretaker, member.incarnation)
        if core.leading:
            self._election.step_down(f"{sender} leads term {welcome.term}")
        if leadership != core.leadership:
            core.log("info", f"following {sender}{' (caretaker)' if welcome.caretaker else ''}, term {welcome.term}")
            core.changed("dc")
        core.leadership = leadership
        if welcome.term > core.hard_state.term:
            core.stand(term=welcome.term, voted_for=None)
        self._election.follow(leadership)
        self._replication.take_whole(sender, welcome, document)

    def taken_in(self, welcome: JoinOffer) -> None:
        """We have the leader's CIB: tell it what our executor knows."""
        core = self._core
        assert core.leadership is not None
        core.send(core.leadership.name, self._history.joining(welcome.term, welcome.welcome_serial))

    def joined_message(self, sender: str, message: JoinConfirm) -> None:
        """A member has taken our CIB."""
        core = self._core
        member = core.view.member(sender)
        if not core.leading and core.dc != sender:
            # It took us for a leader by a welcome that was late.
            core.send(sender, self._election.own_hello())
        if not core.leading or core.leadership is None or member is None or message.term != core.leadership.term:
            return
        if member.incarnation == message.incarnation:
            self._joined(sender, message)

    def record_absence(self, name: str, absence: Absence) -> None:
        """A node is gone: note it, and drop what does not count any more of its history."""
        node_id = self._core.me.config.id_of(name)
        if absence is not Absence.OFF:
            self._replication.flush()  # What it has reported last says what still runs there.
        self._replication.note(*self._gone(node_id, name, absence))

    def is_fenced(self, name: str) -> bool:
        """Whether the node counts as off, and has not joined since: what it still says is of no account."""
        return self._core.leading and name not in self.joined and self._was_let_go(self._core.me.config.id_of(name))

    def record_fenced(self, name: str, incarnation: str) -> bool:
        """A node was fenced: what it ran is gone. One that has joined anew since then is not what was fenced: False."""
        core = self._core
        self._replication.flush()
        if self._replication.incarnation_of(name) != incarnation:
            return False
        self.joined.pop(name, None)
        if not core.me.config.knows(name):
            self._replication.note(*fenced_remotely(name))
        else:
            self.record_absence(name, Absence.OFF)
        self._replication.flush()
        return True

    def _is_here(self, name: str, incarnation: str) -> bool:
        member = self._core.view.member(name)
        return member is not None and member.incarnation == incarnation

    def _joined(self, name: str, message: JoinConfirm) -> None:
        core = self._core
        member = core.view.member(name)
        assert member is not None
        new = self.joined.get(name) != message.incarnation
        self.joined[name] = message.incarnation
        if message.view == core.view.number:
            self._silent.discard(name)
        core.unsynced_members = core.unsynced_members - {name} if message.caught_up else core.unsynced_members | {name}
        node_id = core.me.config.id_of(name)
        state = recorded_nodes(core.document).get(node_id, {})
        since = state.get("crmd", "0") if not new and state.get("crmd", "0") != "0" else str(int(core.now))
        ahead = ahead_s(message.clock, core.now)
        if ahead and new:
            core.log("warning", f"the clock of {name} is {abs(ahead)} s {'ahead' if ahead > 0 else 'behind'}; times "
                     "that it tells are corrected, but its agents go by it. Is its time service running?")
        records = tuple(by_leaders_clock(record, ahead) for record in message.records)
        unheard = self._unheard(node_id, message)
        strayed = not new and recorded_calls(core.document, node_id) != _all_calls(records)
        moving = migrations(core.document, node_id, name)
        if state.get("in_ccm", "0") == "0":
            records = self._asked_anew(name, records)
        release, told_to_tools = self._releases.of_joined(name, node_id)
        attributes = {"in_ccm": str(member.joined_at), "crmd": since, "join": "member", "expected": "member",
                      "incarnation": message.incarnation, "crm-debug-origin": "join",
                      "lease": self._lease_of(name, state.get("incarnation") == message.incarnation), **release}
        self._replication.note(NodeUpdate(node_id, name, attributes), HistoryUpdate(node_id, name, records),
                               told_to_tools)
        self._take_migrations(moving, message)
        core.log("info", f"{name} has joined") if new else None
        core.changed("members")
        self._parts.member_joined(MemberJoined(name, replace(message, failures=unheard), new, strayed))
        self._check_complete()

    def _asked_anew(self, name: str, records: tuple[ResourceUpdate, ...]) -> tuple[ResourceUpdate, ...]:
        """What a node that was away has told, but for what may have been sent to it meanwhile: it is asked for that."""
        core = self._core
        unsure = may_have_come(core.document, records)
        assert core.leadership is not None
        for resource in sorted(unsure):
            core.send(name, CleanHistory(core.leadership.term, resource))
        return tuple(record for record in records if record.id not in unsure)

    def _take_migrations(self, moving: list[Migration], message: JoinConfirm) -> None:
        """Those still under way stay recorded; of those that their node knows nothing of, the targets are asked."""
        told = {entry.get("transition-key") for record in message.records for entry in record.entries.values()}
        for each in moving:
            if each.key in message.under_way:
                self._replication.note(each.note)
            elif each.key not in told:
                invalidate_target(self._core, self._replication, each.resource, each.target)

    def _unheard(self, node_id: str, message: JoinConfirm) -> tuple[ActionResult, ...]:
        """Failures that no leader has recorded, or that expired before anything was done about them.

        Nobody may have listened when they happened, or who did has not lived to tell; they still stand. Who joins again
        tells them again.
        """
        if not message.failures:
            return ()
        self._replication.flush()
        document = self._core.document
        heard, counted = recorded_calls(document, node_id), transient_attributes(document, node_id)
        found = {(node_id, failure.key, failure.clock): failure for failure in message.failures
                 if _failed_at(failure) not in counted or not _calls(failure) & heard}
        news = tuple(failure for told, failure in found.items() if told not in self._told_late)
        self._told_late.update(found)
        return news

    def _left(self, name: str) -> None:
        core = self._core
        del self.joined[name]
        leaving = self._was_let_go(core.me.config.id_of(name))
        core.log("notice" if leaving else "warning", f"{name} has left" if leaving else f"{name} is lost")
        self.record_absence(name, Absence.LET_GO if leaving else Absence.LOST)
        core.changed("members")
        self._parts.member_left(name)

    def _left_before_joining(self, name: str) -> None:
        """A node that the former leader had, and that was here when this one was elected, is gone again."""
        self._core.log("warning", f"{name} is lost")
        self._replication.note(*self._absence_of(name))
        self._core.changed("members")
        self._parts.member_left(name)

    def _gone(self, node_id: str, name: str, absence: Absence) -> list[StatusUpdate]:
        fencing = fencing_enabled(self._core.document)
        lease = self._lease_of(name, known=True)
        left = self._left_running.of(name, known=absence is Absence.STOPPED)
        if absence is Absence.LOST and (fencing or lease != NOT_AWAITED):
            noted = lost(node_id, name, lease, () if fencing else self._beginning(name))
            return noted if fencing else [*noted, *left]
        if absence is Absence.LET_GO and fencing:
            return node_removed(self._core.document, node_id, name)
        # Without fencing and leases nobody could ever confirm what became of a node: it is taken as clean, but for what
        # nobody stops there.
        return node_left(node_id, name, () if absence is Absence.OFF else left)

    def _lease_of(self, name: str, known: bool) -> str:
        """By what lease a node is waited for if it is lost now; `known`: it may still hold the one that is recorded."""
        held_ms = self._leases.held_ms(name) if known else None
        return lease_text(max(held_ms or 0.0, self._leases.promised_ms(name)))

    def _was_let_go(self, node_id: str) -> bool:
        """Whether a leader has let the node go: until then one that wants to leave is lost like any other."""
        return recorded_nodes(self._core.document).get(node_id, {}).get("expected") == "down"

    def _check_complete(self) -> None:
        core = self._core
        if self._complete or self._not_joined():
            return
        self._complete = True
        core.cancel_timer(TIMER)
        self._releases.all_here(self.joined)
        self._parts.members_complete()

    def _not_joined(self) -> set[str]:
        """Members that are still expected to join, or to say in this view that they have followed nobody else."""
        return set(self._core.view.names) - (set(self.joined) - self._silent) - set(self._refused)

    def _refuse(self, sender: str, hello: Announce) -> bool:
        """Turn a member away whose release does not fit; nobody waits for it."""
        core = self._core
        objection = self._releases.objection(sender) or self._not_listed(sender, hello)
        if objection is None or sender == core.me.name:
            return False
        if self._refused.get(sender) != hello.incarnation:
            core.log("warning", f"{sender} cannot join: {objection.message}")
        self._refused[sender] = hello.incarnation
        core.send(sender, JoinRefused(core.hard_state.term, objection.code, objection.message, objection.hint))
        self._check_complete()
        return True

    def _not_listed(self, sender: str, hello: Announce) -> Objection | None:
        """Why a member does not belong to the cluster, by its list of nodes, unless the member has a newer one."""
        nodes = self._core.hard_state.nodes
        if nodes is None or nodes.node(sender) is not None or not nodes.settled:
            return None
        if hello.nodes is not None and hello.nodes > nodes.rank:
            return None
        if nodes.node(self._core.me.name) is None:
            return None  # Who does not belong to the cluster speaks for nobody.
        said = "was removed from the cluster" if nodes.was_removed(sender) else "is not in the cluster's list of nodes"
        return Objection(NOT_LISTED, f"{sender} {said} (version {nodes.version}: {', '.join(nodes.names)})",
                         f"to have it in: crmctl cluster add {sender}=ADDRESS")

    def _absent(self) -> list[str]:
        """Nodes that the status still counts as members, but that are not here."""
        core = self._core
        states = recorded_nodes(core.document)
        counted = [core.me.config.name_of(node_id) for node_id, state in states.items()
                   if state.get("in_ccm", "0") != "0" or state.get("crmd", "0") != "0"]
        return [name for name in counted if name is not None and core.view.member(name) is None]

    def _absence_of(self, name: str) -> list[StatusUpdate]:
        node_id = self._core.me.config.id_of(name)
        return self._gone(node_id, name, Absence.LET_GO if self._was_let_go(node_id) else Absence.LOST)

    def _add_missing_nodes(self) -> None:
        """Every node of the settings has an entry in the configuration; what nodes are able to is noted."""
        core = self._core
        known = configured_node_ids(core.document)
        edits = tuple(Edit(EditVerb.CREATE, f'<node id="{node_id}" uname="{name}"/>', "nodes")
                      for name, node_id in core.me.config.voting if node_id not in known)
        edits += self._watchdog_edit()
        if edits and core.leadership is not None and not core.leadership.caretaker and core.may_commit:
            self._replication.flush()
            own = stamp(self._written_at(core.now), core.me.name, OWN_CLIENT, OWN_USER)
            self._replication.advance(core.document.apply(Batch(edits), own))

    def _watchdog_edit(self) -> tuple[Edit, ...]:
        """The engine learns from an option whether there are watchdogs; it is the cluster's own to set."""
        present = cluster_option(self._core.document, "have-watchdog")
        if (present is None and not self._watchdog) or present == str(self._watchdog).lower():
            return ()
        edit = cluster.option(self._core.document, "have-watchdog", str(self._watchdog).lower())
        return (edit,) if edit is not None else ()

    def _take_nodes(self, welcome: JoinOffer) -> None:
        """The list of an elected leader counts, newer or older: what this node has beyond it was never committed.

        By this node's own list there may be no quorum. A leader was elected by its own.
        """
        core = self._core
        current = welcome.view == core.view.number and welcome.term >= core.hard_state.term and not welcome.caretaker
        others = not (core.leading and core.leadership is not None and core.leadership.term == welcome.term)
        if core.hard_state.nodes is not None and welcome.nodes is not None and current and others:
            core.take_nodes(welcome.nodes)

    def _acceptable(self, sender: str, welcome: JoinOffer) -> bool:
        core = self._core
        if welcome.view != core.view.number or welcome.term < core.hard_state.term:
            return False
        if welcome.cib_term > welcome.term:
            return False
        if welcome.caretaker:
            return not core.view.quorate and self._is_as_new(sender, welcome)
        if core.leading and core.leadership is not None and core.leadership.term == welcome.term:
            return False
        return core.view.quorate

    def _is_as_new(self, sender: str, welcome: JoinOffer) -> bool:
        """Whether a caretaker's CIB may take the place of ours, and no other caretaker comes before that one."""
        core, held = self._core, self._core.leadership
        position = CibPosition(welcome.cib_term, *welcome.version)
        if position.durable < core.position.durable or self._election.outranks(sender, position):
            return False
        # Of two that have the same the one whose name sorts first stays; the other's welcome may come late.
        follows = held is not None and held.caretaker and held.term >= welcome.term and held.name < sender
        return position.durable > core.position.durable or not follows


def _failed_at(failure: ActionResult) -> str:
    """The attribute that says when an operation failed last."""
    return failure_attributes(failure.record.id, failure.operation, failure.interval_ms)[1]


def _calls(failure: ActionResult) -> set[tuple[str, str]]:
    return _all_calls((failure.record,))


def _all_calls(records: Iterable[ResourceUpdate]) -> set[tuple[str, str]]:
    return {(entry.get("call-id", ""), entry.get("transition-magic", ""))
            for record in records for entry in record.entries.values()}
