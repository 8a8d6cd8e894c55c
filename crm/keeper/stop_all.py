"""Carries stop orders out: what was started last is stopped first, what was started side by side at once.

What began when another one was up may need that one; nothing else is known of what needs what. When half of the time is
over, everything that is left is stopped at once: that it stops in time comes before the order.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from crm.keeper.lease_file import now_ns
from crm.keeper.log_line import say
from crm.keeper.orders import StopOrder, StopOrderFolder, in_control_group
from crm.keeper.processes import kill_trees

_PAUSE_S = 0.005
_UMASK = 0o026  # as the executor's


class Stopping:
    """Stops in progress."""

    def __init__(self, orders: StopOrderFolder) -> None:
        self._orders = orders
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def stop(self, wanted: Sequence[StopOrder], until_ns: int) -> list[StopOrder]:
        """Carry orders out until that moment; returns those that were not done by then."""
        left = {order.resource: order for order in wanted}
        tried: set[str] = set()
        half_ns = now_ns() + max(0, until_ns - now_ns()) // 2
        while left and now_ns() < until_ns and (self._running or not tried >= set(left)):
            at_once = now_ns() >= half_ns
            for order in list(left.values()):
                if order.resource not in tried and (at_once or not _is_needed(order, left.values())):
                    tried.add(order.resource)
                    self._begin(order)
            for resource in self._ended():
                self._orders.drop(resource)
                left.pop(resource)
            time.sleep(_PAUSE_S)
        self._give_up()
        return list(left.values())

    def _begin(self, order: StopOrder) -> None:
        try:
            with self._log() as log:
                self._running[order.resource] = subprocess.Popen(
                    order.arguments, env=order.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True, cwd="/", umask=_UMASK)
        except (OSError, ValueError) as error:
            say(f"{order.resource} cannot be stopped by {order.arguments[0]}: {error}")

    def _log(self) -> BinaryIO:
        """Not where the keeper speaks: if nobody listens there any more, an agent that speaks would die of it."""
        try:
            return self._orders.log.open("ab")
        except OSError:  # a full disk is no reason not to stop things
            return Path(os.devnull).open("ab")

    def _ended(self) -> list[str]:
        """Those whose stop has ended well; the others are told of."""
        over = {resource: process.returncode for resource, process in self._running.items()
                if process.poll() is not None}
        for resource, code in over.items():
            del self._running[resource]
            if code != 0:
                say(f"the stop of {resource} failed: exit status {code}")
        return [resource for resource, code in over.items() if code == 0]

    def _give_up(self) -> None:
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
        self._running.clear()


def end_processes(orders: Iterable[StopOrder]) -> None:
    """End the processes of resources, with all that descends from them, by the marks that they have."""
    wanted = [{mark.encode() for mark in order.marks} for order in orders if order.marks]
    kill_trees([process_id for process_id, marks in _marked() if any(each <= marks for each in wanted)])


def _marked() -> Iterable[tuple[int, set[bytes]]]:
    """Every process but this one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                yield int(entry.name), marks(entry)


def marks(process: Path) -> set[bytes]:
    """What the folder of a process tells of it: its variables, and the control groups around it. Raises OSError."""
    variables = (process / "environ").read_bytes().split(b"\0")
    lines = (process / "cgroup").read_bytes().splitlines()
    groups = (name for line in lines for name in line.split(b":", 2)[2].split(b"/") if name)
    return {*variables, *(in_control_group(os.fsdecode(name)).encode() for name in groups)}


def _is_needed(order: StopOrder, left: Iterable[StopOrder]) -> bool:
    """Whether something that is not stopped yet was begun when that was up."""
    return any(other.began_ns >= order.started_ns for other in left if other is not order)
