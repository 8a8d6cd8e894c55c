"""Failover by kind of trouble, with fencing and without: until a service of the lost node is active on another one.

Three machines in network namespaces. The power switch is a fence device that acts at once, so what is measured is the
cluster; a real device adds what it takes. Without fencing the old place may still be active: then a service is away
until the node has given it up and the others may have it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from tests.bench.tables import spread, table
from tests.system.machines import missing, until
from tests.system.room import Room, room

TROUBLES: dict[str, Callable[[Room, str], None]] = {
    "power loss": lambda cluster, name: cluster.power_off(name),
    "cut link": lambda cluster, name: cluster.split([name], [other for other in cluster.names if other != name]),
    "frozen process": lambda cluster, name: cluster.signal_daemon(name, signal.SIGSTOP, whole=True),
}


def bench(repeat: int) -> None:
    reason = missing()
    if reason:
        print(f"  left out: it {reason}")
        return
    rows = []
    with room(3) as cluster:
        for fencing in (True, False):
            cluster.ask("PUT", "/v1/cib", query={"section": "configuration"},
                        body=cluster.trouble_configuration(fencing).encode())
            cluster.until_peace()
            for name, trouble in TROUBLES.items():
                if fencing or name != "frozen process":  # Nobody can end what is frozen: it would go on twice.
                    taken = [_failover(cluster, trouble) for _ in range(repeat)]
                    rows.append(spread(f"{name}, {'with' if fencing else 'without'} fencing", taken))
        twice = cluster.twice
    table(("ms", "minimum", "median", "maximum"), rows)
    print(f"  active on two machines at once, looked at every 10 ms: {len(twice)} times")


def _failover(cluster: Room, trouble: Callable[[Room, str], None]) -> float:
    """Milliseconds until `three` is active elsewhere, and nowhere else."""
    (home,) = cluster.active("three")
    began = time.monotonic()
    trouble(cluster, home)
    until(lambda: cluster.active("three") not in ([], [home]) and home not in cluster.active("three"),
          "nobody took over", 60.0, 0.002)
    taken = (time.monotonic() - began) * 1000
    cluster.mend()
    cluster.until_peace()
    return taken
