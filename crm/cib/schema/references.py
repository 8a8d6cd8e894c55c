"""Names in a CIB that must be unique, and names that must be somebody's.

A name used twice refuses the CIB. A name that nobody has is a warning: Pacemaker takes such a CIB, ignores the
constraint or the set, and goes on with the rest; so do we, but we say it.
"""

from __future__ import annotations

from collections.abc import Iterator

from crm.cib.document import Document
from crm.cib.parsing import Element, line_of
from crm.cib.schema.refusals import nearest
from crm.model.report import Report, Severity

# Elements whose id names another object instead of their own.
_POINTERS = ("resource_ref", "obj_ref", "role", "node", "acl_target")

_RESOURCE_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "rsc_location": ("rsc",),
    "rsc_colocation": ("rsc", "with-rsc"),
    "rsc_order": ("first", "then"),
    "rsc_ticket": ("rsc",),
    "resource_ref": ("id",),
}


def duplicate_ids(root: Element) -> list[Report]:
    """Errors for ids that two objects of the configuration share."""
    owners: dict[str, Element] = {}
    reports: list[Report] = []
    for element in root.iterfind("configuration//*[@id]"):
        identity = str(element.get("id"))
        if element.tag in _POINTERS:
            continue
        first = owners.setdefault(identity, element)
        if first is not element:
            reports.append(_duplicate(identity, first, element, _is_one_text(root)))
    return reports


def _duplicate(identity: str, first: Element, second: Element, lines: bool) -> Report:
    line = line_of(first) if lines else None
    place = f" in line {line}" if line else ""
    message = f"The id {identity} of <{second.tag}> is that of <{first.tag}>{place} already"
    return Report(Severity.ERROR, "duplicate-id", identity, message, "Every id must be unique",
                  line_of(second) if lines else None)


def _is_one_text(root: Element) -> bool:
    """Whether the lines of elements are those of one text. What an edit has put in has lines of its own."""
    lines = [line for element in root.iter() if (line := line_of(element)) is not None]
    return lines == sorted(lines)


def dangling(document: Document) -> Iterator[Report]:
    """Warnings for resources, nodes, templates, sets and fence devices that are named but not there."""
    root = document.root
    yield from _dangling_resources(root)
    yield from _dangling_nodes(root)
    yield from _dangling_ids(root)
    yield from _dangling_devices(root)


def _dangling_devices(root: Element) -> Iterator[Report]:
    """Fence devices that levels name: a level with one that is missing can never succeed."""
    known = [str(each.get("id")) for each in root.iterfind("configuration/resources//primitive[@class='stonith']")]
    templates = {str(each.get("id")) for each in root.iterfind("configuration/resources/template[@class='stonith']")}
    known += [str(each.get("id")) for each in root.iterfind("configuration/resources//primitive[@template]")
              if each.get("template") in templates]
    for level in root.iterfind("configuration/fencing-topology/fencing-level[@devices]"):
        named = (name.strip() for name in str(level.get("devices")).split(","))
        for name in dict.fromkeys(name for name in named if name):
            if name not in (*known, "watchdog"):
                yield _missing_device(root, level, name, known)


def _missing_device(root: Element, level: Element, name: str, known: list[str]) -> Report:
    near = nearest(name, known)
    others = f"There are {', '.join(known)}" if known else "Create it first: it is a resource of class stonith"
    message = f"The fencing level {level.get('id')} names the device {name}, which is not there, so it cannot succeed"
    if any(each.get("id") == name for each in root.iterfind("configuration/resources//*[@id]")):
        message = f"The fencing level {level.get('id')} names {name}, which is no fence device, so it cannot succeed"
    hint = f"Did you mean {near}?" if near else others
    return Report(Severity.WARNING, "unknown-device", str(level.get("id")), message, hint, line_of(level))


def _dangling_resources(root: Element) -> Iterator[Report]:
    known = [
        str(element.get("id"))
        for kind in ("primitive", "group", "clone", "bundle", "master", "template", "tag")
        for element in root.iterfind(f"configuration//{kind}")
    ]
    names = set(known)
    for kind, attributes in _RESOURCE_ATTRIBUTES.items():
        for element in root.iterfind(f"configuration/constraints//{kind}"):
            for attribute in attributes:
                name = element.get(attribute)
                if name is not None and name not in names:
                    yield _missing(element, "resource", name, nearest(name, known), "The constraint is ignored")


def _dangling_nodes(root: Element) -> Iterator[Report]:
    known = [str(node.get("uname")) for node in root.iterfind("configuration/nodes/node")]
    known += [str(node.get("uname")) for node in root.iterfind("status/node_state")]
    known += [str(pair.get("value")) for pair in root.iterfind("configuration//nvpair[@name='remote-node']")]
    known += [str(remote.get("id")) for remote in root.iterfind("configuration//primitive[@type='remote']")]
    names = {name.lower() for name in known}
    for location in root.iterfind("configuration/constraints/rsc_location[@node]"):
        node = str(location.get("node"))
        if node.lower() not in names:
            effect = "The constraint has no effect until there is one"
            yield _missing(location, "node", node, nearest(node, known), effect)


def _dangling_ids(root: Element) -> Iterator[Report]:
    known = [str(element.get("id")) for element in root.iterfind("configuration//*[@id]")]
    names = set(known)
    for attribute, what in (("id-ref", "object"), ("template", "template")):
        for element in root.iterfind(f"configuration//*[@{attribute}]"):
            name = str(element.get(attribute))
            if name not in names:
                yield _missing(element, what, name, nearest(name, known), "What it stands for is missing")


def _missing(element: Element, what: str, name: str, near: str, effect: str) -> Report:
    where = element.get("id") or next((a.get("id") for a in element.iterancestors() if a.get("id")), None)
    hint = f"Did you mean {near}?" if near else f"Define it, or remove <{element.tag}>"
    message = f"<{element.tag}> refers to the {what} {name}, which is not there. {effect}"
    return Report(Severity.WARNING, f"unknown-{what}", where or name, message, hint, line_of(element))
