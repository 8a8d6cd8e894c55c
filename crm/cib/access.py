"""Who may read and write what of the CIB: its own access control lists, evaluated for one user.

Source: Pacemaker Explained, "Access Control Lists". Off unless the option `enable-acl` is set; then everything is
denied that no permission allows. Of an element the nearest mark counts (its own, else that of the closest
ancestor), and of several marks on one element deny beats write, and write beats read. The one evaluator for every door.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from copy import deepcopy
from enum import IntEnum

from lxml import etree

from crm.cib import expressions, paths, tree_diff
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.parsing import Element
from crm.model.values import is_true

UNRESTRICTED_USERS = frozenset(("root", "hacluster"))


class Mode(IntEnum):
    """What may be done with an element; of two marks on one element the greater one counts."""

    NONE = 0
    READ = 1
    WRITE = 2
    DENY = 3


class Acl:
    """The permissions of one user in one CIB."""

    def __init__(self, document: Document, user: str, groups: Collection[str] = ()) -> None:
        self._permissions = list(_permissions(document.root, user, groups))
        self.user = user

    @classmethod
    def of(cls, document: Document, user: str, groups: Collection[str] = ()) -> Acl | None:
        """The restrictions of a user; None when there are none (lists are off, or the user is above them)."""
        if user in UNRESTRICTED_USERS or not _is_enabled(document.root):
            return None
        return cls(document, user, groups)

    @property
    def may_write_something(self) -> bool:
        """Whether any permission at all is one to write."""
        return any(mode is Mode.WRITE for mode, _ in self._permissions)

    def readable(self, document: Document) -> Document:
        """The document with nothing in it that the user may not read. What leads to something readable stays, bare."""
        root = deepcopy(document.root)
        _prune(root, self._marks(root), Mode.NONE)
        return Document(root)

    def may_write(self, element: Element) -> bool:
        """Whether the user may change an element of a whole CIB."""
        return self._may_write(element, self._marks(element.getroottree().getroot()))

    def check_change(self, before: Document, after: Document) -> None:
        """Raise CibError (permission-denied) if the change from one document to the other needs what is not granted."""
        marks = {id(before.root): self._marks(before.root), id(after.root): self._marks(after.root)}
        for change in tree_diff.make(before.root, after.root):
            path = paths.parse(change.get("path", ""))
            if len(path) == 1 and change.get("operation") == "modify":
                continue  # the version, which every change steps
            created = change.get("operation") == "create"
            tree = after.root if created else before.root
            if created and len(change):
                child = change[0]
                path = (*path, (str(child.tag), child.get("id")))
            element = paths.find(tree, path)
            if element is None or not self._may_write(element, marks[id(tree)]):
                raise CibError(
                    "permission-denied",
                    f"{self.user} may not {change.get('operation')} {paths.render(path)}",
                    hint="Ask for a write permission on it, or have somebody make the change who has one",
                )

    def _may_write(self, element: Element, marks: dict[Element, Mode]) -> bool:
        here: Element | None = element
        while here is not None:
            mode = marks.get(here, Mode.NONE)
            if mode is not Mode.NONE:
                return mode is Mode.WRITE
            here = here.getparent()
        return False

    def _marks(self, root: Element) -> dict[Element, Mode]:
        found: dict[Element, Mode] = {}
        for mode, xpath in self._permissions:
            for element in _matching(root, xpath):
                found[element] = max(found.get(element, Mode.NONE), mode)
        return found


def _is_enabled(root: Element) -> bool:
    pairs = root.iterfind("configuration/crm_config/cluster_property_set/nvpair[@name='enable-acl']")
    return any(is_true(pair.get("value")) for pair in pairs)


def _permissions(root: Element, user: str, groups: Collection[str]) -> Iterator[tuple[Mode, str]]:
    acls = root.find("configuration/acls")
    if acls is None:
        return
    roles = {role.get("id"): role for role in acls.iterfind("acl_role")}
    for holder in acls.iterchildren("acl_target", "acl_group"):
        allowed = (user,) if holder.tag == "acl_target" else groups
        if (holder.get("name") or holder.get("id")) not in allowed:
            continue
        for reference in holder.iterfind("role"):
            role = roles.get(reference.get("id"))
            for permission in role.iterfind("acl_permission") if role is not None else ():
                mode = _MODES.get(permission.get("kind", ""))
                xpath = _xpath(permission)
                if mode is not None and xpath is not None:
                    yield mode, xpath


_MODES = {"read": Mode.READ, "write": Mode.WRITE, "deny": Mode.DENY}


def _xpath(permission: Element) -> str | None:
    """What a permission is about, as an XPath."""
    if permission.get("xpath"):
        return str(permission.get("xpath"))
    if permission.get("reference"):
        return f"//*[@id={expressions.literal(permission.get('reference', ''))}]"
    if permission.get("object-type"):
        attribute = permission.get("attribute")
        return f"//{permission.get('object-type')}" + (f"[@{attribute}]" if attribute else "")
    return None


def _matching(root: Element, xpath: str) -> Iterable[Element]:
    """The elements that an XPath selects; a wrong one selects none (the schema's check reports it)."""
    try:
        found = root.xpath(xpath, smart_strings=False)
    except etree.XPathError:
        return ()
    return [each for each in found if isinstance(each, etree._Element)] if isinstance(found, list) else ()


def _prune(element: Element, marks: dict[Element, Mode], inherited: Mode) -> bool:
    """Take out what may not be read at and beneath an element; whether anything is left of it."""
    mode = marks.get(element, inherited)
    readable = mode in (Mode.READ, Mode.WRITE)
    kept = False
    for child in list(element):
        if _prune(child, marks, mode) if paths.is_element(child) else readable:
            kept = True
        else:
            element.remove(child)
    if not readable and element.getparent() is not None:
        for name in list(element.attrib):
            if name != "id":
                del element.attrib[name]
    return readable or kept or element.getparent() is None
