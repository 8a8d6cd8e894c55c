"""Location constraints: rules, their scores, and the older lifetimes."""

from __future__ import annotations

from crm.policy_engine.scheduling import Schedule
from tests.unit.observe.helpers import DUMMY, member
from tests.unit.policy_engine.helpers import actions, planned

WEB = f'<primitive id="web" {DUMMY}><operations/></primitive>'
NO_FENCING = "fencing-enabled=false enable-startup-probes=false"


def _weight(value: str) -> str:
    return f'<nvpair id="w" name="weight" value="{value}"/>'


def _with(constraint: str, a: str = "1", b: str = "1") -> Schedule:
    status = member("a", attributes=_weight(a)) + member("b", attributes=_weight(b))
    return planned(WEB, status, NO_FENCING, constraints=f'<rsc_location id="l" rsc="web" {constraint}</rsc_location>')


def _rule(score: str, name: str, rule_id: str = "r") -> str:
    condition = f'<expression id="{rule_id}-e" attribute="#uname" operation="eq" value="{name}"/>'
    return f'<rule id="{rule_id}" {score}>{condition}</rule>'


def _while(operation: str) -> str:
    moment = f'operation="{operation}" {"start" if operation == "gt" else "end"}="2001-01-01"'
    return f'<lifetime><rule id="t"><date_expression id="t-d" {moment}/></rule></lifetime>'


def test_each_rule_of_a_location_counts() -> None:
    both = ">" + _rule('score="10"', "a", "r1") + _rule('score="20"', "b", "r2")
    assert actions(_with(both)) == ["web_start_0 on b"]


def test_an_attribute_that_holds_no_score_says_nothing_of_its_node() -> None:
    rule = 'resource-discovery="exclusive">' + '<rule id="r" score-attribute="weight">'
    rule += '<expression id="e" attribute="weight" operation="defined"/></rule>'
    assert actions(_with(rule, a="heavy", b="0")) == ["web_start_0 on b"]


def test_a_location_counts_only_while_its_lifetime_lasts() -> None:
    ban = 'node="a" score="-INFINITY">'
    assert actions(_with(ban + _while("lt"))) == ["web_start_0 on a"]
    assert actions(_with(ban + _while("gt"))) == ["web_start_0 on b"]
    rule = ">" + _rule('score="INFINITY"', "b")
    assert actions(_with(rule + _while("lt"))) == ["web_start_0 on a"]
    assert actions(_with(rule + _while("gt"))) == ["web_start_0 on b"]


def _three(constraint: str, tags: str) -> list[str]:
    resources = "".join(f'<primitive id="{name}" {DUMMY}/>' for name in "xyz")
    members = "".join(f'<obj_ref id="{name}"/>' for name in tags.split())
    more = f'<tags><tag id="outer">{members}</tag><tag id="inner"><obj_ref id="y"/></tag></tags>'
    status = member("a") + member("b")
    return actions(planned(resources, status, NO_FENCING, constraints=constraint, more=more))


def test_a_tag_in_a_set_stands_for_what_the_tags_in_it_stand_for() -> None:
    members = '<resource_set id="s"><resource_ref id="outer"/></resource_set>'
    ban = f'<rsc_location id="l" node="a" score="-INFINITY">{members}</rsc_location>'
    assert _three(ban, "x inner")[:2] == ["x_start_0 on b", "y_start_0 on b"]
    assert "x_start_0 on a" in _three(ban, "x inner nobody"), "sets that name something unknown are ignored as a whole"
    assert "x_start_0 on a" in _three(ban, "x outer"), "so are tags that contain themselves"


def test_nothing_runs_or_is_asked_about_on_a_ping_node() -> None:
    found = planned(WEB, member("a") + member("b"), "fencing-enabled=false", nodes="ab")
    assert "web_monitor_0 on b" in actions(found)
    nodes = '<node id="a" uname="a"/><node id="b" uname="b" type="ping"/>'
    assert actions(planned(WEB, member("a") + member("b"), "fencing-enabled=false", nodes=nodes)) == [
        "web_monitor_0 on a",
        "web_start_0 on a",
    ]
