"""What a resource's meta attributes and class make of it: managed, unique, requires, thresholds and so on.

Meta attributes come, the first found for a name winning, from the element's own attributes, its sets, the sets of what
it is part of (nearest first), the resource defaults, and what its parent worked out for itself.
Source: Pacemaker Explained, "Resource Meta-Attributes".
"""

from __future__ import annotations

from crm.model import score
from crm.model.resources import Primitive, ResourceDefinition
from crm.model.score import INFINITY
from crm.model.values import interval_ms, is_true, parse_integer
from crm.policy_engine.observe.remote_nodes import is_remote_connection
from crm.policy_engine.picture.cluster import Cluster, MultipleActive, Requires, Resource, ResourceKind, Role
from crm.policy_engine.picture.options import NoQuorumPolicy
from crm.policy_engine.picture.roles import parse_role
from crm.policy_engine.picture.rules import RuleInput, apply_sets

_MULTIPLE_ACTIVE = {policy.value: policy for policy in MultipleActive}


def apply_settings(cluster: Cluster, resource: Resource, instance_number: int | None) -> None:
    """Fill everything that the configuration alone decides, for a resource whose parent is already filled."""
    definition = resource.definition
    assert definition is not None
    if isinstance(definition, Primitive):
        resource.standard, resource.provider, resource.type = definition.standard, definition.provider, definition.type
    resource.meta = _meta(cluster, resource, definition, instance_number)
    _apply_simple(resource)
    _apply_connection(resource, definition)
    _apply_management(cluster, resource)
    _apply_clone_nature(resource)
    _apply_fencing_needs(cluster, resource)
    apply_sets(
        definition.utilization if isinstance(definition, Primitive) else (),
        RuleInput(cluster.now),
        resource.utilization,
        cluster.advance_recheck,
    )
    wanted = target_role(resource)
    resource.next_role = wanted if wanted is not None else Role.UNKNOWN


def _element_attributes(definition: ResourceDefinition, instance_number: int | None) -> dict[str, str]:
    """The attributes of the resource's own element, which count as meta attributes as well."""
    values = {"id": definition.id}
    if isinstance(definition, Primitive):
        values["class"] = definition.standard
        values["type"] = definition.type
        if definition.provider is not None:
            values["provider"] = definition.provider
    if definition.description is not None:
        values["description"] = definition.description
    if instance_number is not None:
        values["clone"] = str(instance_number)
    return values


def _meta(
    cluster: Cluster, resource: Resource, definition: ResourceDefinition, instance_number: int | None
) -> dict[str, str]:
    values = _element_attributes(definition, instance_number)
    given = RuleInput(
        cluster.now,
        standard=resource.standard or None,
        provider=resource.provider,
        type=resource.type or None,
    )
    apply_sets(definition.meta, given, values, cluster.advance_recheck)
    if resource.parent is not None:
        _inherit(values, _meta_of_ancestors(cluster, resource, given))
    apply_sets(cluster.cib.resource_defaults, given, values, cluster.advance_recheck)
    if resource.parent is not None:
        _inherit(values, resource.parent.meta)
    return values


def _meta_of_ancestors(cluster: Cluster, resource: Resource, given: RuleInput) -> dict[str, str]:
    values: dict[str, str] = {}
    ancestor = resource.parent
    while ancestor is not None:
        if ancestor.definition is not None and ancestor.definition.meta:
            apply_sets(ancestor.definition.meta, given, values, cluster.advance_recheck)
        ancestor = ancestor.parent
    return values


def _inherit(values: dict[str, str], other: dict[str, str]) -> None:
    for name, value in other.items():
        if value.lower() != "#default":
            values.setdefault(name, value)


def _apply_simple(resource: Resource) -> None:
    meta = resource.meta
    resource.priority = score.parse(meta.get("priority"))
    stickiness = meta.get("resource-stickiness")
    resource.stickiness = 0 if stickiness == "default" else score.parse(stickiness)
    threshold = score.parse(meta.get("migration-threshold"), INFINITY)
    resource.migration_threshold = threshold if threshold >= 0 else INFINITY
    resource.failure_timeout_ms = interval_ms(meta.get("failure-timeout"))
    resource.critical = is_true(meta.get("critical", "true"))
    resource.notify = is_true(meta.get("notify"))
    policy = meta.get("multiple-active", "stop_start").lower()
    resource.multiple_active = _MULTIPLE_ACTIVE.get(policy, MultipleActive.STOP_START)


def _apply_connection(resource: Resource, definition: ResourceDefinition) -> None:
    """A connection to a remote node (not to a guest) may migrate unless told otherwise."""
    resource.is_remote_connection = is_remote_connection(definition)
    allowed = resource.meta.get("allow-migrate")
    resource.allow_migrate = is_true(allowed) or (allowed is None and is_remote_node_connection(resource))


def is_remote_node_connection(resource: Resource) -> bool:
    """Whether it connects to a remote node rather than to a guest."""
    return resource.is_remote_connection and "container" not in resource.meta


def _apply_management(cluster: Cluster, resource: Resource) -> None:
    managed = resource.meta.get("is-managed")
    if managed is None or managed.lower() == "default":
        resource.managed = not cluster.settings.maintenance_mode
    else:
        resource.managed = is_true(managed)
    if cluster.settings.maintenance_mode or is_true(resource.meta.get("maintenance")):
        resource.managed = False
        resource.maintenance = True


def _apply_clone_nature(resource: Resource) -> None:
    if resource.top.kind is not ResourceKind.CLONE:
        resource.unique = True
        return
    resource.unique = _is_unique(resource)
    resource.promotable = is_true(resource.meta.get("promotable"))


def _is_unique(resource: Resource) -> bool:
    declared = resource.meta.get("globally-unique")
    if declared is not None:
        return is_true(declared)
    return (parse_integer(resource.meta.get("clone-node-max")) or 1) > 1


def _apply_fencing_needs(cluster: Cluster, resource: Resource) -> None:
    resource.is_fence_device = resource.standard.lower() == "stonith"
    cluster.have_fence_devices |= resource.is_fence_device
    resource.requires = _requires(cluster, resource)


def _requires(cluster: Cluster, resource: Resource) -> Requires:
    options = cluster.settings
    word = resource.meta.get("requires", "").lower()
    if word == "unfencing" and (resource.is_fence_device or not options.fencing_enabled):
        return Requires.QUORUM
    stated = {name.lower(): need for name, need in Requires.__members__.items()}.get(word)
    if stated is not None:
        return stated
    if resource.is_fence_device or resource.is_remote_connection:
        return Requires.QUORUM
    if cluster.unfencing_enabled:
        return Requires.UNFENCING if options.fencing_enabled else Requires.QUORUM
    if options.fencing_enabled:
        return Requires.FENCING
    return Requires.NOTHING if options.no_quorum_policy is NoQuorumPolicy.IGNORE else Requires.QUORUM


def target_role(resource: Resource) -> Role | None:
    """The role that `target-role` limits the resource to; None when it limits nothing or makes no sense."""
    wanted = parse_role(resource.meta.get("target-role"))
    if wanted is Role.STOPPED:
        return wanted
    if wanted is Role.UNPROMOTED and resource.top.promotable:
        return wanted
    return None
