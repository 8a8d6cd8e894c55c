"""How often operations of a resource failed on a node, and since when: the node attributes that record it.

`fail-count-RESOURCE#OPERATION_INTERVAL` holds a number, `last-failure-RESOURCE#OPERATION_INTERVAL` a time. Source:
Pacemaker Explained, "Failure Handling".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from crm.model import score
from crm.model.history import HistoryEntry
from crm.model.score import Score
from crm.model.values import parse_integer
from crm.policy_engine.picture.cluster import Cluster, Node, Resource
from crm.policy_engine.picture.names import base_name
from crm.policy_engine.picture.operations import configured_operations
from crm.policy_engine.picture.tree import in_bundle

_ATTRIBUTE = re.compile(r"(?P<what>fail-count|last-failure)-(?P<resource>.+)#.+_\d+$")


@dataclass(frozen=True, slots=True)
class Failures:
    """How often, and when last (epoch seconds, 0 if unknown or never)."""

    count: Score = 0
    last: int = 0


def seconds(milliseconds: int) -> int:
    """Whole seconds, rounded, but at least one unless it is nothing."""
    return max(1, (milliseconds + 500) // 1000) if milliseconds else 0


def failures_on(
    cluster: Cluster,
    node: Node,
    resource: Resource,
    effective: bool = True,
    launched: bool = False,
    entry: HistoryEntry | None = None,
) -> Failures:
    """The recorded failures of a resource (all instances together unless they are unique).

    effective   expired failures do not count
    launched    failures of what runs inside the resource, a container, count too
    entry       the operation that the question is about: if its failure blocks the resource, nothing expires
    """
    found = _recorded(cluster, node, resource)
    if found.count > 0 and resource.failure_timeout_ms > 0 and _blocks(cluster, node, resource, entry):
        resource.failure_timeout_ms = 0
    if effective and found.count > 0 and found.last > 0 and resource.failure_timeout_ms > 0:
        forgotten_at = found.last + seconds(resource.failure_timeout_ms) + 1
        if cluster.now >= forgotten_at:
            found = Failures(0, found.last)
        cluster.advance_recheck(forgotten_at, in_graph=False)
    if launched and not in_bundle(resource):
        for inner in resource.launched:
            more = failures_on(cluster, node, inner, effective, launched, entry)
            found = Failures(found.count + more.count, max(found.last, more.last))
    return found if found.count > 0 else Failures(found.count)


def _recorded(cluster: Cluster, node: Node, resource: Resource) -> Failures:
    table = cluster.failure_table.get(node.id)
    if table is None:
        table = cluster.failure_table[node.id] = _table(node)
    name = resource.history_id or resource.id
    count, last = 0, 0
    for recorded_name, one_count, one_last in table.get(base_name(name), ()):
        if not resource.unique or recorded_name == name:
            count = score.add(count, one_count)
            last = max(last, one_last)
    return Failures(count, last)


def _table(node: Node) -> dict[str, list[tuple[str, int, int]]]:
    """Failure attributes of a node by the base name of their resource: name, count, time."""
    table: dict[str, list[tuple[str, int, int]]] = {}
    for attribute, value in node.attributes.items():
        found = _ATTRIBUTE.match(attribute) if attribute[:5] in ("fail-", "last-") else None
        if found is None:
            continue
        name = found["resource"]
        counts = found["what"] == "fail-count"
        row = (name, score.parse(value), 0) if counts else (name, 0, parse_integer(value) or 0)
        table.setdefault(base_name(name), []).append(row)
    return table


def _blocks(cluster: Cluster, node: Node, resource: Resource, entry: HistoryEntry | None) -> bool:
    """Whether a failed operation is configured with `on-fail=block`: of the entry, else of any in the history."""
    name = base_name(resource.id)
    history = cluster.histories.get(node.name, {}).get(name)
    entries = (entry,) if entry is not None else history.entries if history is not None else ()
    return any(
        _is_failure_of(name, operation.name, operation.interval_ms, each)
        for operation in configured_operations(resource)
        if operation.attributes.get("on-fail") == "block"
        for each in entries
    )


def _is_failure_of(resource_name: str, operation: str, interval_ms: int, entry: HistoryEntry) -> bool:
    if entry.interval_ms != interval_ms or (entry.operation or "").lower() != operation.lower():
        return False
    if entry.id == f"{resource_name}_last_failure_0":
        return True
    return entry.id == f"{resource_name}_{operation}_{interval_ms}" and entry.rc != entry.target_rc
