"""Reports: what is wrong with a configuration or an input, said so that its author can mend it.

Bad configuration never stops planning: it yields reports, and the rest goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Report:
    """One finding: a stable `code` (kebab-case), what it is about (`where`: an element id), a sentence, and a hint."""

    severity: Severity
    code: str
    where: str
    message: str
    hint: str = ""
    line: int | None = None
