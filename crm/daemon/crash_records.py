"""A daemon's own mistakes: written down on disk, then the daemon ends as if it were killed.

Going on after an exception half-way through an event would act on a state that nobody has thought of. What agents have
started stays; the process that watches over the daemon starts it again, which reads here how often that happened: after
`MOST` mistakes within `WINDOW_S` it starts in safe mode (`crm.controller.leadership.safe_mode`). A start by hand
forgets them.

The traceback is for the log only; `mistakes.json` keeps the last few, a line each.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crm.cib.synced_files import replace_synced
from crm.controller.leadership.safe_mode import SafeModeCause
from crm.daemon.log import flush
from crm.daemon.supervision import MISTAKE

log = logging.getLogger("crm.daemon")

MOST = 3
WINDOW_S = 600.0
KEPT = 10
LONGEST_TEXT = 500
_NAME = "mistakes.json"


@dataclass(frozen=True, slots=True)
class CrashRecord:
    """One: when (epoch seconds), while what was handled, the exception in a line, under which configuration."""

    at: float
    where: str
    text: str
    configuration: tuple[int, int]


def end_process() -> None:
    """End as if killed: nothing is left politely, nothing that runs is stopped."""
    flush()
    os._exit(MISTAKE)


class CrashRecords:
    """Those of one node's daemon. `restarted`: it was started again by itself, and not by a person."""

    def __init__(self, folder: Path, restarted: bool, end: Callable[[], None] = end_process,
                 clock: Callable[[], float] = time.time) -> None:
        self._path = folder / _NAME
        self._end = end
        self._clock = clock
        self.all: tuple[CrashRecord, ...] = self._read() if restarted else ()
        if not restarted:
            self._path.unlink(missing_ok=True)

    def cause(self) -> SafeModeCause | None:
        """Why this daemon is to start in safe mode; None if it is not."""
        recent = [each for each in self.all if abs(self._clock() - each.at) <= WINDOW_S]
        if len(recent) < MOST:
            return None
        last = recent[-1]
        return SafeModeCause(f"{last.text} (while handling {last.where})", last.configuration)

    def made(self, where: str, error: BaseException, configuration: tuple[int, int] = (0, 0)) -> None:
        """Write a mistake down and end the daemon."""
        log.critical("the daemon has made a mistake while handling %s and ends; what runs stays. Please report this",
                     where, exc_info=error)
        text = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_TEXT]
        self.all = (*self.all, CrashRecord(self._clock(), where, text, configuration))[-KEPT:]
        try:
            replace_synced(self._path, json.dumps([asdict(each) for each in self.all]).encode())
        except OSError as failure:  # a full disk must not keep a broken daemon alive
            log.error("%s cannot be written: %s", self._path, failure)
        self._end()

    def _read(self) -> tuple[CrashRecord, ...]:
        """What is not there, or cannot be read, counts for nothing."""
        try:
            return tuple(_mistake(each) for each in json.loads(self._path.read_text(encoding="utf-8")))[-KEPT:]
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be read (%s): former mistakes do not count", self._path, error)
            return ()


def _mistake(told: dict[str, Any]) -> CrashRecord:
    """Raises ValueError, KeyError, TypeError."""
    admin_epoch, epoch = map(int, told["configuration"])
    return CrashRecord(float(str(told["at"])), str(told["where"]), str(told["text"]), (admin_epoch, epoch))
