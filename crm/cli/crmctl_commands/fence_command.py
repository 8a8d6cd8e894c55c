"""`crmctl fence`: fence a node, say that it is off, look at the history, and see who can fence whom."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from crm.cli.connection import USAGE, CommandError, request
from crm.cli.crmctl_commands import api_calls

_PATIENCE_S = 660
"""Fence agents may take minutes."""


def add_to(commands: Any) -> None:
    """Add the commands to `crmctl`'s."""
    fence = commands.add_parser("fence", help="cut a node off for good: power it off, or reboot it")
    fence.add_argument("node")
    fence.add_argument("--off", action="store_true", help="leave it off (default: reboot)")
    fence.add_argument("--yes", action="store_true", help="do not ask back")
    api_calls.add_dry_run(fence)
    fence.set_defaults(act=_fence)

    confirm = commands.add_parser("confirm", help="say that a lost node is off, because you have made sure of it")
    confirm.add_argument("node")
    confirm.add_argument("--yes", action="store_true", help="do not ask back")
    api_calls.add_dry_run(confirm)
    confirm.set_defaults(act=_confirm)

    accept = commands.add_parser("accept-loss", help="go on with what the nodes here have, though stores were lost")
    accept.add_argument("--yes", action="store_true", help="do not ask back")
    accept.set_defaults(act=_accept_loss)

    history = commands.add_parser("fence-history", help="what was fenced, by whom, and how it ended")
    history.add_argument("node", nargs="?", help="only this one")
    history.set_defaults(act=_history)

    coverage = commands.add_parser("fence-coverage", help="which device can fence which node, and from where")
    coverage.add_argument("--test", action="store_true", help="ask every device; nothing is done to any node")
    coverage.set_defaults(act=_coverage)


def _fence(options: argparse.Namespace) -> None:
    action = "off" if options.off else "reboot"
    where, wish = api_calls.path("fencing", "nodes", options.node), {"action": action}
    if options.dry_run:
        plan = api_calls.send("POST", where, wish, api_calls.dry_run(options), _PATIENCE_S)
        print("\n".join(f"{each['node']}: {each['action']}, {each['reason']}" for each in plan["fenced"]))
        api_calls.print_plan(plan)
        return
    api_calls.read("nodes", options.node)  # refuses an unknown one before anything is asked
    _ask_back(options, f"{options.node} will lose its power and all that it runs")
    api_calls.send("POST", where, wish, timeout_seconds=_PATIENCE_S)
    print(f"{options.node} is fenced ({action})")


def _confirm(options: argparse.Namespace) -> None:
    where = api_calls.path("fencing", "nodes", options.node, "confirm")
    if options.dry_run:
        api_calls.print_plan(api_calls.send("POST", where, None, api_calls.dry_run(options), _PATIENCE_S))
        return
    api_calls.read("nodes", options.node)
    _ask_back(options, f"If {options.node} is not off, what it runs will run twice, and data will be damaged"
              + _loss_by_confirming(options.node))
    api_calls.send("POST", where)
    print(f"{options.node} counts as fenced; what it ran is started elsewhere")


def _loss_by_confirming(node: str) -> str:
    """What is lost where a node has started without the other one, which may have gone on alone before."""
    alone = [each["where"] for each in api_calls.read("cluster")["reports"] if each["code"] == "started-alone"]
    if not alone or node in alone:
        return ""
    return (f". {alone[0]} has not met {node} since it started: what {node} alone has changed since they last met, "
            f"configuration and data (rows that a database has acknowledged), is lost. To boot {node} loses nothing")


def _accept_loss(options: argparse.Namespace) -> None:
    _ask_back(options, "Changes that only the nodes that are not here have kept will be lost")
    api_calls.send("POST", "/v1/cluster/accept-loss")
    print("The newest configuration that is here counts from now on; what it is: crmctl status, crmctl history list")


def _ask_back(options: argparse.Namespace, warning: str) -> None:
    """Ask a person at a terminal; a script has to say --yes."""
    import sys

    if options.yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{warning}. Nothing was done", "If that is what you want: --yes", USAGE)
    if input(f"{warning}. Go on? (yes/no) ").strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done")


def _history(options: argparse.Namespace) -> None:
    entries = _list("/v1/fencing/history", node=options.node)
    print("\n".join(_told(entry) for entry in entries) or "Nothing was fenced since the cluster started")


def _told(entry: Mapping[str, Any]) -> str:
    import time

    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["begun_at"]))
    how = f"by {entry['device']}" + (f" from {entry['executor']}" if entry["executor"] else "")
    ended = {"success": f"done {how}", "failed": f"FAILED: {entry['reason']}", "pending": "under way"}
    asked = f"asked by {entry['origin']}" + (f": {entry['why']}" if entry.get("why") else "")
    return f"{clock}  {entry['target']:<12} {entry['action']:<7} {ended[entry['state']]}, {asked}"


def _coverage(options: argparse.Namespace) -> int:
    """Exit status 1 if some node cannot be fenced."""
    entries = _list("/v1/fencing/coverage", test="true" if options.test else None)
    for entry in entries:
        ways = ", else ".join(" and ".join(way) for way in entry["ways"]) or "nothing"
        origins = f" from {', '.join(entry['origins'])}" if entry["origins"] else ""
        print(f"{entry['node']:<12} {ways}{origins}")
        for line in [entry["problem"], *entry["tested"]]:
            if line:
                print(f"             {line}")
    return 1 if any(entry["problem"] for entry in entries) else 0


def _list(path: str, **query: str | None) -> Sequence[Mapping[str, Any]]:
    value = request("GET", path, query=query, timeout_seconds=_PATIENCE_S).json()
    assert isinstance(value, list), "the API answers with a list"
    return value
