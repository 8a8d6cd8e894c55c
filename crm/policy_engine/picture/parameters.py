"""Instance attributes: what an agent is given on a node, rules on that node's attributes evaluated.

Asked for by digests, actions and fencing; kept apart because results are cached for one planning pass.
"""

from __future__ import annotations

from crm.model.resources import Bundle, Operation
from crm.policy_engine.picture.cluster import Cluster, Node, Resource
from crm.policy_engine.picture.rules import RuleInput, apply_sets


def parameters_of(cluster: Cluster, resource: Resource, node: Node | None) -> dict[str, str]:
    """The resource's instance attributes on `node`: its own before those of what it is part of. Not to be changed."""
    key = (id(resource), node.id if node is not None and _depends_on_node(resource) else None)
    found = cluster.parameter_cache.get(key)
    if found is None:
        given = RuleInput(cluster.now, node_attributes=node.attributes if node is not None else None)
        found = {}
        level: Resource | None = resource
        while level is not None:
            if level.definition is not None and not isinstance(level.definition, Bundle):
                apply_sets(level.definition.parameters, given, found, cluster.advance_recheck)
            level = level.parent
        cluster.parameter_cache[key] = found
    return found


def _depends_on_node(resource: Resource) -> bool:
    level: Resource | None = resource
    while level is not None:
        definition = level.definition
        if definition is not None and not isinstance(definition, Bundle):
            if any(block.rule is not None for block in definition.parameters):
                return True
        level = level.parent
    return False


def operation_parameters(cluster: Cluster, operation: Operation | None, node: Node | None) -> dict[str, str]:
    """The instance attributes configured for an operation itself."""
    values: dict[str, str] = {}
    if operation is not None and operation.parameters:
        given = RuleInput(cluster.now, node_attributes=node.attributes if node is not None else None)
        apply_sets(operation.parameters, given, values, cluster.advance_recheck)
    return values
