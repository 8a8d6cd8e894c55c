"""`python -m tests.mutants`: apply each mutant to a copy of the tree, run what must notice it, tell which survived.

    --list         names, files, and what must notice
    --only NAME    those whose names begin with it (may be given again)
    --jobs N       so many at once (default 2), each in a copy of its own
    --sound        first run all of those tests without any mutant: they must pass
    --folder F     where the copies are made (default: .mutants in the tree)

Exit status 1 if one survived, was too old to be applied, or could not be tried.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.mutants import MUTANTS, Hunt, Mutant

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 600
_LEFT_OUT = shutil.ignore_patterns(".git", ".mutants", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache",
                                   ".pytest_cache", ".hypothesis", "node_modules")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _parser().parse_args(arguments)
    chosen = [each for each in MUTANTS if not options.only or each.name.startswith(tuple(options.only))]
    if options.list:
        print("\n".join(f"{each.name:32} {each.file:44} {_told(each.by)}" for each in chosen))
        return 0
    stale = [problem for each in chosen if (problem := each.problem(ROOT))]
    if stale:
        print("\n".join(stale))
        return 1
    copies = _copies(options.folder, options.jobs)
    if options.sound and not _sound(chosen, copies):
        return 1
    return _try_all(chosen, copies, options.jobs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Whether the tests notice breaks.")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--sound", action="store_true")
    parser.add_argument("--folder", type=Path, default=ROOT / ".mutants", metavar="F")
    return parser


def _copies(folder: Path, count: int) -> queue.Queue[Path]:
    copies: queue.Queue[Path] = queue.Queue()
    for number in range(count):
        copy = folder / str(number)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
        copies.put(copy)
    return copies


def _sound(chosen: list[Mutant], copies: queue.Queue[Path]) -> bool:
    """Whether everything passes as it is; else nothing that fails would mean anything."""
    tests = dict.fromkeys(test for each in chosen if not isinstance(each.by, Hunt) for test in each.by)
    hunts = dict.fromkeys(each.by for each in chosen if isinstance(each.by, Hunt))
    copy = copies.get()
    verdicts = {str(by): _run(copy, by) for by in ((tuple(tests),) if tests else ()) + tuple(hunts)}
    copies.put(copy)
    for by, verdict in verdicts.items():
        if verdict != "SURVIVED":
            print(f"without any mutant: {verdict}: {by}")
    return all(verdict == "SURVIVED" for verdict in verdicts.values())


def _try_all(chosen: list[Mutant], copies: queue.Queue[Path], jobs: int) -> int:
    verdicts: dict[str, str] = {}
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(_try, each, copies): each for each in chosen}
        for done in as_completed(running):
            each, (verdict, seconds) = running[done], done.result()
            verdicts[each.name] = verdict
            print(f"{len(verdicts):3}/{len(chosen)} {verdict:9} {seconds:5.1f} s  {each.name}  ({_told(each.by)})",
                  flush=True)
    bad = [f"{name}: {verdict}" for name, verdict in verdicts.items() if verdict != "killed"]
    print(f"{len(chosen) - len(bad)} of {len(chosen)} mutants were noticed" + "".join(f"\n  {line}" for line in bad))
    return 1 if bad else 0


def _try(mutant: Mutant, copies: queue.Queue[Path]) -> tuple[str, float]:
    copy = copies.get()
    began = time.monotonic()
    try:
        mutant.apply(copy)
        return _run(copy, mutant.by), time.monotonic() - began
    finally:
        shutil.copyfile(ROOT / mutant.file, copy / mutant.file)
        copies.put(copy)


def _run(copy: Path, by: tuple[str, ...] | Hunt) -> str:
    """killed, SURVIVED, or ERROR (nothing could be run, as when the mutant is no Python)."""
    if isinstance(by, Hunt):
        command = ["-m", "crm.testing", "--scenario", by.scenario, "--seeds", str(by.seeds), "--from", str(by.first),
                   "--jobs", "1"]
    else:
        command = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout", "120", *by]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        status = subprocess.run([sys.executable, *command], cwd=copy, env=environment, stdin=subprocess.DEVNULL,
                                capture_output=True, timeout=LIMIT_S).returncode
    except subprocess.TimeoutExpired:
        return "killed"
    return {0: "SURVIVED", 1: "killed"}.get(status, f"ERROR {status}")


def _told(by: tuple[str, ...] | Hunt) -> str:
    return f"hunt: {by.scenario}, {by.seeds} seeds from {by.first}" if isinstance(by, Hunt) else " ".join(by)


if __name__ == "__main__":
    sys.exit(main())
