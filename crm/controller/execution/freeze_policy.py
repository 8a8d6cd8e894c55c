"""What a part without quorum begins under `no-quorum-policy=freeze`: less than its plan says.

A plan lets such a part recover and move what runs there. Not all of that is its own to do (hunts found it; the newest
Pacemaker plans the first two as well): to recover what the agent cannot tell about on a node that booted alone; to
recover what was on its way to a node that is lost, where it may have arrived; to move anything to a node that booted
into this part. The others, if they have quorum, take that node to be off: they do not fence it before they start
elsewhere what it was given here.
"""

from __future__ import annotations

from crm.cib import queries
from crm.cib.document import Document
from crm.cib.queries import cluster_option
from crm.controller.core import Core
from crm.model.transition import Transition
from crm.transition import without_moves_to, without_starts


def without_foreign_beginnings(transition: Transition, core: Core, document: Document) -> Transition:
    """The transition, planned from that CIB, without the beginnings that are not this part's to make."""
    held = core.leadership
    if held is None or not held.caretaker or (cluster_option(document, "no-quorum-policy") or "").lower() != "freeze":
        return transition
    if not core.caught_up:
        return without_starts(transition)
    gone = _sent_away(document, set(core.view.names))
    careful = without_starts(transition, gone) if gone else transition
    return without_moves_to(careful, core.unsynced_members) if core.unsynced_members else careful


def _sent_away(document: Document, present: set[str]) -> frozenset[str]:
    """Resources that a node has sent, or tried to send, to one that is not present."""
    return frozenset(each.resource for each in queries.operations(document.root, operation="migrate_to")
                     if each.attributes.get("migrate_target") not in present)
