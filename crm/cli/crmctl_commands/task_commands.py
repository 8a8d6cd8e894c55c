"""`crmctl wait`, `crmctl task …`: what takes time."""

from __future__ import annotations

import argparse

from crm.cli.connection import duration_seconds
from crm.cli.crmctl_commands import api_calls
from crm.cli.crmctl_commands.api_calls import Commands
from crm.cli.crmctl_commands.task_progress import follow


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
