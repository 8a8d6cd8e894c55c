"""Failover tests: what is lost, what moves and how long that takes, and whether expectations hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm.cli import crmctl
from crm.failover_simulation import BadExpectation, FaultEffect, ResourcePlacement, parse
from crm.testing import Failovers
from tests.unit.observe.helpers import DUMMY, entry, history, member

pytestmark = pytest.mark.slow

DATABASE = Path("cib_examples/database.xml")
NO_PARAMETERS = "f2317cad3d54cec5d7d7aa7d0bf35cf8"


@pytest.fixture(scope="module")
def database() -> Failovers:
    return Failovers(DATABASE)


def web(constraints: str = "", monitored: bool = True, nodes: str = "abc", took: int = 0) -> bytes:
    operation = '<operations><op id="m" name="monitor" interval="10s"/></operations>' if monitored else ""
    more = f'op-digest="{NO_PARAMETERS}" exec-time="{took}"'
    runs = history("web", entry("web", "start", 2, more=more))
    members = "".join(f'<node id="{name}" uname="{name}"/>' for name in nodes)
    states = "".join(member(name, runs if name == "a" else "") for name in nodes)
    return (
        '<cib have-quorum="true" validate-with="pacemaker-3.9"><configuration><crm_config>'
        '<cluster_property_set id="cib-bootstrap-options"><nvpair id="f" name="fencing-enabled" value="false"/>'
        f"</cluster_property_set></crm_config><nodes>{members}</nodes>"
        f'<resources><primitive id="web" {DUMMY}>{operation}</primitive></resources>'
        f"<constraints>{constraints}</constraints></configuration><status>{states}</status></cib>"
    ).encode()


def test_the_address_follows_the_promoted_database(database: Failovers) -> None:
    (home,) = [place.node for place in database.simulator.before["db-copy"] if place.promoted]
    after = database.lose(home)
    assert after.promoted("db-copy") == after.where("db-address") != [home]
    assert after.fault_run.fenced == (home,)
    assert after.lost == []
    assert after.change("db-address").interruption_ms


def test_without_quorum_everything_stops_and_says_so(database: Failovers) -> None:
    after = database.lose("node1", "node2")
    assert not after.fault_run.quorate
    assert "the cluster has no quorum (no-quorum-policy=stop)" in after.change("db-address").why


def test_what_cannot_go_elsewhere_is_lost_and_says_why() -> None:
    tied = '<rsc_location id="only-a" rsc="web" node="b" score="-INFINITY"/>'
    tied += '<rsc_location id="not-c" rsc="web" node="c" score="-INFINITY"/>'
    change = Failovers(web(tied)).lose("a").change("web")
    assert change.effect is FaultEffect.LOST and change.interruption_ms is None
    assert any("only-a" in reason for reason in change.why)


def test_two_nodes_keep_quorum_when_one_is_lost() -> None:
    assert Failovers(web(nodes="ab")).lose("a").where("web") == ["b"]


def test_times_come_from_the_history_else_from_timeouts() -> None:
    measured = Failovers(web(took=1500)).lose("a").change("web")
    assert (measured.interruption_ms, measured.measured) == (1500, True)
    assert measured.after == (ResourcePlacement("b"),)
    guessed = Failovers(web()).lose("a").change("web")
    assert (guessed.interruption_ms, guessed.measured) == (20_000, False)


def test_a_failure_restarts_in_place_until_the_threshold() -> None:
    assert Failovers(web()).fail("web").change("web").effect is FaultEffect.RESTARTS
    (note,) = Failovers(web(monitored=False)).simulator.notes
    assert note == "web has no recurring monitor: if it failed, nobody would notice."


def test_standby_moves_without_fencing(database: Failovers) -> None:
    after = database.standby("node1")
    assert after.fault_run.fenced == () and "node1" not in after.where("db-copy")


def test_expectations_that_hold_and_that_do_not(database: Failovers) -> None:
    database.check('[[expect]]\nafter = "any node"\npromoted = ["db-copy"]\ntogether = [["db-copy", "db-address"]]')
    database.check('[[expect]]\nafter = "node node3"\nstays = ["db-copy"]\nonly-on = { db-copy = ["node1", "node2"] }')
    with pytest.raises(AssertionError, match="db-address serves again within 1s: but after losing node1"):
        database.check('[[expect]]\nafter = "any node"\nwithin = { db-address = "1s" }')
    with pytest.raises(AssertionError, match="both are on node1"):
        database.check('[[expect]]\nafter = "any standby"\napart = [["db-copy", "db-address"]]')
    with pytest.raises(AssertionError, match="no fault of this kind was tried"):
        database.check('[[expect]]\nafter = "any pair"\nrunning = ["db-copy"]')


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("x", "it is not TOML", ""),
        ("", r"there is no \[\[expect\]\]", "Example"),
        ('[[expect]]\nrunning = ["web"]', "does not say after what", "any node"),
        ('[[expect]]\nafter = "any nod"\nrunning = ["web"]', "'any nod' has no meaning", "any node"),
        ('[[expect]]\nafter = "any node"', "expects nothing", "running"),
        ('[[expect]]\nafter = "any node"\nruning = ["web"]', "runing has no meaning", "Did you mean running?"),
        ('[[expect]]\nafter = "any node"\nrunning = ["wob"]', "the CIB has no wob", "Did you mean web?"),
        ('[[expect]]\nafter = "any node"\nrunning = "web"', "a list of resources", "Example"),
        ('[[expect]]\nafter = "any node"\nwithin = { web = "soon" }', "'soon' is no time", "30s"),
        ('[[expect]]\nafter = "any node"\napart = ["web"]', "a list of lists", "Example"),
        ('[[expect]]\nafter = "node x"\nrunning = ["web"]', "the CIB has no x", "There are a"),
    ],
)
def test_bad_expectations_say_where_and_what_could_be_meant(text: str, message: str, hint: str) -> None:
    with pytest.raises(BadExpectation, match=message) as caught:
        parse(text, ["web"], ["a"])
    assert hint in caught.value.hint


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crmctl.main(["failover-test", str(DATABASE)]) == 0
    out = capsys.readouterr().out
    assert "Losing node1" in out and "No single point of failure" in out
    assert crmctl.main(["failover-test", str(DATABASE), "--format", "matrix", "--faults", "nodes,pairs"]) == 0
    matrix = capsys.readouterr().out.splitlines()
    assert matrix[0].split() == ["db-copy", "power", "db-address"]
    assert any(line.startswith("nodes node1 node2") and line.count("✗") == 3 for line in matrix)
    assert crmctl.main(["failover-test", str(DATABASE), "--format", "json", "--faults", "nodes"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in data["rehearsals"]] == ["node node1", "node node2", "node node3"]
    path = tmp_path / "expect.toml"
    path.write_text('[[expect]]\nafter = "any node"\nwithin = { db-address = "1s" }\n')
    assert crmctl.main(["failover-test", str(DATABASE), "--expect", str(path)]) == 1
    assert "FAIL  after any node, db-address serves again within 1s" in capsys.readouterr().out


def test_the_example_of_expectations_holds() -> None:
    arguments = ["failover-test", str(DATABASE), "--expect", "cib_examples/database-failovers.toml"]
    assert crmctl.main(arguments) == 0


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crmctl.main(["failover-test", str(DATABASE), "--faults", "nodez"]) == 64
    assert crmctl.main(["failover-test", "cib_examples/web-service.xml"]) == 65
    assert "--nodes" in capsys.readouterr().err
    assert crmctl.main(["failover-test", "cib_examples/web-service.xml", "--nodes", "a,b,c"]) == 0
    assert crmctl.main(["failover-test", str(DATABASE), "--expect", str(tmp_path / "none")]) == 66


def test_a_lease_that_a_node_holds_only_takes_time() -> None:
    cib = web().replace(b'<node_state id="a"', b'<node_state lease="7000" id="a"')
    assert b"lease" in cib
    assert Failovers(cib).lose("a").where("web") == Failovers(web()).lose("a").where("web") == ["b"]
