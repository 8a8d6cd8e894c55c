"""Explanations answer what people ask: why here, why stopped, why a restart, why not promoted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from crm.cib.reading.cib_reader import read
from crm.cli import crmctl
from crm.policy_engine.explain import explain
from crm.policy_engine.explain.answers import Explanation
from tests.unit.observe.helpers import DUMMY, NOW, entry, history, member

OPTIONS = '<nvpair id="f" name="fencing-enabled" value="false"/>'
NO_PARAMETERS = "f2317cad3d54cec5d7d7aa7d0bf35cf8"
STATEFUL = 'class="ocf" provider="pacemaker" type="Stateful"'


def primitive(name: str, meta: str = "", agent: str = DUMMY) -> str:
    pairs = "".join(
        f'<nvpair id="{name}-{key}" name="{key}" value="{value}"/>'
        for key, value in (pair.split("=") for pair in meta.split())
    )
    return f'<primitive id="{name}" {agent}><meta_attributes id="{name}-meta">{pairs}</meta_attributes></primitive>'


def cib(resources: str, constraints: str = "", status: str | None = None, options: str = OPTIONS) -> str:
    status = member("a") + member("b") if status is None else status
    return (
        '<cib have-quorum="true" validate-with="pacemaker-3.9"><configuration><crm_config>'
        f'<cluster_property_set id="cib-bootstrap-options">{options}</cluster_property_set></crm_config>'
        '<nodes><node id="a" uname="a"/><node id="b" uname="b"/></nodes>'
        f"<resources>{resources}</resources><constraints>{constraints}</constraints></configuration>"
        f"<status>{status}</status></cib>"
    )


def ask(name: str, text: str, node: str | None = None) -> Explanation:
    answer = explain(read(etree.fromstring(text)), NOW, name, node)
    assert answer is not None
    return answer


def running(name: str, agent: str = DUMMY) -> str:
    return history(name, entry(name, "start", 2, more=f'op-digest="{NO_PARAMETERS}"'), agent=agent)


def test_a_location_is_named_with_its_score() -> None:
    constraint = '<rsc_location id="likes-b" rsc="web" node="b" score="70"/>'
    (web,) = ask("web", cib(primitive("web"), constraint)).instances
    assert (web.what, web.goes_to) == ("Start", "b")
    chosen, other = web.nodes
    assert [(each.change, each.constraint) for each in chosen.influences] == [("+70", "likes-b")]
    assert chosen.verdict == "chosen: the highest score (next is a with 0)"
    assert other.verdict == "its score 0 is lower than 70 of b"


def test_why_it_stays_although_elsewhere_would_be_liked() -> None:
    status = member("a", running("web")) + member("b")
    constraint = '<rsc_location id="likes-b" rsc="web" node="b" score="70"/>'
    (web,) = ask("web", cib(primitive("web", "resource-stickiness=100"), constraint, status)).instances
    assert web.headline == "runs on a and stays there"
    assert "resource-stickiness=100" in web.why[0]


def test_every_node_that_is_out_says_why() -> None:
    failures = '<nvpair id="x" name="fail-count-web#monitor_10000" value="3"/>'
    status = member("a", attributes=failures) + member("b")
    constraint = '<rsc_location id="never-b" rsc="web" node="b" score="-INFINITY"/>'
    (web,) = ask("web", cib(primitive("web", "migration-threshold=3"), constraint, status)).instances
    assert web.what == "Stopped"
    told = "\n".join(web.why)
    assert "web failed 3 times there (migration-threshold 3)" in told
    assert "crmctl cleanup web" in told
    assert "location never-b" in told


def test_a_stop_names_what_asks_for_it() -> None:
    status = member("a", running("web")) + member("b")
    (web,) = ask("web", cib(primitive("web", "target-role=Stopped"), status=status)).instances
    assert (web.what, web.why[0]) == ("Stop", "target-role is Stopped")


def test_a_restart_is_followed_to_its_cause_through_the_ordering() -> None:
    status = member("a", running("app")) + member("b")
    constraints = (
        '<rsc_order id="db-first" first="db" then="app"/>'
        '<rsc_location id="l1" rsc="db" node="a" score="INFINITY"/>'
        '<rsc_location id="l2" rsc="app" node="a" score="INFINITY"/>'
    )
    (app,) = ask("app", cib(primitive("db") + primitive("app"), constraints, status)).instances
    assert app.what == "Restart"
    assert "start of db on a requires it (ordering db-first)" in app.why
    stop = next(each for each in app.actions if each.task == "stop")
    assert stop.because[:2] == (
        "start of app on a requires it (a restart)",
        "start of db on a requires that (ordering db-first)",
    )
    start = next(each for each in app.actions if each.task == "start")
    assert 0 < stop.step < start.step


def test_what_cannot_start_says_without_what() -> None:
    constraints = '<rsc_order id="db-first" first="db" then="app"/>'
    resources = primitive("db", "target-role=Stopped") + primitive("app")
    (app,) = ask("app", cib(resources, constraints)).instances
    assert app.headline.endswith("but that cannot be done")
    assert "it cannot be done without start of db (ordering db-first)" in app.why
    assert app.why[-1] == "db does not run: target-role is Stopped"


def test_colocations_tell_both_ways() -> None:
    status = member("a", running("db")) + member("b")
    constraints = '<rsc_colocation id="together" rsc="app" with-rsc="db" score="INFINITY"/>'
    resources = primitive("db", "resource-stickiness=10") + primitive("app")
    (app,) = ask("app", cib(resources, constraints, status)).instances
    banned = next(each for each in app.nodes if each.node == "b")
    assert "it has to be with db, which goes to a (colocation together)" in banned.verdict


def test_roles_are_explained() -> None:
    scores = '<nvpair id="x{0}" name="master-db" value="{1}"/>'
    agent = STATEFUL
    status = member("a", running("db", agent), scores.format(1, 20)) + member(
        "b", running("db", agent), scores.format(2, 5)
    )
    meta = '<meta_attributes id="cm"><nvpair id="p" name="promotable" value="true"/></meta_attributes>'
    clone = f'<clone id="c">{meta}{primitive("db", agent=agent)}</clone>'
    first, second = ask("c", cib(clone, status=status)).instances
    assert first.promotion is not None and second.promotion is not None
    assert first.promotion.promoted and "is the highest" in first.promotion.verdict
    assert second.promotion.verdict == "promoted-max=1 is used up by db:0 (20); its own promotion score is 5"


def test_nothing_is_managed_without_a_fence_device() -> None:
    (web,) = ask("web", cib(primitive("web"), options="")).instances
    assert "no fence device is configured" in web.why[0]


def test_one_node_only() -> None:
    (web,) = ask("web", cib(primitive("web")), node="b").instances
    assert [each.node for each in web.nodes] == ["b"]


def test_the_command_prints_and_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cib.xml"
    path.write_text(cib(primitive("web")))
    assert crmctl.main(["explain", "web", "--cib", str(path)]) == 0
    assert "web (ocf:pacemaker:Dummy) does not run, and is started on a" in capsys.readouterr().out
    assert crmctl.main(["explain", "web", "--cib", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["instances"][0]["goes_to"] == "a"
    assert crmctl.main(["explain", "wob", "--cib", str(path)]) == 105
    assert "Did you mean web?" in capsys.readouterr().err
    assert crmctl.main(["explain", "web", "--cib", str(path), "--node", "c"]) == 105
    assert crmctl.main(["explain", "web", "--cib", str(tmp_path / "none.xml")]) == 66
