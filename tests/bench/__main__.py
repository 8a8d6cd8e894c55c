"""`python -m tests.bench NAME [--repeat N]`: one entry for every bench."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from tests.bench import api, cib, dummies, failover, fencing, idle, layers, plan, recovery, services, startup, tables

BENCHES: dict[str, tuple[Callable[[int], None], int, str]] = {
    "failover": (failover.bench, 10, "killed node to service back, and where the time goes"),
    "recovery": (recovery.bench, 10, "a failed resource, from its detection to running again; a planned move"),
    "api": (api.bench, 3, "requests/s for status and writes, without and with 100 event listeners (seconds each)"),
    "cib": (cib.bench, 300, "acknowledged CIB changes per second and their latency, by REST and by cibadmin"),
    "dummies": (dummies.bench, 1, "100 and 300 Dummy resources from nothing to all started; cold start"),
    "fencing": (fencing.bench, 5, "failover by kind of trouble, with fencing and without (needs root)"),
    "idle": (idle.bench, 20, "memory and CPU of an idle node (seconds to watch)"),
    "layers": (layers.bench, 3, "the same on every message layer, and Pacemaker on corosync (needs root)"),
    "plan": (plan.bench, 3, "planning, whole process, beside an installed Pacemaker"),
    "services": (services.bench, 5, "what clients of real services lose, beside Pacemaker (needs root)"),
    "startup": (startup.bench, 10, "how long each command takes to start"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", allow_abbrev=False)
    parser.add_argument(
        "name", nargs="+", choices=[*BENCHES, "all"], help="; ".join(f"{n}: {b[2]}" for n, b in BENCHES.items())
    )
    parser.add_argument("--repeat", type=int, help="how often, or how many")
    options = parser.parse_args()
    quick = [name for name in BENCHES if name not in ("layers", "fencing", "services")]
    names = quick if "all" in options.name else options.name
    for name in names:
        bench, repeat, title = BENCHES[name]
        tables.heading(name, title)
        bench(options.repeat or repeat)
    return 0


if __name__ == "__main__":
    sys.exit(main())
