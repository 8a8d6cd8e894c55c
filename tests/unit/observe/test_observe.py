"""What a status means: who is here, what runs where, what went wrong."""

from __future__ import annotations

from crm.policy_engine.picture.cluster import Cluster, OnFail, Role
from crm.policy_engine.picture.failure_policy import on_fail_of
from crm.policy_engine.picture.names import base_name, natural_key
from tests.unit.observe.helpers import DUMMY, NOW, entry, history, look, member

WEB = f'<primitive id="web" {DUMMY}/>'
FENCING = '<primitive id="fence" class="stonith" type="fence_x"/>'
NO_FENCING = "fencing-enabled=false"
FAILED_MONITOR = entry("web", "monitor", 2, rc=7, interval=10_000, entry_id="web_last_failure_0")


def _role(cluster: Cluster, resource: str) -> Role:
    found = cluster.find(resource)
    assert found is not None
    return found.role


def _nodes(cluster: Cluster, resource: str) -> list[str]:
    found = cluster.find(resource)
    assert found is not None
    return [node.name for node in found.active_on]


def test_a_started_resource_is_active_where_it_was_started() -> None:
    cluster = look(WEB, member("a", history("web", entry("web", "start", 2))) + member("b"))
    assert _role(cluster, "web") is Role.STARTED
    assert _nodes(cluster, "web") == ["a"]


def test_the_call_id_decides_what_was_last() -> None:
    entries = (entry("web", "stop", 9, entry_id="web_last_0"), entry("web", "monitor", 5, interval=10_000))
    cluster = look(WEB, member("a", history("web", *entries)))
    assert _role(cluster, "web") is Role.STOPPED


def test_a_lost_node_is_unclean_with_fencing_and_merely_offline_without() -> None:
    lost = member("a") + member("b", in_ccm="false", crmd="offline")
    assert look(WEB + FENCING, lost).nodes_by_name["b"].unclean
    without = look(WEB, lost, NO_FENCING).nodes_by_name["b"]
    assert not without.unclean
    assert not without.online


def test_a_node_that_was_never_seen_is_unclean_unless_startup_fencing_is_off() -> None:
    assert look(FENCING, member("a")).nodes_by_name["b"].unclean
    assert not look(FENCING, member("a"), "startup-fencing=false").nodes_by_name["b"].unclean


def test_the_newer_form_of_membership_is_understood() -> None:
    cluster = look(FENCING, member("a", in_ccm=str(NOW - 50), crmd=str(NOW - 40)) + member("b", in_ccm="0", crmd="0"))
    assert cluster.nodes_by_name["a"].online
    assert cluster.nodes_by_name["b"].unclean


def test_a_node_that_asked_to_leave_is_not_fenced() -> None:
    leaving = member("a", attributes=f'<nvpair id="x" name="shutdown" value="{NOW}"/>')
    node = look(FENCING, leaving).nodes_by_name["a"]
    assert node.shutting_down
    assert not node.unclean


def test_a_failed_stop_with_fencing_fences_the_node_and_without_blocks_the_resource() -> None:
    failed = member("a", history("web", entry("web", "start", 1, entry_id="s"), entry("web", "stop", 2, rc=1)))
    fenced = look(WEB + FENCING, failed)
    assert fenced.nodes_by_name["a"].unclean
    assert [demand.task for demand in fenced.demands] == ["stonith"]
    blocked = look(WEB, failed, NO_FENCING).find("web")
    assert blocked is not None
    assert blocked.blocked
    assert not blocked.managed


def test_a_failed_monitor_asks_for_a_stop_and_is_remembered() -> None:
    entries = (entry("web", "start", 1), FAILED_MONITOR)
    cluster = look(WEB, member("a", history("web", *entries)), NO_FENCING)
    web = cluster.find("web")
    assert web is not None
    assert web.failed
    assert ("stop", True) in [(demand.task, demand.required) for demand in cluster.demands]
    assert [failed.entry.id for failed in cluster.failed_operations] == ["web_last_failure_0"]


def test_a_failure_is_forgotten_after_its_timeout_and_the_fail_count_cleared() -> None:
    meta = '<meta_attributes id="m"><nvpair id="t" name="failure-timeout" value="60s"/></meta_attributes>'
    timed = f'<primitive id="web" {DUMMY}>{meta}</primitive>'
    entries = (entry("web", "start", 1), FAILED_MONITOR)
    counts = (
        '<nvpair id="f" name="fail-count-web#monitor_10000" value="1"/>'
        f'<nvpair id="l" name="last-failure-web#monitor_10000" value="{NOW - 100}"/>'
    )
    cluster = look(timed, member("a", history("web", *entries), counts), NO_FENCING)
    web = cluster.find("web")
    assert web is not None
    assert not web.failed
    assert {demand.reason for demand in cluster.demands if demand.task == "clear_failcount"} == {"it expired"}


