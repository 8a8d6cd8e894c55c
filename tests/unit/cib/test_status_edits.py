"""What a cleanup forgets."""

from __future__ import annotations

import pytest

from crm.cib.document import Document
from crm.cib.status_edits import cleanup
from crm.cib.status_updates import HistoryRemoval

OPERATION = ('<lrm_rsc_op id="{name}_last_0" operation="start" operation_key="{name}_start_0" rc-code="{rc}" '
             'op-status="{status}" call-id="1" transition-key="1:1:0:u" transition-magic="{status}:{rc};1:1:0:u"/>')
RESOURCE = '<lrm_resource id="{name}" class="ocf" provider="crmd" type="Dummy">{operation}</lrm_resource>'
CIB = """<cib admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config/><nodes/><resources/><constraints/>
</configuration><status><node_state id="1" uname="a"><lrm id="1"><lrm_resources>{resources}</lrm_resources></lrm>
<transient_attributes id="1"><instance_attributes id="s"><nvpair id="s-f" name="fail-count-counted#start_0" value="1"/>
</instance_attributes></transient_attributes></node_state></status></cib>"""


def history(name: str, rc: int = 0, status: int = 0) -> str:
    return RESOURCE.format(name=name, operation=OPERATION.format(name=name, rc=rc, status=status))


@pytest.fixture
def document() -> Document:
    return Document.parse(CIB.format(resources=history("well") + history("failed", 1) + history("late", 1, 2)
                                     + history("counted:0")))


def forgotten(document: Document, resource: str | None = None, everything: bool = False) -> set[str]:
    notes, recorded = cleanup(document, "1", resource, everything)
    assert [note for note in notes if isinstance(note, HistoryRemoval)] == recorded
    return {str(note.resource) for note in recorded}


def test_what_is_healthy_is_not_doubted(document: Document) -> None:
    assert forgotten(document) == {"failed", "late", "counted:0"}
    assert forgotten(document, "well") == set()
    assert forgotten(document, "failed") == {"failed"}


def test_what_is_changing_keeps_all_but_its_failures(document: Document) -> None:
    _, recorded = cleanup(document, "1", None, everything=True, changing={"well", "failed"})
    entries = {note.resource: note.entries for note in recorded}
    assert entries == {"failed": ("failed_last_0",), "late": (), "counted:0": ()}


def test_what_is_under_way_is_no_failure() -> None:
    found = Document.parse(CIB.format(resources=history("slow", 193, -1)))
    assert forgotten(found) == set()


def test_everything_is_looked_at_again_if_that_is_asked_for(document: Document) -> None:
    assert forgotten(document, everything=True) == {"well", "failed", "late", "counted:0"}
    assert forgotten(document, "well", everything=True) == {"well"}
