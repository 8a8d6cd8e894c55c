"""Waiting for a task of the API: silently, or with a line that says how far it is."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from crm.cli.connection import ERROR, OK, TIMEOUT, CommandError
from crm.cli.crmctl_commands.api_requests import path, send
from crm.cli.terminal import steer

_PATIENCE_S = 30
_QUIET_S = 5.0
"""Between two lines where a line cannot be written anew."""
_COLUMNS = 110


def follow(task: dict[str, Any], quiet: bool = False) -> int:
    """Wait for a task's end and say how it went (quiet: only if badly); the exit code. Ctrl-C leaves it running."""
    try:
        while task["state"] == "running":
            wait = path("tasks", task["id"])
            task = send("GET", wait, None, {"wait": str(_PATIENCE_S)}, timeout_seconds=2 * _PATIENCE_S)
    except KeyboardInterrupt:
        print(f"{task['kind']} of {task['about']} goes on (end it: crmctl task cancel {task['id']})")
        return 130
    if quiet and task["state"] == "done":
        return OK
    print(f"{task['kind']} of {task['about']}: {task['state']}" + (f", {task['message']}" if task["message"] else ""))
    if task["state"] == "done":
        return OK
    if task.get("next_step"):
        print(task["next_step"])
    return TIMEOUT if task["code"] == "timeout" else ERROR


def progress(task: dict[str, Any], undo: str = "") -> int:
    """Wait for a task's end with a line that says how far it is, and say what came of it; the exit code.

    Ctrl-C leaves what was changed as it is; `undo` is the command that takes it back.
    """
    line = ProgressLine(sys.stderr)
    try:
        while task["state"] == "running":
            wait = path("tasks", task["id"])
            task = send("GET", wait, None, {"wait": "1"}, timeout_seconds=_PATIENCE_S)
            line.show(task["message"] if task["state"] == "running" else "")
    except KeyboardInterrupt:
        line.end()
        back = f"; take it back: {undo}" if undo else ""
        again = f"crmctl task follow {task['id']}"
        print(f"No longer waiting. The change stays{back}. Wait again: {again}", file=sys.stderr)
        return 130
    finally:
        line.end()
    if task["state"] == "done":
        print(task["message"])
        return OK
    step = task.get("next_step") or (f"Take it back: {undo}" if undo else f"See: crmctl explain {task['about']}")
    raise CommandError(task["message"] or f"The wait was {task['state']}", step,
                       TIMEOUT if task["code"] == "timeout" else ERROR)


class ProgressLine:
    """A line that is written anew as things go on; where that cannot be seen, a line now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._shown = ""
        self._said_at = time.monotonic()
        self._since = self._said_at

    def show(self, text: str) -> None:
        """Say how far it is, if that is news."""
        now = time.monotonic()
        if self._live:
            told = f"{text} … {now - self._since:.0f} s" if text else ""
            steer(self._stream, "\r\033[K")
            print(told[:_COLUMNS], end="", file=self._stream, flush=True)
            self._shown = text
        elif text and text != self._shown and now - self._said_at >= _QUIET_S:
            print(f"{text} …", file=self._stream, flush=True)
            self._shown, self._said_at = text, now

    def end(self) -> None:
        """Leave no half line behind."""
        if self._live and self._shown:
            steer(self._stream, "\r\033[K")
            self._stream.flush()
            self._shown = ""
