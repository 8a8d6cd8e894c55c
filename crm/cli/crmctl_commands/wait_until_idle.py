"""What came of a change that concerns a node or many resources: waited for until the cluster is at rest, then told."""

from __future__ import annotations

import argparse

from crm.cli.connection import ERROR, OK, duration_seconds
from crm.cli.crmctl_commands import api_calls
from crm.cli.crmctl_commands.task_progress import progress


def node_changed(options: argparse.Namespace, node: str, undo: str) -> int:
    """Wait, and say what the node runs then; the exit code. One in standby is to run nothing."""
    waited = _until_rest(options, undo)
    if waited != OK:
        return waited
    runs = [each["resource"] for each in api_calls.read("nodes", node, "status")["running"]]
    if options.verb != "standby" or not runs:
        print(f"{node} runs {', '.join(runs) or 'nothing'}")
        return OK
    print(f"{node} still runs {', '.join(runs)}. See why: crmctl explain {runs[0]}")
    return ERROR


def cleaned_up(options: argparse.Namespace) -> int:
    """Wait, and say what has failed again; the exit code."""
    waited = _until_rest(options, "")
    if waited != OK:
        return waited
    # Of instances without their numbers: which of them it was does not matter.
    meant = {name.partition(":")[0] for name in api_calls.parts(options.resource)} if options.resource else None
    again = [each for each in api_calls.read("cluster")["failures"]
             if options.node in (None, each["node"]) and (meant is None or each["resource"].partition(":")[0] in meant)]
    for each in again:
        why = each["reason"] or f"exit code {each['rc']}"
        print(f"{each['operation']} of {each['resource']} on {each['node']} fails again: {why}")
    if not again:
        print("Nothing has failed since")
    return ERROR if again else OK


def _until_rest(options: argparse.Namespace, undo: str) -> int:
    limit = {"timeout": str(duration_seconds(options.timeout))}
    return progress(api_calls.send("POST", "/v1/tasks/wait", None, limit), undo)
