"""A restart's mark goes with the results that are recorded, and survives a node that tells its history anew."""

from __future__ import annotations

import pytest

from crm.cib import restart_marks
from crm.cib.document import Document
from crm.cib.status_updates import HistoryRemoval, HistoryUpdate, OperationUpdate, ResourceUpdate, apply_updates

CIB = """<cib epoch="1"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status>
<node_state id="1" uname="one"><lrm id="1"><lrm_resources>
<lrm_resource id="web" type="Dummy" class="ocf" provider="x"><lrm_rsc_op id="web_last_0" operation="start"
 transition-magic="0:0;1" rc-code="0" op-status="0"/></lrm_resource>
<lrm_resource id="db" type="Dummy" class="ocf" provider="x"/></lrm_resources></lrm></node_state></status></cib>"""
PLACE = ("1", "web")


def marked(role: bool = False) -> Document:
    document = Document.parse(CIB)
    change = restart_marks.request(document, [(*PLACE, role)])
    assert change is not None
    return document.apply(change)


def entries(operation: str, rc: int = 0, magic: str = "", status: int = 0) -> ResourceUpdate:
    last = {"operation": operation, "rc-code": str(rc), "op-status": str(status),
            "transition-magic": magic or f"0:{rc};{operation}"}
    return ResourceUpdate("web", "ocf", "Dummy", "x", {"web_last_0": last})


def after(document: Document, *records: ResourceUpdate) -> str | None:
    for each in records:
        document = apply_updates(document, [OperationUpdate("1", "one", each)])
    return restart_marks.marks(document).get(PLACE)


def test_only_what_was_meant_is_marked() -> None:
    assert restart_marks.marks(marked()) == {PLACE: "stop"}
    assert restart_marks.marks(marked(role=True)) == {PLACE: "stop-promoted"}
    assert restart_marks.request(Document.parse(CIB), [("1", "other", False), ("2", "web", False)]) is None


@pytest.mark.parametrize(
    ("role", "operations", "left"),
    [
        (False, ["stop"], "start"),
        (False, ["stop", "start"], None),
        (False, ["monitor"], "stop"),
        (True, ["demote"], "stop-promoted"),
        (True, ["demote", "stop"], "start-promoted"),
        (True, ["demote", "stop", "start"], "start-promoted"),
        (True, ["demote", "stop", "start", "promote"], None),
        (False, ["stop", "stop"], "start"),
    ],
)
def test_a_mark_goes_with_the_results(role: bool, operations: list[str], left: str | None) -> None:
    assert after(marked(role), *(entries(each) for each in operations)) == left


def test_what_failed_or_is_under_way_takes_it_nowhere() -> None:
    assert after(marked(), entries("stop", rc=1)) == "stop"
    assert after(marked(), entries("stop", rc=193, status=-1)) == "stop"
    assert after(marked(), entries("stop"), entries("start", rc=1)) == "start"


def told_anew(document: Document, *records: ResourceUpdate) -> str | None:
    return restart_marks.marks(apply_updates(document, [HistoryUpdate("1", "one", records)])).get(PLACE)


def test_a_node_that_joins_anew_does_not_lose_it() -> None:
    assert told_anew(marked(), entries("start", magic="0:0;1")) == "stop"
    assert told_anew(marked(), entries("stop", magic="0:0;2")) == "start", "it was stopped meanwhile"


def test_a_daemon_that_was_started_anew_knows_of_no_restart() -> None:
    assert told_anew(marked(), entries("monitor", magic="0:0;9")) is None
    assert told_anew(marked()) is None
    assert restart_marks.marks(apply_updates(marked(), [HistoryRemoval("1", "web")])) == {}


def test_it_can_be_taken_back() -> None:
    document = marked()
    change = restart_marks.withdraw(document, [PLACE])
    assert change is not None
    document = document.apply(change)
    assert restart_marks.marks(document) == {} and restart_marks.withdraw(document, [PLACE]) is None
    assert after(document, entries("stop"), entries("start")) is None
    again = restart_marks.request(document, [(*PLACE, False)])
    assert again is not None and restart_marks.marks(document.apply(again)) == {PLACE: "stop"}
