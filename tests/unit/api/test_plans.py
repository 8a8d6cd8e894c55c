"""Look before you leap: dry runs and simulations tell what would be done, why, what stops for how long, and warn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.api.app import create
from crm.cib.changes import Edit
from crm.cib.document import Document
from crm.cib.status_updates import NodeUpdate, TransientAttributeUpdate, apply_updates
from tests.unit.api.node import CIB, MEMBERS, NOW, STATUS, FakeNode


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def api(node: FakeNode) -> TestClient:
    return TestClient(create(node, clock=lambda: NOW), raise_server_exceptions=False)


def codes(plan: dict[str, Any]) -> set[str]:
    return {report["code"] for report in plan["warnings"]}


def test_a_plan_tells_what_is_done_why_and_for_how_long(api: TestClient, node: FakeNode) -> None:
    node.document = Document.parse(CIB.replace(
        'call-id="3" rc-code="0"', 'call-id="3" exec-time="1500" rc-code="0"'))
    plan = api.post("/v1/nodes/one/standby", params={"dry_run": True}).json()
    assert plan["version"] == "0.5.0@3"
    assert plan["differences"][0]["text"] == ["+ instance_attributes nodes-1"]
    assert "web runs on one and moves to two" in plan["headlines"]
    (web,) = [each for each in plan["interruptions"] if each["resource"] == "web"]
    assert (web["effect"], web["before"], web["after"]) == ("moves", ["one"], ["two"])
    assert web["interruption_ms"] == 20_000 + 1_500, "the stop's limit and the start's measured time"
    steps = {(each["operation"], each["node"]): each["step"] for each in plan["actions"] if each["resource"] == "web"}
    assert steps["stop", "one"] < steps["start", "two"]


def test_a_move_without_an_end_is_warned_about(api: TestClient) -> None:
    move = {"node": "two", "for_seconds": None}
    plan = api.post("/v1/resources/web/move", params={"dry_run": True}, json=move).json()
    assert {"lasting-move", "no-stickiness", "no-fencing"} <= codes(plan)
    assert "crmctl clear web" in next(each["hint"] for each in plan["warnings"] if each["code"] == "lasting-move")


def test_what_would_stop_for_good_is_warned_about(api: TestClient) -> None:
    everywhere = [{"verb": "create", "section": "constraints",
                   "xml": f'<rsc_location id="no-{name}" rsc="web" node="{name}" score="-INFINITY"/>'}
                  for name in ("one", "two")]
    plan = api.post("/v1/simulate", json={"changes": everywhere}).json()
    (web,) = [each for each in plan["interruptions"] if each["resource"] == "web"]
    assert (web["effect"], web["interruption_ms"]) == ("lost", None)
    assert "lost" in codes(plan)
    assert [each["text"] for each in plan["differences"]] == [["+ rsc_location no-one"], ["+ rsc_location no-two"]]


def test_losing_a_node(api: TestClient, node: FakeNode) -> None:
    plan = api.post("/v1/simulate", json={"lost_nodes": ["one"]}).json()
    assert ("start", "two") in {(each["operation"], each["node"]) for each in plan["actions"]}
    assert node.document.version == (0, 5, 0)
    assert api.post("/v1/simulate", json={"lost_nodes": ["nine"]}).json()["code"] == "no-such-node"


def test_losing_a_node_that_can_be_fenced(api: TestClient, node: FakeNode) -> None:
    for edit in (
        Edit("modify", '<nvpair id="o1" name="fencing-enabled" value="true"/>', "crm_config"),
        Edit("create", '<primitive id="power" class="stonith" type="fence_demo"/>'),
    ):
        node.document = node.document.apply(edit)
    plan = api.post("/v1/simulate", json={"lost_nodes": ["one"]}).json()
    assert [each["node"] for each in plan["fenced"]] == ["one"]
    assert {"fencing", "no-fencing-delay"} <= codes(plan)
    fence = next(each for each in plan["actions"] if each["operation"] == "fence")
    start = next(each for each in plan["actions"] if (each["operation"], each["resource"]) == ("start", "web"))
    assert fence["because"] and fence["step"] < start["step"]


def test_a_failure(api: TestClient) -> None:
    plan = api.post("/v1/simulate", json={"failures": [{"resource": "web"}]}).json()
    (web,) = [each for each in plan["interruptions"] if each["resource"] == "web"]
    assert web["effect"] == "restarts"
    assert api.post("/v1/simulate", json={"failures": [{"resource": "db"}]}).json()["code"] == "not-running"


def test_a_clone_that_is_not_interleaved(api: TestClient, node: FakeNode) -> None:
    clones = "".join(f'<clone id="{name}s"><primitive id="{name}" class="ocf" provider="crmd" type="Dummy"/></clone>'
                     for name in ("base", "user"))
    node.document = node.document.apply(Edit("create", f"<resources>{clones}</resources>"))
    node.document = node.document.apply(Edit("create", '<rsc_order id="bases-first" first="bases" then="users"/>'))
    for name in ("base", "user"):
        for number in ("1", "2"):
            history = (f'<lrm_resource id="{name}" class="ocf" provider="crmd" type="Dummy"><lrm_rsc_op '
                       f'id="{name}_last_0" operation="start" operation_key="{name}_start_0" interval="0" call-id="9" '
                       f'rc-code="0" op-status="0" transition-key="9:1:0:x" transition-magic="0:0;9:1:0:x"/>'
                       f"</lrm_resource>")
            where = f"/cib/status/node_state[@id='{number}']/lrm/lrm_resources"
            node.document = node.document.apply(Edit("create", history, xpath=where))
    plan = api.post("/v1/nodes/one/standby", params={"dry_run": True}).json()
    assert "not-interleaved" in codes(plan), plan["interruptions"]


def test_a_ticket(api: TestClient) -> None:
    api.post("/v1/constraints", json={"kind": "ticket", "id": "n", "ticket": "paris", "resource": "db"})
    plan = api.post("/v1/simulate", json={"granted_tickets": ["paris"]}).json()
    assert ("start", "db") in {(each["operation"], each["resource"]) for each in plan["actions"]}


def test_a_wrong_configuration_is_told(api: TestClient) -> None:
    answer = api.post("/v1/simulate", json={"configuration": "<configuration><nods/></configuration>"})
    assert answer.status_code == 422 and "nodes" in answer.json()["next_step"]


def test_a_plan_shows_no_secret_to_whom_the_cib_shows_none(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm.api.views import plan_values
    from crm.cib.redaction import without_secrets

    monkeypatch.setattr(plan_values, "visible", lambda service, document: without_secrets(document))
    api = TestClient(create(node, clock=lambda: NOW), raise_server_exceptions=False)
    wanted = {"verb": "modify", "xml": '<primitive id="db"><instance_attributes id="db-a"><nvpair id="db-p" '
              'name="password" value="geheim"/></instance_attributes></primitive>'}
    answer = api.post("/v1/simulate", json={"changes": [wanted]})
    assert answer.status_code == 200 and answer.json()["differences"]
    assert "geheim" not in answer.text


def _counted(node: FakeNode) -> None:
    """The failure of ip is counted, so that it is banned from node one."""
    counted = [TransientAttributeUpdate("1", "fail-count-ip#start_0", "INFINITY"),
               TransientAttributeUpdate("1", "load", "3")]
    node.adopt(apply_updates(node.document, counted))


def test_what_a_cleanup_would_lead_to(api: TestClient, node: FakeNode) -> None:
    """What has failed may start again; what runs is taken as running."""
    _counted(node)
    api.post("/v1/constraints", json={"kind": "location", "id": "l", "resource": "ip", "node": "two",
                                      "score": "-INFINITY"})
    before = node.document
    for path, starts in (("resources/ip/cleanup?", True), ("cluster/cleanup?", True),
                         ("resources/ip/cleanup?node=two&", False), ("resources/web/cleanup?", False)):
        plan = api.post(f"/v1/{path}dry_run=true").json()
        actions = [_words(each) for each in plan["actions"]]
        assert plan["dry_run"] is True and ("start ip on one" in actions) == starts, path
        assert "probe web on one" not in actions, "it is taken as found, not as unknown"
        assert plan["warnings"][0]["code"] == "looks-again"
    assert api.post("/v1/cluster/cleanup?dry_run=true&node=nine").json()["code"] == "no-such-node"
    assert node.cleaned == [] and node.document is before


def _words(action: dict[str, str]) -> str:
    return f"{action['operation']} {action['resource']} on {action['node']}"


def test_what_an_attribute_would_lead_to(api: TestClient, node: FakeNode) -> None:
    _counted(node)
    rule = {"kind": "rule", "score": "-INFINITY", "conditions": [
        {"kind": "attribute", "attribute": "load", "operation": "gt", "value": "4", "type": "integer"}]}
    made = api.post("/v1/constraints", json={"kind": "location", "id": "idle", "resource": "web", "rules": [rule]})
    assert made.status_code == 201, made.text
    where = "/v1/nodes/one/attributes/load?dry_run=true"
    before = api.put(where, json={"value": "value++"}).json()
    after = api.put(where, json={"value": "value+=2"}).json()
    assert not [each for each in before["interruptions"] if each["resource"] == "web" and each["after"] == ["two"]]
    assert [each["after"] for each in after["interruptions"] if each["resource"] == "web"] == [["two"]]
    permanent = api.put(where, json={"value": "9", "lifetime": "forever"}).json()
    assert permanent["differences"], "a permanent one is a change of the configuration"
    assert api.delete(where).json()["dry_run"] is True
    assert api.put("/v1/nodes/nine/attributes/load?dry_run=true", json={"value": "1"}).json()["code"] == "no-such-node"
    assert node.attributes == []


DEVICE = {"kind": "primitive", "id": "power", "agent": "stonith:fence_x", "parameters": {"pcmk_host_list": "one"}}


def test_what_fencing_would_lead_to(api: TestClient, node: FakeNode) -> None:
    plan = api.post("/v1/fencing/nodes/one?dry_run=true", json={"action": "off"}).json()
    assert [each["after"] for each in plan["interruptions"] if each["resource"] == "web"] == [["two"]]
    (warning,) = [each for each in plan["warnings"] if each["code"] == "not-fenceable"]
    assert "no device can fence it" in warning["message"]
    assert plan["fenced"] == []
    assert api.post("/v1/resources?force=true", json=DEVICE).status_code == 201
    (fenced,) = api.post("/v1/fencing/nodes/one?dry_run=true", json={"action": "off"}).json()["fenced"]
    assert (fenced["node"], fenced["action"], fenced["reason"]) == ("one", "off", "you ask for it; by power")
    assert api.post("/v1/fencing/nodes/nine?dry_run=true", json={}).json()["code"] == "no-such-node"
    assert node.fenced == []


def test_what_a_confirmation_would_lead_to(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/fencing/nodes/one/confirm?dry_run=true").json()["code"] == "node-is-here"
    api.post("/v1/resources?force=true", json=DEVICE)
    api.put("/v1/options/fencing-enabled", json={"value": "true"})
    gone = replace(MEMBERS[0], present=False)
    node.state = replace(STATUS, node="two", dc="two", members=(gone, MEMBERS[1]))
    node.adopt(apply_updates(node.document, [NodeUpdate("1", "one", {"in_ccm": "0", "crmd": "0", "join": "down"})]))
    plan = api.post("/v1/fencing/nodes/one/confirm?dry_run=true").json()
    assert "start web on two" in [_words(each) for each in plan["actions"]]
    assert plan["fenced"] == [] and node.fenced == []


def test_what_a_restart_would_lead_to(api: TestClient, node: FakeNode) -> None:
    answer = api.post("/v1/resources/web/restart?dry_run=true")
    assert answer.status_code == 200
    plan = answer.json()
    assert "stop web on one" in [_words(each) for each in plan["actions"]]
    (web,) = [each for each in plan["interruptions"] if each["resource"] == "web"]
    assert (web["effect"], web["after"]) == ("restarts", ["one"])
    assert api.get("/v1/tasks").json() == []
