"""Plans of seconds, with real daemons: nobody is lost, everybody answers, and processes come and go as they should."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.cli.demo.layout import lay_out, short_folder
from crm.cli.demo.machine import Machines
from crm.keeper.processes import children, tree
from tests.system.cluster import RealCluster

_SLOWEST_REPLY_S = 0.5


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    folder = short_folder()
    machines = Machines(lay_out(folder, 3))
    machines.programs.update({node.name: "tests.system.slow_planner" for node in machines.layout.nodes})
    made = RealCluster(machines)
    try:
        made.boot()
        made.settle()
        yield made
    finally:
        machines.stop()
        shutil.rmtree(folder, ignore_errors=True)


def configuration(*names: str) -> str:
    made = "".join(f'<primitive id="{name}" class="ocf" provider="crmd" type="Dummy"/>' for name in names)
    return ('<configuration><crm_config><cluster_property_set id="o"><nvpair id="f" name="fencing-enabled" '
            f'value="false"/></cluster_property_set></crm_config><nodes/><resources>{made}</resources><constraints/>'
            "</configuration>")


def leader(cluster: RealCluster) -> str:
    value = cluster.value()
    assert value is not None and value["dc"]
    return str(value["dc"])


def called(cluster: RealCluster, name: str, title: bytes) -> list[int]:
    """Processes of a node that are called so."""
    return [each for each in tree([cluster.machines.running[name].pid]) if title in command(each)]


def command(process_id: int) -> bytes:
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return b""


def is_keeper(process_id: int) -> bool:
    return Path(f"/proc/{process_id}/comm").read_text().strip() == "crmd-keeper"


def planning(cluster: RealCluster, name: str) -> bool:
    return bool(cluster.ask(name, "GET", "/v1/cluster").json()["state"] == "planning")


def slowest_replies(cluster: RealCluster, seconds: float) -> dict[str, float]:
    """How long each node's slowest reply took within that time."""
    slowest = dict.fromkeys(cluster.machines.running, 0.0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name in slowest:
            began = time.monotonic()
            cluster.ask(name, "GET", "/v1/health")
            slowest[name] = max(slowest[name], time.monotonic() - began)
        time.sleep(0.05)
    return slowest


def late_turns(cluster: RealCluster, name: str) -> int:
    """How often a node's daemon came half a second late to its turn."""
    text = cluster.ask(name, "GET", "/metrics").body.decode()
    found = {bound: float(count) for bound, count in re.findall(
        r'^crmd_event_loop_delay_seconds_bucket\{le="([^"]+)"\} (\S+)$', text, re.MULTILINE)}
    return int(found["+Inf"] - found["0.5"])


def logs(cluster: RealCluster) -> str:
    return "".join(cluster.machines.files(name).log.read_text() for name in cluster.machines.running)


def test_a_long_plan_delays_neither_heartbeats_nor_replies(cluster: RealCluster) -> None:
    home = leader(cluster)
    late = {name: late_turns(cluster, name) for name in cluster.machines.running}
    lost = logs(cluster).count(" lost ")
    cluster.put(configuration("slow", "other"))
    cluster.until(lambda: planning(cluster, home), "it does not plan")
    slowest = slowest_replies(cluster, 2.0)
    cluster.until(lambda: bool(cluster.where("slow")) and bool(cluster.where("other")), "it was not planned")
    assert max(slowest.values()) < _SLOWEST_REPLY_S, slowest
    assert logs(cluster).count(" lost ") == lost and leader(cluster) == home
    assert {name: late_turns(cluster, name) for name in cluster.machines.running} == late


def test_a_planner_that_is_killed_over_a_plan_is_replaced(cluster: RealCluster) -> None:
    home = leader(cluster)
    cluster.settle()
    cluster.put(configuration("slow", "other", "third"))
    cluster.until(lambda: planning(cluster, home), "it does not plan")
    (planner,) = called(cluster, home, b"crmd: planner")
    os.kill(planner, signal.SIGKILL)
    cluster.until(lambda: bool(cluster.where("third")), "it was not planned again")
    assert leader(cluster) == home and "planning failed" not in logs(cluster)


def test_a_daemon_that_is_killed_over_a_plan_takes_its_planner_along(cluster: RealCluster) -> None:
    home = leader(cluster)
    cluster.settle()
    cluster.put(configuration("slow", "other", "third", "fourth"))
    cluster.until(lambda: planning(cluster, home), "it does not plan")
    planners = called(cluster, home, b"crmd: ")
    assert len(planners) >= 2
    (daemon,) = [each for each in children()[cluster.machines.running[home].pid] if not is_keeper(each)]
    os.kill(daemon, signal.SIGKILL)
    cluster.until(lambda: not any(map(command, planners)), "its processes live on")
    cluster.until(lambda: bool(cluster.where("fourth")), "nobody planned")
