"""The tree of resources: templates laid under primitives, groups with members, clones with instances, and their index.

Bundles have a file of their own. An instance's id is its definition's with the instance's number: `web:0`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from crm.model.report import Report, Severity
from crm.model.resources import Bundle, Clone, Group, Operation, Primitive, ResourceDefinition, Template
from crm.model.values import interval_ms, is_true, parse_integer
from crm.policy_engine.observe import bundles
from crm.policy_engine.observe.counting import sane_count
from crm.policy_engine.observe.meta_attributes import apply_settings, is_remote_node_connection
from crm.policy_engine.observe.nodes import assume_state
from crm.policy_engine.observe.preferences import allow_by_default, prefer
from crm.policy_engine.picture.cluster import CloneSettings, Cluster, Resource, ResourceKind
from crm.policy_engine.picture.names import base_name
from crm.policy_engine.picture.parameters import parameters_of

_KINDS: dict[type[ResourceDefinition], ResourceKind] = {
    Primitive: ResourceKind.PRIMITIVE,
    Group: ResourceKind.GROUP,
    Clone: ResourceKind.CLONE,
    Bundle: ResourceKind.BUNDLE,
}
_PROMOTABLE_STANDARDS = frozenset({"ocf"})
_UNIQUE_STANDARDS = frozenset({"ocf", "stonith"})


def observe_resources(cluster: Cluster, definitions: Iterable[ResourceDefinition]) -> None:
    """Fill the resources, those of higher priority first, and connect what runs inside what."""
    cluster.templates = {template.id: () for template in cluster.cib.templates}
    for definition in definitions:
        resource = make_resource(cluster, definition)
        if resource is not None:
            cluster.resources.append(resource)
            register(cluster, resource)
    for resource in cluster.resources:
        _find_launchers(cluster, resource)
        link_connection(cluster, resource)
    cluster.resources.sort(key=lambda each: -each.priority)


def make_resource(
    cluster: Cluster,
    definition: ResourceDefinition,
    parent: Resource | None = None,
    instance_number: int | None = None,
) -> Resource | None:
    """A resource with all that is in it, settings applied; None (reported) when it cannot be one."""
    expanded = _with_template(cluster, definition) if isinstance(definition, Primitive) else definition
    if expanded is None:
        return None
    identity = expanded.id if instance_number is None else f"{expanded.id}:{instance_number}"
    resource = Resource(identity, _KINDS[type(expanded)], expanded)
    resource.parent = parent
    apply_settings(cluster, resource, instance_number)
    if is_remote_node_connection(resource):
        _apply_reconnect_interval(cluster, resource)
    if not _fill(cluster, resource, expanded, instance_number):
        return None
    if cluster.settings.symmetric:
        allow_by_default(cluster, resource)
    elif resource.is_remote_connection and not is_remote_node_connection(resource):
        prefer(cluster, resource, None, 0, "remote_connection_default")
    if isinstance(expanded, Primitive) and expanded.template is not None:
        known = cluster.templates.get(expanded.template, ())
        if expanded.id not in known:
            cluster.templates[expanded.template] = (*known, expanded.id)
    return resource


def _fill(
    cluster: Cluster, resource: Resource, definition: ResourceDefinition, instance_number: int | None
) -> bool:
    match definition:
        case Primitive():
            return _fill_primitive(cluster, resource)
        case Group():
            return _fill_group(cluster, resource, definition, instance_number)
        case Clone():
            return _fill_clone(cluster, resource, definition)
        case Bundle():
            return bundles.fill_bundle(cluster, resource, definition, make_resource)


def _apply_reconnect_interval(cluster: Cluster, resource: Resource) -> None:
    """A remote node's failures are forgotten when its connection is tried again."""
    interval = parameters_of(cluster, resource, None).get("reconnect_interval")
    if interval is not None:
        resource.remote_reconnect_ms = resource.failure_timeout_ms = interval_ms(interval)


def _fill_primitive(cluster: Cluster, resource: Resource) -> bool:
    """Only some kinds of agent can be promoted, or run as unique instances."""
    top = resource.top
    standard = resource.standard.lower()
    if top.kind is ResourceKind.CLONE and resource.unique and standard not in _UNIQUE_STANDARDS:
        _make_anonymous(cluster, top)
        _forget_uniqueness(resource)
    if top.promotable and standard not in _PROMOTABLE_STANDARDS:
        message = f"{resource.id} cannot be promotable because its agent is of the kind {standard!r}."
        cluster.reports.append(Report(Severity.ERROR, "not-promotable", resource.id, message, "Use an OCF agent."))
        return False
    return True


def _make_anonymous(cluster: Cluster, clone: Resource) -> None:
    assert clone.clone is not None
    clone.clone.clone_node_max = 1
    clone.clone.clone_max = min(clone.clone.clone_max, len(cluster.nodes))
    _forget_uniqueness(clone)


def _forget_uniqueness(resource: Resource) -> None:
    for each in resource.walk():
        each.unique = False
        each.meta["globally-unique"] = "false"


def _fill_group(cluster: Cluster, resource: Resource, group: Group, instance_number: int | None) -> bool:
    for member in group.members:
        child = make_resource(cluster, member, resource, instance_number)
        if child is not None:
            resource.children.append(child)
    return bool(resource.children)


