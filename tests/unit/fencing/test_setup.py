"""What a configuration says about fencing."""

from __future__ import annotations

from dataclasses import replace

from crm.cib.document import Document
from crm.cib.reading import cib_reader
from crm.controller.fencing.coverage import coverage
from crm.policy_engine.picture.fence_devices import FencingSetup, fencing_setup

CIB = """<cib validate-with="pacemaker-3.9" have-quorum="1"><configuration>
<crm_config><cluster_property_set id="o"><nvpair id="o1" name="stonith-timeout" value="30s"/>
<nvpair id="o2" name="fencing-max-attempts" value="3"/>{options}</cluster_property_set></crm_config>
<nodes><node id="1" uname="one"/><node id="2" uname="two"><instance_attributes id="n2">
<nvpair id="n2r" name="rack" value="r2"/></instance_attributes></node><node id="3" uname="three"/></nodes>
<resources>
<template id="pdu" class="stonith" type="fence_pdu"><instance_attributes id="pdu-p">
<nvpair id="pdu-ip" name="ip" value="10.0.0.1"/></instance_attributes></template>
<primitive id="a" template="pdu"><instance_attributes id="a-p"><nvpair id="a-p1" name="priority" value="1"/>
</instance_attributes></primitive>
<primitive id="b" template="pdu"><instance_attributes id="b-p"><nvpair id="b-p1" name="priority" value="5"/>
<nvpair id="b-p2" name="pcmk_host_list" value="two three"/></instance_attributes></primitive>
<primitive id="off" class="stonith" type="fence_x"><meta_attributes id="off-m">
<nvpair id="off-m1" name="target-role" value="Stopped"/></meta_attributes></primitive>
<clone id="c"><primitive id="cloned" class="stonith" type="fence_y"/></clone>
</resources>
<constraints><rsc_location id="l" rsc="a" node="one" score="-INFINITY"/>
<rsc_location id="l2" rsc="c" node="two" score="-10"/></constraints>
<fencing-topology>
<fencing-level id="f2" index="2" target="one" devices="b"/>
<fencing-level id="f1" index="1" target="one" devices="a,cloned"/>
<fencing-level id="f3" index="1" target-pattern="^th" devices="cloned"/>
<fencing-level id="f4" index="1" target-attribute="rack" target-value="r2" devices="b"/>
</fencing-topology></configuration><status>
<node_state id="3" uname="three" in_ccm="1" crmd="1" join="member" expected="member"><lrm id="3"><lrm_resources>
<lrm_resource id="b" class="stonith" type="fence_pdu"><lrm_rsc_op id="b_last_0" operation="start" interval="0"
 operation_key="b_start_0" call-id="3" rc-code="0" op-status="0"
 transition-key="1:1:0:x" transition-magic="0:0;1:1:0:x"/>
</lrm_resource></lrm_resources></lrm></node_state></status></cib>"""


def setup(options: str = "") -> FencingSetup:
    return fencing_setup(cib_reader.read(Document.parse(CIB.format(options=options)).root), 1000)


def test_devices_come_by_priority_with_template_and_location_applied() -> None:
    found = setup()
    assert [device.id for device in found.devices] == ["b", "a", "cloned"]
    assert found.devices[1].parameters["ip"] == "10.0.0.1"
    assert set(found.devices[1].nodes) == {"two", "three"}
    assert set(found.devices[2].nodes) == {"one", "three"}


def test_a_device_is_used_first_from_where_it_is_started() -> None:
    (b,) = (device for device in setup().devices if device.id == "b")
    assert b.active_on == ("three",)
    assert b.nodes[0] == "three"


def test_levels_are_found_by_name_pattern_or_attribute() -> None:
    assert setup().levels == {"one": (("a", "cloned"), ("b",)), "two": (("b",),), "three": (("cloned",),)}


def test_limits_are_read_under_their_older_names() -> None:
    found = setup()
    assert (found.timeout_ms, found.max_attempts, found.watchdog_timeout_ms) == (30_000, 3, 0)
    watchdog = ('<nvpair id="o3" name="have-watchdog" value="true"/>'
                '<nvpair id="o4" name="stonith-watchdog-timeout" value="10s"/>')
    assert setup(watchdog).watchdog_timeout_ms == 10_000


def test_coverage_says_who_can_fence_whom_from_where() -> None:
    one, two, three = coverage(setup(), ["one", "two", "three"])
    assert one.ways == (("a", "cloned"),), "b, its second level, does not list it"
    assert one.origins == ("three",)
    assert two.ways == (("b",),) and set(two.origins) == {"one", "three"}
    assert three.origins == ("one",) and not three.problem


def test_coverage_names_what_nobody_can_fence() -> None:
    bare = FencingSetup((), {})
    assert "no device" in coverage(bare, ["one"])[0].problem and "never" in coverage(bare, ["one"])[0].problem


def test_coverage_says_what_becomes_of_a_lost_node_where_fencing_is_off() -> None:
    off = replace(setup('<nvpair id="o5" name="fencing-enabled" value="false"/>'), devices=(), levels={})
    (problem,) = {each.problem for each in coverage(off, ["one", "two"])}
    assert "once its lease is over" in problem and "never" not in problem
