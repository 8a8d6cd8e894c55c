"""What a user wants to hold after faults, written in a small TOML file, and whether it does.

    [[expect]]
    after = "any node"                  # which faults; also "any pair", "any resource", "any standby", "any partition",
                                        # "anything", "node db1", "standby db1", "failure of web"
    running = ["web", "db"]             # each of them runs somewhere
    promoted = ["db"]                   # … is promoted somewhere
    apart = [["web", "batch"]]          # never share a node
    together = [["web", "address"]]     # are on the same node (the promoted one counts, where there is one)
    within = { db = "60s" }             # serves again after at most that long
    stays = ["db"]                      # is not touched
    only-on = { db = ["db1", "db2"] }   # runs nowhere else

Pure: reads text, not files.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations

from crm.failover_simulation.faults import FaultKind
from crm.failover_simulation.simulator import FaultEffect, FaultRun
from crm.model.values import parse_interval_ms

_ANY: Mapping[str, tuple[FaultKind, ...]] = {
    "any node": (FaultKind.NODE,),
    "any pair": (FaultKind.PAIR,),
    "any resource": (FaultKind.RESOURCE,),
    "any standby": (FaultKind.STANDBY,),
    "any partition": (FaultKind.PARTITION,),
    "anything": tuple(FaultKind),
}
_ONE: Mapping[str, FaultKind] = {
    "node ": FaultKind.NODE,
    "standby ": FaultKind.STANDBY,
    "failure of ": FaultKind.RESOURCE,
}


class BadExpectation(Exception):  # noqa: N818 - it reads as what it is
    """The file makes no sense: where, why, and what could be meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that shall hold after some faults.

    kinds, subject  which faults: those of these kinds, and if a subject is set only those that are about it
    check           finds what is wrong with a run, None if nothing
    """

    text: str
    kinds: tuple[FaultKind, ...]
    subject: str | None
    check: Callable[[FaultRun], str | None]

    def concerns(self, fault_run: FaultRun) -> bool:
        """Whether it says anything about this fault."""
        fault = fault_run.fault
        return fault.kind in self.kinds and self.subject in (None, fault.resource, *fault.nodes[:1])


@dataclass(frozen=True, slots=True)
class ExpectationVerdict:
    """Whether an expectation holds: what is wrong, fault by fault; `tried` counts the faults it was tried on."""

    text: str
    tried: int
    failures: tuple[tuple[str, str], ...]

    @property
    def holds(self) -> bool:
        """Nothing is wrong, and it was tried at all."""
        return not self.failures and self.tried > 0


def check(expectations: Sequence[Expectation], fault_runs: Sequence[FaultRun]) -> list[ExpectationVerdict]:
    """Try every expectation on every run that it concerns."""
    verdicts = []
    for expectation in expectations:
        concerned = [each for each in fault_runs if expectation.concerns(each)]
        wrong = [(each.fault.text, found) for each in concerned if (found := expectation.check(each)) is not None]
        verdicts.append(ExpectationVerdict(expectation.text, len(concerned), tuple(wrong)))
    return verdicts


def default(running: Iterable[str]) -> list[Expectation]:
    """What anybody expects of a cluster: after any single fault all that ran before runs again."""
    names = list(running)
    text = "after any single fault everything runs again"
    kinds = (FaultKind.NODE, FaultKind.RESOURCE, FaultKind.STANDBY)

    def everything(fault_run: FaultRun) -> str | None:
        lost = [change.resource for change in fault_run.lost if change.resource in names]
        return f"{', '.join(lost)} {'does' if len(lost) == 1 else 'do'} not" if lost else None

    return [Expectation(text, kinds, None, everything)]


def parse(text: str, resources: Sequence[str], nodes: Sequence[str]) -> list[Expectation]:
    """Read expectations; names must be those of resources and nodes. Raises BadExpectation."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadExpectation(f"it is not TOML: {problem}") from None
    unknown = [key for key in document if key != "expect"]
    if unknown or not isinstance(document.get("expect"), list):
        given = f"[{unknown[0]}] has no meaning" if unknown else "there is no [[expect]]"
        raise BadExpectation(f"{given}; expectations stand under [[expect]]", 'Example: [[expect]] after = "any node"')
    found: list[Expectation] = []
    for number, table in enumerate(document["expect"], 1):
        found += _Reader(number, table, resources, nodes).read()
    return found


