"""Figures for Prometheus, under the names that dashboards of Pacemaker clusters know."""

from __future__ import annotations

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from crm.api.app import create
from crm.cib.changes import Edit, EditVerb
from tests.unit.api.node import NOW, FakeNode


def _figures(node: FakeNode) -> dict[str, list[tuple[dict[str, str], float]]]:
    text = TestClient(create(node, clock=lambda: NOW)).get("/metrics").text
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def test_nodes_and_resources() -> None:
    figures = _figures(FakeNode())
    nodes = {(labels["node"], labels["status"]) for labels, _ in figures["ha_cluster_pacemaker_nodes"]}
    assert {("one", "online"), ("two", "online"), ("one", "dc")} <= nodes
    web = [labels for labels, _ in figures["ha_cluster_pacemaker_resources"] if labels["resource"] == "web"]
    assert [(each["node"], each["role"], each["status"]) for each in web] == [("one", "started", "active")]
    ip = [labels for labels, _ in figures["ha_cluster_pacemaker_resources"] if labels["resource"] == "ip"]
    assert {(each["status"], each["group"]) for each in ip} == {("active", "g"), ("failed", "g")}
    assert figures["ha_cluster_pacemaker_stonith_enabled"] == [({}, 0.0)]
    assert figures["ha_cluster_corosync_quorate"] == [({}, 1.0)]
    assert figures["crmd_failed_operations"] == [({}, 1.0)]


def test_constraints_have_their_scores() -> None:
    node = FakeNode()
    rule = '<rsc_location id="l" rsc="web" node="two" score="-INFINITY"/>'
    node.document = node.document.apply(Edit(EditVerb.CREATE, rule, "constraints"))
    ((labels, value),) = _figures(node)["ha_cluster_pacemaker_location_constraints"]
    assert (labels["constraint"], labels["node"], value) == ("l", "two", float("-inf"))


def test_the_node_tells_what_it_measured() -> None:
    node = FakeNode()
    for seconds in (0.004, 0.2, 400.0):
        node.measured.planning.add(seconds)
    node.measured.in_transition(True, 10.0)
    node.measured.in_transition(True, 11.0)
    node.measured.in_transition(False, 12.5)
    node.measured.in_transition(False, 13.0)
    node.measured.queues = {"requests": 4}
    text = TestClient(create(node, clock=lambda: NOW)).get("/metrics").text
    for line in (
        'crmd_planning_seconds_bucket{le="0.005"} 1.0',
        'crmd_planning_seconds_bucket{le="0.25"} 2.0',
        'crmd_planning_seconds_bucket{le="+Inf"} 3.0',
        "crmd_planning_seconds_count 3.0",
        "crmd_transition_seconds_count 1.0",
        "crmd_transition_seconds_sum 2.5",
        "crmd_detection_seconds_count 0.0",
        "crmd_event_loop_delay_seconds_count 0.0",
        'crmd_queue_length{queue="requests"} 4.0',
        "crmd_event_listeners 0.0",
    ):
        assert line in text.splitlines(), line
