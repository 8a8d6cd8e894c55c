"""The REST API against a node that is a majority of one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from crm.api.app import create
from crm.api.service import RequestRefused
from crm.cib.changes import Edit
from crm.cib.document import Document
from crm.cib.redaction import REDACTED
from crm.cib.status_updates import OperationUpdate, ResourceUpdate, apply_updates
from crm.executor.operation_limits import WaitingOperation
from crm.model.report import Report, Severity
from tests.unit.api.node import CIB, NOW, FakeNode


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def api(node: FakeNode) -> TestClient:
    return TestClient(create(node, clock=lambda: NOW), raise_server_exceptions=False)


def test_the_cluster_is_seen_in_one_picture(api: TestClient) -> None:
    cluster = api.get("/v1/cluster").json()
    assert (cluster["dc"], cluster["term"], cluster["quorate"], cluster["version"]) == ("one", 3, True, "0.5.0")
    assert [(entry["name"], entry["state"]) for entry in cluster["nodes"]] == [("one", "online"), ("two", "online")]
    web, _, group = cluster["resources"]
    assert (web["role"], web["nodes"], web["agent"]) == ("Started", ["one"], "ocf:crmd:HttpServer")
    assert (group["kind"], group["role"], group["children"][0]["failed"]) == ("group", "Started", True)
    (failure,) = cluster["failures"]
    assert (failure["resource"], failure["reason"]) == ("ip", "port in use")
    assert "crmctl cleanup ip" in failure["next_step"]


def test_what_agents_said_is_told_without_secrets(api: TestClient, node: FakeNode) -> None:
    said = {"exit-reason": "hunter2 is wrong", "agent-output": "login\nwith hunter2", "op-status": "0", "rc-code": "1",
            "operation": "start", "operation_key": "web_start_0", "interval": "0", "transition-key": "1:1:0:x"}
    failed = ResourceUpdate("web", "ocf", "HttpServer", "crmd", {"web_last_failure_0": said})
    edit = Edit("create", '<instance_attributes id="p"><nvpair id="p1" name="password" value="hunter2"/>'
                '</instance_attributes>', xpath="//primitive[@id='web']")
    node.adopt(apply_updates(node.document.apply(edit), [OperationUpdate("1", "one", failed)]))
    for path in ("/v1/operations", "/v1/failures", "/v1/cluster"):
        text = api.get(path, params={"resource": "web"} if path != "/v1/cluster" else {}).text
        assert f"login\\nwith {REDACTED}" in text and "hunter2" not in text, path


def test_an_operation_under_way_is_told_of_a_resource_and_of_what_holds_it(api: TestClient, node: FakeNode) -> None:
    started = {"op-status": "-1", "rc-code": "193", "operation": "start", "interval": "0", "call-id": "9",
               "operation_key": "ip_start_0", "transition-key": "4:1:0:x"}
    record_of_ip = ResourceUpdate("ip", "ocf", "PortHolder", "crmd", {"ip_last_0": started})
    document = node.document.apply(Edit("delete", xpath="//lrm_rsc_op[@id='ip_last_failure_0']"))
    node.adopt(apply_updates(document, [OperationUpdate("1", "one", record_of_ip)]))
    web, _, group = api.get("/v1/cluster").json()["resources"]
    assert (web["under_way"], group["under_way"], group["children"][0]["under_way"]) == ("", "start", "start")


def test_operations_that_wait_are_told_with_their_cause(api: TestClient, node: FakeNode) -> None:
    node.waiting = (WaitingOperation("web", "start", 0, 12.34, "the monitor of web has not ended"),
                    WaitingOperation("gone", "stop", 0, 1.0, "it is configured no more"))
    assert api.get("/v1/operations/waiting").json() == [
        {"resource": "web", "node": "one", "operation": "start", "interval_ms": 0, "since_s": 12.3,
         "reason": "the monitor of web has not ended"}]


def test_text_that_no_cib_can_hold_is_refused_in_every_body(api: TestClient) -> None:
    answer = api.put("/v1/nodes/one/attributes/a", json={"value": "a\x1bb"})
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "body.value")
    answer = api.post("/v1/resources/web/move", content=b'{"node": "\\ud800"}',
                      headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and "U+D800" in answer.text


def test_single_things_are_found_or_said_to_be_missing(api: TestClient) -> None:
    assert api.get("/v1/nodes/two").json()["name"] == "two"
    assert api.get("/v1/resources/ip").json()["kind"] == "primitive"
    missing = api.get("/v1/resources/wob")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert "web" in missing.json()["next_step"]


def test_the_cib_carries_its_version(api: TestClient) -> None:
    answer = api.get("/v1/cib")
    assert answer.headers["etag"] == '"0.5.0@3"'
    assert Document.parse(answer.content).version == (0, 5, 0)
    assert answer.text.startswith("<cib")
    assert api.get("/v1/cib", params={"section": "nodes"}).text.startswith("<nodes>")
    assert api.get("/v1/cib", params={"xpath": "//node"}).text.startswith("<xpath-query>")
    assert api.get("/v1/cib", params={"xpath": "//node["}).json()["code"] == "bad-xpath"
    assert api.get("/v1/cib", params={"section": "nodez"}).json()["next_step"].startswith("Did you mean nodes?")


def test_a_patch_as_json(api: TestClient, node: FakeNode) -> None:
    edit = {"verb": "modify", "xml": '<node id="2" uname="deux"/>'}
    answer = api.patch("/v1/cib", json=edit, headers={"If-Match": '"0.5.0"'})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.headers["etag"]) == ("0.6.0", '"0.6.0@3"')
    assert b"deux" in node.document.to_bytes()


def test_a_patch_as_xml(api: TestClient, node: FakeNode) -> None:
    from crm.cib import patch

    after = node.document.apply(Edit("delete", '<primitive id="web"/>'))
    made = patch.make(node.document, after)
    answer = api.patch("/v1/cib", content=made.xml, headers={"Content-Type": "application/xml"})
    assert answer.json()["version"] == "0.6.0"
    again = api.patch("/v1/cib", content=made.xml, headers={"Content-Type": "application/xml"})
    assert (again.status_code, again.json()["code"]) == (412, "version-mismatch")


def test_a_stale_version_is_refused_with_the_present_one(api: TestClient, node: FakeNode) -> None:
    before = node.document
    answer = api.put("/v1/cib", content=CIB, headers={"If-Match": '"0.4.9"'})
    assert answer.status_code == 412
    assert answer.json()["current_version"] == "0.5.0"
    assert node.document is before


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PUT", "/v1/cib", "<cib", 422, "not-xml"),
        ("PUT", "/v1/cib", "<!DOCTYPE cib><cib/>", 422, "doctype-forbidden"),
        ("PUT", "/v1/cib", CIB.replace("<constraints/>", "<constrains/>"), 422, "invalid-cib"),
        ("PUT", "/v1/cib", CIB.replace('epoch="5"', 'epoch="4"'), 409, "older-version"),
        ("PUT", "/v1/cib?section=nodes", "<tags/>", 422, "bad-change"),
        ("PUT", "/v1/cib", b"\xff\xfe\xff", 422, "bad-request"),
        ("PATCH", "/v1/cib", "<diff/>", 422, "bad-patch"),
        ("POST", "/v1/nodes/nine/standby", "", 404, "no-such-node"),
        ("POST", "/v1/resources/webb/move", '{"node": "two"}', 404, "no-such-resource"),
        ("POST", "/v1/resources/web/move", '{"node": "nine"}', 404, "no-such-node"),
        ("POST", "/v1/resources/db/move", "{}", 422, "not-running"),
        ("POST", "/v1/resources/web/move", '{"for_seconds": 0}', 422, "bad-request"),
        ("POST", "/v1/resources/web/move", "nonsense", 422, "bad-request"),
        ("POST", "/v1/resources/nine/cleanup", "", 404, "no-such-resource"),
        ("GET", "/v1/nothing", "", 404, "not-found"),
        ("DELETE", "/v1/cib", "", 405, "method-not-allowed"),
    ],
)
def test_bad_requests_are_problems(
    api: TestClient, node: FakeNode, method: str, path: str, body: str | bytes, status: int, code: str
) -> None:
    before = node.document
    headers = {"Content-Type": "application/json"} if method == "POST" else {}
    answer = api.request(method, path, content=body, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"] and problem["next_step"] and "Traceback" not in answer.text
    assert answer.headers["crmd-problem"] == code
    assert node.document is before


def test_an_invalid_cib_is_refused_with_line_and_hint(api: TestClient) -> None:
    problem = api.put("/v1/cib", content=CIB.replace("<constraints/>", "<constrains/>")).json()
    assert "Did you mean <constraints>?" in problem["next_step"]
    assert problem["reports"][0]["line"] == 8


def test_a_dry_run_answers_with_the_plan_and_changes_nothing(api: TestClient, node: FakeNode) -> None:
    before = node.document
    answer = api.post("/v1/nodes/one/standby", params={"dry_run": True}).json()
    assert answer["dry_run"] is True
    told = [(each["operation"], each["resource"], each["node"]) for each in answer["actions"]]
    assert {("stop", "web", "one"), ("start", "web", "two")} <= set(told)
    assert "in standby" in next(each for each in answer["actions"] if each["operation"] == "start")["because"][0]
    assert node.document is before


def test_standby_and_back(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/nodes/one/standby").status_code == 200
    assert api.get("/v1/nodes/one").json()["state"] == "standby"
    assert api.post("/v1/nodes/one/standby").json()["unchanged"] is True
    assert api.post("/v1/nodes/one/online").status_code == 200
    assert api.get("/v1/nodes/one").json()["state"] == "online"
    assert api.post("/v1/nodes/one/maintenance").status_code == 200
    assert api.get("/v1/nodes/one").json()["maintenance"] is True


def test_a_move_expires_and_can_be_undone(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/resources/web/move", json={"node": "two", "for_seconds": 60}).status_code == 200
    end = node.document.root.find(".//date_expression")
    assert end is not None and end.get("end") == "2023-11-14 22:14:20Z"
    assert api.post("/v1/resources/web/clear").status_code == 200
    assert node.document.root.find(".//rsc_location") is None
    assert api.post("/v1/resources/web/clear").json()["unchanged"] is True


def test_a_move_without_a_node_goes_away_from_here(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/resources/web/move", json={"for_seconds": None}).status_code == 200
    ban = node.document.root.find(".//rsc_location")
    assert ban is not None and (ban.get("node"), ban.get("score")) == ("one", "-INFINITY")


def test_cleanup_is_handed_on(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/resources/web/cleanup", params={"node": "two"}).json()["forgotten"] == 1
    assert api.post("/v1/cluster/cleanup").status_code == 200
    assert node.cleaned == [("web", "two"), (None, None)]


@pytest.mark.parametrize(("code", "status"), [("no-quorum", 503), ("stale-version", 412), ("other", 422)])
def test_what_the_cluster_refuses_is_a_problem(api: TestClient, node: FakeNode, code: str, status: int) -> None:
    node.trouble = RequestRefused(code, "cannot", "do this")
    answer = api.post("/v1/nodes/one/standby")
    assert (answer.status_code, answer.json()["code"], answer.json()["next_step"]) == (status, code, "do this")


def test_health(api: TestClient, node: FakeNode) -> None:
    paths = ("live", "ready", "quorate", "dc", "resources/web", "resources/db", "resources/web?role=promoted")
    assert [api.get(f"/v1/health/{path}").status_code for path in paths] == [200, 200, 200, 200, 200, 503, 503]
    node.state = replace(node.state, quorate=False, dc=None)
    assert [api.head(f"/v1/health/{path}").status_code for path in paths[:4]] == [200, 503, 503, 503]


def test_the_openapi_document_knows_every_path(api: TestClient) -> None:
    assert "/v1/cib" in api.get("/openapi.json").json()["paths"]
    assert api.get("/docs").status_code == 200


def test_a_resource_is_explained(api: TestClient) -> None:
    answer = api.get("/v1/resources/web/explain").json()
    (web,) = answer["instances"]
    assert (web["id"], web["on"]) == ("web", ["one"])
    assert [node["node"] for node in web["nodes"]] == ["one", "two"]
    assert web["why"]
    (web,) = api.get("/v1/resources/web/explain", params={"node": "two"}).json()["instances"]
    assert [node["node"] for node in web["nodes"]] == ["two"]
    assert api.get("/v1/resources/wob/explain").status_code == 404


def test_a_loss_is_accepted_only_where_one_is_waited_for(api: TestClient, node: FakeNode) -> None:
    refused = api.post("/v1/cluster/accept-loss")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing-lost")
    report = Report(Severity.WARNING, "store-lost", "one", "Too few stores are whole", "Bring two back")
    node.state = replace(node.state, reports=(report,))
    assert api.post("/v1/cluster/accept-loss?dry_run=true").json() == {"dry_run": True, "version": "0.5.0"}
    assert node.origins == []
    assert api.post("/v1/cluster/accept-loss").status_code == 200
    assert [origin.user for origin in node.origins] == ["root"]
