"""Objects of every kind, from XML to values and back: nothing is lost, nothing is touched without need."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree
from pydantic import TypeAdapter

from crm.cib.document import Document
from crm.cib.newest import newest_root
from crm.cib.objects import catalogue, codec, object_changes
from crm.cib.objects.catalogue import Collection
from crm.cib.objects.resources import Group, Operation, Primitive
from crm.cib.objects.write_context import WriteContext

COLLECTIONS = [each for each in vars(catalogue).values() if isinstance(each, Collection)]
EXAMPLES = sorted((Path(__file__).parents[3] / "cib_examples").glob("*.xml"))

CIB = """<cib validate-with="pacemaker-3.9" epoch="5"><configuration><crm_config/><nodes/><resources>
<primitive id="web" class="ocf" provider="crmd" type="HttpServer">
 <!-- kept --><instance_attributes id="web-own"><nvpair id="p1" name="port" value="80"/></instance_attributes>
 <instance_attributes id="web-night" score="5"><rule id="r" score="1"><date_expression id="d" operation="gt"
  start="2030-01-01"/></rule><nvpair id="p2" name="port" value="81"/></instance_attributes>
 <operations><op id="mon" name="monitor" interval="10s"/></operations></primitive>
<primitive id="ip" class="ocf" provider="crmd" type="PortHolder"/>
<group id="g"><primitive id="a" class="ocf" provider="crmd" type="Dummy"/></group>
</resources><constraints><rsc_location id="l" rsc="web" node="one" score="5"/>
<rsc_order id="o"><resource_set id="s1"><resource_ref id="web"/></resource_set><resource_set id="s2">
<resource_ref id="ip"/><resource_ref id="a"/></resource_set></rsc_order></constraints>
<tags><tag id="t"><obj_ref id="a"/></tag></tags></configuration><status/></cib>"""


@pytest.fixture
def document() -> Document:
    return Document.parse(CIB)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_object_of_the_examples_is_written_back_as_it_was(path: Path) -> None:
    document = Document(newest_root(path.read_bytes()))
    around = WriteContext(document.root)
    seen = 0
    for collection in COLLECTIONS:
        for element in collection.elements(document):
            value, copy = collection.value(element), deepcopy(element)
            codec.write(value, copy, around)
            assert etree.tostring(copy, method="c14n") == etree.tostring(element, method="c14n")
            adapter = TypeAdapter(type(value))
            assert adapter.validate_python(adapter.dump_python(value, mode="json")) == value
            seen += 1
    assert seen > 1


def test_a_changed_resource_keeps_what_it_was_not_asked_about(document: Document) -> None:
    web = catalogue.RESOURCES.value(catalogue.RESOURCES.element(document, "web"))
    assert (web.agent, web.parameters, web.operations[0].interval) == ("ocf:crmd:HttpServer", {"port": "80"}, "10s")
    assert web.conditional_parameters[0].values == {"port": "81"}
    changed = Primitive("web", agent=web.agent, parameters={"port": "90"}, operations=(Operation("monitor", "10s"),),
                        conditional_parameters=web.conditional_parameters)
    after = document.apply(object_changes.replace(document, catalogue.RESOURCES, changed))
    (text,) = [etree.tostring(each, encoding="unicode") for each in after.root.iterfind(".//primitive[@id='web']")]
    assert 'value="90"' in text and "<!-- kept -->" in text and 'id="mon"' in text and 'value="81"' in text


def test_existing_resources_become_members_of_a_group(document: Document) -> None:
    after = document.apply(object_changes.create(document, catalogue.RESOURCES, Group("service", members=("ip", "a"))))
    members = after.root.findall(".//group[@id='service']/primitive")
    assert [each.get("id") for each in members] == ["ip", "a"]
    assert after.root.find(".//group[@id='g']") is None, "its last member has left"
    assert len(after.root.findall(".//primitive[@id='ip']")) == 1


def test_what_is_deleted_leaves_no_constraint_behind(document: Document) -> None:
    after = document.apply(object_changes.delete(document, catalogue.RESOURCES, "a"))
    assert after.root.find(".//group") is None and after.root.find(".//tag") is None
    assert [each.get("id") for each in after.root.iterfind(".//resource_ref")] == ["web", "ip"]
    after = after.apply(object_changes.delete(after, catalogue.RESOURCES, "web"))
    assert after.root.find(".//rsc_location") is None
    assert [each.get("id") for each in after.root.iterfind(".//resource_set")] == ["s2"]


def test_a_dissolved_group_leaves_its_members(document: Document) -> None:
    after = document.apply(object_changes.dissolve(document, catalogue.RESOURCES, "g"))
    assert after.root.find("configuration/resources/primitive[@id='a']") is not None
    assert after.root.find(".//group") is None


def test_new_ids_are_names_that_nobody_has(document: Document) -> None:
    around = WriteContext(document.root)
    assert [around.new_id(text) for text in ("web", "a b/c", "9", "")] == ["web-2", "a-b-c", "id-9", "object"]
