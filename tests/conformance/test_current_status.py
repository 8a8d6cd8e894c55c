"""What observation finds in each recorded CIB, shown as text, is what Pacemaker shows before it plans anything."""

from __future__ import annotations

import time

import pytest
from lxml import etree

from crm.cib.reading.cib_reader import read
from crm.cli.pacemaker.status_text import Show, counts_line, maintenance_lines, status_lines
from crm.model.dates import parse_moment
from crm.policy_engine.observe import observe
from tests.conformance.cases import Case, all_cases, squeezed

CASES = list(all_cases())
NOT_STATUS = ("Using the original", "Setting effective")


def _recorded_status(case: Case) -> list[str]:
    before_planning = case.answer("summary").split("Transition Summary:")[0]
    return squeezed("\n".join(line for line in before_planning.splitlines() if not line.startswith(NOT_STATUS)))


def _shown_status(case: Case) -> list[str]:
    cib = read(etree.parse(str(case.cib)).getroot())
    asked = parse_moment(case.arguments[1]) if case.arguments[:1] == ("-t",) else None
    cluster = observe(cib, asked or cib.execution_date or int(time.time()))
    lines = maintenance_lines(cluster)
    counts = counts_line(cluster)
    if counts is not None:
        lines.append(counts)
    return squeezed("\n".join(lines + status_lines(cluster, "Current cluster status", Show(pending=True))))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.folder.name}-{case.name}")
def test_current_status_is_as_recorded(case: Case) -> None:
    assert _shown_status(case) == _recorded_status(case)
