"""A case: a sentence, the lines of its cluster, what is expected; and the files in which cases are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree

from tests.scenarios import language
from tests.scenarios.answer import Ask, answer, ask_planner, capacities, explanation, verdict
from tests.scenarios.report import report, status

FOLDER = Path(__file__).parent / "cases"
SHOWN = {"why", "status", "verify", "capacities", "all"}
_HEAD, _MIDDLE = "=== ", "---"


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a file."""

    topic: str
    sentence: str
    lines: tuple[str, ...]
    expected: tuple[str, ...]

    def cib(self) -> bytes:
        """Its cluster as a CIB."""
        try:
            return language.cib(list(self.lines))
        except Exception as error:
            raise language.LanguageError(f"{self.topic}: {self.sentence}: {error!r}") from error

    def decided(self, ask: Ask = ask_planner) -> tuple[str, ...]:
        """What is decided now."""
        document, shown = self.cib(), language.shown(list(self.lines))
        got = answer(document, ask)
        lines = report(got)
        if "status" in shown:
            lines += ["status", *(f"  {line}" for line in status(got))]
        if "capacities" in shown:
            lines += ["capacities", *(f"  {line}" for line in capacities(document, ask))]
        if ask is ask_planner:
            lines += _ours_alone(document, shown)
        return tuple(lines)

    def comparable(self) -> tuple[str, ...]:
        """The part of what is expected that another program can tell, too."""
        ends = [self.expected.index(title) for title in ("why", "verify") if title in self.expected]
        return self.expected[: min(ends, default=len(self.expected))]


def _ours_alone(document: bytes, shown: set[str]) -> Iterator[str]:
    """What Pacemaker's `crm_simulate` does not say."""
    if "why" in shown:
        yield from ("why", *(f"  {line}" for line in _why(document, shown - SHOWN)))
    if "verify" in shown:
        yield from ("verify", *(f"  {line}" for line in verdict(document)))


def _why(document: bytes, names: set[str]) -> Iterator[str]:
    resources = etree.fromstring(document).find("configuration/resources")
    assert resources is not None
    configured = [str(top.get("id")) for top in resources if top.tag != "template"]
    for name in sorted(names) or configured:
        yield from explanation(document, name)


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A file of cases: what stands above the first of them is its introduction."""

    path: Path
    introduction: str
    cases: tuple[Case, ...]

    def rewritten(self) -> CaseFile:
        """With what is decided now."""
        return replace(self, cases=tuple(replace(case, expected=case.decided()) for case in self.cases))

    def text(self) -> str:
        """As it is kept."""
        parts = [self.introduction.rstrip("\n")]
        for case in self.cases:
            parts.append("\n".join([_HEAD + case.sentence, *case.lines, _MIDDLE, *case.expected]))
        return "\n\n".join(parts) + "\n"


def read_file(path: Path) -> CaseFile:
    """Read one."""
    introduction, *texts = f"\n{path.read_text(encoding='utf-8')}".split(f"\n{_HEAD}")
    return CaseFile(path, introduction.strip("\n"), tuple(_case(path.stem, text) for text in texts))


def _case(topic: str, text: str) -> Case:
    sentence, _, rest = text.partition("\n")
    lines = rest.rstrip().splitlines()
    middle = lines.index(_MIDDLE) if _MIDDLE in lines else len(lines)
    given = tuple(line.rstrip() for line in lines[:middle] if line.strip())
    return Case(topic, sentence.strip(), given, tuple(line.rstrip() for line in lines[middle + 1 :]))


def all_files() -> list[CaseFile]:
    """Every file, by name."""
    return [read_file(path) for path in sorted(FOLDER.glob("*.txt"))]


def all_cases() -> list[Case]:
    """Every written case."""
    return [case for file in all_files() for case in file.cases]
