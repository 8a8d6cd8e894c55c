"""One process: started in a group of its own, watched, bounded in time and output, reaped. Knows nothing of agents.

A run is over when the process exits. What it started may live on and keep its output open for ever; waiting for the end
of the output would wait for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from crm.keeper.leftovers import OperationLeftovers
from crm.model.text import fit

_CHUNK = 64 * 1024
# What agents create is not for everybody to read nor for the group to write; the same as Pacemaker gives them.
_UMASK = 0o026
# A process that does not go on SIGKILL sleeps in the kernel; nobody can wait for that.
_UNKILLABLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ProcessOutcome:
    """How a process ended: exit code, or the signal as a negative number, None if it could not even be killed."""

    code: int | None
    stdout: str
    stderr: str
    timed_out: bool = False


class BoundedText:
    """Keeps the beginning and the end of what is written to it; the middle of too much is left out."""

    def __init__(self, limit_bytes: int) -> None:
        self._half = max(1, limit_bytes // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def write(self, chunk: bytes) -> None:
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        excess = len(self._tail) - self._half
        if excess > 0:
            del self._tail[:excess]
            self._left_out += excess

    def text(self) -> str:
        """What was kept, fit to be stored and shown (see `crm.model.text`)."""
        gap = f"\n[{self._left_out} bytes left out]\n".encode() if self._left_out else b""
        return fit(bytes(self._head) + gap + bytes(self._tail))


async def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout_ms: int,
    kill_grace_ms: int,
    output_limit_bytes: int,
    standard_input: bytes = b"",
    journal: OperationLeftovers | None = None,
) -> ProcessOutcome:
    """Run a command to its end, or to the end of its time: SIGTERM to its group, then SIGKILL. Raises OSError if it
    cannot be started.

    Cancelling this coroutine kills the group.
    """
    process = _start(arguments, environment, subprocess.PIPE if standard_input else subprocess.DEVNULL)
    if journal is not None:
        journal.begin(process.pid)
    streams = [_Stream(process.stdout, output_limit_bytes), _Stream(process.stderr, output_limit_bytes)]
    exited = _exit_of(process)
    try:
        _feed(process, standard_input)
        timed_out = not await _within(exited, timeout_ms / 1000 if timeout_ms > 0 else None)
        if timed_out:
            await _end(process, exited, kill_grace_ms / 1000)
    except asyncio.CancelledError:
        _signal_group(process, signal.SIGKILL)
        await _within(exited, _UNKILLABLE_SECONDS)
        raise
    finally:
        if journal is not None:
            journal.end(process.pid)
        texts = [stream.close() for stream in streams]
    return ProcessOutcome(process.returncode, texts[0], texts[1], timed_out)


def _start(arguments: Sequence[str], environment: Mapping[str, str], stdin: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(arguments, env=dict(environment), stdin=stdin, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, start_new_session=True, cwd="/", umask=_UMASK)
    except ValueError as error:  # a NUL in a word or a variable
        raise OSError(errno.EINVAL, str(error)) from None


def _exit_of(process: subprocess.Popen[bytes]) -> asyncio.Future[None]:
    """A future that is done when the process has exited and been reaped."""
    loop = asyncio.get_running_loop()
    exited: asyncio.Future[None] = loop.create_future()
    descriptor = os.pidfd_open(process.pid)

    def reap() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        process.wait()
        if not exited.done():
            exited.set_result(None)

    loop.add_reader(descriptor, reap)
    return exited


async def _within(exited: asyncio.Future[None], seconds: float | None) -> bool:
    # asyncio.wait leaves the future alone when the time is over: the process is still to be reaped.
    done, _ = await asyncio.wait([exited], timeout=seconds)
    return bool(done)


async def _end(process: subprocess.Popen[bytes], exited: asyncio.Future[None], grace_seconds: float) -> None:
    _signal_group(process, signal.SIGTERM)
    await _within(exited, grace_seconds)
    # Also when the process is gone: what else is in its group may have ignored the first signal.
    _signal_group(process, signal.SIGKILL)
    await _within(exited, _UNKILLABLE_SECONDS)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _feed(process: subprocess.Popen[bytes], content: bytes) -> None:
    """Hand over standard input, which is short (a fence agent's parameters) and fits the pipe's buffer."""
    if process.stdin is not None:
        with contextlib.suppress(OSError), process.stdin as pipe:
            os.set_blocking(pipe.fileno(), False)
            pipe.write(content)


class _Stream:
    """Reads one output as it comes, so that the process never blocks on it, and keeps a bounded part."""

    def __init__(self, pipe: IO[bytes] | None, limit_bytes: int) -> None:
        assert pipe is not None, "both outputs are pipes"
        self._pipe = pipe
        self._kept = BoundedText(limit_bytes)
        self._open = True
        os.set_blocking(pipe.fileno(), False)
        asyncio.get_running_loop().add_reader(pipe.fileno(), self._read)

    def _read(self) -> bool:
        """Take one chunk; False when there is none now."""
        try:
            chunk = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self._stop()
            return False
        self._kept.write(chunk)
        return True

    def _stop(self) -> None:
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())

    def close(self) -> str:
        """What was written until now; a survivor that keeps writing must not keep us, so there is an end to it."""
        for _ in range(64):
            if not self._open or not self._read():
                break
        self._stop()
        self._pipe.close()
        return self._kept.text()
