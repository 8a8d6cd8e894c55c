"""Changes of a document that create, replace and delete objects. Pure: the present document in, a change out."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from lxml import etree

from crm.cib import sections
from crm.cib.changes import Batch, Edit, EditVerb
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.expressions import literal
from crm.cib.objects import codec
from crm.cib.objects.catalogue import Collection
from crm.cib.objects.write_context import WriteContext
from crm.cib.parsing import Element

_CONTAINERS = ("group", "clone", "master", "bundle")
_NAMING = {"rsc_location": ("rsc",), "rsc_colocation": ("rsc", "with-rsc"), "rsc_order": ("first", "then"),
           "rsc_ticket": ("rsc",)}


def create(document: Document, collection: Collection, value: Any) -> Batch:
    """Add an object. Raises CibError (already-exists, when it is applied; no-such-resource)."""
    around = WriteContext(document.root)
    element = etree.Element(codec.tag_of(type(value)), id=value.id)
    codec.write(value, element, around)
    return Batch((*_freed(around), Edit(EditVerb.CREATE, _text(element), collection.section)))


def replace(document: Document, collection: Collection, value: Any) -> Batch:
    """Put an object in the place of the one with its id. Raises CibError (no-such-…, other-kind)."""
    present = collection.element(document, value.id)
    if present.tag != codec.tag_of(type(value)):
        message = f"{value.id} is a {present.tag}, it cannot become a {codec.tag_of(type(value))}"
        raise CibError("other-kind", message, value.id, hint="Delete it and create it anew, or choose another id")
    around = WriteContext(document.root)
    element = deepcopy(present)
    codec.write(value, element, around)
    return Batch((*_freed(around), Edit(EditVerb.REPLACE, _text(element), xpath=_path(present))))


def delete(document: Document, collection: Collection, identity: str) -> Batch:
    """Remove an object, with everything that only makes sense with it: its constraints, its place in sets and tags,
    the group or clone that it was the last member of. Raises CibError (no-such-…, still-used).
    """
    element = _outermost(collection.element(document, identity))
    if collection.nested:
        _check_unused(document, element)
    gone = {str(each.get("id")) for each in (element, *element.iterfind(".//*[@id]")) if each.tag in _RESOURCE_TAGS}
    edits = [Edit(EditVerb.DELETE, xpath=_path(each)) for each in _naming(document, gone)] if collection.nested else []
    return Batch((*edits, Edit(EditVerb.DELETE, xpath=_path(element))))


def dissolve(document: Document, collection: Collection, identity: str) -> Batch:
    """Remove a group or a clone and keep what is in it. Raises CibError (no-such-…, not-a-container)."""
    element = collection.element(document, identity)
    if element.tag not in _CONTAINERS:
        raise CibError("not-a-container", f"{identity} is a {element.tag}: nothing is in it that could be kept",
                       identity, hint="Delete it without keeping its members")
    members = [each for each in element.iterchildren(etree.Element) if each.tag in _RESOURCE_TAGS]
    gone = {identity}
    return Batch((
        *(Edit(EditVerb.DELETE, xpath=_path(each)) for each in _naming(document, gone)),
        Edit(EditVerb.DELETE, xpath=_path(element)),
        *(Edit(EditVerb.CREATE, _text(member), "resources") for member in members),
    ))


_RESOURCE_TAGS = ("primitive", "template", *_CONTAINERS)


def _freed(around: WriteContext) -> list[Edit]:
    """Adopted resources leave the places where they were."""
    return [Edit(EditVerb.DELETE, xpath=_path(_outermost(element))) for element in around.adopted]


def _outermost(element: Element) -> Element:
    """The resource, or the group or clone that would be empty without it."""
    parent = element.getparent()
    while parent is not None and parent.tag in _CONTAINERS[:3] and _members(parent) == [element]:
        element, parent = parent, parent.getparent()
    return element


def _members(element: Element) -> list[Element]:
    return [each for each in element.iterchildren(etree.Element) if each.tag in _RESOURCE_TAGS]


def _naming(document: Document, gone: set[str]) -> Iterator[Element]:
    """What names resources that are going: constraints, members of sets and tags (whole sets when nothing is left)."""
    constraints = sections.find(document.root, "constraints")
    for constraint in constraints.iterchildren(etree.Element) if constraints is not None else ():
        if any(constraint.get(name) in gone for name in _NAMING.get(str(constraint.tag), ())):
            yield constraint
        else:
            yield from _left_empty(constraint, "resource_set", "resource_ref", gone)
    tags = sections.find(document.root, "tags")
    for tag in tags.iterchildren("tag") if tags is not None else ():
        yield from _left_empty(tag, "", "obj_ref", gone)


def _left_empty(holder: Element, inner: str, reference: str, gone: set[str]) -> list[Element]:
    """The references that go; or what holds them, as far out as nothing else is in it."""
    lists = holder.findall(inner) if inner else [holder]
    emptied, single = [], []
    for each in lists:
        references = each.findall(reference)
        leaving = [found for found in references if found.get("id") in gone]
        if leaving and len(leaving) == len(references):
            emptied.append(each)
        else:
            single += leaving
    if emptied and len(emptied) == len(lists):
        return [holder]
    return [*emptied, *single]


def _check_unused(document: Document, element: Element) -> None:
    identity = element.get("id")
    users = [str(each.get("id")) for each in document.root.iterfind("configuration/resources//primitive[@template]")
             if each.get("template") == identity]
    if element.tag == "template" and users:
        raise CibError("still-used", f"The template {identity} is used by {', '.join(users)}", str(identity),
                       hint="Delete those first, or give them an agent of their own")


def _path(element: Element) -> str:
    """An XPath for one element of the configuration: by ids, which are XML names and so hold no quotation marks."""
    identity = element.get("id")
    parent = element.getparent()
    if element.tag in ("resource_ref", "obj_ref") and parent is not None:
        return f"{_path(parent)}/{element.tag}[@id={literal(identity or '')}]"
    return f"/cib/configuration//{element.tag}[@id={literal(identity or '')}]"


def _text(element: Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)
