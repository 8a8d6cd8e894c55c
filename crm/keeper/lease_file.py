"""The lease as it stands in a file: who holds it since when, and what has become of it.

A fixed record in a folder that is emptied at boot, written in place: it survives every process, and to renew it costs
one system call. A record of another boot, and one that is torn, counts for nothing. Times are of CLOCK_BOOTTIME, which
goes on while the machine is suspended.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

FOLDER = ".lease"
"""In the folder where agents keep their state."""
_MAGIC = b"crmdLS1\0"
_FIELDS = struct.Struct("<8sIB3xqqqqq")
_CHECK = struct.Struct("<I")
_TRIES = 5


class LeaseState(IntEnum):
    """What a lease is at.

    FREE      nobody needs it: fencing does the job, the node is alone, or it was let go with nothing left to stop
    HELD      the daemon is in a quorate view
    STOPPING  the daemon has no quorum, and stops what runs by itself
    DEMOTING  the same, but what is promotable may run on unpromoted (no-quorum-policy=demote)
    ENDING    it has run out, and the keeper stops what runs
    OVER      the keeper is done
    """

    FREE = 0
    HELD = 1
    STOPPING = 2
    DEMOTING = 3
    ENDING = 4
    OVER = 5


@dataclass(frozen=True, slots=True)
class Lease:
    """`held_ns`: when it was last held; `alive_ns`: when the daemon last said anything (both CLOCK_BOOTTIME).

    `limit_ms`: for how long it holds; `stop_ms`: how much longer stopping may take; `daemon`: its process id.
    """

    state: LeaseState = LeaseState.FREE
    held_ns: int = 0
    alive_ns: int = 0
    limit_ms: int = 0
    stop_ms: int = 0
    daemon: int = 0


def now_ns() -> int:
    """The clock that leases go by."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class LeaseFile:
    """The file of one node's lease. Raises OSError if it cannot be had."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(folder / "record", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._boot = zlib.crc32(Path("/proc/sys/kernel/random/boot_id").read_bytes())

    def read(self) -> Lease:
        """What stands there; FREE if that is of another boot, or nothing."""
        for _ in range(_TRIES):  # it may be written at this moment
            data = os.pread(self._descriptor, _FIELDS.size + _CHECK.size, 0)
            fields = data[: _FIELDS.size]
            if len(data) == _FIELDS.size + _CHECK.size and _CHECK.unpack(data[_FIELDS.size:])[0] == zlib.crc32(fields):
                magic, boot, state, *numbers = _FIELDS.unpack(fields)
                return Lease(LeaseState(state), *numbers) if (magic, boot) == (_MAGIC, self._boot) else Lease()
        return Lease()

    def write(self, lease: Lease) -> None:
        """Have that stand there."""
        fields = _FIELDS.pack(_MAGIC, self._boot, lease.state, lease.held_ns, lease.alive_ns, lease.limit_ms,
                              lease.stop_ms, lease.daemon)
        os.pwrite(self._descriptor, fields + _CHECK.pack(zlib.crc32(fields)), 0)

    def is_there(self) -> bool:
        """Whether others find it: the folder may have been emptied under us."""
        return os.fstat(self._descriptor).st_nlink > 0

    def close(self) -> None:
        """The file stays."""
        os.close(self._descriptor)
