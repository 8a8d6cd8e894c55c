"""How many instances there may be, and how many there are, disabled and blocked among them: the header of status
displays.
"""

from __future__ import annotations

from crm.model.report import Report, Severity
from crm.policy_engine.picture.cluster import Cluster, Resource, Role
from crm.policy_engine.picture.roles import parse_role

MOST_INSTANCES = 1000


def sane_count(cluster: Cluster, resource: Resource, what: str, number: int) -> int:
    """The number, or (reported) the most instances that anyone can mean: a slip must not fill the memory."""
    if number <= MOST_INSTANCES:
        return number
    message = f"{what} of {resource.id} is {number}; {MOST_INSTANCES} are planned for."
    hint = "Instances beyond the number of nodes that may run one are never started."
    cluster.reports.append(Report(Severity.ERROR, "too-many-instances", resource.id, message, hint))
    return MOST_INSTANCES


def count_instances(cluster: Cluster) -> None:
    """Fill the three counts; removed resources count while they are active."""
    for resource in cluster.resources:
        for primitive in resource.primitives():
            if primitive.removed and primitive.role <= Role.STOPPED:
                continue
            cluster.instance_count += 1
            cluster.disabled_count += is_disabled(primitive)
            cluster.blocked_count += primitive.blocked


def is_disabled(resource: Resource) -> bool:
    """Whether its target-role keeps it from what it could do: from running, or from promotion if it is promotable."""
    wanted = parse_role(resource.meta.get("target-role"))
    return wanted is Role.STOPPED or (wanted is Role.UNPROMOTED and resource.top.promotable)
