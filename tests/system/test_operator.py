"""What an operator does to a real cluster over REST and with crmctl: plan, apply, restart, look back, undo."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crm.cli import crmctl
from crm.cli.connection import SOCKET_VARIABLE
from tests.system.cluster import RealCluster, running


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    with running(2) as cluster:
        yield cluster


@pytest.fixture
def leader(cluster: RealCluster) -> str:
    value = cluster.value()
    assert value is not None
    return str(value["dc"])


def ask(cluster: RealCluster, node: str, method: str, path: str, value: object = None, **query: str) -> Any:
    body = b"" if value is None else json.dumps(value).encode()
    return cluster.ask(node, method, path, body=body, content_type="application/json", query=query,
                       timeout_seconds=90).json()


def ended(cluster: RealCluster, node: str, task: Any) -> Any:
    while task["state"] == "running":
        task = ask(cluster, node, "GET", f"/v1/tasks/{task['id']}", wait="30")
    return task


def test_a_planned_resource_does_what_was_planned(cluster: RealCluster, leader: str) -> None:
    nap = {"kind": "primitive", "id": "nap", "agent": "ocf:crmd:Dummy",
           "operations": [{"name": "monitor", "interval": "10s", "timeout": "20s"}]}
    plan = ask(cluster, leader, "POST", "/v1/resources", nap, dry_run="true")
    (start,) = [each for each in plan["actions"] if each["operation"] == "start"]
    assert ask(cluster, leader, "POST", "/v1/resources", nap)["version"]
    assert ended(cluster, leader, ask(cluster, leader, "POST", "/v1/tasks/wait"))["state"] == "done"
    assert cluster.where("nap") == [start["node"]]


def test_a_restart_is_a_stop_and_a_start(cluster: RealCluster, leader: str) -> None:
    before = {each["operation"]: each["call"] for each in ask(cluster, leader, "GET", "/v1/operations", resource="nap")}
    task = ended(cluster, leader, ask(cluster, leader, "POST", "/v1/resources/nap/restart"))
    assert task["state"] == "done", task
    after = {each["operation"]: each["call"] for each in ask(cluster, leader, "GET", "/v1/operations", resource="nap")}
    assert after["start"] > before["start"] and len(cluster.where("nap")) == 1
    assert ask(cluster, leader, "GET", "/v1/resources/nap/definition")["meta"] == {}


def test_the_other_node_restarts_it_as_well(cluster: RealCluster, leader: str) -> None:
    (other,) = [each.name for each in cluster.machines.layout.nodes if each.name != leader]
    task = ended(cluster, other, ask(cluster, other, "POST", "/v1/resources/nap/restart"))
    assert task["state"] == "done", task
    assert len(cluster.where("nap")) == 1


def test_transitions_are_kept_and_replayed(cluster: RealCluster, leader: str, tmp_path: Path) -> None:
    (other,) = [each.name for each in cluster.machines.layout.nodes if each.name != leader]
    listed = ask(cluster, other, "GET", "/v1/transitions")
    records = [ask(cluster, other, "GET", f"/v1/transitions/{each['id']}") for each in listed]
    starts = [(record, action) for record in records for action in record["actions"]
              if (action["operation"], action["resource"]) == ("start", "nap")]
    record, start = starts[0]
    assert start["ok"] is True and start["ended_at"] >= start["begun_at"] and record["outcome"] == "complete"
    file = tmp_path / "input.xml"
    file.write_bytes(cluster.ask(leader, "GET", f"/v1/transitions/{record['number']}/input").body)
    assert ask(cluster, other, "GET", f"/v1/transitions/{record['id']}/replay")["same"] is True
    replayed = subprocess.run([sys.executable, "-m", "crm.cli.simulate", "-x", str(file), "-S"], capture_output=True,
                              text=True, check=True).stdout
    assert f"nap             start on {start['node']}" in replayed


def test_plan_apply_and_undo_from_the_command_line(
    cluster: RealCluster, leader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(SOCKET_VARIABLE, str(cluster.machines.files(leader).socket))
    file = tmp_path / "wanted.xml"
    text = cluster.ask(leader, "GET", "/v1/cib", query={"section": "configuration"}).text
    file.write_text(text.replace('id="nap"', 'id="siesta"').replace('id="nap-', 'id="siesta-'))
    assert crmctl.main(["plan", str(file)]) == 0
    assert "+ primitive siesta" in capsys.readouterr().out
    assert crmctl.main(["apply", str(file)]) == 0
    assert crmctl.main(["wait"]) == 0
    assert cluster.where("nap") == [] and len(cluster.where("siesta")) == 1
    assert crmctl.main(["history", "undo"]) == 0
    assert crmctl.main(["wait"]) == 0
    assert len(cluster.where("nap")) == 1 and cluster.where("siesta") == []
