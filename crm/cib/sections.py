"""The sections of a CIB: their names, their order, and which kind of object stands in which.

Source: Pacemaker Explained, "Configuration Layout". Sections that are optional come into being when something is put
into them.
"""

from __future__ import annotations

from difflib import get_close_matches

from lxml import etree

from crm.cib import parsing
from crm.cib.errors import CibError
from crm.cib.parsing import Element

CONFIGURATION = (
    "crm_config",
    "rsc_defaults",
    "op_defaults",
    "nodes",
    "resources",
    "constraints",
    "fencing-topology",
    "tags",
    "alerts",
    "acls",
)
_PATHS: dict[str, tuple[str, ...]] = {
    "cib": (),
    "configuration": ("configuration",),
    "status": ("status",),
    "tickets": ("status", "tickets"),
    **{name: ("configuration", name) for name in CONFIGURATION},
}
_HOME_OF: dict[str, str] = {
    "cluster_property_set": "crm_config",
    "node": "nodes",
    **dict.fromkeys(("primitive", "group", "clone", "master", "bundle", "template"), "resources"),
    **dict.fromkeys(("rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket"), "constraints"),
    "fencing-level": "fencing-topology",
    "tag": "tags",
    "alert": "alerts",
    **dict.fromkeys(("acl_role", "acl_target", "acl_group"), "acls"),
    "node_state": "status",
    "ticket_state": "tickets",
}
NAMES = tuple(_PATHS)


def check_name(name: str) -> None:
    if name not in _PATHS:
        near = get_close_matches(name, NAMES, 1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise CibError("no-such-section", f"A CIB has no section “{name}”", hint=f"{meant}There are {', '.join(NAMES)}")


def find(root: Element, name: str) -> Element | None:
    """The element of a section, None if it is optional and not there. The CIB itself counts as section `cib`."""
    check_name(name)
    return root.find("/".join(_PATHS[name])) if _PATHS[name] else root


def require(root: Element, name: str) -> Element:
    """The element of a section, made in its place if it is not there."""
    check_name(name)
    node = root
    for step in _PATHS[name]:
        child = node.find(step)
        node = _insert(node, step) if child is None else child
    return node


def _insert(parent: Element, name: str) -> Element:
    """Put a new section among its neighbours in the usual order."""
    child = etree.Element(name)
    later = CONFIGURATION[CONFIGURATION.index(name) + 1 :] if name in CONFIGURATION else ()
    followers = [sibling for sibling in parent if sibling.tag in later]
    if followers:
        followers[0].addprevious(child)
    else:
        parent.append(child)
    return child


def home_of(element: Element) -> str:
    """The section that an object of this kind belongs to; a section is at home in itself."""
    name = str(element.tag)
    if name in _PATHS:
        return name
    if name not in _HOME_OF:
        raise CibError(
            "no-such-section",
            f"<{name}> does not tell by itself where it belongs",
            element.get("id", ""),
            parsing.line_of(element),
            "Name the section (--scope) or the parent (--xpath)",
        )
    return _HOME_OF[name]