class _Reader:
    """Reads one [[expect]]."""

    def __init__(self, number: int, table: object, resources: Sequence[str], nodes: Sequence[str]) -> None:
        self.place = f"[[expect]] number {number}"
        if not isinstance(table, dict):
            raise BadExpectation(f"{self.place} is no table")
        self.table = table
        self.resources = resources
        self.nodes = nodes

    def read(self) -> list[Expectation]:
        after = self.table.get("after")
        if not isinstance(after, str):
            raise BadExpectation(f"{self.place} does not say after what", f"Write after = one of {_listed(_ANY)}, …")
        kinds, subject = self._faults(after)
        keys = [key for key in self.table if key != "after"]
        if not keys:
            raise BadExpectation(f"{self.place} expects nothing", f"Write one of {_listed(_CHECKS)}")
        found = []
        for key in keys:
            reader = _CHECKS.get(key)
            if reader is None:
                raise BadExpectation(f"{self.place}: {key} has no meaning", self._near(key, list(_CHECKS)))
            found += [Expectation(f"after {after}, {text}", kinds, subject, test) for text, test in reader(self, key)]
        return found

    def _faults(self, after: str) -> tuple[tuple[FaultKind, ...], str | None]:
        if after in _ANY:
            return _ANY[after], None
        for start, kind in _ONE.items():
            if after.startswith(start):
                subject = after.removeprefix(start).strip()
                self._known(subject, self.resources if kind is FaultKind.RESOURCE else self.nodes, "after")
                return (kind,), subject
        raise BadExpectation(f"{self.place}: after = {after!r} has no meaning", f"Write one of {_listed(_ANY)}, …")

    def names(self, key: str) -> list[str]:
        """A list of resources."""
        value = self.table[key]
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise BadExpectation(f"{self.place}: {key} is a list of resources", f'Example: {key} = ["web"]')
        return [self._known(each, self.resources, key) for each in value]

    def pairs(self, key: str) -> list[tuple[str, str]]:
        """Every two resources of every list in a list."""
        value = self.table[key]
        lists = value if isinstance(value, list) else []
        if not lists or not all(isinstance(each, list) and len(each) > 1 for each in lists):
            raise BadExpectation(f"{self.place}: {key} is a list of lists", f'Example: {key} = [["web", "db"]]')
        every = [[self._known(str(name), self.resources, key) for name in each] for each in lists]
        return [pair for each in every for pair in combinations(each, 2)]

    def by_resource(self, key: str) -> list[tuple[str, object]]:
        """A value for each of some resources."""
        value = self.table[key]
        if not isinstance(value, dict):
            raise BadExpectation(f"{self.place}: {key} is a table by resource", f"Example: {key} = {{ web = … }}")
        return [(self._known(name, self.resources, key), each) for name, each in value.items()]

    def duration_ms(self, key: str, value: object) -> int:
        """A time such as 30s or 2min."""
        found = parse_interval_ms(str(value))
        if found is None:
            raise BadExpectation(f"{self.place}: {key}: {value!r} is no time", "Write it as 500ms, 30s or 2min")
        return found

    def node_names(self, key: str, value: object) -> list[str]:
        """A list of nodes."""
        if not isinstance(value, list):
            raise BadExpectation(f"{self.place}: {key}: {value!r} is no list of nodes", 'Example: { db = ["db1"] }')
        return [self._known(str(each), self.nodes, key) for each in value]

    def _known(self, name: str, known: Sequence[str], key: str) -> str:
        if name not in known:
            raise BadExpectation(f"{self.place}: {key}: the CIB has no {name}", self._near(name, known))
        return name

    @staticmethod
    def _near(name: str, known: Sequence[str]) -> str:
        near = get_close_matches(name, known, n=1)
        return f"Did you mean {near[0]}?" if near else f"There are {_listed(known)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


