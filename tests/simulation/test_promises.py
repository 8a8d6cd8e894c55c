"""Stories of fencing, attributes and alerts with whole clusters and the real policy engine."""

from __future__ import annotations

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.controller import events
from crm.controller.leadership.election import Election
from crm.messaging.quorum import QuorumMode, QuorumRule
from crm.testing import AllowedBreaks, World, scenario


def world(names: str = "abc", seed: int = 1, cib: str | None = None, rule: QuorumRule | None = None) -> World:
    one = World(names, cib or scenario.cib(len(names)), seed, rule=rule)
    one.checkers.expect = scenario.EXPECTED
    one.settle()
    return one


def in_order(one: World, *wanted: str) -> bool:
    """Whether the story has these words, in this order."""
    lines = iter(one.story)
    return all(any(word in line for line in lines) for word in wanted)


def test_a_cut_off_node_is_fenced_before_its_service_moves() -> None:
    one = world()
    (home,) = one.where("db")
    one.power.boots = False
    one.cut_off(home)
    one.settle()
    assert in_order(one, f"cuts the power of {home}", "start db")
    assert one.where("db") not in ([], [home])


def test_what_cannot_be_fenced_is_not_started_elsewhere() -> None:
    one = world()
    (home,) = one.where("db")
    one.power.boots = False
    one.power.broken = {"power", "spare"}
    one.pause(home, 1000)
    one.run_for(60)
    assert one.where("db") == [home]
    one.power.broken.clear()
    one.run_for(90)
    assert one.where("db") not in ([], [home])


def test_a_person_can_say_that_a_node_is_off() -> None:
    one = world()
    (home,) = one.where("db")
    other = next(name for name in "abc" if name != home)
    refused = one.fence(other, home, "confirm")
    one.run_for(1)
    assert one.answers[refused].code == "node-is-here"
    one.power.broken = {"power", "spare"}
    one.crash(home)
    one.run_for(5)
    assert one.where("db") == []
    said = one.fence(other, home, "confirm")
    one.run_for(30)
    assert one.answers[said].code == ""
    assert one.where("db") not in ([], [home])


def test_a_second_device_is_used_when_the_first_fails() -> None:
    one = world()
    (home,) = one.where("db")
    one.power.broken = {"power"}
    one.crash(home)
    one.settle()
    assert in_order(one, "power fails to reboot", "spare cuts the power")


def test_a_failed_stop_fences_even_the_dc_and_whoever_leads_then_knows() -> None:
    one = world(seed=3)  # Another DC that has planned already has it fenced again: seed 1.
    one.power.boots = False
    dc = one.dc()
    assert dc is not None
    number = one.config.id_of(dc)
    resource = next(iter(set(one.nodes[dc].machine.active) & {"all"}))
    one.nodes[dc].machine.failing.add((resource, "stop"))
    standby = (f'<node id="{number}"><instance_attributes id="s"><nvpair id="sb" name="standby" value="on"/>'
               "</instance_attributes></node>")
    one.edit("a", Edit(EditVerb.MODIFY, standby, "nodes"))
    one.run_for(30)
    assert not one.nodes[dc].alive
    cuts = [line for line in one.story if f"cuts the power of {dc}" in line]
    assert len(cuts) == 1, "the new DC heard of it from the node that did it"


def test_what_a_former_leader_had_fenced_in_vain_is_fenced_by_the_next() -> None:
    one = world()
    one.power.boots = False
    one.power.broken = {"power"}
    dc = one.dc()
    assert dc is not None
    resource = next(iter(set(one.nodes[dc].machine.active) & {"all"}))
    one.nodes[dc].machine.failing.add((resource, "stop"))
    standby = (f'<node id="{one.config.id_of(dc)}"><instance_attributes id="s"><nvpair id="sb" name="standby" '
               'value="on"/></instance_attributes></node>')
    one.edit("a", Edit(EditVerb.MODIFY, standby, "nodes"))
    while not any(f"fencing {dc}" in line for line in one.story):
        one.run_for(0.01)
    one.crash(dc)
    one.run_for(30)
    assert in_order(one, f"{dc} is being fenced from", "power fails to reboot", f"spare cuts the power of {dc}")
    assert len([line for line in one.story if f"cuts the power of {dc}" in line]) == 1


