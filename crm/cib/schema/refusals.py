"""Why the schema refuses a CIB, said for its author: line, element, attribute, what is allowed, the nearest right name.

libxml2's own messages name the pattern that failed last, which is seldom the mistake. So the tree is compared with what
each element allows; if that finds nothing, the innermost element that does not validate by itself is named, with the
value in it that is to blame if there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from difflib import get_close_matches

from lxml import etree

from crm.cib.parsing import Element, line_of
from crm.cib.schema.grammar import Allowed, elements, schema_of
from crm.model.report import Report, Severity


def explain(root: Element) -> list[Report]:
    """The reports for a tree that the schema refused; never empty."""
    if root.tag != "cib":
        return [_report("not-a-cib", root, f"The root is <{root.tag}>", "The root of a CIB is <cib>")]
    return list(_walk(root)) or list(_innermost(root))


def nearest(name: str, names: Iterable[str]) -> str:
    """The known name that was probably meant, empty if none is near."""
    return next(iter(get_close_matches(name, list(names), 1, 0.7)), "")


def _walk(element: Element) -> Iterator[Report]:
    allowed = elements().get(str(element.tag))
    if allowed is None or allowed.free:
        return
    yield from _attributes(element, allowed)
    yield from _text(element)
    for child in element.iterchildren(tag=etree.Element):
        if child.tag in allowed.children:
            yield from _walk(child)
        else:
            yield _unknown_child(child, element, allowed)


def _attributes(element: Element, allowed: Allowed) -> Iterator[Report]:
    for name in map(str, element.attrib):
        value = str(element.get(name))
        words = allowed.attributes.get(name)
        if words is None:
            yield _unknown_attribute(element, name, allowed)
        elif words and value not in words and not (words == ("true", "false") and value in ("1", "0")):
            yield _wrong_value(element, name, value, words)
    for name in sorted(allowed.required - set(map(str, element.attrib))):
        if name != "id" or "id-ref" not in element.attrib:
            yield _report("missing-attribute", element, f"<{element.tag}> has no {name}", f"Add {name}='…'")


def _unknown_attribute(element: Element, name: str, allowed: Allowed) -> Report:
    near = nearest(name, allowed.attributes)
    hint = f"Did you mean {near}? " if near else ""
    hint += f"Allowed are {_listed(sorted(allowed.attributes))}" if allowed.attributes else "It has no attributes"
    return _report("unknown-attribute", element, f"<{element.tag}> has no attribute {name}", hint)


def _wrong_value(element: Element, name: str, value: str, words: tuple[str, ...]) -> Report:
    near = nearest(value, words) or next((word for word in words if word.lower() == value.lower()), "")
    hint = (f"Did you mean {near}? " if near else "") + f"Allowed are {_listed(words)}"
    return _report("wrong-value", element, f"{name}='{value}' of <{element.tag}> is not possible", hint)


def _unknown_child(child: Element, parent: Element, allowed: Allowed) -> Report:
    elsewhere = str(child.tag) in elements()
    near = "" if elsewhere else nearest(str(child.tag), allowed.children or elements())
    hint = f"Did you mean <{near}>? " if near else ""
    names = _listed(f"<{name}>" for name in allowed.children)
    hint += f"Allowed are {names}" if names else f"<{parent.tag}> must be empty"
    code = "misplaced-element" if elsewhere else "unknown-element"
    verdict = "does not belong into" if elsewhere else "is not known in"
    return _report(code, child, f"<{child.tag}> {verdict} <{parent.tag}>", hint)


def _text(element: Element) -> Iterator[Report]:
    texts = [element.text, *(child.tail for child in element)]
    if any(text and text.strip() for text in texts):
        hint = "A CIB keeps everything in attributes"
        yield _report("text-not-allowed", element, f"<{element.tag}> holds text", hint)


def _innermost(element: Element) -> Iterator[Report]:
    """The elements that are wrong although everything in them is right by itself: a combination does not fit."""
    wrong = [child for child in element.iterchildren(tag=etree.Element) if not _right_by_itself(child)]
    for child in wrong:
        yield from _innermost(child)
    if not wrong:
        culprit = _culprit(element)
        if culprit is not None:
            yield culprit
            return
        allowed = elements().get(str(element.tag), Allowed())
        parts = [*sorted(allowed.attributes), *(f"<{name}>" for name in allowed.children)]
        message = f"The attributes or children of <{element.tag}> are incomplete, doubled or do not fit together"
        yield _report("wrong-combination", element, message, f"It may have {_listed(parts)}" if parts else "")


def _culprit(element: Element) -> Report | None:
    """The one value, or the one missing attribute, without which the element would be right: found by trying others."""
    if len(element) > _MOST_TRIED_CHILDREN:
        return None
    present = [str(name) for name in element.attrib]
    lacking = sorted(elements().get(str(element.tag), Allowed()).attributes.keys() - set(present))
    for name in (*present, *lacking):
        for sample, kind in _SAMPLES:
            trial = deepcopy(element)
            trial.set(name, sample)
            if not _right_by_itself(trial):
                continue
            value = element.get(name)
            if value is None:
                return _report("missing-attribute", element, f"<{element.tag}> has no {name}", f"Add {name}='…'")
            message = f"{name}='{value}' of <{element.tag}> is not possible"
            return _report("wrong-value", element, message, f"It has to be {kind}")
    return None


_MOST_TRIED_CHILDREN = 100
_SAMPLES = (
    ("x", "a name: a letter or _ first, then letters, digits, and . - _"),
    ("INFINITY", "a score: a whole number, INFINITY or -INFINITY"),
    ("1", "a whole number"),
    ("true", "true or false"),
)
"""Values of all kinds that the schema tells apart, and what to call the kind."""


def _right_by_itself(element: Element) -> bool:
    name = str(element.tag)
    return name not in elements() or schema_of(name).validate(element)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _report(code: str, element: Element, message: str, hint: str) -> Report:
    where = element.get("id") or next((a.get("id") for a in element.iterancestors() if a.get("id")), None)
    return Report(Severity.ERROR, code, where or f"<{element.tag}>", message, hint, line_of(element))
