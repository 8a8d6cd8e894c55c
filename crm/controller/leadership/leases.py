"""Without fencing: a node that is lost is given the time to stop what it runs, before anybody starts that elsewhere.

A node that keeps a lease stops what it runs when its daemon hangs, is dead, or has no quorum (`crm.keeper`): at the
latest `lease-timeout` and `lease-stop-timeout` after it was last in a quorate view. It may have been in one for a while
after the others had lost it (its `margin`, told in its greeting). Each node notes when it saw a loss, as it may be the
next DC; who was not there when its daemon started, or when it got quorum, counts as lost at that moment.

For how long a node is waited for stands in its `node_state` (`crm.model.lease`): by the lease that it held, whatever
the configuration has become since (`crm.controller.leadership.lease_records`). Each node remembers that on its disk,
too, as the status is gone when all daemons were down. Until the time is over the node is unclean: the planner starts
nothing elsewhere that it may run, and goes on with all else. Who held no lease, because fencing was to prove that it is
off, stays unclean until it is fenced, is back, or a person says that it is off.

Where no-quorum-policy lets a node run on (ignore, freeze), or fencing does the job, nobody waits, nothing is stopped.
"""

from __future__ import annotations

import math

from crm.cib.document import Document
from crm.cib.queries import recorded_nodes
from crm.cib.stamp import utc_text
from crm.controller.core import Core
from crm.controller.leadership.lease_terms import LeaseTerms, fencing_enabled, terms_of
from crm.controller.parts import MemberJoined, Part
from crm.controller.protocol.messages import Announce
from crm.model.lease import NOT_AWAITED, lease_ms
from crm.model.report import Report, Severity

TIMER = "lease"


