"""The inner side of a worker: a process that computes what its daemon asks for, one request after the other.

It has nothing of the daemon but one socket: every other descriptor is closed, so it holds no port, lock or peer. It
ends with whoever made it, is the first that the kernel takes when memory runs out, and is called what it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Servant = Callable[[Any], Iterator[Any]]
"""Answers one request with as many values as it likes; it lives as long as its process."""

HEAD = struct.Struct("!Q")
"""The length of the pickle that follows."""
PART, DONE, RAISED = "part", "done", "raised"
_EXPENDABLE = "500"
_STANDARD = 3


class WorkError(Exception):
    """The work itself failed, with an error that could not be brought over as it is."""


def serve(channel: socket.socket, servant: Servant) -> None:
    """Answer requests until the daemon closes the channel."""
    # Cycles are looked for between two requests: a plan makes very many objects, and few that are cycles.
    gc.disable()
    with channel.makefile("rb") as requests:
        while head := requests.read(HEAD.size):
            request = requests.read(HEAD.unpack(head)[0])
            for frame in _answers(servant, request):
                channel.sendall(frame)
            gc.collect()


def packed(value: Any) -> bytes:
    """A value as it is sent."""
    raw = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return HEAD.pack(len(raw)) + raw


def _answers(servant: Servant, request: bytes) -> Iterator[bytes]:
    try:
        for value in servant(pickle.loads(request)):
            yield packed((PART, value))
    except Exception as error:  # the daemon is told, and decides what follows
        # The traceback stays on this side; its text goes along, for the log.
        error.add_note(f"In the worker:\n{traceback.format_exc()}")
        yield packed((RAISED, _portable(error)))
        return
    yield packed((DONE, None))


def _portable(error: Exception) -> Exception:
    """The error, if it can be brought over, else one that tells of it."""
    with contextlib.suppress(Exception):
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    told = WorkError(f"{type(error).__name__}: {error}")
    told.add_note(error.__notes__[-1])
    return told


def keep_only(channel: socket.socket) -> None:
    """Close all that was inherited but the standard streams and that one."""
    kept = channel.fileno()
    os.closerange(_STANDARD, kept)
    os.closerange(kept + 1, _most_descriptors())


def _most_descriptors() -> int:
    return 1 + max(int(each) for each in os.listdir("/proc/self/fd"))  # noqa: PTH208  # it is open while it is read


def settle_in(title: str) -> None:
    """What every process of this kind does first."""
    # Who is told to end is the daemon: it ends its workers when it wants nothing more of them.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_EXPENDABLE, encoding="ascii")
    with contextlib.suppress(OSError, ValueError, IndexError):
        _be_called(title)


def _be_called(title: str) -> None:
    """Have `ps` and the like show that name: this process was not started by a command of its own."""
    Path("/proc/self/comm").write_text(title[:15], encoding="ascii")
    fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    # proc(5): the 48th and 49th field, of which the first two stand before the bracket
    begin, end = int(fields[45]), int(fields[46])
    if 0 < begin < end:
        text = title.encode()[: end - begin - 1]
        ctypes.memset(begin, 0, end - begin)
        ctypes.memmove(begin, text, len(text))


def flush() -> None:
    """Whatever is kept in memory for the standard streams must not be written twice."""
    sys.stdout.flush()
    sys.stderr.flush()
