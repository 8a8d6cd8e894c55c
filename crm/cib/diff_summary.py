"""What differs between two CIBs, for people: which object was added, removed or changed, and in what.

`differences` makes the patch that nodes exchange; this puts the same into words. Only the configuration is told, unless
asked for more: the status changes with every result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from crm.cib import paths, tree_diff
from crm.cib.document import Document
from crm.cib.parsing import Element

_CONFIGURATION = "/cib/configuration"


@dataclass(frozen=True, slots=True)
class ObjectDifference:
    """One object that differs.

    what   added, removed, changed or moved
    about  the object, such as `primitive web` or `port of web` for a value
    parts  for what changed: name, value before, value after (None where there was or is none)
    xml    what was added or removed
    """

    what: str
    about: str
    parts: tuple[tuple[str, str | None, str | None], ...] = ()
    xml: str = ""

    def lines(self) -> list[str]:
        """As a diff shows it."""
        sign = {"added": "+", "removed": "-", "moved": ">"}.get(self.what, "~")
        if not self.parts:
            return [f"{sign} {self.about}"]
        return [f"{sign} {self.about}: {_part(*part)}" for part in self.parts]


def summarize_changes(before: Document, after: Document) -> list[ObjectDifference]:
    """The differences of the configurations, in the order of the patch."""
    changes = tree_diff.make(before.root, after.root)
    return [
        difference
        for change in changes
        if change.get("path", "").startswith(_CONFIGURATION)
        for difference in _told(change, before.root)
    ]


def _told(change: Element, before: Element) -> Iterator[ObjectDifference]:
    path = paths.parse(change.get("path", ""))
    found = paths.find(before, path)
    match change.get("operation"):
        case "create":
            for child in change.iterchildren(etree.Element):
                yield from (ObjectDifference("added", _name(each, parent), xml=_text(each))
                            for each, parent in _objects(child, found))
        case "delete" if found is not None:
            yield from (ObjectDifference("removed", _name(each, parent), xml=_text(each))
                        for each, parent in _objects(found, found.getparent()))
        case "modify" if found is not None:
            parts = tuple(
                (str(each.get("name")), found.get(str(each.get("name"))),
                 each.get("value") if each.get("operation") == "set" else None)
                for each in change.iterfind("change-list/change-attr")
            )
            yield ObjectDifference("changed", _name(found, found.getparent()), parts)
        case "move" if found is not None:
            yield ObjectDifference("moved", _name(found, found.getparent()))


def _objects(element: Element, parent: Element | None) -> Iterator[tuple[Element, Element | None]]:
    """An object and its parent; of a section that came or went as a whole, the objects in it."""
    within = [] if element.get("id") or element.get("uname") else list(element.iterchildren(etree.Element))
    yield from ((child, element) for child in within) if within else ((element, parent),)


def _name(element: Element, parent: Element | None) -> str:
    """A value by its name and owner, any other object by its kind and id."""
    if element.tag == "nvpair" and parent is not None:
        owner = _owner(parent)
        return f"{element.get('name')} of {owner}"
    identity = element.get("id") or element.get("uname")
    if element.tag in ("resource_ref", "obj_ref") and parent is not None:
        return f"{identity} in {_owner(parent)}"
    return f"{element.tag} {identity}" if identity else str(element.tag)


def _owner(element: Element) -> str:
    """The object that a set of values belongs to."""
    parent = element.getparent()
    sets = ("instance_attributes", "meta_attributes", "utilization", "resource_set")
    node = parent if element.tag in sets and parent is not None and parent.get("id") else element
    if node.tag == "cluster_property_set":
        return "the cluster options"
    return node.get("uname") or node.get("id") or str(node.tag)


def _part(name: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"{name} = {new}"
    return f"{name} {old} → {'(removed)' if new is None else new}"


def _text(element: Element) -> str:
    return etree.tostring(element, encoding="unicode", pretty_print=True, with_tail=False)
