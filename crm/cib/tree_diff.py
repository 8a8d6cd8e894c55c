"""Differences between two trees as the `<change>` elements of Pacemaker's patch format 2: make them, apply them.

Works on bare trees; versions and the patch's frame belong to `crm.cib.patch`. Modify and delete act at once; create and
move act afterwards, by position, after everything that moves has been taken out. Positions count all children of the
new tree, comments included.

An element whose children cannot be told apart by name and id (two alike) cannot be described in part: it is deleted and
created anew as a whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from copy import deepcopy
from itertools import pairwise

from lxml import etree

from crm.cib import parsing, paths
from crm.cib.errors import CibError
from crm.cib.parsing import Element
from crm.cib.paths import Path

Key = tuple[str, str | None, int]


def make(old: Element, new: Element, within: Iterable[Path] | None = None) -> list[Element]:
    """The changes that turn `old` into `new`; empty when they are equal.

    `within` names the only elements (with all beneath them) in which the trees may differ, besides the attributes of
    the root: that makes a small change of a large tree cheap.
    """
    touched = None if within is None else paths.without_descendants(within)
    root_path: Path = ((str(new.tag), None),)
    if touched is None or any(len(path) <= 1 for path in touched):
        changes: list[Element] = []
        if not _compare(old, new, root_path, changes):
            raise CibError("not-comparable", "The root of the CIB holds two elements of the same name", f"<{new.tag}>")
        return changes
    changes = _attribute_changes(old, new, root_path)
    for path in touched:
        if not _compare_at(old, new, path, changes):
            return make(old, new)
    return changes


def _compare_at(old: Element, new: Element, path: Path, changes: list[Element]) -> bool:
    before, after = paths.find(old, path), paths.find(new, path)
    if before is not None and after is not None:
        return _compare(before, after, path, changes)
    if before is not None:
        changes.append(_delete(path))
    elif after is not None:
        parent = after.getparent()
        if parent is None or paths.find(old, path[:-1]) is None:
            return False
        changes.append(_create(path[:-1], parent.index(after), after))
    return True


def _compare(old: Element, new: Element, path: Path, changes: list[Element]) -> bool:
    """Append what differs at and beneath `path`; False if that cannot be said in changes."""
    changes.extend(_attribute_changes(old, new, path))
    if len(old) == 0 and len(new) == 0:
        return old.text == new.text
    old_children, new_children = children_by_key(old), children_by_key(new)
    if _has_text(old) or _has_text(new) or _has_twins(old_children) or _has_twins(new_children):
        return _same_subtree(old, new)
    _compare_children(old, old_children, new, new_children, path, changes)
    return True


def _compare_children(
    old: Element,
    old_children: dict[Key, Element],
    new: Element,
    new_children: dict[Key, Element],
    path: Path,
    changes: list[Element],
) -> None:
    moving = moved(list(old_children), list(new_children))
    gone = [key for key in old_children if key not in new_children or (key in moving and key[0] == _COMMENT)]
    # Comments are addressed by position only, so they go first, the last one first.
    for key in reversed([key for key in gone if key[0] == _COMMENT]):
        changes.append(_delete_comment(path, old.index(old_children[key])))
    changes.extend(_delete((*path, key[:2])) for key in gone if key[0] != _COMMENT)
    for position, (key, child) in enumerate(new_children.items()):
        before = old_children.get(key)
        if before is None or key in gone:
            changes.append(_create(path, position, child))
            continue
        child_path = (*path, key[:2])
        if key[0] != _COMMENT and not _compare_or_recreate(before, child, child_path, position, changes):
            continue
        if key in moving:
            changes.append(_move(child_path, position))


def _compare_or_recreate(old: Element, new: Element, path: Path, position: int, changes: list[Element]) -> bool:
    """Compare two elements; if that cannot be said in changes, replace the old one as a whole and answer False."""
    if _same_subtree(old, new):  # By far the most often, and much faster than looking at each attribute.
        return True
    mark = len(changes)
    if paths.can_be_written(path) and _compare(old, new, path, changes):
        return True
    del changes[mark:]
    if not paths.can_be_written(path):
        raise CibError("not-comparable", "An id holds both kinds of quotation marks", str(path[-1][1]))
    changes.append(_delete(path))
    changes.append(_create(path[:-1], position, new))
    return False


_COMMENT = "#comment"


def children_by_key(parent: Element) -> dict[Key, Element]:
    """Children by name, id and number among equals, in document order."""
    counts: dict[tuple[str, str | None], int] = {}
    children: dict[Key, Element] = {}
    for child in parent:
        tag = child.tag
        short = (tag, child.get("id")) if isinstance(tag, str) else (_COMMENT, child.text)
        number = counts.get(short, 0)
        counts[short] = number + 1
        children[(*short, number)] = child
    return children


def _has_twins(children: dict[Key, Element]) -> bool:
    """Whether a path could mean two of the children: two alike, or one without an id beside namesakes."""
    names = [name for name, _, _ in children if name != _COMMENT]
    return any(
        name != _COMMENT and (number or (identity is None and names.count(name) > 1))
        for name, identity, number in children
    )


def _has_text(element: Element) -> bool:
    texts = (element.text, *(child.tail for child in element))
    return any(text and text.strip() for text in texts)


def _same_subtree(old: Element, new: Element) -> bool:
    return etree.tostring(old, with_tail=False) == etree.tostring(new, with_tail=False)


def moved(old: Sequence[Key], new: Sequence[Key]) -> set[Key]:
    """The keys that stand in both but must move; the longest run that keeps its order stays."""
    places = {key: place for place, key in enumerate(new)}
    common = [places[key] for key in old if key in places]
    if all(left < right for left, right in pairwise(common)):
        return set()
    staying = _longest_rising_run(common)
    return {new[place] for place in common if place not in staying}


def _longest_rising_run(numbers: Sequence[int]) -> set[int]:
    """A longest rising subsequence, by patience sorting."""
    tails: list[int] = []
    previous: dict[int, int | None] = {}
    for number in numbers:
        at = bisect_left(tails, number)
        previous[number] = tails[at - 1] if at else None
        tails[at : at + 1] = [number]
    run: set[int] = set()
    number_or_none = tails[-1] if tails else None
    while number_or_none is not None:
        run.add(number_or_none)
        number_or_none = previous[number_or_none]
    return run


def _change(operation: str, path: Path, position: int | None = None) -> Element:
    change = etree.Element("change", operation=operation, path=paths.render(path))
    if position is not None:
        change.set("position", str(position))
    return change


def _delete(path: Path) -> Element:
    return _change("delete", path)


def _delete_comment(parent: Path, position: int) -> Element:
    return _change("delete", (*parent, (paths.COMMENT, None)), position)


def _move(path: Path, position: int) -> Element:
    return _change("move", path, position)


def _create(parent: Path, position: int, child: Element) -> Element:
    change = _change("create", parent, position)
    copy = deepcopy(child)
    copy.tail = None
    change.append(copy)
    return change


def attributes_of(element: Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


def _attribute_changes(old: Element, new: Element, path: Path) -> list[Element]:
    before, after = attributes_of(old), attributes_of(new)
    if before == after:
        return []
    change = _change("modify", path)
    listing = etree.SubElement(change, "change-list")
    for name in before:
        if name not in after:
            etree.SubElement(listing, "change-attr", name=name, operation="unset")
    for name, value in after.items():
        if before.get(name) != value:
            etree.SubElement(listing, "change-attr", name=name, operation="set", value=value)
    etree.SubElement(etree.SubElement(change, "change-result"), str(new.tag), after)
    return [change]


def apply(root: Element, changes: Iterable[Element]) -> set[Path]:
    """Carry the changes out on the tree itself; the answer names the elements that were touched.

    Raises CibError (bad-patch, patch-mismatch); the tree may then be changed in part, so work on a copy.
    """
    placed: list[tuple[int, Element, Element]] = []
    touched: set[Path] = set()
    for change in changes:
        operation = change.get("operation", "")
        path = paths.parse(change.get("path", ""))
        touched.add(path)
        if operation == "modify":
            _set_attributes(_existing(root, path), change)
        elif operation == "delete":
            _remove(_target(root, path, change))
        elif operation == "create":
            placed.append((_position(change), _existing(root, path), _created(change)))
        elif operation == "move":
            touched.add(path[:-1])
            placed.append(_detached(_existing(root, path), _position(change)))
        else:
            message = f"A patch cannot “{operation}”"
            raise CibError("bad-patch", message, change.get("path", ""), parsing.line_of(change))
    for position, parent, child in sorted(placed, key=lambda entry: entry[0]):
        parent.insert(position, child)
    return touched


def _detached(element: Element, position: int) -> tuple[int, Element, Element]:
    parent = element.getparent()
    if parent is None:
        raise CibError("bad-patch", "The root of the CIB cannot be moved")
    parent.remove(element)
    return position, parent, element


def _existing(root: Element, path: Path) -> Element:
    element = paths.find(root, path)
    if element is None:
        raise CibError(
            "patch-mismatch",
            "The patch changes an element that is not there",
            paths.render(path),
            hint="The patch was made for another CIB; take the current one and make it again",
        )
    return element


def _target(root: Element, path: Path, change: Element) -> Element | None:
    """What a delete is about; comments are addressed by their position in the parent."""
    if path[-1] != (paths.COMMENT, None):
        return paths.find(root, path)
    parent = paths.find(root, path[:-1])
    position = _position(change)
    if parent is None or position >= len(parent) or paths.is_element(parent[position]):
        return None
    return parent[position]


def _remove(element: Element | None) -> None:
    """A delete that matches nothing is ignored: what should be gone is gone."""
    parent = None if element is None else element.getparent()
    if element is not None and parent is not None:
        parent.remove(element)


def _set_attributes(element: Element, change: Element) -> None:
    result = change.find("change-result/*")
    if result is None:
        raise CibError("bad-patch", "A modify without a change-result", change.get("path", ""), parsing.line_of(change))
    element.attrib.clear()
    parsing.set_attributes(element, attributes_of(result))


def _position(change: Element) -> int:
    text = change.get("position", "")
    if not (text.isascii() and text.isdigit()):
        raise CibError("bad-patch", f"“{text}” is not a position", change.get("path", ""), parsing.line_of(change))
    return int(text)


def _created(change: Element) -> Element:
    if len(change) != 1:
        raise CibError("bad-patch", "A create must hold one element", change.get("path", ""), parsing.line_of(change))
    return deepcopy(change[0])
