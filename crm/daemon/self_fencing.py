"""A node ends itself: at once, without asking anybody, because others rely on it.

Two ways. `processes`: this daemon and all that its agents started end (its supervisor sees to that); it needs no
rights, but leaves what is no process: addresses, mounts, devices. `reboot`: the kernel resets the machine, without a
shutdown, which is what fencing means; it needs root. Nothing here may block or fail half way.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from crm.daemon.log import flush
from crm.daemon.supervision import FENCED_SELF

log = logging.getLogger("crm.daemon")

_SYSRQ = Path("/proc/sysrq-trigger")


def way_to_end(way: str) -> Callable[[str], None]:
    """The function that ends this node, for the setting `self_fencing`."""
    return _reboot if way == "reboot" else _end_processes


def _end_processes(reason: str) -> NoReturn:
    log.critical("this node ends itself and all that it runs: %s", reason)
    flush()
    os._exit(FENCED_SELF)


def _reboot(reason: str) -> None:
    log.critical("this machine is reset: %s", reason)
    with contextlib.suppress(OSError):
        Path("/proc/sys/kernel/sysrq").write_text("1")
        _SYSRQ.write_text("b")
    _end_processes(f"{reason} (the machine could not be reset: is this root?)")
