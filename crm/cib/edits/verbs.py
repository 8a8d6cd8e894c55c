"""The verbs of `cibadmin` on a tree: create, modify, delete, replace, upsert one object, or replace a section.

Every function works on the tree it is given and answers with the paths of what it touched; versions are none of its
business. Source of the meanings: the manual page of cibadmin.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy

from lxml import etree

from crm.cib import parsing, paths, sections
from crm.cib.changes import Edit, EditVerb, Replace
from crm.cib.errors import CibError
from crm.cib.parsing import Element
from crm.cib.paths import Path
from crm.model import score

# Elements whose id is that of the object they name.
_REFERENCES = ("resource_ref", "obj_ref", "role")
_INCREMENT = re.compile(r"(?P<name>.+?)(?:\+\+|\+=(?P<amount>[+-]?\w+))")


def edit(root: Element, change: Edit) -> set[Path]:
    """Carry out one edit. Raises CibError (no-such-object, already-exists, bad-xpath, no-such-section, …)."""
    verb = _verb(change.verb)
    if change.xpath is not None:
        return _edit_at(_selected(root, change), verb, change)
    wanted = parsing.parse(change.xml, "change")
    section = change.section or sections.home_of(wanted)
    sections.check_name(section)
    return _BY_SECTION[verb](root, section, wanted)


def _verb(text: str) -> EditVerb:
    try:
        return EditVerb(text)
    except ValueError:
        known = ", ".join(EditVerb)
        raise CibError("bad-change", f"A CIB cannot be changed by “{text}”", hint=f"There are {known}") from None


def _create(root: Element, section: str, wanted: Element) -> set[Path]:
    parent = sections.require(root, section)
    children = list(wanted) if wanted.tag == parent.tag else [wanted]
    return set().union(*(_add(root, parent, child) for child in children))


def _add(root: Element, parent: Element, child: Element) -> set[Path]:
    _refuse_known_id(root, parent, child)
    copy = deepcopy(child)
    parent.append(copy)
    return {_touched(copy)}


def _refuse_known_id(root: Element, parent: Element, child: Element) -> None:
    identity = child.get("id")
    if identity is None or not paths.is_element(child):
        return
    in_status = any(ancestor.tag == "status" for ancestor in (parent, *parent.iterancestors()))
    place: Element | None = parent if in_status else root.find("configuration")
    found = [] if place is None else place.xpath("./*[@id=$id]" if in_status else ".//*[@id=$id]", id=identity)
    for known in found if isinstance(found, list) else []:
        assert isinstance(known, etree._Element)
        # In the status a node's id is that of its attributes and of its history as well.
        if known.tag in _REFERENCES or (in_status and known.tag != child.tag):
            continue
        raise CibError(
            "already-exists",
            f"There is a <{known.tag}> with this id already",
            identity,
            hint="Choose another id, or modify or replace the one that is there",
        )


def _modify(root: Element, section: str, wanted: Element) -> set[Path]:
    target = _find_like(root, section, wanted)
    if target is None:
        raise _nothing_like(wanted, section)
    return _merged(target, wanted)


def _upsert(root: Element, section: str, wanted: Element) -> set[Path]:
    target = _find_like(root, section, wanted)
    return _create(root, section, wanted) if target is None else _merged(target, wanted)


def _replace(root: Element, section: str, wanted: Element) -> set[Path]:
    target = _find_like(root, section, wanted)
    if target is None:
        raise _nothing_like(wanted, section)
    return _exchanged(target, wanted)


def _delete(root: Element, section: str, wanted: Element) -> set[Path]:
    """Remove the first element of the same name that has all the given attributes; fine if there is none."""
    place = sections.find(root, section)
    if place is None:
        return set()
    asked = {str(name): str(value) for name, value in wanted.attrib.items()}
    for candidate in place.iter(str(wanted.tag)):
        if candidate is not root and all(candidate.get(name) == value for name, value in asked.items()):
            return _removed(candidate)
    return set()


_BY_SECTION: dict[EditVerb, Callable[[Element, str, Element], set[Path]]] = {
    EditVerb.CREATE: _create,
    EditVerb.MODIFY: _modify,
    EditVerb.UPSERT: _upsert,
    EditVerb.REPLACE: _replace,
    EditVerb.DELETE: _delete,
}


def _selected(root: Element, change: Edit) -> list[Element]:
    expression = change.xpath or ""
    try:
        found = root.xpath(expression, smart_strings=False)
    except etree.XPathError as error:
        raise CibError("bad-xpath", f"“{expression}” is not an XPath: {error}") from None
    nodes = [node for node in found if isinstance(node, etree._Element)] if isinstance(found, list) else []
    return matches(change, nodes)


def matches(change: Edit, found: list[Element]) -> list[Element]:
    """The elements that an edit's XPath has selected: exactly one, unless the edit says every. Raises CibError."""
    expression = change.xpath or ""
    if not found:
        raise CibError("no-such-object", "The XPath selects no element of the CIB", expression)
    if len(found) > 1 and not change.every:
        raise CibError(
            "several-objects",
            f"The XPath selects {len(found)} elements",
            expression,
            hint="Narrow it down to one, or ask for all of them (--force)",
        )
    return found


