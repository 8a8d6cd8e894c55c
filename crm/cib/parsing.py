"""Text to XML elements, safely: the only place where bytes from outside become a tree.

No document type, no entities of one's own, no network; size, depth and number of elements are checked while the text is
scanned, before anything is built. It knows nothing of the CIB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from xml.parsers import expat

from lxml import etree

from crm.cib.errors import CibError

# lxml's stubs call this type private; it is the class of every element, comments included.
Element: TypeAlias = etree._Element


@dataclass(frozen=True, slots=True)
class ParsingLimits:
    """What a document may at most be; generous for a CIB (sixteen nodes with 4000 resources take about 40 MB)."""

    size_bytes: int = 256 * 1024 * 1024
    depth: int = 64
    elements: int = 5_000_000


DEFAULT_LIMITS = ParsingLimits()


def parse(text: bytes | str, what: str = "XML", limits: ParsingLimits = DEFAULT_LIMITS) -> Element:
    """The root element of `text`, blank text and processing instructions removed.

    Raises CibError (not-xml, too-large, too-deep, doctype-forbidden) with the line; `what` names the text in it.
    """
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > limits.size_bytes:
        raise CibError("too-large", f"The {what} has {len(raw)} bytes; at most {limits.size_bytes} are accepted")
    encoding = "utf-8" if isinstance(text, str) else None
    _scan(raw, what, limits, encoding)
    try:
        return etree.fromstring(raw, _parser(encoding))
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise CibError("not-xml", f"The {what} is not well-formed: {error}", line=line) from None


def line_of(element: Element) -> int | None:
    """The line an element began in, None if it was not read from a text."""
    line = element.sourceline
    return line if isinstance(line, int) else None


def bare(element: Element) -> Element:
    """A copy of an element with its attributes alone."""
    copy = etree.Element(element.tag)
    copy.attrib.update(element.attrib)
    return copy


def set_attributes(element: Element, attributes: Mapping[str, str]) -> None:
    for name, value in attributes.items():
        element.set(name, value)


def _parser(encoding: str | None) -> etree.XMLParser:
    # huge_tree lifts libxml2's own limits, because ours have been enforced by the scan.
    return etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_blank_text=True,
        remove_pis=True,
        huge_tree=True,
    )


def _scan(raw: bytes, what: str, limits: ParsingLimits, encoding: str | None) -> None:
    """Walk through the text without building anything; raise on the first thing that is not accepted."""
    scanner = expat.ParserCreate(encoding)
    depth = elements = 0

    def open_element(name: str, _attributes: object) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > limits.depth or elements > limits.elements:
            limit = f"{limits.depth} levels" if depth > limits.depth else f"{limits.elements} elements"
            raise CibError("too-deep", f"The {what} has more than {limit}", f"<{name}>", scanner.CurrentLineNumber)

    def close_element(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def doctype(name: str, *_rest: object) -> None:
        raise CibError(
            "doctype-forbidden",
            f"The {what} declares a document type",
            f"<!DOCTYPE {name}>",
            scanner.CurrentLineNumber,
            "Remove the DOCTYPE; entities and external definitions are not accepted",
        )

    scanner.StartElementHandler = open_element
    scanner.EndElementHandler = close_element
    scanner.StartDoctypeDeclHandler = doctype
    try:
        scanner.Parse(raw, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise CibError(
            "not-xml",
            f"The {what} is not well-formed: {reason} in column {error.offset + 1}",
            line=error.lineno,
            hint="Every element must be closed, every attribute quoted, and there must be exactly one root",
        ) from None
    except (LookupError, ValueError) as error:
        message = f"The {what} has an encoding that cannot be read: {error}"
        raise CibError("not-xml", message, hint="Use UTF-8") from None
