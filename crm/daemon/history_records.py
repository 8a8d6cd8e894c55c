"""What a node has kept of the past: earlier configurations. Read beside the event loop: disks are slow."""

from __future__ import annotations

import asyncio

from crm.cib.document import Document
from crm.cib.store import CibStore, KeptBackup
from crm.cib.version import CibVersion


class HistoryRecords:
    """The past of one node, as its disk has it."""

    def __init__(self, store: CibStore) -> None:
        self._store = store

    async def configurations(self) -> list[KeptBackup]:
        """The configurations that are kept, the present one first. Raises CibError (store-unreadable)."""
        return await asyncio.to_thread(self._store.kept)

    async def configuration(self, version: CibVersion) -> Document | None:
        """The CIB of that version, without status; None if it is not kept. Raises CibError (store-unreadable)."""
        return await asyncio.to_thread(self._store.read_version, version)
