"""`/metrics` for Prometheus: the names and labels of `ha_cluster_exporter`, so that its dashboards work, and our own.

Our own begin with `crmd_`. Figures of the cluster are of the moment of asking; what the node measures of itself
(`crm.daemon.measurements`) is counted since its daemon started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastapi import APIRouter, Response
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from crm.api.service import NodeService, NodeStatus
from crm.api.views.cluster_view import ClusterView, present
from crm.cib import queries
from crm.daemon.measurements import DurationHistogram
from crm.model import score
from crm.policy_engine.picture.cluster import Node, Resource, ResourceKind
from crm.policy_engine.picture.fail_counts import failures_on

_PREFIX = "ha_cluster_pacemaker_"
_CONTENT = {"text/plain": {"schema": {"type": "string"}, "example": "# TYPE crmd_dc gauge\ncrmd_dc 1.0\n"}}


def routes(service: NodeService, picture: Callable[[], ClusterView]) -> APIRouter:
    router = APIRouter(tags=["monitoring"])

    @router.get("/metrics", response_class=Response, responses={200: {"content": _CONTENT}})
    async def read_metrics() -> Response:
        """The cluster in figures, in the text format of Prometheus."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Figures(picture(), service.status()))
        registry.register(_OwnFigures(service))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class _Figures(Collector):
    def __init__(self, picture: ClusterView, status: NodeStatus) -> None:
        self._picture = picture
        self._cluster = picture.cluster
        self._status = status

    def collect(self) -> Iterator[Metric]:
        yield from self._nodes()
        yield from self._resources()
        yield from self._configuration()
        yield from self._daemon()

    def _nodes(self) -> Iterator[Metric]:
        states = _gauge("nodes", "The states that hold for each node", "node", "type", "status")
        attributes = _gauge("node_attributes", "The attributes of each node", "node", "name", "value")
        for node in self._cluster.nodes:
            for state in _states(node):
                states.add_metric([node.name, node.kind.value, state], 1)
            for name, value in node.attributes.items():
                if not name.startswith("#"):
                    attributes.add_metric([node.name, name, value], 1)
        yield states
        yield attributes

    def _resources(self) -> Iterator[Metric]:
        labels = ("node", "resource", "role", "managed", "status", "agent", "group", "clone")
        states = _gauge("resources", "The states that hold for each instance of a resource", *labels)
        failures = _gauge("fail_count", "How often a resource failed on a node", "node", "resource")
        thresholds = _gauge("migration_threshold", "Failures after which a resource moves away", "node", "resource")
        for resource in _primitives(self._cluster.resources):
            for values in _resource_states(resource):
                states.add_metric(values, 1)
            for node in self._cluster.nodes:
                count = failures_on(self._cluster, node, resource).count
                if count > 0:
                    failures.add_metric([node.name, resource.id], _number(count))
                    thresholds.add_metric([node.name, resource.id], _number(resource.migration_threshold))
        yield states
        yield failures
        yield thresholds

    def _configuration(self) -> Iterator[Metric]:
        root = self._picture.document.root
        constraints = _gauge(
            "location_constraints", "Scores of location constraints", "constraint", "node", "resource", "role"
        )
        for found in (each.attributes for each in queries.locations(root) if "node" in each.attributes):
            constraints.add_metric(
                [
                    found.get("id", ""),
                    found["node"],
                    found.get("rsc") or found.get("rsc-pattern") or "",
                    (found.get("role") or "started").lower(),
                ],
                _number(score.parse(found.get("score"))),
            )
        yield constraints
        yield _single(_PREFIX + "stonith_enabled", "Whether fencing is on", self._cluster.settings.fencing_enabled)

    def _daemon(self) -> Iterator[Metric]:
        status = self._status
        yield _single("ha_cluster_corosync_quorate", "Whether this node belongs to a majority", status.quorate)
        yield _single("crmd_members", "Nodes that are members now", len(present(status)))
        yield _single("crmd_dc", "Whether this node is the DC", status.dc == status.node)
        yield _single("crmd_fresh", "Whether this node's CIB is kept up to date", status.fresh)
        yield _single("crmd_failed_operations", "Recorded failures", len(self._cluster.failed_operations))
        yield _single("crmd_safe_mode", "Whether this node is in safe mode and begins nothing", bool(status.safe_mode))
        yield CounterMetricFamily("crmd_term", "Elections of a DC so far", value=status.term)
        yield CounterMetricFamily("crmd_transitions", "Transitions since this DC took over", value=status.transition)
        waiting = 0 if status.progress is None else status.progress.total - status.progress.done
        yield _single("crmd_transition_actions_waiting", "Actions of the present transition still to do", waiting)


