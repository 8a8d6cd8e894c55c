"""What the commands of `crmctl` have in common: ask the daemon with JSON, print a change, its findings, or its plan."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm.cli.connection import USAGE, CommandError, duration_seconds, in_sentences
from crm.cli.crmctl_commands.api_requests import path as path
from crm.cli.crmctl_commands.api_requests import read as read
from crm.cli.crmctl_commands.api_requests import send as send
from crm.cli.crmctl_commands.task_progress import progress


def parts(resource: str) -> list[str]:
    """The names of all that a resource is made of, itself among them; none of what is no resource, as a template."""
    try:
        waiting = [read("resources", resource)]
    except CommandError:
        return []  # What is asked next tells if there is nothing of that name.
    for each in waiting:
        waiting += each["children"]
    return [each["id"] for each in waiting]


def write(options: argparse.Namespace, method: str, where: str, value: object, said: str,
          query: Mapping[str, str | None] | None = None) -> dict[str, Any] | None:
    """A change: committed and told, or with --dry-run its plan; the answer if it was committed."""
    force = "true" if getattr(options, "force", False) else None
    answer = send(method, where, value, {**dry_run(options), "force": force, **(query or {})})
    if answer["dry_run"]:
        print_plan(answer)
        return None
    print_findings(answer)
    print("No change needed" if answer.get("unchanged") else f"{said}, CIB {answer['version']}", flush=True)
    return dict(answer)


def print_findings(answer: Mapping[str, Any]) -> None:
    """What is doubtful about a change that was made."""
    for report in answer.get("reports", []):
        if report["severity"] != "notice":
            print(f"{report['severity']}: {report['where']}: {in_sentences(report['message'], report['hint'])}",
                  file=sys.stderr)


def write_and_wait(options: argparse.Namespace, method: str, where: str, value: object, said: str, *, goal: str,
                   undo: str = "", query: Mapping[str, str | None] | None = None, **follow: object) -> int:
    """A change of a resource, and what came of it, unless --no-wait; the exit code.

    `goal` and `follow` as the API's `/v1/tasks/follow` has them; `undo` is the command that takes the change back.
    """
    limit = {"timeout": str(duration_seconds(options.timeout))}  # A wrong time is said before anything is done.
    answer = write(options, method, where, value, said, query)
    if answer is None or options.no_wait:
        return 0
    sys.stdout.flush()  # Whoever reads through a pipe is to know at once that the change is made.
    wish = {"resource": options.resource, "goal": goal, "version": answer["version"], **follow}
    return progress(send("POST", "/v1/tasks/follow", wish, limit), undo)


def add_wait(command: argparse.ArgumentParser) -> None:
    command.add_argument("--no-wait", action="store_true", help="do not wait until it has had its effect")
    command.add_argument("--timeout", default="1h", metavar="TIME", help="how long to wait (default 1h)")


def dry_run(options: argparse.Namespace) -> dict[str, str | None]:
    """The part of a query that says whether something is only to be planned."""
    return {"dry_run": "true" if getattr(options, "dry_run", False) else None}


def print_plan(plan: dict[str, Any]) -> None:
    """A plan for people."""
    from crm.cli.crmctl_commands.plan_text import plan_lines

    print("\n".join(plan_lines(plan)).rstrip())


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as they need to be; the last one is not filled up."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[place]) for line in (list(heads), *lines)) for place in range(len(heads))]
    for line in (list(heads), *lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def pairs(words: Iterable[str]) -> dict[str, str]:
    """`name=value` words. Raises CommandError."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise CommandError(f"“{word}” is not of the form name=value", code=USAGE)
        found[name] = value
    return found


def name_and_value(options: argparse.Namespace) -> tuple[str, str | None]:
    """`NAME VALUE` or `NAME=VALUE`, as people write either; no value: None."""
    if options.value is None and "=" in options.name:
        name, _, value = options.name.partition("=")
        return name, value
    return options.name, options.value


def add_dry_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dry-run", action="store_true", help="change nothing, print what the cluster would do")


def add_force(command: argparse.ArgumentParser) -> None:
    command.add_argument("--force", action="store_true", help="even if it could never work as things are")


Commands = Any
"""What `ArgumentParser.add_subparsers` returns; its class is private."""


def group(commands: Commands, name: str, text: str) -> Commands:
    """A command that has commands of its own."""
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    return parser.add_subparsers(metavar="COMMAND", required=True)
