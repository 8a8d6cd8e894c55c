"""Runs a transition over the cluster: actions to the nodes that carry them out, results back into the run.

What needs no agent is done here (failure counts are cleared); a node that is let go confirms by leaving; fencing has a
part of its own, which always answers. Every other action's time limit is armed before it is sent.

When a transition is aborted, what is in flight is given a second to end. What takes longer goes on beside the next
transition, which takes it over where it belongs (`crm.controller.execution.in_flight`): a start that takes minutes does
not hold up the recovery of everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from crm.cib.document import Document
from crm.cib.queries import recorded_nodes, transient_attributes
from crm.cib.status_updates import HistoryRemoval, NodeUpdate, TransientAttributeUpdate
from crm.controller.core import Core
from crm.controller.execution.backoff import Backoff
from crm.controller.execution.freeze_policy import without_foreign_beginnings
from crm.controller.execution.in_flight import SLOW_S, TIMER_PREFIX, InFlightAction, InFlightActions
from crm.controller.execution.pending_operations import is_told_beforehand, pending_entry, without_pending_entry
from crm.controller.execution.rest_watch import RestWatch
from crm.controller.execution.throttle import LONG_S, JobThrottle
from crm.controller.execution.transition_recorder import TransitionRecorder
from crm.controller.fencing.coordinator import FencingCoordinator
from crm.controller.parts import MemberJoined, Part
from crm.controller.protocol.keys import TransitionKey
from crm.controller.protocol.messages import CleanHistory, Execute
from crm.controller.replication.replication import Replication
from crm.model.score import INFINITY
from crm.model.transition import GraphAction, Transition
from crm.transition import ActionOutcome, Progress, TransitionRun, add_probe_barriers, ended_by_stops, match_in_flight

FENCING_PAUSE_S = 1.0
LONGEST_FENCING_PAUSE_S = 60.0
UNFINISHED_PAUSE_S = 0.5
LONGEST_UNFINISHED_PAUSE_S = 300.0
AGE_TIMER = "age"
_CHANGES_NOTHING = ("monitor", "notify")
_BEGINS = ("start", "promote", "migrate_from")
_NOT_ITS_OWN = ("stonith", "do_shutdown")
"""What is done to a node rather than by its executor."""


class TransitionRunner(Part):
    """The leader's running transition.

    `replan(reason, delay_s)` asks for a new plan, `over()` says that one can be made, `let_go(node, then)` does what is
    to be done before a node is let go.
    """

    def __init__(self, core: Core, replication: Replication, fencing: FencingCoordinator, throttle: JobThrottle,
                 backoff: Backoff, replan: Callable[[str, float], None], over: Callable[[], None],
                 let_go: Callable[[str, Callable[[], None]], None], startup_fencing_delay_s: float = 0.0) -> None:
        self._core = core
        self._replication = replication
        self._fencing = fencing
        self._throttle = throttle
        self._startup_fencing_delay_s = startup_fencing_delay_s
        self._led_since = 0.0
        self._in_flight = InFlightActions(core)
        self._backoff = backoff
        self._replan = replan
        self._over = over
        self._let_go = let_go
        self._number = -1
        self.rest = RestWatch()
        self._unfinished = 0
        """Transitions in a row that could not be finished."""
        self._recorder = TransitionRecorder(core)
        self._pumping = False
        self._looks_at: float | None = None
        """When the timer for what is under way will fire."""
        self.run: TransitionRun | None = None
        self.last_transition: Transition | None = None

    @property
    def progress(self) -> Progress | None:
        """How far the running transition has come."""
        return self.run.progress if self.run else None

    @property
    def number(self) -> int:
        """The running (or last) transition's number."""
        return self._number

    def lead(self) -> None:
        """Begin with nothing in flight, and nothing held back."""
        self.stop_leading()
        self._backoff.forget()
        self._led_since = self._core.now

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return self.run is not None or bool(self._in_flight.aside)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, of this transition or an earlier one."""
        return self.run is None and self._in_flight.none

    @property
    def ready_to_plan(self) -> bool:
        """Whether a plan can be made now: no transition runs, and what is under way will not end in a moment."""
        self._look_when_older()
        return self.run is None and self._in_flight.all_slow

    def note_slow_starts(self) -> None:
        """Have the CIB tell of starts that take long; before every plan, as a node that joins replaces its history."""
        self._replication.note(*self._in_flight.slow_starts())

    def age_timer(self) -> None:
        """Something has become slow, or has been under way for long."""
        self._looks_at = None
        self.note_slow_starts()
        if self.run is not None:
            self.pump()
        elif self.busy:
            self._over()
        self._look_when_older()

    def start(self, transition: Transition, document: Document, planned_at: int) -> bool:
        """Begin to run a transition that was planned from that CIB, at that moment (epoch seconds).

        False if it does not fit to what is under way from an earlier one: then nothing begins before that has ended.
        """
        assert self.run is None, "a transition is still running"
        careful = without_foreign_beginnings(add_probe_barriers(transition), self._core, document)
        planned = replace(careful, id=self._number + 1)
        aside = self._in_flight.aside
        ended = [aside[place] for place in ended_by_stops(planned, (flight.action for flight in aside))]
        aside = [flight for flight in aside if flight not in ended]
        adopted, misfits = match_in_flight(planned, (flight.action for flight in aside))
        if misfits:
            waiting = ", ".join(f"{action.key} on {action.node}" for action in misfits)
            self._core.log("notice", f"waiting for {waiting}, which the new plan does not go on with")
            return False
        for flight in ended:
            self._in_flight.end(flight)
        self._number += 1
        self.last_transition = planned
        self.run = TransitionRun(planned)
        self.rest.begun(document)
        self._recorder.begun(planned, document, planned_at)
        for place, action_id in adopted.items():
            self._adopt(aside[place], action_id)
        self.pump()
        return True

    def abort(self, reason: str) -> None:
        """Fire nothing more. The run ends when what is in flight has ended, or has turned out to take long."""
        if self.run is not None:
            self.run.abort(INFINITY, reason)
            self.pump()

    def stop_leading(self) -> None:
        """The run is none of this node's business any more."""
        self._in_flight.clear()
        self._core.cancel_timer(AGE_TIMER)
        self._looks_at = None
        self.rest.stop_leading()
        if self.run is not None:
            self._recorder.over("dropped", f"{self._core.me.name} leads no more")
        self.run = None

    def take_over(self, node: str, key: TransitionKey, action: GraphAction) -> None:
        """A member carries that out for a leader before us."""
        self._core.log("info", f"{action.key} is under way on {node} for a leader before this one")
        flight = self._in_flight.begin(action, key)
        self._in_flight.limit(flight, self._limit_s(action))

    def pump(self) -> None:
        """Send what may start now; notice the end."""
        if self.run is None or self._pumping:
            return
        self._pumping = True
        try:
            limits = replace(self._throttle.limits(self.run.transition, self._in_flight.older_than(LONG_S)),
                             held=self._backoff.held(self.run.transition.synapses))
            while actions := self.run.ready(limits):
                for action in actions:
                    self._start(action)
        finally:
            self._pumping = False
        self._look_when_older()
        self._backoff.wake()
        if self.run.done:
            self._end_run()
        else:
            self._set_aside_if_slow()

    def _look_when_older(self) -> None:
        """Look again when something comes of age: slow, and the next plan can be made; long, and limits allow more."""
        at = self._in_flight.next_age(SLOW_S, LONG_S)
        if at is not None and (self._looks_at is None or at < self._looks_at):
            self._looks_at = at
            self._core.set_timer(AGE_TIMER, at - self._core.now)

    def result(self, key: TransitionKey, ok: bool, reason: str = "") -> bool:
        """A result has come; True if it belongs to an action of the running transition."""
        flight = self._in_flight.get(str(key))
        if flight is None:
            return False
        if ok:
            self._backoff.succeeded(flight.action)
        else:
            self._backoff.failed(flight.action, reason)
        running = flight.place is not None
        self._finish(flight, ok)
        self.pump()
        return running

    def in_flight(self, key: str) -> GraphAction | None:
        """The action of that transition key, if it has no result yet."""
        flight = self._in_flight.get(key)
        return flight.action if flight is not None else None

    def refused(self, key: str, because: str) -> None:
        """A node would not carry an action out."""
        flight = self._in_flight.get(key)
        if flight is not None:
            self._core.log("warning", f"{flight.action.key} on {flight.action.node} was refused: {because}")
            self._was_not_done(flight)
            self._backoff.failed(flight.action, because)
            self._finish(flight, ok=False)
            self.pump()
            self._replan(f"an action was refused: {because}", 0.1)

    def timer(self, name: str) -> None:
        """An action's time limit has passed without a result."""
        flight = self._in_flight.get(name.removeprefix(TIMER_PREFIX))
        if flight is None:
            return
        action = flight.action
        self._core.log("error", f"{action.key} on {action.node}: no result within its time limit; taken as failed")
        self._backoff.failed(action, "no result within its time limit")
        self._finish(flight, ok=False)
        self._replan(f"{action.key} on {action.node} gave no result in time", 0.0)
        self.pump()

    def changing_on(self, node: str) -> set[str]:
        """Resources that an operation in flight on a node may change."""
        flights = self._in_flight.all(lambda each: each.carrier == node
                                      and each.action.operation not in _CHANGES_NOTHING)
        return {flight.action.resource.id for flight in flights if flight.action.resource is not None}

    def beginning_on(self, node: str) -> list[str]:
        """Resources whose start or promotion on a node is in flight."""
        flights = self._in_flight.all(lambda each: each.carrier == node and each.action.operation in _BEGINS)
        return [flight.action.resource.id for flight in flights if flight.action.resource is not None]

    def member_joined(self, joined: MemberJoined) -> None:
        """What it has done may free what waits for it, and may forbid it as well: the run ends first of all."""
        if joined.why_to_plan:
            self.abort(joined.why_to_plan)

    def member_left(self, name: str) -> None:
        """What it had under way has failed, and what follows even a failure waits for its fencing."""
        self.abort(f"{name} has left")
        self._fail_what_was_on(name)

    def _fail_what_was_on(self, node: str) -> None:
        """What was in flight on a lost node fails at once; that it leaves confirms a shutdown."""
        for flight in self._in_flight.all(lambda each: each.carrier == node and each.action.operation != "stonith"):
            self._finish(flight, ok=flight.action.operation == "do_shutdown")
        self._replication.check_told()
        self.pump()

    def reconcile(self, node: str, known_keys: set[str], welcome_serial: int) -> None:
        """A member has joined again: what it knows nothing of was lost on the way, if it was sent before its welcome.

        What was sent after that is still under way: the member may well carry it out.
        """
        for flight in self._in_flight.all(lambda each: each.carrier == node and each.welcome_serial < welcome_serial):
            if flight.action.operation not in _NOT_ITS_OWN and str(flight.key) not in known_keys:
                self._was_not_done(flight)
                self._finish(flight, ok=False)
                self._replan(f"{flight.action.key} on {node} was lost on the way", 0.0)
        self.pump()

    def _adopt(self, flight: InFlightAction, place: int) -> None:
        """Go on with what an earlier transition, or leader, has begun."""
        assert self.run is not None
        flight.place = place
        self.run.adopt(place)
        self._recorder.started(place, flight.since)
        if flight.action.operation != "stonith":
            self._in_flight.limit(flight, flight.since + self._limit_s(flight.action) - self._core.now)

    def _set_aside_if_slow(self) -> None:
        """What takes long goes on beside the next transition; other things are given a moment to end.

        Not what notifications follow: they belong to this transition, and would never be made.
        """
        if self.run is not None and self.run.aborted is not None and self._in_flight.all_slow and not self.run.owes:
            self._in_flight.set_aside()
            self._end_run()

    def _end_run(self) -> None:
        assert self.run is not None
        outcome = self.run.outcome if self.run.done else ActionOutcome.STOPPED
        self._recorder.over(outcome.value, self.run.aborted.reason if self.run.aborted else "")
        self.rest.ended(self.run, outcome)
        self.run = None
        self._plan_anew_if_unfinished(outcome)
        self._over()

    def _plan_anew_if_unfinished(self, outcome: ActionOutcome) -> None:
        """What some actions waited for never came, as after a stop that failed and the fencing for it: look again.

        Soon, and later each time if that leads nowhere.
        """
        if outcome is not ActionOutcome.TERMINATED:
            self._unfinished = 0
            return
        self._unfinished += 1
        pause_s = min(UNFINISHED_PAUSE_S * 2 ** (self._unfinished - 1), LONGEST_UNFINISHED_PAUSE_S)
        self._replan("the last transition could not be finished", pause_s)

    def _node_id(self, action: GraphAction) -> str:
        return action.node_id or self._core.me.config.id_of(action.node or "")

    def _send_when_told(self, flight: InFlightAction, execute: Callable[[], None]) -> None:
        """Order it when all members know of it, unless it was given up meanwhile."""
        action = flight.action
        note = pending_entry(action, self._node_id(action), str(flight.key), flight.since,
                             self._core.release.feature_set)

        def told() -> None:
            if self._in_flight.get(str(flight.key)) is flight:
                execute()
            else:
                self._was_not_done(flight)

        self._replication.tell_all(note, told)

    def _was_not_done(self, flight: InFlightAction) -> None:
        """Its node has not carried it out, and will not."""
        action = flight.action
        if is_told_beforehand(action.operation) and action.resource is not None:
            self._replication.note(without_pending_entry(self._node_id(action), action.resource.id))

    def _key(self, action: GraphAction) -> TransitionKey:
        return TransitionKey(action.id, self._number, action.target_rc, self._core.me.incarnation)

    def _start(self, action: GraphAction) -> None:
        assert self.run is not None
        self._recorder.started(action.id, self._core.now)
        flight = self._in_flight.begin(action, self._key(action), action.id)
        if action.operation == "stonith":
            self._fence(flight)
            return
        self._in_flight.limit(flight, self._limit_s(action) + self._turn_s(flight))
        match action.operation:
            case "clear_failcount":
                self._clear_failures(flight)
            case "lrm_delete" if self._core.view.member(flight.carrier or "") is None:
                self._forget_history(flight)
            case _:
                self._send(flight)

    def _limit_s(self, action: GraphAction) -> float:
        """After how long without a result an action counts as failed."""
        return (self.last_transition or Transition(0)).time_limit_ms(action) / 1000

    def _turn_s(self, flight: InFlightAction) -> float:
        """How long it may take until it is its turn: a node does one thing after the other with a resource."""
        ends = [earlier.since + self._limit_s(earlier.action) for earlier in self._in_flight.aside
                if earlier.carrier == flight.carrier and earlier.action.resource == flight.action.resource]
        return max(0.0, max(ends, default=0.0) - self._core.now)

    def _send(self, flight: InFlightAction) -> None:
        core, action, node = self._core, flight.action, flight.carrier
        agentless = action.resource is None and action.operation != "do_shutdown"
        if node is None or core.view.member(node) is None or agentless:
            why = "nobody can carry it out" if agentless else f"{node} is not here"
            core.log("warning", f"{action.key} on {node} fails: {why}")
            self._backoff.failed(action, why)
            self._finish(flight, ok=False)
            self._replan(f"{action.key} could not be carried out", 1.0)
            return
        assert core.leadership is not None
        if action.operation == "do_shutdown":
            # Whoever leads when it is gone must know that it was let go, and not lost.
            self._replication.note(NodeUpdate(action.node_id or core.me.config.id_of(node), node, {"expected": "down"}))
            self._replication.flush()
        execute = Execute(core.leadership.term, core.leadership.caretaker, str(flight.key), action)
        if action.operation == "do_shutdown":
            self._let_go(node, lambda: core.send(node, execute))
        elif is_told_beforehand(action.operation):
            self._send_when_told(flight, lambda: core.send(node, execute))
        else:
            core.send(node, execute)

    def _fence(self, flight: InFlightAction) -> None:
        """Have a node fenced or unfenced; the answer may come at once."""
        action = flight.action
        assert action.node is not None
        verb = action.attributes.get("CRM_meta_stonith_action", "reboot")

        def over(ok: bool, why: str) -> None:
            if ok and verb == "on":
                self._note_unfenced(action)
            if self._in_flight.get(str(flight.key)) is not flight:
                return
            self._finish(flight, ok)
            if not ok:
                self._fencing_failed(action.node or "", why)
            self.pump()

        delay_s = action.meta_number("priority_fencing_delay", 0)
        hold_s = self._startup_hold_s(action) if verb != "on" else 0.0
        self._fencing.fence(action.node, verb, over, requested_delay_s=delay_s, hold_s=hold_s, why=action.reason)

    def _startup_hold_s(self, action: GraphAction) -> float:
        """Nodes start together: one that nobody has seen yet is probably on its way."""
        state = recorded_nodes(self._core.document).get(action.node_id or "", {})
        if "in_ccm" in state:
            return 0.0
        return max(0.0, self._led_since + self._startup_fencing_delay_s - self._core.now)

    def _fencing_failed(self, node: str, why: str) -> None:
        """Try again soon, then less often; after `fencing-max-attempts` only when something else makes a plan."""
        failures = self._fencing.failures[node]
        if failures >= self._fencing.max_attempts:
            self._core.log("error", f"{node} could not be fenced {failures} times in a row ({why}); what it may still "
                           f"run is not started elsewhere. If it is off, say so: crmctl confirm {node}")
            return
        self._replan(f"fencing of {node} failed: {why}",
                     min(FENCING_PAUSE_S * 2 ** max(0, failures - 1), LONGEST_FENCING_PAUSE_S))

    def _note_unfenced(self, action: GraphAction) -> None:
        """The engine finds in a node's attributes that it was unfenced, and by which devices."""
        core = self._core
        node_id = action.node_id or core.me.config.id_of(action.node or "")
        values = {"#node-unfenced": str(int(core.now)),
                  "#digests-all": action.attributes.get("CRM_meta_digests_all"),
                  "#digests-secure": action.attributes.get("CRM_meta_digests_secure")}
        self._replication.note(*(TransientAttributeUpdate(node_id, name, value) for name, value in values.items()
                                 if value is not None))

    def _clear_failures(self, flight: InFlightAction) -> None:
        """Forget a resource's failures on a node."""
        core, action = self._core, flight.action
        assert action.resource is not None and action.node is not None
        node_id = action.node_id or core.me.config.id_of(action.node)
        clear_failures(core, self._replication, action.node, node_id, action.resource.id)
        self._finish(flight, ok=True)

    def _forget_history(self, flight: InFlightAction) -> None:
        """Forget what a node that is not here has done with a resource, and that it is kept for it."""
        action = flight.action
        assert action.resource is not None and action.node is not None
        node_id = action.node_id or self._core.me.config.id_of(action.node)
        self._replication.note(HistoryRemoval(node_id, action.resource.id))
        self._finish(flight, ok=True)

    def _finish(self, flight: InFlightAction, ok: bool) -> None:
        """An action has ended; of what was set aside the next plan must know."""
        self._in_flight.end(flight)
        self._replication.note(*self._in_flight.forget_start(flight))
        if flight.place is None:
            self._replan(f"{flight.action.key} on {flight.action.node} has ended", 0.0)
            return
        assert self.run is not None
        self.run.finished(flight.place, ok)
        self._recorder.finished(flight.place, ok)


def clear_failures(core: Core, replication: Replication, node: str, node_id: str, resource: str) -> int:
    """Drop the failure counts of a resource on a node, and its last failure; how many attributes there were."""
    prefixes = (f"fail-count-{resource}#", f"last-failure-{resource}#")
    names = [name for name in transient_attributes(core.document, node_id) if name.startswith(prefixes)]
    entry = f"{resource}_last_failure_0"
    replication.note(*(TransientAttributeUpdate(node_id, name, None) for name in names),
                     HistoryRemoval(node_id, resource, (entry,)))
    if core.leadership is not None:
        core.send(node, CleanHistory(core.leadership.term, resource, (entry,)))
    return len(names)