def _edit_at(targets: list[Element], verb: EditVerb, change: Edit) -> set[Path]:
    if verb is EditVerb.DELETE:
        return set().union(*(_removed(target) for target in targets))
    wanted = parsing.parse(change.xml, "change")
    if verb is EditVerb.CREATE:
        root = targets[0].getroottree().getroot()
        return set().union(*(_add(root, target, wanted) for target in targets))
    for target in targets:
        if target.tag != wanted.tag:
            message = f"The XPath selects <{target.tag}>, the change holds <{wanted.tag}>"
            raise CibError("bad-change", message, change.xpath or "")
    act = _exchanged if verb is EditVerb.REPLACE else _merged
    return set().union(*(act(target, wanted) for target in targets))


def _find_like(root: Element, section: str, wanted: Element) -> Element | None:
    """The element of the same name and id in a section; without an id, the first of that name."""
    place = sections.find(root, section)
    if place is None:
        return None
    identity = wanted.get("id")
    return next((node for node in place.iter(str(wanted.tag)) if identity is None or node.get("id") == identity), None)


def _nothing_like(wanted: Element, section: str) -> CibError:
    identity = wanted.get("id")
    named = f"<{wanted.tag} id='{identity}'>" if identity else f"<{wanted.tag}>"
    return CibError(
        "no-such-object",
        f"There is no {named} in section {section}",
        identity or "",
        hint="Create it, or modify with allow-create (upsert)",
    )


def _touched(element: Element) -> Path:
    """The path of an element, shortened to the nearest one that can be told from its siblings."""
    node = element
    while not (paths.is_element(node) and paths.is_unique(node) and paths.can_be_written(paths.path_of(node))):
        parent = node.getparent()
        assert parent is not None, "the root is always unique"
        node = parent
    return paths.path_of(node)


def _removed(element: Element) -> set[Path]:
    parent = element.getparent()
    if parent is None:
        raise CibError("bad-change", "The CIB itself cannot be deleted")
    touched = _touched(element)
    parent.remove(element)
    return {touched}


def _exchanged(element: Element, wanted: Element) -> set[Path]:
    parent = element.getparent()
    if parent is None:
        raise CibError("bad-change", "Replace the whole CIB by a Replace, not by an edit")
    copy = deepcopy(wanted)
    parent.replace(element, copy)
    return {_touched(copy)} if element.get("id") == copy.get("id") else {_touched(parent)}


def _merged(element: Element, wanted: Element) -> set[Path]:
    touched = _touched(element)
    _merge(element, wanted)
    return {touched}


def _merge(element: Element, wanted: Element) -> None:
    """Set the attributes that `wanted` has; merge its children into those alike, append the others."""
    for name, value in wanted.attrib.items():
        element.set(name, _value(element.get(name), str(name), str(value)))
    for child in wanted:
        if not paths.is_element(child):
            continue
        twin = next(paths.matching_children(element, paths.step_of(child)), None)
        if twin is None:
            element.append(deepcopy(child))
        else:
            _merge(twin, child)


def _value(old: str | None, name: str, new: str) -> str:
    """A new attribute value; `name++` and `name+=N` count up from the old one, as scores do."""
    match = _INCREMENT.fullmatch(new)
    if match is None or match.group("name") != name:
        return new
    return score.render(score.add(score.parse(old), score.parse(match.group("amount"), 1)))


def replace_section(root: Element, change: Replace) -> set[Path]:
    """Put a section in place of the one that is there; it may come bare or within a whole CIB."""
    assert change.section is not None, "a whole CIB is replaced by crm.cib.document"
    sections.check_name(change.section)
    given = parsing.parse(change.xml, "section")
    wanted = given if given.tag == change.section else sections.find(given, change.section)
    if wanted is None or change.section == "cib":
        raise CibError(
            "bad-change",
            f"The change holds <{given.tag}> and no section {change.section}",
            hint=f"Give <{change.section}>…</{change.section}>, alone or within its CIB",
        )
    return _exchanged(sections.require(root, change.section), wanted)
