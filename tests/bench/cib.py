"""Acknowledged changes of the CIB: each is on the disks of a majority when it counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench.tables import spread, table
from tests.system.cluster import RealCluster, running


def bench(repeat: int) -> None:
    rows = []
    with running(example=False) as cluster:
        for clients in (1, 16):
            rows.append(_rest(cluster, repeat, clients))
        rows.append(_cibadmin(cluster, min(repeat, 30)))
    table(("", "changes/s", "ms minimum", "median", "maximum"), rows)


def _rest(cluster: RealCluster, repeat: int, clients: int) -> tuple[str, ...]:
    names = [node.name for node in cluster.machines.layout.nodes]

    def change(number: int) -> float:
        began = time.monotonic()
        name = names[number % len(names)]
        cluster.ask(name, "PATCH", "/v1/cib", body=_edit(clients, number), content_type="application/json")
        return (time.monotonic() - began) * 1000

    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        latencies = list(pool.map(change, range(repeat)))
    rate = repeat / (time.monotonic() - began)
    name, *figures = spread(f"REST, {clients} at a time, any node", latencies, 1)
    return (name, f"{rate:.0f}", *figures)


def _edit(series: int, number: int) -> bytes:
    pair = f'<nvpair id="bench-{number % 10}" name="bench-{number % 10}" value="{series}-{number}"/>'
    xml = f'<cluster_property_set id="bench">{pair}</cluster_property_set>'
    return json.dumps({"verb": "upsert", "section": "crm_config", "xml": xml}).encode()


def _cibadmin(cluster: RealCluster, repeat: int) -> tuple[str, ...]:
    environment = os.environ | {"CRMD_SOCKET": str(cluster.machines.files("node1").socket)}
    latencies = []
    for number in range(repeat):
        xml = json.loads(_edit(0, number))["xml"]
        command = [sys.executable, "-m", "crm.cli.pacemaker.cibadmin", "-M", "-c", "-o", "crm_config", "-X", xml]
        began = time.monotonic()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        latencies.append((time.monotonic() - began) * 1000)
    name, *figures = spread("cibadmin, one after the other", latencies, 1)
    return (name, f"{1000 / (sum(latencies) / len(latencies)):.0f}", *figures)
