"""The lists of tokens in the cluster's options: which were made, and which were taken back before their time.

They outlive whatever is done to the configuration around them: an earlier configuration, restored from a backup or by
an undo, takes no revocation back, and hides no token that is good. The API sees to it so that plans show it; the leader
does, because a revocation may have come while a change was on its way.
"""

from __future__ import annotations

from crm.cib.changes import Batch, Change, Edit
from crm.cib.document import Document
from crm.cib.edits import cluster
from crm.cib.stamp import Stamp

REVOKED = "crmd-revoked-tokens"
ISSUED = "crmd-issued-tokens"


ID_LENGTH = 22
"""An id of that length begins with the moment (ten hexadecimal digits, epoch seconds) at which its token ends."""


def still_counts(identity: str, now: float) -> bool:
    """Whether it still matters that this id was revoked; those of certificates always do."""
    return len(identity) != ID_LENGTH or int(identity[:10], 16) > now


def revoked_tokens(document: Document) -> list[str]:
    """The ids of tokens and certificates that were taken back before their time."""
    return words_of(document, REVOKED)


def words_of(document: Document, option: str) -> list[str]:
    """The words of a cluster option that holds a list."""
    pairs = document.root.iterfind("configuration/crm_config/cluster_property_set/nvpair")
    return next(((pair.get("value") or "").split() for pair in pairs if pair.get("name") == option), [])


def counting(document: Document, option: str, now: float) -> list[str]:
    """The words of a list that have not ended by themselves by `now` (epoch seconds)."""
    return [word for word in words_of(document, option) if still_counts(word.partition(":")[0], now)]


def what_brings_back(present: Document, after: Document, now: float) -> tuple[Edit, ...]:
    """What is to be done to `after`, which somebody makes of `present`, so that the lists have lost nothing."""
    edits = []
    for option in (REVOKED, ISSUED):
        words = words_of(after, option)
        lost = [word for word in counting(present, option, now) if word not in words]
        edit = cluster.option(after, option, " ".join([*lost, *words])) if lost else None
        edits += [edit] if edit is not None else []
    return tuple(edits)


def with_lists(present: Document, change: Change, now: float, stamp: Stamp | None = None) -> Document:
    """The CIB after a change that takes nothing from the lists, whatever it says. Raises CibError."""
    after = present.apply(change, stamp)
    edits = what_brings_back(present, after, now)
    return present.apply(Batch((change, *edits)), stamp) if edits else after
