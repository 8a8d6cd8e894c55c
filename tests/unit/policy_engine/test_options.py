"""Options under old and new names."""

from __future__ import annotations

import pytest

from tests.unit.observe.helpers import look, member
from tests.unit.policy_engine.helpers import planned


@pytest.mark.parametrize(
    ("option", "expected"),
    [("stonith-action=poweroff", "off"), ("fencing-action=poweroff", "reboot"), ("fencing-action=off", "off")],
)
def test_poweroff_is_a_word_of_the_older_name_only(option: str, expected: str) -> None:
    assert look("", member("a"), option).settings.fencing_action == expected


@pytest.mark.parametrize(("written", "shown"), [("90s", "90s"), ("PT2M", "PT2M"), ("soon", "60s"), ("-1", "60s")])
def test_the_graph_repeats_an_option_as_written_unless_it_is_not_valid(written: str, shown: str) -> None:
    graph = planned("", member("a"), f"cluster-delay={written}").graph_text()
    assert f'cluster-delay="{shown}"' in graph
