"""`crmctl`: the command for people. Says what is, does what is asked, and tells how to undo it."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from crm.cli.connection import NO_SUCH_OBJECT, CommandError, HttpAnswer, request, run
from crm.cli.crmctl_commands import api_calls
from crm.cli.crmctl_commands.command_parser import CommandParser
from crm.cli.release import add_version
from crm.cli.terminal import document, fitted

_FAMILIES = {
    "crmctl_commands.resource_commands": ("resource",),
    "crmctl_commands.object_commands": ("constraint", "property", "node", "ticket", "agent"),
    "crmctl_commands.access_commands": ("tag", "alert", "role", "user", "user-group", "fence-level", "defaults"),
    "crmctl_commands.result_commands": ("operation", "failure", "audit"),
    "crmctl_commands.plan_commands": ("plan", "apply", "simulate", "history"),
    "crmctl_commands.task_commands": ("wait", "task"),
    "crmctl_commands.transition_commands": ("transition",),
    "crmctl_commands.fence_command": ("fence", "confirm", "accept-loss", "fence-history", "fence-coverage"),
    "crmctl_commands.token_commands": ("token", "certificate"),
    "setup.command": ("cluster",),
}
"""Modules of `crm.cli` that add commands, by `add_to`, and which: only what was asked for is loaded."""
_OWN = ("status", "explain", "failover-test", "cib", "standby", "online", "maintenance", "move", "clear", "cleanup",
        "demo")


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes are those of Pacemaker's tools; see `crm.cli.connection`."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given[0] if given else "").parse_args(given)
    return run("crmctl", lambda: options.act(options))


def _parser(wanted: str) -> argparse.ArgumentParser:
    """For that command; for all of them if it is none of them."""
    parser = CommandParser(
        prog="crmctl",
        description="Look at a cluster and change what it does.",
        epilog="The daemon is asked over its unix socket: /run/crmd/crmd.sock, or what CRMD_SOCKET says.",
        allow_abbrev=False,
    )
    add_version(parser)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_looking(commands)
    _add_wishes(commands)
    for module in _modules(wanted):
        module.add_to(commands)

    demo = commands.add_parser("demo", help="three nodes on this machine that keep a web service running")
    demo.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    demo.set_defaults(act=_demo)
    return parser


def _add_looking(commands: api_calls.Commands) -> None:
    """What is, and what would be; nothing is changed."""
    status = commands.add_parser("status", help="nodes, resources, failures, and what should be looked at")
    status.add_argument("name", nargs="?", help="everything about this resource or node")
    status.add_argument("--json", action="store_true", help="as the REST API answers")
    status.set_defaults(act=_status)

    explain = commands.add_parser("explain", help="why a resource runs where it does, is stopped, or will be restarted")
    explain.add_argument("resource", help="any resource, group, clone or bundle, or one instance (web:0)")
    explain.add_argument("--cib", metavar="FILE", help="ask about this CIB instead of the live cluster")
    explain.add_argument("--node", help="only this node")
    explain.add_argument("--details", action="store_true", help="everything about every instance")
    explain.add_argument("--json", action="store_true", help="as data")
    explain.set_defaults(act=_explain)

    failover = commands.add_parser("failover-test", help="what would happen if nodes were lost or resources failed")
    _add_failover_arguments(failover)
    failover.set_defaults(act=_failover_test)

    cib = commands.add_parser("cib", help="print the configuration; see cibadmin to change it")
    cib.add_argument("section", nargs="?", help="only a section, such as resources")
    cib.set_defaults(act=_cib)


def _add_wishes(commands: api_calls.Commands) -> None:
    """What nodes and resources are to do, for a while."""
    for name, text in (
        ("standby", "let a node run nothing; what it runs moves away"),
        ("online", "end standby and maintenance of a node"),
        ("maintenance", "leave everything on a node as it is"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("nodes", nargs="+", metavar="node")
        api_calls.add_dry_run(command)
        api_calls.add_wait(command)
        command.set_defaults(act=_nodes, verb=name)

    move = commands.add_parser("move", help="have a resource run elsewhere for a while")
    move.add_argument("resource")
    move.add_argument("node", nargs="?", help="where to; without it: away from where it is")
    move.add_argument("--for", dest="duration", default="1h", metavar="TIME", help="such as 30min, 2h (default 1h)")
    move.add_argument("--forever", action="store_true", help="until it is cleared")
    move.add_argument("--promoted", action="store_true", help="only its promoted role")
    api_calls.add_dry_run(move)
    api_calls.add_wait(move)
    move.set_defaults(act=_move)

    clear = commands.add_parser("clear", help="undo the moves of a resource")
    clear.add_argument("resource")
    api_calls.add_dry_run(clear)
    api_calls.add_wait(clear)
    clear.set_defaults(act=_clear)

    cleanup = commands.add_parser("cleanup", help="forget failures and look again")
    cleanup.add_argument("resource", nargs="?", help="only of this resource")
    cleanup.add_argument("--node", help="only on this node")
    cleanup.add_argument("--all", action="store_true", help="also what has not failed: its agents are asked how it is")
    api_calls.add_dry_run(cleanup)
    api_calls.add_wait(cleanup)
    cleanup.set_defaults(act=_cleanup)


def _modules(wanted: str) -> Iterator[Any]:
    known = wanted in _OWN or any(wanted in commands for commands in _FAMILIES.values())
    for name, commands in _FAMILIES.items():
        if wanted in commands or not known:
            yield importlib.import_module(f"crm.cli.{name}")


def _status(options: argparse.Namespace) -> None:
    if options.name is not None:
        _status_of(options)
        return
    answer = request("GET", "/v1/cluster")
    if options.json:
        print(answer.text)
        return
    from crm.cli.crmctl_commands.status_overview import overview

    print("\n".join(overview(_object(answer), _waiting_operations())))


def _waiting_operations() -> list[Any]:
    """What waits on the nodes; nothing where a daemon of an older release does not tell."""
    try:
        return list(api_calls.read("operations", "waiting"))
    except CommandError:
        return []


def _status_of(options: argparse.Namespace) -> None:
    """One resource, or one node: the name tells which, and a resource comes first."""
    resources, nodes = api_calls.read("resources"), [node["name"] for node in api_calls.read("nodes")]
    known = list(_names(resources))
    what = "resources" if options.name in known else "nodes" if options.name in nodes else None
    if what is None:
        raise _nothing_of_that_name(options.name, [*known, *nodes])
    answer = request("GET", api_calls.path(what, options.name, "status"))
    if options.json:
        print(answer.text)
        return
    from crm.cli.crmctl_commands import detail_text

    lines = detail_text.resource_lines if what == "resources" else detail_text.node_lines
    print("\n".join(lines(_object(answer))))


def _names(resources: list[dict[str, Any]]) -> Iterator[str]:
    """Names of resources and all that they are made of; of numbered instances also the name without the number."""
    for each in resources:
        yield from (each["id"], each["id"].partition(":")[0])
        yield from _names(each["children"])


def _nothing_of_that_name(name: str, known: list[str]) -> CommandError:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(dict.fromkeys(known)) or 'none yet'}"
    return CommandError(f"There is no resource and no node {name}", hint, NO_SUCH_OBJECT)


def _explain(options: argparse.Namespace) -> None:
    from crm.cli.crmctl_commands.explain_command import run as explain

    explain(options)


def _add_failover_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("cib", nargs="?", metavar="CIB", help="a CIB file; without one, that of the live cluster")
    faults = "of nodes, pairs, resources, standby, partitions (default: nodes,resources,standby)"
    command.add_argument("--faults", default="nodes,resources,standby", metavar="KINDS", help=faults)
    command.add_argument("--nodes", metavar="NAMES", help="pretend that these nodes belong to it as well")
    command.add_argument("--expect", metavar="FILE.toml", help="what has to hold; see the README for examples")
    command.add_argument("--format", choices=("text", "json", "matrix"), default="text", help="how to answer")


def _failover_test(options: argparse.Namespace) -> int:
    from crm.cli.crmctl_commands.failover_test import run as failover_test

    return failover_test(options)


def _cib(options: argparse.Namespace) -> None:
    sys.stdout.write(document(request("GET", "/v1/cib", query={"section": options.section}).text))


def _nodes(options: argparse.Namespace) -> int:
    """One change after the other; then what all of them run. The gravest exit code."""
    changed = [node for node in options.nodes if _node(options, node)]
    if options.no_wait:
        return 0
    from crm.cli.crmctl_commands.wait_until_idle import node_changed

    undo = "" if options.verb == "online" else "crmctl online {}"
    return max((node_changed(options, node, undo.format(node)) for node in changed), default=0)


def _node(options: argparse.Namespace, node: str) -> bool:
    """Whether the change was made, and not only planned."""
    undo = "" if options.verb == "online" else f" (undo: crmctl online {node})"
    said = {"standby": "is in standby", "online": "is online", "maintenance": "is in maintenance"}[options.verb]
    where = api_calls.path("nodes", node, options.verb)
    return api_calls.write(options, "POST", where, None, f"Node {node} {said}{undo}") is not None


def _move(options: argparse.Namespace) -> int:
    from crm.cli.crmctl_commands.resource_commands import move

    return move(options)


def _clear(options: argparse.Namespace) -> int:
    from crm.cli.crmctl_commands.resource_commands import clear

    return clear(options)


def _cleanup(options: argparse.Namespace) -> int:
    path = api_calls.path("resources", options.resource, "cleanup") if options.resource else "/v1/cluster/cleanup"
    everything = "true" if options.all else None
    answer = api_calls.send("POST", path, None, {"node": options.node, "everything": everything,
                                                 **api_calls.dry_run(options)})
    if options.dry_run:
        api_calls.print_plan(answer)
        return 0
    count = answer["forgotten"]
    print(f"Cleared the history of {count} resource{'' if count == 1 else 's'}; re-probing", flush=True)
    if options.no_wait:
        return 0
    from crm.cli.crmctl_commands.wait_until_idle import cleaned_up

    return cleaned_up(options)


def _demo(options: argparse.Namespace) -> int:
    from crm.cli.demo import main as demo

    return demo(options.rest)


def _object(answer: HttpAnswer) -> dict[str, Any]:
    value = answer.json()
    assert isinstance(value, dict), "the API answers with an object"
    return value


if __name__ == "__main__":
    sys.exit(main())
