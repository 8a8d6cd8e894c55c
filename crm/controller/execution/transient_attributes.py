"""Transient node attributes: set by agents and people, dampened, gone when their node leaves.

Each node keeps its own attributes, its fail counts among them, and tells them to every leader that it joins, so they
outlive the leader; the leader writes them into the status section. Dampening (Pacemaker's `attrd_updater --delay`): a
change waits until nothing has changed for that long, on any node, and then all nodes' values are written together, so
that a cluster that loses its network looks at all nodes' connectivity at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crm.cib.queries import transient_attribute
from crm.cib.status_edits import set_attribute
from crm.cib.status_updates import TransientAttributeUpdate
from crm.controller.commands import RequestAnswered
from crm.controller.core import Core
from crm.controller.events import AttributeRequested
from crm.controller.execution.alerts import AlertSender
from crm.controller.parts import MemberJoined, Part
from crm.controller.protocol.clock_skew import not_to_come
from crm.controller.protocol.keys import FAILURES, LAST_FAILURE
from crm.controller.protocol.messages import AttributeAccepted, AttributeUpdate, OwnAttribute
from crm.controller.replication.idempotency import AppliedRequest
from crm.controller.replication.replication import Replication
from crm.model import score
from crm.model.values import parse_integer

TIMER_PREFIX = "attribute:"


class TransientAttributes(Part):
    """Both sides. `changed(reason)` is called when the leader has written something new."""

    def __init__(self, core: Core, replication: Replication, alerts: AlertSender,
                 changed: Callable[[str], None]) -> None:
        self._core = core
        self._replication = replication
        self._alerts = alerts
        self._changed = changed
        self._own: dict[str, OwnAttribute] = {}
        self._unsent: list[AttributeUpdate] = []
        self._waiting: dict[str, dict[str, str | None]] = {}
        """The leader's: values that wait for the end of their dampening, by attribute and node."""
        self._dampening_ms: dict[str, int] = {}

    # Every node's side

    def requested(self, event: AttributeRequested) -> None:
        """An agent or a person sets an attribute; answered at once, as the value is sure to be told."""
        core = self._core
        if event.node not in core.me.config.names and event.node != core.me.name:
            core.emit(RequestAnswered(event.request_id, code="no-such-node", message=f"There is no node {event.node!r}",
                                      hint=f"Nodes: {', '.join(core.me.config.names)}"))
            return
        self._unsent.append(AttributeUpdate(event.node, event.name, event.value, event.dampening_ms,
                                            event.origin.key))
        self.leader_known()
        core.emit(RequestAnswered(event.request_id, core.document.version, core.hard_state.term))

    def leader_known(self) -> None:
        """Tell the leader what it has not heard."""
        held = self._core.leadership
        if held is not None:
            unsent, self._unsent = self._unsent, []
            for update in unsent:
                self._core.send(held.name, update)

    def kept(self, sender: str, message: AttributeAccepted) -> None:
        """The leader has taken a value for this node."""
        if self._core.dc != sender:
            return
        if message.value is None:
            self._own.pop(message.name, None)
        else:
            self._own[message.name] = OwnAttribute(message.name, message.value, message.dampening_ms)

    def own(self) -> tuple[OwnAttribute, ...]:
        """This node's, for a leader that it joins."""
        return tuple(self._own.values())

    # The leader's side

    def update(self, sender: str, update: AttributeUpdate) -> None:
        """Take a new value for a node."""
        core = self._core
        if not core.leading or self._done_before(update):
            return
        value = None if update.value is None else set_attribute(update.value, self._present(update.node, update.name))
        if update.dampening_ms is not None:
            self._dampening_ms[update.name] = update.dampening_ms
        dampening_ms = self._dampening_ms.get(update.name, 0)
        core.send(update.node, AttributeAccepted(update.name, value, dampening_ms))
        if self._present(update.node, update.name) == value:
            return
        self._waiting.setdefault(update.name, {})[update.node] = value
        if dampening_ms > 0:
            core.set_timer(f"{TIMER_PREFIX}{update.name}", dampening_ms / 1000)
        else:
            self._write(update.name)

    def _done_before(self, update: AttributeUpdate) -> bool:
        """Whether this was done already, under its key; if not, it is from now on."""
        core, key = self._core, update.key
        if key is None or core.receipts.find(key.id, core.now) is not None:
            return key is not None
        self._replication.receipted(AppliedRequest(key, core.document.version, core.hard_state.term, core.now))
        return False

    def member_joined(self, joined: MemberJoined) -> None:
        """A member tells its own; what the status does not know yet is written at once."""
        for attribute in joined.message.attributes:
            self._dampening_ms.setdefault(attribute.name, attribute.dampening_ms)
            present = self._present(joined.name, attribute.name)
            value = _graver(attribute.name, present, attribute.value, self._core.now)
            if present != value:
                self._waiting.setdefault(attribute.name, {})[joined.name] = value
                self._write(attribute.name)

    def timer(self, name: str) -> None:
        """The dampening is over: nothing has changed for that long."""
        self._write(name.removeprefix(TIMER_PREFIX))

    def member_left(self, name: str) -> None:
        """What was still to be written for it is void."""
        for values in self._waiting.values():
            values.pop(name, None)

    def stop_leading(self) -> None:
        """Somebody else is told by the nodes themselves."""
        for name in self._waiting:
            self._core.cancel_timer(f"{TIMER_PREFIX}{name}")
        self._waiting.clear()
        self._dampening_ms.clear()

    def _present(self, node: str, name: str) -> str | None:
        """The value that counts: the one that waits, else the one that is written."""
        waiting: Mapping[str, str | None] = self._waiting.get(name, {})
        if node in waiting:
            return waiting[node]
        self._replication.flush()
        return transient_attribute(self._core.document, self._core.me.config.id_of(node), name)

    def _write(self, name: str) -> None:
        core, values = self._core, self._waiting.pop(name, {})
        if not values:
            return
        self._replication.note(*(TransientAttributeUpdate(core.me.config.id_of(node), name, value)
                                 for node, value in sorted(values.items())))
        self._replication.flush()
        for node, value in sorted(values.items()):
            self._alerts.attribute(node, name, value)
        self._changed(f"attribute {name} of {', '.join(sorted(values))} changed")


def _graver(name: str, present: str | None, told: str, now: float) -> str:
    """The value that counts: of failures the more, or later, ones, as a leader may know of more than their node."""
    if name.startswith(LAST_FAILURE):
        return max((not_to_come(told, now), present or ""), key=lambda text: parse_integer(text) or 0)
    return told if present is None or not name.startswith(FAILURES) else max((told, present), key=score.parse)
