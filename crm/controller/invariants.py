"""What must hold whenever a controller has handled an event, checked in production too.

Invariants are tables: name, and a predicate of the controller's parts that returns the values that break it. A broken
one is our own mistake: the daemon ends before anything that it has just decided is done, and nothing wrong gets to a
disk, a node or a client.

Most events change nothing that an invariant is about, so an event is to pay only for what it could have changed. What
is replaced as a whole (the facts of a `_Moment`) is compared by identity, and its invariants, with those of the step
from the last moment, are looked at only when something else is there; of another CIB alone, only its version. What
parts keep in mutable tables is looked at after each event, but only what can go wrong for a leader, or for who is none.
`python -m tests.bench.invariants` measures it.

Not here: promises about the cluster as a whole, which no node can see alone (see `crm.testing.invariants`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crm.cib.document import Document
from crm.controller.cluster_state import Leadership, View
from crm.controller.core import Core
from crm.controller.execution.planning import Planning
from crm.controller.execution.transition_runner import TransitionRunner
from crm.controller.fencing.coordinator import FencingCoordinator
from crm.controller.hard_state import HardState
from crm.controller.leadership.joining import Joining
from crm.controller.replication.replication import Replication


class BrokenInvariantError(AssertionError):
    """A mistake of ours: `invariant` does not hold at `node`, as `values` show."""

    def __init__(self, node: str, invariant: str, values: str) -> None:
        super().__init__(f"{node}: broken invariant: {invariant} ({values})")
        self.node, self.invariant, self.values = node, invariant, values


@dataclass(frozen=True, slots=True)
class InvariantInputs:
    """What the invariants are about."""

    core: Core
    replication: Replication
    joining: Joining
    fencing: FencingCoordinator
    runner: TransitionRunner
    planning: Planning


Broken = str
"""The values that break an invariant; empty if it holds."""


def _term_is_standing(parts: InvariantInputs) -> Broken:
    core, held = parts.core, parts.core.leadership
    return f"authority of term {held.term}, {core.hard_state}" if held and held.term != core.hard_state.term else ""


def _leader_is_here(parts: InvariantInputs) -> Broken:
    core, held = parts.core, parts.core.leadership
    if held is None:
        return ""
    member = core.view.member(held.name)
    same = member is not None and member.incarnation == held.incarnation
    return "" if same else f"{held}, view {core.view.number} of {', '.join(core.view.names)}"


def _quorum_elects(parts: InvariantInputs) -> Broken:
    core, held = parts.core, parts.core.leadership
    if held is None or held.caretaker != core.view.quorate:
        return ""
    return f"{held}, quorate: {core.view.quorate}"


def _office_is_stamped(parts: InvariantInputs) -> Broken:
    core, held = parts.core, parts.core.leadership
    if held is None or held.caretaker or not core.leading or not core.may_commit:
        return ""
    return "" if core.hard_state.cib_term == held.term else f"{held}, {core.hard_state}"


def _cib_is_of_a_known_term(parts: InvariantInputs) -> Broken:
    hard_state = parts.core.hard_state
    return "" if hard_state.cib_term <= hard_state.term else str(hard_state)


def _acknowledged_is_stored(parts: InvariantInputs, now: _Moment) -> Broken:
    own = now.document.version
    for name, version in parts.replication.acknowledged_by.items():
        if version > own:
            return f"{name} has acknowledged {version}, own version {own}"
    return ""


def _joined_are_here(parts: InvariantInputs, now: _Moment) -> Broken:
    joined = parts.joining.joined.keys()
    return "" if joined <= now.names else (
        f"joined, not in view {now.view.number}: {', '.join(sorted(joined - now.names))}")


def _only_leaders_dispatch(parts: InvariantInputs, now: _Moment) -> Broken:
    if parts.runner.idle:
        return ""
    return f"{parts.core.me.name} does not lead, transition {parts.runner.number} is in flight"


def _only_leaders_promise(parts: InvariantInputs, now: _Moment) -> Broken:
    promises = parts.replication.open_promises
    return f"{parts.core.me.name} does not lead, {promises} changes wait for disks" if promises else ""


def _only_leaders_fence(parts: InvariantInputs, now: _Moment) -> Broken:
    targets = parts.fencing.targets
    return f"{parts.core.me.name} does not lead, fencing of {', '.join(targets)}" if targets else ""


def _only_leaders_plan(parts: InvariantInputs, now: _Moment) -> Broken:
    return f"{parts.core.me.name} does not lead, and waits for a plan" if parts.planning.pending else ""


def _safe_mode_begins_nothing(parts: InvariantInputs, now: _Moment) -> Broken:
    if not parts.core.safe_mode or parts.runner.run is None:
        return ""
    return f"{parts.core.me.name} runs transition {parts.runner.number}"


OF_FACTS: tuple[tuple[str, Callable[[InvariantInputs], Broken]], ...] = (
    ("whoever is followed leads in the standing term", _term_is_standing),
    ("whoever is followed is a member, and has not restarted since", _leader_is_here),
    ("a DC has quorum, a caretaker has none", _quorum_elects),
    ("a DC in office has stamped the CIB with its term", _office_is_stamped),
    ("a CIB is of no term that this node does not know", _cib_is_of_a_known_term),
)

VERSIONS = "versions never go back within a reign"

Looks = tuple[tuple[str, Callable[[InvariantInputs, "_Moment"], Broken]], ...]

OF_LEADERS: Looks = (
    ("nobody has acknowledged more than the leader has", _acknowledged_is_stored),
    ("who has joined is a member", _joined_are_here),
    ("no transition runs in safe mode", _safe_mode_begins_nothing),
)
OF_OTHERS: Looks = (
    ("nothing is in flight for a node that does not lead", _only_leaders_dispatch),
    ("nobody waits for disks at a node that does not lead", _only_leaders_promise),
    ("only a leader has nodes fenced", _only_leaders_fence),
    ("only a leader waits for a plan", _only_leaders_plan),
)


@dataclass(slots=True)
class _Moment:
    """The facts, each replaced as a whole and never changed, and what follows from them.

    The document is another one after most events: that alone makes no new moment.
    """

    hard_state: HardState
    leadership: Leadership | None
    may_commit: bool
    view: View
    document: Document
    names: frozenset[str]
    looks: Looks


class Invariants:
    """All of them, of one controller. `check` is called after each event."""

    def __init__(self, parts: InvariantInputs) -> None:
        self._parts = parts
        self._last = self._moment()

    def check(self) -> None:
        """Raises BrokenInvariantError."""
        core, last = self._parts.core, self._last
        # By identity: comparing two documents would cost more than all the rest.
        if (core.hard_state is not last.hard_state or core.view is not last.view
                or core.leadership is not last.leadership or core.may_commit != last.may_commit):
            self._check_facts()
            last = self._last
        elif core.document is not last.document:
            if values := _version_back(last, last.leadership, core.document):
                raise BrokenInvariantError(core.me.name, VERSIONS, values)
            last.document = core.document
        for name, broken in last.looks:
            if values := broken(self._parts, last):
                raise BrokenInvariantError(core.me.name, name, values)

    def _check_facts(self) -> None:
        parts, now = self._parts, self._moment()
        for name, broken in OF_FACTS:
            if values := broken(parts):
                raise BrokenInvariantError(parts.core.me.name, name, values)
        for name, values in self._steps(self._last, now):
            if values:
                raise BrokenInvariantError(parts.core.me.name, name, values)
        self._last = now

    def _moment(self) -> _Moment:
        core = self._parts.core
        return _Moment(core.hard_state, core.leadership, core.may_commit, core.view, core.document,
                       frozenset(core.view.names), OF_LEADERS if core.leading else OF_OTHERS)

    def _steps(self, last: _Moment, now: _Moment) -> tuple[tuple[str, Broken], ...]:
        return (
            ("terms never go back",
             f"{last.hard_state}, then {now.hard_state}" if now.hard_state.term < last.hard_state.term else ""),
            ("a voter votes once in a term", _second_vote(last.hard_state, now.hard_state)),
            (VERSIONS, _version_back(last, now.leadership, now.document)),
            ("a DC takes office when enough disks have its term", self._early_office(last, now)),
        )

    def _early_office(self, last: _Moment, now: _Moment) -> Broken:
        core, held = self._parts.core, now.leadership
        taken = core.leading and now.may_commit and (not last.may_commit or last.leadership != held)
        if not taken or held is None or held.caretaker:
            return ""
        kept = core.term_persisted_by
        return "" if core.enough(kept) else f"{held}, on the disks of {sorted(kept)}, disks_needed: {core.disks_needed}"


def _version_back(last: _Moment, leadership: Leadership | None, document: Document) -> Broken:
    back = leadership is not None and leadership == last.leadership and document.version < last.document.version
    return f"{leadership}: {last.document.version}, then {document.version}" if back else ""


def _second_vote(last: HardState, now: HardState) -> Broken:
    changed = last.voted_for is not None and now.voted_for != last.voted_for
    return f"{last}, then {now}" if now.term == last.term and changed else ""
