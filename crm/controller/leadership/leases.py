"""Without fencing: a node that is lost is given the time to stop what it runs, before anybody starts that elsewhere.

A node that keeps a lease stops what it runs when its daemon hangs, is dead, or has no quorum (`crm.keeper`): at the
latest `lease-timeout` and `lease-stop-timeout` after it was last in a quorate view. It may have been in one for a while
after the others had lost it (its `margin`, told in its greeting). Each node notes when it saw a loss, as it may be the
next DC; who was not there when its daemon started counts as lost at that moment. Only a node that has left as it was
allowed to, or that a person says to be off, is not waited for.

Where no-quorum-policy lets a node run on (ignore, freeze), or fencing does the job, nobody waits, nothing is stopped.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm.cib.document import Document
from crm.cib.stamp import utc_text
from crm.cib.status_updates import cluster_option, recorded_nodes
from crm.controller.core import Core
from crm.controller.protocol.messages import Announce
from crm.model.report import Report, Severity
from crm.model.values import interval_ms, is_true

TIMER = "lease"
DEFAULT_TIMEOUT_MS = 5_000
DEFAULT_STOP_MS = 2_000
SHORTEST_MS = 1_000
"""A lease that is renewed every 100 ms and lasts no longer than that would run out by chance."""
_STOPPING = ("stop", "demote", "fence", "suicide")
"""Values of no-quorum-policy with which a part without quorum stops what it runs."""


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """The lease of this node, as its configuration has it. `limit_ms` 0: none is wanted."""

    limit_ms: int = 0
    stop_ms: int = 0
    demotes: bool = False
    quorate: bool = False


class LostNodeLeases:
    """Both sides: this node's lease, and the wait for those of others. `margin_ms` 0: this node keeps none."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._margins: dict[str, int] = {}
        """What each node has told in its greeting."""
        self._lost: dict[str, float] = {}
        """Since when nodes are not here any more."""
        self._here: dict[str, str] | None = None
        """The incarnations of those in the present view."""
        self._read: tuple[Document, LeaseTerms] | None = None
        self._former: list[tuple[float, int]] = []
        """Longer terms of a while ago, and until when they count: who was lost before the change goes by them."""

    # This node's

    def terms(self) -> LeaseTerms:
        """What this node's daemon is to hold its lease by, at this moment."""
        core = self._core
        found = self._configured()
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
        if self._here is None:
            gone = set(core.me.config.names) - set(here)
        else:
            gone = {name for name, start in self._here.items() if here.get(name) != start} - self._let_go()
        self._here = here
        self._configured()  # so that a change to shorter terms is noticed
        self._lost.update(dict.fromkeys(gone, core.now))

    def joined(self, name: str) -> None:
        """It has told this leader what it runs; to be back in the view is not enough."""
        self._lost.pop(name, None)

    def known_off(self, name: str) -> None:
        """Nothing runs there any more: it was fenced, or a person says so."""
        self._lost.pop(name, None)

    def awaited(self) -> bool:
        """Whether somebody is waited for; then the timer says when that is over."""
        waits = self.waits()
        if waits:
            self._core.set_timer(TIMER, max(waits.values()))
        return bool(waits)

    def waits(self) -> dict[str, float]:
        """For how many seconds each lost node may still run what it ran; without quorum nobody waits."""
        core = self._core
        if not self._lost or not core.view.quorate or _fencing_enabled(core.document):
            return {}
        total_ms = self._total_ms()
        ends = {name: at + (total_ms + self._margins.get(name, core.lease_margin_ms)) / 1000
                for name, at in self._lost.items() if total_ms > 0 and self._keeps_lease(name)}
        return {name: end - core.now for name, end in sorted(ends.items()) if end > core.now}

    def reports(self) -> tuple[Report, ...]:
        """What people should know: who is waited for, and for how long.

        Who is here again has yet to tell the leader what it runs, which is a matter of a moment, and is not lost.
        """
        now, here = self._core.now, self._core.view.names
        return tuple(Report(Severity.WARNING, "lease-wait", name, f"{name} is lost, and may run what it ran until "
                            f"{utc_text(now + left)} UTC: the cluster waits for its lease to end", "With fencing "
                            f"nobody has to wait. If {name} is off, say so: crmctl confirm {name}")
                     for name, left in self.waits().items() if name not in here)

    def _keeps_lease(self, name: str) -> bool:
        listed = name in self._core.me.config.names
        return listed and self._margins.get(name, self._core.lease_margin_ms) > 0

    def _let_go(self) -> frozenset[str]:
        states = recorded_nodes(self._core.document)
        found = (self._core.me.config.name_of(node_id) for node_id, state in states.items()
                 if state.get("expected") == "down")
        return frozenset(name for name in found if name is not None)

    def _total_ms(self) -> int:
        """How long after its last renewal a lease may have something running, by any terms that may still count."""
        now, terms = self._core.now, self._configured()
        self._former = [(until, total) for until, total in self._former if until > now]
        return max([terms.limit_ms + terms.stop_ms, *(total for _, total in self._former)])

    def _configured(self) -> LeaseTerms:
        document = self._core.document
        if self._read is None or self._read[0] is not document:
            terms = _terms_of(document)
            before = self._read[1] if self._read is not None else terms
            total = before.limit_ms + before.stop_ms
            if terms.limit_ms + terms.stop_ms < total:
                self._former.append((self._core.now + (total + self._core.lease_margin_ms) / 1000, total))
            self._read = document, terms
        return self._read[1]


def _terms_of(document: Document) -> LeaseTerms:
    policy = (cluster_option(document, "no-quorum-policy") or "stop").lower()
    limit_ms = _duration_ms(document, "lease-timeout", DEFAULT_TIMEOUT_MS)
    limit_ms = max(limit_ms, SHORTEST_MS) if limit_ms > 0 else 0
    if _fencing_enabled(document) or policy not in _STOPPING or limit_ms <= 0:
        return LeaseTerms()
    return LeaseTerms(limit_ms, _duration_ms(document, "lease-stop-timeout", DEFAULT_STOP_MS), policy == "demote")


def _duration_ms(document: Document, option: str, default: int) -> int:
    value = cluster_option(document, option)
    return default if value is None else max(0, interval_ms(value))


def _fencing_enabled(document: Document) -> bool:
    value = cluster_option(document, "fencing-enabled", "stonith-enabled")
    return value is None or is_true(value)
