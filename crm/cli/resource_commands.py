"""`crmctl resource …`: create, look at, change and delete resources, and tell them what to do."""

from __future__ import annotations

import argparse
from typing import Any

from crm.cli import asking, definitions
from crm.cli.asking import Commands
from crm.cli.connection import USAGE, CommandError, duration_seconds

_CREATE = """The words after the agent are its parameters; then, in any order, more of each kind:
  crmctl resource create ip ocf:heartbeat:IPaddr2 ip=10.0.0.9 op monitor interval=10s timeout=20s meta priority=5"""
_KINDS = {"parameter": "parameters", "meta": "meta", "utilization": "utilization"}


def add_to(commands: Commands) -> None:
    own = asking.group(commands, "resource", "resources: what runs")
    _add_looking(own)
    _add_defining(own)
    _add_wishes(own)
    _add_values(own)


def _add_looking(own: Commands) -> None:
    own.add_parser("list", help="all resources, where they are").set_defaults(act=_list)
    definitions.add_show(own, definitions.RESOURCE)


def _add_defining(own: Commands) -> None:
    create = own.add_parser("create", help="a new primitive", epilog=_CREATE,
                            formatter_class=argparse.RawDescriptionHelpFormatter)
    create.add_argument("resource")
    create.add_argument("agent", help="such as ocf:heartbeat:IPaddr2, or @TEMPLATE")
    create.add_argument("words", nargs=argparse.REMAINDER, metavar="name=value … [op NAME …] [meta …] [utilization …]")
    _add_writing(create, _create)
    asking.add_force(create)
    for kind, text in (("group", "resources that run together, in order"), ("clone", "one that runs on many nodes")):
        command = own.add_parser(kind, help=text)
        command.add_argument("resource", help="the new id")
        command.add_argument("members", nargs="+", help="ids of resources; then meta attributes as name=value")
        _add_writing(command, _collect, kind=kind)
        asking.add_force(command)
    definitions.add_define(own, definitions.RESOURCE)
    delete = own.add_parser("delete", help="delete one, with its constraints")
    delete.add_argument("resource")
    delete.add_argument("--keep-members", action="store_true", help="of a group or clone: keep what is in it")
    _add_writing(delete, _delete)


def _add_wishes(own: Commands) -> None:
    for verb, text in (("start", "end what keeps it stopped"), ("stop", "until it is started")):
        command = own.add_parser(verb, help=text)
        command.add_argument("resource")
        _add_writing(command, _start_or_stop, verb=verb)
    restart = own.add_parser("restart", help="stop and start again; returns when that is done")
    restart.add_argument("resource")
    restart.add_argument("--timeout", default="1h", metavar="TIME")
    asking.add_dry_run(restart)
    restart.set_defaults(act=_restart)
    ban = own.add_parser("ban", help="keep it away from a node for a while")
    ban.add_argument("resource")
    ban.add_argument("node", nargs="?", help="without it: from where it is")
    ban.add_argument("--for", dest="duration", default="1h", metavar="TIME", help="such as 30min, 2h (default 1h)")
    ban.add_argument("--promoted", action="store_true", help="only its promoted role")
    ban.add_argument("--forever", action="store_true", help="until it is cleared")
    _add_writing(ban, _ban)


def _add_values(own: Commands) -> None:
    for word, kind in _KINDS.items():
        command = own.add_parser(word, help=f"set or remove one of its {kind}")
        command.add_argument("resource")
        command.add_argument("name")
        command.add_argument("value", nargs="?", help="without it, it is removed")
        _add_writing(command, _value, kind=kind)
        asking.add_force(command)


def _add_writing(command: argparse.ArgumentParser, act: Any, **more: str) -> None:
    asking.add_dry_run(command)
    command.set_defaults(act=act, **more)


def _list(_options: argparse.Namespace) -> None:
    rows = [row for top in asking.read("resources") for row in _rows(top, "")]
    asking.print_table(("RESOURCE", "AGENT", "ROLE", "NODES"), rows)


