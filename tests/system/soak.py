"""Real processes in trouble for hours: `python -m tests.system.soak --hours 2 --nodes 5 [--seed S]`. Needs root.

Round by round some troubles by chance, then peace and the audit of `tests.system.room`; ends with the first broken
promise and keeps the logs. Says how long it took until there was peace.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.system.machines import missing
from tests.system.room import UNIQUE, Room, room

Trouble = Callable[[Room, random.Random, str], None]


def _power_off(cluster: Room, chance: random.Random, name: str) -> None:
    cluster.power_off(name)


def _kill(cluster: Room, chance: random.Random, name: str) -> None:
    cluster.signal_daemon(name, signal.SIGKILL)


def _kill_supervisor(cluster: Room, chance: random.Random, name: str) -> None:
    cluster.kill_supervisor(name)


def _kill_agents(cluster: Room, chance: random.Random, name: str) -> None:
    """Whatever agents do with one resource now, on any machine."""
    resource = chance.choice(UNIQUE)
    for operation in ("start", "stop", "monitor"):
        for _, process in cluster.agents(operation, resource):
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)


def _freeze(cluster: Room, chance: random.Random, name: str) -> None:
    cluster.signal_daemon(name, signal.SIGSTOP, whole=True)


def _spoil_disk(cluster: Room, chance: random.Random, name: str) -> None:
    cluster.spoil_disk(name)


def _leave(cluster: Room, chance: random.Random, name: str) -> None:
    cluster.leave(name)


def _deafen(cluster: Room, chance: random.Random, name: str) -> None:
    cluster.deafen(name, chance.choice([other for other in cluster.names if other != name]))


def _split(cluster: Room, chance: random.Random, name: str) -> None:
    names = list(cluster.names)
    chance.shuffle(names)
    cuts = sorted(chance.sample(range(1, len(names)), chance.randint(1, min(2, len(names) - 1))))
    cluster.split(*(names[left:right] for left, right in zip([0, *cuts], [*cuts, len(names)], strict=True)))


def _mend(cluster: Room, chance: random.Random, name: str) -> None:
    cluster.mend()


TROUBLES: tuple[Trouble, ...] = (_power_off, _kill, _kill, _kill_supervisor, _kill_agents, _freeze, _spoil_disk,
                                 _leave, _deafen, _split, _mend)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.soak", description="Real processes in trouble.")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(arguments)
    if missing():
        print(missing(), file=sys.stderr)
        return 2
    print(f"seed {options.seed}", flush=True)
    with room(options.nodes) as cluster:
        return _rounds(cluster, random.Random(options.seed), time.monotonic() + options.hours * 3600)


def _rounds(cluster: Room, chance: random.Random, end: float) -> int:
    counted: Counter[str] = Counter()
    peace_s: list[float] = []
    number = 0
    while time.monotonic() < end:
        number += 1
        told = _trouble(cluster, chance, counted)
        cluster.mend()
        began = time.monotonic()
        try:
            cluster.until_peace()
            cluster.clean_up()  # a start that was killed keeps its resource away from there until somebody says so
            cluster.audit()
        except AssertionError as error:
            print(f"round {number}: {told}\n{error}\nlogs: {_keep_logs(cluster)}", flush=True)
            return 1
        peace_s.append(time.monotonic() - began)
        print(f"round {number}: {told}: peace after {peace_s[-1]:.1f} s", flush=True)
    print(f"{number} rounds, {dict(counted)}; peace after {min(peace_s):.1f} / {statistics.median(peace_s):.1f} / "
          f"{max(peace_s):.1f} s (minimum, median, maximum); {len(cluster.fenced)} fencings; no promise was broken")
    return 0


def _trouble(cluster: Room, chance: random.Random, counted: Counter[str]) -> str:
    told = []
    for _ in range(chance.randint(1, 5)):
        trouble, name = chance.choice(TROUBLES), chance.choice(cluster.names)
        word = trouble.__name__.removeprefix("_").replace("_", " ")
        counted[word] += 1
        told.append(f"{word} {name}")
        trouble(cluster, chance, name)
        time.sleep(chance.choice([0.05, 0.5, 2.0, 6.0]))
    return ", ".join(told)


def _keep_logs(cluster: Room) -> Path:
    kept = Path(f"soak-{int(time.time())}")
    kept.mkdir()
    for machine in cluster.network:
        shutil.copy(machine.disk / "crmd.log", kept / f"{machine.name}.log")
    return kept


if __name__ == "__main__":
    sys.exit(main())
