"""What came of a change that concerns a node or many resources: waited for until the cluster is at rest, then told."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from crm.cli import asking
from crm.cli.connection import ERROR, OK, duration_seconds
from crm.cli.task_commands import progress


def node_changed(options: argparse.Namespace, undo: str) -> int:
    """Wait, and say what the node runs then; the exit code. One in standby is to run nothing."""
    waited = _until_rest(options, undo)
    if waited != OK:
        return waited
    runs = [each["resource"] for each in asking.read("nodes", options.node, "status")["running"]]
    if options.verb != "standby" or not runs:
        print(f"{options.node} runs {', '.join(runs) or 'nothing'}")
        return OK
    print(f"{options.node} still runs {', '.join(runs)}. See why: crmctl explain {runs[0]}")
    return ERROR


def cleaned_up(options: argparse.Namespace) -> int:
    """Wait, and say what has failed again; the exit code."""
    waited = _until_rest(options, "")
    if waited != OK:
        return waited
    again = [each for each in asking.read("cluster")["failures"] if _concerns(options, each)]
    for each in again:
        why = each["reason"] or f"exit code {each['rc']}"
        print(f"{each['operation']} of {each['resource']} on {each['node']} fails again: {why}")
    if not again:
        print("Nothing has failed since")
    return ERROR if again else OK


def _until_rest(options: argparse.Namespace, undo: str) -> int:
    limit = {"timeout": str(duration_seconds(options.timeout))}
    return progress(asking.send("POST", "/v1/tasks/wait", None, limit), undo)


def _concerns(options: argparse.Namespace, failure: dict[str, Any]) -> bool:
    if options.node is not None and failure["node"] != options.node:
        return False
    return options.resource is None or failure["resource"].partition(":")[0] in _names(options.resource)


def _names(resource: str) -> Iterable[str]:
    """The resource and all that it is made of, without the numbers of instances."""
    waiting = [asking.read("resources", resource)]
    for each in waiting:
        waiting += each["children"]
    return {each["id"].partition(":")[0] for each in waiting}