def _rows(resource: dict[str, Any], indent: str) -> list[tuple[str, str, str, str]]:
    marks = [word for word in ("failed", "blocked") if resource[word]]
    role = " ".join([resource["role"], *marks, *([] if resource["managed"] else ["unmanaged"])])
    own = (indent + resource["id"], resource["agent"] or resource["kind"], role, ", ".join(resource["nodes"]) or "-")
    return [own, *(row for child in resource["children"] for row in _rows(child, indent + "  "))]


def _create(options: argparse.Namespace) -> None:
    words = [word for word in options.words if not word.startswith("--")]
    # What follows the agent is taken as it is, so that options at the end have to be looked for here.
    options.dry_run = options.dry_run or "--dry-run" in options.words
    options.force = options.force or "--force" in options.words
    value = {"kind": "primitive", "id": options.resource, **_definition(words)}
    if options.agent.startswith("@"):
        value["template"] = options.agent[1:]
    else:
        value["agent"] = options.agent
    asking.write(options, "POST", "/v1/resources", value, f"{options.resource} is configured")


def _definition(words: list[str]) -> dict[str, Any]:
    """Parameters, `meta`, `utilization` and operations from the words of a command line."""
    found: dict[str, Any] = {"parameters": [], "meta": [], "utilization": []}
    operations: list[tuple[str, list[str]]] = []
    rest = iter(words)
    target = found["parameters"]
    for word in rest:
        if word in ("params", "parameters"):
            target = found["parameters"]
        elif word in ("meta", "utilization"):
            target = found[word]
        elif word == "op":
            operations.append((next(rest, ""), []))
            target = operations[-1][1]
        else:
            target.append(word)
    return {
        **{kind: asking.pairs(given) for kind, given in found.items()},
        "operations": [_operation(name, given) for name, given in operations],
    }


def _operation(name: str, words: list[str]) -> dict[str, Any]:
    if not name or "=" in name:
        raise CommandError("After “op” comes the name of an operation", "Such as: op monitor interval=10s", USAGE)
    return {"name": name, **{key.replace("-", "_"): value for key, value in asking.pairs(words).items()}}


def _collect(options: argparse.Namespace) -> None:
    meta = asking.pairs(word for word in options.members if "=" in word)
    members = [word for word in options.members if "=" not in word]
    value = {"kind": options.kind, "id": options.resource, "members": members, "meta": meta}
    asking.write(options, "POST", "/v1/resources", value, f"{options.resource} is configured")


def _delete(options: argparse.Namespace) -> None:
    query = {"keep_members": "true" if options.keep_members else None}
    said = f"{options.resource} is deleted (undo: crmctl history undo)"
    asking.write(options, "DELETE", asking.path("resources", options.resource), None, said, query)


def _start_or_stop(options: argparse.Namespace) -> None:
    verb = options.verb
    undo = f" (undo: crmctl resource start {options.resource})" if verb == "stop" else ""
    said = f"{options.resource} is to {verb}{undo}"
    asking.write(options, "POST", asking.path("resources", options.resource, verb), None, said)


def _restart(options: argparse.Namespace) -> int:
    from crm.cli.task_commands import follow

    query = {"timeout": str(duration_seconds(options.timeout)), **asking.dry_run(options)}
    answer = asking.send("POST", asking.path("resources", options.resource, "restart"), None, query)
    if options.dry_run:
        asking.print_plan(answer)
        return 0
    return follow(answer)


def _ban(options: argparse.Namespace) -> None:
    seconds = None if options.forever else duration_seconds(options.duration)
    until = "until it is cleared" if seconds is None else f"for {options.duration}"
    said = f"{options.resource} keeps away {until} (undo: crmctl clear {options.resource})"
    wish = {"node": options.node, "for_seconds": seconds, "promoted": options.promoted}
    asking.write(options, "POST", asking.path("resources", options.resource, "ban"), wish, said)


def _value(options: argparse.Namespace) -> None:
    name, value = asking.name_and_value(options)
    where = asking.path("resources", options.resource, options.kind, name)
    if value is None:
        asking.write(options, "DELETE", where, None, f"{name} of {options.resource} is removed")
        return
    asking.write(options, "PUT", where, {"value": value}, f"{name} of {options.resource} is {value}")
