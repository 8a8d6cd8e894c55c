"""This node's lease: renewed as long as the event loop turns and the view is quorate and not in doubt.

What happens when it is not: `crm.keeper`. Without a supervisor there is no keeper, and no lease.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from crm.cib.document import Document
from crm.cib.queries import has_ruled_meta_attributes
from crm.controller.leadership.lease_terms import LeaseTerms
from crm.executor.stop_orders import StopOrders
from crm.keeper import LEASE
from crm.keeper.deadlines import RENEW_S
from crm.keeper.keeper import beat, register
from crm.keeper.lease_file import Lease, LeaseFile, now_ns
from crm.keeper.lease_rules import LEAVING, next_lease
from crm.messaging import LayerSettings
from crm.model.report import Report, Severity
from crm.policy_engine.picture.managed import unmanaged

log = logging.getLogger("crm.daemon")

ORDERS = "orders"
_KEEPER_SILENT_S = 10.0
_REVIEW_NS = 5_000_000_000
_RESERVE_MS = 1_000
"""Of the time that others wait: for the last stop of what had to be ended by force."""


def lease_folder() -> Path | None:
    """Where the lease is, if this daemon has a keeper."""
    given = os.environ.pop(LEASE, None)
    return Path(given) if given else None


def margin_ms(settings: LayerSettings) -> int:
    """How long after its loss this node may renew its lease, for all it knows, and what is kept in reserve."""
    return settings.failure_limit_ms + 2 * settings.heartbeat_ms + _RESERVE_MS


class LeaseHolder:
    """Renews. `terms`: what the controller says now; `in_doubt`: whether nobody knows if the view holds."""

    def __init__(self, folder: Path, orders: StopOrders, node: str, terms: Callable[[], LeaseTerms],
                 in_doubt: Callable[[], bool], document: Callable[[], Document],
                 clock: Callable[[], int] = now_ns) -> None:
        self._folder = folder
        self._record = LeaseFile(folder)
        self._orders = orders
        self._node = node
        self._terms = terms
        self._in_doubt = in_doubt
        self._document = document
        orders.required = lambda: terms().limit_ms > 0
        self._clock = clock
        self._over = False
        self._reviewed: tuple[int, ...] = ()
        self._reviewed_at = 0
        self._reviewed_document: Document | None = None
        self._reviewing: asyncio.Task[None] | None = None

    async def work(self) -> None:
        """Renew again and again, until cancelled."""
        while True:
            self.renew()
            self._review()
            await asyncio.sleep(RENEW_S)

    def renew(self) -> None:
        """Say how things are. A lease that has run out stays so: the keeper is about to end this daemon."""
        # Taken first: a pause between here and the writing makes the lease older, never younger.
        now = self._clock()
        if self._over:
            return
        if not self._record.is_there():
            self._begin_anew()
        lease = self._record.read()
        said = next_lease(lease, self._terms(), self._in_doubt(), now)
        if said is not None:
            self._record.write(replace(said, daemon=os.getpid()))

    def let_go(self) -> None:
        """The cluster has let this node go: nobody has to stop anything, unless something is left."""
        self._over = True
        if self._orders.any():
            log.warning("not everything has stopped: the keeper sees to it")
        elif self._record.read().state in LEAVING:
            self._record.write(Lease())

    def reports(self) -> tuple[Report, ...]:
        """What keeps this node's lease from being kept."""
        found = []
        seen_s = (self._clock() - beat(self._folder)[1]) / 1e9
        if seen_s > _KEEPER_SILENT_S:
            found.append(Report(Severity.ERROR, "no-keeper", self._node, "No keeper looks at the lease of this node: "
                                "what runs here is not stopped when the daemon hangs, and others may start it, too",
                                "See the log of crmd; one is started again and again. Until then have fencing"))
        missing = self._orders.missing()
        if missing:
            found.append(Report(Severity.ERROR, "no-stop-order", self._node, f"How to stop {', '.join(missing)} could "
                                f"not be written to {self._folder}: it is not stopped when the daemon hangs. Nothing "
                                "else is started here",
                                "Make room there; it is tried again with every operation"))
        return tuple(found)

    def _begin_anew(self) -> None:
        """Somebody has emptied the folder."""
        try:
            fresh = LeaseFile(self._folder)
            register(self._folder)
        except OSError as error:
            log.warning("the lease in %s cannot be begun anew: %s", self._folder, error)
            return
        log.warning("%s was emptied; the lease is begun anew", self._folder)
        self._record.close()
        self._record, self._reviewed = fresh, ()
        self._orders.write_all()

    def _review(self) -> None:
        """Have the keeper know what is not managed: when the configuration has changed, and where that is a matter of
        rules, which look at the time and at attributes, again and again."""
        document = self._document()
        version = tuple(document.version[:2])
        # A leader's CIB may be another one of the same version as ours.
        changed = document is not self._reviewed_document or has_ruled_meta_attributes(document)
        due = self._clock() - self._reviewed_at > _REVIEW_NS and changed
        if (version != self._reviewed or due) and (self._reviewing is None or self._reviewing.done()):
            self._reviewed_at, self._reviewed_document = self._clock(), document
            self._reviewing = asyncio.get_running_loop().create_task(self._spare(document, version))

    async def _spare(self, document: Document, version: tuple[int, ...]) -> None:
        try:
            names = await asyncio.to_thread(lambda: unmanaged(document.model(), int(time.time()), self._node))
        except Exception as error:  # the same will be said when a plan is made
            log.debug("nobody can say what is managed: %s", error)
            self._reviewed = version
            return
        if self._orders.spare(names):
            self._reviewed = version
