"""Circles that a configuration has before anything is planned: of constraints, and with the order within groups."""

from __future__ import annotations

import pytest
from lxml import etree

from crm.cib.reading.cib_reader import read
from crm.model.report import Report, Severity
from crm.policy_engine.constraints.cross_constraint_cycles import cross_constraint_cycles
from tests.unit.observe.helpers import DUMMY, NOW

RESOURCES = (
    "".join(f'<primitive id="{name}" {DUMMY}/>' for name in "abc")
    + '<group id="g">' + "".join(f'<primitive id="{name}" {DUMMY}/>' for name in ("disk", "addr", "app")) + "</group>"
    + f'<clone id="k"><primitive id="every" {DUMMY}/></clone>'
    + f'<clone id="m"><meta_attributes id="mm"><nvpair id="mmp" name="promotable" value="true"/></meta_attributes>'
      f'<primitive id="state" {DUMMY}/></clone>'
)


def found(constraints: str) -> list[Report]:
    text = (
        f'<cib validate-with="pacemaker-3.9"><configuration><crm_config/><nodes><node id="n" uname="n"/></nodes>'
        f"<resources>{RESOURCES}</resources><constraints>{constraints}</constraints></configuration><status/></cib>"
    )
    return cross_constraint_cycles(read(etree.fromstring(text)), NOW)


@pytest.mark.parametrize(
    ("constraints", "steps", "named"),
    [
        ('<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="a"/>', "a b", "o1 o2"),
        ('<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="c"/>'
         '<rsc_order id="o3" first="c" then="a"/>', "a b c", "o1 o2 o3"),
        ('<rsc_order id="o1" first="a" then="a"/>', "a", "o1"),
        ('<rsc_order id="o1"><resource_set id="s"><resource_ref id="a"/><resource_ref id="b"/></resource_set>'
         '</rsc_order><rsc_order id="o2" first="b" then="a"/>', "a b", "o1 o2"),
        ('<rsc_order id="o1" first="k" then="a"/><rsc_order id="o2" first="a" then="k"/>', "k a", "o1 o2"),
        ('<rsc_order id="o1" first="app" then="disk"/>', "disk addr app", "o1 group"),
        ('<rsc_order id="o1" first="a" then="g"/><rsc_order id="o2" first="disk" then="a"/>', "a g disk",
         "o1 o2 group"),
        ('<rsc_order id="o1" first="g" then="disk"/>', "disk g", "o1 group"),
    ],
)
def test_orders_that_wait_for_each_other(constraints: str, steps: str, named: str) -> None:
    (report,) = found(constraints)
    assert (report.code, report.severity) == ("ordering-circle", Severity.ERROR)
    circle, _, source = report.message.partition(": ")[2].partition(" (")
    told = [step.removeprefix("start ").removesuffix(" is running") for step in circle.split(" → ")]
    wanted = steps.split()
    assert told[0] == told[-1] and sorted(told[:-1]) == sorted(wanted), report.message
    # Where a circle begins does not matter, but the order does.
    turn = told.index(wanted[0])
    assert [*told[turn:-1], *told[:turn]] == wanted, report.message
    assert {*source.rstrip(")").replace(",", "").split()} >= {*named.split()}
    assert ("group" in named) == ("within a group" in source)


@pytest.mark.parametrize(
    "constraints",
    [
        '<rsc_order id="o1" first="disk" then="app"/><rsc_order id="o2" first="g" then="a"/>',
        '<rsc_order id="o1" first="a" then="g"/><rsc_order id="o2" first="a" then="b"/>',
        '<rsc_order id="o1" first="a" then="b" kind="Serialize"/>'
        '<rsc_order id="o2" first="b" then="a" kind="Serialize"/>',
        '<rsc_order id="o1" first="a" then="b" symmetrical="false"/>'
        '<rsc_order id="o2" first="b" first-action="stop" then="a" then-action="stop" symmetrical="false"/>',
        '<rsc_colocation id="c1" rsc="a" with-rsc="b" score="-10"/>'
        '<rsc_colocation id="c2" rsc="b" with-rsc="a" score="-10"/>',
    ],
)
def test_what_can_be_kept_is_no_circle(constraints: str) -> None:
    assert found(constraints) == []


def test_a_resource_with_itself() -> None:
    (report,) = found('<rsc_colocation id="c1" rsc="a" with-rsc="a" score="INFINITY"/>')
    assert (report.code, report.where, report.severity) == ("colocation-with-itself", "c1", Severity.ERROR)


