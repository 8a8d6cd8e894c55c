"""Between XML elements and typed values: every field of a dataclass carries a marker that says where in the XML it is.

    class Tag:
        TAG = "tag"
        id: Annotated[str, Attribute("id")]
        resources: Annotated[tuple[str, ...], References("obj_ref")] = ()

A value is written onto an element that may exist already: what the value has no field for stays as it is, parts keep
their ids, and only what differs is touched. That keeps what an author wrote by hand, and makes small patches.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Protocol, TypeVar

from lxml import etree

from crm.cib.objects.write_context import WriteContext
from crm.cib.parsing import Element
from crm.model.values import parse_bool, parse_integer

_Value = TypeVar("_Value")


class Marker(Protocol):
    """Where a field stands. `types` are the plain types and dataclasses that the field's annotation holds."""

    def read(self, element: Element, types: Sequence[type]) -> Any: ...
    def write(self, element: Element, value: Any, types: Sequence[type], around: WriteContext) -> None: ...


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    marker: Marker
    types: tuple[type, ...]


_KNOWN: dict[type, tuple[_Field, ...]] = {}
"""The fields of every kind that was met so far."""


def _fields(kind: type) -> tuple[_Field, ...]:
    if kind not in _KNOWN:
        _KNOWN[kind] = tuple(_found(kind))
    return _KNOWN[kind]


def _found(kind: Any) -> Iterable[_Field]:
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        marks = [mark for mark in getattr(hints[field.name], "__metadata__", ()) if hasattr(mark, "write")]
        if marks:
            yield _Field(field.name, marks[0], tuple(_leaves(hints[field.name])))


def _leaves(hint: Any) -> Iterable[type]:
    """The types at the ends of an annotation: of `tuple[Rule | Date, ...] | None` Rule and Date."""
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Annotated:
        yield from _leaves(inner[0])
    elif inner:
        for part in inner:
            yield from _leaves(part)
    elif isinstance(hint, type) and hint is not type(None) and not isinstance(hint, UnionType):
        yield hint


def tag_of(kind: type) -> str:
    """The name of the element that a kind of object is."""
    return str(getattr(kind, "TAG", ""))


def read(kind: type[_Value], element: Element) -> _Value:
    """The value of an element."""
    values = {field.name: field.marker.read(element, field.types) for field in _fields(kind)}
    return kind(**{name: value for name, value in values.items() if value is not None})


def write(value: object, element: Element, around: WriteContext) -> None:
    """Make an element say what a value says."""
    for field in _fields(type(value)):
        field.marker.write(element, getattr(value, field.name), field.types, around)


# Markers


@dataclass(frozen=True, slots=True)
class XmlAttribute:
    """An attribute of the element: text, a switch or a whole number."""

    name: str

    def read(self, element: Element, types: Sequence[type]) -> Any:
        text = element.get(self.name)
        if text is None:
            return None
        return parse_bool(text) if bool in types else parse_integer(text) if int in types else text

    def write(self, element: Element, value: Any, types: Sequence[type], around: WriteContext) -> None:
        text = str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
        if text is None:
            element.attrib.pop(self.name, "")
        elif element.get(self.name) != text:
            element.set(self.name, text)


