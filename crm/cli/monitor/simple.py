"""One line for monitoring systems: is the cluster well?"""

from __future__ import annotations

from crm.cli.monitor.situation import Situation
from crm.cli.monitor.view import MonitorView


def monitor_line(situation: Situation, view: MonitorView) -> str:
    """`CLUSTER OK:` with counts, or `CLUSTER WARN:` with what is wrong."""
    problems = _problems(situation)
    if problems:
        return f"CLUSTER WARN: {', '.join(problems)}\n"
    nodes = situation.cluster.nodes
    standby = sum(node.standby for node in nodes)
    maintenance = sum(node.maintenance and not node.standby for node in nodes)
    parts = [_count(len(nodes) - standby - maintenance, "node online", "nodes online")]
    if standby:
        parts.append(_count(standby, "standby node", "standby nodes"))
    if maintenance:
        parts.append(_count(maintenance, "maintenance node", "maintenance nodes"))
    parts.append(_count(situation.cluster.instance_count, "resource instance configured",
                        "resource instances configured"))
    return f"CLUSTER OK: {', '.join(parts)}\n"


def _problems(situation: Situation) -> list[str]:
    if situation.dc is None:
        return ["No DC"]
    away = [f"offline node: {node.name}" for node in situation.cluster.nodes if not node.online]
    return away if situation.quorate else ["No quorum", *away]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
