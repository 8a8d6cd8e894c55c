"""What the invariants cost: the events of one node of a simulated cluster, handled again and again.

    python -m tests.bench.invariants [--seed N] [--rounds N]

Of each event the shortest time counts, so that a busy machine changes little.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from crm.controller import Controller, events
from crm.testing import World
from crm.testing.fuzz import SCENARIOS, live_through

Handled = list[tuple[events.Event, float]]


@dataclass(slots=True)
class Recording:
    """What one start of a node's controller was made of, and what it has handled since."""

    made_of: tuple[Any, ...]
    handled: Handled = field(default_factory=list)


def record(seed: int, scenario: str) -> list[Recording]:
    """All controllers of a seed."""
    recordings: dict[int, Recording] = {}
    made, handle = Controller.__init__, Controller.handle

    def init(self: Controller, *made_of: Any) -> None:
        made(self, *made_of)
        recordings[id(self)] = Recording(made_of)
        kept.append(self)  # so that no id is used twice

    def handled(self: Controller, event: events.Event, now: float) -> Any:
        recordings[id(self)].handled.append((event, now))
        return handle(self, event, now)

    kept: list[Controller] = []
    Controller.__init__, Controller.handle = init, handled  # type: ignore[method-assign]
    try:
        world: World = SCENARIOS[scenario].make(seed)
        live_through(world, catalogue=SCENARIOS[scenario].catalogue)
    finally:
        Controller.__init__, Controller.handle = made, handle  # type: ignore[method-assign]
    return sorted(recordings.values(), key=lambda each: -len(each.handled))


def again(recording: Recording) -> tuple[list[int], list[int]]:
    """How long it takes to handle each event again, and to check it, in nanoseconds."""
    controller, took, checked = Controller(*recording.made_of), [], []
    check = controller._invariants.check

    def timed() -> None:
        began = time.perf_counter_ns()
        check()
        checked.append(time.perf_counter_ns() - began)

    controller._invariants.check = timed  # type: ignore[method-assign]
    for event, now in recording.handled:
        began = time.perf_counter_ns()
        controller.handle(event, now)
        took.append(time.perf_counter_ns() - began)
    return took, checked


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.invariants", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", default="plain", choices=list(SCENARIOS))
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(arguments)
    recording = record(options.seed, options.scenario)[0]
    took, checked = again(recording)
    gc.disable()
    for _ in range(options.rounds - 1):
        both = again(recording)
        took, checked = list(map(min, took, both[0])), list(map(min, checked, both[1]))
        gc.collect()
    each_us, for_them_us = (sum(times) / len(times) / 1000 for times in (took, checked))
    print(f"{len(took)} events: {each_us:.2f} µs each, {for_them_us:.2f} µs of them for invariants: "
          f"{100 * for_them_us / each_us:.2f} %")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