def test_a_circle_of_colocations_works_and_is_only_doubtful() -> None:
    (report,) = found('<rsc_colocation id="c1" rsc="a" with-rsc="b" score="INFINITY"/>'
                      '<rsc_colocation id="c2" rsc="b" with-rsc="a" score="INFINITY"/>')
    assert (report.code, report.severity) == ("colocation-circle", Severity.WARNING)
    assert "c1, c2" in report.message


APART = '<rsc_colocation id="apart" rsc="{}" with-rsc="{}" score="-INFINITY"/>'
WITH = '<rsc_colocation id="{0}{1}" rsc="{0}" with-rsc="{1}" score="INFINITY"/>'
ALL = '<rsc_colocation id="all" score="{}"><resource_set id="s">{}</resource_set></rsc_colocation>'
REFS = "".join(f'<resource_ref id="{name}"/>' for name in "abc")


@pytest.mark.parametrize(
    ("constraints", "sources"),
    [
        (APART.format("disk", "app"), "the group g"),
        (APART.format("g", "app"), "the group g"),
        (WITH.format("a", "b") + APART.format("b", "a"), "ab"),
        (WITH.format("a", "b") + WITH.format("b", "c") + APART.format("a", "c"), "ab, bc"),
        (WITH.format("a", "c") + WITH.format("b", "c") + APART.format("a", "b"), "ac, bc"),
        (WITH.format("a", "disk") + APART.format("app", "a"), "the group g, adisk"),
        (WITH.format("a", "disk") + WITH.format("b", "app") + APART.format("a", "b"), "adisk, the group g, bapp"),
        (ALL.format("INFINITY", REFS) + APART.format("a", "c"), "s"),
        (WITH.format("a", "k") + APART.format("a", "k"), "ak"),
        (WITH.format("a", "k") + WITH.format("b", "a") + APART.format("b", "k"), "ak, ba"),
        (WITH.format("k", "a") + WITH.format("b", "a") + APART.format("b", "k"), "ka, ba"),
        ('<rsc_colocation id="am" rsc="a" with-rsc="m" with-rsc-role="Promoted" score="INFINITY"/>'
         '<rsc_colocation id="bm" rsc="b" with-rsc="m" with-rsc-role="Promoted" score="INFINITY"/>'
         + APART.format("a", "b"), "am, bm"),
        ('<rsc_colocation id="am" rsc="a" with-rsc="m" with-rsc-role="Promoted" score="INFINITY"/>'
         + APART.format("a", "m"), "am"),
        (WITH.format("a", "b") + '<rsc_colocation id="apart" rsc="a" with-rsc="b" node-attribute="rack" '
         'score="-INFINITY"/>', "ab"),
    ],
)
def test_colocations_that_contradict_each_other(constraints: str, sources: str) -> None:
    (report,) = [each for each in found(constraints) if each.code == "colocation-contradiction"]
    assert (report.where, report.severity) == ("apart", Severity.WARNING)
    told = report.message.partition("but ")[2].partition(" keep")[0]
    assert sorted(told.split(", ")) == sorted(sources.split(", "))


@pytest.mark.parametrize(
    "constraints",
    [
        APART.format("a", "b"),
        APART.format("a", "disk"),
        WITH.format("a", "b") + APART.format("b", "c"),
        WITH.format("a", "k") + WITH.format("b", "k") + APART.format("a", "b"),
        WITH.format("a", "b") + '<rsc_colocation id="apart" rsc="a" with-rsc="b" score="-1000"/>',
        '<rsc_colocation id="rack" rsc="a" with-rsc="b" node-attribute="rack" score="INFINITY"/>' + APART.format("a",
                                                                                                                 "b"),
        '<rsc_colocation id="am" rsc="a" with-rsc="m" with-rsc-role="Promoted" score="INFINITY"/>'
        '<rsc_colocation id="apart" rsc="a" with-rsc="m" with-rsc-role="Unpromoted" score="-INFINITY"/>',
        WITH.format("a", "m") + '<rsc_colocation id="apart" rsc="a" with-rsc="m" with-rsc-role="Promoted" '
                                'score="-INFINITY"/>',
    ],
)
def test_colocations_that_can_all_be_kept(constraints: str) -> None:
    assert [each for each in found(constraints) if each.code == "colocation-contradiction"] == []
