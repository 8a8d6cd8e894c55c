"""Without whom this node decides: kept for a daemon that follows a killed one of the same supervisor.

Where one of two nodes is enough, a node that starts waits until it has seen the other
(`crm.controller.leadership.lone_start`). A daemon that was only killed, and started again at once, has not lost what
the former knew: that the other one was fenced, waited for, or said to be off. Nothing of this outlives the supervisor:
after that it is a start like any other.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger("crm.daemon")

FILE = ".without"


class KnownAbsences:
    """The file, in the runtime folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._written: tuple[str, ...] | None = None

    def recall(self, restarted: bool) -> frozenset[str]:
        """What the daemon before this one has noted, if this one follows it; nothing is kept otherwise."""
        try:
            names = json.loads(self._file.read_text(encoding="utf-8")) if restarted else []
            return frozenset(map(str, names))
        except (OSError, ValueError, TypeError):
            return frozenset()

    def note(self, names: Iterable[str]) -> None:
        """Without those this node decides now."""
        wanted = tuple(names)
        if wanted == self._written:
            return
        self._written = wanted
        beside = self._file.with_name(f"{FILE}.new")
        try:
            beside.write_text(json.dumps(wanted), encoding="utf-8")
            beside.replace(self._file)
        except OSError as error:
            log.warning("a daemon after this one will not know that it may go on alone: %s", error)
