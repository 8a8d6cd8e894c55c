"""Who changed the configuration last: written with the change, at no cost of its own."""

from __future__ import annotations

import pytest
from lxml import etree

from crm.cib import patch
from crm.cib.changes import Change, Edit, EditVerb, Patch, Replace
from crm.cib.document import Document
from crm.cib.stamp import NAMES, stamp, utc_text

CIB = Document.parse(
    '<cib epoch="3" cib-last-written="Mon Jan  1 00:00:00 2024" update-user="ann" update-client="crmsh" '
    'update-origin="one"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>'
)
BEN = stamp("Tue Nov 14 22:13:20 2023", "two", "", "ben")
TAG = Edit(EditVerb.CREATE, '<tag id="t"><obj_ref id="web"/></tag>', "tags")


def _told(document: Document) -> list[str | None]:
    return [document.root.get(name) for name in NAMES]


def _as_patch() -> Patch:
    return patch.make(CIB, CIB.apply(TAG))


def _as_whole() -> Replace:
    return Replace(CIB.apply(TAG).to_bytes().decode())


@pytest.mark.parametrize("change", [TAG, _as_patch(), _as_whole()], ids=["edit", "patch", "replace"])
def test_a_change_of_the_configuration_is_stamped_in_its_own_step(change: Change) -> None:
    after = CIB.apply(change, BEN)
    assert after.version == CIB.version.after_configuration_change()
    assert _told(after) == ["Tue Nov 14 22:13:20 2023", "two", None, "ben"], "what is not known is not told"
    step = patch.make(CIB, after)
    changed = [each.get("name") for each in etree.fromstring(step.xml).iter("change-attr")]
    assert set(changed) == {*NAMES, "epoch"}
    assert CIB.apply(step).digest() == after.digest(), "whoever follows has the same"


def test_what_leaves_the_configuration_alone_leaves_no_mark() -> None:
    status = Edit(EditVerb.UPSERT, '<ticket_state id="paris" granted="true"/>', "tickets")
    assert _told(CIB.apply(status, BEN)) == _told(CIB)
    assert CIB.apply(Edit(EditVerb.MODIFY, "<crm_config/>", "configuration"), BEN) is CIB


def test_what_somebody_sends_as_a_stamp_is_no_change() -> None:
    given = CIB.to_bytes().decode().replace('update-user="ann"', 'update-user="mallory"')
    assert CIB.apply(Replace(given), BEN) is CIB
    assert CIB.apply(Replace(given)) is CIB


def test_a_moment_is_written_as_ctime_does() -> None:
    assert utc_text(1_699_999_999.9) == "Tue Nov 14 22:13:19 2023"
