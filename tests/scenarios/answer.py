"""The planner's answer to a CIB, asked as anyone would ask: `crm_simulate`, `crmctl explain`, and `crm_verify`.

Cases know nothing else of what they test, so its modules may be moved and renamed at will; and Pacemaker's own
`crm_simulate` can be asked the same question.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said (before the transition is carried out), the transition graph, and the drawing."""

    said: str
    graph: str
    dot: str

    def section(self, title: str) -> list[str]:
        """The lines below a title, without their bullets."""
        _, found, rest = self.said.partition(f"{title}:\n")
        text = rest.split("\n\n")[0] if found and title != "Current cluster status" else rest.split("\nA")[0]
        lines = [line.rstrip().removeprefix("  ").removeprefix("* ") for line in text.splitlines()]
        return [line for line in lines if line.strip()]


Ask = Callable[[list[str]], str]


def ask_planner(arguments: list[str]) -> str:
    """What our `crm_simulate` says."""
    from crm.cli.simulate import main

    return _said(lambda: main(arguments))


def ask_program(program: str) -> Ask:
    """What another `crm_simulate` says."""

    def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)

    fancy = ["--text-fancy"] if "--text-fancy" in run(["--help-output"]).stdout else []  # Releases before 3.
    return lambda arguments: run([*arguments, *fancy]).stdout.replace("Allocation Scores", "Assignment Scores")


def release_of(program: str) -> str:
    """The release of another `crm_simulate`."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return said.splitlines()[0].removeprefix("Pacemaker ")


def answer(document: bytes, ask: Ask = ask_planner) -> Answer:
    """The answer to a CIB."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cib.xml").write_bytes(document)
        graph, dot = folder / "graph", folder / "dot"
        said = ask(["-x", str(folder / "cib.xml"), "-R", "-s", "-G", str(graph), "-D", str(dot)])
        if not graph.exists():
            return Answer(said, "<transition_graph/>", "")
        return Answer(said, graph.read_text(), dot.read_text())


def capacities(document: bytes, ask: Ask = ask_planner) -> list[str]:
    """What `--show-utilization` shows: what nodes have, what resources take, what is left."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "cib.xml"
        path.write_bytes(document)
        said = ask(["-x", str(path), "-R", "-U"])
    lines = Answer(said, "", "").section("Utilization Information")
    return [re.sub(r"^pcmk__\w+: ", "", line) for line in lines]


def explanation(document: bytes, resource: str) -> list[str]:
    """How `crmctl explain` explains what becomes of a resource."""
    from crm.cli.crmctl import main

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "cib.xml"
        path.write_bytes(document)
        said = _said(lambda: main(["explain", resource, "--cib", str(path)]))
    return [line for line in said.splitlines() if line.strip()]


def verdict(document: bytes) -> list[str]:
    """What `crm_verify` finds in a CIB."""
    from crm.cli.pacemaker.crm_verify import main

    return _said(lambda: main(["-V", "--xml-text", document.decode()])).splitlines()


def _said(call: Callable[[], object]) -> str:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        call()
    return out.getvalue()
