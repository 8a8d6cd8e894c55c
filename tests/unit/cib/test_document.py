"""Documents: parsing within limits, edits and their version steps, patches between any two states."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from crm.cib import patch
from crm.cib.changes import Batch, Edit, EditVerb, Patch, Replace
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.parsing import ParsingLimits
from crm.cib.version import CibVersion

pytestmark = pytest.mark.slow

CIB = """<cib admin_epoch="0" epoch="3" num_updates="7" validate-with="pacemaker-3.9">
  <configuration>
    <!-- what the cluster is told -->
    <crm_config/>
    <nodes><node id="1" uname="one"/><node id="2" uname="two"/></nodes>
    <resources>
      <primitive id="web" class="ocf" provider="crmd" type="HttpServer"/>
      <group id="stack"><primitive id="ip" class="ocf" provider="crmd" type="PortHolder"/></group>
    </resources>
    <constraints/>
  </configuration>
  <status/>
</cib>"""


def document() -> Document:
    return Document.parse(CIB)


def ids(cib: Document) -> list[str]:
    return [str(node.get("id")) for node in cib.root.iter() if node.get("id")]


def test_versions_are_ordered_and_written_as_people_write_them() -> None:
    assert CibVersion.parse('"0.12.3"') == CibVersion(0, 12, 3) < CibVersion(0, 13, 0) < CibVersion(1, 0, 0)
    assert str(CibVersion(1, 2, 3)) == "1.2.3"


@pytest.mark.parametrize("text", ["", "1.2", "1.2.x", "1.-2.3", "1.2.٣"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(CibError) as raised:
        CibVersion.parse(text)
    assert raised.value.code == "bad-version"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<cib><configuration></cib>", "not-xml"),
        ("", "not-xml"),
        ("<cib/><cib/>", "not-xml"),
        ('<?xml version="1.0" encoding="nonsense"?><cib/>', "not-xml"),
        ('<!DOCTYPE cib [<!ENTITY a "b">]><cib>&a;</cib>', "doctype-forbidden"),
        ("<a>" * 65 + "</a>" * 65, "too-deep"),
        ("<configuration/>", "not-a-cib"),
        ('<cib epoch="many"/>', "bad-version"),
    ],
)
def test_bad_text_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(CibError) as raised:
        Document.parse(text.encode())
    assert raised.value.code == code


def test_a_text_that_is_too_large_is_not_even_looked_at() -> None:
    with pytest.raises(CibError) as raised:
        Document.parse(b"<" * 200, ParsingLimits(size_bytes=100))
    assert raised.value.code == "too-large"


def test_an_error_tells_its_line() -> None:
    with pytest.raises(CibError) as raised:
        Document.parse("<cib>\n<configuration>\n</cib>")
    assert raised.value.line == 3


def test_comments_and_unknown_attributes_survive() -> None:
    text = Document.parse(document().to_bytes()).to_bytes()
    assert b"<!-- what the cluster is told -->" in text
    assert b"validate-with" in text


def test_a_configuration_change_steps_the_epoch() -> None:
    after = document().apply(Edit(EditVerb.CREATE, '<node id="3" uname="three"/>'))
    assert after.version == CibVersion(0, 4, 0)
    assert "3" in ids(after)


def test_a_status_change_steps_the_update_counter() -> None:
    after = document().apply(Edit("create", '<node_state id="1" uname="one"/>', "status"))
    assert after.version == CibVersion(0, 3, 8)


def test_a_batch_is_one_step() -> None:
    edits = (
        Edit("create", '<node id="3" uname="three"/>'),
        Edit("upsert", '<node_state id="1" uname="one"/>'),
        Edit("delete", '<primitive id="web"/>'),
    )
    after = document().apply(Batch(edits))
    assert after.version == CibVersion(0, 4, 0)
    assert "web" not in ids(after) and "3" in ids(after)


def test_a_change_that_changes_nothing_gives_the_same_document() -> None:
    before = document()
    assert before.apply(Edit("modify", '<node id="1" uname="one"/>')) is before
    assert before.apply(Replace(CIB)) is before


def test_the_old_document_is_never_touched() -> None:
    before = document()
    text = before.to_bytes()
    before.apply(Edit("delete", '<group id="stack"/>'))
    with pytest.raises(CibError):
        before.apply(Batch((Edit("delete", '<group id="stack"/>'), Edit("modify", '<node id="9"/>'))))
    assert before.to_bytes() == text


def test_modify_merges_and_counts_up() -> None:
    pair = '<nvpair id="a-x" name="x" value="{}"/>'
    nvpair = f'<node id="1"><instance_attributes id="a">{pair}</instance_attributes></node>'
    once = document().apply(Edit("modify", nvpair.format("5")))
    twice = once.apply(Edit("modify", nvpair.format("value++")))
    thrice = twice.apply(Edit("modify", nvpair.format("value+=INFINITY")))
    values = [cib.root.find(".//nvpair").get("value") for cib in (once, twice, thrice)]  # type: ignore[union-attr]
    assert values == ["5", "6", "INFINITY"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Edit("create", '<node id="1" uname="again"/>'), "already-exists"),
        (Edit("create", '<primitive id="ip"/>', xpath="//resources"), "already-exists"),
        (Edit("modify", '<node id="9"/>'), "no-such-object"),
        (Edit("replace", '<node id="9"/>'), "no-such-object"),
        (Edit("delete", xpath="//node[@id='9']"), "no-such-object"),
        (Edit("delete", xpath="//node"), "several-objects"),
        (Edit("delete", xpath="//node["), "bad-xpath"),
        (Edit("delete", xpath="/cib"), "bad-change"),
        (Edit("create", "<nvpair id='x'/>"), "no-such-section"),
        (Edit("create", '<node id="3"/>', "nodez"), "no-such-section"),
        (Edit("paint", '<node id="1"/>'), "bad-change"),
        (Edit("create", "<node"), "not-xml"),
        (Replace(CIB.replace('epoch="3"', 'epoch="2"')), "older-version"),
        (Replace("<nodes/>", "resources"), "bad-change"),
        (Patch("<diff format='1'/>"), "bad-patch"),
    ],
)
def test_what_cannot_be_done_says_why(change: Edit | Replace | Patch, code: str) -> None:
    with pytest.raises(CibError) as raised:
        document().apply(change)
    assert raised.value.code == code


def test_a_section_that_is_optional_comes_into_being_in_its_place() -> None:
    after = document().apply(Edit("create", '<tag id="t"><obj_ref id="web"/></tag>'))
    names = [child.tag for child in after.root[0] if isinstance(child.tag, str)]
    assert names == ["crm_config", "nodes", "resources", "constraints", "tags"]


def test_replacing_the_whole_keeps_the_status_and_takes_a_newer_version() -> None:
    before = document().apply(Edit("create", '<node_state id="1" uname="one"/>'))
    after = before.apply(Replace(CIB.replace('epoch="3"', 'epoch="9"').replace('uname="two"', 'uname="deux"')))
    assert after.version == CibVersion(0, 9, 7)
    assert after.root.find("status/node_state") is not None
    assert b"deux" in after.to_bytes()


def test_replacing_one_section_leaves_the_rest() -> None:
    after = document().apply(Replace("<nodes><node id='7' uname='seven'/></nodes>", "nodes"))
    assert [node.get("id") for node in after.root.iter("node")] == ["7"]
    assert after.root.find(".//primitive") is not None


def test_a_patch_for_another_version_is_refused() -> None:
    old = document()
    new = old.apply(Edit("delete", '<node id="2"/>'))
    newer = new.apply(Edit("delete", '<node id="1"/>'))
    with pytest.raises(CibError) as raised:
        newer.apply(patch.make(old, new))
    assert raised.value.code == "version-mismatch"
    with pytest.raises(CibError):
        patch.make(new, old)


def test_a_patch_says_what_pacemaker_would() -> None:
    old = document()
    made = patch.make(old, old.apply(Edit("modify", '<node id="2" uname="deux"/>')))
    diff = etree.fromstring(made.xml)
    modify = diff.xpath("change[@path=\"/cib/configuration/nodes/node[@id='2']\"]")[0]  # type: ignore[index]
    assert modify.get("operation") == "modify"  # type: ignore[union-attr]
    assert diff.find("version/source").get("epoch") == "3"  # type: ignore[union-attr]


names = st.sampled_from(["a", "b", "c"])
identities = st.none() | st.sampled_from(["1", "2", "3", "it's"])


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> etree._Element:
    attributes = draw(st.dictionaries(st.sampled_from("xyz"), st.sampled_from("012"), max_size=2))
    element = etree.Element(draw(names), attributes)
    identity = draw(identities)
    if identity is not None:
        element.set("id", identity)
    if depth:
        element.extend(draw(st.lists(elements(depth - 1) | names.map(etree.Comment), max_size=4)))
    return element


@st.composite
def cibs(draw: st.DrawFn, epoch: int) -> Document:
    root = etree.Element("cib", epoch=str(epoch))
    for section in ("configuration", "status"):
        etree.SubElement(root, section).extend(draw(st.lists(elements(), max_size=4)))
    return Document(root)


@settings(max_examples=300, deadline=None)
@given(cibs(1), cibs(2))
def test_a_patch_leads_from_any_cib_to_any_other(old: Document, new: Document) -> None:
    assert old.apply(patch.make(old, new)).digest() == new.digest()


@settings(max_examples=200, deadline=None)
@given(st.permutations([str(number) for number in range(8)]), st.lists(st.integers(0, 7), max_size=3))
def test_children_that_change_places_are_moved(order: list[str], gone: list[int]) -> None:
    def nodes(identities: list[str], epoch: int) -> Document:
        listed = "".join(f"<node id='{identity}'/>" for identity in identities)
        return Document.parse(f"<cib epoch='{epoch}'><configuration><nodes>{listed}</nodes></configuration></cib>")

    old = nodes([str(number) for number in range(8)], 1)
    new = nodes([identity for identity in order if int(identity) not in gone], 2)
    made = patch.make(old, new)
    assert "create" not in made.xml
    assert old.apply(made).digest() == new.digest()


edits = st.sampled_from(
    [
        Edit("create", '<node id="3" uname="three"/>'),
        Edit("delete", '<node id="2"/>'),
        Edit("modify", '<node id="1" uname="uno"/>'),
        Edit("upsert", '<primitive id="db" class="ocf" type="Dummy"/>'),
        Edit("replace", '<group id="stack"><primitive id="n"/></group>'),
        Edit("create", '<tag id="t"/>'),
        Edit("upsert", '<node_state id="1"><lrm id="1"/></node_state>'),
        Replace("<constraints><rsc_location id='l'/></constraints>", "constraints"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(edits, min_size=1, max_size=6, unique=True))
def test_the_patch_of_an_edit_equals_the_edit(changes: list[Edit | Replace]) -> None:
    """The cheap way (only what was touched is compared) and the whole comparison lead to the same tree."""
    old = document()
    new = old.apply(Batch(tuple(changes)))
    assert Document.parse(old.to_bytes()).apply(patch.make(old, new)).digest() == new.digest()
    whole = patch.make(Document.parse(old.to_bytes()), Document.parse(new.to_bytes()))
    assert old.apply(whole).digest() == new.digest()
