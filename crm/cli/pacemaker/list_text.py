"""How lists look in text output, and what a display may show or leave out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Show:
    """What to show besides the plain state."""

    inactive: bool = True
    pending: bool = False
    clone_details: bool = False
    implicit: bool = False
    node_ids: bool = False
    brief: bool = False


def block(heading: str, lines: Iterable[str]) -> list[str]:
    """A list item with items below it."""
    return [f"* {heading}:", *(f"  {line}" for line in lines)]
