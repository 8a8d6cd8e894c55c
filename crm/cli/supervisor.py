"""Watches over one daemon: starts it, starts it again when it is killed, ends when it ends of its own will.

It is a child subreaper, so what the daemon's agents started belongs to it and survives the daemon, and it reaps
whatever ends. It also keeps the message layer's listening socket open between two daemons (`crm.daemon.supervision`),
which tells the other nodes that this one is coming back. When it is killed itself, the daemon is killed too: a daemon
that nobody watches over would be a half dead node.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable

from crm.cli.processes import become_subreaper, die_with_parent

# A daemon that is killed again and again is given longer and longer pauses.
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_CALM_SECONDS = 30.0


def supervise(daemon: Callable[[], int], restarts: bool) -> int:
    """Run `daemon` in a child process; answers with its exit status when it has ended for good."""
    become_subreaper()
    pause = _FIRST_PAUSE_SECONDS
    ours, daemons = socket.socketpair()
    ours.setblocking(False)  # the flags of recv_fds are not passed on by every Python
    while True:
        os.environ["CRMD_SUPERVISOR"] = str(daemons.fileno())
        began = time.monotonic()
        status = _run(daemon)
        if status >= 0 or not restarts:
            return status if status >= 0 else 128 - status
        if time.monotonic() - began > _CALM_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        _take_socket(ours)
        print(f"crmd: the daemon was killed by signal {-status}, it is started again in {pause:g} s", flush=True)
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _take_socket(channel: socket.socket) -> None:
    """The listening socket, if the daemon got as far as lending it; the next daemon inherits it."""
    try:
        _, descriptors, _, _ = socket.recv_fds(channel, 64, 1)
    except BlockingIOError:
        return
    if descriptors:
        os.environ["CRMD_LISTENING"] = str(descriptors[0])


def _run(daemon: Callable[[], int]) -> int:
    """One life of the daemon: its exit status, negative if a signal killed it."""
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _become_daemon(parent)
        os._exit(_exit_status(daemon))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: os.kill(child, number))
    return _wait_for(child)


def _become_daemon(parent: int) -> None:
    die_with_parent()
    if os.getppid() != parent:
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
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
        sys.stdout.flush()
        sys.stderr.flush()


def _wait_for(child: int) -> int:
    """Reap everything that ends until the daemon does."""
    while True:
        process_id, status = os.wait()
        if process_id == child:
            return os.waitstatus_to_exitcode(status)
