"""Start, stop, ban, values of resources and nodes, tickets, options, operations over REST."""

from __future__ import annotations

import asyncio

import pytest
from fastapi.testclient import TestClient

from crm.api.app import create
from crm.api.queries.cluster_agents import ClusterAgents
from crm.cib.changes import Edit
from crm.cib.schema.option_kinds import CLUSTER
from crm.cib.schema.properties import PROPERTIES
from crm.executor.metadata import AgentMetadata
from crm.model.transition import AgentReference
from crm.policy_engine.picture.options import _DEFAULTS, OLDER_NAMES
from tests.unit.api.node import NOW, FakeNode


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def api(node: FakeNode) -> TestClient:
    return TestClient(create(node, clock=lambda: NOW), raise_server_exceptions=False)


def test_stop_and_start(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/resources/web/stop").status_code == 200
    assert api.get("/v1/resources/web/definition").json()["meta"] == {"target-role": "Stopped"}
    assert api.post("/v1/resources/web/stop").json()["unchanged"] is True
    assert api.post("/v1/resources/web/start").status_code == 200
    assert api.get("/v1/resources/web/definition").json()["meta"] == {}
    assert api.post("/v1/resources/wbe/stop").json()["next_step"] == "Did you mean web?"


def test_a_member_of_a_stopped_group_stays_stopped_and_that_is_said(api: TestClient) -> None:
    api.post("/v1/resources/g/stop")
    api.post("/v1/resources/ip/stop")
    reports = api.post("/v1/resources/ip/start").json()["reports"]
    assert "crmctl resource start g" in next(each for each in reports if each["code"] == "stopped-above")["hint"]
    api.post("/v1/resources/ip/stop")
    api.post("/v1/resources/g/start")
    assert api.get("/v1/resources/ip/definition").json()["meta"] == {}, "a group is started with all in it"


def test_values_of_a_resource(api: TestClient) -> None:
    assert api.put("/v1/resources/web/parameters/port", json={"value": "81"}).status_code == 200
    assert api.put("/v1/resources/web/utilization/cpu", json={"value": "2"}).status_code == 200
    definition = api.get("/v1/resources/web/definition").json()
    assert (definition["parameters"], definition["utilization"]) == ({"port": "81"}, {"cpu": "2"})
    refused = api.delete("/v1/resources/web/parameters/port")
    assert (refused.status_code, refused.json()["reports"][0]["code"]) == (422, "missing-parameter")
    assert api.delete("/v1/resources/web/parameters/port", params={"force": True}).status_code == 200
    assert api.delete("/v1/resources/web/parameters/port").json()["unchanged"] is True
    misspelt = api.put("/v1/resources/web/parameters/prot", json={"value": "81"})
    assert "Did you mean port?" in misspelt.json()["next_step"]
    assert api.put("/v1/resources/web/colour/port", json={"value": "81"}).status_code == 422


def test_a_ban_names_nodes_and_ends(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/resources/web/ban", json={"node": "two", "for_seconds": 60}).status_code == 200
    assert node.document.root.find(".//rsc_location[@id='cli-ban-web-on-two']") is not None
    assert api.post("/v1/resources/db/ban", json={}).json()["code"] == "not-running"


def test_nodes_have_capacity_and_health(api: TestClient) -> None:
    assert api.patch("/v1/nodes/one/utilization", json={"cpu": "8"}).status_code == 200
    assert api.get("/v1/nodes/one/utilization").json() == {"cpu": "8"}
    assert api.patch("/v1/nodes/one/utilization", json={"cpu": None}).status_code == 200
    assert api.get("/v1/nodes/one/utilization").json() == {}
    api.put("/v1/options/node-health-strategy", json={"value": "only-green"})
    api.put("/v1/nodes/one/attributes/%23health-disk", json={"value": "red", "lifetime": "forever"})
    assert api.get("/v1/nodes/one/health").json() == {
        "health": "red", "strategy": "only-green", "attributes": {"#health-disk": "red"}}
    assert api.get("/v1/nodes/nine/health").status_code == 404


def test_a_ticket_is_granted_and_revoked(api: TestClient) -> None:
    api.post("/v1/constraints", json={"kind": "ticket", "id": "need", "ticket": "paris", "resource": "web"})
    assert api.get("/v1/tickets/paris").json()["granted"] is False
    assert api.patch("/v1/tickets/paris", json={"granted": True}).status_code == 200
    ticket = api.get("/v1/tickets/paris").json()
    assert (ticket["granted"], ticket["constraints"], ticket["last_granted"][:10]) == (True, ["need"], "2023-11-14")
    assert api.patch("/v1/tickets/paris", json={"granted": True}).json()["unchanged"] is True
    assert api.patch("/v1/tickets/paris", json={"standby": True}).status_code == 200
    assert api.get("/v1/tickets").json()[0]["standby"] is True
    assert api.patch("/v1/tickets/paris", json={"granted": False}).status_code == 200
    assert api.delete("/v1/tickets/paris").status_code == 200
    assert api.get("/v1/tickets/rome").json()["code"] == "no-such-ticket"


def test_every_option_is_described(api: TestClient) -> None:
    found = {each["name"]: each for each in api.get("/v1/options").json()}
    older = set(OLDER_NAMES) | {name for name in CLUSTER if name.startswith("crmd-") and not name.endswith("-tokens")}
    assert set(CLUSTER) - older == set(found)
    assert (found["fencing-enabled"]["value"], found["fencing-enabled"]["is_set"]) == ("false", True)
    assert found["no-quorum-policy"]["choices"][0] == "stop" and not found["no-quorum-policy"]["is_set"]
    assert found["fencing-enabled"]["older_names"] == ["stonith-enabled"]


def test_described_defaults_are_those_of_the_engine() -> None:
    for name, (default, _) in _DEFAULTS.items():
        assert PROPERTIES[name].default == default, name


def test_operations_and_failures(api: TestClient) -> None:
    (start,) = api.get("/v1/operations", params={"resource": "web"}).json()
    assert (start["operation"], start["rc"], start["node"]) == ("start", 0, "one")
    (failure,) = api.get("/v1/failures", params={"node": "one"}).json()
    assert failure["reason"] == "port in use"
    assert api.get("/v1/failures", params={"node": "two"}).json() == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("POST /v1/nodes/one/standby?dryrun=true", "Did you mean dry_run?"),
        ("GET /v1/resources?limt=2", "Did you mean limit?"),
        ("GET /v1/cluster?colour=red", "There are consistent, index, wait"),
        ("POST /v1/tasks/wait?index=1", "There are timeout"),
    ],
)
def test_a_parameter_that_nobody_knows_does_nothing(api: TestClient, node: FakeNode, asked: str, said: str) -> None:
    before = node.document
    answer = api.request(*asked.split())
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-parameter")
    assert answer.json()["next_step"] == said
    assert node.document is before