class _OwnFigures(Collector):
    """What the answering node measured of itself."""

    def __init__(self, service: NodeService) -> None:
        self._measures = service.measures()
        self._journal = service.journal
        self._mistakes = service.mistakes()

    def collect(self) -> Iterator[Metric]:
        measures = self._measures
        yield _histogram("crmd_planning_seconds", "Time that computing a transition took", measures.planning)
        yield _histogram("crmd_transition_seconds", "Time that a transition took, on the DC", measures.transition)
        yield _histogram("crmd_event_loop_delay_seconds", "How much later than due this daemon came to its turn",
                         measures.loop_delay)
        yield _histogram("crmd_detection_seconds", "Silence of a lost node before it was given up", measures.detection)
        queues = GaugeMetricFamily("crmd_queue_length", "How much waits, by queue", labels=("queue",))
        for name, length in measures.queues.items():
            queues.add_metric([name], length)
        yield queues
        yield _single("crmd_mistakes", "Ends of the daemon by its own mistake since it was started by hand",
                      self._mistakes)
        yield _single("crmd_event_listeners", "Who listens for events, or waits for a change", self._journal.listeners)
        yield _single("crmd_event_journal_bytes", "What is kept for listeners", self._journal.size_bytes)


def _histogram(name: str, text: str, durations: DurationHistogram) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, text, durations.buckets(), durations.total_s)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, labels=labels)


def _single(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _number(value: int) -> float:
    """A score as a figure: the infinities of the CIB are infinite."""
    if abs(value) < score.INFINITY:
        return float(value)
    return float("inf") if value > 0 else float("-inf")


def _states(node: Node) -> Iterator[str]:
    facts = {
        "online": node.online,
        "standby": node.standby,
        "standby_onfail": node.standby_on_fail,
        "maintenance": node.maintenance,
        "pending": node.pending,
        "unclean": node.unclean,
        "shutdown": node.shutting_down,
        "expected_up": node.expected_up,
        "dc": node.is_dc,
    }
    return (state for state, holds in facts.items() if holds)


def _resource_states(resource: Resource) -> Iterator[list[str]]:
    facts = {
        "active": bool(resource.active_on),
        "orphaned": resource.removed,
        "blocked": resource.blocked,
        "failed": resource.failed,
        "failure_ignored": resource.ignore_failure,
    }
    around = {parent.kind: parent.id for parent in _parents(resource)}
    agent = ":".join(part for part in (resource.standard, resource.provider, resource.type) if part)
    for node in [node.name for node in resource.active_on] or [""]:
        for state, holds in facts.items():
            if holds:
                yield [
                    node,
                    resource.id,
                    resource.role.name.lower(),
                    str(resource.managed).lower(),
                    state,
                    agent,
                    around.get(ResourceKind.GROUP, ""),
                    around.get(ResourceKind.CLONE, ""),
                ]


def _parents(resource: Resource) -> Iterator[Resource]:
    while resource.parent is not None:
        resource = resource.parent
        yield resource


def _primitives(resources: list[Resource]) -> Iterator[Resource]:
    waiting = list(reversed(resources))
    while waiting:
        resource = waiting.pop()
        if resource.kind is ResourceKind.PRIMITIVE:
            yield resource
        waiting.extend(reversed(resource.children))
