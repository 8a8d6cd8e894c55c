"""How long planning takes, whole process included, beside the `crm_simulate` of an installed Pacemaker."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.made_cib import Size, make
from tests.bench.tables import table

_LIMIT_S = 60
SIZES = {
    "3 nodes, 10 primitives": Size(3, 10, constraints=3),
    "16 x 500, idle": Size(16, 500, constraints=100),
    "16 x 500, cold": Size(16, 500, constraints=100, cold=True),
    "16 nodes, 150 groups, 20 clones": Size(16, 50, 150, 20, constraints=60),
    "32 x 1000, idle": Size(32, 1000, constraints=200),
    "32 x 1000, cold": Size(32, 1000, constraints=200, cold=True),
    "32 nodes, 100 clones, cold": Size(32, clones=100, cold=True),
    "a chain of 1000, cold": Size(16, 1000, chain=True, cold=True),
    "16 x 4000, cold": Size(16, 4000, constraints=200, cold=True),
    "100 x 1000, cold": Size(100, 1000, constraints=200, cold=True),
}


def bench(repeat: int) -> None:
    theirs = shutil.which("crm_simulate", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    print(f"  (Pacemaker: {_version(theirs) if theirs else 'not installed'}; it is given {_LIMIT_S} s)\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            file = Path(folder, "cib.xml")
            file.write_text(make(size))
            ours = [_run([sys.executable, "-m", "crm.cli.simulate"], file) for _ in range(repeat)]
            other = _run([theirs], file) if theirs else None
            seconds = statistics.median(run[0] for run in ours if run is not None)
            memory = max(run[1] for run in ours if run is not None)
            print(f"  {name}: {seconds:.2f} s", file=sys.stderr, flush=True)
            rows.append((name, f"{seconds:.2f}", f"{memory:.0f}", *_beside(seconds, other, bool(theirs))))
    table(("median of crmd's, one run of Pacemaker's", "crmd s", "MB", "Pacemaker s", "MB", "ratio"), rows)


def _beside(seconds: float, other: tuple[float, float] | None, installed: bool) -> tuple[str, str, str]:
    if other is not None:
        return f"{other[0]:.2f}", f"{other[1]:.0f}", f"{other[0] / seconds:.1f}"
    return (f"> {_LIMIT_S}", "-", f"> {_LIMIT_S / seconds:.0f}") if installed else ("-", "-", "-")


def _run(command: list[str], file: Path) -> tuple[float, float] | None:
    """Seconds and peak megabytes of one plan, None when it took too long."""
    watched = [sys.executable, "-c", _WATCH, *command, "-x", str(file), "-G", f"{file}.graph"]
    with subprocess.Popen(watched, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed on {file}")
    seconds, kilobytes = output.split()
    return float(seconds), int(kilobytes) / 1024


_WATCH = """
import resource, subprocess, sys, time
began = time.monotonic()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _version(command: str) -> str:
    return subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