def test_anonymous_instances_take_histories_in_the_order_of_nodes() -> None:
    clone = f'<clone id="c">{WEB}</clone>'
    running = history("web", entry("web", "start", 1))
    cluster = look(clone, member("b", running) + member("a", running))
    assert {instance.id: instance.active_on[0].name for instance in cluster.resources[0].children} == {
        "web:0": "b",
        "web:1": "a",
    }


def test_a_resource_without_configuration_counts_as_removed() -> None:
    cluster = look("", member("a", history("old", entry("old", "start", 1))), NO_FENCING)
    old = cluster.find("old")
    assert old is not None
    assert old.removed
    assert _nodes(cluster, "old") == ["a"]


def test_a_migration_without_its_second_half_is_partial() -> None:
    movable = f'<primitive id="vm" {DUMMY}/>'
    ends = 'migrate_source="a" migrate_target="b"'
    source = history("vm", entry("vm", "migrate_to", 5, entry_id="vm_migrate_to_0", more=ends))
    target = history("vm", entry("vm", "monitor", 1, rc=7, target=7))
    cluster = look(movable, member("a", source) + member("b", target))
    vm = cluster.find("vm")
    assert vm is not None
    assert vm.partial_migration_source is not None
    assert vm.partial_migration_target is not None
    assert (vm.partial_migration_source.name, vm.partial_migration_target.name) == ("a", "b")


def test_a_completed_migration_without_the_stop_dangles() -> None:
    movable = f'<primitive id="vm" {DUMMY}/>'
    ends = 'migrate_source="a" migrate_target="b"'
    source = history("vm", entry("vm", "migrate_to", 5, entry_id="vm_migrate_to_0", more=ends))
    target = history("vm", entry("vm", "migrate_from", 3, entry_id="vm_migrate_from_0", more=ends))
    cluster = look(movable, member("a", source) + member("b", target))
    vm = cluster.find("vm")
    assert vm is not None
    assert [node.name for node in vm.dangling_migration_sources] == ["a"]
    assert _nodes(cluster, "vm") == ["b"]


def test_a_template_gives_what_the_primitive_does_not_have() -> None:
    resources = (
        f'<template id="t" {DUMMY}><operations><op id="1" name="monitor" interval="10s" timeout="1s"/>'
        '<op id="2" name="start" interval="0" timeout="2s"/></operations></template>'
        '<primitive id="web" template="t"><operations>'
        '<op id="3" name="monitor" interval="20s"/></operations></primitive>'
    )
    web = look(resources, member("a")).find("web")
    assert web is not None
    assert web.type == "Dummy"
    assert [operation.id for operation in web.definition.operations] == ["3", "2"]  # type: ignore[union-attr]


def test_a_missing_template_and_a_clone_of_nothing_are_reported_and_the_rest_goes_on() -> None:
    cluster = look(f'<primitive id="x" template="gone"/><clone id="c"/>{WEB}', member("a"))
    assert [resource.id for resource in cluster.resources] == ["web"]
    assert {report.code for report in cluster.reports} >= {"missing-template", "empty-clone"}


def test_a_bundle_implies_container_address_connection_and_inner_clone() -> None:
    bundle = (
        '<bundle id="b"><docker image="i" replicas="2"/><network ip-range-start="10.0.0.254" control-port="9"/>'
        f"{WEB}</bundle>"
    )
    cluster = look(bundle, member("a"))
    assert [part.id for part in cluster.resources[0].children] == [
        "b-docker-0",
        "b-ip-10.0.0.254",
        "b-0",
        "b-docker-1",
        "b-ip-10.0.1.1",
        "b-1",
        "b-clone",
    ]
    assert [node.name for node in cluster.nodes] == ["a", "b", "b-0", "b-1"]


def test_the_default_reaction_to_a_failure_depends_on_what_failed() -> None:
    cluster = look(WEB + FENCING, member("a"))
    web = cluster.find("web")
    assert web is not None
    assert on_fail_of(cluster, web, "stop", 0, None) is OnFail.FENCE
    assert on_fail_of(cluster, web, "monitor", 10_000, None) is OnFail.RECOVER
    assert on_fail_of(cluster, web, "monitor", 10_000, "ignore") is OnFail.IGNORE


def test_names_sort_by_their_numbers_and_lose_those_of_instances() -> None:
    assert sorted(["n10", "N2", "n1"], key=natural_key) == ["n1", "N2", "n10"]
    assert (base_name("web:12"), base_name("we:b"), base_name("web")) == ("web", "we:b", "web")
