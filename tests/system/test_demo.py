"""The demo with real processes: what a stranger does first must work every time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.cli.connection import CommandError
from crm.cli.demo.cluster import fetch
from crm.cli.demo.failover import fail_over
from crm.keeper.leftovers import born
from crm.keeper.processes import tree
from tests.system.cluster import RealCluster, running
from tests.system.machines import until

DETECTION_LIMIT_MS = 1000
AFTER_DETECTION_MS = 4000  # generous: the tests share their two cores with others


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    with running() as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def at_rest(cluster: RealCluster) -> None:
    for node in cluster.machines.layout.nodes:
        if node.name not in cluster.machines.running:
            cluster.machines.start(node.name)
    cluster.until(lambda: len((cluster.value() or {"members": []})["members"]) == 3, "a node did not come back")
    cluster.settle()


def test_the_service_fails_over_when_its_node_is_killed(cluster: RealCluster) -> None:
    timeline = fail_over(cluster)
    assert timeline.successor != timeline.victim
    assert timeline.detected_ms is not None and timeline.detected_ms < DETECTION_LIMIT_MS
    assert timeline.answering_ms is not None and timeline.answering_ms < DETECTION_LIMIT_MS + AFTER_DETECTION_MS


def test_a_killed_daemon_comes_back_and_nothing_is_touched(cluster: RealCluster) -> None:
    home = cluster.serving()
    assert home is not None
    page = body(cluster)
    process_id = cluster.machines.kill_daemon(home)
    end = time.monotonic() + 8
    while time.monotonic() < end:
        assert body(cluster) == page, "the page names its process: another one serves"
        time.sleep(0.1)
    assert process_id not in tree([cluster.machines.running[home].pid])
    assert cluster.where("web-server") == [home]
    assert not (cluster.value() or {})["failures"]
    assert body(cluster) == page


def test_standby_moves_the_service_and_online_leaves_it(cluster: RealCluster) -> None:
    home = cluster.serving()
    cluster.ask("node2", "POST", f"/v1/nodes/{home}/standby")
    cluster.until(lambda: cluster.serving() not in (None, home), "the service did not move")
    cluster.settle()
    there = cluster.serving()
    cluster.ask("node3", "POST", f"/v1/nodes/{home}/online")
    cluster.settle()
    assert cluster.serving() == there


def test_a_failed_service_is_recovered_where_it_is(cluster: RealCluster) -> None:
    home = cluster.serving()
    before = body(cluster)
    os.kill(int(before.split("process ")[1].split(",")[0]), signal.SIGKILL)
    cluster.until(lambda: "is served by" in body(cluster) != before, "the service did not come back")
    assert cluster.serving() == home


def test_any_node_takes_changes_and_stale_ones_are_refused(cluster: RealCluster) -> None:
    versions = {name: cluster.ask(name, "GET", "/v1/cib").headers["etag"] for name in ("node1", "node2", "node3")}
    edit = b'{"verb": "upsert", "section": "tags", "xml": "<tag id=\\"t\\"><obj_ref id=\\"web\\"/></tag>"}'
    stale = versions["node2"]
    cluster.ask("node3", "PATCH", "/v1/cib", body=edit, content_type="application/json")
    with pytest.raises(CommandError) as raised:
        cluster.ask(
            "node2",
            "PATCH",
            "/v1/cib",
            body=edit.replace(b'"web', b'"report').replace(b"web", b"report"),
            content_type="application/json",
            headers={"If-Match": stale},
        )
    assert raised.value.code == 103
    with pytest.raises(CommandError) as raised:
        cluster.ask("node1", "PUT", "/v1/cib", body=b"<cib><configuration/></cib>")
    assert raised.value.code != 0


def test_the_commands_speak_to_a_running_node(cluster: RealCluster) -> None:
    environment = os.environ | {"CRMD_SOCKET": str(cluster.machines.files("node2").socket)}

    def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", f"crm.cli.{module}", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)

    assert "3 of 3 nodes online" in run("crmctl", "status").stdout
    assert "Online: [ node1 node2 node3 ]" in run("pacemaker.crm_mon", "-1").stdout
    assert run("pacemaker.cibadmin", "-Q").stdout.startswith("<cib")
    refused = run("pacemaker.cibadmin", "-C", "-o", "resources", "-X", '<primitiv id="x"/>')
    assert refused.returncode == 78 and "Did you mean <primitive>?" in refused.stderr
    assert "start" in run("crmctl", "move", "web", "--dry-run").stdout


def test_the_unattended_demo_ends_all_that_it_started() -> None:
    """A whole run as a user would, and an interrupted one."""
    repository = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "crm.cli.demo"]
    demo = subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "Ctrl-C" in line:
            break
    started = tree([demo.pid]) - {demo.pid}
    assert len(started) >= 6
    demo.send_signal(signal.SIGINT)
    assert "Everything ended" in demo.stdout.read()
    demo.wait(20)
    demo.stdout.close()
    # Who has ended may be reaped by the machine's first process in its own time.
    until(lambda: not any(map(born, started)), "something goes on", 10.0)


def body(cluster: RealCluster) -> str:
    return fetch(cluster.machines.layout.web_port).rpartition("\r\n\r\n")[2]
