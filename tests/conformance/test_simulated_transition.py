"""A recorded graph, run in pretence, takes the steps that Pacemaker's simulator took and leaves the same cluster."""

from __future__ import annotations

import time

import pytest
from lxml import etree

from crm.cib.reading.cib_reader import read
from crm.cib.simulated_cib import SimulatedCib
from crm.cli.pacemaker.status_text import Show, status_lines
from crm.model.dates import parse_moment
from crm.policy_engine.observe import observe
from crm.policy_engine.picture.cluster import Cluster
from crm.transition.simulation import SimulatedExecution, simulate
from tests.conformance.cases import Case, all_cases, squeezed
from tests.conformance.recorded_graph import read_graph

CASES = list(all_cases())


def _recorded(case: Case) -> list[str]:
    lines = case.answer("summary").split("Executing Cluster Transition:")[1].splitlines()
    dates = ("Using the original", "Setting effective")
    return squeezed("\n".join(line for line in lines if not line.startswith(dates)))


def _known_names(cluster: Cluster) -> frozenset[str]:
    resources = [each for top in cluster.resources for each in top.walk()]
    return frozenset(name for each in resources for name in (each.id, each.history_id) if name)


def _simulated(case: Case) -> list[str]:
    root = etree.parse(str(case.cib)).getroot()
    cib = read(root)
    asked = parse_moment(case.arguments[1]) if case.arguments[:1] == ("-t",) else None
    now = asked or cib.execution_date or int(time.time())
    lines: list[str] = []
    pretended = SimulatedCib(root)
    known = _known_names(observe(cib, now))
    simulate(
        read_graph(case.answer("exp")),
        SimulatedExecution(pretended, known, (), lambda said: lines.append(f"* {said.text}"), at=int(time.time())),
    )
    lines += status_lines(observe(read(pretended.root), now), "Revised Cluster Status", Show())
    return squeezed("\n".join(lines))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.folder.name}-{case.name}")
def test_simulation_goes_as_recorded(case: Case) -> None:
    assert _simulated(case) == _recorded(case)
