"""Where an element stands, said so that it can be found again in another copy of the tree.

A path is a tuple of steps from the root, each an element's name and its `id`, if it has one. Written as Pacemaker's
patches write it: `/cib/configuration/resources/primitive[@id='web']`. Not XPath in general: names and ids only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from crm.cib.errors import CibError
from crm.cib.parsing import Element

Step: TypeAlias = tuple[str, str | None]
Path: TypeAlias = tuple[Step, ...]

COMMENT = "comment"
_STEP = re.compile(r"""/([^/\[\]]+)(?:\[@id=(?:'([^']*)'|"([^"]*)")\])?""")


def is_element(node: Element) -> bool:
    """Whether a node of the tree is an element, not a comment."""
    return isinstance(node.tag, str)


def step_of(element: Element) -> Step:
    """Name and id; the root is never told by its id."""
    return (str(element.tag), None if element.getparent() is None else element.get("id"))


def path_of(element: Element) -> Path:
    """The path of an element. It may fit several siblings; `is_unique` tells."""
    steps = [step_of(element)]
    steps.extend(step_of(ancestor) for ancestor in element.iterancestors())
    return tuple(reversed(steps))


def is_unique(element: Element) -> bool:
    """Whether no sibling on the way to the root has the same name and id."""
    node: Element | None = element
    while node is not None:
        parent = node.getparent()
        if parent is not None and sum(1 for _ in _candidates(parent, step_of(node))) > 1:
            return False
        node = parent
    return True


def matching_children(parent: Element, step: Step) -> Iterator[Element]:
    name, identity = step
    return (child for child in parent.iterchildren(name) if child.get("id") == identity)


def find(root: Element, path: Path) -> Element | None:
    """The first element at `path`, None if there is none."""
    if not path or root.tag != path[0][0]:
        return None
    node = root
    for step in path[1:]:
        child = next(_candidates(node, step), None)
        if child is None:
            return None
        node = child
    return node


def _candidates(parent: Element, step: Step) -> Iterator[Element]:
    """A step without an id fits any id, as in XPath."""
    return parent.iterchildren(step[0]) if step[1] is None else matching_children(parent, step)


def render(path: Path) -> str:
    return "".join(f"/{name}" + _predicate(identity) for name, identity in path)


def _predicate(identity: str | None) -> str:
    if identity is None:
        return ""
    quote = '"' if "'" in identity else "'"
    return f"[@id={quote}{identity}{quote}]"


def can_be_written(path: Path) -> bool:
    """An id that holds both kinds of quotation marks has no place in a path."""
    return not any(identity and "'" in identity and '"' in identity for _, identity in path)


def parse(text: str) -> Path:
    """Read what `render` writes; anything else of XPath is refused (CibError bad-path)."""
    steps: list[Step] = []
    end = 0
    for match in _STEP.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        single, double = match.group(2), match.group(3)
        steps.append((match.group(1), single if single is not None else double))
    if end != len(text) or not steps:
        message = f"“{text}” is not a path of element names and ids"
        raise CibError("bad-path", message, hint="Example: /cib/configuration")
    return tuple(steps)


def without_descendants(paths: Iterable[Path]) -> list[Path]:
    """The given paths, leaving out those that lie beneath another of them."""
    kept: set[Path] = set()
    for path in sorted(set(paths), key=len):
        if not any(path[:length] in kept for length in range(1, len(path) + 1)):
            kept.add(path)
    return sorted(kept, key=render)
