"""The documents beside the code are true: what they must name they name, and nothing that is gone."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from crm.controller import invariants as own_invariants
from crm.controller.cluster_state import ClusterConfig
from crm.controller.controller import Controller
from crm.controller.core import NodeIdentity
from crm.controller.execution import in_flight, transient_attributes
from crm.controller.execution.planning import PlanningState
from crm.controller.fencing import coordinator
from crm.controller.hard_state import HardState
from crm.controller.protocol.messages import Message
from crm.testing.invariants import InvariantCheckers
from tests.mutants import MUTANTS
from tests.unit.test_house import CRM, ROOT, names_in

PROTOCOL = (CRM / "controller/PROTOCOL.md").read_text(encoding="utf-8")
INVARIANTS = (CRM / "controller/INVARIANTS.md").read_text(encoding="utf-8")
DOCUMENTS = [*CRM.rglob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "deploy/TROUBLESHOOTING.md"]


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of each row of the table under a heading, without its head."""
    lines = text.partition(f"\n## {heading}")[2].partition("\n## ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def controller() -> Controller:
    return Controller(NodeIdentity("a", "1", "a-1", ClusterConfig((("a", "1"),), 1)), HardState(), None)


def test_the_protocol_has_each_message_once() -> None:
    named = re.findall(r"(?m)^\| `(\w+)` \|", PROTOCOL.partition("## Timers")[0])
    assert sorted(named) == sorted(kind.__name__ for kind in get_args(Message))


def test_the_protocol_has_each_timer() -> None:
    named = {name for row in rows(PROTOCOL, "Timers") for name in re.findall(r"`([\w:-]+)`", row[0])}
    prefixes = {in_flight.TIMER_PREFIX, transient_attributes.TIMER_PREFIX, coordinator.TIMER_PREFIX}
    assert {name for name in named if ":" not in name} == set(controller()._on_timer)
    assert {f"{name.partition(':')[0]}:" for name in named if ":" in name} == prefixes


def test_the_protocol_has_each_state() -> None:
    named = {row[0] for row in rows(PROTOCOL, "States of a node")}
    leading = {str(state) for state in PlanningState}
    assert named == leading | {"starting", "election", "not-dc", "integration", "safe-mode", "stopping"}


def test_every_invariant_has_its_row() -> None:
    in_tables = [name for table in (own_invariants.OF_FACTS, own_invariants.OF_LEADERS, own_invariants.OF_OTHERS)
                 for name, _ in table]
    steps = {"terms never go back", "a voter votes once in a term", own_invariants.VERSIONS,
             "a DC takes office when enough disks have its term"}
    named = [row[0] for row in rows(INVARIANTS, "Checked after each event")]
    assert sorted(named) == sorted([*in_tables, *steps])
    assert controller()._invariants is not None


def test_promises_name_checkers_and_mutants_that_exist() -> None:
    mutants = {mutant.name for mutant in MUTANTS}
    named = rows(INVARIANTS, "Checked in every simulation")
    assert len(named) >= 14
    for promise, _, checkers, mutant in named:
        for checker in re.findall(r"`(\w+)`", checkers):
            assert hasattr(InvariantCheckers, checker), f"{promise}: there is no checker {checker}"
        assert mutant.strip("`") in mutants, f"{promise}: there is no mutant {mutant}"


@cache
def members() -> dict[str, set[str]]:
    """What is named within each class of crm: its methods and attributes."""
    found: dict[str, set[str]] = {}
    for file in CRM.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                inner = [*ast.walk(node)]
                names = {each.name for each in inner if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
                names |= {each.attr for each in inner if isinstance(each, ast.Attribute)}
                names |= {each.id for each in inner if isinstance(each, ast.Name)}
                found.setdefault(node.name, set()).update(names)
    return found


def is_member(code: str) -> bool:
    """Whether `Class.name` is in that class; anything else passes."""
    owner, _, name = code.partition(".")
    return not name or owner not in members() or name in members()[owner]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_document_names_what_is_there(document: Path) -> None:
    """Classes, functions, constants and files in backticks exist; links lead somewhere."""
    text = document.read_text(encoding="utf-8")
    known = frozenset().union(*(names_in(file) for folder in ("crm",
                                                              "tests") for file in (ROOT / folder).rglob("*.py")))
    homes = (ROOT, CRM, CRM / "controller", CRM / "policy_engine", document.parent)
    gone = []
    for code in re.findall(r"`([^`\n]+)`", text):
        path, _, name = code.partition(".") if not (ROOT / code).exists() else (code, "", "")
        if re.fullmatch(r"_?[A-Z][A-Za-z]*[a-z](\.\w+)?|_\w+", code):
            gone += [code] if any(part not in known for part in code.split(".")) or not is_member(code) else []
        elif re.fullmatch(r"[a-z_]+(/[\w.-]+)+/?", path) and "NAME" not in code:
            there = any((home / code).exists() or (home / path).exists() or (home / f"{path}.py").exists()
                        for home in homes)
            gone += [] if there and (name in known or name in ("", "py", "txt", "md", "json")) else [code]
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http") and not (document.parent / target).exists():
            gone.append(target)
    assert not gone
