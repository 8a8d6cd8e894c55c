"""The CIB that simulations play with: histories are found again, and forgotten with their node."""

from __future__ import annotations

from lxml import etree

from crm.cib.simulated_cib import SimulatedCib

CIB = ('<cib><configuration><nodes><node id="1" uname="one"/></nodes></configuration><status><node_state id="1" '
       'uname="one"><lrm id="1"><lrm_resources><lrm_resource id="old"/></lrm_resources></lrm></node_state></status>'
       "</cib>")


def history(cib: SimulatedCib, *names: str) -> etree._Element:
    return cib.resource_history(cib.node_state("one"), names, "ocf", "crmd", "Dummy")


def test_a_history_is_found_under_any_of_its_names_else_made_under_the_last() -> None:
    cib = SimulatedCib(etree.fromstring(CIB))
    old = history(cib, "nobody", "old")
    assert old.get("class") is None, "it was there"
    new = history(cib, "web:0", "web")
    assert dict(new.attrib) == {"id": "web", "class": "ocf", "provider": "crmd", "type": "Dummy"}
    assert history(cib, "web:0", "web") is new
    assert [each.get("id") for each in cib.root.iter("lrm_resource")] == ["old", "web"]


def test_what_was_forgotten_or_added_behind_its_back_is_noticed() -> None:
    cib = SimulatedCib(etree.fromstring(CIB))
    first = history(cib, "web")
    parent = first.getparent()
    assert parent is not None
    parent.remove(first)
    assert history(cib, "web") is not first
    added = etree.SubElement(parent, "lrm_resource", id="db")
    assert history(cib, "db") is added
    cib.node_down("one")
    assert history(cib, "db") is not added
    assert [each.get("id") for each in cib.root.iter("lrm_resource")] == ["db"]
