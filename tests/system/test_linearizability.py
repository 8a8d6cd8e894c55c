"""Real daemons under faults keep what they acknowledge, in an order that respects time; and the judge can tell."""

from __future__ import annotations

import pytest

from tests.system.linearizability import judge
from tests.system.linearizability.cluster import run
from tests.system.linearizability.history import Fate, History, Read, Write
from tests.system.machines import missing

SEED = 3
SECONDS = 20.0


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_one_order_explains_all_that_clients_were_told() -> None:
    verdict = run(SEED, SECONDS, lambda line: None)
    assert not verdict.broken, "\n".join([verdict.summary, *verdict.broken])
    assert " 0 writes acknowledged" not in f" {verdict.summary}"


def _write(token: str, base: tuple[str, ...], began: float, ended: float, fate: Fate = Fate.DONE) -> Write:
    return Write("r", token, base, began, ended, fate)


def _read(value: tuple[str, ...], began: float, ended: float, consistent: bool = True) -> Read:
    return Read("r", value, began, ended, "n1", consistent, True)


A, B = _write("a", (), 0.0, 1.0), _write("b", ("a",), 2.0, 3.0)
FINE = [A, B, _read((), 0.5, 0.6), _read(("a",), 0.5, 0.9), _read(("a",), 1.5, 2.5), _read(("a", "b"), 2.1, 2.2)]


def _judged(*entries: Write | Read, last: tuple[str, ...] = ("a", "b")) -> list[str]:
    history = History()
    for entry in entries:
        history.add(entry)
    return judge.broken(history, {"r": last})


def test_what_overlaps_may_come_in_either_order() -> None:
    assert _judged(*FINE) == []
    open_one = _write("b", ("a",), 2.0, 3.0, Fate.UNKNOWN)
    assert _judged(A, open_one) == [] and _judged(A, open_one, last=("a",)) == []
    assert _judged(A, _write("b", ("a",), 0.5, 0.9)) == [], "both were under way at once"


@pytest.mark.parametrize(("entries", "last", "said"), [
    ([A, B], ("a",), "is lost"),
    ([A, _write("b", ("a",), 2, 3, Fate.REFUSED)], ("a", "b"), "was refused, and took effect"),
    ([A, _write("b", (), 2, 3)], ("a", "b"), "on another value than its own"),
    ([A, B], ("a", "b", "a"), "appended twice"),
    ([A, B], ("a", "b", "x"), "nobody wrote x"),
    ([_write("a", ("b",), 5, 6), _write("b", (), 8, 9)], ("b", "a"), "which began later than it ended"),
    ([*FINE, _read((), 1.1, 1.2)], ("a", "b"), "misses what had been acknowledged 0.100 s before"),
    ([*FINE, _read(("a", "b"), 1.2, 1.9)], ("a", "b"), "saw what was written later"),
    ([*FINE, _read(("c",), 1.2, 1.9)], ("a", "b"), "saw what was never committed"),
    ([*FINE, _read(("a",), 2.3, 2.4)], ("a", "b"), "saw less than a read that had ended before"),
])
def test_the_judge_finds_what_no_order_explains(
    entries: list[Write | Read], last: tuple[str, ...], said: str
) -> None:
    found = _judged(*entries, last=last)
    assert any(said in line for line in found), found


def test_how_old_plain_reads_were_is_told() -> None:
    history = History()
    for entry in (A, B, _read(("a",), 3.5, 3.6, consistent=False), _read(("x",), 4, 5, consistent=False)):
        history.add(entry)
    found = judge.staleness(history, {"r": ("a", "b")})
    assert (found.reads, found.stale, found.lost, found.fresh_oldest_s) == (2, 1, 1, 0.5)
