"""Process trees on Linux: who descends from whom, and ending a whole tree so that nobody slips away.

A child subreaper takes in the orphans among its descendants, wherever they stood before: so a supervisor keeps what its
agents started, and the demo gets hold of what a dead node leaves behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from crm.keeper.parent_death import die_with_parent

__all__ = ["become_subreaper", "children", "die_with_parent", "kill_trees", "tree"]

_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """From now on orphans among our descendants become our children."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def children() -> dict[int, list[int]]:
    """Process ids by their parent's id, as they are now."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found.setdefault(parent, []).append(int(entry.name))
    return found


def tree(roots: Iterable[int]) -> set[int]:
    """The roots and all that descends from them."""
    by_parent = children()
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        process_id = waiting.pop()
        if process_id not in found:
            found.add(process_id)
            waiting.extend(by_parent.get(process_id, ()))
    return found


def kill_trees(roots: Iterable[int]) -> None:
    """End some processes and all their descendants, as a power cut would: first freeze, so that nobody forks away."""
    wanted = set(roots)
    frozen: set[int] = set()
    while True:
        members = tree(wanted)
        fresh = members - frozen
        if not fresh:
            break
        for process_id in fresh:
            _send(process_id, signal.SIGSTOP)
        frozen |= fresh
    for process_id in frozen:
        _send(process_id, signal.SIGKILL)


def _send(process_id: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process_id, number)
