"""Text output in sections, spaced as Pacemaker's tools space theirs: an empty line between one section and the next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TextIO


class SectionedOutput(Protocol):
    """What a tool tells; a quiet one keeps to what was asked for."""

    def line(self, text: str) -> None:
        """A line of its own."""

    def lines(self, texts: Iterable[str]) -> None:
        """Lines that make a section together."""

    def block(self, texts: Iterable[str]) -> None:
        """A section that is laid out already."""

    def begin(self, heading: str) -> None:
        """Start a section of items."""

    def item(self, text: str) -> None:
        """An item of the present section."""

    def section(self, heading: str, items: Iterable[str]) -> None:
        """A section with all its items."""


class SectionedText:
    """Plain text; `plain`: sections have no headings and items no bullets."""

    def __init__(self, stream: TextIO, quiet: bool, plain: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._plain = plain
        self._spaced = False

    def _write(self, text: str) -> None:
        self._stream.write(f"{text}\n")

    def _space(self) -> None:
        if self._spaced:
            self._write("")
        self._spaced = True

    def line(self, text: str) -> None:
        if not self._quiet:
            self._write(text)

    def lines(self, texts: Iterable[str]) -> None:
        if not self._quiet:
            self._space()
            for text in texts:
                self._write(text)

    def block(self, texts: Iterable[str]) -> None:
        self._space()
        for text in texts:
            self._write(text)

    def gap(self) -> None:
        """Where a quiet tool leaves a section out: only the empty line before it, and the next, remain."""
        self._space()

    def begin(self, heading: str) -> None:
        if not self._quiet:
            self._space()
            self._write(f"{heading}:")
        elif self._spaced:
            self._write("")

    def item(self, text: str) -> None:
        if not self._quiet:
            self._write(f"  * {text}")

    def section(self, heading: str, items: Iterable[str]) -> None:
        self._space()
        if self._plain:
            for text in items:
                self._write(text)
            return
        self._write(f"{heading}:")
        for text in items:
            self._write(f"  * {text}")
