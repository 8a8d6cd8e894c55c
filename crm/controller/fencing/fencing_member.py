"""Every node's part in fencing: hands the leader's orders to the executor, reports their end, keeps the history.

An order is obeyed from our own leader only. Its end is told to whoever leads by then: the one who asked may have been
the target; a new leader also learns what is still under way, so that it does not begin the same anew. A node that
learns that it was itself fenced, and lives, ends itself at once: others run what it ran.
"""

from __future__ import annotations

from crm.controller.cluster_state import Leadership
from crm.controller.commands import FenceSelf, RunFencing
from crm.controller.core import Core
from crm.controller.events import FencingEnded
from crm.controller.fencing.course import FencingVerb
from crm.controller.fencing.fencing_history import FencingHistory
from crm.controller.parts import MemberJoined, Part
from crm.controller.protocol.messages import EndYourself, FenceOrder, FenceReport, FencingHistoryUpdate, FencingInFlight

_OUTPUT_LIMIT = 64 * 1024
FRESH_S = 5.0
"""For so long a success is told to every new leader."""


class FencingMember(Part):
    """One node's end."""

    def __init__(self, core: Core, history: FencingHistory) -> None:
        self._core = core
        self._history = history
        self._orders: dict[str, FenceOrder] = {}
        self._unsent: list[FenceReport] = []
        self._successes: list[tuple[float, FenceReport]] = []
        self._told: Leadership | None = None

    def order(self, sender: str, order: FenceOrder) -> None:
        """The leader wants a step taken."""
        core, held = self._core, self._core.leadership
        if held is None or held.name != sender or (held.term, held.caretaker) != (order.term, order.caretaker):
            why = f"{core.me.name} follows {core.dc or 'nobody'}, term {core.hard_state.term}"
            core.send(sender, FenceReport(order.order, order.device, order.target, order.verb, False, reason=why))
            return
        self._orders[order.order] = order
        core.emit(RunFencing(order))

    def ended(self, event: FencingEnded) -> None:
        """The executor is done with one."""
        order = self._orders.pop(event.order, None)
        if order is None:
            return
        report = FenceReport(order.order, order.device, order.target, order.verb, event.ok,
                             event.output[:_OUTPUT_LIMIT], event.reason, event.unsupported, order.conclusive,
                             order.incarnation)
        if report.ok and report.conclusive:
            self._successes.append((self._core.now, report))
        self._unsent.append(report)
        self.leader_known()

    def leader_known(self) -> None:
        """Tell the leader what it has not heard; a new one also what its predecessor may not have lived to record."""
        held = self._core.leadership
        if held is None:
            return
        unsent, self._unsent = self._unsent, []
        if held != self._told:
            self._told = held
            fresh = [report for at, report in self._successes if self._core.now - at < FRESH_S]
            unsent = [*(report for report in fresh if report not in unsent), *unsent]
            self._tell_what_is_under_way(held.name)
        for report in unsent:
            self._core.send(held.name, report)

    def _tell_what_is_under_way(self, leader: str) -> None:
        for order in self._orders.values():
            if order.conclusive and order.verb in (FencingVerb.OFF, FencingVerb.REBOOT):
                limit_ms = order.timeout_ms + order.delay_ms + order.spread_ms
                self._core.send(leader, FencingInFlight(order.order, order.device, order.target, order.verb,
                                                        order.incarnation, limit_ms))

    def view_changed(self) -> None:
        """A target that is here again is not what was fenced."""
        self._successes = [(at, report) for at, report in self._successes
                           if self._core.now - at < FRESH_S and self._core.view.member(report.target) is None]

    def news(self, sender: str, news: FencingHistoryUpdate) -> None:
        """What has become of some fencings."""
        core = self._core
        if self._history.merge(news.records):
            core.changed("fencing")
        for record in news.records:
            meant = (record.target, record.incarnation) == (core.me.name, core.me.incarnation)
            if meant and record.state == "success" and record.action != "on":
                core.emit(FenceSelf(f"{sender} says that {record.device} has fenced this node, and yet it lives"))

    def told_to_panic(self, sender: str, panic: EndYourself) -> None:
        """Our leader relies on this node's watchdog."""
        if self._core.dc == sender:
            self._core.emit(FenceSelf(f"{sender} asks for it: {panic.reason}"))

    def member_joined(self, joined: MemberJoined) -> None:
        """A new one learns the history, and what it knows itself comes back the same way."""
        records = self._history.all()
        if joined.new and records and joined.name != self._core.me.name:
            self._core.send(joined.name, FencingHistoryUpdate(records))
