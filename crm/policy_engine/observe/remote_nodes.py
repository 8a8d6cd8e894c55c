"""Nodes that resources imply: `ocf:pacemaker:remote` resources, and guests that a meta attribute `remote-node`
declares.

A guest's connection is a resource that no CIB contains; its definition is made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crm.model.attributes import AttributeSet, NameValue
from crm.model.resources import Group, Operation, Primitive, ResourceDefinition
from crm.model.values import interval_ms
from crm.policy_engine.observe.nodes import add_node
from crm.policy_engine.picture.cluster import Cluster, NodeKind


def is_remote_connection(definition: object) -> bool:
    """Whether the resource is a connection to a remote or guest node."""
    return (
        isinstance(definition, Primitive)
        and definition.type.lower() == "remote"
        and definition.standard.lower() == "ocf"
        and (definition.provider or "").lower() == "pacemaker"
    )


def attribute_set(set_id: str, values: Iterable[tuple[str, str | None]]) -> AttributeSet:
    """A set of the values that are not None."""
    pairs = tuple(NameValue(name, value, f"{set_id}-{name}") for name, value in values if value is not None)
    return AttributeSet(set_id, pairs)


def operation(prefix: str, name: str, interval: str, timeout: str | None = None) -> Operation:
    """A configured operation of an implied resource."""
    attributes = {"id": f"{prefix}-{name}-{interval}", "interval": interval, "name": name}
    if timeout is not None:
        attributes["timeout"] = timeout
    return Operation(attributes["id"], name, interval_ms(interval), attributes)


def connection_definition(
    name: str,
    container: str,
    address: str | None,
    port: str | None,
    allow_migrate: str | None = None,
    is_managed: str | None = None,
    start_timeout: str | None = None,
) -> Primitive:
    """The connection to the guest node `name` inside the resource `container`."""
    meta = (
        ("internal_rsc", "true"),
        ("container", container),
        ("allow-migrate", allow_migrate),
        ("is-managed", is_managed),
    )
    operations = [operation(name, "monitor", "30s", "30s")]
    if start_timeout is not None:
        operations.append(operation(name, "start", "0", start_timeout))
    parameters = attribute_set(f"{name}-instance_attributes", (("addr", address), ("port", port)))
    return Primitive(
        id=name,
        standard="ocf",
        provider="pacemaker",
        type="remote",
        meta=(attribute_set(f"{name}-meta_attributes", meta),),
        parameters=(parameters,) if parameters.pairs else (),
        operations=tuple(operations),
    )


def imply_remote_nodes(cluster: Cluster) -> tuple[ResourceDefinition, ...]:
    """Add the nodes; gives all resource definitions, the implied connections after the configured ones."""
    implied: list[Primitive] = []
    configured_ids = {resource.id for resource in _walk(cluster.cib.resources)}
    for definition in cluster.cib.resources:
        if is_remote_connection(definition):
            _ensure_node(cluster, definition.id)
            continue
        candidates = definition.members if isinstance(definition, Group) else (definition,)
        for candidate in candidates:
            connection = _guest_connection(candidate) if isinstance(candidate, Primitive) else None
            if connection is not None and connection.id not in configured_ids:
                implied.append(connection)
                _ensure_node(cluster, connection.id)
    return (*cluster.cib.resources, *implied)


def _ensure_node(cluster: Cluster, name: str) -> None:
    if name not in cluster.nodes_by_name:
        add_node(cluster, name, name, NodeKind.REMOTE)


def _walk(resources: Iterable[object]) -> Iterator[ResourceDefinition]:
    for resource in resources:
        yield resource  # type: ignore[misc]
        yield from _walk(getattr(resource, "members", ()))
        inner = getattr(resource, "child", None) or getattr(resource, "primitive", None)
        if inner is not None:
            yield from _walk((inner,))


def _guest_connection(container: Primitive) -> Primitive | None:
    """The connection that a container's meta attributes declare; of several sets the last counts, rules or not."""
    meta = {pair.name: pair.value for block in container.meta for pair in block.pairs}
    name = meta.get("remote-node")
    if name is None:
        return None
    return connection_definition(
        name=name,
        container=container.id,
        address=meta.get("remote-addr"),
        port=meta.get("remote-port"),
        allow_migrate=meta.get("remote-allow-migrate"),
        is_managed=meta.get("is-managed"),
        start_timeout=meta.get("remote-connect-timeout", "60s"),
    )
