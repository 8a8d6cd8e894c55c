"""The smaller objects: tags, alerts, permissions, fencing levels, defaults. Source: Pacemaker Explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from lxml import etree

from crm.cib.objects.codec import Pairs, PartId, ReferencedNames, References, XmlAttribute, XmlChildren
from crm.cib.objects.conditions import MetaSet
from crm.cib.objects.json_shape import SHAPE
from crm.cib.objects.write_context import WriteContext
from crm.cib.parsing import Element


@dataclass(frozen=True, slots=True)
class Tag:
    """A name for several objects; constraints may use it instead of theirs."""

    __pydantic_config__ = SHAPE
    TAG = "tag"
    id: Annotated[str, XmlAttribute("id")]
    objects: Annotated[tuple[str, ...], References("obj_ref")] = ()


@dataclass(frozen=True, slots=True)
class Defaults(MetaSet):
    """Values that count where nothing else is said; with a rule only where that holds."""

    __pydantic_config__ = SHAPE
    id: Annotated[str, XmlAttribute("id")] = ""


# Alerts


@dataclass(frozen=True, slots=True)
class _AttributeName:
    """The name of an attribute."""

    __pydantic_config__ = SHAPE
    TAG = "attribute"
    name: Annotated[str, XmlAttribute("name")]
    id: Annotated[str, PartId()] = ""

    @property
    def telling(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class _Selected:
    """The marker for the kinds of event that an alert is for: an empty element for each."""

    def read(self, element: Element, types: Sequence[type]) -> tuple[str, ...]:
        return tuple(str(child.tag).removeprefix("select_") for child in element.iterfind("select/*"))

    def write(self, element: Element, value: Sequence[str], types: Sequence[type], around: WriteContext) -> None:
        present = self.read(element, ())
        if set(present) == set(value):
            return
        select = element.find("select")
        if select is None:
            select = etree.SubElement(element, "select")
        for word in set(present) - set(value):
            for child in select.findall(f"select_{word}"):
                select.remove(child)
        for word in value:
            if word not in present:
                etree.SubElement(select, f"select_{word}")
        if not value:
            element.remove(select)


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom an alert goes: an address, a file, whatever its agent makes of it."""

    __pydantic_config__ = SHAPE
    TAG = "recipient"
    value: Annotated[str, XmlAttribute("value")]
    id: Annotated[str, PartId()] = ""
    description: Annotated[str | None, XmlAttribute("description")] = None
    parameters: Annotated[dict[str, str], Pairs("instance_attributes")] = field(default_factory=dict)
    meta: Annotated[dict[str, str], Pairs("meta_attributes")] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """A program that is told of what happens."""

    __pydantic_config__ = SHAPE
    TAG = "alert"
    id: Annotated[str, XmlAttribute("id")]
    path: Annotated[str, XmlAttribute("path")]
    description: Annotated[str | None, XmlAttribute("description")] = None
    kinds: Annotated[tuple[Literal["attributes", "fencing", "nodes", "resources"], ...], _Selected()] = ()
    """What it is told of; without any: fencing, nodes and resources."""
    attributes: Annotated[tuple[_AttributeName, ...], XmlChildren("select/select_attributes")] = ()
    """Which node attributes, when `attributes` is one of the kinds; without any: all."""
    recipients: Annotated[tuple[Recipient, ...], XmlChildren()] = ()
    parameters: Annotated[dict[str, str], Pairs("instance_attributes")] = field(default_factory=dict)
    meta: Annotated[dict[str, str], Pairs("meta_attributes")] = field(default_factory=dict)


# Permissions


@dataclass(frozen=True, slots=True)
class Permission:
    """What may be done with the elements that an XPath, an id (`reference`) or a kind of element selects."""

    __pydantic_config__ = SHAPE
    TAG = "acl_permission"
    mode: Annotated[Literal["read", "write", "deny"], XmlAttribute("kind")]
    id: Annotated[str, PartId()] = ""
    description: Annotated[str | None, XmlAttribute("description")] = None
    xpath: Annotated[str | None, XmlAttribute("xpath")] = None
    reference: Annotated[str | None, XmlAttribute("reference")] = None
    object_type: Annotated[str | None, XmlAttribute("object-type")] = None
    attribute: Annotated[str | None, XmlAttribute("attribute")] = None

    @property
    def telling(self) -> str:
        return f"{self.mode}-{self.reference or self.object_type or 'xpath'}"


@dataclass(frozen=True, slots=True)
class AclRole:
    """Permissions that users can have together."""

    __pydantic_config__ = SHAPE
    TAG = "acl_role"
    id: Annotated[str, XmlAttribute("id")]
    description: Annotated[str | None, XmlAttribute("description")] = None
    permissions: Annotated[tuple[Permission, ...], XmlChildren()] = ()


@dataclass(frozen=True, slots=True)
class AclUser:
    """A user of the system with roles; `id` is the user's name unless `name` says it."""

    __pydantic_config__ = SHAPE
    TAG = "acl_target"
    id: Annotated[str, XmlAttribute("id")]
    name: Annotated[str | None, XmlAttribute("name")] = None
    roles: Annotated[tuple[str, ...], References("role")] = ()


@dataclass(frozen=True, slots=True)
class AclGroup:
    """A group of the system with roles; `id` is the group's name unless `name` says it."""

    __pydantic_config__ = SHAPE
    TAG = "acl_group"
    id: Annotated[str, XmlAttribute("id")]
    name: Annotated[str | None, XmlAttribute("name")] = None
    roles: Annotated[tuple[str, ...], References("role")] = ()


# Fencing


@dataclass(frozen=True, slots=True)
class FencingLevel:
    """Devices that are used together to fence a node; the levels of a node are tried in the order of their index.

    Which nodes: one by name (`target`), those whose names match a pattern, or those with an attribute of that value.
    """

    __pydantic_config__ = SHAPE
    TAG = "fencing-level"
    id: Annotated[str, XmlAttribute("id")]
    index: Annotated[int, XmlAttribute("index")]
    devices: Annotated[tuple[str, ...], ReferencedNames("devices")]
    target: Annotated[str | None, XmlAttribute("target")] = None
    target_pattern: Annotated[str | None, XmlAttribute("target-pattern")] = None
    target_attribute: Annotated[str | None, XmlAttribute("target-attribute")] = None
    target_value: Annotated[str | None, XmlAttribute("target-value")] = None
