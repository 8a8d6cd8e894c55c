"""`crmctl failover-test`: what a cluster would do if nodes were lost, resources failed, nodes went into standby.

Exit codes: 0 if all expectations hold, 1 if not, 65 and up for input that cannot be understood. Without a file of
expectations there is one: after any single fault everything runs again.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from dataclasses import asdict
from pathlib import Path

from crm.cib.reading.cib_reader import read
from crm.cli.connection import CommandError
from crm.cli.crmctl_commands.explain_command import NO_INPUT, read_document
from crm.cli.crmctl_commands.failover_text import matrix_lines, report_lines
from crm.failover_simulation import (
    BadExpectation,
    Expectation,
    ExpectationVerdict,
    FaultKind,
    FaultRun,
    Simulator,
    check,
    parse,
)
from crm.failover_simulation.expectations import default

DATA_ERROR, USAGE = 65, 64


def run(options: argparse.Namespace) -> int:
    """Rehearse everything and report; the exit code."""
    gc.disable()  # A planning pass keeps what it makes to its end: collecting garbage meanwhile only costs time.
    kinds = _kinds(options.faults)
    root = read_document(options.cib)
    recorded = read(root).execution_date
    simulator = Simulator(root, recorded if recorded is not None else int(time.time()), _names(options.nodes))
    if not simulator.cluster.nodes:
        raise CommandError("the CIB names no nodes", "Name some to pretend: --nodes node1,node2,node3", DATA_ERROR)
    expectations = _expectations(options.expect, simulator)
    fault_runs = []
    for fault in simulator.faults(kinds):
        fault_runs.append(simulator.rehearse(fault))
        gc.collect()
    verdicts = check(expectations, fault_runs)
    if options.format == "json":
        print(json.dumps(_data(simulator, fault_runs, verdicts), indent=2, ensure_ascii=False))
    else:
        lines = report_lines if options.format == "text" else matrix_lines
        print("\n".join(lines(simulator, fault_runs, verdicts)))
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _kinds(text: str) -> list[FaultKind]:
    words = _names(text)
    for word in words:
        if word not in set(FaultKind):
            raise CommandError(f"there is no kind of fault “{word}”", f"Kinds are {', '.join(FaultKind)}", USAGE)
    return [FaultKind(word) for word in words]


def _expectations(path: str | None, simulator: Simulator) -> list[Expectation]:
    if path is None:
        return default(name for name, places in simulator.before.items() if places)
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CommandError(f"{path} cannot be read: {reason}", "Name a TOML file of expectations", NO_INPUT) from None
    nodes = [node.name for node in simulator.cluster.nodes]
    try:
        return parse(text, simulator.resources, nodes)
    except BadExpectation as error:
        raise CommandError(f"{path}: {error}", error.hint, DATA_ERROR) from None


def _data(simulator: Simulator, fault_runs: list[FaultRun], verdicts: list[ExpectationVerdict]) -> dict[str, object]:
    return {
        "before": {name: [asdict(place) for place in places] for name, places in simulator.before.items()},
        "notes": simulator.notes,
        "rehearsals": [{"name": each.fault.name, **asdict(each)} for each in fault_runs],
        "expectations": [{"holds": each.holds, **asdict(each)} for each in verdicts],
    }
