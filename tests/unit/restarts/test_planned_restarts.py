"""A restart that was asked for is a stop and a start in the same place, in one transition, and keeps the role."""

from __future__ import annotations

from crm.model.digest import digest
from tests.unit.observe import helpers
from tests.unit.observe.helpers import DUMMY, member
from tests.unit.policy_engine.helpers import actions, planned

WEB = f'<primitive id="web" {DUMMY}/>'
STICKY_NOWHERE = '<rsc_location id="l" rsc="web" node="b" score="50"/>'
OPTIONS = "fencing-enabled=false"


def entry(name: str, task: str, call: int, rc: int = 0, target: int = 0) -> str:
    """An operation that was run with the parameters that there are: none."""
    return helpers.entry(name, task, call, rc, target, more=f'op-digest="{digest({})}"')


def history(name: str, mark: str, *entries: str) -> str:
    """A history with a mark."""
    return f'<lrm_resource id="{name}" {DUMMY} restart-requested="{mark}">{"".join(entries)}</lrm_resource>'


def absent(name: str) -> str:
    return f'<lrm_resource id="{name}" {DUMMY}>{entry(name, "monitor", 1, rc=7, target=7)}</lrm_resource>'


def done(resources: str, *states: str, constraints: str = "") -> list[str]:
    """What is done to resources, without probes and monitors."""
    nodes = "".join("abc"[: len(states)])
    found = actions(planned(resources, "".join(states), OPTIONS, nodes=nodes, constraints=constraints))
    tasks = ("_stop_0 on", "_start_0 on", "_promote_0 on", "_demote_0 on")
    return [each.replace(":1_", "_") for each in found if any(task in each for task in tasks)]


def test_a_primitive_is_stopped_and_started_where_it_is() -> None:
    running = member("a", history("web", "stop", entry("web", "start", 2)))
    assert done(WEB, running, member("b", absent("web"))) == ["web_start_0 on a", "web_stop_0 on a"]


def test_without_a_mark_nothing_is_done() -> None:
    running = member("a", f'<lrm_resource id="web" {DUMMY}>{entry("web", "start", 2)}</lrm_resource>')
    assert done(WEB, running, member("b", absent("web"))) == []


def test_while_it_is_stopped_its_place_is_kept() -> None:
    """Stickiness is gone, and a preference for the other node would win."""
    stopped = history("web", "start", entry("web", "stop", 3))
    here = member("a", stopped)
    assert done(WEB, here, member("b", absent("web")), constraints=STICKY_NOWHERE) == ["web_start_0 on a"]
    unmarked = member("a", stopped.replace('restart-requested="start"', ""))
    assert done(WEB, unmarked, member("b", absent("web")), constraints=STICKY_NOWHERE) == ["web_start_0 on b"]


def test_what_runs_elsewhere_meanwhile_stays_there() -> None:
    left = member("a", history("web", "start", entry("web", "stop", 3)))
    there = member("b", f'<lrm_resource id="web" {DUMMY}>{entry("web", "start", 2)}</lrm_resource>')
    assert done(WEB, left, there) == []


def test_a_ban_is_stronger_than_the_place() -> None:
    ban = '<rsc_location id="ban" rsc="web" node="a" score="-INFINITY"/>'
    here = member("a", history("web", "start", entry("web", "stop", 3)))
    assert done(WEB, here, member("b", absent("web")), constraints=ban) == ["web_start_0 on b"]


def test_what_depends_on_it_restarts_in_order() -> None:
    resources = WEB + f'<primitive id="front" {DUMMY}/>'
    order = '<rsc_order id="o" first="web" then="front"/>'
    front = f'<lrm_resource id="front" {DUMMY}>{entry("front", "start", 2)}</lrm_resource>'
    here = member("a", history("web", "stop", entry("web", "start", 2)) + front)
    found = planned(resources, here + member("b", absent("web") + absent("front")), OPTIONS, constraints=order)
    ids = {each.action.key: each.id for each in found.transition.synapses}
    waits = {each.action.key: each.inputs for each in found.transition.synapses}
    assert ids["front_stop_0"] in waits["web_stop_0"] and ids["web_start_0"] in waits["front_start_0"]


