"""A child process that must not outlive its parent, however that one ends. Imports nothing but the standard library."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """For a child: be killed when the process that started it dies, however it dies. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def die_with(parent: int) -> None:
    """The same, also if that parent has died already."""
    die_with_parent()
    if os.getppid() != parent:
        os._exit(0)
