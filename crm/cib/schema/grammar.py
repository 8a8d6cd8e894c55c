"""What the schema allows in a place, read from the schema itself: for messages that people can act on.

libxml2 decides whether a CIB is valid; this index only explains. It leans on the layout of `cib.rng`: one definition
per element, named like the element.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from lxml import etree

from crm.cib.parsing import Element

_NAMESPACE = "{http://relaxng.org/ns/structure/1.0}"


@dataclass(slots=True)
class Allowed:
    """An element's attributes with the words they may hold (empty: any text or a number), and its children."""

    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    children: list[str] = field(default_factory=list)
    free: bool = False


@cache
def schema() -> etree.RelaxNG:
    return etree.RelaxNG(_source())


@cache
def schema_of(element: str) -> etree.RelaxNG:
    """The schema of one kind of element by itself."""
    source = deepcopy(_source())
    start = source.find(f"{_NAMESPACE}start/{_NAMESPACE}ref")
    assert start is not None, "cib.rng starts with a reference"
    start.set("name", element)
    return etree.RelaxNG(source)


@cache
def _source() -> Element:
    return etree.fromstring(resources.files(__package__).joinpath("cib.rng").read_bytes())


@cache
def elements() -> dict[str, Allowed]:
    """Every element of the vocabulary by name."""
    definitions = {str(define.get("name")): define for define in _source().iterfind(_NAMESPACE + "define")}
    index: dict[str, Allowed] = {}
    for define in definitions.values():
        for element in define.iterfind(_NAMESPACE + "element"):
            allowed = Allowed()
            _collect(element, definitions, allowed, True)
            index[str(element.get("name"))] = allowed
    return index


# Patterns under which an attribute is not needed in every case.
_LOOSENING = {_NAMESPACE + name for name in ("optional", "zeroOrMore", "choice")}


def _collect(pattern: Element, definitions: dict[str, Element], allowed: Allowed, needed: bool) -> None:
    """Gather what a pattern allows in the element around it, following references but not entering other elements."""
    for part in pattern:
        if part.tag == _NAMESPACE + "attribute":
            _add_attribute(part, definitions, allowed, needed)
        elif part.tag == _NAMESPACE + "ref":
            _follow(str(part.get("name")), definitions, allowed, needed)
        elif isinstance(part.tag, str):
            _collect(part, definitions, allowed, needed and part.tag not in _LOOSENING)


def _follow(name: str, definitions: dict[str, Element], allowed: Allowed, needed: bool) -> None:
    target = definitions[name]
    if name == "anything":
        allowed.free = True
    elif target.find(_NAMESPACE + "element") is not None:
        allowed.children.append(name)
    else:
        _collect(target, definitions, allowed, needed)


def _add_attribute(attribute: Element, definitions: dict[str, Element], allowed: Allowed, needed: bool) -> None:
    name = str(attribute.get("name"))
    words, open_ended = _words(attribute, definitions)
    known = allowed.attributes.get(name, ())
    allowed.attributes[name] = () if open_ended else (*known, *words)
    if needed:
        allowed.required.add(name)


def _words(pattern: Element, definitions: dict[str, Element]) -> tuple[tuple[str, ...], bool]:
    """The words a value may be, and whether it may be something else too (a number, any text)."""
    words: list[str] = []
    open_ended = len(pattern) == 0
    for part in pattern.iter():
        if part.tag == _NAMESPACE + "value":
            words.append(part.text or "")
        elif part.tag == _NAMESPACE + "data":
            open_ended = part.get("type") != "boolean" or open_ended
            words.extend(("true", "false") if part.get("type") == "boolean" else ())
        elif part.tag == _NAMESPACE + "ref":
            more, more_open = _words(definitions[str(part.get("name"))], definitions)
            words.extend(more)
            open_ended = open_ended or more_open
    return tuple(words), open_ended
