"""Names: the order of nodes, ids of clone instances, ids that may stand in XML."""

from __future__ import annotations

import re
from functools import lru_cache

_PARTS = re.compile(r"\d+|\D")
_INSTANCE = re.compile(r"(.+?):\d*$", re.DOTALL)
_NOT_IN_ID = re.compile(r"[^\w.\-]")

Key = tuple[tuple[int, int, int], ...]


@lru_cache(maxsize=65536)
def natural_key(name: str) -> Key:
    """Sorts names without regard to case, and digits in them by their number (`node2` before `node10`)."""
    return tuple(
        (ord("0"), int(part), len(part)) if part.isascii() and part.isdigit() else (ord(part.lower()[0]), 0, 0)
        for part in _PARTS.findall(name)
    )


def base_name(instance_id: str) -> str:
    """The id without a clone instance's number: `web:0` gives `web`."""
    found = _INSTANCE.match(instance_id)
    return found.group(1) if found else instance_id


def as_id(text: str) -> str:
    """The text with what cannot stand in an XML id replaced by points."""
    return _NOT_IN_ID.sub(".", text)
