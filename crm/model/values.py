"""How words of a CIB become numbers, truth values and times. Pure text in, value out; nothing here knows an element.

Sources: Pacemaker Explained, "Local options" (boolean words, time units, ISO 8601 durations), "Roles".
"""

from __future__ import annotations

import re
from functools import lru_cache

_TRUE = frozenset({"true", "on", "yes", "y", "1"})
_FALSE = frozenset({"false", "off", "no", "n", "0"})
_LEADING_INTEGER = re.compile(r"\s*([+-]?\d{1,30})")
"""Of more digits the first ones are as good: nothing is counted so far, and Python does not read thousands of them."""
_TIME = re.compile(r"\s*([+-]?\d+)[\d.]*\s*(.*)$", re.DOTALL)
_DURATION = re.compile(r"P(?=[^T]|T.)(?P<date>(?:\d+[YMWDHS])*)(?:T(?P<time>(?:\d+[HMS])+))?$")
_DURATION_PART = re.compile(r"(\d+)(\w)")
_DATE_SECONDS = {"Y": 365 * 86400, "M": 30 * 86400, "W": 7 * 86400, "D": 86400, "H": 3600, "S": 1}
_TIME_SECONDS = {"H": 3600, "M": 60, "S": 1}
_MILLISECONDS: dict[str, tuple[int, int]] = {
    "us": (1, 1000),
    "usec": (1, 1000),
    "ms": (1, 1),
    "msec": (1, 1),
    "s": (1000, 1),
    "sec": (1000, 1),
    "": (1000, 1),
    "m": (60_000, 1),
    "min": (60_000, 1),
    "h": (3_600_000, 1),
    "hr": (3_600_000, 1),
}
_LONGEST_MS = 0xFFFFFFFF


def parse_bool(text: str | None) -> bool | None:
    """The truth value that `text` names, or None when it names none."""
    if text is None:
        return None
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    return False if lowered in _FALSE else None


def is_true(text: str | None) -> bool:
    """Whether `text` says yes; anything else, nothing included, is no."""
    return text is not None and text.lower() in _TRUE


def parse_integer(text: str | None) -> int | None:
    """The integer at the start of `text` (what follows it is ignored), None when there is none."""
    if text is None:
        return None
    found = _LEADING_INTEGER.match(text)
    return int(found.group(1)) if found else None


@lru_cache(maxsize=4096)  # A cluster has few different times, and asks for them over and over.
def parse_time_ms(text: str | None) -> int | None:
    """Milliseconds of a number with an optional unit (seconds if none); None when it is not a time. May be negative."""
    if text is None:
        return None
    found = _TIME.match(text)
    if not found:
        return None
    unit = _MILLISECONDS.get(found.group(2).strip().lower())
    if unit is None:
        return None
    value = abs(int(found.group(1))) * unit[0] // unit[1]
    return -value if found.group(1).startswith("-") else value


def parse_duration_seconds(text: str) -> int | None:
    """Seconds of an ISO 8601 duration (`P1DT2H`), a year taken as 365 days and a month as 30; None if it is not one.

    The `T` may be missing before hours and seconds (`P30S`), as Pacemaker has it.
    """
    found = _DURATION.match(text)
    if not found:
        return None
    parts = ((found["date"] or "", _DATE_SECONDS), (found["time"] or "", _TIME_SECONDS))
    return sum(int(amount) * units[unit] for part, units in parts for amount, unit in _DURATION_PART.findall(part))


def parse_interval_ms(text: str | None) -> int | None:
    """Milliseconds of an interval: a time or an ISO 8601 duration; 0 for nothing, None for what is not an interval."""
    if text is None:
        return 0
    if text.startswith("P"):
        seconds = parse_duration_seconds(text)
        return None if seconds is None else min(seconds * 1000, _LONGEST_MS)
    value = parse_time_ms(text)
    if value is None or value < 0:
        return None
    return min(value, _LONGEST_MS)


def interval_ms(text: str | None) -> int:
    """Like `parse_interval_ms`, with 0 for what is not an interval."""
    return parse_interval_ms(text) or 0
