"""A document's model: what changes left alone is read once, and what comes out is what reading it all would give."""

from __future__ import annotations

import pytest

from crm.cib.changes import Change, Edit, EditVerb, Replace
from crm.cib.document import Document
from crm.cib.reading.cib_reader import read
from crm.cib.status_updates import (
    HistoryRemoval,
    NodeUpdate,
    OperationUpdate,
    ResourceUpdate,
    RootUpdate,
    TransientAttributeUpdate,
    apply_updates,
)

CIB = """<cib admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config/><nodes/><resources>
<primitive id="db" class="ocf" provider="crmd" type="Dummy"/></resources><constraints/></configuration>
<status><node_state id="1" uname="a"><lrm id="1"/></node_state><node_state id="2" uname="b"/></status></cib>"""
RESULT = ResourceUpdate("db", "ocf", "Dummy", "crmd", {"db_last_0": {"operation": "start", "rc-code": "0"}})
NOTES = {
    "a result": OperationUpdate("1", "a", RESULT),
    "a new node": NodeUpdate("3", "c", {"crmd": "online"}),
    "an attribute": TransientAttributeUpdate("2", "speed", "7"),
    "something forgotten": HistoryRemoval("1"),
    "a word on the whole": RootUpdate({"dc-uuid": "2"}),
}
CHANGES: dict[str, Change] = {
    "a resource": Edit(EditVerb.CREATE, '<primitive id="web" class="ocf" provider="crmd" type="Dummy"/>', "resources"),
    "a state taken away": Edit(EditVerb.DELETE, xpath="//node_state[@id='1']"),
    "a section replaced": Replace("<resources/>", "resources"),
    "a ticket": Edit(EditVerb.CREATE, '<tickets><ticket_state id="T" granted="true"/></tickets>', "status"),
}


@pytest.mark.parametrize("what", NOTES)
def test_after_a_note_the_model_is_that_of_the_whole(what: str) -> None:
    former = Document.parse(CIB)
    before = former.model()
    document = apply_updates(former, [NOTES[what]])
    assert document.model() == read(document.root) != before


@pytest.mark.parametrize("what", CHANGES)
def test_after_a_change_the_model_is_that_of_the_whole(what: str) -> None:
    former = Document.parse(CIB)
    before = former.model()
    document = former.apply(CHANGES[what])
    assert document.model() == read(document.root) != before


def test_many_steps_without_a_look_between_are_all_seen() -> None:
    document = Document.parse(CIB)
    document.model()
    for note in NOTES.values():
        document = apply_updates(document, [note])
    assert document.model() == read(document.root)


def test_what_was_not_touched_is_not_read_again() -> None:
    former = Document.parse(CIB)
    before = former.model()
    after = apply_updates(former, [NOTES["a result"]]).model()
    assert after.resources is before.resources
    assert after.node_states[1] is before.node_states[1]
    assert after.node_states[0] is not before.node_states[0]


def test_what_is_wrong_with_the_status_is_reported_every_time() -> None:
    former = Document.parse(CIB.replace('<node_state id="2" uname="b"/>', '<node_state uname="b"/>'))
    first = former.model().reports
    second = apply_updates(former, [NOTES["an attribute"]]).model().reports
    assert [report.code for report in first] == [report.code for report in second] == ["node-state-without-id"]
