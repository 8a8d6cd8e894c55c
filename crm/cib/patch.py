"""Patches between two CIBs in Pacemaker's format 2: make, apply, refuse.

    <diff format="2"><version><source …/><target …/></version><change operation= path= …/>…</diff>

The source version must be exactly the document's, the target newer. What a change is stands in `crm.cib.differences`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from lxml import etree

from crm.cib import differences, parsing
from crm.cib import stamp as stamps
from crm.cib.changes import Patch
from crm.cib.errors import CibError
from crm.cib.parsing import Element
from crm.cib.stamp import Stamp
from crm.cib.version import Version

if TYPE_CHECKING:
    from crm.cib.document import Document


def make(old: Document, new: Document) -> Patch:
    """The patch from `old` to `new`. Cheap if `new` was made by `old.apply`. Raises CibError unless `new` is newer."""
    if new.version <= old.version:
        raise CibError("not-newer", f"Version {new.version} is not newer than {old.version}")
    changes = new.changes_since(old)
    if changes is None:
        changes = differences.make(old.root, new.root)
    versions = etree.Element("version")
    etree.SubElement(versions, "source", new.version.attributes() | old.version.attributes())
    etree.SubElement(versions, "target", new.version.attributes())
    parts = "".join(etree.tostring(part, encoding="unicode", with_tail=False) for part in (versions, *changes))
    return Patch(f'<diff format="2">{parts}</diff>')


def versions(patch: Patch) -> tuple[Version, Version]:
    """The version that a patch is for, and the one that it leads to."""
    return _versions(_parse(patch))


def apply(document: Document, patch: Patch, stamp: Stamp | None = None) -> Document:
    """The document after the patch; with a `stamp`, a changed configuration gets that one.

    Raises CibError: version-mismatch, not-newer, patch-mismatch, bad-patch.
    """
    from crm.cib.document import Document

    diff = _parse(patch)
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
    differences.apply(root, changes)
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


def _versions(diff: Element) -> tuple[Version, Version]:
    source, target = diff.find("version/source"), diff.find("version/target")
    if source is None or target is None:
        raise CibError("bad-patch", "The patch does not say which versions it leads from and to")
    return (
        Version.of({str(name): str(value) for name, value in source.attrib.items()}),
        Version.of({str(name): str(value) for name, value in target.attrib.items()}),
    )
