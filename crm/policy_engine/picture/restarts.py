"""Restarts that somebody has asked for (`crm.cib.restart_marks`): in place, whatever else would move the resource
meanwhile.

While a resource is stopped nothing of what kept it in its place counts any more: no stickiness, no promotion score. As
long as its restart is under way its place is therefore preferred like by a location constraint, and so is its role.
What has found another place meanwhile (its node was lost, somebody banned it) stays there. An addition of ours:
Pacemaker's tool sets target-role and waits, so that a restarted resource may move.
"""

from __future__ import annotations

from collections.abc import Iterator

from crm.model.score import INFINITY
from crm.policy_engine.constraints.locations import ResolvedLocation
from crm.policy_engine.constraints.lookup import ConstraintNames
from crm.policy_engine.picture.cluster import Cluster, Node, Resource, Role
from crm.policy_engine.placement.promotion import promotion_score

REASON = "restart requested"


def is_wanted(mark: str) -> bool:
    """Whether what runs there is to be stopped first."""
    return mark.startswith("stop")


def homes(cluster: Cluster, names: ConstraintNames) -> Iterator[ResolvedLocation]:
    """Preferences for the places to which stopped resources are to come back."""
    for node in cluster.nodes:
        for history in cluster.histories.get(node.name, {}).values():
            resource = names.resource(history.id) if history.restart else None
            if resource is not None:
                yield from _home(resource, node, history.id, history.restart)


def _home(resource: Resource, node: Node, name: str, mark: str) -> Iterator[ResolvedLocation]:
    """While it still runs there, stickiness counts as always; only its role must not go to another one meanwhile."""
    identity = f"restart-of-{name}-on-{node.name}"
    if not is_wanted(mark):
        if _is_replaced(resource, node):
            return
        yield ResolvedLocation(identity, resource, scores=[(node, INFINITY)])
    if mark.endswith("promoted") and resource.is_clone and _may_be_promoted(resource, node, mark):
        yield ResolvedLocation(f"{identity}-promoted", resource, role=Role.PROMOTED, scores=[(node, INFINITY)])


def _is_replaced(resource: Resource, node: Node) -> bool:
    """Whether something else has taken its place."""
    if resource.is_clone:
        assert resource.clone is not None
        running = sum(1 for instance in resource.children if instance.active_on)
        here = any(node in instance.active_on for instance in resource.children)
        return not here and running >= resource.clone.clone_max
    return any(each is not node for each in resource.active_on)


def _may_be_promoted(clone: Resource, node: Node, mark: str) -> bool:
    """Nobody else is promoted; and its agent, once it was started again, wants it to be."""
    primitives = [each for instance in clone.children for each in instance.primitives()]
    if any(each.role is Role.PROMOTED and node not in each.active_on for each in primitives):
        return False
    here = next((each for each in primitives if node in each.active_on), None)
    if here is None or is_wanted(mark):
        return True
    return here.role is Role.PROMOTED or promotion_score(here, node)[0] > 0
