"""Everything that `crm_simulate` says and writes for a recorded case is what Pacemaker's says and writes.

One run per case gives all of it: the summary (with the scores as a section that is taken out), the drawing, the graph.
Compared without regard to white space; lines of the drawing and the scores without regard to order, as recorded runs
differ in it themselves.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from crm.cli.simulate import main
from tests.conformance.cases import Case, all_cases, squeezed

CASES = list(all_cases())
VARYING = re.compile(r'crm_feature_set="[^"]*"|batch-limit="[0-9]*"')
SCORES = "Assignment Scores:"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def _without_scores(text: str) -> tuple[str, list[str]]:
    """The text without the section of scores, and the items of that section."""
    before, _, rest = text.partition(SCORES)
    scores, _, after = rest.partition("\n\n")
    items = ["".join(line.split()).removeprefix("*") for line in scores.splitlines() if line.strip()]
    return f"{before}\n{after}", items


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.folder.name}-{case.name}")
def test_every_output_is_as_recorded(case: Case, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dot, graph = tmp_path / "dot", tmp_path / "exp"
    arguments = ["-x", str(case.cib), "-S", "-s", "-D", str(dot), "-G", str(graph), *case.arguments]
    assert main(arguments) == 0
    said, scores = _without_scores(capfd.readouterr().out)
    assert squeezed(said) == squeezed(case.answer("summary"))
    assert sorted(set(squeezed(dot.read_text()))) == sorted(set(squeezed(case.answer("dot"))))
    assert squeezed(VARYING.sub("", graph.read_text())) == squeezed(VARYING.sub("", case.answer("exp")))
    assert sorted(scores) == sorted(squeezed(case.answer("scores")))
