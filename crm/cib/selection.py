"""What of a CIB is asked for: all of it, a section, or what an XPath selects. For the API and for CIBs in files."""

from __future__ import annotations

from lxml import etree

from crm.cib import parsing, sections
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.parsing import Element

SEVERAL = "xpath-query"
"""Several elements come within one of this name."""


def selected(document: Document, section: str | None, xpath: str | None) -> list[Element]:
    """The elements that are asked for: at least one. Raises CibError (no-such-object, no-such-section, bad-xpath)."""
    if xpath is not None:
        return _matching(document, xpath)
    if section is None or section == "cib":
        return [document.root]
    element = sections.find(document.root, section)
    if element is None:
        raise CibError("no-such-object", f"The CIB has no section {section} yet", hint="Create an object in it")
    return [element]


def _matching(document: Document, xpath: str) -> list[Element]:
    try:
        nodes = document.root.xpath(xpath, smart_strings=False)
    except etree.XPathError as error:
        raise CibError("bad-xpath", f"“{xpath}” is not an XPath: {error}", hint="Example: //primitive") from None
    return found(xpath, [each for each in nodes if isinstance(each, etree._Element)] if isinstance(nodes, list) else [])


def found(xpath: str, elements: list[Element]) -> list[Element]:
    """The elements that an XPath has selected: at least one. Raises CibError (no-such-object)."""
    if not elements:
        raise CibError("no-such-object", f"“{xpath}” selects no element of the CIB",
                       hint="See what it has: cibadmin -Q; attributes and texts alone cannot be selected")
    return elements


def without_children(elements: list[Element]) -> list[Element]:
    """The same with their attributes alone."""
    return [parsing.bare(each) for each in elements]


def to_bytes(elements: list[Element]) -> bytes:
    """The elements as indented XML, UTF-8."""
    texts = [etree.tostring(each, pretty_print=True, encoding="utf-8", with_tail=False) for each in elements]
    return texts[0] if len(texts) == 1 else b"<%s>\n%s</%s>\n" % (SEVERAL.encode(), b"".join(texts), SEVERAL.encode())
