"""XPath of clients, evaluated so that it can be ended: nobody's expression holds the event loop.

An expression that takes one pass (`crm.cib.expressions.is_plain`) is evaluated at once. Any other is evaluated by a
process of its own, at a low priority, that the kernel ends after a second of work; one at a time, and few of each user.
What such an expression selects is then named by paths, so that neither this node nor the DC evaluates it again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from lxml import etree

from crm.api.auth.authentication import principal
from crm.api.middleware.problems import ProblemError
from crm.api.queries.off_loop import beside
from crm.cib import expressions, paths, selection
from crm.cib.changes import Batch, Change, Edit, EditVerb
from crm.cib.document import Document
from crm.cib.edits import verbs
from crm.cib.errors import CibError
from crm.cib.parsing import Element

WORKER = Path(__file__).with_name("xpath_worker.py")
WORK_LIMIT_S = 1
"""Of processor time; `xpath_worker` asks the kernel for it."""
ANSWER_LIMIT_S = 10.0

MOST_OF_A_USER = 4

_asking: Counter[str] = Counter()


async def selected(document: Document, section: str | None, xpath: str | None) -> list[Element]:
    """As `crm.cib.selection.selected`. Raises CibError as well for an expression that asks for too much work."""
    if xpath is not None and not _checked(xpath):
        return selection.found(xpath, await _elsewhere(document, xpath))
    return selection.selected(document, section, xpath)


async def with_paths(document: Document, change: Change) -> Change:
    """The same change of that document, in which every expression takes one pass. Raises CibError."""
    if isinstance(change, Edit):
        return await _edit_with_paths(document, change)
    if not isinstance(change, Batch) or all(_is_cheap(part) for part in change.changes):
        return change
    parts: list[Change] = []
    for part in change.changes:
        # An expression is about the document as the parts before it have left it.
        before = await beside(document.apply, Batch(tuple(parts))) if parts and not _is_cheap(part) else document
        parts.append(await with_paths(before, part))
    return Batch(tuple(parts))


def _is_cheap(change: Change) -> bool:
    match change:
        case Edit(xpath=str(expression)):
            return _checked(expression)
        case Batch(changes=parts):
            return all(_is_cheap(part) for part in parts)
        case _:
            return True


def _checked(expression: str) -> bool:
    """Whether it takes one pass. Raises CibError if it is not to be evaluated at all."""
    expressions.check(expression)
    return expressions.is_plain(expression)


async def _edit_with_paths(document: Document, change: Edit) -> Change:
    if _is_cheap(change):
        return change
    matches = verbs.matches(change, await _elsewhere(document, change.xpath or ""))
    if change.verb == EditVerb.DELETE:
        matches = _outermost(matches)
    # What stands further down comes first, so that no path leads through what is changed already.
    return Batch(tuple(Edit(change.verb, change.xml, xpath=_place(each)) for each in reversed(matches)))


def _outermost(elements: Sequence[Element]) -> list[Element]:
    chosen = set(elements)
    return [each for each in elements if chosen.isdisjoint(each.iterancestors())]


def _place(element: Element) -> str:
    path = paths.path_of(element)
    if not paths.is_unique(element) or not paths.can_be_written(path):
        raise CibError("not-comparable", "The XPath selects an element that looks like another one beside it",
                       paths.render(path), hint="Give it an id, or replace the element that it is in")
    return paths.render(path)


async def _elsewhere(document: Document, expression: str) -> list[Element]:
    user = principal().user
    if _asking[user] >= MOST_OF_A_USER:
        raise ProblemError("too-many-requests", f"{MOST_OF_A_USER} XPaths of {user} wait for their evaluation",
                           "Wait for their answers; an XPath of names, ids and attributes alone needs no waiting")
    _asking[user] += 1
    try:
        told = await beside(_evaluated, document, expression, lane="xpath")
    finally:
        _asking[user] -= 1
    if "error" in told:
        raise CibError("bad-xpath", f"“{expression}” is not an XPath: {told['error']}", hint="Example: //primitive")
    return await beside(_numbered, document.root, told["found"])


def _evaluated(document: Document, expression: str) -> dict[str, Any]:
    """What the worker tells about an expression. Raises CibError (bad-xpath) when it took too long."""
    asked = json.dumps(expression).encode() + b"\n" + etree.tostring(document.root)
    try:
        done = subprocess.run([sys.executable, "-I", str(WORKER), str(WORK_LIMIT_S)], input=asked, capture_output=True,
                              timeout=ANSWER_LIMIT_S, check=True)
        told: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        raise CibError("bad-xpath", f"The XPath takes more than {WORK_LIMIT_S} s to evaluate, so it was given up",
                       hint="Narrow it down: search (//) once, and compare attributes only") from None
    return told


def _numbered(root: Element, numbers: Sequence[int]) -> list[Element]:
    """The nodes of the tree with these numbers in document order.

    It looks for no name, so it may walk the tree of another thread (see `crm.cib.document`).
    """
    wanted = set(numbers)
    most = max(wanted, default=-1) + 1
    return [node for number, node in enumerate(islice(root.iter(), most)) if number in wanted]
