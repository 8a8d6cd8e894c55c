"""What must hold whenever a controller has handled an event, checked in production too.

Invariants of a moment are a table: name, and a predicate of the controller's parts that returns the values that break
it. Invariants of a step compare with the last moment. A broken one is our own mistake: the daemon ends before anything
that it has just decided is done, and nothing wrong gets to a disk, a node or a client.

Not here: promises about the cluster as a whole, which no node can see alone (see `crm.testing.checkers`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crm.cib.document import Document
from crm.cib.version import Version
from crm.controller.core import Core
from crm.controller.dispatch import Dispatch
from crm.controller.fencing.fencing import Fencing
from crm.controller.joining import Joining
from crm.controller.planning import Planning
from crm.controller.replication import Replication
from crm.controller.values import Authority, Standing


class BrokenInvariantError(AssertionError):
    """A mistake of ours: `invariant` does not hold at `node`, as `values` show."""

    def __init__(self, node: str, invariant: str, values: str) -> None:
        super().__init__(f"{node}: broken invariant: {invariant} ({values})")
        self.node, self.invariant, self.values = node, invariant, values


@dataclass(frozen=True, slots=True)
class Parts:
    """What the invariants are about."""

    core: Core
    replication: Replication
    joining: Joining
    fencing: Fencing
    dispatch: Dispatch
    planning: Planning


Broken = str
"""The values that break an invariant; empty if it holds."""


def _term_is_standing(parts: Parts) -> Broken:
    core, held = parts.core, parts.core.authority
    return f"authority of term {held.term}, {core.standing}" if held and held.term != core.standing.term else ""


def _leader_is_here(parts: Parts) -> Broken:
    core, held = parts.core, parts.core.authority
    if held is None:
        return ""
    member = core.view.member(held.name)
    same = member is not None and member.incarnation == held.incarnation
    return "" if same else f"{held}, view {core.view.number} of {', '.join(core.view.names)}"


def _quorum_elects(parts: Parts) -> Broken:
    core, held = parts.core, parts.core.authority
    if held is None or held.caretaker != core.view.quorate:
        return ""
    return f"{held}, quorate: {core.view.quorate}"


def _office_is_stamped(parts: Parts) -> Broken:
    core, held = parts.core, parts.core.authority
    if held is None or held.caretaker or not core.leading or not core.in_office:
        return ""
    return "" if core.standing.cib_term == held.term else f"{held}, {core.standing}"


def _cib_is_of_a_known_term(parts: Parts) -> Broken:
    standing = parts.core.standing
    return "" if standing.cib_term <= standing.term else str(standing)


def _acknowledged_is_stored(parts: Parts) -> Broken:
    core = parts.core
    if not core.leading:
        return ""
    own = core.document.version
    ahead = [f"{name}: {version}" for name, version in parts.replication.acknowledged_by.items() if version > own]
    return f"acknowledged {', '.join(ahead)}, own version {own}" if ahead else ""


def _only_leaders_dispatch(parts: Parts) -> Broken:
    if parts.core.leading or not parts.dispatch.busy:
        return ""
    return f"{parts.core.me.name} does not lead, transition {parts.dispatch.number} is in flight"


def _only_leaders_promise(parts: Parts) -> Broken:
    if parts.core.leading or not parts.replication.open_promises:
        return ""
    return f"{parts.core.me.name} does not lead, {parts.replication.open_promises} changes wait for disks"


def _only_leaders_fence(parts: Parts) -> Broken:
    under_way = parts.fencing.targets
    return f"{parts.core.me.name} does not lead, fencing of {', '.join(under_way)}" if (
        under_way and not parts.core.leading) else ""


def _only_leaders_plan(parts: Parts) -> Broken:
    if parts.core.leading or not parts.planning.pending:
        return ""
    return f"{parts.core.me.name} does not lead, and waits for a plan"


def _safe_mode_begins_nothing(parts: Parts) -> Broken:
    if not parts.core.safe_mode or parts.dispatch.run is None:
        return ""
    return f"{parts.core.me.name} runs transition {parts.dispatch.number}"


def _joined_are_here(parts: Parts) -> Broken:
    core = parts.core
    if not core.leading:
        return ""
    gone = parts.joining.joined.keys() - {member.name for member in core.view.members}
    return f"joined, not in view {core.view.number}: {', '.join(sorted(gone))}" if gone else ""


MOMENT: tuple[tuple[str, Callable[[Parts], Broken]], ...] = (
    ("whoever is followed leads in the standing term", _term_is_standing),
    ("whoever is followed is a member, and has not restarted since", _leader_is_here),
    ("a DC has quorum, a caretaker has none", _quorum_elects),
    ("a DC in office has stamped the CIB with its term", _office_is_stamped),
    ("a CIB is of no term that this node does not know", _cib_is_of_a_known_term),
    ("nobody has acknowledged more than the leader has", _acknowledged_is_stored),
    ("nothing is in flight for a node that does not lead", _only_leaders_dispatch),
    ("nobody waits for disks at a node that does not lead", _only_leaders_promise),
    ("only a leader has nodes fenced", _only_leaders_fence),
    ("only a leader waits for a plan", _only_leaders_plan),
    ("who has joined is a member", _joined_are_here),
    ("no transition runs in safe mode", _safe_mode_begins_nothing),
)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What steps are compared with."""

    standing: Standing
    authority: Authority | None
    in_office: bool
    document: Document

    @property
    def version(self) -> Version:
        return self.document.version

    def is_same(self, other: _Moment) -> bool:
        # By identity: comparing two documents would cost more than all the rest.
        return (self.standing is other.standing and self.authority is other.authority
                and self.in_office == other.in_office and self.document is other.document)


class Invariants:
    """All of them, of one controller. `check` is called after each event."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._last = self._moment()

    def check(self) -> None:
        """Raises BrokenInvariantError."""
        parts = self._parts
        for name, broken in MOMENT:
            if values := broken(parts):
                raise BrokenInvariantError(parts.core.me.name, name, values)
        now, last = self._moment(), self._last
        if now.is_same(last):
            return
        for name, values in self._steps(last, now):
            if values:
                raise BrokenInvariantError(parts.core.me.name, name, values)
        self._last = now

    def _moment(self) -> _Moment:
        core = self._parts.core
        return _Moment(core.standing, core.authority, core.in_office, core.document)

    def _steps(self, last: _Moment, now: _Moment) -> tuple[tuple[str, Broken], ...]:
        return (
            ("terms never go back",
             f"{last.standing}, then {now.standing}" if now.standing.term < last.standing.term else ""),
            ("a voter votes once in a term", _second_vote(last.standing, now.standing)),
            ("versions never go back within a reign",
             f"{now.authority}: {last.version}, then {now.version}"
             if now.authority is not None and now.authority == last.authority and now.version < last.version else ""),
            ("a DC takes office when enough disks have its term", self._early_office(last, now)),
        )

    def _early_office(self, last: _Moment, now: _Moment) -> Broken:
        core, held = self._parts.core, now.authority
        taken = core.leading and now.in_office and (not last.in_office or last.authority != held)
        if not taken or held is None or held.caretaker:
            return ""
        kept = core.term_kept_by
        return "" if core.enough(kept) else f"{held}, on the disks of {sorted(kept)}, needed: {core.needed}"


def _second_vote(last: Standing, now: Standing) -> Broken:
    changed = last.voted_for is not None and now.voted_for != last.voted_for
    return f"{last}, then {now}" if now.term == last.term and changed else ""
