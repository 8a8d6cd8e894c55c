"""From the XML of a CIB to the model: the only reader, tolerant by design.

What is unknown or senseless becomes a report and the rest is read on; nothing is decided here. Older element and
attribute names are understood as well (`master`, `master-max`), so that a CIB need not be upgraded first. Parsing of
text, with its limits, is `crm.cib.document`'s; validation against the schema is `crm.cib.schema`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lxml import etree

from crm.cib.model_cache import NOTHING, ModelCache
from crm.cib.reading.attributes import Reader, text
from crm.cib.reading.constraints import keep_off_ping_nodes, read_constraints
from crm.cib.reading.resources import read_resources, read_templates
from crm.cib.reading.status import read_node_states, read_tickets
from crm.model.cib import Alert, AlertRecipient, Cib, ConfiguredNode, FencingLevel, Tag
from crm.model.dates import parse_moment
from crm.model.values import is_true, parse_integer


def read(root: etree._Element) -> Cib:
    """The CIB under `root` (a `cib` element) as frozen data, with reports on what could not be understood."""
    return read_next(root, NOTHING)[0]


def read_next(root: etree._Element, known: ModelCache) -> tuple[Cib, ModelCache]:
    """The same, where some of it is known already; and what is known now, for the next time."""
    attributes = {text(name): text(value) for name, value in root.items()}
    status = root.find("status")
    configuration = known.configuration or _read_configuration(root)
    reader = Reader(root)
    node_states = read_node_states(reader, status, known.node_states)
    cib = replace(
        configuration,
        attributes=attributes,
        dc_id=attributes.get("dc-uuid"),
        have_quorum=is_true(attributes.get("have-quorum")),
        execution_date=_execution_date(attributes.get("execution-date")),
        node_states=node_states,
        tickets=read_tickets(status),
        reports=(*configuration.reports, *reader.reports),
    )
    # What was reported must be reported each time.
    kept = () if reader.reports else node_states
    return cib, ModelCache(configuration, {state.id: state for state in kept})


def _read_configuration(root: etree._Element) -> Cib:
    reader = Reader(root)
    configuration = root.find("configuration")

    def section(name: str) -> etree._Element | None:
        return configuration.find(name) if configuration is not None else None

    nodes = tuple(_nodes(reader, section("nodes")))
    return Cib(
        options=reader.sets(section("crm_config"), "cluster_property_set"),
        nodes=nodes,
        resources=read_resources(reader, section("resources")),
        templates=read_templates(reader, section("resources")),
        constraints=(*read_constraints(reader, section("constraints")), *keep_off_ping_nodes(nodes)),
        tags=tuple(_tags(section("tags"))),
        resource_defaults=reader.sets(section("rsc_defaults"), "meta_attributes"),
        operation_defaults=reader.sets(section("op_defaults"), "meta_attributes"),
        fencing_levels=tuple(_fencing_levels(section("fencing-topology"))),
        alerts=tuple(_alerts(reader, section("alerts"))),
        reports=tuple(reader.reports),
    )


def _execution_date(value: str | None) -> int | None:
    if value is None:
        return None
    return int(value) if value.isdecimal() else parse_moment(value)


def _children(parent: etree._Element | None, tag: str) -> Iterator[etree._Element]:
    if parent is not None:
        yield from parent.iterchildren(tag)


def _nodes(reader: Reader, section: etree._Element | None) -> Iterator[ConfiguredNode]:
    for element in _children(section, "node"):
        node_id = element.get("id")
        if node_id is None:
            reader.report("node-without-id", "", "A node without an id is ignored.", "Give it an id.", element)
            continue
        yield ConfiguredNode(
            id=text(node_id),
            name=text(element.get("uname", node_id)),
            type=element.get("type"),
            score=element.get("score"),
            attributes=reader.sets(element, "instance_attributes"),
            utilization=reader.sets(element, "utilization"),
        )


def _tags(section: etree._Element | None) -> Iterator[Tag]:
    for element in _children(section, "tag"):
        references = tuple(text(ref.get("id")) for ref in element.iterchildren("obj_ref") if ref.get("id"))
        yield Tag(text(element.get("id", "")), references)


def _fencing_levels(section: etree._Element | None) -> Iterator[FencingLevel]:
    for element in _children(section, "fencing-level"):
        yield FencingLevel(
            id=text(element.get("id", "")),
            index=parse_integer(element.get("index")) or 0,
            devices=tuple(name.strip() for name in text(element.get("devices", "")).split(",") if name.strip()),
            target=element.get("target"),
            pattern=element.get("target-pattern"),
            attribute=element.get("target-attribute"),
            value=element.get("target-value"),
        )


def _alerts(reader: Reader, section: etree._Element | None) -> Iterator[Alert]:
    for element in _children(section, "alert"):
        select = element.find("select")
        kinds = tuple(text(child.tag).removeprefix("select_") for child in select) if select is not None else ()
        yield Alert(
            id=text(element.get("id", "")),
            path=text(element.get("path", "")),
            select=kinds,
            attributes=tuple(text(child.get("name")) for child in element.iterfind("select/*/attribute")),
            meta=reader.sets(element, "meta_attributes"),
            parameters=reader.sets(element, "instance_attributes"),
            recipients=tuple(
                AlertRecipient(
                    id=text(child.get("id", "")),
                    value=text(child.get("value", "")),
                    meta=reader.sets(child, "meta_attributes"),
                    parameters=reader.sets(child, "instance_attributes"),
                )
                for child in element.iterchildren("recipient")
            ),
        )
