"""Says how many of the recorded cases were not run: a run without them must not look like one with them."""

from __future__ import annotations

import pytest

from tests.conformance.cases import SETS, SHARED, absent, all_cases


def test_the_recorded_cases_outside_the_repository_are_run() -> None:
    missing = absent()
    if missing:
        pytest.skip(f"{' and '.join(missing)} recorded cases were NOT run: they are not at {SHARED}")
    assert len([case for case in all_cases() if case.folder.name in SETS]) == sum(SETS.values())
