"""Assigning every resource of a cluster, in the order that the placement strategy asks for."""

from __future__ import annotations

from functools import cmp_to_key

from crm.model.score import MINUS_INFINITY, Score
from crm.policy_engine.picture.cluster import Candidate, Node, Resource
from crm.policy_engine.picture.tree import current_node
from crm.policy_engine.placement import bundles, clones, groups, primitives
from crm.policy_engine.placement.candidates import sort_candidates
from crm.policy_engine.placement.placement import KINDS, Placement, ScoreMerge, assign

__all__ = ["assign_all", "bundles", "clones", "groups", "primitives"]


def assign_all(placement: Placement) -> None:
    """Assign connections to remote nodes first: what runs there depends on them."""
    cluster = placement.cluster
    if placement.strategy != "default":
        _sort_resources(placement)
    placement.show_capacities("Original")
    if cluster.have_remote_nodes:
        for resource in cluster.resources:
            if resource.is_remote_connection:
                assign(placement, resource, resource.partial_migration_target)
    for resource in cluster.resources:
        if not resource.is_remote_connection:
            assign(placement, resource)
    placement.show_capacities("Remaining")


def _sort_resources(placement: Placement) -> None:
    """By priority, then those first that have most to lose by coming late: by score where they run, then node by
    node.
    """
    cluster = placement.cluster
    ranked = sort_candidates(placement.strategy, [Candidate(node, node.base_score) for node in cluster.nodes])
    nodes = [candidate.node for candidate in ranked]
    tables: dict[int, dict[str, Score]] = {}

    def table_of(resource: Resource) -> dict[str, Score]:
        found = tables.get(id(resource))
        if found is None:
            merge = ScoreMerge(this_with=True)
            merged = KINDS[resource.kind].merge_scores(resource, None, None, None, 1.0, merge)
            found = tables[id(resource)] = merged.scores
        return found

    def compare(left: Resource, right: Resource) -> int:
        if left.priority != right.priority:
            return -1 if left.priority > right.priority else 1
        table_left, table_right = table_of(left), table_of(right)
        here = [(_score(table_left, _home(left)), _score(table_right, _home(right)))]
        for mine, other in [*here, *((_score(table_left, n), _score(table_right, n)) for n in nodes)]:
            if mine != other:
                return -1 if mine > other else 1
        return 0

    cluster.resources.sort(key=cmp_to_key(compare))


def _home(resource: Resource) -> Node | None:
    return current_node(resource) if resource.active_on else None


def _score(table: dict[str, Score], node: Node | None) -> Score:
    return table.get(node.id, MINUS_INFINITY) if node is not None else MINUS_INFINITY
