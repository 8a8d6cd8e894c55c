"""Servants for the tests of workers: each answers in a way that a real one must not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crm.daemon.planner import PlanningServant


class Echo:
    """Answers with what it is asked, several times; `sleep` and `burn` are seconds."""

    def __call__(self, request: dict[str, Any]) -> Iterator[Any]:
        time.sleep(request.get("sleep", 0))
        end = time.process_time() + request.get("burn", 0)
        while time.process_time() < end:
            pass
        yield from [request["word"]] * request.get("times", 1)


class Stricken(PlanningServant):
    """Plans, but the first so many plans send its process a signal; how many are left stands in a file."""

    def __init__(self, left: Path, number: signal.Signals) -> None:
        super().__init__()
        self._left = left
        self._number = number

    def __call__(self, request: Any) -> Iterator[Any]:
        left = int(self._left.read_text())
        if left:
            self._left.write_text(str(left - 1))
            os.kill(os.getpid(), self._number)
        return super().__call__(request)


def descriptors() -> list[str]:
    """What the process that runs this has open beside the standard streams."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if int(entry.name) > 2 and not target.startswith("/proc/"):
            found.append(target)
    return found


def hungry(size: int) -> int:
    """Takes so much memory."""
    return len(bytearray(size))


def busy() -> None:
    """Never ends."""
    while True:
        pass


def refuse(word: str) -> None:
    """Fails."""
    raise LookupError(word)


class OddError(Exception):
    """Cannot be brought over as it is."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one + other)


def fail_oddly() -> None:
    raise OddError("odd", "ly")
