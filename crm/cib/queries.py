"""What others ask a CIB: answers as plain values. Outside of this package nobody walks a tree or writes an XPath.

Names are compared as values and never become part of an expression, so they may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from crm.cib.document import Document
from crm.cib.parsing import Element


@dataclass(frozen=True, slots=True)
class RecordedOperation:
    """One entry of a node's history. `agent`: class, provider and type, as far as they are recorded."""

    node_id: str
    node: str
    resource: str
    agent: Mapping[str, str]
    attributes: Mapping[str, str]

    @property
    def id(self) -> str:
        return self.attributes.get("id", "")


def operations(root: Element, node_id: str | None = None, operation: str | None = None) -> Iterator[RecordedOperation]:
    """All that is recorded of operations, in document order; of one node, or of one kind, if that is asked for."""
    for state in root.iterfind("status/node_state"):
        if node_id not in (None, state.get("id")):
            continue
        for history in state.iterfind("lrm/lrm_resources/lrm_resource"):
            for entry in history.iterchildren("lrm_rsc_op"):
                if operation in (None, entry.get("operation")):
                    yield RecordedOperation(str(state.get("id")), str(state.get("uname")), str(history.get("id")),
                                            _values(history, "class", "provider", "type"), _values(entry))


@dataclass(frozen=True, slots=True)
class RecordedAttribute:
    """A transient attribute of a node."""

    node_id: str
    node: str
    name: str
    value: str


def recorded_attributes(root: Element) -> Iterator[RecordedAttribute]:
    """The transient attributes of all nodes."""
    for state in root.iterfind("status/node_state"):
        for pair in state.iterfind("transient_attributes/instance_attributes/nvpair"):
            yield RecordedAttribute(str(state.get("id")), str(state.get("uname")), str(pair.get("name")),
                                    str(pair.get("value", "")))


@dataclass(frozen=True, slots=True)
class LocationConstraint:
    """A location constraint as it is written. `has_dates`: a rule of it asks for the time."""

    attributes: Mapping[str, str]
    has_dates: bool


def locations(root: Element) -> Iterator[LocationConstraint]:
    """All location constraints."""
    for element in root.iterfind("configuration/constraints/rsc_location"):
        yield LocationConstraint(_values(element), element.find(".//date_expression") is not None)


def orders(root: Element) -> list[Mapping[str, str]]:
    """The attributes of all ordering constraints."""
    return [_values(element) for element in root.iterfind("configuration/constraints/rsc_order")]


def ticket_states(document: Document) -> dict[str, Mapping[str, str]]:
    """What is recorded of tickets, by name."""
    return {str(each.get("id")): _values(each) for each in document.root.iterfind("status/tickets/ticket_state")}


def fence_parameters(root: Element) -> set[str]:
    """Names of the parameters that any fence device sets."""
    path = "configuration/resources//primitive[@class='stonith']/instance_attributes/nvpair"
    return {str(pair.get("name")) for pair in root.iterfind(path)}


def default_timeout(document: Document) -> str | None:
    """The time limit of operations that say none, as the defaults of operations have it; None: they have none."""
    pairs = document.root.iterfind("configuration/op_defaults/meta_attributes/nvpair")
    return next((str(pair.get("value")) for pair in pairs if pair.get("name") == "timeout"), None)


def values_of(document: Document, *names: str) -> list[str]:
    """The values that anything in the configuration has under those names, whatever it belongs to."""
    return [str(pair.get("value", "")) for pair in document.root.iterfind("configuration//nvpair")
            if pair.get("name") in names]


def has_alerts(document: Document) -> bool:
    """Whether anybody is to be told of what happens."""
    return document.root.find("configuration/alerts/alert") is not None


def has_ruled_meta_attributes(document: Document) -> bool:
    """Whether meta attributes depend on rules, and so on time and attributes."""
    return document.root.find(".//meta_attributes/rule") is not None


def is_unused(root: Element) -> bool:
    """Whether nothing is recorded of any node."""
    return root.find("status/node_state") is None


def configuration(document: Document) -> Element:
    """The configuration section. Every document has one."""
    found = document.root.find("configuration")
    assert found is not None, "a CIB has a configuration"
    return found


def configuration_text(document: Document) -> str:
    """The configuration section as XML."""
    return etree.tostring(configuration(document), encoding="unicode")


def constraint_texts(document: Document) -> set[tuple[str, bytes]]:
    """Id and text (canonical) of each constraint."""
    constraints = document.root.find("configuration/constraints")
    return {(str(each.get("id")), _canonical(each))
            for each in constraints if each.get("id")} if constraints is not None else set()


