"""Which values of a CIB are secrets, and how it looks without them.

A parameter is a secret if its name says so (`passwd`, `admin_password`, `api_key` …), or if its agent's metadata
marks it as private, which the executing node records as `op-secure-params` in the history. Names that end in file, path
or script hold a place, not a secret. Who may see secrets is decided elsewhere; events, logs and errors never show them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from weakref import WeakKeyDictionary

from lxml import etree

from crm.cib.document import Document
from crm.cib.parsing import Element

REDACTED = "********"

_WORDS = r"passwd|password|passphrase|passcode|secret|token|credentials?|api_?key|private_?key|community"
_SECRET_NAME = re.compile(rf"(?:^|[_.-])(?:\w*(?:{_WORDS}))(?:$|[_.-])", re.IGNORECASE)
_PLACE_NAME = re.compile(r"(?:file|path|script|dir)$", re.IGNORECASE)
_SHORTEST_IN_TEXT = 4
_AGENTS_WORDS = ("exit-reason", "agent-output")
"""Where the history of an operation keeps what its agent said."""

_MARKED = etree.XPath("//lrm_resource/lrm_rsc_op[@op-secure-params]")
_values: WeakKeyDictionary[Document, tuple[str, ...]] = WeakKeyDictionary()
_bare: WeakKeyDictionary[Document, Document] = WeakKeyDictionary()


def is_secret_name(name: str) -> bool:
    """Whether a parameter of that name holds a secret."""
    return bool(_SECRET_NAME.search(name)) and not _PLACE_NAME.search(name)


def secret_pairs(root: Element) -> Iterator[Element]:
    """The name-value pairs of a CIB (or of a part of it) that hold a secret."""
    marked = _marked_parameters(root)
    for attributes in root.iter("instance_attributes"):
        names = marked.get(_owner(attributes), frozenset())
        for pair in attributes.iterfind("nvpair"):
            name = pair.get("name", "")
            if pair.get("value") and (name in names or is_secret_name(name)):
                yield pair


def without_secrets(document: Document) -> Document:
    """The CIB with its secrets replaced by `REDACTED`; the very same document if it holds none."""
    if not _known_values(document):
        return document
    if document not in _bare:
        _bare[document] = Document(redacted(document.root))
    return _bare[document]


def redacted(element: Element) -> Element:
    """A copy of a CIB, or of a part of it, with its secrets replaced."""
    root = deepcopy(element)
    pairs = list(secret_pairs(root))
    values = _values_in(pairs)
    for pair in pairs:
        pair.set("value", REDACTED)
    for entry in root.iter("lrm_rsc_op"):
        for name in _AGENTS_WORDS:
            if entry.get(name):
                entry.set(name, _replaced(values, entry.get(name, "")))
    return root


def redacted_text(document: Document, text: str, said: str = "") -> str:
    """A text (a log line, a reason that an agent gave) with the secrets of a CIB replaced in it, but for those that
    stand in what its reader has `said`.
    """
    return _replaced(tuple(value for value in _known_values(document) if value not in said), text)


def redacted_again(document: Document) -> list[str]:
    """Ids of secrets whose value is the replacement: somebody has read them redacted, and sends that back."""
    return [pair.get("id", "") for pair in secret_pairs(document.root) if pair.get("value") == REDACTED]


def _replaced(values: tuple[str, ...], text: str) -> str:
    """Values that are too short to be told from ordinary words stay."""
    for value in values:
        if len(value) >= _SHORTEST_IN_TEXT:
            text = text.replace(value, REDACTED)
    return text


def _known_values(document: Document) -> tuple[str, ...]:
    if document not in _values:
        _values[document] = _values_of(document.root)
    return _values[document]


def _values_of(root: Element) -> tuple[str, ...]:
    """Secret values, longest first, so that one that holds another is replaced as a whole."""
    return _values_in(secret_pairs(root))


def _values_in(pairs: Iterable[Element]) -> tuple[str, ...]:
    found = {pair.get("value", "") for pair in pairs}
    return tuple(sorted(found, key=len, reverse=True))


def _owner(attributes: Element) -> str:
    parent = attributes.getparent()
    return "" if parent is None else parent.get("id", "")


def _marked_parameters(root: Element) -> dict[str, frozenset[str]]:
    """Names of the private parameters of each resource, as its history tells them."""
    found = _MARKED(root)
    marked: dict[str, frozenset[str]] = {}
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, etree._Element):
            resource = entry.xpath("string(../@id)")
            resource_id = str(resource).partition(":")[0]
            names = frozenset(entry.get("op-secure-params", "").split())
            marked[resource_id] = marked.get(resource_id, frozenset()) | names
    return marked
