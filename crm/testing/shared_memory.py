"""What nodes of one simulated cluster share, because it is the same and nobody writes to it: messages and documents.

Only a matter of speed: nobody can tell whether a document that nobody changes is his own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from crm.cib.document import Document
from crm.controller.protocol.codec import decode
from crm.controller.protocol.messages import Message
from crm.controller.replication.replication import Documents

_KEPT = 256
_CHECKED_EVERY = 16
Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


class Memory(Generic[Key, Made]):
    """The last results of a pure function."""

    def __init__(self) -> None:
        self._made: OrderedDict[Key, Made] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Made]) -> Made:
        """The result for that key, made if it is not remembered."""
        if key not in self._made:
            self._made[key] = make()
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return self._made[key]


class SharedDocuments(Documents):
    """Followers get the leader's very document. Documents are told apart by identity: remembering one keeps it alive.

    What is sent is written all the same, and some of it read, so that a patch that does not lead there is found out.
    """

    def __init__(self) -> None:
        self._wholes: Memory[str, Document] = Memory()
        self._next: Memory[tuple[Document, str], Document] = Memory()
        self._kept: Memory[Document, Document] = Memory()
        self._steps = 0

    def text(self, document: Document) -> str:
        text = super().text(document)
        self._wholes.get(text, lambda: document)
        return text

    def whole(self, text: str) -> Document:
        return self._wholes.get(text, lambda: super(SharedDocuments, self).whole(text))

    def step(self, former: Document, document: Document) -> str:
        step = super().step(former, document)
        self._next.get((former, step), lambda: document)
        self._steps += 1
        if self._steps % _CHECKED_EVERY == 0:
            assert super().next(former, step).digest() == document.digest(), f"this patch leads elsewhere: {step}"
        return step

    def next(self, document: Document, step: str) -> Document:
        return self._next.get((document, step), lambda: super(SharedDocuments, self).next(document, step))

    def without_status(self, document: Document) -> Document:
        """What a disk keeps of it."""
        return self._kept.get(document, document.without_status)


class SharedMessages:
    """Messages that went to several nodes, read once."""

    def __init__(self) -> None:
        self._read: Memory[bytes, tuple[Message, int]] = Memory()

    def decode(self, raw: bytes) -> tuple[Message, int]:
        """The message in those bytes, and its number."""
        return self._read.get(raw, lambda: decode(raw))
