"""The recorded cases: where they are, what they ask for, what was answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.scenarios import recorded

SHARED = Path(__file__).resolve().parents[3] / "shared"
SETS = {"pacemaker-cts": 504, "pacemaker-mutants": 499}
"""The sets outside the repository, and how many cases they have."""


@dataclass(frozen=True)
class Case:
    """One CIB with the recorded answers for it."""

    folder: Path
    name: str
    family: str
    arguments: tuple[str, ...]

    @property
    def cib(self) -> Path:
        return self.folder / "xml" / f"{self.name}.xml"

    def answer(self, kind: str) -> str:
        """The recorded text: summary, dot, exp or scores."""
        return (self.folder / kind / f"{self.name}.{kind}").read_text()


def all_cases() -> Iterator[Case]:
    """Every case of every set that is there; those of the repository always are."""
    for place in (recorded.folder(), *(SHARED / name for name in SETS)):
        table = place / "cases.tsv"
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            case, family, arguments = line.split("\t")
            yield Case(table.parent, case, family, tuple(json.loads(arguments)))


def absent() -> list[str]:
    """What is not there, in words."""
    return [f"{count} of {name}" for name, count in SETS.items() if not (SHARED / name / "cases.tsv").exists()]


def squeezed(text: str) -> list[str]:
    """Lines without white space, empty ones left out."""
    return [line for line in ("".join(raw.split()) for raw in text.splitlines()) if line]
