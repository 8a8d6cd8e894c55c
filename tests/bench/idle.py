"""What a node at rest costs: memory and CPU of all its processes but the services themselves."""

from __future__ import annotations

import os
import time
from pathlib import Path

from crm.cli.demo.machine import daemon_of
from tests.bench.tables import table
from tests.system.cluster import running


def bench(seconds: int) -> None:
    with running() as cluster:
        time.sleep(2)
        processes = {name: (process.pid, daemon_of(process.pid)) for name, process in cluster.machines.running.items()}
        before = {name: sum(map(_cpu_seconds, pair)) for name, pair in processes.items()}
        time.sleep(seconds)
        rows = []
        for name, pair in processes.items():
            used = (sum(map(_cpu_seconds, pair)) - before[name]) / seconds * 100
            role = "DC" if (cluster.value() or {}).get("dc") == name else ""
            rows.append(
                (
                    name,
                    role,
                    *(f"{sum(_memory(process, kind) for process in set(pair)):.0f}" for kind in ("Rss", "Pss")),
                    f"{used:.2f}",
                )
            )
    table(("node", "role", "MB resident", "MB own share", f"% of a core over {seconds} s"), rows)


def _cpu_seconds(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process_id: int, kind: str) -> float:
    for line in Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1024
    return 0.0
