"""Circles of constraints and of actions are named; what is straight costs no graph library."""

from __future__ import annotations

import subprocess
import sys

import pytest
from lxml import etree

from crm.cib.reading.cib_reader import read
from crm.model.report import Report
from crm.model.transition import ActionKind, GraphAction, Synapse, Transition
from crm.policy_engine import schedule
from crm.policy_engine.graph_steps import cycle_reports, earliest_ends, graph_steps
from tests.unit.observe.helpers import DUMMY, NOW, member


def reports(constraints: str) -> list[Report]:
    resources = "".join(f'<primitive id="{name}" {DUMMY}/>' for name in "abc")
    text = (
        '<cib have-quorum="true" validate-with="pacemaker-3.9"><configuration><crm_config/>'
        f'<nodes><node id="n" uname="n"/></nodes><resources>{resources}</resources>'
        f"<constraints>{constraints}</constraints></configuration><status>{member('n')}</status></cib>"
    )
    return [each for each in schedule(read(etree.fromstring(text)), NOW).reports if each.code.endswith("circle")]


def test_an_ordering_circle_is_named_once() -> None:
    (report,) = reports(
        '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="c"/>'
        '<rsc_order id="o3" first="c" then="a"/>'
    )
    assert report.code == "ordering-circle"
    assert "start a → start b → start c → start a (o1, o2, o3)" in report.message
    assert report.hint == "Remove one of them: o1 or o2 or o3."


def test_a_colocation_circle_is_named() -> None:
    (report,) = reports(
        '<rsc_colocation id="c1" rsc="a" with-rsc="b" score="10"/>'
        '<rsc_colocation id="c2" rsc="b" with-rsc="a" score="INFINITY"/>'
    )
    assert (report.code, report.where) == ("colocation-circle", "c1")
    assert "a with b with a (c1, c2)" in report.message


@pytest.mark.parametrize(
    "constraints",
    [
        '<rsc_colocation id="c1" rsc="a" with-rsc="b" score="-10"/>'
        '<rsc_colocation id="c2" rsc="b" with-rsc="a" score="-10"/>',
        '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="a" then="c"/>',
    ],
)
def test_what_is_no_circle_is_not_reported(constraints: str) -> None:
    assert reports(constraints) == []


def transition(*waits: tuple[int, tuple[int, ...]]) -> Transition:
    return Transition(
        1,
        tuple(
            Synapse(number, GraphAction(number, ActionKind.RESOURCE, "start", f"r{number}_start_0", "n"), inputs)
            for number, inputs in waits
        ),
    )


def test_steps_and_times() -> None:
    straight = transition((1, ()), (2, (1,)), (3, (1,)), (4, (2, 3)))
    assert graph_steps(straight).steps == {1: 1, 2: 2, 3: 2, 4: 3}
    assert earliest_ends(straight, lambda action: 10 * action.id) == {1: 10, 2: 30, 3: 40, 4: 80}
    assert cycle_reports(straight) == []


def test_a_circle_of_actions_is_named() -> None:
    (report,) = cycle_reports(transition((1, ()), (2, (1, 3)), (3, (2,)), (4, (3,))))
    assert (
        report.message
        == "The transition cannot end: r3_start_0 on n → r2_start_0 on n → r3_start_0 on n wait for each other."
    )


def test_a_plan_without_circles_loads_no_graph_library() -> None:
    code = (
        "import sys; from lxml import etree; from crm.cib.reading.cib_reader import read\n"
        "from crm.policy_engine import schedule\n"
        "schedule(read(etree.fromstring('<cib><configuration><crm_config/><nodes/><resources/><constraints/>"
        "</configuration><status/></cib>')), 0); print('networkx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
