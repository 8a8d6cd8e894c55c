"""The state machine of one node: events in, commands out. No clock, no I/O, no chance.

`handle` is the only door. Which part answers to what stands in three tables, for events, messages and timers; the
parts know each other only where one has to tell another something, and that is wired here.

The shell's duties: perform commands in order; say `Persisted` only once it is true; never call `handle` from within.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from crm.cib.document import Document
from crm.cib.version import CibVersion
from crm.controller import events
from crm.controller.commands import Command, Terminate
from crm.controller.core import Core, NodeIdentity
from crm.controller.execution import backoff as backing
from crm.controller.execution import in_flight
from crm.controller.execution import planning as plans
from crm.controller.execution import transient_attributes as attributing
from crm.controller.execution import transition_runner as dispatching
from crm.controller.execution.alerts import AlertSender
from crm.controller.execution.backoff import Backoff
from crm.controller.execution.local_executor_state import LocalExecutorState
from crm.controller.execution.planning import Planning
from crm.controller.execution.results import Results
from crm.controller.execution.throttle import JobThrottle
from crm.controller.execution.transient_attributes import TransientAttributes
from crm.controller.execution.transition_runner import TransitionRunner
from crm.controller.fencing import coordinator as fences
from crm.controller.fencing.coordinator import FencingCoordinator
from crm.controller.fencing.fencing_history import FencingHistory
from crm.controller.fencing.fencing_member import FencingMember
from crm.controller.hard_state import HardState
from crm.controller.interface import ControllerOptions, ControllerSnapshot
from crm.controller.invariants import InvariantInputs, Invariants
from crm.controller.leadership import election as electing
from crm.controller.leadership import joining as joins
from crm.controller.leadership import lease_records as lease_recording
from crm.controller.leadership import leases as leasing
from crm.controller.leadership import leaving as leave
from crm.controller.leadership import safe_mode as saving
from crm.controller.leadership import self_protection as protecting
from crm.controller.leadership.election import Election
from crm.controller.leadership.joining import Absence, Joining
from crm.controller.leadership.lease_records import LeaseRecords
from crm.controller.leadership.lease_terms import LeaseTerms
from crm.controller.leadership.leases import LostNodeLeases
from crm.controller.leadership.leaving import Leaving
from crm.controller.leadership.left_running import LeftRunning
from crm.controller.leadership.lone_start import LoneStart
from crm.controller.leadership.lost_store import LostStore
from crm.controller.leadership.safe_mode import SafeMode
from crm.controller.leadership.self_protection import SelfProtection
from crm.controller.membership.membership_changes import MembershipChanges
from crm.controller.parts import Parts
from crm.controller.protocol import messages
from crm.controller.protocol.releases import Releases
from crm.controller.replication import replication as replicating
from crm.controller.replication import requests as requesting
from crm.controller.replication.idempotency import AppliedRequest
from crm.controller.replication.read_index import ReadIndex
from crm.controller.replication.replication import Replication
from crm.controller.replication.requests import Requests, Validate
from crm.model.release import Objection


def _anything_goes(document: Document) -> None:
    """No validation."""


class Controller:
    """One node's controller. `document` and `hard_state` are what its disk held when it started."""

    def __init__(self, me: NodeIdentity, hard_state: HardState, document: Document | None,
                 options: ControllerOptions | None = None, validate: Validate = _anything_goes) -> None:
        options = options or ControllerOptions()
        self._core = Core(me, hard_state, document, options.release)
        self._core.lease_margin_ms = options.lease_margin_ms
        self._core.said_off = set(options.done_without)
        self._parts = Parts()
        self._leases = LostNodeLeases(self._core)
        self._protection = SelfProtection(self._core, options.watchdog)
        self._alerts = AlertSender(self._core)
        self._history = LocalExecutorState(self._core, self._alerts, lambda: self._attributes.own())
        self._replication = Replication(self._core, lambda welcome: self._joining.taken_in(welcome),
                                        options.documents)
        self._election = Election(self._core, self._parts, self._replication.term_kept)
        self._lost_store = LostStore(self._core, self._election)
        self._lone_start = LoneStart(self._core, self._parts.view_changed)
        self._releases = Releases(self._core, self._replication)
        self._left_running = LeftRunning(self._core)
        self._joining = Joining(self._core, self._parts, self._election, self._replication, self._history,
                                self._releases, self._leases, self._left_running,
                                lambda node: self._runner.beginning_on(node), options.watchdog, options.written_at)
        self._lease_records = LeaseRecords(self._core, self._leases, self._joining, self._replication,
                                           self._left_running)
        self._fencings = FencingHistory()
        self._fencing = FencingCoordinator(self._core, self._fencings, self._replication, self._alerts,
                                           self._node_fenced)
        self._fencing_member = FencingMember(self._core, self._fencings)
        self._throttle = JobThrottle(self._core, options.node_action_limit)
        self._backoff = Backoff(self._core)
        self._runner = TransitionRunner(
            self._core, self._replication, self._fencing, self._throttle, self._backoff,
            lambda reason, delay_s: self._planning.want(reason, delay_s), lambda: self._planning.transition_over(),
            lambda name, then: self._members.let_go(name, then), options.startup_fencing_delay_s)
        self._planning = Planning(self._core, self._joining, self._replication, self._runner,
                                  lambda: self._results.awaited, options.recheck_interval_s)
        self._results = Results(self._core, self._replication, self._runner, self._planning.want)

        def acceptable(document: Document) -> None:
            validate(document)
            self._releases.check_schema(document)

        self._requests = Requests(self._core, self._replication, self._fencing, acceptable,
                                  self._planning.want_after_change, self._try_at_once, options.written_at,
                                  self._runner.changing_on)
        self._reads = ReadIndex(self._core, self._replication)
        self._leaving = Leaving(self._core, self._replication, self._planning.want)
        self._members = MembershipChanges(self._core, self._replication, self._joining, options.written_at,
                                          self._leaving.ask,
                                          self._leaving.stay, self._planning.want, self._election.step_down)
        self._attributes = TransientAttributes(self._core, self._replication, self._alerts, self._planning.want)
        self._safe_mode = SafeMode(self._core, options.safe_mode, self._safe_mode_over)
        # In this order they are told: a loss is noted before the run of a transition goes on by it, and planned for
        # last; an election comes before those who look at who leads.
        self._parts.fill(
            self._alerts, self._protection, self._fencing_member, self._leases, self._election, self._requests,
            self._reads, self._throttle, self._backoff, self._runner, self._replication, self._results,
            self._lease_records, self._attributes, self._fencing, self._joining, self._planning, self._members,
            self._leaving, self._safe_mode)
        self._on_event = self._event_table()
        self._on_message = self._message_table()
        self._on_timer = self._timer_table()
        self._invariants = Invariants(InvariantInputs(self._core, self._replication, self._joining, self._fencing,
                                                      self._runner, self._planning))

    def handle(self, event: events.Event, now: float) -> list[Command]:
        """Take one event; `now` is epoch seconds and never goes back. Returns what is to be done, in order.

        Raises BrokenInvariantError, or whatever else a mistake of ours raises: then the controller is of no more use.
        """
        core = self._core
        core.now = max(now, core.now)
        self._safe_mode.look()
        self._on_event[type(event)](event)
        self._to_self()
        while core.leading:
            self._members.check()
            self._lease_records.look()
            self._planning.plan_if_due()
            if not core.to_self:
                break
            self._to_self()
        self._leases.look()
        self._left_running.look()
        self._invariants.check()
        commands, core.commands = core.commands, []
        return commands

    def _to_self(self) -> None:
        core = self._core
        while core.to_self:
            self._message(core.me.name, core.to_self.pop(0))

    @property
    def leads(self) -> int | None:
        """The term in which this node is the elected DC, None if it is not."""
        leadership = self._core.leadership
        return leadership.term if self._core.leading and leadership is not None and not leadership.caretaker else None

    @property
    def document(self) -> Document:
        """The CIB as this node has it."""
        return self._core.document

    def lease_terms(self) -> LeaseTerms:
        """What this node's lease is to be held by, as things are."""
        return self._leases.terms()

    @property
    def does_without(self) -> tuple[str, ...]:
        """The voters that are not here, if this node decides alone where one of two is enough."""
        core = self._core
        if not core.both_halves_quorate or not core.view.quorate:
            return ()
        return tuple(sorted(set(core.me.config.voters) - set(core.view.names)))

    def receipts(self) -> tuple[AppliedRequest, ...]:
        """All that this node knows of requests that were carried out: for the disk, with every `Persist`."""
        return self._core.receipts.all(self._core.now)

    def recall_receipts(self, receipts: Iterable[AppliedRequest]) -> None:
        """Before the first event: what `receipts` has brought to the disk."""
        self._core.receipts.recall(receipts, self._core.document.version, self._core.hard_state.cib_term)

    def receipt(self, key_id: str) -> AppliedRequest | None:
        """What this node knows of a request that was carried out under a key."""
        return self._core.receipts.find(key_id, self._core.now)

    def awaits_plan(self, plan_id: int) -> bool:
        """Whether the answer to that `MakePlan` will be used; if not, `PlanReady` may as well come without a plan."""
        return self._planning.awaits(plan_id)

    def snapshot(self) -> ControllerSnapshot:
        """What can be seen from outside."""
        core = self._core
        return ControllerSnapshot(core.me.name, self._state(), core.dc, core.hard_state.term,
                                  core.leadership is not None and core.leadership.caretaker, core.view,
                                  tuple(sorted(self._joining.joined)) if core.leading else (), core.document,
                                  self._runner.number, self._runner.progress,
                                  (*self._safe_mode.reports(), *saving.of_others(self._election.in_safe_mode),
                                   *self._lost_store.reports(), *self._lone_start.reports(), *self._leases.reports(),
                                   *self._left_running.reports(),
                                   *self._replication.dropped.reports(),
                                   *self._planning.reports, *self._runner.rest.reports(),
                                   *self._throttle.reports(), *self._backoff.reports()),
                        self._fencings.all(), core.hard_state.cib_term, self._safe_mode.cause, core.hard_state.nodes)

    def _state(self) -> str:
        core = self._core
        if self._leaving.asked:
            return "stopping"
        if core.leading and core.safe_mode:
            return "safe-mode"
        if core.leading:
            return str(self._planning.state) if self._joining.complete else "integration"
        return "not-dc" if core.leadership is not None else ("election" if core.view.number else "starting")

    # Tables

    def _event_table(self) -> dict[type, Callable[[Any], None]]:
        return {
            events.Started: self._started,
            events.ViewInstalled: self._view_changed,
            events.NodesHeard: self._nodes_heard,
            events.MembersRequested: lambda event: self._members.requested(event, self._requests.forward),
            events.MessageReceived: self._received,
            events.TimerFired: self._timer,
            events.Persisted: lambda event: self._core.persisted(event.token),
            events.PersistFailed: lambda event: self._core.not_persisted(event.token),
            events.PlanReady: self._planning.planned,
            events.OperationEnded: self._history.ended,
            events.FencingEnded: self._fencing_member.ended,
            events.AgentDescribed: self._history.described,
            events.ChangeRequested: self._requests.change_requested,
            events.LossAcceptanceRequested: self._lost_store.requested,
            events.ReadRequested: self._requests.read_requested,
            events.CleanupRequested: self._requests.cleanup_requested,
            events.FencingRequested: self._fencing_requested,
            events.AttributeRequested: self._attributes.requested,
            events.LoadMeasured: lambda event: self._throttle.measured(event.load, event.cores),
            events.ShutdownRequested: self._leaving.requested,
            events.ReplanRequested: lambda event: self._planning.want(event.reason),
        }

    def _message_table(self) -> dict[type, Callable[[str, Any], None]]:
        return {
            messages.Announce: self._hello,
            messages.VoteRequest: self._election.vote_request,
            messages.Vote: self._election.vote,
            messages.JoinOffer: self._welcome,
            messages.JoinRefused: self._not_welcome,
            messages.JoinConfirm: self._joining.joined_message,
            messages.CibPatch: self._replication.update,
            messages.NodeListCommitted: self._members.kept,
            messages.MembersForward: self._change_members,
            messages.RequestApplied: self._replication.take_receipt,
            messages.Acknowledge: lambda sender, message: self._replication.acknowledged(
                sender, message.term, CibVersion(*message.version)),
            messages.Resync: lambda sender, message: self._replication.resync(sender),
            messages.Execute: self._history.execute,
            messages.ActionRefused: lambda sender, message: self._runner.refused(message.key, message.because),
            messages.CleanHistory: self._forget,
            messages.ActionResult: self._result,
            messages.ChangeForward: self._requests.change,
            messages.CleanupForward: self._requests.cleanup,
            messages.StoreLossAccepted: self._lost_store.accepted,
            messages.ReadForward: self._reads.asked,
            messages.FollowProbe: self._reads.probed,
            messages.Following: self._reads.following,
            messages.FenceForward: self._requests.fence,
            messages.FenceOrder: self._fencing_member.order,
            messages.FenceReport: self._fence_report,
            messages.FencingInFlight: self._fencing_under_way,
            messages.FencingHistoryUpdate: self._fencing_member.news,
            messages.EndYourself: self._fencing_member.told_to_panic,
            messages.AttributeUpdate: self._attributes.update,
            messages.AttributeAccepted: self._attributes.kept,
            messages.NodeLoad: self._node_load,
            messages.RequestAnswer: lambda sender, message: self._requests.answered(message),
            messages.LeaveRequest: self._leaving.take,
            messages.EndSafeMode: self._end_safe_mode,
            messages.Released: lambda sender, message: self._core.emit(Terminate("released", let_go=True)),
        }

    def _timer_table(self) -> dict[str, Callable[[], None]]:
        return {
            electing.TIMER: self._election.timer,
            joins.TIMER: self._joining.timer,
            replicating.FLUSH_TIMER: self._replication.flush,
            replicating.COMMIT_TIMER: self._replication.commit_timer,
            plans.RECHECK_TIMER: lambda: self._planning.want("time for another look"),
            plans.CHANGES_TIMER: self._planning.changes_timer,
            plans.LOOK_TIMER: self._planning.look,
            plans.DELAY_TIMER: lambda: self._planning.want("time to try again"),
            dispatching.AGE_TIMER: self._runner.age_timer,
            backing.TIMER: self._runner.pump,
            requesting.TIMER: self._requests.timer,
            protecting.TIMER: self._protection.timer,
            saving.TIMER: self._safe_mode.timer,
            leasing.TIMER: self._lease_timer,
            lease_recording.TIMER: self._lease_records.timer,
            leave.TIMER: self._leaving.timer,
        }

    def _timer(self, event: events.TimerFired) -> None:
        if event.name.startswith(in_flight.TIMER_PREFIX):
            self._runner.timer(event.name)
        elif event.name.startswith(attributing.TIMER_PREFIX):
            self._attributes.timer(event.name)
        elif event.name.startswith(fences.TIMER_PREFIX):
            self._fencing.timer(event.name)
        else:
            self._on_timer[event.name]()

    def _received(self, event: events.MessageReceived) -> None:
        core = self._core
        sender = core.view.member(event.sender)
        if sender is not None and not core.numbers.is_news(sender, event.number):
            core.log("debug", f"message {event.number} of {event.sender} came twice, or too late: let go by")
            return
        self._message(event.sender, event.message)

    def _message(self, sender: str, message: messages.Message) -> None:
        self._on_message[type(message)](sender, message)

    # Wiring

    def _view_changed(self, event: events.ViewInstalled) -> None:
        self._core.see(event.view)
        self._core.changed("members")
        self._parts.view_changed()

    def _fencing_requested(self, event: events.FencingRequested) -> None:
        self._lone_start.requested(event)
        self._requests.fencing_requested(event)

    def _nodes_heard(self, event: events.NodesHeard) -> None:
        if self._members.heard(event):
            self._election.view_changed()

    def _hello(self, sender: str, hello: messages.Announce) -> None:
        self._leases.told(sender, hello)
        self._election.hello(sender, hello)
        self._joining.hello(sender, hello)

    def _welcome(self, sender: str, welcome: messages.JoinOffer) -> None:
        self._joining.welcome(sender, welcome)
        if self._core.leadership is not None:
            self._parts.leader_known()

    def _started(self, event: events.Started) -> None:
        objection = self._releases.own_objection()
        if objection is not None:
            self._core.emit(Terminate("the CIB on this node's disk is of a newer release", objection))
        self._safe_mode.begin()

    def _not_welcome(self, sender: str, message: messages.JoinRefused) -> None:
        held = self._core.leadership
        # Of two that lead without quorum one may not know yet that it belongs to the cluster no more.
        if held is None or held.name == sender or (held.caretaker and message.code == joins.NOT_LISTED):
            self._core.emit(Terminate(f"{sender}, which leads the cluster, does not let this node join",
                                      Objection(message.code, message.message, message.hint)))

    def _try_at_once(self) -> None:
        """A cleanup: whatever is held back after failures, or errors of ours, is tried again, on every node."""
        self._replication.dropped.forget()
        self._core.broadcast(messages.EndSafeMode(self._core.hard_state.term))
        self._parts.try_again()

    def _end_safe_mode(self, sender: str, message: messages.EndSafeMode) -> None:
        if self._core.dc == sender and message.term == self._core.hard_state.term:
            self._replication.dropped.forget()
            self._safe_mode.end(f"a cleanup was asked for at {sender}")

    def _safe_mode_over(self) -> None:
        self._core.broadcast(self._election.own_hello())
        self._planning.want("safe mode is over")

    def _forget(self, sender: str, message: messages.CleanHistory) -> None:
        if self._core.dc == sender:
            self._history.forget(message)

    def _result(self, sender: str, result: messages.ActionResult) -> None:
        if not self._joining.is_fenced(sender):
            self._results.take(sender, result)

    def _fence_report(self, sender: str, report: messages.FenceReport) -> None:
        if self._core.leading:
            self._fencing.report(sender, report)

    def _node_load(self, sender: str, load: messages.NodeLoad) -> None:
        self._throttle.told(sender, load)
        self._runner.pump()

    def _fencing_under_way(self, sender: str, message: messages.FencingInFlight) -> None:
        if self._core.leading:
            self._fencing.under_way(sender, message)

    def _lease_timer(self) -> None:
        """Whoever has stopped by now what it ran is as good as fenced."""
        self._core.changed("members")
        for name in self._leases.over() if self._core.leading else ():
            self._joining.record_absence(name, Absence.STOPPED)
            self._replication.flush()
            self._parts.node_off(name)
            self._planning.want(f"the lease of {name} has ended")

    def _node_fenced(self, target: str, incarnation: str) -> None:
        """Proven to be off: nothing that it ran is running, and nothing more will be heard of it."""
        if self._joining.record_fenced(target, incarnation):
            self._parts.node_off(target)
        else:
            self._planning.want(f"{target} has been started since it was fenced")

    def _change_members(self, sender: str, request: messages.MembersForward) -> None:
        if not self._requests.done_before(sender, request):
            self._members.change(sender, request, lambda: self._requests.done(request.origin))
