"""Pacemaker's patch format 2 as text and elements: written, read, refused. What a patch does: `crm.cib.patch`.

    <diff format="2"><version><source …/><target …/></version><change operation= path= …/>…</diff>
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from crm.cib import parsing
from crm.cib.changes import Patch
from crm.cib.errors import CibError
from crm.cib.parsing import Element
from crm.cib.version import CibVersion


@dataclass(frozen=True, slots=True)
class ReadPatch:
    """What a patch says. `source` and `target` are both there, or neither."""

    source: CibVersion | None
    target: CibVersion | None
    changes: list[Element]

    def check_source(self, version: CibVersion) -> CibVersion | None:
        """The version that it leads to from that one, None if it says none. Raises CibError: version-mismatch,
        not-newer.
        """
        if self.source is None or self.target is None:
            return None
        if self.source != version:
            raise CibError(
                "version-mismatch",
                f"The patch is for version {self.source}, the CIB has {version}",
                hint="Take the current CIB and make the patch again",
            )
        if self.target <= self.source:
            raise CibError("not-newer", f"The patch leads from version {self.source} to {self.target}, which is not "
                           f"newer")
        return self.target


def read(patch: Patch) -> ReadPatch:
    """Read a patch. Raises CibError: bad-patch."""
    diff = parsing.parse(patch.xml, "patch")
    if diff.tag != "diff" or diff.get("format") != "2":
        raise CibError(
            "bad-patch",
            f"This is <{diff.tag} format='{diff.get('format')}'>, not a patch of format 2",
            hint="Make it with: crm_diff --original OLD.xml --new NEW.xml",
        )
    source, target = _versions(diff) if diff.find("version") is not None else (None, None)
    return ReadPatch(source, target, diff.findall("change"))


def written(changes: list[Element], versions: tuple[CibVersion, CibVersion] | None) -> Patch:
    """The patch of those changes, from the first version to the second."""
    parts = [*([_versions_element(*versions)] if versions is not None else []), *changes]
    text = "".join(etree.tostring(part, encoding="unicode", with_tail=False) for part in parts)
    return Patch(f'<diff format="2">{text}</diff>')


def _versions_element(source: CibVersion, target: CibVersion) -> Element:
    element = etree.Element("version")
    etree.SubElement(element, "source", source.attributes())
    etree.SubElement(element, "target", target.attributes())
    return element


def _versions(diff: Element) -> tuple[CibVersion, CibVersion]:
    source, target = diff.find("version/source"), diff.find("version/target")
    if source is None or target is None:
        raise CibError("bad-patch", "The patch does not say which versions it leads from and to")
    return (
        CibVersion.of({str(name): str(value) for name, value in source.attrib.items()}),
        CibVersion.of({str(name): str(value) for name, value in target.attrib.items()}),
    )
