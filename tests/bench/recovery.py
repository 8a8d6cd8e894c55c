"""A resource that fails where it runs, and one that is moved: how long clients are without it."""

from __future__ import annotations

import os
import re
import signal
import time

from crm.cli.demo.cluster import fetch
from tests.bench.tables import spread, table
from tests.system.cluster import RealCluster, running


def bench(repeat: int) -> None:
    with running() as cluster:
        failed = [_fail(cluster) for _ in range(repeat)]
        moved = [_move(cluster) for _ in range(repeat)]
    rows = [
        spread("detected to answering", [after for _, after in failed]),
        spread("killed to answering (monitor every 2 s)", [before + after for before, after in failed]),
        spread("move: time without service", moved),
    ]
    table(("ms", "minimum", "median", "maximum"), rows)


def _fail(cluster: RealCluster) -> tuple[float, float]:
    """Milliseconds from the kill of the server to its detection, and from there to the next answer."""
    port = cluster.machines.layout.web_port
    found = re.search(r"process (\d+)", fetch(port))
    assert found is not None
    os.kill(int(found[1]), signal.SIGKILL)
    began = time.monotonic()
    detected = None
    while True:
        now = time.monotonic()
        if detected is None and _failure_seen(cluster):
            detected = now
        if "is served by" in fetch(port):
            end = time.monotonic()
            break
        time.sleep(0.005)
    cluster.settle()
    cluster.ask("node1", "POST", "/v1/cluster/cleanup")
    cluster.settle()
    detected = detected or end
    return (detected - began) * 1000, (end - detected) * 1000


def _failure_seen(cluster: RealCluster) -> bool:
    value = cluster.value()
    return value is not None and any(failure["operation"] == "monitor" for failure in value["failures"])


def _move(cluster: RealCluster) -> float:
    """Milliseconds in which the page was not served."""
    home = cluster.serving()
    other = next(node.name for node in cluster.machines.layout.nodes if node.name != home)
    body = f'{{"node": "{other}"}}'.encode()
    cluster.ask(other, "POST", "/v1/resources/web/move", body=body, content_type="application/json")
    away = None
    while True:
        serving = cluster.serving()
        now = time.monotonic()
        if serving is None and away is None:
            away = now
        if serving == other:
            break
        time.sleep(0.002)
    cluster.settle()
    cluster.ask(other, "POST", "/v1/resources/web/clear")
    cluster.settle()
    return (now - away) * 1000 if away is not None else 0.0
