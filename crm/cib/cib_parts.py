"""A CIB cut into parts named by their digests, so that another process is sent only those that it does not have.

From one plan to the next mostly one node's history has changed, while the whole CIB may have many megabytes. What the
other side has is known by digest, never assumed from how a document came about: whatever came in between, both sides
read the same CIB. The parts are what is read anew or not: the configuration, each node's state, all else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from lxml import etree

from crm.cib.document import Document
from crm.cib.model_cache import ModelCache
from crm.cib.parsing import Element
from crm.cib.reading.cib_reader import read_next
from crm.model.cib import Cib

_STATUS = "status"
# What comes is what `Sender` wrote of a tree that was checked when it was made.
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


@dataclass(frozen=True, slots=True)
class CibPart:
    """One child of the root or (`in_status`) of the status. `text` is None where the other side has it."""

    in_status: bool
    digest: bytes
    text: bytes | None


@dataclass(frozen=True, slots=True)
class Cut:
    """A CIB in parts, in their order, with the attributes of its root and of its status (None: it has none)."""

    attributes: Mapping[str, str]
    status: Mapping[str, str] | None
    parts: tuple[CibPart, ...]


class Sender:
    """What the receiver of all earlier cuts has: the parts of the last one."""

    def __init__(self) -> None:
        self._sent: frozenset[bytes] = frozenset()

    def cut(self, document: Document) -> Cut:
        """That document for the receiver. May be called in any thread."""
        root = document.shared_root
        status = next((each for each in root if each.tag == _STATUS), None)
        parts = tuple(self._parts(root, status))
        self._sent = frozenset(each.digest for each in parts)
        return Cut(_attributes(root), None if status is None else _attributes(status), parts)

    def _parts(self, root: Element, status: Element | None) -> Iterator[CibPart]:
        for child in _elements(root):
            if child is not status:
                yield self._part(child, in_status=False)
                continue
            for each in _elements(child):
                yield self._part(each, in_status=True)

    def _part(self, element: Element, in_status: bool) -> CibPart:
        text = etree.tostring(element, with_tail=False)
        digest = blake2b(text, digest_size=16).digest()
        return CibPart(in_status, digest, None if digest in self._sent else text)


class Receiver:
    """Puts cuts together again. It must get all of one sender's, in order."""

    def __init__(self) -> None:
        self._elements: dict[bytes, Element] = {}
        self._known = ModelCache()

    def model(self, cut: Cut) -> Cib:
        """The CIB as frozen data; of what was read before nothing is read again."""
        before = self._elements
        self._elements = {each.digest: before[each.digest] if each.text is None else _element(each.text)
                          for each in cut.parts}
        new = [self._elements[digest] for digest in self._elements.keys() - before.keys()]
        gone = [before[digest] for digest in before.keys() - self._elements.keys()]
        cib, self._known = read_next(self._assembled(cut), _without(self._known, [*new, *gone]))
        return cib

    def _assembled(self, cut: Cut) -> Element:
        root = etree.Element("cib", dict(cut.attributes))
        status = None if cut.status is None else etree.Element(_STATUS, dict(cut.status))
        for part in cut.parts:
            if part.in_status:
                assert status is not None
                status.append(self._elements[part.digest])
            else:
                root.append(self._elements[part.digest])
        if status is not None:
            root.append(status)
        return root


def _elements(parent: Element) -> Iterator[Element]:
    """Its children but comments, of which no plan is made."""
    return (each for each in parent if isinstance(each.tag, str))


def _element(text: bytes) -> Element:
    return etree.fromstring(text, _PARSER)


def _attributes(element: Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.items()}


def _without(known: ModelCache, touched: list[Element]) -> ModelCache:
    """What of it does not come from one of those parts."""
    if any(each.tag != "node_state" and each.tag != "tickets" for each in touched):
        return ModelCache()
    ids = {each.get("id") for each in touched}
    return ModelCache(known.configuration, {key: value for key, value in known.node_states.items() if key not in ids})
