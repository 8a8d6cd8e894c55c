"""The lists of tokens in the cluster's options: which were made, and which were taken back before their time.

They outlive whatever is done to the configuration around them: an earlier configuration, restored from a backup or by
an undo, takes no revocation back, and hides no token that is good.
"""

from __future__ import annotations

from crm.api.tokens import still_counts
from crm.cib import intents
from crm.cib.changes import Edit
from crm.cib.document import Document

REVOKED = "crmd-revoked-tokens"
ISSUED = "crmd-issued-tokens"


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
        edit = intents.option(after, option, " ".join([*lost, *words])) if lost else None
        edits += [edit] if edit is not None else []
    return tuple(edits)
