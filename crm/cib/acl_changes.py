"""A change that somebody made of the CIB as they see it, carried over to the whole CIB.

Who may not read all of the CIB sees a part of it (`crm.cib.access`, `crm.cib.redaction`). What they ask for is found,
compared and made in that part only; what came of it is then made in the whole. So no expression, name or value of
theirs is ever held against what is hidden, and what is hidden stays as it is beneath and beside what they change.
"""

from __future__ import annotations

from copy import deepcopy

from crm.cib import parsing, patch, paths, tree_diff
from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.parsing import Element
from crm.cib.version import ATTRIBUTES

_OWN = ("epoch", "num_updates")
"""Attributes of the root that every change steps."""


def carried_over(whole: Document, seen: Document, wanted: Document) -> Document:
    """The whole CIB with what was changed from `seen`, a part of it, to `wanted`; the very same if nothing was.

    Raises CibError (not-comparable) where two elements look alike and only one of them is seen.
    """
    if wanted is seen:
        return whole
    root = deepcopy(whole.root)
    _carry(root, seen.root, wanted.root)
    parsing.set_attributes(root, whole.version.attributes())
    changes = tree_diff.make(whole.root, root)
    return whole.became(root, changes, wanted.version, None) if changes or wanted.version != seen.version else whole


def as_change(before: Document, after: Document) -> Change:
    """What makes the one of the other, wherever the status has got to meanwhile."""
    stepped = (before.version.after_configuration_change(), before.version.after_status_change())
    same_frame = _frame(before) == _frame(after) and after.version in stepped
    change = patch.between(before, after, versions=False) if same_frame else None
    return change or patch.make(before, after)


def _frame(document: Document) -> dict[str, str]:
    return {name: value for name, value in tree_diff.attributes_of(document.root).items() if name not in _OWN}


def _carry(target: Element, seen: Element, wanted: Element) -> None:
    """Make in `target` what differs between the two others, of which `seen` is a part of `target`."""
    is_root = target.getparent() is None
    for name in dict.fromkeys([*seen.attrib, *wanted.attrib]):
        if seen.get(name) != wanted.get(name) and not (is_root and name in ATTRIBUTES):
            _set(target, str(name), wanted.get(name))
    if seen.text != wanted.text:
        target.text = wanted.text
    _carry_children(target, seen, wanted)


def _set(element: Element, name: str, value: str | None) -> None:
    if value is None:
        del element.attrib[name]
    else:
        element.set(name, value)


def _carry_children(target: Element, seen: Element, wanted: Element) -> None:
    before, after = tree_diff.children_by_key(seen), tree_diff.children_by_key(wanted)
    twins = _counterparts(target, before)
    moved = tree_diff.moved(list(before), list(after))
    for key, twin in twins.items():
        if key not in after:
            target.remove(twin)
    following: Element | None = None
    for key, child in reversed(after.items()):
        known = twins.get(key)
        if known is None or key in moved:
            placed = _copy(child) if known is None else known
            _place(target, placed, following)
        else:
            placed = known
        if known is not None and paths.is_element(child):
            _carry(placed, before[key], child)
        following = placed


def _counterparts(target: Element, seen: dict[tree_diff.Key, Element]) -> dict[tree_diff.Key, Element]:
    """For each child that is seen the one that it is in the whole. What is seen keeps name, id and order."""
    there = tree_diff.children_by_key(target)
    for key in seen:
        alike = sum(1 for each in there if each[:2] == key[:2])
        if alike != sum(1 for each in seen if each[:2] == key[:2]):
            raise CibError("not-comparable", "Some of several elements that look alike are hidden from you",
                           f"<{key[0]}>", hint="Have somebody make the change who may read all of the CIB")
    return {key: there[key] for key in seen}


def _copy(element: Element) -> Element:
    copy = deepcopy(element)
    copy.tail = None
    return copy


def _place(parent: Element, child: Element, following: Element | None) -> None:
    """Before the one that follows it as it is wanted; at the end if none does."""
    if following is None:
        parent.append(child)
    else:
        following.addprevious(child)
