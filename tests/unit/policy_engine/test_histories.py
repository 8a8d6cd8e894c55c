"""What recorded operations come to where the record is not plain: pending entries, expiries, digests."""

from __future__ import annotations

from crm.policy_engine.observe.sorting import in_order
from crm.policy_engine.placement.criteria import threshold_reached
from tests.unit.observe.helpers import DUMMY, NOW, entry, history, look, member
from tests.unit.policy_engine.helpers import actions, planned

MINUTE = '<meta_attributes id="m"><nvpair id="t" name="failure-timeout" value="60s"/></meta_attributes>'
WEB = (
    f'<primitive id="web" {DUMMY}>{MINUTE}'
    '<operations><op id="web-m" name="monitor" interval="10s"/></operations></primitive>'
)
NO_FENCING = "fencing-enabled=false"
LOOK = "web_monitor_10000 a"
NOTHING_GIVEN = "4811cef7f7f94e3a35a70be7916cb2fd"
"""Digest of a recurring operation without parameters and with the default time limit."""


def _entry(name: str, call: int, transition: int, by: str) -> str:
    magic = f"0:0;1:{transition}:0:{by}"
    return (
        f'<lrm_rsc_op id="{name}" operation="monitor" interval="0" rc-code="0" op-status="0" on_node="n" '
        f'call-id="{call}" transition-key="1:{transition}:0:{by}" transition-magic="{magic}"/>'
    )


def _counted(at: int) -> str:
    return (
        '<nvpair id="f" name="fail-count-web#monitor_10000" value="1"/>'
        f'<nvpair id="l" name="last-failure-web#monitor_10000" value="{at}"/>'
    )


def test_entries_that_compare_in_a_circle_are_ordered_by_merging_halves() -> None:
    """A pending entry is later than another leader's, earlier than one of a later transition, wherever those stand."""
    stop = _entry("stop", 9, -1, "other")
    pending = _entry("pending", -1, 5, "leader")
    monitor = _entry("monitor", 8, 6, "leader")
    cluster = look(WEB, member("a", history("web", stop, pending, monitor)), NO_FENCING)
    recorded = cluster.histories["a"]["web"].entries
    assert [each.id for each in in_order(recorded)] == ["monitor", "stop", "pending"]


def test_the_graph_names_the_expiry_of_a_fail_count_only_if_an_entry_tells_of_the_resource() -> None:
    elsewhere = member("a", attributes=_counted(NOW - 10)) + member("b", history("web", entry("web", "start", 1)))
    here = member("a", history("web", entry("web", "start", 1)), _counted(NOW - 10)) + member("b")
    assert look(WEB, elsewhere, NO_FENCING).recheck_by is None
    assert look(WEB, here, NO_FENCING).recheck_by == NOW + 51


def test_an_expiry_that_the_graph_does_not_name_is_waited_for_all_the_same() -> None:
    failed = entry("web", "monitor", 2, rc=7, interval=10_000, entry_id="web_last_failure_0", at=NOW - 10)
    cluster = look(WEB, member("a", history("web", entry("web", "start", 1), failed)) + member("b"), NO_FENCING)
    assert (cluster.recheck_by, cluster.recheck_at) == (None, NOW + 50)


def test_an_expired_failure_starts_the_operation_anew_unless_it_is_known_to_run() -> None:
    digest = f'op-digest="{NOTHING_GIVEN}"'
    start = entry("web", "start", 1, more='op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"')
    failed = entry("web", "monitor", 2, rc=7, interval=10_000, entry_id="web_last_failure_0", more=digest)
    running = entry("web", "monitor", 2, interval=10_000, at=NOW - 200, more=digest)
    others = member("b", history("web", entry("web", "monitor", 1, rc=7, target=7)))
    alone = planned(WEB, member("a", history("web", start, failed)) + others, NO_FENCING)
    both = planned(WEB, member("a", history("web", start, running, failed)) + others, NO_FENCING)
    assert actions(alone) == ["web_monitor_10000 on a"]
    assert actions(both) == []


def test_what_needs_a_resource_whose_failure_expired_rests_on_its_next_monitor() -> None:
    """Directly, or over what stands for all instances of a clone; what is only in the same cluster does not."""
    start = entry("web", "start", 1, more='op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"')
    failed = history("web", start, entry("web", "monitor", 2, rc=7, interval=10_000))
    others = member("b", history("web", entry("web", "monitor", 1, rc=7, target=7)))
    order = '<rsc_order id="o" first="{first}" then="app"/>'
    app, other = f'<primitive id="app" {DUMMY}/>', f'<primitive id="other" {DUMMY}/>'
    clone = f'<clone id="webs">{WEB}</clone>'
    for web, first in ((WEB, "web"), (clone, "webs")):
        found = planned(web + app + other, member("a", failed) + others, NO_FENCING,
                        constraints=order.format(first=first))
        synapses = found.transition.synapses
        monitor = next(each.action.id for each in synapses if f"{each.action.key} {each.action.node}" == LOOK)
        starts = {each.action.key: each for each in synapses}
        assert starts["app_start_0"].rests_on == (monitor,)
        assert starts["other_start_0"].rests_on == ()
        assert monitor not in starts["app_start_0"].inputs, "as Pacemaker's graphs are"


def test_failures_of_the_connection_into_a_bundle_do_not_count_for_its_container() -> None:
    bundle = '<bundle id="b"><podman image="x" replicas="1"/><network control-port="3121"/><primitive id="p" '
    bundle += f"{DUMMY}/></bundle>"
    counts = '<nvpair id="f" name="fail-count-b-0#monitor_30000" value="INFINITY"/>'
    podman = 'class="ocf" provider="heartbeat" type="podman"'
    running = history("b-podman-0", entry("b-podman-0", "start", 1), agent=podman)
    cluster = look(bundle, member("a", running, counts), NO_FENCING)
    node = cluster.nodes_by_name["a"]
    assert threshold_reached(cluster, cluster.by_id["b-0"][0], node) is cluster.by_id["b-0"][0]
    assert threshold_reached(cluster, cluster.by_id["b-podman-0"][0], node) is None


def test_of_two_failures_the_restart_outweighs_the_demotion() -> None:
    operations = "".join(
        f'<op id="o{interval}" name="monitor" interval="{interval}s" role="Promoted" on-fail="{on_fail}"/>'
        for interval, on_fail in ((10, "demote"), (11, "restart"))
    )
    stateful = 'class="ocf" provider="pacemaker" type="Stateful"'
    clone = (
        '<clone id="c"><meta_attributes id="m"><nvpair id="m-p" name="promotable" value="true"/></meta_attributes>'
        f'<primitive id="db" {stateful}><operations>{operations}</operations></primitive></clone>'
    )
    failed = [entry("db", "monitor", call, rc=1, target=8, interval=1000 * s) for call, s in ((2, 10), (3, 11))]
    for told, asked in ((failed[:1], "demote"), (failed, "stop")):
        status = member("a", history("db", entry("db", "promote", 1), *told, agent=stateful))
        demands = look(clone, status, NO_FENCING, nodes="a").demands
        assert [demand.task for demand in demands if demand.required] == [asked]
