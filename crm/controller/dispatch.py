"""Runs a transition over the cluster: actions to the nodes that carry them out, results back into the run.

What needs no agent is done here (failure counts are cleared); a node that is let go confirms by leaving; fencing has a
part of its own, which always answers. Every other action's time limit is armed before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from crm.cib.document import Document
from crm.cib.record import AttributeNote, ForgetNote, NodeNote, recorded_nodes, transient_attributes
from crm.controller.chronicle import Chronicle
from crm.controller.core import Core
from crm.controller.fencing.fencing import Fencing
from crm.controller.keys import TransitionKey
from crm.controller.messages import Execute, Forget
from crm.controller.replication import Replication
from crm.controller.throttle import Throttle
from crm.model.score import INFINITY
from crm.model.transition import GraphAction, Transition
from crm.transition import Progress, Run, cautious

TIMER_PREFIX = "action:"
FENCING_PAUSE_S = 1.0
LONGEST_FENCING_PAUSE_S = 60.0
_NOT_ITS_OWN = ("stonith", "do_shutdown")
"""What is done to a node rather than by its executor."""


class Dispatch:
    """The leader's running transition. `again(reason, delay_s)` asks for a new plan, `over()` tells of the end."""

    def __init__(self, core: Core, replication: Replication, fencing: Fencing, throttle: Throttle,
                 startup_fencing_delay_s: float = 0.0) -> None:
        self._core = core
        self._replication = replication
        self._fencing = fencing
        self._throttle = throttle
        self._startup_fencing_delay_s = startup_fencing_delay_s
        self._led_since = 0.0
        self._sent_after: dict[int, int] = {}
        """The last welcome that was sent before each action of the run."""
        self._number = -1
        self._chronicle = Chronicle(core)
        self._pumping = False
        self.run: Run | None = None
        self.last_transition: Transition | None = None
        self.again: Callable[[str, float], None] = lambda reason, delay_s: None
        self.over: Callable[[], None] = lambda: None

    @property
    def progress(self) -> Progress | None:
        """How far the running transition has come."""
        return self.run.progress if self.run else None

    @property
    def number(self) -> int:
        """The running (or last) transition's number."""
        return self._number

    def lead(self) -> None:
        """This node leads from now on."""
        self.drop()
        self._led_since = self._core.now

    def start(self, transition: Transition, document: Document, planned_at: int) -> None:
        """Begin to run a transition that was planned from that CIB, at that moment (epoch seconds)."""
        assert self.run is None, "a transition is still running"
        self._number += 1
        self._sent_after.clear()
        self.last_transition = replace(cautious(transition), id=self._number)
        self.run = Run(self.last_transition)
        self._chronicle.begun(self.last_transition, document, planned_at)
        self.pump()

    def abort(self, reason: str) -> None:
        """Fire nothing more; the run ends when what is in flight has ended."""
        if self.run is not None:
            self.run.abort(INFINITY, reason)
            self.pump()

    def drop(self) -> None:
        """This node leads no more: the run is none of its business."""
        if self.run is not None:
            for action_id in list(self.run.in_flight):
                self._core.cancel_timer(f"{TIMER_PREFIX}{action_id}")
            self._chronicle.over("dropped", f"{self._core.me.name} leads no more")
        self.run = None

    def pump(self) -> None:
        """Send what may start now; notice the end."""
        if self.run is None or self._pumping:
            return
        self._pumping = True
        try:
            limits = self._throttle.limits(self.run.transition)
            while actions := self.run.ready(limits):
                for action in actions:
                    self._start(action)
        finally:
            self._pumping = False
        if self.run.done:
            self._chronicle.over(self.run.outcome.value, self.run.aborted.reason if self.run.aborted else "")
            self.run = None
            self.over()

    def result(self, key: TransitionKey, rc: int, ok: bool) -> bool:
        """A result has come; True if it belongs to an action in flight."""
        if not self.is_in_flight(str(key)):
            return False
        self._finish(key.action, ok)
        self.pump()
        return True

    def is_in_flight(self, key_text: str) -> bool:
        """Whether that transition key is an action of the running transition without a result."""
        key = TransitionKey.parse(key_text)
        return (self.run is not None and key is not None and key.uuid == self._core.me.incarnation
                and key.transition == self._number and key.action in self.run.in_flight)

    def in_flight(self, key: TransitionKey | None) -> GraphAction | None:
        """The action of that key, if it is in flight."""
        return self.run.in_flight[key.action] if self.run and key and self.is_in_flight(str(key)) else None

    def refused(self, key_text: str, because: str) -> None:
        """A node would not carry an action out."""
        key = TransitionKey.parse(key_text)
        if key is not None and self.result(key, -1, ok=False):
            self._core.log("warning", f"action {key.action} was refused: {because}")
            self.again(f"an action was refused: {because}", 0.1)

    def timer(self, name: str) -> None:
        """An action's time limit has passed without a result."""
        action_id = int(name.removeprefix(TIMER_PREFIX))
        if self.run is None or action_id not in self.run.in_flight:
            return
        action = self.run.in_flight[action_id]
        self._core.log("error", f"{action.key} on {action.node}: no result within "
                                f"{self.run.time_limit_ms(action)} ms; taken as failed")
        self._finish(action_id, ok=False)
        self.again(f"{action.key} on {action.node} gave no result in time", 0.0)
        self.pump()

    def node_left(self, node: str) -> None:
        """What was in flight on a lost node fails at once; that it leaves confirms a shutdown."""
        if self.run is None:
            return
        for action in list(self.run.in_flight.values()):
            if _carrier(action) == node and action.operation != "stonith":
                self._finish(action.id, ok=action.operation == "do_shutdown")
        self.pump()

    def reconcile(self, node: str, known_keys: set[str], serial: int) -> None:
        """A member has joined again: what it knows nothing of was lost on the way, if it was sent before its welcome.

        What was sent after that is still under way: the member may well carry it out.
        """
        if self.run is None:
            return
        lost = [action for action in self.run.in_flight.values()
                if _carrier(action) == node and action.operation not in _NOT_ITS_OWN
                and self._sent_after.get(action.id, 0) < serial and str(self._key(action)) not in known_keys]
        for action in lost:
            self._finish(action.id, ok=False)
            self.again(f"{action.key} on {node} was lost on the way", 0.0)
        self.pump()

    def _key(self, action: GraphAction) -> TransitionKey:
        return TransitionKey(action.id, self._number, action.target_rc, self._core.me.incarnation)

    def _start(self, action: GraphAction) -> None:
        assert self.run is not None
        self._chronicle.started(action.id)
        if action.operation == "stonith":
            self._fence(action)
            return
        self._core.set_timer(f"{TIMER_PREFIX}{action.id}", self.run.time_limit_ms(action) / 1000)
        match action.operation:
            case "clear_failcount":
                self._clear_failures(action)
            case "lrm_delete" if self._core.view.member(_carrier(action) or "") is None:
                self._forget_history(action)
            case _:
                self._send(action)

    def _send(self, action: GraphAction) -> None:
        core = self._core
        node = _carrier(action)
        agentless = action.resource is None and action.operation != "do_shutdown"
        if node is None or core.view.member(node) is None or agentless:
            why = "nobody can carry it out" if agentless else f"{node} is not here"
            core.log("warning", f"{action.key} on {node} fails: {why}")
            self._finish(action.id, ok=False)
            self.again(f"{action.key} could not be carried out", 1.0)
            return
        assert core.authority is not None
        if action.operation == "do_shutdown":
            # Whoever leads when it is gone must know that it was let go, and not lost.
            self._replication.note(NodeNote(action.node_id or core.me.shape.id_of(node), node, {"expected": "down"}))
            self._replication.flush()
        key = str(self._key(action))
        self._sent_after[action.id] = core.serial
        core.send(node, Execute(core.authority.term, core.authority.caretaker, key, action))

    def _fence(self, action: GraphAction) -> None:
        """Have a node fenced or unfenced; the answer may come at once."""
        run, number = self.run, self._number
        assert action.node is not None
        verb = action.attributes.get("CRM_meta_stonith_action", "reboot")

        def over(ok: bool, why: str) -> None:
            if ok and verb == "on":
                self._note_unfenced(action)
            if self.run is not run or self._number != number or run is None or action.id not in run.in_flight:
                return
            self._finish(action.id, ok)
            if not ok:
                self._fencing_failed(action.node or "", why)
            self.pump()

        delay_s = int(action.attributes.get("CRM_meta_priority_fencing_delay", "0"))
        hold_s = self._startup_hold_s(action) if verb != "on" else 0.0
        self._fencing.fence(action.node, verb, over, requested_delay_s=delay_s, hold_s=hold_s)

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
        self.again(f"fencing of {node} failed: {why}",
                   min(FENCING_PAUSE_S * 2 ** max(0, failures - 1), LONGEST_FENCING_PAUSE_S))

    def _note_unfenced(self, action: GraphAction) -> None:
        """The engine finds in a node's attributes that it was unfenced, and by which devices."""
        core = self._core
        node_id = action.node_id or core.me.shape.id_of(action.node or "")
        values = {"#node-unfenced": str(int(core.now)),
                  "#digests-all": action.attributes.get("CRM_meta_digests_all"),
                  "#digests-secure": action.attributes.get("CRM_meta_digests_secure")}
        self._replication.note(*(AttributeNote(node_id, name, value) for name, value in values.items()
                                 if value is not None))

    def _clear_failures(self, action: GraphAction) -> None:
        """Forget a resource's failures on a node."""
        core = self._core
        assert action.resource is not None and action.node is not None
        node_id = action.node_id or core.me.shape.id_of(action.node)
        clear_failures(core, self._replication, action.node, node_id, action.resource.id)
        self._finish(action.id, ok=True)

    def _forget_history(self, action: GraphAction) -> None:
        """Forget what a node that is not here has done with a resource, and that it is kept for it."""
        assert action.resource is not None and action.node is not None
        node_id = action.node_id or self._core.me.shape.id_of(action.node)
        self._replication.note(ForgetNote(node_id, action.resource.id))
        self._finish(action.id, ok=True)

    def _finish(self, action_id: int, ok: bool) -> None:
        assert self.run is not None
        self.run.finished(action_id, ok)
        self._chronicle.finished(action_id, ok)
        self._core.cancel_timer(f"{TIMER_PREFIX}{action_id}")


def clear_failures(core: Core, replication: Replication, node: str, node_id: str, resource: str) -> int:
    """Drop the failure counts of a resource on a node, and its last failure; how many attributes there were."""
    prefixes = (f"fail-count-{resource}#", f"last-failure-{resource}#")
    names = [name for name in transient_attributes(core.document, node_id) if name.startswith(prefixes)]
    entry = f"{resource}_last_failure_0"
    replication.note(*(AttributeNote(node_id, name, None) for name in names), ForgetNote(node_id, resource, (entry,)))
    if core.authority is not None:
        core.send(node, Forget(core.authority.term, resource, (entry,)))
    return len(names)


def _carrier(action: GraphAction) -> str | None:
    """The cluster node whose executor carries the action out."""
    return action.router or action.node