@dataclass(frozen=True, slots=True)
class PartId:
    """The id of a part: made from that of what it is in when its author gave none."""

    def read(self, element: Element, types: Sequence[type]) -> str | None:
        return element.get("id")

    def write(self, element: Element, value: str, types: Sequence[type], around: WriteContext) -> None:
        if value and element.get("id") != value:
            element.set("id", value)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as people write it (`ocf:heartbeat:IPaddr2`, `systemd:nginx`), in three attributes."""

    def read(self, element: Element, types: Sequence[type]) -> str | None:
        parts = [element.get(name) for name in ("class", "provider", "type")]
        return ":".join(part for part in parts if part) or None

    def write(self, element: Element, value: str | None, types: Sequence[type], around: WriteContext) -> None:
        standard, provider, type_ = split_agent(value or "")
        for name, part in (("class", standard), ("provider", provider), ("type", type_)):
            XmlAttribute(name).write(element, part or None, types, around)


def split_agent(text: str) -> tuple[str, str, str]:
    """Standard, provider and type; a provider is only in `ocf:provider:type`."""
    standard, _, rest = text.partition(":")
    provider, colon, type_ = rest.partition(":")
    return (standard, provider, type_) if colon and standard == "ocf" else (standard, "", rest)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and values in the first set of that kind that always counts (it has no rule and is nobody else's)."""

    tag: str

    def read(self, element: Element, types: Sequence[type]) -> dict[str, str]:
        holder = plain_set(element, self.tag)
        pairs = holder.iterfind("nvpair[@name]") if holder is not None else ()
        return {str(pair.get("name")): str(pair.get("value", "")) for pair in pairs}

    def write(self, element: Element, value: Mapping[str, str], types: Sequence[type], around: WriteContext) -> None:
        holder = plain_set(element, self.tag)
        if holder is None and value:
            holder = _new_child(element, self.tag)
            holder.set("id", around.new_id(f"{element.get('id')}-{self.tag}"))
        if holder is None or self.read(element, types) == dict(value):
            return
        write_pairs(holder, value, around)
        if len(holder) == 0:
            element.remove(holder)


def write_pairs(holder: Element, values: Mapping[str, str], around: WriteContext) -> None:
    """Make the pairs of a set be exactly these."""
    known = {str(pair.get("name")): pair for pair in holder.iterfind("nvpair[@name]")}
    for name, pair in known.items():
        if name not in values:
            holder.remove(pair)
    for name, text in values.items():
        if name not in known:
            identity = around.new_id(f"{holder.get('id')}-{name}")
            etree.SubElement(holder, "nvpair", {"id": identity, "name": name, "value": text})
        elif known[name].get("value") != text:
            known[name].set("value", text)


def plain_set(element: Element, tag: str) -> Element | None:
    """The first set of that kind that always counts."""
    return next((each for each in element.iterfind(tag) if not is_conditional(each)), None)


def is_conditional(element: Element) -> bool:
    """Whether a set of attributes counts only sometimes, or stands for another one."""
    return element.get("id-ref") is not None or element.find("rule") is not None


@dataclass(frozen=True, slots=True)
class OwnPairs:
    """Names and values directly in the element."""

    def read(self, element: Element, types: Sequence[type]) -> dict[str, str]:
        return {str(pair.get("name")): str(pair.get("value", "")) for pair in element.iterfind("nvpair[@name]")}

    def write(self, element: Element, value: Mapping[str, str], types: Sequence[type], around: WriteContext) -> None:
        write_pairs(element, value, around)


@dataclass(frozen=True, slots=True)
class References:
    """Children that name other objects by their ids."""

    tag: str

    def read(self, element: Element, types: Sequence[type]) -> tuple[str, ...]:
        return tuple(str(child.get("id")) for child in element.iterfind(self.tag))

    def write(self, element: Element, value: Sequence[str], types: Sequence[type], around: WriteContext) -> None:
        if self.read(element, ()) == tuple(value):
            return
        for child in element.findall(self.tag):
            element.remove(child)
        for identity in value:
            etree.SubElement(element, self.tag, id=identity)


@dataclass(frozen=True, slots=True)
class ReferencedNames:
    """A list within one attribute."""

    name: str
    separator: str = ","

    def read(self, element: Element, types: Sequence[type]) -> tuple[str, ...]:
        parts = element.get(self.name, "").split(self.separator)
        return tuple(part.strip() for part in parts if part.strip())

    def write(self, element: Element, value: Sequence[str], types: Sequence[type], around: WriteContext) -> None:
        XmlAttribute(self.name).write(element, self.separator.join(value) or None, types, around)


@dataclass(frozen=True, slots=True)
class ChildAttributes:
    """The attributes of an only child, by their own names."""

    tag: str

    def read(self, element: Element, types: Sequence[type]) -> dict[str, str]:
        child = element.find(self.tag)
        return {} if child is None else {str(name): str(text) for name, text in child.attrib.items() if name != "id"}

    def write(self, element: Element, value: Mapping[str, str], types: Sequence[type], around: WriteContext) -> None:
        child = element.find(self.tag)
        if not value and child is not None:
            element.remove(child)
        if not value:
            return
        if child is None:
            child = _new_child(element, self.tag)
            child.set("id", around.new_id(f"{element.get('id')}-{self.tag}"))
        for name in [str(name) for name in child.attrib if name != "id" and name not in value]:
            del child.attrib[name]
        for name, text in value.items():
            child.set(name, text)


