"""The house rules that no linter knows: indexes are true, names stand once, retired words stay away.

`CONTRIBUTING.md` says why; a rule that is broken on purpose gets its exception here, with the reason.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CRM = ROOT / "crm"
PACKAGES = sorted(file.parent for file in CRM.rglob("__init__.py"))

QUALIFIED = ("client/values", "client/shapes", "cib/objects/")
"""Their classes are named as what they describe, and are always spoken of with their package: shapes of answers and of
configured objects for programs (`crm.client`), configured objects as they are written (`crm.cib.objects`)."""

RETIRED = {
    "Chronicle": "TransitionRecorder", "Flight": "InFlightAction", "Flights": "InFlightActions",
    "Receipt": "AppliedRequest", "Receipts": "AppliedRequests", "LocalHistory": "LocalExecutorState",
    "Dispatch": "TransitionRunner", "Standing": "HardState", "Authority": "Leadership", "Hello": "Announce",
    "Welcome": "JoinOffer", "Joined": "JoinConfirm", "Forget": "CleanHistory", "FencingNews": "FencingHistoryUpdate",
    "Panic": "EndYourself", "Numbers": "MessageNumbers", "Durable": "DurableStorage", "Journal": "EventLog",
    "Mistakes": "CrashRecords", "Waking": "WakeGuard", "Jobs": "ClientJobs", "Doors": "AuthenticationMiddleware",
    "Picture": "ClusterView", "Attention": "ChangeWaiter", "Theatre": "Simulator", "Stage": "SimulatedCluster",
    "Rehearsal": "FaultRun", "Outlook": "ChangeOutlook", "Pretence": "SimulatedExecution", "Known": "ModelCache",
    "Wishes": "PlanOptions", "ToldPlan": "ExplainedPlan", "Surroundings": "WriteContext", "Tally": "FuzzTally",
    "Checkers": "InvariantCheckers", "FieldTool": "PacemakerTool", "PretendedCib": "SimulatedCib",
    "in_office": "may_commit", "in_step": "caught_up", "tainted": "has_uncommitted_cib",
    "newcomers": "unsynced_members", "standing": "hard_state", "term_kept_by": "term_persisted_by",
    "careful_when_frozen": "without_foreign_beginnings", "cautious": "add_probe_barriers",
    "adoptable": "match_in_flight", "imply": "add_implicit_constraints", "entanglements": "cross_constraint_cycles",
    "muddled": "state_unknown",
}
"""Words of our own that gave way to the field's: none of them names anything again."""


def stem(file: Path) -> str:
    return str(file.relative_to(CRM).with_suffix(""))


@cache
def names_in(file: Path) -> frozenset[str]:
    with file.open("rb") as source:
        return frozenset(token.string for token in tokenize.tokenize(source.readline) if token.type == tokenize.NAME)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_package_names_its_modules(package: Path) -> None:
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    parts = [each for each in package.iterdir()
             if (each.suffix == ".py" and not each.name.startswith("__")) or (each / "__init__.py").exists()]
    missing = sorted(each.stem for each in parts if not re.search(rf"(?<![\w.]){each.stem}(?!\w)", text))
    assert not missing, f"crm/{package.relative_to(CRM)}/__init__.py does not say what these are for"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_an_index_names_nothing_that_is_gone(package: Path) -> None:
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    for name in re.findall(r"(?m)^    (\w+)  ", text):
        assert (package / f"{name}.py").exists() or (package / name).is_dir(), f"there is no {name}"


def test_each_public_class_has_a_name_of_its_own() -> None:
    homes = defaultdict(list)
    for file in CRM.rglob("*.py"):
        if not stem(file).startswith(QUALIFIED):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes[node.name].append(stem(file))
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_retired_words_stay_away() -> None:
    found = {f"{stem(file)}: {word} (now {RETIRED[word]})"
             for file in CRM.rglob("*.py") for word in names_in(file) & RETIRED.keys()}
    assert not found
    assert not {stem(file) for file in CRM.rglob("*.py")} & {"rehearsal", "controller/chronicle", "daemon/durable"}


WALKS = re.compile(r"(?<!\bre)(?<!_PART)(?<!_PARTS)\.(?:xpath|iterfind|findall|iterchildren)\(|\broot\.(?:find|iter)\(")
WALKERS = ("cib/", "executor/", "api/queries/", "cli/", "testing/")
"""Who walks trees: `crm.cib` those of CIBs; agents' metadata, clients' XPath in a process of its own, tools' own XML
and CIBs in files, checkers of simulations."""


def test_only_the_package_of_the_cib_walks_its_tree() -> None:
    found = [f"{stem(file)}:{number}" for file in CRM.rglob("*.py") if not stem(file).startswith(WALKERS)
             for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
             if WALKS.search(line)]
    assert not found, "ask crm.cib.queries"


def leads_nowhere(dotted: str) -> bool:
    """Whether neither a module nor a name in one is meant by it."""
    home, last = ROOT.joinpath(*dotted.split(".")), ""
    while not (home.is_dir() or home.with_suffix(".py").exists()):
        home, last = home.parent, home.name
    module = home.with_suffix(".py") if home.with_suffix(".py").exists() else home / "__init__.py"
    return bool(last) and last not in names_in(module)


def test_what_is_referred_to_exists() -> None:
    """`crm.package.module` in a docstring, a comment or a document leads somewhere."""
    documents = [*CRM.rglob("*.py"), *ROOT.glob("*.md"), *CRM.rglob("*.md"), *(ROOT / "deploy").glob("*.md")]
    found = {f"{file.relative_to(ROOT)}: {dotted}" for file in documents
             for dotted in re.findall(r"`(crm(?:\.[a-z_]+)+)", file.read_text(encoding="utf-8"))
             if dotted != "crm.message_layers" and leads_nowhere(dotted)}  # a group of entry points is no module
    assert not found
