"""Commands that wait: what an operator reads when a resource is created, moved, restarted, deleted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from crm.cli.connection import SOCKET_VARIABLE
from tests.system.cluster import RealCluster, running

MONITOR = ("op", "monitor", "interval=10s", "timeout=20s")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    with running(3, example=False) as cluster:
        cluster.set_option("fencing-enabled", "false")
        yield cluster


def command(cluster: RealCluster, *words: str) -> tuple[list[str], dict[str, str]]:
    socket = str(cluster.machines.files("node1").socket)
    return [sys.executable, "-m", "crm.cli.crmctl", *words], {**os.environ, SOCKET_VARIABLE: socket}


@pytest.fixture
def run(cluster: RealCluster) -> Run:
    """Runs crmctl and answers with what it prints; it has to leave with `code`, and not to write to a terminal."""

    def crmctl(*words: str, code: int = 0) -> str:
        line, environment = command(cluster, *words)
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120)
        printed = done.stdout + done.stderr
        assert done.returncode == code, printed
        assert "\033" not in printed and "\r" not in printed
        return printed

    return crmctl


def test_a_resource_is_there_when_the_command_returns(cluster: RealCluster, run: Run) -> None:
    told = run("resource", "create", "nap", "ocf:crmd:Dummy", *MONITOR)
    found = re.search(r"nap runs on (node\d) \(after [\d.]+ s\)", told)
    assert found, told
    assert cluster.where("nap") == [found[1]]
    assert "nap is stopped (after" in run("resource", "stop", "nap") and cluster.where("nap") == []
    assert "nap runs on node" in run("resource", "start", "nap") and cluster.where("nap")


def test_a_move_ends_where_it_was_to_go_and_a_restart_stays_there(cluster: RealCluster, run: Run) -> None:
    (here,) = cluster.where("nap")
    there = next(name for name in ("node1", "node2", "node3") if name != here)
    assert f"nap moved to {there} (after" in run("move", "nap", there)
    assert "nap runs on" in run("clear", "nap")
    assert "nap moved" not in run("resource", "ban", "nap", here) and cluster.where("nap") == [there]
    run("clear", "nap")
    calls = len(cluster_results(run, "nap"))
    assert f"nap restarted on {there} (after" in run("resource", "restart", "nap")
    assert cluster.where("nap") == [there] and len(cluster_results(run, "nap")) == calls


def cluster_results(run: Run, name: str) -> list[str]:
    return run("operation", "list", name).splitlines()


def test_a_group_restarts_in_its_place(cluster: RealCluster, run: Run) -> None:
    for name in ("one", "two"):
        run("resource", "create", name, "ocf:crmd:Dummy", *MONITOR)
    assert "both runs on" in run("resource", "group", "both", "one", "two")
    home = cluster.where("both")
    assert f"both restarted on {home[0]}" in run("resource", "restart", "both")
    assert cluster.where("one") == cluster.where("two") == home
    assert "both is stopped and gone" in run("resource", "delete", "both")
    assert cluster.where("one") == [] and cluster.where("two") == []


def test_a_promoted_instance_is_promoted_again(cluster: RealCluster, run: Run) -> None:
    roles = ("op", "monitor", "interval=10s", "timeout=20s", "role=Promoted",
             "op", "monitor", "interval=11s", "timeout=20s", "role=Unpromoted")
    assert "stays stopped: target-role of db says so" in run(
        "resource", "create", "db", "ocf:crmd:Stateful", *roles, "meta", "target-role=Stopped")
    assert "dbs is configured and stays stopped" in run("resource", "clone", "dbs", "db", "promotable=true")
    assert "dbs runs on" in run("resource", "start", "dbs")
    cluster.until(lambda: len(cluster.role("db", "Promoted")) == 1, "nobody was promoted")
    run("wait")
    promoted = cluster.role("db", "Promoted")
    assert f"(promoted on {promoted[0]})" in run("resource", "restart", "dbs")
    run("wait")
    assert cluster.role("db", "Promoted") == promoted
    assert re.search(rf"Promoted +{promoted[0]}\n", run("status")), "the status says who is"
    run("resource", "delete", "dbs")


def test_a_clone_is_created_in_one_step(cluster: RealCluster, run: Run) -> None:
    told = run("resource", "create", "every", "ocf:crmd:Dummy", *MONITOR, "clone", "clone-max=2")
    assert "every-clone runs on" in told and len(cluster.where("every-clone")) == 2
    home = sorted(cluster.where("every-clone"))
    run("resource", "restart", "every")
    assert sorted(cluster.where("every-clone")) == home
    run("resource", "delete", "every-clone")


def test_what_fails_says_why_and_what_to_do(run: Run) -> None:
    words = ("resource", "create", "bad", "ocf:crmd:HttpServer", "port=1", "folder=/no/such/folder", *MONITOR)
    told = run(*words, "--force", code=1)
    assert "bad runs nowhere: start of bad on node" in told and "folder /no/such/folder is not there" in told
    assert "crmctl cleanup bad" in told
    shown = run("status", "bad")
    assert "Fail counts" in shown and "INFINITY" in shown and "folder=/no/such/folder" in shown
    run("resource", "delete", "bad")


def test_what_the_agent_itself_refuses_is_not_written(run: Run) -> None:
    words = ("resource", "create", "site", "ocf:crmd:HttpServer", "port=1", "folder=/no/such/folder", *MONITOR)
    told = run(*words, code=1)
    assert "refuses this on node" in told and "the folder /no/such/folder is not there" in told and "--force" in told
    run("resource", "show", "site", code=105)


@pytest.mark.skipif(not Path("/usr/lib/ocf/resource.d/heartbeat/IPaddr2").exists(), reason="resource-agents are needed")
def test_an_address_that_is_none_is_refused_by_its_agent(run: Run) -> None:
    assert "needs the parameter ip" in run("resource", "create", "ip", "ocf:heartbeat:IPaddr2", *MONITOR, code=1)
    told = run("resource", "create", "ip", "ocf:heartbeat:IPaddr2", "ip=10.77.7.999", *MONITOR, code=1)
    assert "10.77.7.999" in told


def test_what_does_not_come_by_waiting_is_said_at_once(run: Run) -> None:
    run("property", "set", "maintenance-mode", "true")
    begun = time.monotonic()
    assert "maintenance-mode=true" in run("resource", "stop", "nap", code=1)
    assert "not managed" in run("resource", "restart", "nap", code=1)
    assert time.monotonic() - begun < 10
    run("property", "unset", "maintenance-mode")
    run("resource", "start", "nap")


def test_who_does_not_want_to_wait_does_not(cluster: RealCluster, run: Run) -> None:
    begun = time.monotonic()
    told = run("resource", "create", "slow", "ocf:crmd:Dummy", "delay_seconds=6", "op", "start", "timeout=60s",
               "op", "stop", "timeout=60s", *MONITOR, "--no-wait")
    assert "slow is configured" in told and time.monotonic() - begun < 5
    assert "Not done within 1 s" in run("resource", "start", "slow", "--timeout", "1s", code=124)


def test_an_interrupted_wait_leaves_the_change(cluster: RealCluster, run: Run) -> None:
    run("wait")
    line, environment = command(cluster, "resource", "stop", "slow")
    # Where the tests run in the background of a shell, interrupts are ignored, and that is inherited.
    waiting = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert waiting.stdout is not None
    assert "slow is to stop" in waiting.stdout.readline()
    time.sleep(1)
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=20)
    assert waiting.returncode == 130, said
    assert "The change stays; take it back: crmctl resource start slow" in said
    cluster.until(lambda: cluster.where("slow") == [], "it was not stopped")


def test_the_daemon_that_was_asked_dies_and_the_restart_is_carried_out(cluster: RealCluster, run: Run) -> None:
    """Whoever asks may die once the wish is in the CIB: nothing is left stopped, and it keeps its place."""
    run("resource", "start", "slow")
    home = cluster.where("slow")
    asked = next(name for name in ("node1", "node2", "node3") if name != home[0])
    cluster.ask(asked, "POST", "/v1/resources/slow/restart")
    cluster.until(lambda: _mark(cluster, home[0]) == "start", "it was not stopped")
    cluster.machines.kill_daemon(asked)
    cluster.until(lambda: _mark(cluster, home[0]) is None and cluster.where("slow") == home, "it did not come back")
    cluster.until(lambda: cluster.follows(asked), "the daemon did not come back")
    assert "target-role" not in run("resource", "show", "slow")


def _mark(cluster: RealCluster, node: str) -> str | None:
    """How far the restart of `slow` is, as that node knows it."""
    root = etree.fromstring(cluster.ask(node, "GET", "/v1/cib").body)
    (history,) = root.xpath(f"status/node_state[@uname='{node}']//lrm_resource[@id='slow']")  # type: ignore[misc]
    return history.get("restart-requested")  # type: ignore[union-attr]
