"""The border between what commands say and the terminal that it is said to.

Names, parameters and reasons come from whoever configured them, and a terminal obeys control characters and lets others
change the order of the text around them. Within `fit_output` nothing of that gets out, whichever command prints it, to
a terminal or through a pipe to one: text has escapes in its place (`\\u202e`, which JSON reads back), documents have
character references (XML and HTML read them back). What commands themselves have a terminal do goes by `steer`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TextIO, cast

P = ParamSpec("P")


class FitStream:
    """A stream that lets through what a terminal may be shown."""

    def __init__(self, stream: TextIO) -> None:
        self.unfitted = stream

    def write(self, text: str) -> int:
        """As that of any text stream."""
        self.unfitted.write(text if _is_harmless(text) else _escaped(text))
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        """As that of any text stream."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unfitted, name)


@contextmanager
def fit_output() -> Iterator[None]:
    """What is printed meanwhile is fit to be shown."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, FitStream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def fitted(command: Callable[P, int]) -> Callable[P, int]:
    """The command, with output that is fit to be shown."""

    @wraps(command)
    def run(*arguments: P.args, **named: P.kwargs) -> int:
        with fit_output():
            return command(*arguments, **named)

    return run


def steer(stream: TextIO, sequence: str) -> None:
    """Have the terminal do what a command wants done."""
    getattr(stream, "unfitted", stream).write(sequence)


def document(text: str) -> str:
    """XML or HTML that says the same, and is fit to be shown."""
    if _is_harmless(text):
        return text
    from crm.model.text import referenced

    return referenced(text)


def _is_harmless(text: str) -> bool:
    """Whether it is so plain that it needs no closer look (nor the time to load what looks)."""
    return text.isascii() and text.replace("\n", "").isprintable()


def _escaped(text: str) -> str:
    from crm.model.text import escaped_for_terminal

    return escaped_for_terminal(text)
