"""Earlier configurations over REST, and going back; tasks that take time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from crm.api.app import create
from crm.cib.status_updates import OperationUpdate, ResourceUpdate, apply_updates
from crm.model.transition import Transition
from tests.unit.api.node import NOW, FakeNode


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def api(node: FakeNode) -> Iterator[TestClient]:
    with TestClient(create(node, clock=lambda: NOW), raise_server_exceptions=False) as client:
        yield client


def test_configurations_are_kept_and_compared(api: TestClient) -> None:
    api.put("/v1/resources/web/parameters/port", json={"value": "80"})
    api.put("/v1/resources/web/parameters/port", json={"value": "81"})
    assert [each["version"] for each in api.get("/v1/cib/history").json()] == ["0.7.0", "0.6.0", "0.5.0"]
    assert 'value="80"' in api.get("/v1/cib/history/0.6.0").text
    (change,) = api.get("/v1/cib/differences").json()
    assert change["text"] == ["~ port of web: value 80 → 81"]
    whole = api.get("/v1/cib/differences", params={"since": "0.5.0", "until": "0.6.0"}).json()
    assert (whole[0]["what"], whole[0]["about"]) == ("added", "instance_attributes web-instance_attributes")
    assert api.get("/v1/cib/history/0.1.0").json()["code"] == "no-such-version"


def test_one_call_undoes_and_can_be_undone(api: TestClient) -> None:
    api.put("/v1/resources/web/parameters/port", json={"value": "80"})
    api.delete("/v1/resources/web")
    assert api.get("/v1/resources/web/definition").status_code == 404
    plan = api.post("/v1/cib/undo", params={"dry_run": True}).json()
    assert [each["about"] for each in plan["differences"]] == ["primitive web"]
    assert api.post("/v1/cib/undo").status_code == 200
    assert api.get("/v1/resources/web/definition").json()["parameters"] == {"port": "80"}
    assert api.post("/v1/cib/undo", json={"version": "0.5.0"}).status_code == 200
    assert api.get("/v1/resources/web/definition").json()["parameters"] == {}


def test_nothing_to_go_back_to(api: TestClient) -> None:
    assert api.post("/v1/cib/undo").json()["code"] == "no-such-version"


def test_waiting_ends_when_nothing_is_left(api: TestClient, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    task = api.post("/v1/tasks/wait").json()
    assert (task["state"], task["kind"]) == ("running", "wait")
    assert "1 actions are left" in api.get(f"/v1/tasks/{task['id']}", params={"wait": 0.5}).json()["message"]

    async def nothing(document: object) -> Transition:
        return Transition(1)

    monkeypatch.setattr(node, "plan", nothing)
    assert api.get(f"/v1/tasks/{task['id']}", params={"wait": 5}).json()["state"] == "done"
    assert [each["id"] for each in api.get("/v1/tasks").json()] == [task["id"]]


def test_a_task_has_an_end(api: TestClient) -> None:
    task = api.post("/v1/tasks/wait", params={"timeout": 1}).json()
    ended = api.get(f"/v1/tasks/{task['id']}", params={"wait": 5}).json()
    assert (ended["state"], ended["code"]) == ("failed", "timeout")
    assert api.get("/v1/tasks/nothing").json()["code"] == "no-such-task"


def mark(node: FakeNode) -> str | None:
    history = node.document.root.find(".//lrm_resource[@id='web']")
    return None if history is None else history.get("restart-requested")


def test_a_restart_is_a_wish_in_the_cib_that_the_cluster_carries_out(
    api: TestClient, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = api.post("/v1/resources/web/restart").json()
    until = time.monotonic() + 5
    while mark(node) is None and time.monotonic() < until:
        time.sleep(0.02)
    assert mark(node) == "stop"
    assert api.get("/v1/resources/web/definition").json()["meta"] == {}, "its configuration stays as it is"

    def result(operation: str) -> OperationUpdate:
        entry = {"operation": operation, "operation_key": f"web_{operation}_0", "interval": "0", "call-id": "9",
                 "rc-code": "0", "op-status": "0", "transition-key": f"9:9:0:{operation}",
                 "transition-magic": f"0:0;9:9:0:{operation}"}
        return OperationUpdate("1", "one", ResourceUpdate("web", "ocf", "HttpServer", "crmd", {"web_last_0": entry}))

    node.adopt(apply_updates(node.document, [result("stop")]))
    assert mark(node) == "start"

    async def nothing(document: object) -> Transition:
        return Transition(1)

    monkeypatch.setattr(node, "plan", nothing)
    node.adopt(apply_updates(node.document, [result("start")]))
    ended = api.get(f"/v1/tasks/{task['id']}", params={"wait": 5}).json()
    assert ended["state"] == "done" and ended["message"].startswith("web restarted on one (after "), ended
    assert mark(node) is None


def test_a_cancelled_restart_is_taken_back(api: TestClient, node: FakeNode) -> None:
    task = api.post("/v1/resources/web/restart").json()
    until = time.monotonic() + 5
    while mark(node) is None and time.monotonic() < until:
        time.sleep(0.02)
    assert api.delete(f"/v1/tasks/{task['id']}").json()["state"] == "cancelled"
    assert not mark(node)
    assert api.post("/v1/resources/db/restart").json()["code"] == "not-running"
