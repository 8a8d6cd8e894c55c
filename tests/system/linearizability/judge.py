"""Whether one order of all writes and consistent reads explains what clients were told, and respects time.

In general that is hard to say; here every token is unique and a register holds all tokens that were ever appended, so
its last value *is* the only possible order of the writes that took effect, and every read tells its own place in it.
What remains is to compare places with times, pair by pair, which is exact: there is an explanation if and only if
nothing is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.system.linearizability.history import Fate, History, Read, Write


@dataclass(frozen=True, slots=True)
class Staleness:
    """What plain reads, which promise nothing, were like: how many missed something, and by how long (seconds)."""

    reads: int
    stale: int
    oldest_s: float
    fresh_oldest_s: float
    """Of those that called themselves fresh."""
    lost: int
    """Those that saw what was never committed."""


def broken(history: History, last: Mapping[str, Sequence[str]]) -> list[str]:
    """All that no order explains; `last`: what each register holds in the end."""
    return [line for register, value in last.items() for line in _Register(history, register, tuple(value)).broken()]


def staleness(history: History, last: Mapping[str, Sequence[str]]) -> Staleness:
    """How old plain reads were."""
    count = stale = lost = 0
    oldest = fresh_oldest = 0.0
    for register, value in last.items():
        told = _Register(history, register, tuple(value))
        for read in (each for each in told.reads if not each.consistent):
            count += 1
            if not told.is_prefix(read.value):
                lost += 1
                continue
            age = told.age_s(read)
            stale += age > 0
            oldest = max(oldest, age)
            fresh_oldest = max(fresh_oldest, age if read.fresh else 0.0)
    return Staleness(count, stale, oldest, fresh_oldest, lost)


class _Register:
    def __init__(self, history: History, name: str, last: tuple[str, ...]) -> None:
        self.name = name
        self.last = last
        self.place = {token: number for number, token in enumerate(last)}
        self.writes = [each for each in history.writes if each.register == name]
        self.reads = [each for each in history.reads if each.register == name]
        self._done_at = {each.token: each.ended for each in self.writes if each.fate is Fate.DONE}

    def is_prefix(self, value: tuple[str, ...]) -> bool:
        return value == self.last[: len(value)]

    def age_s(self, read: Read) -> float:
        """For how long, when it was asked, what the read misses had been acknowledged."""
        missed = [self._done_at[token] for token in self.last[len(read.value):] if token in self._done_at]
        return max([0.0, *(read.began - at for at in missed)])

    def broken(self) -> Iterator[str]:
        if len(self.place) != len(self.last):
            yield f"{self.name}: something was appended twice"
        yield from self._fates()
        yield from self._order_of_writes()
        yield from self._reads()

    def _fates(self) -> Iterator[str]:
        for write in self.writes:
            there = write.token in self.place
            if write.fate is Fate.DONE and not there:
                yield f"{self.name}: {write} was acknowledged, and is lost"
            elif write.fate is Fate.REFUSED and there:
                yield f"{self.name}: {write} was refused, and took effect"
            elif there and self.last[: self.place[write.token]] != write.base:
                yield f"{self.name}: {write} took effect on another value than its own"
        known = {write.token for write in self.writes}
        yield from (f"{self.name}: nobody wrote {token}" for token in self.last if token not in known)

    def _order_of_writes(self) -> Iterator[str]:
        """A write comes after all that had ended before it began."""
        took = [each for each in self.writes if each.token in self.place]
        took.sort(key=lambda each: self.place[each.token])
        latest: Write | None = None
        for write in took:
            if latest is not None and write.fate is Fate.DONE and write.ended < latest.began:
                yield f"{self.name}: {write} stands after {latest}, which began later than it ended"
            if latest is None or write.began > latest.began:
                latest = write

    def _reads(self) -> Iterator[str]:
        began = {each.token: each.began for each in self.writes}
        furthest: list[tuple[float, int]] = []
        """Ends of consistent reads, and how far each had seen."""
        for read in sorted((each for each in self.reads if each.consistent), key=lambda each: each.began):
            if not self.is_prefix(read.value):
                yield f"{self.name}: {read} saw what was never committed"
                continue
            seen = len(read.value)
            if self.age_s(read) > 0:
                yield f"{self.name}: {read} misses what had been acknowledged {self.age_s(read):.3f} s before"
            if any(began.get(token, 0.0) > read.ended for token in read.value):
                yield f"{self.name}: {read} saw what was written later"
            if any(end < read.began and other > seen for end, other in furthest):
                yield f"{self.name}: {read} saw less than a read that had ended before"
            furthest.append((read.ended, seen))
