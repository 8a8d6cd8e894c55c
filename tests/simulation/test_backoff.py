"""What fails again and again is tried less and less often, and at once when somebody has looked into it."""

from __future__ import annotations

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.testing import World, scenario

FOR_EVER = '<meta_attributes id="lone-m"><nvpair id="lone-m-t" name="migration-threshold" value="0"/></meta_attributes>'
CIB = f"""<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config>{scenario.options_xml({"fencing-enabled": "false", "start-failure-is-fatal": "false"})}</crm_config>
<nodes/><resources>{scenario.primitive("lone", meta=FOR_EVER)}{scenario.primitive("other")}</resources>
<constraints/></configuration><status/></cib>"""


def failing_world(seed: int = 1) -> World:
    one = World("ab", CIB, seed)
    for node in one.nodes.values():
        node.machine.failing.add(("lone", "start"))
    one.run_for(5.0)
    return one


def starts(world: World, mark: int = 0) -> int:
    return sum("start lone = 1" in line for line in world.story[mark:])


def reports(world: World) -> list[str]:
    leader = world.dc()
    assert leader is not None
    controller = world.nodes[leader].controller
    assert controller is not None
    return [f"{report.message}. {report.hint}" for report in controller.snapshot().reports
            if report.code == "held-back"]


def test_a_start_that_fails_for_ever_is_tried_after_seconds_then_minutes() -> None:
    one = failing_world()
    one.run_for(55.0)
    in_the_first_minute = starts(one)
    assert 6 <= in_the_first_minute <= 18
    mark = len(one.story)
    one.run_for(600.0)
    assert 2 <= starts(one, mark) <= 14
    (said, *_) = reports(one)
    assert "The start of lone on" in said and "times in a row (rc 1); it is tried again in" in said
    assert "crmctl cleanup lone" in said


def test_everything_else_goes_on_meanwhile() -> None:
    one = failing_world()
    one.run_for(120.0)
    (home,) = one.where("other")
    one.break_resource("other")
    one.run_for(12.0)
    assert one.where("other") == [home]
    mark = len(one.story)
    one.edit(str(one.dc()), Edit(EditVerb.MODIFY, '<primitive id="other"><meta_attributes id="om"><nvpair id="om-r" '
                                 'name="target-role" value="Stopped"/></meta_attributes></primitive>'))
    one.run_for(1.0)
    assert one.where("other") == [] and any("stop other" in line for line in one.story[mark:])


@pytest.mark.parametrize("way", ["cleanup", "change"])
def test_whoever_looks_into_it_sees_at_once_what_comes_of_it(way: str) -> None:
    one = failing_world()
    one.run_for(300.0)
    for node in one.nodes.values():
        node.machine.failing.clear()
    assert one.where("lone") == []
    if way == "cleanup":
        one.clean_up(str(one.dc()))
    else:
        one.change(str(one.dc()), "marker")
    one.run_for(2.0)
    assert len(one.where("lone")) == 1
    assert reports(one) == []


def test_what_causes_it_is_deleted_and_nothing_is_tried_any_more() -> None:
    one = failing_world()
    one.run_for(60.0)
    one.edit(str(one.dc()), Edit(EditVerb.DELETE, xpath="//primitive[@id='lone']"))
    one.run_for(2.0)
    mark = len(one.story)
    one.run_for(300.0)
    assert starts(one, mark) == 0 and reports(one) == []
    one.settle()


def test_a_success_ends_the_row() -> None:
    one = failing_world()
    one.run_for(30.0)
    for node in one.nodes.values():
        node.machine.failing.clear()
    one.run_for(130.0)
    assert len(one.where("lone")) == 1 and reports(one) == []


def test_failures_that_policies_answer_are_answered_at_once() -> None:
    """Three failures on a node move a resource to the next: that must not take longer than before."""
    one = World("abc", CIB.replace('name="migration-threshold" value="0"', 'name="migration-threshold" value="2"'), 3)
    one.settle()
    (home,) = one.where("lone")
    one.nodes[home].machine.failing.add(("lone", "start"))
    one.break_resource("lone")
    one.run_for(13.0)
    (now,) = one.where("lone")
    assert now != home
