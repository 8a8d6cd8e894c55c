"""Who changed the configuration last, when, with what, at which node: attributes of the CIB's root.

Names and meaning as in Pacemaker ("cib-last-written" and its neighbours), whose tools show them. They are written by
the leader with the change itself, so they are no change of their own; what a client sends for them is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from crm.cib.parsing import Element

WRITTEN, ORIGIN, CLIENT, USER = "cib-last-written", "update-origin", "update-client", "update-user"
NAMES = (WRITTEN, ORIGIN, CLIENT, USER)
OWN_USER, OWN_CLIENT = "hacluster", "crmd"
"""What stands for changes that the cluster makes of itself."""

Stamp = Mapping[str, str]


def stamp(at: str, origin: str, client: str, user: str) -> Stamp:
    """The attributes for a change; empty texts for what is not known."""
    return {WRITTEN: at, ORIGIN: origin, CLIENT: client, USER: user}


def put(root: Element, told: Stamp) -> None:
    """Write a stamp; what it does not know is removed."""
    for name in NAMES:
        if told.get(name):
            root.set(name, told[name])
        elif name in root.attrib:
            del root.attrib[name]


def carry(present: Element, given: Element) -> None:
    """A CIB from outside gets the stamp of the present one."""
    put(given, {name: present.get(name, "") for name in NAMES})


def utc_text(at: float) -> str:
    """A moment (epoch seconds) as C's `ctime` writes it, in UTC."""
    return datetime.fromtimestamp(at, UTC).ctime()
