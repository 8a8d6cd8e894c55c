"""What somebody changes in the part of the CIB that they see, carried over to the whole."""

from __future__ import annotations

import pytest
from lxml import etree

from crm.cib.acl_changes import as_change, carried_over
from crm.cib.changes import Batch, Change, Edit, EditVerb, Replace
from crm.cib.document import Document
from crm.cib.errors import CibError

WHOLE = """<cib epoch="5" num_updates="3"><configuration><resources>
<primitive id="a" type="x"><meta_attributes id="am"><nvpair id="am1" name="p" value="1"/></meta_attributes></primitive>
<primitive id="hidden" type="x"/>
<primitive id="b" type="x"><instance_attributes id="bi"><nvpair id="bi1" name="password" value="hunter2"/>
</instance_attributes></primitive></resources></configuration><status/></cib>"""


def _seen() -> tuple[Document, Document]:
    """The whole, and it without what is hidden: one resource is, and a password's value."""
    whole = Document.parse(WHOLE)
    root = etree.fromstring(etree.tostring(whole.root))
    hidden = root.find(".//primitive[@id='hidden']")
    assert hidden is not None
    resources = hidden.getparent()
    assert resources is not None
    resources.remove(hidden)
    secret = root.find(".//nvpair[@id='bi1']")
    assert secret is not None
    secret.set("value", "********")
    return whole, Document(root)


def _text(document: Document) -> str:
    return etree.tostring(document.root, encoding="unicode")


def _order(document: Document) -> list[str]:
    return [each.get("id", "") for each in document.root.iter("primitive")]


CREATED = Edit(EditVerb.CREATE, '<primitive id="c" type="y"/>', "resources")


@pytest.mark.parametrize(("change", "order"), [
    (CREATED, ["a", "hidden", "b", "c"]),
    (Edit(EditVerb.DELETE, xpath="//primitive[@id='a']"), ["hidden", "b"]),
    (Batch((Edit(EditVerb.DELETE, xpath="//primitive[@id='a']"), CREATED)), ["hidden", "b", "c"]),
    (Replace('<resources><primitive id="b" type="x"/><primitive id="a" type="x"/></resources>', "resources"),
     ["hidden", "b", "a"]),
])
def test_what_is_hidden_stays_where_it_is(change: Change, order: list[str]) -> None:
    whole, seen = _seen()
    after = carried_over(whole, seen, seen.apply(change))
    assert sorted(_order(after)) == sorted(order)
    assert [each for each in _order(after) if each != "hidden"] == [each for each in order if each != "hidden"]
    assert after.version == seen.apply(change).version


def test_a_secret_that_was_read_as_asterisks_keeps_its_value() -> None:
    whole, seen = _seen()
    changed = Replace(_text(seen).replace('value="1"', 'value="2"').replace('epoch="5"', 'epoch="6"'))
    after = carried_over(whole, seen, seen.apply(changed))
    assert 'value="2"' in _text(after)
    assert "hunter2" in _text(after)
    assert "********" not in _text(after)


def test_no_change_is_none() -> None:
    whole, seen = _seen()
    assert carried_over(whole, seen, seen.apply(Replace(_text(seen)))) is whole


def test_what_the_dc_gets_makes_the_same_of_its_own_cib() -> None:
    whole, seen = _seen()
    after = carried_over(whole, seen, seen.apply(CREATED))
    newer = whole.apply(Replace("<status><node_state id='1'/></status>", "status"))
    made = newer.apply(as_change(whole, after))
    assert _order(made) == _order(after)
    assert made.version[:2] == after.version[:2]


def test_of_things_that_look_alike_the_seen_one_is_never_guessed() -> None:
    whole = Document.parse('<cib><configuration><x a="1"/><x a="2"/></configuration></cib>')
    seen = Document.parse('<cib><configuration><x a="2"/></configuration></cib>')
    wanted = Document.parse('<cib><configuration/></cib>')
    with pytest.raises(CibError) as caught:
        carried_over(whole, seen, wanted)
    assert caught.value.code == "not-comparable"
