"""The simulator's own tools: pretended status, wished failures, the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from crm.cib.history_entry import FinishedOperation, entries_for
from crm.cib.simulated_cib import SimulatedCib
from crm.cli.simulate import main
from crm.model.score import INFINITY
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition
from crm.transition import ActionOutcome
from crm.transition.simulation import InjectedFailure, SimulatedExecution, parse_failure, simulate

AT = 1_700_000_000
CIB = '<cib><configuration><nodes><node id="1" uname="a"/></nodes></configuration><status/></cib>'


def _start(action_id: int, resource: str) -> GraphAction:
    return GraphAction(
        action_id, ActionKind.RESOURCE, "start", f"{resource}_start_0", "a", "1",
        resource=AgentReference(resource, "ocf", "Dummy", "pacemaker"),
    )


def _run(failures: list[InjectedFailure]) -> tuple[ActionOutcome, list[str], SimulatedCib]:
    said: list[str] = []
    cib = SimulatedCib(etree.fromstring(CIB))
    transition = Transition(1, (Synapse(0, _start(1, "x")), Synapse(1, _start(2, "y"), inputs=(1,))))
    pretence = SimulatedExecution(cib, frozenset({"x", "y"}), failures, lambda each: said.append(each.text), AT)
    return simulate(transition, pretence), said, cib


def test_actions_are_told_in_order_and_recorded() -> None:
    outcome, said, cib = _run([])
    assert outcome is ActionOutcome.COMPLETE
    assert said == ["Resource action: x               start on a", "Resource action: y               start on a"]
    entries = cib.root.findall("status/node_state[@uname='a']/lrm/lrm_resources/lrm_resource/lrm_rsc_op")
    assert [entry.get("id") for entry in entries] == ["x_last_0", "y_last_0"]
    assert cib.root.find("status/node_state").get("id") == "1"  # type: ignore[union-attr]


def test_a_wished_failure_stops_what_depends_on_it_and_counts() -> None:
    _, said, cib = _run([InjectedFailure("x_start_0", "a", 1)])
    assert "Pretending action 1 failed with rc=1" in said
    assert not any(text.startswith("Resource action: y") for text in said)
    pairs = {pair.get("name"): pair.get("value") for pair in cib.root.iter("nvpair")}
    assert pairs == {"fail-count-x#start_0": "INFINITY", "last-failure-x#start_0": str(AT)}


def test_failure_specifications_are_read_or_refused() -> None:
    assert parse_failure("x_monitor_10000@a=7") == InjectedFailure("x_monitor_10000", "a", 7)
    assert parse_failure("x_monitor_10000@a") is None


@pytest.mark.parametrize(
    ("task", "rc", "interval", "ids"),
    [
        ("start", 0, 0, ["x_last_0"]),
        ("start", 1, 0, ["x_last_failure_0", "x_last_0"]),
        ("monitor", 0, 9000, ["x_monitor_9000"]),
        ("monitor", 7, 9000, ["x_last_failure_0"]),
        ("migrate_to", 1, 0, ["x_migrate_to_0"]),
        ("reload", 0, 0, ["x_last_0"]),
    ],
)
def test_entries_have_the_ids_that_others_look_for(task: str, rc: int, interval: int, ids: list[str]) -> None:
    operation = FinishedOperation("x", task, interval, 1, rc, 0, "a", AT)
    assert list(entries_for(operation)) == ids


def test_a_reload_counts_as_a_start() -> None:
    entries = entries_for(FinishedOperation("x", "reload-agent", 0, 1, 0, 0, "a", AT))
    assert entries["x_last_0"]["operation"] == "start"


def test_a_node_that_goes_down_leaves_no_history() -> None:
    _, _, cib = _run([])
    cib.node_down("a")
    state = cib.root.find("status/node_state")
    assert state is not None
    assert state.get("in_ccm") == "false"
    assert len(state) == 0


def test_counts_add_up_and_infinity_stays() -> None:
    cib = SimulatedCib(etree.fromstring(CIB))
    state = cib.node_state("a")
    for _ in range(2):
        cib.count_failure(state, "x", "monitor", 10, fatal=False, at=AT)
    assert [pair.get("value") for pair in state.iter("nvpair")] == ["2", str(AT)]
    assert INFINITY == 1_000_000


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["-x", "/no/such/file"], 66, "cannot read /no/such/file"),
        (["--no-such-option"], 64, "unrecognized arguments"),
        (["-t", "someday"], 64, "is not a date"),
        (["-X"], 64, "needs a file"),
        (["-q", "perhaps"], 64, "neither true nor false"),
    ],
)
def test_mistakes_on_the_command_line_say_what_to_do(
    arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == status
    assert message in capsys.readouterr().err


def test_a_foreign_file_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.xml"
    path.write_text("<html/>")
    assert main(["-x", str(path)]) == 65
    assert "Traceback" not in capsys.readouterr().err
