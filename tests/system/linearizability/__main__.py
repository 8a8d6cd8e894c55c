"""`python -m tests.system.linearizability --seconds 300 --runs 10 [--seed S]`: exit status 1 if anything was broken."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.system.linearizability.cluster import run
from tests.system.machines import missing


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.system.linearizability",
                                     description="Real daemons in trouble, and an exact judge of what clients heard.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each run lasts")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first run")
    parser.add_argument("--runs", type=int, default=1, help="how many, with one seed after the other")
    parser.add_argument("--keep", type=Path, default=Path("linearizability-logs"), help="where logs go")
    options = parser.parse_args()
    if missing():
        print(missing(), file=sys.stderr)
        return 2
    bad = 0
    for seed in range(options.seed, options.seed + options.runs):
        print(f"seed {seed}", flush=True)
        verdict = run(seed, options.seconds, lambda line: print(f"  {line}", flush=True), options.keep / str(seed))
        print(f"  {verdict.summary}", flush=True)
        for line in verdict.broken[:20]:
            print(f"  BROKEN {line}", flush=True)
        bad += bool(verdict.broken)
    print(f"{options.runs} runs, {f'{bad} of them broken' if bad else 'nothing was broken'}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
