"""`crmctl operation …`, `failure …`, `audit`: what agents did, what of it failed, and who changed what."""

from __future__ import annotations

import argparse
from typing import Any

from crm.cli.crmctl_commands import api_calls
from crm.cli.crmctl_commands.api_calls import Commands


def add_to(commands: Commands) -> None:
    operations = api_calls.group(commands, "operation", "operations: what agents did last, on each node")
    _add(operations, "list", "last results, the newest last", _operations)
    failures = api_calls.group(commands, "failure", "failures: what failed and was not cleaned up since")
    _add(failures, "list", "with the reason, what the agent said last, and what to do", _failures)
    show = failures.add_parser("show", help="all that is known of the failures of a resource")
    show.add_argument("resource")
    show.add_argument("--node", help="only on this node")
    show.set_defaults(act=_failure)
    _add(failures, "counts", "how often, where: migration-threshold counts these", _counts)


    trail = commands.add_parser("audit", help="who changed what, and who was turned away; for administrators")
    trail.add_argument("--user", help="only what this user asked for")
    trail.add_argument("--refused", action="store_true", help="only who was turned away")
    trail.add_argument("--limit", type=int, default=20, metavar="N", help="so many, the newest (default 20)")
    trail.set_defaults(act=_audit)


def _add(own: Commands, name: str, text: str, act: Any) -> None:
    command = own.add_parser(name, help=text)
    command.add_argument("resource", nargs="?", help="only of this resource")
    command.add_argument("--node", help="only on this node")
    command.set_defaults(act=act)


def _audit(options: argparse.Namespace) -> None:
    found = api_calls.read("audit", user=options.user, refused="true" if options.refused else None,
                           limit=str(options.limit))
    rows = [(each["at"][:19], each["node"], f"{each['user']} ({each['door']})", each["status"],
             f"{each['method']} {each['path']}" + (f"?{each['query']}" if each["query"] else ""), each["code"])
            for each in reversed(found)]
    api_calls.print_table(("AT (UTC)", "NODE", "WHO", "STATUS", "WHAT", ""), rows)


def _operations(options: argparse.Namespace) -> None:
    found = api_calls.read("operations", resource=options.resource, node=options.node)
    _check_names(options, found)
    rows = [(_moment(each["at"]), each["resource"], _operation(each), each["node"], _result(each), each["reason"])
            for each in sorted(found, key=lambda each: each["at"] or 0)]
    api_calls.print_table(("AT", "RESOURCE", "OPERATION", "NODE", "RESULT", ""), rows)


def _failures(options: argparse.Namespace) -> None:
    found = api_calls.read("failures", resource=options.resource, node=options.node)
    for each in found:
        reason = each["reason"] or f"exit code {each['rc']}"
        print(f"{_moment(each['at'])}  {each['resource']} {each['operation']} on {each['node']}: {reason}")
        _print_output(each)
        print(f"  {each['next_step']}")
    _check_names(options, found)
    if not found:
        print("Nothing has failed")


def _failure(options: argparse.Namespace) -> None:
    counts = api_calls.read("failures", "counts", resource=options.resource, node=options.node)
    found = api_calls.read("failures", resource=options.resource, node=options.node)
    for each in found:
        print(f"{each['resource']}: {each['operation']} failed on {each['node']} at {_moment(each['at'])}")
        print(f"  outcome    exit code {each['rc']}, {_STATES.get(each['status'], 'ended by itself')}")
        print(f"  reason     {each['reason'] or 'the agent gave none'}")
        if each["output"]:
            print("  the agent said last")
            _print_output(each)
        times = [count["count"] for count in counts
                 if (count["node"], count["operation"]) == (each["node"], each["operation"])]
        print(f"  counted    {', '.join(times) or 'not'}")
        print(f"  next       {each['next_step']}")
    _check_names(options, found)
    if not found:
        print(f"Nothing of {options.resource} has failed")


def _print_output(failure: dict[str, Any]) -> None:
    for line in failure["output"].splitlines():
        print(f"    | {line}")


def _counts(options: argparse.Namespace) -> None:
    found = api_calls.read("failures", "counts", resource=options.resource, node=options.node)
    _check_names(options, found)
    rows = [(each["resource"], _operation(each), each["node"], each["count"]) for each in found]
    api_calls.print_table(("RESOURCE", "OPERATION", "NODE", "FAILURES"), rows)


def _check_names(options: argparse.Namespace, found: list[dict[str, Any]]) -> None:
    """Nothing is also what is found of a misspelt name. Raises CommandError. What is removed may have left results."""
    if not found and options.resource:
        api_calls.read("resources", options.resource)
    if not found and options.node:
        api_calls.read("nodes", options.node)


def _operation(each: dict[str, Any]) -> str:
    interval = f" every {each['interval_ms'] / 1000:g} s" if each["interval_ms"] else ""
    return f"{each['operation']}{interval}"


_STATES = {-1: "under way", 1: "cancelled", 2: "timed out", 3: "not supported", 4: "error"}


def _result(each: dict[str, Any]) -> str:
    took = f" after {each['took_ms'] / 1000:g} s" if each["took_ms"] is not None else ""
    state = _STATES.get(each["status"], "")
    code = f"exit code {each['rc']}" if each["rc"] is not None and not state else state
    return code + took


def _moment(seconds: int | None) -> str:
    import time

    return "-" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
