"""The keeper's process: looks at the lease, and acts when it has run out.

Started by who watches over the daemon (`crm.cli.daemon.supervisor`), in a session of its own, and outlives both. One
for each folder: whoever has the lock. It ends when the lease needs nobody and nobody watches over the daemon any more.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

from crm.keeper.deadlines import BY_ITSELF, LOOK_S, is_due, over_at_ns
from crm.keeper.lease_file import FOLDER, LeaseFile, LeaseState, now_ns
from crm.keeper.leftovers import OperationLeftovers, born
from crm.keeper.log_line import say
from crm.keeper.orders import StopOrder, StopOrderFolder
from crm.keeper.processes import kill_trees
from crm.keeper.stop_all import Stopping, end_processes

_MCL_CURRENT_AND_FUTURE = 3
_PR_SET_NAME = 15
_LOCK_PATIENCE_S = 2.0
_UNKILLABLE_S = 0.2
"""A process that does not go on SIGKILL sleeps in the kernel, and does nothing else either."""
_NOTE_EVERY_S = 0.5
_LAST_TRY_MS = 10_000
"""How long what had to be ended by force is given for its last stop: addresses, mounts and the like."""
_IDLE = (LeaseState.FREE, LeaseState.OVER)


@dataclass(frozen=True, slots=True)
class KeeperSetup:
    """Where agents keep their state; whether the machine is to be reset if something cannot be stopped; and whether
    the keeper is to run before whatever has no real-time priority.
    """

    folder: Path
    resets: bool = False
    realtime: bool = False


def keep(setup: KeeperSetup) -> int:
    """Look at the lease until nobody needs that any more. Exit status 0; 1 if another keeper does."""
    folder = setup.folder / FOLDER
    record = LeaseFile(folder)
    lock = _lock(folder / "keeper.lock")
    if lock is None:
        return 1
    _stand_apart(setup.realtime)
    keeper = Keeper(setup, record)
    while record.is_there():  # else somebody has emptied the folder: who watches over the daemon begins anew
        os.pwrite(lock, f"{os.getpid():<10} {now_ns():<20}".encode(), 0)
        keeper.note()
        lease = record.read()
        if is_due(lease, now_ns()):
            keeper.end()
        elif lease.state in _IDLE and not is_held(folder / "supervisor.lock"):
            return 0
        time.sleep(LOOK_S)
    return 0


class Keeper:
    """Ends the daemon and what runs, by the record."""

    def __init__(self, setup: KeeperSetup, record: LeaseFile) -> None:
        self._setup = setup
        self._record = record
        self._folder = setup.folder / FOLDER
        self._orders = StopOrderFolder(self._folder / "orders")
        self._left_to: dict[int, str] = {}
        """What agents have left to who watches over the daemon, with the births of those processes."""
        self._noted_at = -_NOTE_EVERY_S

    def note(self) -> None:
        """See what services there are, now and then: when who watches over them has died, nobody can tell any more."""
        if time.monotonic() - self._noted_at < _NOTE_EVERY_S:
            return
        self._noted_at = time.monotonic()
        watching = registered(self._folder, "supervisor")
        if watching:
            with contextlib.suppress(OSError):
                told = Path(f"/proc/{watching}/task/{watching}/children").read_text(encoding="ascii")
                others = {os.getpid(), registered(self._folder)}
                self._left_to = {each: born(each) for each in map(int, told.split()) if each not in others}

    def end(self) -> None:
        """The lease has run out."""
        lease = self._record.read()
        orders = self._to_stop(lease.state)
        if lease.state in BY_ITSELF and not orders and registered(self._folder):
            self._record.write(replace(lease, state=LeaseState.OVER))
            return  # it has stopped everything by itself, and may go on
        self._end_daemon()
        self._record.write(replace(lease, state=LeaseState.ENDING))
        self._end_daemon()  # one that was started meanwhile; any later one finds what stands there
        OperationLeftovers(self._setup.folder / ".operations").end_left_over(_UNKILLABLE_S)
        say(f"the lease of this node ran out {(now_ns() - lease.held_ns) / 1e9 - lease.limit_ms / 1e3:.2f} s ago; "
            f"stopping what runs: {', '.join(order.resource for order in orders) or 'nothing'}")
        began_ns = now_ns()
        # What slept does not get the time that is over, and yet a moment to stop in order.
        until_ns = max(over_at_ns(lease), began_ns + lease.stop_ms * 500_000)
        left = Stopping(self._orders).stop(orders, until_ns)
        if left:
            left = self._force(left)
        self._record.write(replace(lease, state=LeaseState.OVER))
        say(f"stopped within {(now_ns() - began_ns) / 1e9:.2f} s" if not left else
            f"could not stop {', '.join(order.resource for order in left)}: it may run here while other nodes start "
            f"it. Stop it by hand, or reset this machine. What the agents said: {self._orders.log}")

    def _to_stop(self, state: LeaseState) -> list[StopOrder]:
        return [order for order in self._orders.all() if not (state is LeaseState.DEMOTING and order.stands_demoted)]

    def _end_daemon(self) -> None:
        """The daemon may not act any more."""
        daemon = registered(self._folder)
        if daemon:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(daemon, signal.SIGKILL)
            end = time.monotonic() + _UNKILLABLE_S
            while born(daemon) and time.monotonic() < end:
                time.sleep(0.002)

    def _force(self, left: list[StopOrder]) -> list[StopOrder]:
        """What is still there when the others may start it: end its processes, then stop what is left of it."""
        say(f"{', '.join(order.resource for order in left)} did not stop in time: "
            + ("the machine is reset" if self._setup.resets else "ended by force"))
        if self._setup.resets:
            reset()
        end_processes(left)
        self._end_orphans()
        return Stopping(self._orders).stop(left, now_ns() + _LAST_TRY_MS * 1_000_000)

    def _end_orphans(self) -> None:
        """What agents have left to who watches over the daemon, unless some of it is spared."""
        self._noted_at = -_NOTE_EVERY_S
        self.note()
        if not self._orders.spared():
            kill_trees([each for each, birth in self._left_to.items() if birth and born(each) == birth])


def reset() -> None:
    """Have the kernel reset the machine, without a shutdown. Returns where that is not possible (no root)."""
    with contextlib.suppress(OSError):
        Path("/proc/sys/kernel/sysrq").write_text("1")
        Path("/proc/sysrq-trigger").write_text("b")


def register(folder: Path, role: str = "daemon") -> None:
    """Say who this process is, so that the keeper finds it. Before anything else is done. Raises OSError."""
    beside = folder / f".{role}.{os.getpid()}"
    try:
        beside.write_text(f"{os.getpid()} {born(os.getpid())}", encoding="ascii")
        beside.replace(folder / role)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise OSError(error.errno, error.strerror, str(folder)) from None


def registered(folder: Path, role: str = "daemon") -> int:
    """Who said so last; 0 if that process is gone."""
    try:
        number, birth = (folder / role).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0
    return int(number) if born(int(number)) == birth else 0


def beat(folder: Path) -> tuple[int, int]:
    """The keeper that has the lock, and when it last looked (CLOCK_BOOTTIME); zeros if nobody knows."""
    try:
        process, at = (folder / "keeper.lock").read_text(encoding="ascii").split()
        return int(process), int(at)
    except (OSError, ValueError):
        return 0, 0


def is_held(lock: Path) -> bool:
    """Whether a living process has that lock."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int | None:
    """The lock, held until this process ends; None if another process keeps it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + _LOCK_PATIENCE_S  # the one that has it may be about to end
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > end:
                os.close(descriptor)
                return None
            time.sleep(0.1)
        else:
            return descriptor


def _stand_apart(realtime: bool) -> None:
    """In memory whatever happens, and first in the queue for a processor if that is wanted; as far as allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NAME, b"crmd-keeper", 0, 0, 0)
    # Others than root may lock so little that memory would be refused when it is needed.
    if os.geteuid() == 0 and libc.mlockall(_MCL_CURRENT_AND_FUTURE) != 0:
        say(f"the keeper cannot be locked in memory: {os.strerror(ctypes.get_errno())}")
    if realtime:
        try:
            # What it starts runs as usual again.
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        except OSError as error:
            say(f"the keeper gets no real-time priority: {error.strerror}")
