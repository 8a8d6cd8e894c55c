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
import shutil
import sys
import time
from collections.abc import Sequence
from multiprocessing import connection, get_context
from pathlib import Path

import fastapi  # noqa: F401  # loaded here once, see _Trial
import hypothesis  # noqa: F401
import lxml.etree  # noqa: F401
import networkx  # noqa: F401
import pydantic  # noqa: F401
import pytest

from tests.mutants import MUTANTS, Hunt, Mutant

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 600
KILLED, SURVIVED = "killed", "SURVIVED"
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
    if options.sound and not _sound(chosen, copies[0]):
        return 1
    return _try_all(chosen, copies)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Whether the tests notice breaks.")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--sound", action="store_true")
    parser.add_argument("--folder", type=Path, default=ROOT / ".mutants", metavar="F")
    return parser


def _copies(folder: Path, count: int) -> list[Path]:
    copies = [folder / str(number) for number in range(count)]
    for copy in copies:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
    return copies


def _sound(chosen: list[Mutant], copy: Path) -> bool:
    """Whether everything passes as it is; else nothing that fails would mean anything."""
    tests = tuple(dict.fromkeys(test for each in chosen if not isinstance(each.by, Hunt) for test in each.by))
    wanted: list[tuple[str, ...] | Hunt] = [tests] if tests else []
    wanted += dict.fromkeys(each.by for each in chosen if isinstance(each.by, Hunt))
    found = {by: _Trial(copy, by).verdict() for by in wanted}
    for by, verdict in found.items():
        if verdict != SURVIVED:
            print(f"without any mutant: {verdict}: {_told(by)}")
    return all(verdict == SURVIVED for verdict in found.values())


def _try_all(chosen: list[Mutant], copies: list[Path]) -> int:
    verdicts: dict[str, str] = {}
    waiting, free, running = list(reversed(chosen)), list(copies), dict[int, tuple[Mutant, _Trial]]()
    while waiting or running:
        while waiting and free:
            mutant = waiting.pop()
            mutant.apply(free[-1])
            trial = _Trial(free.pop(), mutant.by)
            running[trial.process.sentinel] = mutant, trial
        for ended in connection.wait(list(running), timeout=10):
            mutant, trial = running.pop(ended)  # type: ignore[arg-type]
            verdicts[mutant.name] = verdict = trial.verdict()
            shutil.copyfile(ROOT / mutant.file, trial.copy / mutant.file)
            free.append(trial.copy)
            print(f"{len(verdicts):3}/{len(chosen)} {verdict:9} {trial.seconds:5.1f} s  {mutant.name}  "
                  f"({_told(mutant.by)})", flush=True)
        for _, trial in running.values():
            trial.end_if_late()
    bad = [f"{name}: {verdict}" for name, verdict in verdicts.items() if verdict != KILLED]
    print(f"{len(chosen) - len(bad)} of {len(chosen)} mutants were noticed" + "".join(f"\n  {line}" for line in bad))
    return 1 if bad else 0


class _Trial:
    """Tests or a hunt in a copy of the tree, in a process forked from this one, which has loaded all that is not ours.

    Loading that anew for each would take most of the time.
    """

    def __init__(self, copy: Path, by: tuple[str, ...] | Hunt) -> None:
        self.copy = copy
        self._began = time.monotonic()
        self.process = get_context("fork").Process(target=_child, args=(copy, by))
        self.process.start()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def end_if_late(self) -> None:
        """A mutant that makes something last for ever is noticed, too."""
        if self.seconds > LIMIT_S:
            self.process.kill()

    def verdict(self) -> str:
        """killed, SURVIVED, or ERROR (nothing could be run, as when the mutant is no Python)."""
        self.process.join(LIMIT_S)
        self.end_if_late()
        self.process.join()
        late = -9
        return {0: SURVIVED, 1: KILLED, late: KILLED}.get(self.process.exitcode or 0, f"ERROR {self.process.exitcode}")


def _child(copy: Path, by: tuple[str, ...] | Hunt) -> None:
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    os.environ["PYTHONPATH"] = str(copy)
    sys.dont_write_bytecode = True
    for name in [name for name in sys.modules if name.split(".")[0] in ("crm", "tests")]:
        del sys.modules[name]
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    if isinstance(by, Hunt):
        from crm.testing.__main__ import main as hunt

        status = hunt(["--scenario", by.scenario, "--seeds", str(by.seeds), "--from", str(by.first), "--jobs", "1"])
    else:
        status = int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--timeout", "120", *by]))
    os._exit(status)


def _told(by: tuple[str, ...] | Hunt) -> str:
    return f"hunt: {by.scenario}, {by.seeds} seeds from {by.first}" if isinstance(by, Hunt) else " ".join(by)


if __name__ == "__main__":
    sys.exit(main())
