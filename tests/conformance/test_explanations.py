"""Every resource of every recorded case can be explained: each change has a reason, each choice its scores."""

from __future__ import annotations

import pytest

from crm.cib.reading.cib_reader import read
from crm.cli.crmctl_commands.explain_command import read_document
from crm.cli.crmctl_commands.explain_text import explanation_lines
from crm.policy_engine.engine import PlanOptions, run
from crm.policy_engine.explain.explainer import explain_all
from crm.policy_engine.picture.score_trace import RecordingTrace
from crm.policy_engine.scheduling import allow_deep_recursion
from tests.conformance.cases import Case, all_cases

CASES = list(all_cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_everything_has_a_reason(case: Case) -> None:
    cib = read(read_document(str(case.cib)))
    for answer in explain_all(cib, cib.execution_date or 1_700_000_000):
        assert explanation_lines(answer, details=True) and explanation_lines(answer)
        for instance in answer.instances:
            assert instance.why, instance.headline
            assert all(action.because for action in instance.actions), instance.actions


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_causes_add_up_to_the_scores_that_decided(case: Case) -> None:
    allow_deep_recursion()
    cib = read(read_document(str(case.cib)))
    trace = RecordingTrace()
    run(cib, cib.execution_date or 1_700_000_000, PlanOptions(trace=trace))
    for name, choice in trace.choices.items():
        for node, score, _ in choice.ranked:
            assert trace.changes[name][node.id][-1].after == score, (name, node)
