"""Patches between two CIBs in Pacemaker's format 2: make, apply, refuse.

    <diff format="2"><version><source …/><target …/></version><change operation= path= …/>…</diff>

The source version must be exactly the document's, the target newer; a patch without versions fits any document in which
its changes find their places, and steps the version as an edit does. What a change is: `crm.cib.tree_diff`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from lxml import etree

from crm.cib import parsing, tree_diff
from crm.cib import stamp as stamps
from crm.cib.changes import Patch
from crm.cib.errors import CibError
from crm.cib.parsing import Element
from crm.cib.stamp import Stamp
from crm.cib.version import CibVersion

if TYPE_CHECKING:
    from crm.cib.document import Document


def make(old: Document, new: Document) -> Patch:
    """The patch from `old` to `new`. Cheap if `new` was made by `old.apply`. Raises CibError unless `new` is newer."""
    if new.version <= old.version:
        raise CibError("not-newer", f"Version {new.version} is not newer than {old.version}")
    changes = new.changes_since(old)
    if changes is None:
        changes = tree_diff.make(old.root, new.root)
    return _patch(_versions_element(old.version, new.version), *changes)


def between(old: Document, new: Document, *, versions: bool) -> Patch | None:
    """The patch that gives `old` what `new` has, None if that is nothing: for people, who do not step versions.

    The root's own attributes (who changed it last, versions) are left as they are. With `versions` it leads to that of
    `new`, or to the next one if that is not newer.
    """
    changes = [each for each in tree_diff.make(old.root, new.root)
               if each.get("path") != "/cib" or each.get("operation") != "modify"]
    if not changes:
        return None
    target = new.version if new.version > old.version else old.version.after_configuration_change()
    return _patch(*([_versions_element(old.version, target)] if versions else []), *changes)


def _patch(*parts: Element) -> Patch:
    text = "".join(etree.tostring(part, encoding="unicode", with_tail=False) for part in parts)
    return Patch(f'<diff format="2">{text}</diff>')


def _versions_element(source: CibVersion, target: CibVersion) -> Element:
    element = etree.Element("version")
    etree.SubElement(element, "source", source.attributes())
    etree.SubElement(element, "target", target.attributes())
    return element


def versions(patch: Patch) -> tuple[CibVersion, CibVersion]:
    """The version that a patch is for, and the one that it leads to."""
    return _versions(_parse(patch))


def apply(document: Document, patch: Patch, stamp: Stamp | None = None) -> Document:
    """The document after the patch; with a `stamp`, a changed configuration gets that one.

    Raises CibError: version-mismatch, not-newer, patch-mismatch, bad-patch.
    """
    from crm.cib.document import Document

    diff = _parse(patch)
    if diff.find("version") is None:
        root = deepcopy(document.root)
        return document.changed(root, tree_diff.apply(root, diff.findall("change")), stamp)
    source, target = _versions(diff)
    if source != document.version:
        raise CibError(
            "version-mismatch",
            f"The patch is for version {source}, the CIB has {document.version}",
            hint="Take the current CIB and make the patch again",
        )
    if target <= source:
        raise CibError("not-newer", f"The patch leads from version {source} to {target}, which is not newer")
    root = deepcopy(document.root)
    changes = diff.findall("change")
    tree_diff.apply(root, changes)
    if stamp is not None:
        stamps.carry(document.root, root)
        return document.became(root, changes, target, stamp)
    parsing.set_attributes(root, target.attributes())
    return Document(root).made_from(document, changes)


def _parse(patch: Patch) -> Element:
    diff = parsing.parse(patch.xml, "patch")
    if diff.tag != "diff" or diff.get("format") != "2":
        raise CibError(
            "bad-patch",
            f"This is <{diff.tag} format='{diff.get('format')}'>, not a patch of format 2",
            hint="Make it with: crm_diff --original OLD.xml --new NEW.xml",
        )
    return diff


def _versions(diff: Element) -> tuple[CibVersion, CibVersion]:
    source, target = diff.find("version/source"), diff.find("version/target")
    if source is None or target is None:
        raise CibError("bad-patch", "The patch does not say which versions it leads from and to")
    return (
        CibVersion.of({str(name): str(value) for name, value in source.attrib.items()}),
        CibVersion.of({str(name): str(value) for name, value in target.attrib.items()}),
    )
