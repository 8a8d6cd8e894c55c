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


def operations(root: Element) -> Iterator[RecordedOperation]:
    """All that is recorded of operations, in document order."""
    for state in root.iterfind("status/node_state"):
        for history in state.iterfind("lrm/lrm_resources/lrm_resource"):
            agent = _values(history, "class", "provider", "type")
            for entry in history.iterfind("lrm_rsc_op"):
                yield RecordedOperation(str(state.get("id")), str(state.get("uname")), str(history.get("id")), agent,
                                        _values(entry))


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


def values_of(document: Document, name: str) -> list[str]:
    """The values that anything in the configuration has under that name, whatever it belongs to."""
    return [str(pair.get("value", "")) for pair in document.root.iterfind("configuration//nvpair")
            if pair.get("name") == name]


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


def permanent_attributes(node: Element) -> dict[str, str]:
    """The permanent attributes of a configured node (`crm.cib.edits.cluster.configured_node`)."""
    return {str(pair.get("name")): str(pair.get("value", "")) for pair in node.iterfind("instance_attributes/nvpair")}


def _values(element: Element, *names: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items() if not names or name in names}
