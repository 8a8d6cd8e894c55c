"""How long a lost member had been silent when it was given up: what a layer can tell of its own speed. No decisions."""

from __future__ import annotations

from collections.abc import Collection


class DetectionTimes:
    """When each member was heard last. Times in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}
        self._present: frozenset[str] = frozenset()

    def heard(self, member: str, now_s: float) -> None:
        """Something of a member arrived."""
        self._heard[member] = now_s

    def of_lost(self, present: Collection[str], now_s: float) -> float | None:
        """These are the members now; the longest silence of those who were and are no more, None if nobody is."""
        lost = self._present - set(present)
        silences = [now_s - self._heard[member] for member in lost if member in self._heard]
        self._present = frozenset(present)
        self._heard = {member: at for member, at in self._heard.items() if member in self._present}
        return max(silences, default=None)
