"""`crmctl wait`, `crmctl task …`: what takes time."""

from __future__ import annotations

import argparse
from typing import Any

from crm.cli import asking
from crm.cli.asking import Commands
from crm.cli.connection import ERROR, OK, duration_seconds

_PATIENCE_S = 30


def add_to(commands: Commands) -> None:
    wait = commands.add_parser("wait", help="until the cluster has nothing left to do")
    wait.add_argument("--timeout", default="1h", metavar="TIME")
    wait.set_defaults(act=_wait)
    own = asking.group(commands, "task", "tasks: what takes time")
    own.add_parser("list", help="those of all nodes that are here").set_defaults(act=_list)
    for name, act, text in (("follow", _follow, "wait for its end"), ("cancel", _cancel, "end it")):
        command = own.add_parser(name, help=text)
        command.add_argument("task")
        command.set_defaults(act=act)


def follow(task: dict[str, Any], quiet: bool = False) -> int:
    """Wait for a task's end and say how it went (quiet: only if badly); the exit code. Ctrl-C leaves it running."""
    try:
        while task["state"] == "running":
            wait = asking.path("tasks", task["id"])
            task = asking.send("GET", wait, None, {"wait": str(_PATIENCE_S)}, timeout_seconds=2 * _PATIENCE_S)
    except KeyboardInterrupt:
        print(f"{task['kind']} of {task['about']} goes on (end it: crmctl task cancel {task['id']})")
        return 130
    if quiet and task["state"] == "done":
        return OK
    print(f"{task['kind']} of {task['about']}: {task['state']}" + (f", {task['message']}" if task["message"] else ""))
    if task["state"] == "done":
        return OK
    return 124 if task["code"] == "timeout" else ERROR


def _wait(options: argparse.Namespace) -> int:
    return follow(asking.send("POST", "/v1/tasks/wait", None, {"timeout": str(duration_seconds(options.timeout))}))


def _list(_options: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    rows = [
        (each["id"], each["kind"], each["about"], each["state"],
         datetime.fromtimestamp(each["begun_at"], UTC).strftime("%Y-%m-%d %H:%M:%SZ"), each["message"])
        for each in asking.read("tasks")
    ]
    asking.print_table(("TASK", "KIND", "ABOUT", "STATE", "SINCE", ""), rows)


def _follow(options: argparse.Namespace) -> int:
    return follow(asking.read("tasks", options.task))


def _cancel(options: argparse.Namespace) -> int:
    return follow(asking.send("DELETE", asking.path("tasks", options.task)))
