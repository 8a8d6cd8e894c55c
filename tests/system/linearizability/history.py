"""What clients asked of the registers and what they were told. Times are in seconds since the run began."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum


class Fate(Enum):
    """What a client knows of its write in the end."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Write:
    """A token was appended to what the register held (`base`), if it still held that."""

    register: str
    token: str
    base: tuple[str, ...]
    began: float
    ended: float
    fate: Fate
    client: int = 0
    told: str = ""
    """Nodes that were asked, and the last code."""

    def __str__(self) -> str:
        return (f"the write of {self.token} upon {len(self.base)} others ({self.began:.3f} to {self.ended:.3f} s, "
                f"{self.fate.value}; {self.told})")


@dataclass(frozen=True, slots=True)
class Read:
    """A node said what a register holds. `consistent`: it was asked for all that was acknowledged before; else `fresh`
    is what the node said of itself.
    """

    register: str
    value: tuple[str, ...]
    began: float
    ended: float
    node: str
    consistent: bool
    fresh: bool
    client: int = 0

    def __str__(self) -> str:
        kind = "consistent" if self.consistent else "fresh" if self.fresh else "plain"
        return (f"the {kind} read of {len(self.value)} tokens, the last {self.value[-1:]}, from {self.node} "
                f"({self.began:.3f} to {self.ended:.3f} s)")


@dataclass(slots=True)
class History:
    """All of a run; threads add to it."""

    writes: list[Write] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    troubles: list[tuple[float, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, entry: Write | Read) -> None:
        with self.lock:
            if isinstance(entry, Write):
                self.writes.append(entry)
            else:
                self.reads.append(entry)