@dataclass(frozen=True, slots=True)
class XmlChild:
    """An only child."""

    tag: str

    def read(self, element: Element, types: Sequence[type]) -> Any:
        child = element.find(self.tag)
        return None if child is None else read(types[0], child)

    def write(self, element: Element, value: Any, types: Sequence[type], around: WriteContext) -> None:
        child = element.find(self.tag)
        if value is None:
            if child is not None:
                element.remove(child)
            return
        if child is None:
            child = _new_child(element, self.tag)
            if hasattr(value, "id") and not value.id:
                child.set("id", around.new_id(f"{element.get('id')}-{self.tag}"))
        write(value, child, around)


@dataclass(frozen=True, slots=True)
class XmlChildren:
    """Parts in order, of one kind or of several, told apart by the names of their elements. A part that is a text
    stands for the object of that id.

    inside   the element that holds them
    only     which elements of those names are meant
    """

    inside: str = ""
    only: Callable[[Element], bool] = lambda element: True

    def read(self, element: Element, types: Sequence[type]) -> tuple[Any, ...]:
        kinds = {tag_of(kind): kind for kind in types if tag_of(kind)}
        return tuple(read(kinds[str(child.tag)], child) for child in self._present(self._holder(element), kinds))

    def write(
        self, element: Element, value: Sequence[Any], types: Sequence[type], around: WriteContext
    ) -> None:
        holder = self._holder(element)
        if holder is None:
            if not value:
                return
            holder = _new_child(element, self.inside)
        present = self._present(holder, {tag_of(kind) for kind in types})
        waiting = list(present)
        tags = frozenset(tag_of(kind) for kind in types if tag_of(kind))
        wanted = [
            _named_part(part, tags, waiting, around)
            if isinstance(part, str)
            else _part(str(element.get("id")), part, waiting, around)
            for part in value
        ]
        if wanted == present:
            return
        for child in present:
            holder.remove(child)
        holder.extend(wanted)

    def _holder(self, element: Element) -> Element | None:
        return element.find(self.inside) if self.inside else element

    def _present(self, holder: Element | None, tags: Collection[str]) -> list[Element]:
        children = holder.iterchildren(etree.Element) if holder is not None else ()
        return [child for child in children if str(child.tag) in tags and self.only(child)]


def _named_part(name: str, tags: frozenset[str], present: list[Element], around: WriteContext) -> Element:
    """A part that was given by its id alone: it is one already, or it exists elsewhere and becomes one."""
    for child in present:
        if child.get("id") == name:
            present.remove(child)
            return child
    return around.adopt(name, tags)


def _part(owner: str, part: Any, present: list[Element], around: WriteContext) -> Element:
    """The element of a part: the one that it had before, taken from those present, or a new one."""
    kind = type(part)
    given = getattr(part, "id", "")
    alike = (each for each in present if each.tag == tag_of(kind))
    child = next((each for each in alike if _is_same(part, given, each)), None)
    if child is None:
        child = etree.Element(tag_of(kind))
        child.set("id", given or around.new_id(f"{owner}-{_telling(part)}"))
    else:
        present.remove(child)
    write(part, child, around)
    return child


def _is_same(part: Any, given: str, element: Element) -> bool:
    """Whether an element is what a part was before: it has the given id, else it has the same telling name."""
    return element.get("id") == given if given else _telling(read(type(part), element)) == _telling(part)


def _telling(part: Any) -> str:
    """What is put behind the owner's id for a part that has none of its own."""
    return str(getattr(part, "telling", "") or tag_of(type(part)))


def _new_child(element: Element, path: str) -> Element:
    """A new child, with what has to be between if the path has several steps."""
    *steps, tag = path.split("/")
    for step in steps:
        found = element.find(step)
        element = etree.SubElement(element, step) if found is None else found
    return etree.SubElement(element, tag)
