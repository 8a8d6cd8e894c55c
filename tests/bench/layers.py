"""The message layers side by side, and Pacemaker on corosync with the same corosync.conf, on the same three machines.

An address and a Dummy in a group; the address is asked for from a fourth network every few milliseconds. Each column is
a cluster of its own, made anew, one after the other.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.bench.tables import table
from tests.system import layered, pacemaker
from tests.system.layered import LAYERS, NAMES, LayeredCluster, Probe, cluster_on
from tests.system.machines import until

_IDLE_S = 10
_CHANGES = 20
Figures = dict[str, list[float]]


def bench(repeat: int) -> None:
    """`repeat` failovers, cuts and moves for each column; figures are minimum / median / maximum."""
    columns = {name: figures for name, figures in _columns(repeat) if figures}
    if not columns:
        return
    reference = columns.get("Pacemaker", {})
    rows = []
    for name in next(iter(columns.values())):
        cells = [_cell(figures.get(name, []), reference.get(name, [])) for figures in columns.values()]
        rows.append((name, *cells))
    print()
    table(("minimum / median / maximum (share of Pacemaker)", *columns), rows)


def _columns(repeat: int) -> Iterator[tuple[str, Figures]]:
    for kind in LAYERS:
        yield kind, _measured(kind, layered.why_not(kind), lambda kind=kind: cluster_on(kind), repeat)
    yield "Pacemaker", _measured("Pacemaker", pacemaker.why_not(), pacemaker.pacemaker, repeat)


def _measured(name: str, reason: str, make: Callable[[], AbstractContextManager[LayeredCluster]],
              repeat: int) -> Figures:
    if reason:
        print(f"  {name}: left out, it {reason}", flush=True)
        return {}
    figures: Figures = {}
    with make() as cluster:
        cluster.load()
        _at_rest(cluster)
        figures["failover after power loss, s"] = [_failover(cluster) for _ in range(repeat)]
        figures["failover after a cut link, s"] = [_cut(cluster) for _ in range(repeat)]
        figures["planned move, s without service"] = [_move(cluster) for _ in range(repeat)]
        figures["cold start to serving, s"] = [_cold_start(cluster)]
        figures["CIB changes by cibadmin, ms each"] = _changes(cluster)
        figures["memory of a node, MB"], figures["CPU of a node at rest, %"] = _rest(cluster)
    for count in (100, 300):
        with make() as cluster:
            figures[f"{count} Dummies from nothing, s"] = [_dummies(cluster, count)]
    said = "; ".join(f"{row} {_cell(values, [])}" for row, values in figures.items())
    print(f"  {name}: {said}", flush=True)
    return figures


def _at_rest(cluster: LayeredCluster) -> str:
    """Wait until all are here and idle; the name of the machine that serves."""
    for machine in cluster.network:
        if machine.process_id is None:
            cluster.boot(machine.name)
    cluster.until_whole(seconds=90)
    until(lambda: len(cluster.holders()) == 1, f"nobody serves\n{cluster.logs()}", 60.0)
    cluster.settle()
    return cluster.holders()[0]


def _failover(cluster: LayeredCluster) -> float:
    home = _at_rest(cluster)
    return _time_away(cluster, cluster.network[home].kill)


def _cut(cluster: LayeredCluster) -> float:
    home = _at_rest(cluster)
    try:
        return _time_away(cluster, cluster.network[home].cut)
    finally:
        cluster.network[home].heal()


def _time_away(cluster: LayeredCluster, happen: Callable[[], None]) -> float:
    probe = Probe(cluster.network, cluster.address)
    until(lambda: probe.up, "the address does not answer")
    began = time.monotonic()
    happen()
    until(lambda: probe.back_after(began) is not None, "the service did not come back", 60.0)
    probe.close()
    return probe.back_after(began) or 0.0


def _move(cluster: LayeredCluster) -> float:
    home = _at_rest(cluster)
    other = next(name for name in NAMES if name != home)
    probe = Probe(cluster.network, cluster.address)
    until(lambda: probe.up, "the address does not answer")
    began = time.monotonic()
    cluster.move("web", other)
    until(lambda: cluster.holders() == [other] and probe.up, "the service did not move")
    cluster.settle()
    probe.close()
    cluster.clear("web")
    return probe.silence_after(began)


def _cold_start(cluster: LayeredCluster) -> float:
    _at_rest(cluster)
    for machine in cluster.network:
        machine.kill()
    for machine in cluster.network:
        machine.boot()
    probe = Probe(cluster.network, cluster.address)
    began = time.monotonic()
    cluster.start_engines()
    for machine in cluster.network:
        cluster.start_daemon(machine)
    until(lambda: probe.up, "the service did not come back", 90.0)
    taken = time.monotonic() - began
    probe.close()
    return taken


def _changes(cluster: LayeredCluster) -> list[float]:
    _at_rest(cluster)
    taken = []
    for number in range(_CHANGES):
        began = time.monotonic()
        cluster.change(number)
        taken.append((time.monotonic() - began) * 1000)
    return taken


def _rest(cluster: LayeredCluster) -> tuple[list[float], list[float]]:
    """Of all processes of each machine, engine included."""
    _at_rest(cluster)
    time.sleep(2)
    before = {machine.name: _processor_seconds(machine.process_id) for machine in cluster.network}
    time.sleep(_IDLE_S)
    used = [(_processor_seconds(machine.process_id) - before[machine.name]) / _IDLE_S * 100
            for machine in cluster.network]
    return [_megabytes(machine.process_id) for machine in cluster.network], used


def _dummies(cluster: LayeredCluster, count: int) -> float:
    began = time.monotonic()
    cluster.load(dummies=count)
    until(lambda: cluster.started() == count, f"{count} Dummies did not start", 240.0, 0.25)
    return time.monotonic() - began


def _cell(values: list[float], reference: list[float]) -> str:
    if not values:
        return "-"
    median = statistics.median(values)
    text = " / ".join(_short(value) for value in ((min(values), median, max(values)) if len(values) > 1 else (median,)))
    if reference and reference is not values and statistics.median(reference):
        text += f" ({median / statistics.median(reference):.2f})"
    return text


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _inside(first: int | None) -> Iterator[int]:
    """The processes of a machine, as seen from outside."""
    space = Path(f"/proc/{first}/ns/pid").readlink()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.name != str(first) and (entry / "ns/pid").readlink() == space:
                yield int(entry.name)
        except OSError:
            continue


def _processor_seconds(first: int | None) -> float:
    ticks = 0
    for process in _inside(first):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _megabytes(first: int | None) -> float:
    """Memory that would be free without them (proportional shares)."""
    total = 0
    for process in _inside(first):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024