def test_everybody_knows_the_history_of_fencing() -> None:
    one = world()
    one.crash("c")
    one.settle()
    one.run_for(10)
    for node in one.nodes.values():
        assert node.controller is not None, "the power switch has booted it"
        (record,) = node.controller.snapshot().fencings
        assert (record.target, record.state) == ("c", "success")


def test_nodes_that_start_late_are_not_fenced_at_once() -> None:
    one = World("abc", scenario.cib(3), 3)
    one.crash("c")
    one.run_for(2)
    one.start("c")
    one.settle()
    assert not any("cuts the power" in line for line in one.story)
    one = World("abc", scenario.cib(3), 3)
    one.power.boots = False
    one.crash("c")
    one.run_for(30)
    assert any("cuts the power of c" in line for line in one.story), "it was never seen: it may run anything"


def test_two_nodes_that_lose_each_other_settle_it_by_power() -> None:
    one = world("ab", rule=QuorumRule(QuorumMode.TWO_NODE))
    one.power.boots = False
    one.partition("a", "b")
    one.run_for(0.06)
    for name in "ab":
        one.change(name, f"from-{name}")
    one.settle()
    (survivor,) = [node.name for node in one.nodes.values() if node.alive]
    one.heal()
    (other,) = {"a", "b"} - {survivor}
    one.start(other)
    one.settle()
    one.checkers.settled()


def test_a_node_that_lost_quorum_ends_itself_where_the_policy_asks_for_it() -> None:
    cib = scenario.cib(3).replace('name="no-quorum-policy" value="stop"', 'name="no-quorum-policy" value="fence"')
    one = world(cib=cib)
    one.cut_off("c")
    one.run_for(0.1)
    assert any("c fences itself" in line for line in one.story)


def test_an_attribute_outlives_the_dc_and_leaves_with_its_node() -> None:
    one = world()
    dc = one.dc()
    assert dc is not None
    holder = next(name for name in "abc" if name != dc)
    set_attribute(one, holder, "speed", "7")
    one.run_for(0.2)
    one.crash(dc)
    one.settle()
    assert attribute(one, holder, "speed") == "7"
    one.crash(holder)
    one.run_for(20)
    assert attribute(one, holder, "speed") is None


def test_a_dampened_attribute_is_written_when_all_is_quiet_for_all_nodes_at_once() -> None:
    one = world()
    for name, value in zip("abc", "123", strict=True):
        set_attribute(one, name, "ping", value, dampening_ms=2000)
        one.run_for(1)
    assert [attribute(one, name, "ping") for name in "abc"] == [None] * 3
    one.run_for(2)
    assert [attribute(one, name, "ping") for name in "abc"] == ["1", "2", "3"]


def test_an_attribute_can_be_counted_up() -> None:
    one = world()
    for value in ("5", "value++", "value+=10", "value-=1"):
        set_attribute(one, "a", "n", value)
        one.run_for(0.1)
    assert attribute(one, "a", "n") == "15"


def test_a_node_that_leaves_before_a_new_leader_has_taken_it_in_is_lost_like_any_other() -> None:
    """Seed 4015: it was in the view of the election, and gone before it could join; nobody noticed."""
    one = world()
    former = one.dc()
    assert former is not None
    one.power.boots = False
    one.crash(former)
    while one.dc() is None:
        one.run_for(0.0001)
    dc = one.dc()
    (third,) = set("abc") - {former, dc or ""}
    one.start(former)
    one.crash(third)
    one.run_for(30)
    assert any(f"cuts the power of {third}" in line for line in one.story)