def test_an_unmanaged_resource_is_left_alone() -> None:
    unmanaged = WEB.replace("/>", '><meta_attributes id="m"><nvpair id="mi" name="is-managed" value="false"/>'
                            "</meta_attributes></primitive>")
    running = member("a", history("web", "stop", entry("web", "start", 2)))
    assert done(unmanaged, running, member("b", absent("web"))) == []


GROUP = f'<group id="g"><primitive id="ip" {DUMMY}/><primitive id="app" {DUMMY}/></group>'


def test_a_group_in_the_middle_of_its_restart_stays_together() -> None:
    """The last member is stopped, the first is not: everything goes on in the same place."""
    ip, app = history("ip", "stop", entry("ip", "start", 2)), history("app", "start", entry("app", "stop", 5))
    here = member("a", ip + app)
    found = done(GROUP, here, member("b", absent("ip") + absent("app")),
                 constraints='<rsc_location id="l" rsc="g" node="b" score="50"/>')
    assert found == ["app_start_0 on a", "ip_start_0 on a", "ip_stop_0 on a"]


CLONE = f"""<clone id="db"><meta_attributes id="cm"><nvpair id="cm1" name="promotable" value="true"/></meta_attributes>
<primitive id="inst" {DUMMY}/></clone>"""


def score(node: str, points: int) -> str:
    return f'<nvpair id="s-{node}" name="master-inst" value="{points}"/>'


def instance(mark: str, *entries: str) -> str:
    return history("inst", mark, *entries).replace('restart-requested=""', "")


def test_a_promoted_instance_is_promoted_again() -> None:
    here = member("a", instance("stop-promoted", entry("inst", "promote", 3)), score("a", 10))
    other = member("b", instance("", entry("inst", "start", 2)), score("b", 5))
    assert done(CLONE, here, other) == [
        "inst_demote_0 on a", "inst_promote_0 on a", "inst_start_0 on a", "inst_stop_0 on a"]


def test_another_is_not_promoted_while_it_is_stopped() -> None:
    """Its promotion score went with the stop, and the other one has one."""
    here = member("a", instance("start-promoted", entry("inst", "stop", 4)))
    other = member("b", instance("", entry("inst", "start", 2)), score("b", 5))
    assert done(CLONE, here, other) == ["inst_promote_0 on a", "inst_start_0 on a"]
    demoted = member("a", instance("stop-promoted", entry("inst", "demote", 4)))
    assert "inst_promote_0 on b" not in done(CLONE, demoted, other)


def test_once_it_runs_its_agent_decides() -> None:
    other = member("b", instance("", entry("inst", "start", 2)), score("b", 500))
    willing = member("a", instance("start-promoted", entry("inst", "start", 5)), score("a", 1))
    assert done(CLONE, willing, other) == ["inst_promote_0 on a"]
    unwilling = member("a", instance("start-promoted", entry("inst", "start", 5)))
    assert done(CLONE, unwilling, other) == ["inst_promote_0 on b"]


def test_who_was_promoted_meanwhile_stays_so() -> None:
    other = member("b", instance("", entry("inst", "promote", 6)), score("b", 5))
    back = member("a", instance("start-promoted", entry("inst", "start", 5)), score("a", 100))
    found = done(CLONE, back, other)
    unmarked = done(CLONE, member("a", instance("", entry("inst", "start", 5)), score("a", 100)), other)
    assert found == unmarked


def test_a_demoted_instance_is_restarted() -> None:
    """Its last operation is a demotion: nothing there has a digest that could be compared."""
    here = member("a", instance("stop", entry("inst", "demote", 4)), score("a", 1))
    other = member("b", instance("", entry("inst", "promote", 6)), score("b", 5))
    assert done(CLONE, here, other) == ["inst_start_0 on a", "inst_stop_0 on a"]
