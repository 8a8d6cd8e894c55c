"""The table of mutants: each still fits to the code, and says who must notice it (`python -m tests.mutants` tries)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants import MUTANTS, Hunt, Mutant

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_to_the_code(mutant: Mutant) -> None:
    assert not mutant.problem(ROOT)
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    ast.parse(text.replace(mutant.old, mutant.new))
    if not isinstance(mutant.by, Hunt):
        assert mutant.by and all((ROOT / test.split("::")[0]).exists() for test in mutant.by)


def test_names_tell_mutants_apart() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 60