def primitive_texts(document: Document) -> list[tuple[str, bytes]]:
    """Id of each primitive, and what is asked of its agent as text: agent and parameters, those of its template, too.
    """
    resources = document.root.find("configuration/resources")
    if resources is None:
        return []
    templates = {str(each.get("id")): each for each in resources.iterfind("template")}
    return [(str(each.get("id")), _asked(each) + _asked(templates.get(each.get("template", ""))))
            for each in resources.iter("primitive")]


def _asked(element: Element | None) -> bytes:
    if element is None:
        return b""
    agent = ":".join(element.get(name, "") for name in ("class", "provider", "type"))
    return b"\n".join([agent.encode(), *map(_canonical, element.iterfind("instance_attributes"))])


def _canonical(element: Element) -> bytes:
    return etree.tostring(element, method="c14n", with_tail=False)


def status_section(document: Document) -> Element | None:
    """The status section, if there is one."""
    return document.root.find("status")


def permanent_attributes(node: Element) -> dict[str, str]:
    """The permanent attributes of a configured node (`crm.cib.edits.cluster.configured_node`)."""
    return {str(pair.get("name")): str(pair.get("value", "")) for pair in node.iterfind("instance_attributes/nvpair")}


def transient_attribute(document: Document, node_id: str, name: str) -> str | None:
    """The value of a node's transient attribute."""
    found = document.root.xpath(
        "status/node_state[@id=$node]/transient_attributes/instance_attributes/nvpair[@name=$name]/@value",
        node=node_id,
        name=name,
        smart_strings=False,
    )
    return str(found[0]) if isinstance(found, list) and found else None


def transient_attributes(document: Document, node_id: str) -> dict[str, str]:
    """All transient attributes of a node."""
    found = document.root.xpath(
        "status/node_state[@id=$node]/transient_attributes/instance_attributes/nvpair", node=node_id
    )
    pairs = found if isinstance(found, list) else []
    return {str(pair.get("name")): str(pair.get("value", "")) for pair in pairs if isinstance(pair, etree._Element)}


def recorded_resources(document: Document, node_id: str) -> list[str]:
    """Ids of the resources in a node's history."""
    found = document.root.xpath(
        "status/node_state[@id=$node]/lrm/lrm_resources/lrm_resource/@id", node=node_id, smart_strings=False
    )
    return [str(name) for name in found] if isinstance(found, list) else []


def recorded_calls(document: Document, node_id: str) -> set[tuple[str, str]]:
    """What tells each result in a node's history from others: its call id and its transition magic."""
    found = document.root.xpath("status/node_state[@id=$node]/lrm/lrm_resources/lrm_resource/lrm_rsc_op", node=node_id)
    entries = [entry for entry in found if isinstance(entry, etree._Element)] if isinstance(found, list) else []
    return {(str(entry.get("call-id")), str(entry.get("transition-magic"))) for entry in entries}


def recorded_nodes(document: Document) -> dict[str, dict[str, str]]:
    """Attributes of each `node_state`, by node id."""
    states = document.root.iterfind("status/node_state")
    return {str(state.get("id")): {str(key): str(value) for key, value in state.attrib.items()} for state in states}


def configured_node_ids(document: Document) -> set[str]:
    """Ids in the configuration's list of nodes."""
    found = document.root.xpath("configuration/nodes/node/@id", smart_strings=False)
    return {str(identity) for identity in found} if isinstance(found, list) else set()


def configured_node_names(document: Document) -> list[str]:
    """Names in the configuration's list of nodes, in its order."""
    found = document.root.xpath("configuration/nodes/node/@uname", smart_strings=False)
    return [str(name) for name in found] if isinstance(found, list) else []


def cluster_option(document: Document, *names: str) -> str | None:
    """The value of a cluster option that is set plainly (the first set counts), under any of its names."""
    values: dict[str, str] = {}
    for pair in document.root.iterfind("configuration/crm_config/cluster_property_set/nvpair"):
        if pair.get("name") in names and pair.get("value") is not None:
            values.setdefault(str(pair.get("name")), str(pair.get("value")))
    return next((values[name] for name in names if name in values), None)


def primitives_of(document: Document, resource: str) -> set[str]:
    """Ids of the primitives within a resource (a group, a clone …), itself if it is one."""
    found = document.root.xpath("configuration/resources//*[@id=$id]/descendant-or-self::primitive/@id", id=resource,
                                smart_strings=False)
    return {str(name) for name in found} if isinstance(found, list) else set()


def _values(element: Element, *names: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items() if not names or name in names}
