"""How many instances there are, how many of them are disabled, how many blocked: the header of status displays."""

from __future__ import annotations

from crm.policy_engine.picture.cluster import Cluster, Resource, Role
from crm.policy_engine.picture.roles import parse_role


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
