"""What a release of crmd understands, and whether a node of one release may join a cluster of another.

Source: Pacemaker Administration, "Pacemaker Versioning" and "Rolling (node by node)". The *feature set* X.Y.Z is the
version of what nodes say to each other. Nodes of different X never work together. A node of a greater Y may join, so
that a cluster can be upgraded node by node; one of a smaller Y than the cluster's may not. Z rises with each message or
field that older nodes may let go by. The *schema* is the version of the CIB's vocabulary (`validate-with`). When the
cluster's feature set rises is decided in `crm.controller.protocol.releases`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FEATURE_SET = "3.20.6"
NEWEST_SCHEMA = "pacemaker-4.0"
_SCHEMA = re.compile(r"pacemaker-(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Release:
    """What a node says of itself: its feature set, and the newest schema that it knows."""

    feature_set: str
    schema: str


THIS = Release(FEATURE_SET, NEWEST_SCHEMA)
UNTOLD = Release("3.20.1", "pacemaker-4.0")
"""Of nodes that say nothing: the releases before nodes said it."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a node cannot join: a stable code, what is the matter, what to do."""

    code: str
    message: str
    hint: str


def numbers(feature_set: str) -> tuple[int, ...]:
    """A feature set to compare with others; what is not a number counts as 0."""
    return tuple(int(part) if part.isdecimal() else 0 for part in feature_set.split("."))


def schema_numbers(schema: str | None) -> tuple[int, int]:
    """A schema's version to compare with others; (0, 0) for names without one, such as `none`."""
    found = _SCHEMA.fullmatch(schema or "")
    return (int(found[1]), int(found[2])) if found else (0, 0)


def objection(joining: Release, feature_set: str, schema: str | None) -> Objection | None:
    """Why a node of the release `joining` cannot join a cluster of that feature set and schema; None if it can."""
    ours, theirs = numbers(feature_set)[:2], numbers(joining.feature_set)[:2]
    if ours[:1] != theirs[:1]:
        return Objection("incompatible-release", f"its feature set is {joining.feature_set} and the cluster's is "
                         f"{feature_set}: releases whose first numbers differ do not work together",
                         "stop crmd on all nodes, install the same release everywhere, then start them")
    if theirs < ours:
        return Objection("release-too-old", f"its feature set is {joining.feature_set} and the cluster's is already "
                         f"{feature_set}", "install the release that the other nodes run, then start crmd again")
    if schema_numbers(joining.schema) < schema_numbers(schema):
        return Objection("release-too-old", f"it knows CIBs up to {joining.schema} and the cluster's is of {schema}",
                         "install the release that the other nodes run, then start crmd again")
    return None
