"""Scores: whole numbers between -INFINITY and INFINITY with the field's saturating arithmetic.

A score is a plain `int` (the planner adds millions of them); the rules of its arithmetic live here and nowhere else.
Source: Pacemaker Explained, "Scores": INFINITY is 1,000,000; anything plus -INFINITY is -INFINITY, also INFINITY.
"""

from __future__ import annotations

from typing import TypeAlias

Score: TypeAlias = int

INFINITY: Score = 1_000_000
MINUS_INFINITY: Score = -INFINITY

_WORDS: dict[str, Score] = {
    "INFINITY": INFINITY,
    "+INFINITY": INFINITY,
    "-INFINITY": MINUS_INFINITY,
    "red": MINUS_INFINITY,
    "yellow": 0,
    "green": 0,
}


def add(left: Score, right: Score) -> Score:
    """The sum of two scores: -INFINITY wins over everything, then INFINITY, else the clamped sum."""
    if left <= MINUS_INFINITY or right <= MINUS_INFINITY:
        return MINUS_INFINITY
    if left >= INFINITY or right >= INFINITY:
        return INFINITY
    total = left + right
    if total >= INFINITY:
        return INFINITY
    return max(total, MINUS_INFINITY)


def clamp(value: int) -> Score:
    """The value, brought within the range of a score."""
    return max(MINUS_INFINITY, min(INFINITY, value))


def parse(text: str | None, default: Score = 0) -> Score:
    """Read a score as it stands in a CIB; what is not a score counts as `default`."""
    found = read(text) if text is not None else None
    return default if found is None else found


def read(text: str) -> Score | None:
    """A score as it stands in a CIB, None if it is not one."""
    text = text.strip()
    if text in _WORDS:
        return _WORDS[text]
    sign = text[:1] in ("+", "-")
    digits = text[1:] if sign else text
    end = 0
    while end < len(digits) and digits[end].isdecimal():
        end += 1
    if end == 0:
        return None
    return clamp(int(text[: min(end, 30) + sign]))


def render(score: Score) -> str:
    """Write a score as Pacemaker prints it."""
    if score >= INFINITY:
        return "INFINITY"
    if score <= MINUS_INFINITY:
        return "-INFINITY"
    return str(score)
