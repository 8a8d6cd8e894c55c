"""The transitions of the whole cluster: each is kept by the node that led it, and any node can be asked for it.

A transition's id is `NODE-NUMBER`, as the archive of that node counts. A number alone means one of the present DC's.
"""

from __future__ import annotations

import base64
import bz2
from collections.abc import Callable
from typing import Any

from crm.daemon.errors import RequestRefused
from crm.daemon.peer_queries import PeerQueries, PeerSilence
from crm.daemon.transition_archive import TransitionArchive

_LIST, _ONE, _INPUT = "transitions", "transition", "transition-input"


class TransitionQueries:
    """Asks the archives of all members. `leader` tells who leads now; `nodes` are all that are configured."""

    def __init__(self, archive: TransitionArchive, peers: PeerQueries, leader: Callable[[], str | None],
                 nodes: Callable[[], tuple[str, ...]]) -> None:
        self._archive = archive
        self._peers = peers
        self._leader = leader
        self._nodes = nodes
        peers.offer(_LIST, self._own_list)
        peers.offer(_ONE, self._own_record)
        peers.offer(_INPUT, self._own_input)

    async def all(self) -> tuple[list[dict[str, Any]], list[PeerSilence]]:
        """All that the members have kept, the newest first, without their actions; and whose are missing."""
        told, silent = await self._peers.ask_all(_LIST)
        found = [_named(record) for records in told.values() for record in records]
        absent = [PeerSilence(node, f"{node} is not here") for node in self._nodes()
                  if node not in told and node not in (each.node for each in silent)]
        return sorted(found, key=lambda each: (each["begun_at"], each["number"]), reverse=True), [*silent, *absent]

    async def one(self, transition_id: str) -> dict[str, Any] | None:
        """One record with its actions; None if it is not kept. Raises Refused (node-away, no-dc)."""
        node, number = self._place(transition_id)
        record = None if number is None else await self._peers.ask(node, _ONE, number)
        return None if record is None else _named(record)

    async def input(self, transition_id: str) -> bytes | None:
        """The CIB that it was planned from, as XML; None if it is not kept. Raises Refused (node-away, no-dc)."""
        node, number = self._place(transition_id)
        packed = None if number is None else await self._peers.ask(node, _INPUT, number)
        return None if packed is None else bz2.decompress(base64.b64decode(packed))

    def _place(self, transition_id: str) -> tuple[str, int | None]:
        """Whom to ask for which number; None if there can be no such transition."""
        node, dash, number = transition_id.rpartition("-")
        if not number.isdecimal() or len(number) > 10:
            return "", None
        if dash:
            return (node, int(number)) if node in self._nodes() else ("", None)
        leader = self._leader()
        if leader is None:
            raise RequestRefused("no-dc",
                                 f"The cluster has no DC at the moment, so nobody's transition {number} is meant",
                                 f"Say which node's: NODE-{number}")
        return leader, int(number)

    async def _own_list(self, _about: Any) -> list[dict[str, Any]]:
        return await self._archive.all()

    async def _own_record(self, about: Any) -> dict[str, Any] | None:
        return await self._archive.one(int(about))

    async def _own_input(self, about: Any) -> str | None:
        packed = await self._archive.packed_input(int(about))
        return None if packed is None else base64.b64encode(packed).decode()


def _named(record: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"{record['dc']}-{record['number']}", **record}