def _count(cluster: Cluster, resource: Resource, names: tuple[str, ...], default: int) -> int:
    """A number from the first of several meta attributes that is set, at least 0 and within reason."""
    for name in names:
        if name in resource.meta:
            number = parse_integer(resource.meta[name])
            return sane_count(cluster, resource, name, max(number, 0) if number is not None else 0)
    return default


def _fill_clone(cluster: Cluster, resource: Resource, clone: Clone) -> bool:
    resource.promotable = resource.promotable or clone.promotable
    if clone.promotable:
        resource.meta.setdefault("promotable", "true")
    settings = CloneSettings(
        clone_max=_count(cluster, resource, ("clone-max",), max(1, len(cluster.nodes))),
        clone_node_max=_count(cluster, resource, ("clone-node-max",), 1),
        promoted_max=_count(cluster, resource, ("promoted-max", "master-max"), 1),
        promoted_node_max=_count(cluster, resource, ("promoted-node-max", "master-node-max"), 1),
        clone_min=_count(cluster, resource, ("clone-min",), 0),
        interleave=is_true(resource.meta.get("interleave")),
        ordered=is_true(resource.meta.get("ordered")),
    )
    if not resource.promotable:
        settings.promoted_max = settings.promoted_node_max = 0
    if not resource.unique:
        settings.clone_node_max = min(settings.clone_node_max, 1)
    resource.clone = settings
    resource.meta.setdefault("resource-stickiness", "1")
    resource.meta["globally-unique"] = "true" if resource.unique else "false"
    while len(resource.children) < max(settings.clone_max, 1):  # The first instance may lower it.
        if add_instance(cluster, resource) is None:
            return False
    return True


def add_instance(cluster: Cluster, clone: Resource) -> Resource | None:
    """Another instance of a clone; one more than it should have counts as removed."""
    assert clone.clone is not None and isinstance(clone.definition, Clone)
    number = clone.clone.next_orphan
    surplus = number >= clone.clone.clone_max
    instance_limit = str(clone.clone.clone_max)
    instance = make_resource(cluster, clone.definition.child, clone, number)
    if instance is None:
        return None
    clone.clone.next_orphan += 1
    clone.children.append(instance)
    if surplus:
        for each in instance.walk():
            each.removed = True
    instance.meta["clone-max"] = instance_limit
    return instance


def register(cluster: Cluster, resource: Resource) -> None:
    """Make a resource and everything in it findable by id, and instances also by their id without number."""
    for each in resource.walk():
        cluster.by_id.setdefault(each.id, []).append(each)
        base = base_name(each.id)
        if base != each.id and each.definition is not None and each.definition.id == base:
            cluster.by_id.setdefault(base, []).append(each)


def _find_launchers(cluster: Cluster, resource: Resource) -> None:
    """Connect what names a container (meta attribute `container`) with it."""
    if resource.children:
        for child in resource.children:
            _find_launchers(cluster, child)
        return
    name = resource.meta.get("container")
    if name is None or name == resource.id:
        return
    launcher = next((each for each in cluster.by_id.get(name, ()) if each.id == name), None)
    if launcher is None or _is_launched_by(launcher, resource):
        problem = "which does not exist" if launcher is None else "which is itself inside of it"
        message = f"{resource.id} names the container {name}, {problem}."
        cluster.reports.append(Report(Severity.ERROR, "missing-container", resource.id, message, "Correct its name."))
        return
    resource.launcher = launcher
    launcher.launched.append(resource)


def _is_launched_by(resource: Resource | None, other: Resource) -> bool:
    while resource is not None and resource is not other:
        resource = resource.launcher
    return resource is other


def link_connection(cluster: Cluster, resource: Resource) -> None:
    """Tell the node of a top-level connection resource about it."""
    node = cluster.nodes_by_name.get(resource.id) if resource.is_remote_connection else None
    if node is None:
        return
    node.remote = resource
    if resource.launcher is None:
        assume_state(cluster, node)
    else:
        bundles.make_guest(node)


def _with_template(cluster: Cluster, primitive: Primitive) -> Primitive | None:
    """The primitive with what its template adds; sets of its own come later and so win."""
    if primitive.template is None:
        return primitive
    template = next((each for each in cluster.cib.templates if each.id == primitive.template), None)
    if template is None or primitive.template == primitive.id:
        message = f"{primitive.id} is ignored because its template {primitive.template} does not exist."
        hint = "Correct the template's name, or give class, provider and type."
        cluster.reports.append(Report(Severity.ERROR, "missing-template", primitive.id, message, hint))
        return None
    return replace(
        primitive,
        standard=template.standard,
        provider=template.provider,
        type=template.type,
        meta=template.meta + primitive.meta,
        parameters=template.parameters + primitive.parameters,
        utilization=template.utilization + primitive.utilization,
        operations=_operations_over_template(primitive, template),
    )


def _operations_over_template(primitive: Primitive, template: Template) -> tuple[Operation, ...]:
    """The primitive's operations, then those of the template whose name and role it does not have itself."""
    own = {_operation_key(operation) for operation in primitive.operations}
    return primitive.operations + tuple(
        operation for operation in template.operations if _operation_key(operation) not in own
    )


def _operation_key(operation: Operation) -> tuple[str, str]:
    role = operation.attributes.get("role", "Started")
    return operation.name, "" if role.lower() in ("started", "unpromoted", "slave") else role
