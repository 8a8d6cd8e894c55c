"""The earlier configurations of the whole cluster: each node keeps those that it wrote, and any node tells of all.

A node that was away for a while has gaps; together the nodes that are here have fewer. Where nodes have kept different
configurations under one version (a change that was never committed, say), nobody can tell which one is meant, and that
is said.
"""

from __future__ import annotations

import base64
import bz2
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.version import CibVersion
from crm.daemon.errors import RequestRefused
from crm.daemon.history_records import HistoryRecords
from crm.daemon.peer_queries import PeerQueries, PeerSilence

_LIST, _ONE = "configurations", "configuration"


@dataclass(frozen=True, slots=True)
class KeptConfiguration:
    """A configuration that is kept. `at`: when it was written first, epoch seconds; `nodes`: who has it."""

    version: CibVersion
    at: float
    nodes: tuple[str, ...]


class ConfigurationHistory:
    """Asks the disks of all members."""

    def __init__(self, records: HistoryRecords, peers: PeerQueries) -> None:
        self._records = records
        self._peers = peers
        peers.offer(_LIST, self._own_list)
        peers.offer(_ONE, self._own)

    async def all(self) -> tuple[list[KeptConfiguration], list[PeerSilence]]:
        """What the members have kept, the newest first; and who has not answered."""
        told, silent = await self._peers.ask_all(_LIST)
        found: dict[tuple[int, int], list[tuple[float, str, CibVersion]]] = {}
        for node, entries in told.items():
            for text, at in entries:
                version = CibVersion.parse(text)
                found.setdefault(version[:2], []).append((float(at), node, version))
        kept = [KeptConfiguration(entries[0][2], min(entries)[0], tuple(dict.fromkeys(each[1] for each in entries)))
                for _, entries in sorted(found.items(), reverse=True)]
        return kept, silent

    async def one(self, version: CibVersion) -> Document | None:
        """The CIB of that version, without status; None if nobody has kept it. Raises Refused (several-objects)."""
        own = await self._records.configuration(version)
        if own is not None:
            return own
        told, _ = await self._peers.ask_all(_ONE, str(version))
        found = {node: _unpacked(text) for node, text in told.items() if text}
        if len({document.configuration_digest() for document in found.values()}) > 1:
            raise RequestRefused("several-objects",
                                 f"{', '.join(found)} have kept different configurations as {version}",
                                 "ask one of them for its own: it answers with that")
        return next(iter(found.values()), None)

    async def _own_list(self, _about: Any) -> Sequence[tuple[str, float]]:
        try:
            return [(str(each.version), each.at) for each in await self._records.configurations()]
        except CibError as error:
            raise RequestRefused(error.code, error.message, error.hint) from None

    async def _own(self, about: Any) -> str | None:
        try:
            found = await self._records.configuration(CibVersion.parse(str(about)))
        except CibError as error:
            raise RequestRefused(error.code, error.message, error.hint) from None
        return None if found is None else _packed(found)


def _packed(document: Document) -> str:
    return base64.b64encode(bz2.compress(document.to_bytes())).decode()


def _unpacked(text: str) -> Document:
    return Document.parse(bz2.decompress(base64.b64decode(text)))
