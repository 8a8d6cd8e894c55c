"""`crm_mon`: the cluster's state as text, XML or HTML, once or again and again.

The display is made by the daemon; for a CIB in a file (`CIB_file` in the environment) it is made here.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from crm.cli.connection import CommandError, request, run
from crm.cli.monitor.arguments import MonitorOptions, parse
from crm.cli.monitor.view import MonitorView
from crm.cli.pacemaker import cib_file
from crm.cli.terminal import document, fitted, steer

_WARNING = 1


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 102: no daemon on this node; 1: `--simple-status` has a warning."""
    status = 0

    def work() -> None:
        nonlocal status
        status = _monitor(parse(arguments))

    return run("crm_mon", work) or status


def _monitor(wanted: MonitorOptions) -> int:
    file = cib_file.named()
    look = _from_file(file) if file else _from_daemon
    if wanted.interval_s is not None:
        _again_and_again(wanted, look)
    text = look(wanted.view)
    _write(text, wanted.output)
    return _WARNING if wanted.view.format == "simple" and "WARN" in text else 0


def _from_daemon(view: MonitorView) -> str:
    return request("GET", "/v1/cluster/text", query=view.query()).text


def _from_file(path: Path) -> Callable[[MonitorView], str]:
    from crm.cib.document import Document
    from crm.cib.errors import CibError
    from crm.cib.reading.cib_reader import read
    from crm.cib.upgrade import upgrade
    from crm.cli.monitor.display import show
    from crm.cli.monitor.situation import Situation
    from crm.policy_engine.observe import observe

    def look(view: MonitorView) -> str:
        try:
            document, _ = upgrade(Document.parse(path.read_bytes()))
            return show(Situation(document, observe(read(document.root), int(time.time()))), view)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}", "CIB_file in the environment names it", 66) from None
        except CibError as error:
            raise CommandError(f"{path}: {error}", error.hint, 78) from None

    return look


def _write(text: str, output: str | None) -> None:
    if output is None:
        sys.stdout.write(document(text) if text.startswith("<") else text)
        return
    # Readers never see half a file.
    beside = Path(f"{output}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(output)
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}", code=73) from None


def _again_and_again(wanted: MonitorOptions, look: Callable[[MonitorView], str]) -> None:
    assert wanted.interval_s is not None
    if wanted.background:
        _leave_terminal(wanted.pid_file)
    while True:
        try:
            text = look(wanted.view)
        except CommandError as error:
            if wanted.output is None:
                raise
            text = f"{error}\n"  # The daemon may come back, and whoever reads the file is to know meanwhile.
        # Home, the text, then clear what the last one left below: no flicker.
        if wanted.output is None:
            steer(sys.stdout, "\033[H\033[2J")
        _write(text, wanted.output)
        sys.stdout.flush()
        time.sleep(wanted.interval_s)


def _leave_terminal(pid_file: str | None) -> None:
    if os.fork():
        os._exit(0)
    os.setsid()
    if pid_file:
        _write(f"{os.getpid()}\n", pid_file)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


if __name__ == "__main__":
    sys.exit(main())
