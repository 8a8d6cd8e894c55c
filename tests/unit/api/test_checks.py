"""What is looked at before a write: the agent's own validation, circles, devices; and who is only warned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.api.app import create
from crm.api.writing.agent_validation import AgentVerdict, judged
from crm.executor.metadata import AgentMetadata, AgentParameter, DescribedAction
from crm.model.history import OperationStatus
from crm.model.report import Severity
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition
from tests.unit.api.node import ACTIONS, AGENTS, NOW, FakeNode

CAREFUL: dict[str, Any] = {"kind": "primitive", "id": "site", "agent": "ocf:crmd:Careful", "parameters": {"ip": "x"},
                           "operations": [{"name": "monitor", "interval": "10s", "timeout": "20s"}]}
XML = '<primitive id="site" class="ocf" provider="crmd" type="Careful"/>'


class PlanningNode(FakeNode):
    """One whose plan starts `site` on it, with what an agent is given at a start."""

    async def plan(self, document: Any) -> Transition:
        given = {"ip": "x", "CRM_meta_timeout": "20000"}
        start = GraphAction(1, ActionKind.RESOURCE, "start", "site_start_0", "one", attributes=given,
                            resource=AgentReference("site", "ocf", "Careful", "crmd"))
        return Transition(1, (Synapse(1, start),))


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    needs = (AgentParameter("ip", required=True, default=""),)
    careful = AgentMetadata("Careful", parameters=needs, actions=(*ACTIONS, DescribedAction("validate-all", "5s")))
    monkeypatch.setitem(AGENTS, "Careful", careful)
    return PlanningNode()


@pytest.fixture
def api(node: FakeNode) -> Iterator[TestClient]:
    # Within the block there is one event loop, as a daemon has.
    with TestClient(create(node, clock=lambda: NOW), raise_server_exceptions=False) as client:
        yield client


def test_a_required_parameter_with_an_empty_default_is_missing(api: TestClient) -> None:
    for parameters in ({}, {"ip": ""}):
        problem = api.post("/v1/resources", json={**CAREFUL, "parameters": parameters}).json()
        assert (problem["code"], problem["reports"][0]["code"]) == ("unsuitable", "missing-parameter")


def test_the_agent_is_asked_with_what_it_would_be_given(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/resources", json=CAREFUL).status_code == 201
    assert node.validated == [("site", {"ip": "x", "CRM_meta_timeout": "20000"})]
    api.patch("/v1/resources/site/definition", json={"meta": {"priority": "1"}})
    assert len(node.validated) == 1, "its parameters are the same as before"


def test_what_the_agent_says_is_the_reason(api: TestClient, node: FakeNode) -> None:
    node.refusals["site"] = (6, "IP address [x] not valid")
    problem = api.post("/v1/resources", json=CAREFUL).json()
    assert problem["code"] == "unsuitable"
    assert problem["detail"] == "site: The agent ocf:crmd:Careful refuses this on one: IP address [x] not valid"
    assert "--force" in problem["next_step"]
    assert api.get("/v1/resources/site/definition").status_code == 404
    assert api.post("/v1/resources", json=CAREFUL, params={"dry_run": True}).json()["code"] == "unsuitable"
    assert api.post("/v1/resources", json=CAREFUL, params={"force": True}).status_code == 201
    assert len(node.validated) == 2, "who insists is not asked"


def test_xml_is_only_warned_about(api: TestClient, node: FakeNode) -> None:
    node.refusals["site"] = (2, "no")
    answer = api.patch("/v1/cib", json={"verb": "create", "section": "resources", "xml": XML}).json()
    told = {report["code"]: report["severity"] for report in answer["reports"]}
    assert told["missing-parameter"] == told["refused-by-agent"] == "warning"


def test_nobody_has_agents_run_with_what_is_not_valid(api: TestClient, node: FakeNode) -> None:
    assert api.post("/v1/resources", json={**CAREFUL, "id": "web"}).json()["code"] == "already-exists"
    assert node.validated == []


def test_a_constraint_that_closes_a_circle_is_refused(api: TestClient) -> None:
    first = {"kind": "order", "id": "r1", "first": "web", "then": "db"}
    last = {"kind": "order", "id": "r2", "first": "db", "then": "web"}
    assert api.post("/v1/constraints", json=first).status_code == 201
    problem = api.post("/v1/constraints", json=last).json()
    assert problem["code"] == "unsuitable" and "(r1, r2)" in problem["detail"]
    assert problem["detail"].startswith("r2: "), "what was written is the one to be told"
    forced = api.post("/v1/constraints", json=last, params={"force": True})
    assert (forced.status_code, [each["code"] for each in forced.json()["reports"]]) == (201, ["ordering-circle"])
    # Who has an old circle may go on with the rest.
    other = {"kind": "order", "id": "r3", "first": "web", "then": "g"}
    assert api.post("/v1/constraints", json=other).json()["reports"] == []


def test_a_colocation_with_itself_is_refused_a_circle_of_them_is_doubtful(api: TestClient) -> None:
    itself = {"kind": "colocation", "id": "c0", "resource": "web", "with_resource": "web", "score": "INFINITY"}
    assert api.post("/v1/constraints", json=itself).json()["reports"][0]["code"] == "colocation-with-itself"
    one = {"kind": "colocation", "id": "c1", "resource": "web", "with_resource": "db", "score": "INFINITY"}
    two = {"kind": "colocation", "id": "c2", "resource": "db", "with_resource": "web", "score": "INFINITY"}
    assert api.post("/v1/constraints", json=one).json()["reports"] == []
    (report,) = api.post("/v1/constraints", json=two).json()["reports"]
    assert (report["code"], report["severity"]) == ("colocation-circle", "warning") and "c1, c2" in report["message"]


def test_a_level_with_a_device_that_is_missing_is_refused(api: TestClient, node: FakeNode) -> None:
    power = '<primitive id="power" class="stonith" type="fence_x"/>'
    api.patch("/v1/cib", json={"verb": "create", "section": "resources", "xml": power})
    level = {"id": "l1", "index": 1, "devices": ["pwer"], "target": "one"}
    problem = api.post("/v1/fencing/levels", json=level).json()
    assert problem["code"] == "unsuitable" and "Did you mean power?" in problem["next_step"]
    assert api.post("/v1/fencing/levels", json={**level, "devices": ["power"]}).status_code == 201
    assert "no fence device" in api.patch("/v1/fencing/levels/l1", json={"devices": ["web"]}).json()["detail"]


def test_what_agents_say_of_all_that_is_configured(api: TestClient) -> None:
    """As `crm_verify --live-check` tells it."""
    api.patch("/v1/cib", json={"verb": "create", "section": "resources", "xml": XML})
    found = api.get("/v1/cib/findings").json()
    assert ("site", "missing-parameter", "error") in {(each["where"], each["code"], each["severity"]) for each in found}


AGENT = AgentReference("site", "ocf", "Careful", "crmd")


def verdict(rc: int, reason: str = "", node: str = "one", status: int = OperationStatus.DONE) -> AgentVerdict:
    return AgentVerdict(node, status, rc, reason)


@pytest.mark.parametrize(
    ("verdicts", "code", "severity"),
    [
        ([verdict(2, "bad ip")], "refused-by-agent", Severity.ERROR),
        ([verdict(6)], "refused-by-agent", Severity.ERROR),
        ([verdict(5, "no nginx"), verdict(4, node="two")], "refused-by-agent", Severity.ERROR),
        ([verdict(5, "no nginx"), verdict(0, node="two")], "refused-by-agent", Severity.WARNING),
        ([verdict(1, "odd")], "refused-by-agent", Severity.ERROR),
        ([verdict(1)], "not-validated", Severity.WARNING),
        ([verdict(1, "took too long", status=OperationStatus.TIMEOUT)], "not-validated", Severity.WARNING),
    ],
)
def test_verdicts(verdicts: list[AgentVerdict], code: str, severity: Severity) -> None:
    (report,) = judged(AGENT, verdicts)
    assert (report.code, report.severity, report.where) == (code, severity, "site")


@pytest.mark.parametrize("verdicts", [[], [verdict(0)], [verdict(3)], [verdict(3, "not implemented")]])
def test_an_agent_that_says_nothing_against_it(verdicts: list[AgentVerdict]) -> None:
    assert judged(AGENT, verdicts) == []
