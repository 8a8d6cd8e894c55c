"""`crmctl wait`, `crmctl task …`: what takes time."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, TextIO

from crm.cli.connection import ERROR, OK, TIMEOUT, CommandError, duration_seconds
from crm.cli.crmctl_commands import api_calls
from crm.cli.crmctl_commands.api_calls import Commands
from crm.cli.terminal import steer

_PATIENCE_S = 30
_QUIET_S = 5.0
"""Between two lines where a line cannot be written anew."""
_COLUMNS = 110


def add_to(commands: Commands) -> None:
    wait = commands.add_parser("wait", help="until the cluster has nothing left to do")
    wait.add_argument("--timeout", default="1h", metavar="TIME")
    wait.set_defaults(act=_wait)
    own = api_calls.group(commands, "task", "tasks: what takes time")
    own.add_parser("list", help="those of all nodes that are here").set_defaults(act=_list)
    for name, act, text in (("follow", _follow, "wait for its end"), ("cancel", _cancel, "end it")):
        command = own.add_parser(name, help=text)
        command.add_argument("task")
        command.set_defaults(act=act)


def follow(task: dict[str, Any], quiet: bool = False) -> int:
    """Wait for a task's end and say how it went (quiet: only if badly); the exit code. Ctrl-C leaves it running."""
    try:
        while task["state"] == "running":
            wait = api_calls.path("tasks", task["id"])
            task = api_calls.send("GET", wait, None, {"wait": str(_PATIENCE_S)}, timeout_seconds=2 * _PATIENCE_S)
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
            wait = api_calls.path("tasks", task["id"])
            task = api_calls.send("GET", wait, None, {"wait": "1"}, timeout_seconds=_PATIENCE_S)
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


def _wait(options: argparse.Namespace) -> int:
    return follow(api_calls.send("POST", "/v1/tasks/wait", None, {"timeout": str(duration_seconds(options.timeout))}))


def _list(_options: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    rows = [
        (each["id"], each["kind"], each["about"], each["state"],
         datetime.fromtimestamp(each["begun_at"], UTC).strftime("%Y-%m-%d %H:%M:%SZ"), each["message"])
        for each in api_calls.read("tasks")
    ]
    api_calls.print_table(("TASK", "KIND", "ABOUT", "STATE", "SINCE", ""), rows)


def _follow(options: argparse.Namespace) -> int:
    return follow(api_calls.read("tasks", options.task))


def _cancel(options: argparse.Namespace) -> int:
    return follow(api_calls.send("DELETE", api_calls.path("tasks", options.task)))