def test_what_a_member_did_alone_while_its_leader_was_frozen_is_put_right() -> None:
    """Seed 24100: neither the view nor the member's start had changed for the leader, so that it saw no news."""
    one = world("ab")
    dc = one.dc()
    assert dc is not None
    one.pause(dc, 10)
    one.run_for(9)
    (other,) = {"a", "b"} - {dc}
    assert one.where("all") == [dc], f"{other} had no quorum, and stopped what it ran"
    one.run_for(10)
    one.checkers.settled()
    assert one.where("all") == ["a", "b"]


def test_a_failure_is_forgotten_at_that_moment() -> None:
    one = world()
    (home,) = one.where("lone")
    one.break_resource("lone")
    one.run_for(12)
    one.settle()
    failed_at = one.clock
    number = one.config.id_of(home)
    counted = f'//node_state[@id="{number}"]//nvpair[starts-with(@name, "fail-count-lone")]'
    dc = one.dc()
    assert dc is not None
    assert one.document(dc).root.xpath(counted)
    while one.document(dc).root.xpath(counted) and one.clock < failed_at + 60:
        one.run_for(0.5)
    assert one.clock < failed_at + 23, "failure-timeout is 20 s"


def test_a_failure_is_forgotten_in_time_though_the_next_leader_s_clock_is_behind() -> None:
    one = world()
    assert one.dc() == "a"
    one.kill_daemon("b")
    one.nodes["b"].skew = -3600.0
    one.start("b")
    one.settle()
    one.break_resource("state")
    one.run_for(12)
    assert failures(one)
    one.kill_daemon("a")
    one.settle()
    one.run_for(60)
    assert one.dc() == "b"
    assert not failures(one)


def failures(one: World) -> list[str]:
    """Names of the fail counts of node c."""
    root = one.document(one.dc() or "").root
    return [str(pair.get("name")) for pair in root.iterfind("status/node_state[@id='3']//nvpair")
            if str(pair.get("name")).startswith("fail-count-")]


