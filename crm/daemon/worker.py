"""The daemon's side of one worker: asked over a socket, ended when it takes too long, or stands still.

Time is the processor's, so that a busy machine does not make a long plan a failed one. A worker that has begun and uses
no processor any more is frozen or lost. Who dies without an answer, or is ended for one of these reasons, is not asked
again: the caller takes another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crm.daemon.worker_process import HEAD, PART

LOOK_EVERY_S = 1.0
STILL_LOOKS = 10
"""After so many looks at which it had used no processor, a worker counts as frozen."""

_MEMORY = ("See whether the kernel has ended it (journalctl -k, and the memory limit of crmd's unit), and make memory "
           "free on this node. It is tried again all the time")


class WorkerError(Exception):
    """A worker has given no answer: it was ended, or could not be made. The text says why, for people.

    `remedy`: what they can do about it where the machine is the cause, and not what was asked for.
    """

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


class Worker:
    """One process. Its handle and socket are this object's to close."""

    def __init__(self, process_id: int, handle: int, channel: socket.socket,
                 fate: Callable[[], int | None] = lambda: None) -> None:
        self.process_id = process_id
        self._fate = fate
        self.alive = True
        self._handle = handle
        self._channel = channel
        self._channel.setblocking(False)
        self._ended_because = ""

    async def ask(self, request: bytes, take: Callable[[Any], None], limit_s: float) -> None:
        """Send a packed request; `take` is called with each value of the answer as it comes.

        Raises WorkerError, or what the work raised (`worker_process.WorkError` if that cannot be brought over).
        """
        exchange = asyncio.ensure_future(self._exchange(request, take))
        try:
            raised = await self._watched(exchange, limit_s)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            fate = None if self._ended_because else await asyncio.to_thread(self._fate)
            self.close()
            raise self._failed(error, fate) from None
        except asyncio.CancelledError:
            # An answer that nobody takes would be taken for that of the next request.
            self.close()
            raise
        if raised is not None:
            raise raised

    def _failed(self, error: Exception, fate: int | None) -> WorkerError:
        if self._ended_because:
            return WorkerError(self._ended_because)
        if fate is None or not os.WIFSIGNALED(fate):
            return WorkerError(f"its process has ended unexpectedly ({error})")
        number = os.WTERMSIG(fate)
        name = f"its process was killed by signal {number} ({signal.strsignal(number)})"
        if number != signal.SIGKILL:
            return WorkerError(name)
        return WorkerError(f"{name}, probably by the kernel because memory was short", _MEMORY)

    def used_s(self) -> float:
        """Processor seconds that it has used; 0 once it has ended."""
        return used_s(self.process_id) if self.alive else 0.0

    def close(self) -> None:
        """End it."""
        if self.alive:
            self.alive = False
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
            self._channel.close()

    async def _watched(self, exchange: asyncio.Future[Exception | None], limit_s: float) -> Exception | None:
        end_s, last_s, still = self.used_s() + limit_s, -1.0, 0
        try:
            while not exchange.done():
                await asyncio.wait([exchange], timeout=LOOK_EVERY_S)
                now_s = self.used_s()
                still = still + 1 if now_s == last_s else 0
                last_s = now_s
                if not exchange.done() and (now_s > end_s or still >= STILL_LOOKS):
                    why = "took no processor time for" if still >= STILL_LOOKS else "took more processor time than"
                    took_s = still * LOOK_EVERY_S if still >= STILL_LOOKS else limit_s
                    self._ended_because = f"its process {why} {took_s:g} s, so it was ended"
                    raise EOFError
        finally:
            exchange.cancel()
        return await exchange

    async def _exchange(self, request: bytes, take: Callable[[Any], None]) -> Exception | None:
        """Returns what the work raised."""
        await asyncio.get_running_loop().sock_sendall(self._channel, request)
        while True:
            kind, value = pickle.loads(await self._read(HEAD.unpack(await self._read(HEAD.size))[0]))
            if kind != PART:
                return value if isinstance(value, Exception) else None
            take(value)
            await asyncio.sleep(0)

    async def _read(self, size: int) -> bytearray:
        raw, loop, have = bytearray(size), asyncio.get_running_loop(), 0
        while have < size:
            got = await loop.sock_recv_into(self._channel, memoryview(raw)[have:])
            if not got:
                raise EOFError("end of file")
            have += got
        return raw


def used_s(process_id: int, with_children: bool = False) -> float:
    """Processor seconds of a process (with those of its children that have been waited for); 0 if it is gone."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    fields = stat.rpartition(")")[2].split()
    # proc(5): utime, stime, cutime, cstime
    return sum(map(int, fields[11:15 if with_children else 13])) / os.sysconf("SC_CLK_TCK")
