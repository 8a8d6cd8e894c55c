"""How long each command takes to start: the whole process, and the imports alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

from tests.bench.tables import spread, table

COMMANDS = {"crmctl": "crmctl", "crm_mon": "pacemaker.crm_mon", "cibadmin": "pacemaker.cibadmin",
            "crm_simulate": "simulate", "crmd": "crmd"}


def bench(repeat: int) -> None:
    rows = []
    for name, module in {"python -c pass": "", **COMMANDS}.items():
        name, *figures = spread(name, [_run(module) for _ in range(repeat)])
        rows.append((name, *figures, f"{_imports(module):.0f}" if module else "-"))
    table(("ms", "minimum", "median", "maximum", "imports alone"), rows)


def _run(module: str) -> float:
    command = [sys.executable, "-m", f"crm.cli.{module}", "--help"] if module else [sys.executable, "-c", "pass"]
    began = time.monotonic()
    subprocess.run(command, capture_output=True, check=False, env=os.environ)
    return (time.monotonic() - began) * 1000


def _imports(module: str) -> float:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import crm.cli.{module}"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.findall(r"\|\s+(\d+) \| crm\.cli\." + re.escape(module) + "$", done.stderr, re.M)
    return int(found[-1]) / 1000 if found else 0.0
