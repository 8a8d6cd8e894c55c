"""Options under old and new names."""

from __future__ import annotations

import pytest

from tests.unit.observe.helpers import look, member


@pytest.mark.parametrize(
    ("option", "expected"),
    [("stonith-action=poweroff", "off"), ("fencing-action=poweroff", "reboot"), ("fencing-action=off", "off")],
)
def test_poweroff_is_a_word_of_the_older_name_only(option: str, expected: str) -> None:
    assert look("", member("a"), option).settings.fencing_action == expected
