"""What is wrong with other nodes, as they say themselves: a full disk, a wrong clock, a name that does not resolve.

Whoever looks at one node's status is to see it, too. Each daemon tells the others whenever its own findings or the
members change, and tells anew whom it has not reached. A release that does not know this topic says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from crm.daemon.errors import RequestRefused
from crm.daemon.peer_queries import PeerQueries
from crm.model.report import Report, Severity

TOPIC = "reports"
LOOK_EVERY_S = 2.0
MOST_REPORTS = 50
_MOST_TEXT = 2_000


class PeerReports:
    """One node's side. `own` are its findings about itself; `incarnations` of the members, by name."""

    def __init__(self, peers: PeerQueries, own: Callable[[], tuple[Report, ...]],
                 incarnations: Callable[[], dict[str, str]]) -> None:
        self._peers = peers
        self._own = own
        self._incarnations = incarnations
        self._told: dict[str, tuple[str, tuple[Report, ...]]] = {}
        """To each member: its incarnation, and what it was told last."""
        self._heard: dict[str, tuple[str, tuple[Report, ...]]] = {}
        peers.offer(TOPIC, self._take)

    def reports(self) -> tuple[Report, ...]:
        """What those who are here have said of themselves, each with the name of its node."""
        here = self._incarnations()
        return tuple(report for name, (incarnation, told) in sorted(self._heard.items())
                     if here.get(name) == incarnation for report in told)

    async def work(self) -> None:
        """Tell whoever does not know yet, for ever."""
        while True:
            await self.tell()
            await asyncio.sleep(LOOK_EVERY_S)

    async def tell(self) -> None:
        """Tell all who do not know yet; who does not answer is told at the next look."""
        own, here = self._own()[:MOST_REPORTS], self._incarnations()
        nothing: tuple[Report, ...] = ()
        waiting = [name for name, incarnation in here.items() if name != self._peers.name
                   and self._told.get(name, (incarnation, nothing)) != (incarnation, own)]
        for name in waiting:
            with contextlib.suppress(RequestRefused):
                await self._peers.ask(name, TOPIC, {"from": self._peers.name, "reports": [asdict(one) for one in own]})
                self._told[name] = here[name], own

    async def _take(self, about: Any) -> str:
        try:
            name = str(about["from"])
            told = tuple(_report(name, each) for each in about["reports"][:MOST_REPORTS])
        except (KeyError, TypeError, ValueError) as error:
            raise RequestRefused("bad-request", f"these are no reports: {error}") from None
        incarnation = self._incarnations().get(name)
        if incarnation is not None:
            self._heard[name] = incarnation, told
        return "taken"


def _report(name: str, told: Any) -> Report:
    code, where, message, hint = (str(told[field])[:_MOST_TEXT] for field in ("code", "where", "message", "hint"))
    return Report(Severity(told["severity"]), code, where if where == name else f"{name}: {where}", message, hint)
