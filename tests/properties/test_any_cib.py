"""Whatever CIB comes: no traceback, no hang, and the same answer twice.

`HYPOTHESIS_EXAMPLES` says how many to try (30 of each kind by default).
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.cib.errors import CibError
from crm.cib.newest import newest_root
from crm.cib.reading.cib_reader import read
from crm.cli import simulate
from crm.cli.crmctl_commands.explain_text import explanation_lines
from crm.cli.pacemaker import crm_verify
from crm.failover_simulation import FaultKind, Simulator
from crm.policy_engine.explain.explainer import explain_all
from tests.properties.cibs import built, mutated

NOW = 1_700_000_000
EXAMPLES = [path.read_bytes() for path in sorted(Path("cib_examples").glob("*.xml"))]
RECORDED = sorted(Path("../shared/pacemaker-cts/xml").glob("*.xml"))[::7]
ORIGINALS = EXAMPLES + [path.read_bytes() for path in RECORDED if path.stat().st_size < 60_000]

any_number = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "30")),
    deadline=timedelta(seconds=20),
    suppress_health_check=list(HealthCheck),
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
)


def simulated(cib: bytes, *options: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `crm_simulate`."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(cib)
        file.flush()
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            status = simulate.main(["-x", file.name, "-t", "2026-01-01 00:00:00Z", *options])
        # The request and messages name the file, which is another one each time.
        return status, out.getvalue().replace(file.name, "F"), errors.getvalue().replace(file.name, "F")


def check(cib: bytes) -> None:
    """A simulation ends as Pacemaker's do, and does the same again; everything can be explained and verified."""
    for options in (("-S", "-s", "-U"), ("-S", "--output-as=xml")):
        first = simulated(cib, *options)
        assert first[0] in (0, 1, 65)
        assert first == simulated(cib, *options)
    with contextlib.redirect_stderr(io.StringIO()):
        assert crm_verify.main(["-X", cib.decode(), "-V"]) in (0, 78)
    try:
        model = read(newest_root(cib))
    except CibError:
        return
    for answer in explain_all(model, NOW):
        explanation_lines(answer, details=True)


@any_number
@given(built())
def test_any_cib_that_is_built(cib: bytes) -> None:
    check(cib)


@any_number
@given(mutated(ORIGINALS))
def test_any_known_cib_that_is_changed(cib: bytes) -> None:
    check(cib)


@any_number
@given(built())
def test_any_failover(cib: bytes) -> None:
    try:
        theatre = Simulator(newest_root(cib), NOW)
    except CibError:
        return
    for fault in theatre.faults(FaultKind)[:3]:
        theatre.rehearse(fault)


@any_number
@given(st.one_of(st.binary(), st.text().map(lambda text: f"<cib>{text}</cib>".encode()), st.just(b"<cib/>")))
def test_any_bytes(raw: bytes) -> None:
    status, _, errors = simulated(raw, "-S")
    assert status in (0, 65)
    assert "Traceback" not in errors
