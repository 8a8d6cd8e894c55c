"""From nothing to running: a cold start of the demo's cluster, and many Dummy resources at once."""

from __future__ import annotations

import shutil
import time

from crm.cli.demo.layout import lay_out, short_folder
from crm.cli.demo.machine import Machines
from tests.bench.tables import table
from tests.system.cluster import RealCluster, running

SIZES = (100, 300)


def bench(_repeat: int) -> None:
    rows: list[tuple[str, str]] = [("cold start to the service answering", f"{_cold_start():.1f}")]
    for size in SIZES:
        with running(example=False) as cluster:
            rows.append((f"{size} Dummy resources to all started", f"{_start(cluster, size):.1f}"))
    table(("", "seconds"), rows)


def _cold_start() -> float:
    """Three nodes that know their CIB are booted at once."""
    folder = short_folder()
    cluster = RealCluster(Machines(lay_out(folder, 3)))
    try:
        cluster.boot()
        cluster.load()
        cluster.until(lambda: cluster.serving() is not None, "the service did not answer")
        cluster.settle()
        for name in list(cluster.machines.running):
            cluster.machines.kill(name)
        began = time.monotonic()
        for node in cluster.machines.layout.nodes:
            cluster.machines.start(node.name)
        cluster.until(lambda: cluster.serving() is not None, "the service did not answer")
        return time.monotonic() - began
    finally:
        cluster.machines.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _start(cluster: RealCluster, size: int) -> float:
    dummies = "".join(
        f'<primitive id="d{number}" class="ocf" provider="crmd" type="Dummy"><operations>'
        f'<op id="d{number}-monitor" name="monitor" interval="30s"/></operations></primitive>'
        for number in range(size)
    )
    off = '<nvpair id="o1" name="fencing-enabled" value="false"/>'
    configuration = (
        f'<configuration><crm_config><cluster_property_set id="o">{off}</cluster_property_set></crm_config>'
        f"<nodes/><resources>{dummies}</resources><constraints/></configuration>"
    )
    began = time.monotonic()
    query = {"section": "configuration"}
    cluster.ask("node1", "PUT", "/v1/cib", query=query, body=configuration.encode())
    cluster.until(lambda: _started(cluster) == size, f"{size} resources did not start", 120.0)
    return time.monotonic() - began


def _started(cluster: RealCluster) -> int:
    time.sleep(0.5)
    value = cluster.value()
    return sum(1 for resource in value["resources"] if resource["role"] == "Started") if value else 0
