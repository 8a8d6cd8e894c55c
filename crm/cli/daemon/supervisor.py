"""Watches over one daemon: starts it, starts it again when it is killed, ends when it ends of its own will.

A daemon that ends by a mistake of its own counts as killed; it is told that it follows another one, and after several
mistakes it begins nothing (`crm.daemon.crash_records`). So does one that cannot be started for now (no room in /run, no
memory). Settings, ports or stores that cannot be used end a first start, as somebody waits for its outcome; a daemon
that follows another one is tried again until that is mended, or this process is asked to end.

It is a child subreaper, so what the daemon's agents started belongs to it and survives the daemon, and it reaps
whatever ends. It also keeps the message layer's listening socket open between two daemons (`crm.daemon.supervision`),
which tells the other nodes that this one is coming back. When it is killed itself, the daemon is killed too: a daemon
that nobody watches over would be a half dead node. A daemon that fences its own node leaves it to this process to end
all that its agents started. Beside it runs the keeper of the node's lease (`crm.keeper`), which survives both.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from crm.cli.daemon.lease_keeping import KeeperSettings, Keeping
from crm.keeper.log_line import say
from crm.keeper.processes import become_subreaper, children, die_with_parent, kill_trees

# A daemon that is killed again and again is given longer and longer pauses.
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_CALM_SECONDS = 30.0
_LOOK_SECONDS = 1.0
_NOBODY = (0, 0)
# As in crm.daemon.supervision, which would drag in the whole daemon.
_FENCED_SELF = 113
_NOT_STARTED = 71
"""Of a child that has not got as far as to be a daemon."""
_OF_ITS_OWN_WILL = (0, 76, 130)
_UNUSABLE = (69, 74, 78)
"""Ports, store, settings."""

_RESTARTED = "CRMD_RESTARTED"
_ENDING = (signal.SIGTERM, signal.SIGINT)


class SupervisorOrders:
    """The signals that ask this process to end: passed on to the daemon, kept while there is none.

    Python's handlers, not ignored signals: what is ignored stays so in every agent, handlers do not.
    """

    def __init__(self) -> None:
        self._daemon = 0
        self._kept: list[int] = []
        self.to_end = False
        """Whether this process was asked to end: a daemon that is killed then is not started again."""
        for number in _ENDING:
            signal.signal(number, self._take)
        signal.signal(signal.SIGHUP, lambda _number, _frame: None)  # there is nothing to read anew

    def _take(self, number: int, _frame: object) -> None:
        self.to_end = True
        if self._daemon:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._daemon, number)
        else:
            self._kept.append(number)

    def are_for(self, daemon: int) -> None:
        """From now on they are that process's; 0: it has ended, and they are kept for the next one."""
        self._daemon = daemon
        while self._daemon and self._kept:
            os.kill(self._daemon, self._kept.pop(0))

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until one comes."""
        end = time.monotonic() + seconds
        while not self._kept and time.monotonic() < end:
            time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Watch:
    """How closely the daemon is watched: restarted when it is killed, taken down when it hangs (`limit_ms`, 0: never).

    `device`: a hardware watchdog that is fed as long as the daemon feeds us, empty for none. `keeper`: None for none.
    """

    restarts: bool = True
    limit_ms: int = 0
    device: str = ""
    keeper: KeeperSettings | None = None


def supervise(daemon: Callable[[], int], watch: Watch) -> int:
    """Run `daemon` in a child process; answers with its exit status when it has ended for good."""
    become_subreaper()
    hardware = Hardware(watch.device)
    try:
        return _supervise(daemon, watch, hardware)
    finally:
        hardware.close()


def _supervise(daemon: Callable[[], int], watch: Watch, hardware: Hardware) -> int:
    orders, pause = SupervisorOrders(), _FIRST_PAUSE_SECONDS
    ours, daemons = socket.socketpair()
    ours.setblocking(False)  # the flags of recv_fds are not passed on by every Python
    keeping = Keeping(watch.keeper)
    while True:
        keeping.wait()
        os.environ["CRMD_SUPERVISOR"] = str(daemons.fileno())
        began = time.monotonic()
        try:
            status = _run(daemon, watch, hardware, orders, keeping)
        except OSError as error:  # no process, no descriptor to be had: that may pass
            say(f"the daemon cannot be started: {error}")
            status = _NOT_STARTED
        if status == _FENCED_SELF:
            kill_trees([each for each in children().get(os.getpid(), []) if not keeping.is_keeper(each)])
            return status
        if _is_final(status) or not watch.restarts or orders.to_end:
            return status if status >= 0 else 128 - status
        if time.monotonic() - began > _CALM_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        _take_socket(ours)
        os.environ[_RESTARTED] = "1"
        say(f"the daemon {_told(status)}, it is started again in {pause:g} s")
        orders.pause(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _is_final(status: int) -> bool:
    """Whether a daemon that ended so is not to be started again."""
    return status in _OF_ITS_OWN_WILL or (status in _UNUSABLE and _RESTARTED not in os.environ)


def _told(status: int) -> str:
    if status < 0:
        return f"was killed by signal {-status}"
    if status == _NOT_STARTED:
        return "could not be started"
    if status in _UNUSABLE:
        return f"cannot work for now (exit status {status}, see above)"
    return "ended by a mistake of its own"


def _take_socket(channel: socket.socket) -> None:
    """The listening socket, if the daemon got as far as lending it; the next daemon inherits it."""
    try:
        _, descriptors, _, _ = socket.recv_fds(channel, 64, 1)
    except BlockingIOError:
        return
    if descriptors:
        os.environ["CRMD_LISTENING"] = str(descriptors[0])


def _run(daemon: Callable[[], int], watch: Watch, hardware: Hardware, orders: SupervisorOrders,
         keeping: Keeping) -> int:
    """One life of the daemon: its exit status, negative if a signal killed it."""
    parent = os.getpid()
    fed, feeds = os.pipe() if watch.limit_ms > 0 else (-1, -1)
    if feeds >= 0:
        os.environ["CRMD_WATCHDOG"] = str(feeds)
    # A daemon that is told to end while it starts does so when it can (`crm.daemon.supervision.take_signals`).
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    child = 0
    try:
        child = os.fork()
        if child == 0:
            _be_daemon(daemon, parent, keeping)
        orders.are_for(child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        _close(feeds)
        feeds = -1
        return _watch(child, fed, watch.limit_ms / 1000, hardware, keeping.look)
    except OSError:
        if child > 0:
            os.kill(child, signal.SIGKILL)  # the next one must not run beside it
            os.waitpid(child, 0)
        raise
    finally:
        orders.are_for(0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        _close(fed)
        _close(feeds)


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _be_daemon(daemon: Callable[[], int], parent: int, keeping: Keeping) -> NoReturn:
    """In the child. Whatever goes wrong, it never goes on as a second supervisor, nor looks like a regular end."""
    status = _NOT_STARTED
    try:
        _become_daemon(parent)
        keeping.become_daemon()
        status = _exit_status(daemon)
    except BaseException as error:
        why = str(error) if isinstance(error, OSError) else repr(error)
        say(f"the daemon cannot be started: {why}" if status == _NOT_STARTED else f"the daemon ends: {why}")
    finally:
        os._exit(status)


def _become_daemon(parent: int) -> None:
    die_with_parent()
    if os.getppid() != parent:
        os._exit(0)
    os.setpgid(0, 0)  # a Ctrl-C is for the first process, which passes it on: twice would mean at once
    signal.set_wakeup_fd(-1)
    for number in (*_ENDING, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def _exit_status(daemon: Callable[[], int]) -> int:
    import sys
    import traceback

    try:
        return daemon()
    except KeyboardInterrupt:
        return 130
    except BaseException:
        traceback.print_exc()
        return 70
    finally:
        with contextlib.suppress(OSError, ValueError):  # a log on a full disk
            sys.stdout.flush()
            sys.stderr.flush()


def _watch(child: int, fed: int, limit_seconds: float, hardware: Hardware, look: Callable[[], None]) -> int:
    """Reap everything that ends until the daemon does. One that has begun to say that it lives must go on saying so.

    `look` is called at least every second.
    """
    last: float | None = None
    with _woken_by_children() as woken:
        heard = [woken, fed] if fed >= 0 else [woken]
        while True:
            while (reaped := _reaped()) != _NOBODY:
                if reaped[0] == child:
                    return os.waitstatus_to_exitcode(reaped[1])
            look()
            ready, _, _ = select.select(heard, [], [], min(limit_seconds / 4, _LOOK_SECONDS) or _LOOK_SECONDS)
            if woken in ready:
                os.read(woken, 4096)
            if fed in ready and os.read(fed, 4096):
                last = time.monotonic()
                hardware.feed()
            if last is not None and time.monotonic() - last > limit_seconds:
                say(f"the daemon has hung for {limit_seconds:g} s; this node ends itself")
                return _FENCED_SELF


@contextlib.contextmanager
def _woken_by_children() -> Iterator[int]:
    """A descriptor that can be read when a child has ended: who looks for it meanwhile must not find it half dead."""
    woken, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    try:
        yield woken
    finally:
        signal.set_wakeup_fd(-1)
        os.close(woken)
        os.close(wakes)


def _reaped() -> tuple[int, int]:
    """A process that has ended, 0 if none has."""
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return _NOBODY


class Hardware:
    """The machine's watchdog: once opened it resets the machine unless it is fed."""

    def __init__(self, path: str) -> None:
        self._descriptor = -1
        if path:
            try:
                self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            except OSError as error:
                say(f"the watchdog {path} cannot be used: {error.strerror}")

    def feed(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.write(self._descriptor, b".")

    def close(self) -> None:
        """Disarm it: this daemon has ended as it should."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.write(self._descriptor, b"V")
            os.close(self._descriptor)
            self._descriptor = -1
