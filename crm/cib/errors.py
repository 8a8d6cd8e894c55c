"""The one exception of this package: a CIB, a change or a patch that cannot be taken, said so that it can be mended."""

from __future__ import annotations


class CibError(Exception):
    """What is wrong (`message`), where (`where`: an element, id or file; `line` counts from 1), what to do (`hint`).

    `code` is stable and kebab-case: programs branch on it, people read the rest.
    """

    def __init__(self, code: str, message: str, where: str = "", line: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.line = line
        self.hint = hint

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.where, f"line {self.line}" if self.line else "") if part)
        text = f"{self.message} ({place})" if place else self.message
        return f"{text}. {self.hint}" if self.hint else text
