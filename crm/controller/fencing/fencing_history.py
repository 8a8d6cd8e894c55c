"""The history of fencing: what was tried, by whom and how it ended. The same on every node, newest last, bounded.

Kept in memory only, as Pacemaker's is: after the whole cluster was down it begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

KEPT = 200


@dataclass(frozen=True, slots=True)
class FencingRecord:
    """One fencing. Times in epoch seconds, `ended_at` 0 while it is under way.

    id      unique in the cluster; a newer record of the same id replaces the older
    origin  who asked: a node's name for the cluster itself, `NODE (client)` for a person there
    device  the device that did it; `manual` when a person confirmed it
    why     what made it necessary, as the planner or whoever asked has it
    incarnation  the last start of the target's daemon that had joined by then
    """

    id: str
    target: str
    action: str
    origin: str
    state: Literal["pending", "success", "failed"]
    begun_at: int
    ended_at: int = 0
    device: str = ""
    executor: str = ""
    reason: str = ""
    incarnation: str = ""
    why: str = ""


class FencingHistory:
    """All fencings that a node knows of."""

    def __init__(self) -> None:
        self._records: dict[str, FencingRecord] = {}

    def all(self) -> tuple[FencingRecord, ...]:
        """Oldest first."""
        return tuple(sorted(self._records.values(), key=lambda record: (record.begun_at, record.id)))

    def merge(self, records: Iterable[FencingRecord]) -> bool:
        """Take in what others know; whether anything was new. What has ended does not become pending again."""
        new = False
        for record in records:
            known = self._records.get(record.id)
            if known is None or (known.state == "pending" and record != known):
                self._records[record.id] = record
                new = True
        for surplus in self.all()[:-KEPT]:
            del self._records[surplus.id]
        return new

    def of(self, target: str) -> list[FencingRecord]:
        """Those of one target."""
        return [record for record in self.all() if record.target == target]
