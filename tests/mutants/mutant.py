"""One mutant: where, what text becomes what, and what must fail because of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Hunt:
    """Seeds of a scenario, of which one at least must be found."""

    scenario: str
    seeds: int = 200
    first: int = 0

    def __post_init__(self) -> None:
        assert 0 < self.seeds <= 200, "what needs more seeds needs a test of its own"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands in `file` exactly once. `by`: ids of pytest, or a hunt."""

    name: str
    file: str
    old: str
    new: str
    by: tuple[str, ...] | Hunt

    def problem(self, root: Path) -> str:
        """Why it cannot be applied; empty if it can."""
        found = (root / self.file).read_text(encoding="utf-8").count(self.old)
        return "" if found == 1 else f"{self.name}: its text is found {found} times in {self.file}"

    def apply(self, root: Path) -> None:
        """Break it."""
        assert not self.problem(root), self.problem(root)
        path = root / self.file
        path.write_text(path.read_text(encoding="utf-8").replace(self.old, self.new), encoding="utf-8")
