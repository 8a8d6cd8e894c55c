"""`python -m crm.testing`: hunts for seeds on which a cluster breaks a promise, as long as one likes.

    --seeds N [--from S]     so many seeds
    --hours H                until the time is over
    --seed S --story         one seed, told in full
    --shrink                 with --seed: the fewest faults with which it still fails
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from crm.testing.fault_catalogue import SLOW
from crm.testing.fuzz import FAULTS_PER_SEED, SCENARIOS, FuzzTally, run_seed, shrink, tell_seed

_REPORT_EVERY_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 if a promise was broken."""
    options = _parser().parse_args(arguments)
    if options.seed is not None:
        return _one(options)
    tally = _hunt(options)
    print("\n".join(summary(tally)))
    return 1 if tally.found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m crm.testing", description="Hunt for broken promises.")
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many seeds (default 200)")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="S", help="the first seed (default 0)")
    parser.add_argument("--hours", type=float, metavar="H", help="until the time is over, instead of --seeds")
    parser.add_argument("--faults", type=int, default=FAULTS_PER_SEED, metavar="N", help="faults per seed")
    parser.add_argument("--scenario", choices=list(SCENARIOS), default="varied",
                        help="varied: another kind of cluster for each seed (default); plain: always the same; "
                        "slow: varied, with slow agents; harsh: varied, with failing disks and repeated messages; "
                        "reading: harsh, with clients whose reads must be as new as their questions; "
                        "links: plain, with the real agreement on views over links that are cut; "
                        "leases: plain without fencing, where nodes stop what they run before others start it; "
                        "terms: leases, whose terms change, and fencing comes and goes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    parser.add_argument("--seed", type=int, metavar="S", help="only this seed")
    parser.add_argument("--story", action="store_true", help="with --seed: tell all that happened")
    parser.add_argument("--shrink", action="store_true", help="with --seed: find fewer faults that do")
    return parser


def _one(options: argparse.Namespace) -> int:
    count = shrink(options.seed, options.faults, options.scenario) if options.shrink else options.faults
    if options.shrink:
        print(f"seed {options.seed} needs {count} faults (--faults {count})")
    if options.story:
        print("\n".join(tell_seed(options.seed, count, options.scenario)))
    tally = run_seed(options.seed, count, options.scenario)
    for found in tally.found:
        print(found.story)
    print("\n".join(summary(tally)))
    return 1 if tally.found else 0


def _hunt(options: argparse.Namespace) -> FuzzTally:
    began = told = time.monotonic()
    total = FuzzTally()
    with ProcessPoolExecutor(options.jobs, initializer=_collect_seldom) as pool:
        try:
            for tally in _results(pool, options, began):
                total.add(tally)
                total.wall_s = time.monotonic() - began
                _tell_finds(tally, options)
                if time.monotonic() - told > _REPORT_EVERY_S:
                    told = time.monotonic()
                    print("\n".join(summary(total)), flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            print("stopped; so far:")
    return total


def _tell_finds(tally: FuzzTally, options: argparse.Namespace) -> None:
    for found in tally.found:
        print(f"{found.story}\nsee all of it: python -m crm.testing --scenario {options.scenario} "
              f"--seed {found.seed} --faults {options.faults} --story\n", flush=True)


def _collect_seldom() -> None:
    """Garbage of a simulated cluster comes in large pieces: look for it between seeds, never among what is imported."""
    gc.freeze()
    gc.disable()


def _run(seed: int, count: int, scenario_name: str) -> FuzzTally:
    tally = run_seed(seed, count, scenario_name)
    gc.collect()
    return tally


def _results(pool: ProcessPoolExecutor, options: argparse.Namespace, began: float) -> Iterator[FuzzTally]:
    """Each seed's tally, in the order of the seeds; the next batch is begun while there is time."""
    run = partial(_run, count=options.faults, scenario_name=options.scenario)
    if options.hours is None:
        yield from pool.map(run, range(options.first, options.first + options.seeds))
        return
    size = 8 * options.jobs
    for start in itertools.count(options.first, size):
        if time.monotonic() - began > options.hours * 3600:
            return
        yield from pool.map(run, range(start, start + size))


def summary(tally: FuzzTally) -> Iterator[str]:
    """What a hunt has come to, for people."""
    hours = tally.simulated_s / 3600
    rate = hours / (tally.wall_s / 3600) if tally.wall_s else 0.0
    per_seed = tally.cpu_s / tally.seeds if tally.seeds else 0.0
    yield (f"{tally.seeds} seeds, {tally.faults.total()} faults, {hours:.1f} simulated hours "
           f"in {tally.wall_s:.0f} s ({rate:.0f} simulated hours per hour; {per_seed:.2f} s of CPU per seed)")
    yield "  " + ", ".join(f"{name} {tally.faults[name]}" for name, _, _ in SLOW.entries if tally.faults[name])
    if tally.found:
        broken = ", ".join(f"{found.seed} ({found.promise})" for found in tally.found)
        yield f"  BROKEN: {broken}"
    else:
        yield "  no promise was broken"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # Whoever reads has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
