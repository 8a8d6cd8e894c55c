"""Operations that a killed daemon has left running: the next one ends them before it looks at anything.

Else a start that is half done would be probed as "not running", and come true after the cluster has started the
resource elsewhere. What agents have started as a service is in a process group of its own, and goes on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

_PATIENCE_S = 5.0


class OperationLeftovers:
    """The running operations of this daemon, as files in a folder that is emptied at boot: one for each process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def begin(self, process_id: int) -> None:
        """An agent has been started, as leader of its process group."""
        with contextlib.suppress(OSError):
            (self._folder / str(process_id)).write_text(born(process_id), encoding="ascii")

    def end(self, process_id: int) -> None:
        """It has ended."""
        with contextlib.suppress(OSError):
            (self._folder / str(process_id)).unlink()

    def end_left_over(self, patience_s: float = _PATIENCE_S) -> list[int]:
        """End what another daemon has noted and left; answers with the ids of those processes, when they are gone.

        One that sleeps in the kernel does not go; nobody waits longer than `patience_s` for all of them together.
        """
        ended = []
        for file in sorted(self._folder.iterdir()):
            if file.name.isdigit() and file.read_text(encoding="ascii") == born(int(file.name)) != "":
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(int(file.name), signal.SIGKILL)
                ended.append(int(file.name))
            file.unlink(missing_ok=True)
        deadline = time.monotonic() + patience_s
        while any(born(each) for each in ended) and time.monotonic() < deadline:
            time.sleep(0.005)
        return ended


def born(process_id: int) -> str:
    """When a process started, in ticks since boot: tells it from a later one of the same id. Empty if it is gone."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[19]
