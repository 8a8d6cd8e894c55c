"""The supervisor's part in the lease: has a keeper run, and starts no daemon while the keeper stops things.

A keeper outlives its supervisor; the next one finds it. What a lease is: `crm.keeper`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from crm.keeper import LEASE
from crm.keeper.deadlines import is_due
from crm.keeper.keeper import beat, is_held, register
from crm.keeper.lease_file import FOLDER, LeaseFile, LeaseState, now_ns
from crm.keeper.log_line import say

_PAUSE_S = 0.05
_ENDING_LIMIT_S = 60.0
_LOCK_PATIENCE_S = 2.0
_STILL_LOOKS = 3
_PATIENCE_S = 3.0
"""A keeper that was started is given so long before it is looked for."""


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """`folder`: where agents keep their state. `words`: how the keeper is to behave (see `crm.keeper.__main__`)."""

    folder: Path
    words: tuple[str, ...] = ()


class Keeping:
    """The keeper of this supervisor's node. Without settings, or where the folder cannot be made, there is none."""

    def __init__(self, settings: KeeperSettings | None) -> None:
        self._settings = settings
        self._record: LeaseFile | None = None
        self._lock = -1
        self._keeper = 0
        self._started_at = 0.0
        self._beat = (0, 0)
        self._still = 0
        self._begun = False

    def _begin_if_it_can(self) -> None:
        """Before each daemon: what was in the way of a lease (no room, another crmd) may be over."""
        if self._settings is None or self._begun:
            return
        try:
            self._begin(self._settings.folder / FOLDER)
            self._begun = True
        except OSError as error:
            self._record = None
            self._let_lock_go()
            say(f"no lease is kept for this node: {error}. What runs is not stopped when the daemon hangs, "
                "and other nodes may start it, too. Have runtime_folder writable")

    def _let_lock_go(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _begin(self, folder: Path) -> None:
        self._record = LeaseFile(folder)
        self._lock = os.open(folder / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._take_lock()
        register(folder, "supervisor")
        self._start()
        os.environ[LEASE] = str(folder)

    def _take_lock(self) -> None:
        """Raises OSError if another supervisor has it: it is its node, and its keeper."""
        end = time.monotonic() + _LOCK_PATIENCE_S  # the one that has it may be about to end
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() < end:
                    time.sleep(_PAUSE_S)
                    continue
                self._record = None
                raise OSError(errno.EBUSY, "another crmd watches over this folder") from None
            return

    def look(self) -> None:
        """Start a keeper if there is none, or if the one that there is has not looked for a while."""
        if self._record is None or time.monotonic() - self._started_at < _PATIENCE_S:
            return
        assert self._settings is not None
        folder = self._settings.folder / FOLDER
        if not self._record.is_there():
            say(f"{folder} was emptied; the lease is begun anew")
            self._let_lock_go()
            with contextlib.suppress(OSError):
                self._begin(folder)
            return
        if not is_held(folder / "keeper.lock"):
            say("the keeper of the lease has ended; it is started again")
            self._start()
        elif self._stands_still(folder):
            say("the keeper of the lease stands still; another one takes its place")
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._beat[0], signal.SIGKILL)
            self._start()

    def _stands_still(self, folder: Path) -> bool:
        """Whether it has looked at nothing for several looks of ours; one that stops things is left alone."""
        now = beat(folder)
        same = now == self._beat and now[0] > 0 and self._record is not None and (
            self._record.read().state is not LeaseState.ENDING)
        self._beat, self._still = now, self._still + 1 if same else 0
        return self._still >= _STILL_LOOKS

    def wait(self) -> None:
        """Wait until what a lease that has run out asks for is done; not for ever, should no keeper do it."""
        self._begin_if_it_can()
        end = time.monotonic() + _ENDING_LIMIT_S
        while self._record is not None and self._is_ending() and time.monotonic() < end:
            if self._record.read().state is LeaseState.ENDING and self._has_keeper():
                end = time.monotonic() + _ENDING_LIMIT_S  # however long lease-stop-timeout is
            time.sleep(_PAUSE_S)
            self.look()

    def _has_keeper(self) -> bool:
        return self._settings is not None and is_held(self._settings.folder / FOLDER / "keeper.lock")

    def is_keeper(self, process_id: int) -> bool:
        """Whether that child is the keeper."""
        return process_id == self._keeper

    def become_daemon(self) -> None:
        """In the child that becomes the daemon: the keeper is to find it, and it does not watch over itself."""
        if self._settings is not None and self._record is not None:
            register(self._settings.folder / FOLDER)
            self._let_lock_go()

    def _is_ending(self) -> bool:
        assert self._record is not None
        lease = self._record.read()
        return lease.state is LeaseState.ENDING or is_due(lease, now_ns())

    def _start(self) -> None:
        assert self._settings is not None
        command = [sys.executable, "-P", "-m", "crm.keeper", str(self._settings.folder), *self._settings.words]
        self._started_at, self._still = time.monotonic(), 0
        try:
            self._keeper = os.posix_spawn(command[0], command, dict(os.environ), setsid=True, setsigmask=())
        except OSError as error:  # it is tried again with one of the next looks
            say(f"the keeper of the lease cannot be started: {error}")
