"""A tree for each thread that reads it: threads may share documents, but not trees.

libxml2 keeps the names of all trees that a thread makes in one table of that thread, without a lock, and lxml lets go
of the interpreter's lock while it parses and copies. Whoever looks for a name in another thread's tree at such a moment
may not find elements that are there (a status without nodes: everybody would be fenced), or end the process.

The one place of the pure core that knows of threads: only here can it be seen which one asks.
"""

from __future__ import annotations

import threading
from copy import deepcopy

from lxml import etree

from crm.cib.parsing import Element

_thread = threading.local()


class Trees:
    """One tree that never changes, as each thread may read it."""

    __slots__ = ("_copies", "_maker", "_root")

    def __init__(self, root: Element) -> None:
        """Takes over a tree that this thread has made."""
        self._root = root
        self._maker = threading.get_ident()
        self._copies: dict[int, Element] = {}

    @property
    def shared(self) -> Element:
        """The tree of the thread that made it, for whoever only follows it or writes it out: that looks up no name."""
        return self._root

    def here(self) -> Element:
        """The tree of the thread that asks, the same one each time."""
        thread = threading.get_ident()
        return self._root if thread == self._maker else self._copy_for(thread)

    def _copy_for(self, thread: int) -> Element:
        found = self._copies.get(thread)
        if found is None:
            _have_own_names()
            # Nothing is looked up in the other tree: copying only follows it.
            found = self._copies[thread] = deepcopy(self._root)
        return found


def _have_own_names() -> None:
    """A thread gets its own table with the first text that it parses, else it looks into that of the first thread."""
    if not hasattr(_thread, "has_names"):
        etree.fromstring(b"<names/>")
        _thread.has_names = True
