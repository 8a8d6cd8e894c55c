"""Clocks of nodes differ: what a node says of times is brought to the leader's clock before it is recorded.

Failures expire, and rules hold, by the leader's clock; a node that is an hour ahead would keep its failures an hour.
Small differences are left alone: they are the time that a message takes.
"""

from __future__ import annotations

from dataclasses import replace

from crm.cib.document import Document
from crm.cib.queries import recorded_nodes, transient_attributes
from crm.cib.status_updates import ResourceUpdate, StatusUpdate, TransientAttributeUpdate
from crm.controller.protocol.keys import LAST_FAILURE

TOLERATED_S = 2.0
_TIMES = ("last-rc-change", "last-run")


def ahead_s(theirs: float, ours: float) -> int:
    """By how many seconds a node's clock is ahead of the leader's; 0 for a tolerable difference."""
    difference = theirs - ours
    return round(difference) if theirs and abs(difference) > TOLERATED_S else 0


def by_leaders_clock(record: ResourceUpdate, ahead: int) -> ResourceUpdate:
    """The record with its times brought to the leader's clock."""
    if not ahead:
        return record
    entries = {name: {key: _moved(value, ahead) if key in _TIMES else value for key, value in attributes.items()}
               for name, attributes in record.entries.items()}
    return replace(record, entries=entries)


def failures_to_come(document: Document, now: float) -> list[StatusUpdate]:
    """What a new leader notes of failures that lie ahead of its clock: its predecessor's was ahead; they are now."""
    return [TransientAttributeUpdate(node_id, name, str(int(now)))
            for node_id in recorded_nodes(document)
            for name, value in transient_attributes(document, node_id).items()
            if name.startswith(LAST_FAILURE) and (_whole(value) or 0) > now + TOLERATED_S]


def not_to_come(text: str, now: float) -> str:
    """A moment that a node tells by the clock of a former leader; one that lies ahead of this leader's clock is now."""
    moment = _whole(text)
    return str(int(now)) if moment is not None and moment > now + TOLERATED_S else text


def _moved(text: str, ahead: int) -> str:
    number = _whole(text)
    return text if number is None else str(number - ahead)


def _whole(text: str) -> int | None:
    """The integer that a text is, None if it is none; a peer or a client may have written anything."""
    try:
        return int(text)
    except ValueError:
        return None
