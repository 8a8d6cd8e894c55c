"""A service fails over on every message layer: real daemons, real engines, machines that lose power or their link."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.engines import start_corosync
from tests.system.layered import LAYERS, NAMES, LayeredCluster, Probe, cluster_on, why_not
from tests.system.machines import until


@pytest.fixture(scope="module", params=list(LAYERS))
def cluster(request: pytest.FixtureRequest) -> Iterator[LayeredCluster]:
    reason = why_not(request.param)
    if reason:
        pytest.skip(reason)
    with cluster_on(request.param) as made:
        made.load()
        until(lambda: len(made.holders()) == 1, "the service did not start")
        made.settle()
        yield made


@pytest.fixture(autouse=True)
def at_rest(cluster: LayeredCluster) -> None:
    for machine in cluster.network:
        if machine.process_id is None:
            cluster.boot(machine.name)
    cluster.until_whole()
    cluster.settle()


def test_a_machine_that_loses_power_is_replaced(cluster: LayeredCluster) -> None:
    (home,) = cluster.holders()
    probe = Probe(cluster.network, cluster.address)
    until(lambda: probe.up, "the address does not answer")
    began = time.monotonic()
    cluster.network[home].kill()
    until(lambda: probe.back_after(began) is not None, f"the service did not come back\n{cluster.logs()}")
    probe.close()
    assert len(cluster.holders()) == 1
    assert cluster.holders() != [home]
    metrics = cluster.ask("GET", "/metrics", cluster.holders()[0]).text
    assert "crmd_detection_seconds_count 0.0" not in metrics, "nobody measured how long that took to be noticed"


def test_a_cut_off_machine_stops_its_service_and_joins_again(cluster: LayeredCluster) -> None:
    (home,) = cluster.holders()
    cluster.network[home].cut()
    try:
        until(lambda: home not in cluster.holders() and len(cluster.holders()) == 1,
              f"the service is not on one other node\n{cluster.logs()}")
        assert cluster.value(home)["quorate"] is False
    finally:
        cluster.network[home].heal()
    cluster.until_whole()
    cluster.settle()
    assert len(cluster.holders()) == 1


def test_a_killed_daemon_comes_back_and_its_service_is_not_touched(cluster: LayeredCluster) -> None:
    (home,) = cluster.holders()
    cluster.set_option("lease-timeout", "30s")  # however long this machine takes to start a daemon
    probe = Probe(cluster.network, cluster.address)
    daemon = _daemon(cluster, home)
    began = time.monotonic()
    os.kill(daemon, signal.SIGKILL)
    until(lambda: _daemon(cluster, home) not in (0, daemon), "nobody started the daemon again")
    time.sleep(1)
    cluster.until_whole()
    cluster.settle()
    probe.close()
    assert cluster.holders() == [home]
    cluster.set_option("lease-timeout", "5s")
    assert probe.silence_after(began) < 0.2
    assert not cluster.value()["failures"]


def test_a_move_leaves_one_holder(cluster: LayeredCluster) -> None:
    (home,) = cluster.holders()
    other = next(name for name in NAMES if name != home)
    cluster.move("web", other)
    until(lambda: cluster.holders() == [other], "the service did not move")
    cluster.settle()
    cluster.clear("web")
    cluster.settle()


def test_without_its_engine_a_node_has_no_quorum_and_comes_back_with_it(cluster: LayeredCluster) -> None:
    if cluster.kind == "embedded":
        pytest.skip("it has no engine")
    (home,) = cluster.holders()
    victims = [home] if cluster.kind == "corosync" else list(NAMES)
    for name in victims:
        for process in cluster.network[name].process_ids(cluster.kind):
            os.kill(process, signal.SIGKILL)
    until(lambda: cluster.value(home).get("quorate") is False, f"it believes in its quorum\n{cluster.logs()}")
    until(lambda: home not in cluster.holders(), "it did not stop its service")
    for name in victims:
        machine = cluster.network[name]
        start_corosync(machine) if cluster.kind == "corosync" else cluster.etcd.start_one(machine)
    cluster.until_whole(seconds=60)
    cluster.settle()
    until(lambda: len(cluster.holders()) == 1, "the service is not back")


def _daemon(cluster: LayeredCluster, name: str) -> int:
    """The process that does the work: the one of the two that are called crmd whose parent is the other."""
    machine = cluster.network[name]
    found = [process for process in machine.process_ids("python") + machine.process_ids("python3")
             + machine.process_ids("python3.11") if b"crm.cli.crmd" in _command(process)]
    return next((process for process in found if _parent(process) in found), 0)


def _parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
