"""Refuses bodies with characters that XML cannot hold, wherever they stand: what comes in can be stored and shown.

Paths and queries are looked at where requests come in (`crm.api.auth.authentication`); bodies that are XML are the
parser's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from fastapi.exceptions import RequestValidationError

from crm.api.middleware.limits import NOT_IN_XML

Place = tuple[str | int, ...]

_SUSPICIOUS = re.compile(rb"\\u(?:00[01]|d[89a-f]|fff[ef])|\xef\xbf[\xbe\xbf]", re.IGNORECASE)
"""How such a character looks in JSON, where others cannot stand: most bodies need no second look."""


def check(body: bytes) -> None:
    """Raises RequestValidationError that names the place and the character."""
    if body[:1] == b"<" or not _SUSPICIOUS.search(body):
        return
    try:
        told = json.loads(body)
    except ValueError:
        return  # Whoever parses it in earnest says what is wrong with it.
    for place, text in _texts(told, ("body",)):
        found = NOT_IN_XML.search(text)
        if found is not None:
            message = f"the character U+{ord(found[0]):04X} can stand in no CIB"
            raise RequestValidationError([{"loc": place, "msg": message, "type": "characters", "input": None}])


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Every string in a value of JSON, with its place; names of members count, too."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*place, number))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield place, name
            yield from _texts(item, (*place, name))
