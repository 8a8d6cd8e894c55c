"""Reading the audit log: who changed what and who was turned away, of all nodes, the newest first.

Each node has what was asked of itself; its part is read from the end of its files, so that it takes no longer as they
grow. What is written there and when: `crm.api.middleware.audit`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crm.api.middleware import audit
from crm.api.service import PeerQueries, PeerSilence

LARGEST = 1000
"""So many entries of each node are looked at, at most."""
_TOPIC = "audit"
_BLOCK_BYTES = 64 * 1024


class AuditTrail:
    """The entries of all nodes."""

    def __init__(self, peers: PeerQueries) -> None:
        self._peers = peers
        peers.offer(_TOPIC, self._own)

    async def all(self) -> tuple[list[dict[str, Any]], list[PeerSilence]]:
        """The last entries of each node that is here, the newest first; and who has not answered."""
        told, silent = await self._peers.ask_all(_TOPIC)
        found = [{**entry, "node": node} for node, entries in told.items() for entry in entries]
        return sorted(found, key=lambda each: (str(each.get("at")), each["id"]), reverse=True), silent

    async def _own(self, _about: Any) -> list[dict[str, Any]]:
        return await asyncio.to_thread(lambda: list(_entries(self._peers.name)))


def _entries(node: str) -> Iterator[dict[str, Any]]:
    """The last entries of this node, the newest first. An id is NODE/TIME, with a number where a time has several."""
    seen: dict[str, int] = {}
    for number, line in enumerate(_last_lines(audit.files())):
        if number == LARGEST:
            return
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        at = str(entry.get("at"))
        seen[at] = seen.get(at, 0) + 1
        yield {**entry, "id": f"{node}/{at}" + (f"/{seen[at]}" if seen[at] > 1 else "")}


def _last_lines(files: list[Path]) -> Iterator[bytes]:
    """The lines of files, from the end of the first one on."""
    for path in files:
        try:
            with path.open("rb") as file:
                rest, place = b"", file.seek(0, 2)
                while place > 0:
                    size = min(_BLOCK_BYTES, place)
                    place = file.seek(place - size)
                    rest, *lines = (file.read(size) + rest).split(b"\n")
                    yield from (line for line in reversed(lines) if line)
                if rest:
                    yield rest
        except OSError:
            continue  # It was rotated away meanwhile.
