"""Tables of candidates: which nodes one resource could run on, compared, copied, looked up.

A node is usable when it is up and nothing keeps resources away; a candidate is available when, besides, its score is
not negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cmp_to_key
from typing import TypeAlias

from crm.model import score as scores
from crm.model.score import MINUS_INFINITY, Score
from crm.policy_engine.picture.cluster import Candidate, Cluster, Node, NodeKind, Resource
from crm.policy_engine.picture.tree import assigned_node
from crm.policy_engine.placement.capacity import compare_capacity

Table: TypeAlias = dict[str, Candidate]


def is_usable(node: Node) -> bool:
    """Whether the node may run resources at all."""
    return node.online and not (node.shutting_down or node.unclean or node.standby or node.maintenance)


def is_available(candidate: Candidate | None) -> bool:
    """Whether the resource may run there: a usable node with a score that is not negative."""
    return candidate is not None and candidate.score >= 0 and is_usable(candidate.node)


def guest_will_run(node: Node) -> bool:
    """Whether a guest node's container is assigned somewhere; true for every other node."""
    if node.kind is not NodeKind.GUEST:
        return True
    assert node.remote is not None and node.remote.launcher is not None
    return assigned_node(node.remote.launcher) is not None


def any_available(table: Table) -> bool:
    """Whether the resource may run anywhere."""
    return any(is_available(candidate) for candidate in table.values())


def copy_table(table: Table) -> Table:
    """An independent copy."""
    return {key: candidate.copy() for key, candidate in table.items()}


def copy_tables(resource: Resource) -> dict[str, Table]:
    """Copies of the tables of a resource and all in it, by resource id."""
    return {each.id: copy_table(each.allowed) for each in resource.walk()}


def restore_tables(resource: Resource, backup: dict[str, Table]) -> None:
    """Put copied tables back; the backup stays as it is."""
    for each in resource.walk():
        each.allowed = copy_table(backup[each.id])


def fresh_candidate(node: Node) -> Candidate:
    """What a node is to a resource that knows nothing of it yet."""
    return Candidate(node, node.base_score, node.probing)


def prefer(resource: Resource, nodes: Iterable[Node], points: Score) -> None:
    """Add points on some nodes for a resource and everything in it."""
    for each in resource.walk():
        for node in nodes:
            candidate = each.allowed.get(node.id)
            if candidate is None:
                candidate = each.allowed[node.id] = fresh_candidate(node)
            candidate.score = scores.add(candidate.score, points)


def ban_everywhere(cluster: Cluster, resource: Resource) -> None:
    """Forbid every node, and take back an assignment that was made."""
    prefer(resource, cluster.nodes, MINUS_INFINITY)
    resource.assigned = None


def sort_candidates(strategy: str, candidates: Iterable[Candidate], preferred: Node | None = None) -> list[Candidate]:
    """Best first: by score (unusable nodes last), then as the placement strategy says, then by name.

    Strategies: `minimal` looks at nothing else, `balanced` at free capacity first; all but `minimal` then at the number
    of resources already assigned, and at `preferred`.
    """
    if strategy in ("default", "utilization"):
        return sorted(
            candidates,
            key=lambda c: (
                -c.score if is_usable(c.node) else -MINUS_INFINITY,
                c.node.active,
                c.node is not preferred,
                c.node.name,
            ),
        )
    if strategy == "minimal":
        return sorted(
            candidates, key=lambda c: (-c.score if is_usable(c.node) else -MINUS_INFINITY, c.node.name)
        )

    def compare(left: Candidate, right: Candidate) -> int:
        left_key = -left.score if is_usable(left.node) else -MINUS_INFINITY
        right_key = -right.score if is_usable(right.node) else -MINUS_INFINITY
        if left_key != right_key:
            return -1 if left_key < right_key else 1
        by_capacity = compare_capacity(left.node, right.node)
        if by_capacity:
            return by_capacity
        rest_left = (left.node.active, left.node is not preferred, left.node.name)
        rest_right = (right.node.active, right.node is not preferred, right.node.name)
        return (rest_left > rest_right) - (rest_left < rest_right)

    return sorted(candidates, key=cmp_to_key(compare))


def top_candidate(resource: Resource, node: Node | None) -> Candidate | None:
    """What a node is to the collective around an instance (to the resource itself when it is in none)."""
    if node is None:
        return None
    owner = resource.parent or resource
    return owner.allowed.get(node.id)