def test_a_failure_while_nobody_leads_is_counted_by_whoever_leads_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long ago it was: nobody has done anything about it yet."""
    one = world()
    (home,) = one.where("db")
    former = one.dc()
    assert former is not None
    monkeypatch.setattr(Election, "_decide", lambda self: None)
    if former == home:
        one.kill_daemon(next(name for name in "abc" if name != home))
        one.nodes[home].controller._election.step_down("tired")  # type: ignore[union-attr]
    else:
        one.kill_daemon(former)
    one.run_for(0.2)
    assert one.dc() is None
    one.break_resource("db")
    mark = len(one.story)
    one.run_for(40)
    monkeypatch.undo()
    one.run_for(10)
    assert any(f"{home}: stop db = 0" in line for line in one.story[mark:])
    dc = one.dc()
    assert dc is not None
    counts = one.document(dc).root.xpath("//nvpair[@name='fail-count-db#monitor_10000']/@value")
    assert counts == ["1"]


def test_a_resource_is_kept_for_a_node_that_was_shut_down_until_the_limit() -> None:
    options = ('<nvpair id="lock" name="shutdown-lock" value="true"/>'
               '<nvpair id="limit" name="shutdown-lock-limit" value="30s"/></cluster_property_set>')
    one = world(cib=scenario.cib(3).replace("</cluster_property_set>", options, 1))
    (home,) = one.where("lone")
    left_at = one.clock
    one.shut_down(home)
    one.settle()
    assert one.where("lone") == []
    one.start(home)
    one.settle()
    assert one.where("lone") == [home], "it came back in time"
    left_at = one.clock
    one.shut_down(home)
    one.settle()
    assert one.where("lone") == []
    one.run_for(left_at + 33 - one.clock)
    assert one.where("lone") not in ([], [home])
    one.start(home)
    one.settle()
    one.checkers.settled()


def test_a_migration_whose_end_nobody_has_heard_of_leaves_no_second_instance() -> None:
    one = world_with_guest()
    home = one.dc()
    assert home is not None
    place(one, "guest", home, "INFINITY")
    one.settle()
    assert one.where("guest") == [home]
    one.power.boots = False
    place(one, "guest", home, "-INFINITY")
    while one.where("guest") == [home]:
        one.run_for(0.0001)
    (target,) = one.where("guest")
    (third,) = set("abc") - {home, target}
    one.cut_off(home)
    one.crash(home)
    while one.dc() is None:
        one.run_for(0.001)
    place(one, "guest", target, "-INFINITY", via=third)
    one.settle()
    assert one.where("guest") == [third], "the target was told to stop what nobody had told of"


def test_a_migration_of_long_ago_is_not_taken_for_the_present_one() -> None:
    """It arrived and was stopped; should the next one to the same place be given up half-way, this must not count."""
    one = world_with_guest()
    place(one, "guest", "a", "INFINITY")
    one.settle()
    for node in "ba":
        place(one, "guest", node, "INFINITY")
        one.settle()
    assert one.where("guest") == ["a"]
    entries = one.document("a").root.xpath("//lrm_resource[@id='guest']/lrm_rsc_op[starts-with(@operation, 'migrate')]")
    assert [(entry.get("on_node"), entry.get("operation")) for entry in entries] == [("a", "migrate_from")]


@pytest.mark.parametrize("seed", range(4))
def test_a_migration_given_up_while_nobody_may_act_is_looked_into(seed: int) -> None:
    """In maintenance nothing is done about it, and its failure expires: whoever acts then must know where it went."""
    one = world_with_guest(seed)
    place(one, "guest", "a", "INFINITY")
    one.settle()
    one.edit("a", Edit(EditVerb.CREATE, '<meta_attributes id="d"><nvpair id="d-f" name="failure-timeout" value="5s"/>'
                       "</meta_attributes>", "rsc_defaults"))
    one.nodes["a"].machine.hanging.add(("guest", "migrate_to"))
    place(one, "guest", "b", "INFINITY")
    one.run_for(1.0)
    set_maintenance(one, "true")
    one.run_for(60.0)
    place(one, "guest", "a", "INFINITY")
    set_maintenance(one, "false")
    one.nodes["a"].machine.hanging.clear()
    one.settle()
    assert len(one.where("guest")) == 1
    one.checkers.settled()


def set_maintenance(one: World, value: str) -> None:
    pair = f'<nvpair id="opt-maintenance" name="maintenance-mode" value="{value}"/>'
    one.edit("a", Edit(EditVerb.UPSERT, f'<cluster_property_set id="maintenance">{pair}</cluster_property_set>',
                       "crm_config"))


def world_with_guest(seed: int = 1) -> World:
    guest = scenario.primitive("guest", meta='<meta_attributes id="m"><nvpair id="m-a" name="allow-migrate" '
                               'value="true"/></meta_attributes>')
    one = world(cib=scenario.cib(3).replace("</resources>", f"{guest}</resources>"), seed=seed)
    one.checkers.expect = AllowedBreaks(unique=("guest",), unique_in_peace=("guest",))
    return one


def place(one: World, resource: str, node: str, score: str, via: str = "") -> None:
    at = f'<rsc_location id="place-{resource}" rsc="{resource}" node="{node}" score="{score}"/>'
    one.edit(via or node, Edit(EditVerb.UPSERT, at, "constraints"))


def test_alerts_tell_each_event_once() -> None:
    alert = ('<alerts><alert id="al" path="/bin/alert"><select><select_nodes/><select_fencing/><select_resources/>'
             '</select><recipient id="r" value="me"/></alert></alerts></configuration>')
    one = world(cib=scenario.cib(3).replace("</configuration>", alert))
    one.alerts.clear()
    (home,) = one.where("db")
    one.power.boots = False
    one.crash(home)
    one.settle()
    told = [environment for _, environment in one.alerts]
    assert [each for each in told if each["CRM_alert_kind"] == "node"] == [
        {"CRM_alert_kind": "node", "CRM_alert_node": home, "CRM_alert_nodeid": one.config.id_of(home),
         "CRM_alert_desc": "lost", "CRM_alert_recipient": "me"}]
    (fencing,) = [each for each in told if each["CRM_alert_kind"] == "fencing"]
    assert (fencing["CRM_alert_node"], fencing["CRM_alert_task"], fencing["CRM_alert_rc"]) == (home, "reboot", "0")
    starts = [each for each in told if each.get("CRM_alert_rsc") == "db" and each["CRM_alert_task"] == "start"]
    assert len(starts) == 1 and starts[0]["CRM_alert_rc"] == "0"
    assert all(each["CRM_alert_rc"] != "7" for each in told if each.get("CRM_alert_task") == "monitor"), "no probes"


def set_attribute(one: World, node: str, name: str, value: str, dampening_ms: int | None = None) -> None:
    one.handle(one.nodes[node], events.AttributeRequested(f"attribute-{one.clock}", node, name, value, dampening_ms))


def attribute(one: World, node: str, name: str) -> str | None:
    from crm.cib.queries import transient_attribute

    dc = one.dc()
    assert dc is not None
    return transient_attribute(one.document(dc), one.config.id_of(node), name)


def test_what_a_node_leaves_running_is_fenced_before_it_is_started_elsewhere() -> None:
    """Its daemon was stopped in maintenance, where services stay as they are; maintenance ends before it is back."""
    one = World("abc", scenario.cib(3), 4)
    one.checkers.expect = scenario.EXPECTED
    one.settle()
    (home,) = one.where("db")
    other = next(name for name in one.nodes if name != home)
    maintenance = ('<crm_config><cluster_property_set id="options"><nvpair id="option-maintenance" '
                   'name="maintenance-mode" value="{}"/></cluster_property_set></crm_config>')
    one.edit(other, Edit(EditVerb.MODIFY, maintenance.format("true")))
    one.run_for(3.0)
    one.shut_down(home)
    one.run_for(20.0)
    assert not one.nodes[home].alive and one.where("db") == [home]
    assert not any("cuts the power" in line for line in one.story)
    one.edit(other, Edit(EditVerb.MODIFY, maintenance.format("false")))
    one.run_for(10.0)
    assert any(f"cuts the power of {home}" in line for line in one.story)
    assert len(one.where("db")) == 1


def test_a_node_that_leaves_with_nothing_is_not_fenced() -> None:
    one = World("abc", scenario.cib(3), 5)
    one.settle()
    (home,) = one.where("db")
    one.shut_down(home)
    one.run_for(60.0)
    assert not one.nodes[home].alive and len(one.where("db")) == 1
    assert not any("cuts the power" in line for line in one.story)


def test_after_a_failed_stop_and_its_fencing_the_cluster_looks_again_at_once() -> None:
    """Nothing else may give it a reason to: the resource was deleted, and had run alone on a machine that stays off."""
    cib = f"""<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config>{scenario.options_xml({"fencing-enabled": "true"})}</crm_config><nodes/>
<resources>{scenario.device("power")}
{scenario.primitive("single")}</resources><constraints/></configuration><status/></cib>"""
    one = World("abc", cib, 8)
    one.membership.detection_s = 3.0
    one.power.boots = False
    one.settle()
    (home,) = one.where("single")
    one.nodes[home].machine.failing.add(("single", "stop"))
    one.edit(home, Edit(EditVerb.DELETE, xpath="//primitive[@id='single']"))
    one.run_for(12.0)
    assert one.where("single") == [] and any(f"cuts the power of {home}" in line for line in one.story)
    assert one.quiet() and "single" not in one.document(str(one.dc())).to_bytes().decode()
