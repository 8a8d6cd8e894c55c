"""Reading the resources section: primitives, groups, clones, bundles, templates and their operations."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from crm.cib.reading.attributes import Reader, text
from crm.model.attributes import AttributeSet
from crm.model.resources import (
    Bundle,
    BundleNetwork,
    Clone,
    Container,
    Group,
    Operation,
    PortMapping,
    Primitive,
    ResourceDefinition,
    StorageMapping,
    Template,
)
from crm.model.values import interval_ms, is_true, parse_integer

_TECHNOLOGIES = ("docker", "podman", "rkt")


def read_resources(reader: Reader, section: etree._Element | None) -> tuple[ResourceDefinition, ...]:
    """Every resource at the top of the section; what is not understood is reported and left out."""
    if section is None:
        return ()
    found = (_resource(reader, element) for element in section.iterchildren(etree.Element))
    return tuple(resource for resource in found if resource is not None)


def read_templates(reader: Reader, section: etree._Element | None) -> tuple[Template, ...]:
    """Every resource template."""
    if section is None:
        return ()
    return tuple(
        Template(
            id=text(element.get("id")),
            standard=text(element.get("class")),
            provider=element.get("provider"),
            type=text(element.get("type")),
            meta=reader.sets(element, "meta_attributes"),
            parameters=reader.sets(element, "instance_attributes"),
            utilization=reader.sets(element, "utilization"),
            operations=tuple(_operations(reader, element)),
        )
        for element in section.iterchildren("template")
        if element.get("id")
    )


def _resource(reader: Reader, element: etree._Element) -> ResourceDefinition | None:
    if element.tag == "template":
        return None
    if not element.get("id"):
        reader.report("resource-without-id", "", "A resource without an id is ignored.", "Give it an id.", element)
        return None
    match element.tag:
        case "primitive":
            return _primitive(reader, element)
        case "group":
            return _group(reader, element)
        case "clone" | "master":
            return _clone(reader, element)
        case "bundle":
            return _bundle(reader, element)
    identity = text(element.get("id"))
    reader.report("unknown-resource", identity, f"{identity} is of the unknown kind {text(element.tag)}.", "", element)
    return None


def _primitive(reader: Reader, element: etree._Element) -> Primitive:
    return Primitive(
        id=text(element.get("id")),
        standard=text(element.get("class")),
        provider=element.get("provider"),
        type=text(element.get("type")),
        template=element.get("template"),
        meta=reader.sets(element, "meta_attributes"),
        parameters=reader.sets(element, "instance_attributes"),
        utilization=reader.sets(element, "utilization"),
        operations=tuple(_operations(reader, element)),
        description=element.get("description"),
    )


def _operations(reader: Reader, element: etree._Element) -> Iterator[Operation]:
    for block in element.iterchildren("operations"):
        holder = reader.resolve(block)
        if holder is None:
            continue
        for child in holder.iterchildren("op"):
            operation = reader.resolve(child)
            if operation is not None:
                yield _operation(reader, operation)


def _operation(reader: Reader, element: etree._Element) -> Operation:
    attributes = {text(name): text(value) for name, value in element.items()}
    simple = len(element) == 0
    return Operation(
        id=attributes.get("id", ""),
        name=attributes.get("name", ""),
        interval_ms=interval_ms(attributes.get("interval")),
        attributes=attributes,
        meta=() if simple else reader.sets(element, "meta_attributes"),
        parameters=() if simple else reader.sets(element, "instance_attributes"),
    )


def _group(reader: Reader, element: etree._Element) -> Group:
    members = tuple(_primitive(reader, child) for child in element.iterchildren("primitive") if child.get("id"))
    identity = text(element.get("id"))
    if not members:
        reader.report("empty-group", identity, f"Group {identity} has no members.", "Add one or remove it.", element)
    return Group(
        id=identity,
        members=members,
        meta=reader.sets(element, "meta_attributes"),
        parameters=reader.sets(element, "instance_attributes"),
        description=element.get("description"),
    )


def _clone(reader: Reader, element: etree._Element) -> Clone | None:
    identity = text(element.get("id"))
    for child in element.iterchildren("group", "primitive"):
        inner = _group(reader, child) if child.tag == "group" else _primitive(reader, child)
        return Clone(
            id=identity,
            child=inner,
            meta=reader.sets(element, "meta_attributes"),
            parameters=reader.sets(element, "instance_attributes"),
            promotable=element.tag == "master",
            description=element.get("description"),
        )
    reader.report("empty-clone", identity, f"Clone {identity} has nothing to clone and is ignored.", "", element)
    return None


def _bundle(reader: Reader, element: etree._Element) -> Bundle | None:
    identity = text(element.get("id"))
    technology = next((child for child in element.iterchildren(*_TECHNOLOGIES)), None)
    if technology is None:
        reader.report(
            "bundle-without-container",
            identity,
            f"Bundle {identity} names no container technology and is ignored.",
            f"Add one of {', '.join(_TECHNOLOGIES)}.",
            element,
        )
        return None
    inner = element.find("primitive")
    network = element.find("network")
    meta: tuple[AttributeSet, ...] = reader.sets(element, "meta_attributes")
    return Bundle(
        id=identity,
        container=_container(technology),
        network=_network(network) if network is not None else None,
        storage=tuple(_storage(child) for child in element.iterfind("storage/storage-mapping")),
        primitive=_primitive(reader, inner) if inner is not None and inner.get("id") else None,
        meta=meta,
        description=element.get("description"),
    )


def _container(element: etree._Element) -> Container:
    promoted = element.get("promoted-max", element.get("masters"))
    return Container(
        technology=text(element.tag),
        image=text(element.get("image")),
        replicas=parse_integer(element.get("replicas")),
        replicas_per_host=parse_integer(element.get("replicas-per-host")),
        promoted_max=parse_integer(promoted),
        run_command=element.get("run-command"),
        network=element.get("network"),
        options=element.get("options"),
    )


def _network(element: etree._Element) -> BundleNetwork:
    return BundleNetwork(
        ip_range_start=element.get("ip-range-start"),
        control_port=element.get("control-port"),
        host_interface=element.get("host-interface"),
        host_netmask=element.get("host-netmask"),
        add_host=element.get("add-host") is None or is_true(element.get("add-host")),
        ports=tuple(
            PortMapping(text(child.get("id")), child.get("port"), child.get("internal-port"), child.get("range"))
            for child in element.iterchildren("port-mapping")
        ),
    )


def _storage(element: etree._Element) -> StorageMapping:
    shared = element.get("source-dir")
    return StorageMapping(
        id=text(element.get("id")),
        source=text(shared if shared is not None else element.get("source-dir-root")),
        target=text(element.get("target-dir")),
        options=element.get("options"),
        per_replica=shared is None,
    )
