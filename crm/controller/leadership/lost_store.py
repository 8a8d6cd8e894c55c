"""Stores that have lost something: who waits for what, and what a person can say to go on without it.

A node whose store was damaged, or is gone, does not know what it acknowledged before. It takes part in elections as a
voter that knows nothing (`Election.knows_enough`), so where too many are such nodes the view counts as one without
quorum, until those come whose stores are whole: from them the others get everything. If these never come back, a
person has to say that what is here is all that is left.
"""

from __future__ import annotations

from crm.controller.cluster_state import StoreState
from crm.controller.commands import RequestAnswered
from crm.controller.core import Core
from crm.controller.events import LossAcceptanceRequested
from crm.controller.leadership.election import Election
from crm.controller.protocol.messages import StoreLossAccepted
from crm.model.report import Report, Severity

_WHAT = {StoreState.NEW: "is empty", StoreState.LOST: "was damaged"}


class LostStore:
    """One node's view of it."""

    def __init__(self, core: Core, election: Election) -> None:
        self._core = core
        self._election = election

    def reports(self) -> tuple[Report, ...]:
        """What the cluster waits for because of lost stores; nothing if it does not."""
        if not self._waits():
            return ()
        core = self._core
        lost = ", ".join(f"that of {name} {_WHAT[store]}" for name, store in sorted(self._not_whole().items()))
        awaited = sorted(set(core.me.config.names) - set(core.view.names))
        return (Report(Severity.WARNING, "store-lost", core.me.name,
                       f"Too few stores are whole ({lost}): what is here may be older than what was acknowledged, so "
                       f"this counts as no quorum until {', '.join(awaited)} comes",
                       "Bring it back; only if it never comes back, go on with what is here: crmctl accept-loss"),)

    def requested(self, event: LossAcceptanceRequested) -> None:
        """A person says at this node that what is here is all that is left."""
        core = self._core
        if not self._waits():
            core.emit(RequestAnswered(event.request_id, code="nothing-lost",
                                      message="Nothing waits for a lost store here",
                                      hint="see what the cluster waits for: crmctl status"))
            return
        core.broadcast(StoreLossAccepted(event.by))
        self._accept(event.by or core.me.name)
        core.emit(RequestAnswered(event.request_id, core.document.version, core.hard_state.term))

    def accepted(self, sender: str, message: StoreLossAccepted) -> None:
        """Somebody has said so at another node."""
        if self._waits():
            self._accept(message.by or sender)

    def _accept(self, by: str) -> None:
        core = self._core
        if core.hard_state.store is not StoreState.WHOLE:
            core.log("warning", f"{by} accepts that what other nodes may have had is lost: the newest CIB here counts")
            core.stand(store=StoreState.WHOLE)
            core.persist(lambda: None, with_document=False)
        if core.doubted:
            core.doubt_quorum(False)
        self._election.view_changed()

    def _waits(self) -> bool:
        core = self._core
        undecided = core.leadership is None and core.view.quorate and not self._election.knows_enough()
        return core.doubted or (undecided and bool(self._not_whole()))

    def _not_whole(self) -> dict[str, StoreState]:
        return {name: hello.store for name,
                hello in self._election.hellos.items() if hello.store is not StoreState.WHOLE}
