"""Each written case is decided as it stands there."""

from __future__ import annotations

from difflib import unified_diff

import pytest

from tests.scenarios.case import Case, all_cases, all_files
from tests.scenarios.differences import KNOWN

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.topic}: {case.sentence}")
def test_decisions_are_as_written(case: Case) -> None:
    decided = case.decided()
    assert decided == case.expected, "\n" + "\n".join(
        unified_diff(case.expected, decided, "expected", "decided", lineterm="", n=99)
    )


def test_each_case_says_something_of_its_own() -> None:
    sentences = [case.sentence for case in CASES]
    clusters = [case.lines for case in CASES]
    assert len(set(sentences)) == len(sentences)
    assert len(set(clusters)) == len(clusters)
    assert all(case.expected for case in CASES)


def test_files_are_kept_as_they_are_written() -> None:
    for file in all_files():
        assert file.text() == file.path.read_text(encoding="utf-8"), file.path


def test_what_is_known_to_differ_is_about_a_case() -> None:
    assert {each.sentence for each in KNOWN} <= {case.sentence for case in CASES}
