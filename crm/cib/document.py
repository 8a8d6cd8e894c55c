"""A CIB as an immutable value: its XML tree, its version, and how a change makes the next one of it.

The only place where versions are stepped. It checks nothing but the frame (`crm.cib.schema` validates), decides
nothing, and knows no disk.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable
from copy import deepcopy

from lxml import etree

from crm.cib import parsing, patch_format, sections, tree_diff
from crm.cib import stamp as stamps
from crm.cib.changes import Batch, Change, Edit, Patch, Replace
from crm.cib.edits import verbs
from crm.cib.errors import CibError
from crm.cib.model_cache import NOTHING
from crm.cib.parsing import DEFAULT_LIMITS, Element, ParsingLimits
from crm.cib.paths import Path
from crm.cib.stamp import Stamp
from crm.cib.trees import Trees
from crm.cib.version import ATTRIBUTES, CibVersion
from crm.model.cib import Cib

_TRUSTED = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
_CONFIGURATION = "/cib/configuration"


class Document:
    """One state of the CIB."""

    __slots__ = ("__weakref__", "_base", "_changes", "_digest", "_known", "_trees", "_version")

    def __init__(self, root: Element) -> None:
        """Takes the tree over: nobody else may change it afterwards. Raises CibError (not-a-cib, bad-version)."""
        if root.tag != "cib":
            message = f"This is a <{root.tag}>, not a <cib>"
            raise CibError("not-a-cib", message, line=parsing.line_of(root), hint="The root must be <cib>")
        self._trees = Trees(root)
        self._version = CibVersion.of({name: str(root.get(name, "0")) for name in ATTRIBUTES})
        parsing.set_attributes(root, self._version.attributes())
        self._digest: str | None = None
        self._base: weakref.ref[Document] | None = None
        self._changes: list[Element] = []
        self._known = NOTHING

    @classmethod
    def parse(cls, text: bytes | str, limits: ParsingLimits = DEFAULT_LIMITS) -> Document:
        """Read a CIB; see `crm.cib.parsing.parse` for what is refused."""
        return cls(parsing.parse(text, "CIB", limits))

    @property
    def root(self) -> Element:
        """lxml's `<cib>` element, the same one each time in a thread: read it, never write to it, and hand it to no
        other thread (hand over the document; see `crm.cib.trees`).
        """
        return self._trees.here()

    @property
    def shared_root(self) -> Element:
        """The same for any thread that only follows it and writes it out: no name may be looked for in it."""
        return self._trees.shared

    def __reduce__(self) -> tuple[Callable[[bytes], Document], tuple[bytes]]:
        """For another process: a document of its own, read from text."""
        return _restored, (etree.tostring(self.shared_root),)

    @property
    def version(self) -> CibVersion:
        return self._version

    def model(self) -> Cib:
        """The CIB as frozen data. What was read of the documents that this one was made from is not read again."""
        from crm.cib.reading.cib_reader import read_next

        cib, self._known = read_next(self.root, self._known)
        return cib

    def configuration(self) -> Cib:
        """The same without its status: the very same object for documents that differ in their status only, if one was
        made from the other and read before.
        """
        self.model()
        assert self._known.configuration is not None, "it was read just now"
        return self._known.configuration

    def to_bytes(self) -> bytes:
        """The whole CIB as indented XML, UTF-8, the same bytes for the same tree."""
        return etree.tostring(self.root, pretty_print=True, encoding="utf-8")

    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the tree in canonical form; the order of attributes does not count."""
        if self._digest is None:
            self._digest = hashlib.sha256(etree.tostring(self.root, method="c14n")).hexdigest()
        return self._digest

    def configuration_digest(self) -> str:
        """The same of the configuration alone: equal where people have configured the same, whoever led then."""
        configuration = self.root.find("configuration")
        text = b"" if configuration is None else etree.tostring(configuration, method="c14n", with_tail=False)
        return hashlib.sha256(text).hexdigest()

    def without_status(self) -> Document:
        """The part that is kept on disk: everything but what stands in the status section."""
        root = etree.Element("cib", tree_diff.attributes_of(self.root))
        root.text = self.root.text
        root.extend(etree.Element("status") if part.tag == "status" else deepcopy(part) for part in self.root)
        return Document(root)

    def with_version(self, version: CibVersion) -> Document:
        """The same CIB under another version."""
        root = deepcopy(self.root)
        parsing.set_attributes(root, version.attributes())
        return Document(root)

    def apply(self, change: Change, stamp: Stamp | None = None) -> Document:
        """The CIB after `change`, its version stepped as the change asks; itself if the change changes nothing.

        With a `stamp`, a changed configuration gets that one. Raises CibError and leaves this document as it is. Costs
        one copy of the tree: put changes that come together into one `Batch`.
        """
        if isinstance(change, Patch):
            return self._patched(change, stamp)
        if isinstance(change, Replace) and change.section in (None, "cib"):
            return self._replaced(change, stamp)
        root = deepcopy(self.root)
        return self._successor(root, _perform(root, change), stamp=stamp)

    def changes_since(self, base: Document) -> list[Element] | None:
        """The changes (patch format) that made this document from `base`, if it was made from that very one."""
        return self._changes if self._base is not None and self._base() is base else None

    def _patched(self, change: Patch, stamp: Stamp | None) -> Document:
        patch = patch_format.read(change)
        target = patch.check_source(self.version)
        root = deepcopy(self.root)
        touched = tree_diff.apply(root, patch.changes)
        if target is None:
            return self._successor(root, touched, stamp=stamp)
        if stamp is not None:
            stamps.carry(self.root, root)
            return self.became(root, patch.changes, target, stamp)
        _set_version(root, target)
        return Document(root).made_from(self, patch.changes)

    def _replaced(self, change: Replace, stamp: Stamp | None) -> Document:
        given = Document.parse(change.xml)
        if given.version[:2] < self.version[:2]:
            raise CibError(
                "older-version",
                f"The CIB given has version {given.version}, the present one {self.version} is newer",
                hint="Read the present CIB, make the change in it, and send that",
            )
        root = given.root
        _carry_status(self.root, root)
        stamps.carry(self.root, root)
        _set_version(root, self.version)
        successor = self._successor(root, None, stamp=stamp)
        if given.version <= successor.version or successor is self:
            return successor
        _set_version(root, given.version)
        return self._successor(root, None, given.version, stamp)

    def _successor(self, root: Element, touched: set[Path] | None, version: CibVersion | None = None,
                   stamp: Stamp | None = None) -> Document:
        """The document of a changed copy of this one's tree, under the version that the changes ask for."""
        changes = tree_diff.make(self.root, root, touched)
        return self.became(root, changes, version or self._next_version(changes), stamp) if changes else self

    def became(self, root: Element, changes: list[Element], version: CibVersion, stamp: Stamp | None) -> Document:
        """The document of a copy of this one's tree in which those changes were made, under that version."""
        _set_version(root, version)
        if stamp is not None and version[:2] != self.version[:2]:
            stamps.put(root, stamp)
        header = tree_diff.make(self.root, root, ())
        body = [change for change in changes if change.get("path") != "/cib" or change.get("operation") != "modify"]
        return Document(root).made_from(self, header + body)

    def _next_version(self, changes: list[Element]) -> CibVersion:
        touches_configuration = any(change.get("path", "").startswith(_CONFIGURATION) for change in changes)
        if touches_configuration:
            return self.version.after_configuration_change()
        return self.version.after_status_change()

    def made_from(self, base: Document, changes: list[Element]) -> Document:
        """Remember how this document came about, so that neither its patch nor its model is worked out anew."""
        self._base = weakref.ref(base)
        self._changes = changes
        self._known = base._known.after(changes)
        return self


def _restored(text: bytes) -> Document:
    return Document(etree.fromstring(text, _TRUSTED))


def _perform(root: Element, change: Change) -> set[Path]:
    match change:
        case Edit():
            return verbs.edit(root, change)
        case Replace(section=str()) if change.section != "cib":
            return verbs.replace_section(root, change)
        case Batch(changes=changes):
            return set().union(*(_perform(root, part) for part in changes))
        case _:
            raise CibError("bad-change", "A batch may hold edits and section replacements only")


def _set_version(root: Element, version: CibVersion) -> None:
    parsing.set_attributes(root, version.attributes())


def _carry_status(present: Element, given: Element) -> None:
    """Only the cluster writes the status: a CIB from outside gets the present one."""
    status = sections.find(present, "status")
    for old in given.findall("status"):
        given.remove(old)
    if status is not None:
        given.append(deepcopy(status))
