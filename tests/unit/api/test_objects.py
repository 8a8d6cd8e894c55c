"""Configured objects over REST: created, read, changed in part, deleted; agents are asked whether they fit."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.api.app import create
from tests.unit.api.node import NOW, FakeNode

SERVER: dict[str, Any] = {"kind": "primitive", "id": "site", "agent": "ocf:crmd:HttpServer",
                          "parameters": {"port": "80"}, "operations": [{"name": "monitor", "interval": "10s",
                                                                        "timeout": "20s"}]}


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def api(node: FakeNode) -> TestClient:
    return TestClient(create(node, clock=lambda: NOW), raise_server_exceptions=False)


def test_a_resource_from_beginning_to_end(api: TestClient, node: FakeNode) -> None:
    answer = api.post("/v1/resources", json=SERVER)
    assert (answer.status_code, answer.json()["version"]) == (201, "0.6.0"), answer.text
    found = api.get("/v1/resources/site/definition").json()
    assert (found["agent"], found["parameters"]) == ("ocf:crmd:HttpServer", {"port": "80"})
    assert found["operations"][0]["id"] == "site-monitor-10s"
    assert api.get("/v1/resources/site").json()["role"] == "Stopped"

    patch = {"meta": {"target-role": "Stopped"}, "parameters": {"folder": "/tmp"}}
    assert api.patch("/v1/resources/site/definition", json=patch).status_code == 200
    found = api.get("/v1/resources/site/definition").json()
    assert found["parameters"] == {"port": "80", "folder": "/tmp"} and found["meta"] == {"target-role": "Stopped"}
    assert api.patch("/v1/resources/site/definition", json={"parameters": {"folder": None}}).status_code == 200
    assert api.get("/v1/resources/site/definition").json()["parameters"] == {"port": "80"}
    assert api.patch("/v1/resources/site/definition", json={}).json()["unchanged"] is True

    assert api.put("/v1/resources/site/definition", json={**SERVER, "description": "new"}).status_code == 200
    assert api.delete("/v1/resources/site").status_code == 200
    assert api.get("/v1/resources/site/definition").json()["code"] == "no-such-resource"


def test_a_dry_run_creates_nothing(api: TestClient, node: FakeNode) -> None:
    answer = api.post("/v1/resources", params={"dry_run": True}, json=SERVER)
    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)
    assert node.document.version == (0, 5, 0)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"parameters": {"port": "80", "prot": "1"}}, "unknown-parameter", "Did you mean port?"),
        ({"parameters": {}}, "missing-parameter", "Add port"),
        ({"parameters": {"port": "http"}}, "wrong-parameter", "a whole number"),
        ({"parameters": {"port": "80", "mode": "slow"}}, "wrong-parameter", "one of fast, safe"),
        ({"agent": "ocf:crmd:HttpServr"}, "no-metadata", "Did you mean ocf:crmd:HttpServer?"),
        ({"agent": None}, "no-agent", "Give it an agent"),
        ({"operations": [{"name": "monitro", "interval": "5s"}]}, "unknown-operation", "Did you mean monitor?"),
    ],
)
def test_an_agent_is_asked(api: TestClient, node: FakeNode, change: dict[str, Any], code: str, says: str) -> None:
    answer = api.post("/v1/resources", json={**SERVER, **change})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["reports"][0]["code"]) == (422, "unsuitable", code)
    assert says in problem["next_step"]
    assert node.document.version == (0, 5, 0)
    forced = api.post("/v1/resources", params={"force": True}, json={**SERVER, **change})
    expected = 422 if change == {"agent": None} else 201  # without an agent it is no resource at all
    assert forced.status_code == expected
    if expected == 201:
        assert code in [report["code"] for report in forced.json()["reports"]]


def test_doubtful_operations_are_told_and_written(api: TestClient) -> None:
    short = {**SERVER, "operations": [{"name": "start", "timeout": "5s"}]}
    reports = api.post("/v1/resources", json=short).json()["reports"]
    assert {"short-timeout", "not-monitored"} <= {report["code"] for report in reports}
    assert next(each for each in reports if each["code"] == "short-timeout")["hint"] == "Give it 30s or more"


def test_an_old_mistake_does_not_hinder_a_change(api: TestClient) -> None:
    patch = api.patch("/v1/resources/web/definition", json={"description": "no port yet"})
    assert patch.status_code == 200, patch.text
    assert "missing-parameter" in [report["code"] for report in patch.json()["reports"]]


def test_groups_and_clones(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/resources", json={"kind": "group", "id": "all", "members": ["web", "db"]}).status_code == 201
    copies = {"kind": "clone", "id": "copies", "meta": {"interleave": "true"}, "members": ["all"]}
    assert api.post("/v1/resources", json=copies).status_code == 201
    found = api.get("/v1/resources/copies/definition").json()
    assert [member["id"] for member in found["members"][0]["members"]] == ["web", "db"]
    assert api.delete("/v1/resources/copies", params={"keep_members": True}).status_code == 200
    assert api.delete("/v1/resources/all", params={"keep_members": True}).status_code == 200
    tops = node.document.root.findall("configuration/resources/*")
    assert {each.get("id") for each in tops} == {"web", "db", "g"}
    missing = api.post("/v1/resources", json={"kind": "group", "id": "x", "members": ["nobody"]})
    assert (missing.status_code, missing.json()["code"]) == (404, "no-such-resource")


OBJECTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("constraints", {"kind": "location", "id": "x", "resource": "web", "node": "one", "score": "5"}, {"score": "7"}),
    ("constraints", {"kind": "colocation", "id": "x", "resource": "web", "with_resource": "db", "score": "1"},
     {"score": "INFINITY"}),
    ("constraints", {"kind": "order", "id": "x", "sets": [{"resources": ["web", "db"]}]}, {"mandatory": "Optional"}),
    ("constraints", {"kind": "ticket", "id": "x", "ticket": "paris", "resource": "web"}, {"loss_policy": "fence"}),
    ("constraints", {"kind": "location", "id": "x", "resource": "web", "rules": [{"score": "3", "conditions": [
        {"kind": "attribute", "attribute": "cpu", "operation": "gt", "value": "2"},
        {"kind": "date", "operation": "date_spec", "spec": {"hours": "9-17"}}]}]}, {"role": "Started"}),
    ("tags", {"id": "x", "objects": ["web"]}, {"objects": ["web", "db"]}),
    ("alerts", {"id": "x", "path": "/bin/true", "kinds": ["nodes", "attributes"], "attributes": [{"name": "cpu"}],
                "recipients": [{"value": "root"}]}, {"meta": {"timeout": "5s"}}),
    ("acl/roles", {"id": "x", "permissions": [{"mode": "read", "xpath": "/cib"}]}, {"description": "readers"}),
    ("acl/users", {"id": "x", "roles": []}, {"name": "alice"}),
    ("acl/groups", {"id": "x", "roles": []}, {"name": "staff"}),
    ("fencing/levels", {"id": "x", "index": 1, "devices": ["a", "b"], "target": "one"}, {"index": 2}),
    ("defaults/resources", {"id": "x", "values": {"resource-stickiness": "1"}}, {"values": {"priority": "2"}}),
    ("defaults/operations", {"id": "x", "values": {"timeout": "30s"}, "rule": {"conditions": [
        {"kind": "operation", "name": "monitor"}]}}, {"score": "3"}),
]


@pytest.mark.parametrize(("path", "value", "change"), OBJECTS, ids=lambda each: each if isinstance(each, str) else "")
def test_every_kind_of_object(
    api: TestClient, node: FakeNode, path: str, value: dict[str, Any], change: dict[str, Any]
) -> None:
    before = node.document.root.find("configuration")
    created = api.post(f"/v1/{path}", json=value, params={"force": True})
    assert created.status_code == 201, created.text
    again = api.post(f"/v1/{path}", json=value)
    assert (again.status_code, again.json()["code"]) == (409, "already-exists")
    found = api.get(f"/v1/{path}/x").json()
    assert found in api.get(f"/v1/{path}").json()
    assert api.put(f"/v1/{path}/x", json=found).json().get("unchanged"), "what was read is what there is"
    assert api.patch(f"/v1/{path}/x", json=change).status_code == 200
    changed = api.get(f"/v1/{path}/x").json()
    for name, wanted in change.items():
        assert changed[name] == wanted or wanted.items() <= changed[name].items()
    assert api.delete(f"/v1/{path}/x").status_code == 200
    assert api.get(f"/v1/{path}/x").status_code == 404
    after = node.document.root.find("configuration")
    assert before is not None and after is not None
    assert after.find(".//*[@id='x']") is None


def test_a_constraint_says_what_it_does(api: TestClient) -> None:
    api.post("/v1/constraints", json=OBJECTS[0][1])
    assert api.get("/v1/constraints/x").json()["effect"] == "web prefers with 5 one."


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("constraints", {"kind": "location", "id": "x", "resurce": "web"}, "resurce"),
        ("constraints", {"kind": "place", "id": "x"}, "kind"),
        ("constraints", {"kind": "order", "id": "x", "mandatory": "Perhaps"}, "Mandatory"),
        ("tags", {"objects": []}, "id"),
        ("tags", {"id": "not an id", "objects": ["web"]}, "id"),
        ("alerts", {"id": "x", "path": "/x", "kinds": ["weather"]}, "fencing"),
    ],
)
def test_what_is_wrong_is_named(
    api: TestClient, node: FakeNode, path: str, value: dict[str, Any], says: str
) -> None:
    answer = api.post(f"/v1/{path}", json=value)
    assert answer.status_code == 422 and says in answer.json()["detail"], answer.text
    assert node.document.version == (0, 5, 0)


def test_a_lost_race_is_refused(api: TestClient) -> None:
    answer = api.patch("/v1/resources/web/definition", json={"description": "x"}, headers={"If-Match": '"0.4.0"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "stale-version")


def test_agents(api: TestClient) -> None:
    assert "ocf:crmd:HttpServer" in [each["name"] for each in api.get("/v1/agents").json()]
    assert api.get("/v1/agents/standards").json() == {"ocf": ["crmd"]}
    (port, *_) = api.get("/v1/agents/ocf:crmd:HttpServer").json()["parameters"]
    assert (port["name"], port["required"], port["type"]) == ("port", True, "integer")
    assert api.get("/v1/agents/ocf:crmd:Nothing").json()["code"] == "no-such-agent"