# What can be expected

Test = Callable[[FaultRun], str | None]
Found = Iterator[tuple[str, Test]]


def _running(reader: _Reader, key: str) -> Found:
    for name in reader.names(key):

        def test(fault_run: FaultRun, name: str = name) -> str | None:
            return None if fault_run.places(name) else f"{name} runs nowhere{_why(fault_run, name)}"

        yield f"{name} runs", test


def _promoted(reader: _Reader, key: str) -> Found:
    for name in reader.names(key):

        def test(fault_run: FaultRun, name: str = name) -> str | None:
            if any(place.promoted for place in fault_run.places(name)):
                return None
            return f"{name} is promoted nowhere{_why(fault_run, name)}"

        yield f"{name} is promoted somewhere", test


def _why(fault_run: FaultRun, name: str) -> str:
    change = fault_run.change(name)
    return f": {' '.join(change.why)}" if change is not None and change.why else ""


def _apart(reader: _Reader, key: str) -> Found:
    for left, right in reader.pairs(key):

        def test(fault_run: FaultRun, left: str = left, right: str = right) -> str | None:
            shared = sorted(_nodes(fault_run, left) & _nodes(fault_run, right))
            return f"both are on {', '.join(shared)}" if shared else None

        yield f"{left} and {right} share no node", test


def _together(reader: _Reader, key: str) -> Found:
    for left, right in reader.pairs(key):

        def test(fault_run: FaultRun, left: str = left, right: str = right) -> str | None:
            ours, theirs = _serving(fault_run, left), _serving(fault_run, right)
            if ours & theirs or not (ours or theirs):
                return None
            return f"{left} is on {_listed(sorted(ours)) or 'no node'}, {right} on {_listed(sorted(theirs)) or 'none'}"

        yield f"{left} and {right} are together", test


def _nodes(fault_run: FaultRun, name: str) -> set[str]:
    return {place.node for place in fault_run.places(name)}


def _serving(fault_run: FaultRun, name: str) -> set[str]:
    places = fault_run.places(name)
    return {place.node for place in places if place.promoted} or {place.node for place in places}


def _within(reader: _Reader, key: str) -> Found:
    for name, value in reader.by_resource(key):
        limit_ms = reader.duration_ms(key, value)

        def test(fault_run: FaultRun, name: str = name, limit_ms: int = limit_ms) -> str | None:
            change = fault_run.change(name)
            if change is None or change.interruption_ms is None:
                return f"{name} does not serve any more{_why(fault_run, name)}"
            if change.interruption_ms <= limit_ms:
                return None
            source = "measured operations" if change.measured else "timeouts, since not all operations were measured"
            return f"{name} may take {change.interruption_ms / 1000:g} s (by {source})"

        yield f"{name} serves again within {value}", test


def _stays(reader: _Reader, key: str) -> Found:
    for name in reader.names(key):

        def test(fault_run: FaultRun, name: str = name) -> str | None:
            change = fault_run.change(name)
            return None if change is None or change.effect is FaultEffect.STAYS else f"{name} {change.effect}"

        yield f"{name} stays as it is", test


def _only_on(reader: _Reader, key: str) -> Found:
    for name, value in reader.by_resource(key):
        wanted = reader.node_names(key, value)

        def test(fault_run: FaultRun, name: str = name, wanted: Sequence[str] = wanted) -> str | None:
            elsewhere = sorted(_nodes(fault_run, name) - set(wanted))
            return f"{name} is on {_listed(elsewhere)}" if elsewhere else None

        yield f"{name} runs only on {_listed(wanted)}", test


_CHECKS: Mapping[str, Callable[[_Reader, str], Found]] = {
    "running": _running,
    "promoted": _promoted,
    "apart": _apart,
    "together": _together,
    "within": _within,
    "stays": _stays,
    "only-on": _only_on,
}