def test_a_member_that_nobody_knows_is_refused(api: TestClient) -> None:
    for path, wish in (("/v1/simulate", {"lost_node": ["one"]}), ("/v1/resources/web/move", {"nod": "two"})):
        answer = api.post(path, json=wish).json()
        assert answer["code"] == "bad-request"
        assert answer["detail"].endswith("There is no such member")


def test_what_load_balancers_may_ask_for(api: TestClient) -> None:
    assert api.get("/v1/health/resources/web?role=promoted").status_code == 503
    assert api.get("/v1/health/resources/web?role=master").status_code == 422


def test_operations_of_a_group_are_those_of_its_members(api: TestClient) -> None:
    assert {each["resource"] for each in api.get("/v1/operations?resource=g").json()} == {"ip"}
    assert {each["resource"] for each in api.get("/v1/operations?resource=ip&node=one").json()} == {"ip"}
    assert {each["resource"] for each in api.get("/v1/failures?resource=g").json()} == {"ip"}
    assert api.get("/v1/operations?resource=nobody").json() == []


def test_an_agent_that_does_not_tell_is_asked_once_on_its_node(node: FakeNode) -> None:
    asked = []

    async def silent(agent: AgentReference) -> AgentMetadata:
        asked.append(agent.type)
        raise ValueError("no answer within 30 s")

    node.metadata = silent  # type: ignore[method-assign]
    everywhere = ClusterAgents(node)
    with pytest.raises(ValueError, match="no answer"):
        asyncio.run(everywhere.metadata(AgentReference("Dummy", "ocf", "Dummy", "crmd")))
    assert asked == ["Dummy"]


STATE = '<node_state id="{}"/>'


@pytest.mark.parametrize("change", [
    {"verb": "delete", "section": "status", "xml": STATE.format(2)},
    {"verb": "delete", "xpath": "/cib/status/node_state[@id='1']/lrm"},
    {"verb": "delete", "xpath": "//lrm_rsc_op[@id='web_last_0']"},
    {"verb": "modify", "section": "status", "xml": '<node_state id="2" in_ccm="0"/>'},
])
def test_what_nodes_have_reported_is_not_to_be_edited(
    api: TestClient, node: FakeNode, change: dict[str, str]
) -> None:
    before = node.document
    answer = api.patch("/v1/cib", json=change)
    assert (answer.status_code, answer.json()["code"]) == (422, "status-read-only")
    patch = '<diff format="2"><change operation="delete" path="/cib/status/node_state[@id=\'2\']"/></diff>'
    assert api.patch("/v1/cib", content=patch, headers={"Content-Type": "application/xml"}).status_code == 422
    assert node.document is before


def test_nodes_that_are_gone_are_forgotten_and_tickets_are_granted_by_hand(api: TestClient, node: FakeNode) -> None:
    node.document = node.document.apply(Edit("create", STATE.format(9), section="status"))
    for change in ({"verb": "delete", "section": "status", "xml": STATE.format(9)},
                   {"verb": "upsert", "section": "tickets", "xml": '<ticket_state id="t" granted="true"/>'}):
        assert api.patch("/v1/cib", json=change).status_code == 200
