"""Roles as words: reading them from a configuration, printing them. Newer and older words are understood."""

from __future__ import annotations

from crm.policy_engine.picture.cluster import Role

_ROLES = {
    "stopped": Role.STOPPED,
    "started": Role.STARTED,
    "unpromoted": Role.UNPROMOTED,
    "slave": Role.UNPROMOTED,
    "promoted": Role.PROMOTED,
    "master": Role.PROMOTED,
}
_TEXTS = {
    Role.UNKNOWN: "Unknown",
    Role.STOPPED: "Stopped",
    Role.STARTED: "Started",
    Role.UNPROMOTED: "Unpromoted",
    Role.PROMOTED: "Promoted",
}


def parse_role(text: str | None) -> Role:
    """The role that a word names in either case, UNKNOWN for any other."""
    return _ROLES.get(text.lower(), Role.UNKNOWN) if text else Role.UNKNOWN


def role_text(role: Role) -> str:
    """The word that status displays use."""
    return _TEXTS[role]
