"""What a token is good for: four scopes, each of which includes those before it, and which of them a request needs.

    monitor   health and metrics
    read      everything that can be read
    operate   what keeps services running: standby, move, start and stop, clean up, attributes, tickets
    write     everything, also the configuration, fencing, tokens

A route that nobody has thought of here needs `read` if it only asks, and `write` otherwise. What a user may do within a
scope is for the access control lists.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Scope(StrEnum):
    """In rising order; compare with `covers`."""

    MONITOR = "monitor"
    READ = "read"
    OPERATE = "operate"
    WRITE = "write"

    def covers(self, needed: Scope) -> bool:
        """Whether a token of this scope is good for what needs the other."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


READING = ("GET", "HEAD", "OPTIONS")

_NAME = "[^/]+"
_VERBS_ON_THINGS = rf"/v1/(nodes|resources|tickets)/{_NAME}/(?!fence$){_NAME}"
_TABLE: tuple[tuple[tuple[str, ...], re.Pattern[str], Scope], ...] = (
    (READING, re.compile(r"/metrics|/v1/health(/.*)?"), Scope.MONITOR),
    (READING, re.compile(r".*"), Scope.READ),
    (("POST",), re.compile(r"/v1/simulate|/v1/tasks/(wait|follow)"), Scope.READ),
    (("POST",), re.compile(r"/v1/cluster/cleanup"), Scope.OPERATE),
    (("POST",), re.compile(_VERBS_ON_THINGS), Scope.OPERATE),
    (("PUT", "DELETE"), re.compile(rf"/v1/nodes/{_NAME}/attributes/{_NAME}"), Scope.OPERATE),
    (("PATCH",), re.compile(rf"/v1/tickets/{_NAME}"), Scope.OPERATE),
    (("DELETE",), re.compile(rf"/v1/tasks/{_NAME}"), Scope.OPERATE),
)


def needed(method: str, path: str) -> Scope:
    """The scope that a request needs."""
    for methods, pattern, scope in _TABLE:
        if method in methods and pattern.fullmatch(path):
            return scope
    return Scope.WRITE
