"""Failover: the serving node is killed as by a power cut, again and again."""

from __future__ import annotations

from crm.cli.demo.failover import FailoverTimeline, fail_over
from tests.bench.tables import spread, table
from tests.system.cluster import running


def bench(repeat: int) -> None:
    timelines: list[FailoverTimeline] = []
    with running() as cluster:
        for _ in range(repeat):
            timelines.append(fail_over(cluster))
            cluster.machines.start(timelines[-1].victim)
            cluster.until(lambda: len((cluster.value() or {"members": []})["members"]) == 3, "a node did not come back")
            cluster.settle()
    steps: dict[str, list[tuple[float | None, float | None]]] = {
        "detection": [(0.0, line.detected_ms) for line in timelines],
        "election and planning": [(line.detected_ms, line.planned_ms) for line in timelines],
        "execution": [(line.planned_ms, line.answering_ms) for line in timelines],
        "killed to answering": [(0.0, line.answering_ms) for line in timelines],
    }
    rows = [
        spread(name, [end - begin for begin, end in pairs if begin is not None and end is not None])
        for name, pairs in steps.items()
    ]
    table(("ms", "minimum", "median", "maximum"), rows)
