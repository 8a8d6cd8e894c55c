"""What a part without quorum begins under `no-quorum-policy=freeze`: less than its plan says.

A plan lets such a part recover what runs there. Two things only seem to (Pacemaker plans to recover both; hunts found
them): on a node that booted alone, what its agent cannot tell about; and what was on its way to a node that is lost,
where it may have arrived.
"""

from __future__ import annotations

from crm.cib.document import Document
from crm.cib.record import cluster_option
from crm.controller.core import Core
from crm.model.transition import Transition
from crm.transition import without_beginnings


def careful_when_frozen(transition: Transition, core: Core, document: Document) -> Transition:
    """The transition, planned from that CIB, without the beginnings that are not this part's to make."""
    held = core.authority
    if held is None or not held.caretaker or (cluster_option(document, "no-quorum-policy") or "").lower() != "freeze":
        return transition
    if not core.in_step:
        return without_beginnings(transition)
    gone = _sent_away(document, set(core.view.names))
    return without_beginnings(transition, gone) if gone else transition


def _sent_away(document: Document, present: set[str]) -> frozenset[str]:
    """Resources that a node has sent, or tried to send, to one that is not present."""
    histories = document.root.iterfind("status/node_state/lrm/lrm_resources/lrm_resource")
    return frozenset(str(history.get("id")) for history in histories
                     for entry in history.iterfind("lrm_rsc_op[@operation='migrate_to']")
                     if entry.get("migrate_target") not in present)