class LostNodeLeases(Part):
    """Both sides: this node's lease, and the wait for those of others. `margin_ms` 0: this node keeps none."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._margins: dict[str, int] = {}
        """What each node has told in its greeting."""
        self._lost: dict[str, float] = {}
        """Since when nodes are not here any more."""
        self._here: dict[str, str] = {}
        """The incarnations of those in the present view."""
        self._was_quorate = False
        self._read: tuple[Document, LeaseTerms, bool] | None = None
        self._remembered: Document | None = None
        """The CIB whose records are in the standing."""
        self._found: tuple[Document | None, tuple[str, ...]] = None, ()
        self._seen: object = None
        """What the next look was chosen by."""
        self._looks_at: float | None = None

    # This node's

    def terms(self) -> LeaseTerms:
        """What this node's daemon is to hold its lease by, at this moment."""
        core = self._core
        found, _ = self._configured()
        if len(core.me.config.names) < 2:
            return LeaseTerms()
        return LeaseTerms(found.limit_ms, found.stop_ms, found.demotes, core.view.quorate)

    # Others'

    def told(self, sender: str, hello: Announce) -> None:
        """A member says whether it keeps a lease."""
        self._margins[sender] = hello.lease_margin_ms

    def view_changed(self) -> None:
        """Note who is lost, before anything is recorded of that; a daemon that was started anew is not the former."""
        core = self._core
        here = {member.name: member.incarnation for member in core.view.members}
        gone = {name for name, start in self._here.items() if here.get(name) != start}
        self._here = here
        self._lost.update(dict.fromkeys(gone, core.now))

    def look(self) -> None:
        """After each event: what follows from it, for whoever leads next as well."""
        core = self._core
        if core.view.quorate and not self._was_quorate:
            # Others may have had quorum, and a lost node among them, until this moment.
            self._lost.update(dict.fromkeys(set(core.me.config.names) - set(core.view.names), core.now))
        self._was_quorate = core.view.quorate
        if core.document is not self._remembered:
            self._remembered = core.document
            self._remember()
        seen = id(core.document), core.view.number, core.leading
        if core.leading and seen != self._seen and self._unclean():
            self._look_when_over()
        self._seen = seen

    def member_joined(self, joined: MemberJoined) -> None:
        """It has told this leader what it runs; to be back in the view is not enough."""
        self._lost.pop(joined.name, None)

    def node_off(self, name: str) -> None:
        """Nothing runs there any more: it was fenced, or a person says so."""
        self._lost.pop(name, None)

    def promised_ms(self, name: str) -> float:
        """How long after its loss a node may run something, if it holds its lease by the present configuration."""
        terms, fencing = self._configured()
        margin_ms = self.margin_ms(name)
        if fencing:
            return math.inf
        return terms.total_ms + margin_ms if terms.total_ms > 0 and margin_ms > 0 else 0.0

    def margin_ms(self, name: str) -> int:
        """How long after its loss a node may renew its lease, as far as it knows; 0: it keeps none."""
        return self._margins.get(name, self._core.lease_margin_ms)

    def held_ms(self, name: str) -> float | None:
        """The same, by what is known of the lease that it held; None if nothing is."""
        core = self._core
        node_id = core.me.config.id_of(name)
        recorded = recorded_nodes(core.document).get(node_id, {}).get("lease")
        text = dict(core.hard_state.leases).get(node_id) if recorded is None else recorded
        return None if text is None else lease_ms(text)

    def waits(self) -> dict[str, float]:
        """For how many seconds each lost node may run something (0: no more); infinite if nobody knows.

        Without quorum nobody waits, and with fencing for anything else. Who is here and does not join may run anything.
        """
        core = self._core
        if not self._unclean() or not core.view.quorate or fencing_enabled(core.document):
            return {}
        return {name: math.inf if name in self._here else self._left_s(name) for name in self._unclean()}

    def over(self) -> list[str]:
        """Those that have stopped by now whatever they ran."""
        self._looks_at = self._seen = None
        return [name for name, left_s in self.waits().items() if left_s <= 0]

    def reports(self) -> tuple[Report, ...]:
        """What people should know: who is waited for, and for how long."""
        return tuple(self._report(name, left_s) for name, left_s in self.waits().items())

    def _report(self, name: str, left_s: float) -> Report:
        if name in self._here:
            why, hint = "is here, but has not joined: it may run what it ran", f"Restart crmd on {name}"
        elif math.isinf(left_s):
            why = ("is lost, and nothing tells whether it still runs what it ran: it held no lease, as fencing was on, "
                   "or was to leave something alone")
            hint = f"Make sure that {name} is off, and say so: crmctl confirm {name}. Or turn fencing on"
        else:
            why = f"is lost, and may run what it ran until {utc_text(self._core.now + left_s)} UTC, when its lease ends"
            hint = f"With fencing nobody has to wait. If {name} is off, say so: crmctl confirm {name}"
        return Report(Severity.WARNING, "lease-wait", name,
                      f"{name} {why}. None of that is started elsewhere before", hint)

    def _left_s(self, name: str) -> float:
        held_ms = self.held_ms(name)
        since = self._lost.setdefault(name, self._core.now)
        return math.inf if held_ms is None else max(0.0, since + held_ms / 1000 - self._core.now)

    def _unclean(self) -> tuple[str, ...]:
        """Nodes that are lost, and not yet known to have stopped what they ran, as the status has it."""
        core = self._core
        if self._found[0] is not core.document:
            states = recorded_nodes(core.document)
            self._found = core.document, tuple(name for name, node_id in core.me.config.nodes
                                               if _is_unclean(states.get(node_id, {})))
        return self._found[1]

    def _look_when_over(self) -> None:
        left = [left_s for left_s in self.waits().values() if not math.isinf(left_s)]
        at = self._core.now + min(left) if left else None
        if at is not None and (self._looks_at is None or at < self._looks_at or self._looks_at <= self._core.now):
            self._looks_at = at
            self._core.set_timer(TIMER, max(0.0, at - self._core.now))

    def _remember(self) -> None:
        """Have the disk keep what the status has of leases: that is all that is left of it when all are down."""
        core = self._core
        states = recorded_nodes(core.document)
        ids = {node_id for _, node_id in core.me.config.nodes}
        found = dict(core.hard_state.leases) | {
            node_id: state["lease"] for node_id, state in states.items() if "lease" in state}
        leases = tuple(sorted((node_id, text) for node_id, text in found.items() if node_id in ids))
        if leases != core.hard_state.leases:
            core.stand(leases=leases)
            core.persist(lambda: None, with_document=False)

    def _configured(self) -> tuple[LeaseTerms, bool]:
        document = self._core.document
        if self._read is None or self._read[0] is not document:
            self._read = document, terms_of(document), fencing_enabled(document)
        return self._read[1:]


def _is_unclean(state: dict[str, str]) -> bool:
    lost = state.get("in_ccm") == "0" and state.get("expected") == "member"
    return lost and state.get("lease", NOT_AWAITED) != NOT_AWAITED
