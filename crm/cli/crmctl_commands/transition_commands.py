"""`crmctl transition …`: what the cluster did, step by step, and whether it would do the same again."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from crm.cli.connection import request
from crm.cli.crmctl_commands import api_calls
from crm.cli.crmctl_commands.api_calls import Commands

_ID = "NODE-NUMBER as the list has it; a number alone: one of the present DC's"


def add_to(commands: Commands) -> None:
    own = api_calls.group(commands, "transition", "transitions: what the cluster did")
    listing = own.add_parser("list", help="the newest first, of all nodes that are here")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="so many (default 20; 0: all)")
    listing.set_defaults(act=_list)
    for name, act, text in (("show", _show, "its actions with their times"),
                            ("graph", _graph, "its graph, for graphviz: … | dot -Tsvg"),
                            ("input", _input, "the CIB that it was planned from, for crm_simulate"),
                            ("replay", _replay, "plan again from its input: why, and is it the same?")):
        command = own.add_parser(name, help=text)
        command.add_argument("transition", help=_ID)
        command.set_defaults(act=act)


def _list(options: argparse.Namespace) -> None:
    answer = request("GET", "/v1/transitions", query={"limit": str(options.limit) if options.limit else None})
    found: Any = answer.json()
    rows = [(each["id"], _moment(each["begun_at"]), each["actions"], _outcome(each), each["version"]) for each in found]
    api_calls.print_table(("TRANSITION", "BEGUN", "ACTIONS", "OUTCOME", "CIB"), rows)
    missing = answer.headers.get("crmd-missing")
    if missing:
        print(f"Those that {missing} led are not listed: it is not here")
    if "link" in answer.headers:
        print("There are older ones: --limit 0")


def _outcome(record: Mapping[str, Any]) -> str:
    return f"{record['outcome']}: {record['reason']}" if record["reason"] else str(record["outcome"])


def _moment(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _show(options: argparse.Namespace) -> None:
    print("\n".join(_told(api_calls.read("transitions", options.transition))))


def _told(record: Mapping[str, Any]) -> Iterator[str]:
    yield f"{record['id']}: {_outcome(record)}, begun {_moment(record['begun_at'])}, from CIB {record['version']}"
    done = [each for each in record["actions"] if each["begun_at"] is not None]
    begun_at = min((each["begun_at"] for each in done), default=0.0)
    for each in sorted(done, key=lambda each: (each["begun_at"], each["id"])):
        yield f"  {each['begun_at'] - begun_at:+8.2f} s  {_action(each)}: {_end(each)}"
    never = [each for each in record["actions"] if each["begun_at"] is None]
    if never and record["outcome"] != "running":
        yield "Not begun:"
        yield from (f"  {_action(each)}" for each in never)


def _action(action: Mapping[str, Any]) -> str:
    interval = f" every {action['interval_ms'] / 1000:g} s" if action["interval_ms"] else ""
    place = f" on {action['node']}" if action["node"] else ""
    return f"{action['operation']}{' ' + action['resource'] if action['resource'] else ''}{interval}{place}"


def _end(action: Mapping[str, Any]) -> str:
    if action["ended_at"] is None:
        return "no result"
    return f"{'done' if action['ok'] else 'FAILED'} after {action['ended_at'] - action['begun_at']:.2f} s"


def _graph(options: argparse.Namespace) -> None:
    print(request("GET", api_calls.path("transitions", options.transition, "graph")).text, end="")


def _input(options: argparse.Namespace) -> None:
    print(request("GET", api_calls.path("transitions", options.transition, "input")).text, end="")


def _replay(options: argparse.Namespace) -> int:
    """Exit status 1 if it would be another one now."""
    from crm.cli.crmctl_commands.plan_text import plan_lines

    replayed = api_calls.read("transitions", options.transition, "replay")
    print("\n".join(plan_lines(replayed["plan"], details=True)).rstrip())
    for name, text in (("only_then", "Done then, not planned now"), ("only_now", "Planned now, not then")):
        for each in replayed[name]:
            print(f"{text}: {each}")
    print(f"{replayed['id']} would {'be the same' if replayed['same'] else 'be another one'} now")
    return 0 if replayed["same"] else 1
