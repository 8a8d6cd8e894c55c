"""The leader's reading of results: into the status section, into failure counts, into the running transition.

Which results make a new plan: one that was not expected, one that failed, one that belongs to no action in flight.
"""

from __future__ import annotations

from collections.abc import Callable

from crm.cib.status_updates import (
    FailCountUpdate,
    HistoryRemoval,
    LockUpdate,
    OperationUpdate,
    StatusUpdate,
    TransientAttributeUpdate,
)
from crm.controller.core import Core
from crm.controller.execution.pending_operations import invalidate_target, is_told_beforehand, without_pending_entry
from crm.controller.execution.transition_runner import TransitionRunner
from crm.controller.parts import MemberJoined, Part
from crm.controller.protocol.clock_skew import ahead_s, by_leaders_clock, failures_to_come
from crm.controller.protocol.keys import TransitionKey, failure_attributes
from crm.controller.protocol.messages import ActionResult, JoinConfirm
from crm.controller.replication.replication import Replication
from crm.model import score
from crm.model.history import OperationStatus
from crm.model.values import parse_integer

_COUNTED_ONCE = ("promote", "demote")


class Results(Part):
    """Takes each result once: from a message, or from what a joining node tells."""

    def __init__(self, core: Core, replication: Replication, runner: TransitionRunner,
                 want_plan: Callable[[str], None]) -> None:
        self._core = core
        self._replication = replication
        self._runner = runner
        self._want_plan = want_plan
        self._foreign: dict[str, set[str]] = {}
        """Operations that another leader ordered and that may still change what runs, by node."""

    @property
    def awaited(self) -> bool:
        """Whether another leader's orders are still being carried out: until then nobody knows what runs where."""
        return any(self._foreign.values())

    def member_left(self, name: str) -> None:
        """Nothing more will be heard of that node."""
        self._foreign.pop(name, None)

    def node_off(self, name: str) -> None:
        """Nor of what was under way there."""
        self._foreign.pop(name, None)

    def lead(self) -> None:
        """Times of failures that are still to come, by this node's clock, are brought to it."""
        self._replication.note(*failures_to_come(self._core.document, self._core.now))

    def stop_leading(self) -> None:
        """Results are somebody else's now."""
        self._foreign.clear()

    def take(self, sender: str, result: ActionResult) -> None:
        """A member's executor has a result."""
        core = self._core
        if not core.leading:
            return
        node_id = core.me.config.id_of(sender)
        key = TransitionKey.parse(result.key)
        ok = result.status == OperationStatus.DONE and (key is None or result.rc == key.target_rc)
        if result.operation == "notify":
            ok = True
        self._record(node_id, sender, result)
        if ok:
            self._lock(node_id, result, key)
        elif is_told_beforehand(result.operation):
            self._doubt_target(result)
        probe = result.operation == "monitor" and result.interval_ms == 0
        if not ok and not probe:
            self._count_failure(node_id, sender, result)
        core.changed("history")
        self._foreign.get(sender, set()).discard(result.key)
        if key is None:
            self._want_plan(f"{result.operation} of {result.record.id} on {sender} was not asked for")
            return
        if not ok:
            what = "was not what was expected" if probe else "failed"
            self._want_plan(f"{result.operation} of {result.record.id} {what} on {sender} (rc {result.rc})")
        if not self._runner.result(key, ok, result.exit_reason or f"rc {result.rc}") and ok:
            self._want_plan(f"a late result of {result.operation} of {result.record.id} on {sender}")

    def member_joined(self, joined: MemberJoined) -> None:
        """Take the results that a member may have had while nobody listened."""
        sender, message = joined.name, joined.message
        self._foreign[sender] = self._unknown(sender, message)
        keys = set(message.under_way)
        for record in message.records:
            for attributes in record.entries.values():
                key = TransitionKey.parse(attributes.get("transition-key", ""))
                if key is not None:
                    keys.add(str(key))
                    rc = parse_integer(attributes.get("rc-code"))
                    done = parse_integer(attributes.get("op-status", "0")) == OperationStatus.DONE
                    self._runner.result(key, done and rc == key.target_rc)
        self._runner.reconcile(sender, keys, message.welcome_serial)
        for failure in message.failures:
            self._count_failure(self._core.me.config.id_of(sender), sender, failure)
            self._want_plan(f"{failure.operation} of {failure.record.id} had failed on {sender}")

    def _unknown(self, sender: str, message: JoinConfirm) -> set[str]:
        """Keys of what a member still carries out, and does not tell what it is (an older release)."""
        told = {order.key: order.action for order in message.orders}
        unknown = set()
        for text in message.changing:
            key = TransitionKey.parse(text)
            if self._runner.in_flight(text) is not None:
                continue
            if text in told and key is not None:
                self._runner.take_over(sender, key, told[text])
            else:
                unknown.add(text)
        return unknown

    def _record(self, node_id: str, node: str, result: ActionResult) -> None:
        notes: list[StatusUpdate] = []
        if is_told_beforehand(result.operation):
            notes.append(without_pending_entry(node_id, result.record.id))
        if result.resource_gone:
            notes.append(HistoryRemoval(node_id, result.record.id))
        if result.forgotten:
            notes.append(HistoryRemoval(node_id, result.record.id, result.forgotten))
        if result.record.entries:
            record = by_leaders_clock(result.record, ahead_s(result.clock, self._core.now))
            notes.append(OperationUpdate(node_id, node, record))
        if notes:
            self._replication.note(*notes)

    def _doubt_target(self, result: ActionResult) -> None:
        """A migration that failed on its way may have left the resource at the other end."""
        entries = result.record.entries.values()
        for target in {entry["migrate_target"] for entry in entries if "migrate_target" in entry}:
            invalidate_target(self._core, self._replication, result.record.id, target)

    def _lock(self, node_id: str, result: ActionResult, key: TransitionKey | None) -> None:
        """A resource that was stopped because its node shuts down may be kept for it, until it starts there again."""
        if result.operation == "start":
            self._replication.note(LockUpdate(node_id, result.record.id, None))
        action = self._runner.in_flight(str(key)) if result.operation == "stop" else None
        if action is not None and action.shutdown_lock is not None:
            self._replication.note(LockUpdate(node_id, result.record.id, action.shutdown_lock))

    def _count_failure(self, node_id: str, node: str, result: ActionResult) -> None:
        """A failed start or stop may count as infinitely many, others as one, a probe and a notification not at all."""
        resource = result.record.id
        core = self._core
        core.log("warning", f"{result.operation} of {resource} failed on {node}: rc {result.rc}, status {result.status}"
                 + (f" ({result.exit_reason})" if result.exit_reason else ""))
        step = self._step(result)
        if step is None:
            return
        # By the leader's clock, like all that it is compared with: the node's own may be wrong.
        count_name, time_name = failure_attributes(resource, result.operation, result.interval_ms)
        notes: list[StatusUpdate] = [TransientAttributeUpdate(node_id, time_name, str(int(core.now)))]
        if result.on_fail != "ignore":
            notes.append(FailCountUpdate(node_id, count_name, step))
        self._replication.note(*notes)

    def _step(self, result: ActionResult) -> score.Score | None:
        transition = self._runner.last_transition
        match result.operation:
            case "start":
                return _offset(transition.failed_start_offset if transition else "INFINITY")
            case "stop":
                return _offset(transition.failed_stop_offset if transition else "INFINITY")
            case operation if result.interval_ms > 0 or operation in _COUNTED_ONCE:
                return 1
            case _:
                return None


def _offset(text: str) -> score.Score:
    return score.INFINITY if text == "INFINITY" else 1
