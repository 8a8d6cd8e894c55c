"""`crmctl resource …`: create, look at, change and delete resources, and tell them what to do."""

from __future__ import annotations

import argparse
from typing import Any

from crm.cli.connection import USAGE, CommandError, duration_seconds
from crm.cli.crmctl_commands import api_calls, object_definitions
from crm.cli.crmctl_commands.api_calls import Commands

_CREATE = """The words after the agent are its parameters; then, in any order, more of each kind:
  crmctl resource create ip ocf:heartbeat:IPaddr2 ip=10.0.0.9 op monitor interval=10s timeout=20s meta priority=5
With “clone” or “promotable” (and options such as notify=true) it is created within a clone, ID-clone:
  crmctl resource create db ocf:heartbeat:redis op monitor interval=10s timeout=30s promotable notify=true"""
_KINDS = {"parameter": "parameters", "meta": "meta", "utilization": "utilization"}


def add_to(commands: Commands) -> None:
    own = api_calls.group(commands, "resource", "resources: what runs")
    _add_looking(own)
    _add_defining(own)
    _add_wishes(own)
    _add_values(own)


def _add_looking(own: Commands) -> None:
    own.add_parser("list", help="all resources, where they are").set_defaults(act=_list)
    object_definitions.add_show(own, object_definitions.RESOURCE)


def _add_defining(own: Commands) -> None:
    create = own.add_parser("create", help="a new primitive", epilog=_CREATE,
                            formatter_class=argparse.RawDescriptionHelpFormatter)
    create.add_argument("resource")
    create.add_argument("agent", help="such as ocf:heartbeat:IPaddr2, or @TEMPLATE")
    words = "name=value … [op NAME …] [meta …] [utilization …] [clone|promotable …]"
    create.add_argument("words", nargs=argparse.REMAINDER, metavar=words)
    _add_writing(create, _create)
    api_calls.add_wait(create)
    api_calls.add_force(create)
    for kind, text in (("group", "resources that run together, in order"), ("clone", "one that runs on many nodes")):
        command = own.add_parser(kind, help=text)
        command.add_argument("resource", help="the new id")
        command.add_argument("members", nargs="+", help="ids of resources; then meta attributes as name=value")
        _add_writing(command, _collect, kind=kind)
        api_calls.add_wait(command)
        api_calls.add_force(command)
    object_definitions.add_define(own, object_definitions.RESOURCE)
    delete = own.add_parser("delete", help="delete one, with its constraints")
    delete.add_argument("resource")
    delete.add_argument("--keep-members", action="store_true", help="of a group or clone: keep what is in it")
    _add_writing(delete, _delete)
    api_calls.add_wait(delete)


def _add_wishes(own: Commands) -> None:
    for verb, text in (("start", "end what keeps it stopped"), ("stop", "until it is started")):
        command = own.add_parser(verb, help=text)
        command.add_argument("resource")
        _add_writing(command, _start_or_stop, verb=verb)
        api_calls.add_wait(command)
    restart = own.add_parser("restart", help="stop and start again, in its place; what needs it restarts with it")
    restart.add_argument("resource")
    restart.add_argument("--node", help="only what runs there")
    api_calls.add_dry_run(restart)
    api_calls.add_wait(restart)
    restart.set_defaults(act=_restart)
    move_ = own.add_parser("move", help="have it run elsewhere for a while")
    move_.add_argument("resource")
    move_.add_argument("node", nargs="?", help="where to; without it: away from where it is")
    _add_while(move_)
    _add_writing(move_, move)
    clear_ = own.add_parser("clear", help="undo its moves and bans")
    clear_.add_argument("resource")
    _add_writing(clear_, clear)
    api_calls.add_wait(clear_)
    ban = own.add_parser("ban", help="keep it away from a node for a while")
    ban.add_argument("resource")
    ban.add_argument("node", nargs="?", help="without it: from where it is")
    _add_while(ban)
    _add_writing(ban, _ban)


def _add_while(command: argparse.ArgumentParser) -> None:
    command.add_argument("--for", dest="duration", default="1h", metavar="TIME", help="such as 30min, 2h (default 1h)")
    command.add_argument("--promoted", action="store_true", help="only its promoted role")
    command.add_argument("--forever", action="store_true", help="until it is cleared")
    api_calls.add_wait(command)


def _add_values(own: Commands) -> None:
    for word, kind in _KINDS.items():
        command = own.add_parser(word, help=f"set or remove one of its {kind}")
        command.add_argument("resource")
        command.add_argument("name")
        command.add_argument("value", nargs="?", help="without it, it is removed")
        _add_writing(command, _value, kind=kind)
        api_calls.add_force(command)
        api_calls.add_wait(command)


def _add_writing(command: argparse.ArgumentParser, act: Any, **more: str) -> None:
    api_calls.add_dry_run(command)
    command.set_defaults(act=act, **more)


def _list(_options: argparse.Namespace) -> None:
    rows = [row for top in api_calls.read("resources") for row in _rows(top, "")]
    api_calls.print_table(("RESOURCE", "AGENT", "ROLE", "NODES"), rows)


def _rows(resource: dict[str, Any], indent: str) -> list[tuple[str, str, str, str]]:
    marks = [word for word in ("failed", "blocked") if resource[word]]
    role = " ".join([resource["role"], *marks, *([] if resource["managed"] else ["unmanaged"])])
    own = (indent + resource["id"], resource["agent"] or resource["kind"], role, ", ".join(resource["nodes"]) or "-")
    return [own, *(row for child in resource["children"] for row in _rows(child, indent + "  "))]


def _create(options: argparse.Namespace) -> int:
    words = _without_options(options)
    value = {"kind": "primitive", "id": options.resource, **_definition(words)}
    if options.agent.startswith("@"):
        value["template"] = options.agent[1:]
    else:
        value["agent"] = options.agent
    clone = value.pop("clone")
    if clone is not None:
        options.resource += "-clone"
        value = {"kind": "clone", "id": options.resource, "members": [value], "meta": clone}
    return api_calls.write_and_wait(options, "POST", "/v1/resources", value, f"{options.resource} is configured",
                                    goal="configured", undo=f"crmctl resource delete {options.resource}")


def _without_options(options: argparse.Namespace) -> list[str]:
    """The words after the agent without options: argparse takes all of them as they are. Raises CommandError."""
    words, rest = [], iter(options.words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word in ("--dry-run", "--force", "--no-wait"):
            setattr(options, word[2:].replace("-", "_"), True)
        elif name == "--timeout":
            options.timeout = value if equals else next(rest, "")
        elif word.startswith("--"):
            raise CommandError(f"There is no option {word}", "See crmctl resource create --help", USAGE)
        else:
            words.append(word)
    return words


def _definition(words: list[str]) -> dict[str, Any]:
    """Parameters, `meta`, `utilization`, operations, and the options of a clone around it from the words of a command
    line; `clone` is None if there is to be none.
    """
    found: dict[str, Any] = {"parameters": [], "meta": [], "utilization": []}
    clone: list[str] | None = None
    operations: list[tuple[str, list[str]]] = []
    rest = iter(words)
    target = found["parameters"]
    for word in rest:
        if word in ("params", "parameters"):
            target = found["parameters"]
        elif word in ("meta", "utilization"):
            target = found[word]
        elif word in ("clone", "promotable"):
            clone = ["promotable=true"] if word == "promotable" else []
            target = clone
        elif word == "op":
            operations.append((next(rest, ""), []))
            target = operations[-1][1]
        else:
            target.append(word)
    return {
        **{kind: api_calls.pairs(given) for kind, given in found.items()},
        "operations": [_operation(name, given) for name, given in operations],
        "clone": None if clone is None else api_calls.pairs(clone),
    }


def _operation(name: str, words: list[str]) -> dict[str, Any]:
    if not name or "=" in name:
        raise CommandError("After “op” comes the name of an operation", "Such as: op monitor interval=10s", USAGE)
    return {"name": name, **{key.replace("-", "_"): value for key, value in api_calls.pairs(words).items()}}


def _collect(options: argparse.Namespace) -> int:
    meta = api_calls.pairs(word for word in options.members if "=" in word)
    members = [word for word in options.members if "=" not in word]
    value = {"kind": options.kind, "id": options.resource, "members": members, "meta": meta}
    return api_calls.write_and_wait(options, "POST", "/v1/resources", value, f"{options.resource} is configured",
                                    goal="configured", undo=f"crmctl resource delete {options.resource} --keep-members")


def _delete(options: argparse.Namespace) -> int:
    query = {"keep_members": "true" if options.keep_members else None}
    said = f"{options.resource} is deleted (undo: crmctl history undo)"
    # Once it is gone from the configuration, nobody can say any more what it was made of.
    parts = [] if options.keep_members else api_calls.parts(options.resource)
    where = api_calls.path("resources", options.resource)
    return api_calls.write_and_wait(options, "DELETE", where, None, said, goal="gone", undo="crmctl history undo",
                                    query=query, parts=parts)


def _start_or_stop(options: argparse.Namespace) -> int:
    verb, name = options.verb, options.resource
    undo = f"crmctl resource {'stop' if verb == 'start' else 'start'} {name}"
    said = f"{name} is to {verb}" + (f" (undo: {undo})" if verb == "stop" else "")
    return api_calls.write_and_wait(options, "POST", api_calls.path("resources", name, verb), None, said,
                                    goal="started" if verb == "start" else "stopped", undo=undo)


def _restart(options: argparse.Namespace) -> int:
    from crm.cli.crmctl_commands.task_progress import progress

    query = {"timeout": str(duration_seconds(options.timeout)), "node": options.node, **api_calls.dry_run(options)}
    answer = api_calls.send("POST", api_calls.path("resources", options.resource, "restart"), None, query)
    if options.dry_run:
        api_calls.print_plan(answer)
        return 0
    if options.no_wait:
        print(f"{options.resource} restarts (follow it: crmctl task follow {answer['id']})")
        return 0
    return progress(answer, f"crmctl task cancel {answer['id']}, as far as nothing is stopped yet")


def move(options: argparse.Namespace) -> int:
    """Have a resource run elsewhere."""
    name = options.resource
    where = f"to {options.node}" if options.node else "away"
    said = f"{name} moves {where} {_until(options)} (undo: crmctl clear {name})"
    node = options.node or _only_place(options)
    return api_calls.write_and_wait(options, "POST", api_calls.path("resources", name, "move"), _wish(options), said,
                                    goal="moved" if options.node else "away", undo=f"crmctl clear {name}", node=node,
                                    promoted=options.promoted)


def clear(options: argparse.Namespace) -> int:
    """Undo the moves and bans of a resource."""
    name = options.resource
    said = f"{name} may run wherever the configuration lets it"
    return api_calls.write_and_wait(options, "POST", api_calls.path("resources", name, "clear"), None, said,
                                    goal="placed")


def _ban(options: argparse.Namespace) -> int:
    name = options.resource
    said = f"{name} keeps away {_until(options)} (undo: crmctl clear {name})"
    node = options.node or _only_place(options)
    return api_calls.write_and_wait(options, "POST", api_calls.path("resources", name, "ban"), _wish(options), said,
                                    goal="away", undo=f"crmctl clear {name}", node=node, promoted=options.promoted)


def _until(options: argparse.Namespace) -> str:
    return "until it is cleared" if options.forever else f"for {options.duration}"


def _wish(options: argparse.Namespace) -> dict[str, Any]:
    seconds = None if options.forever else duration_seconds(options.duration)
    return {"node": options.node, "for_seconds": seconds, **({"promoted": True} if options.promoted else {})}


def _only_place(options: argparse.Namespace) -> str | None:
    """The node that a resource is to leave when none is named, if it is one; only whoever waits wants to know."""
    if options.no_wait or options.dry_run:
        return None
    try:
        nodes: list[str] = api_calls.read("resources", options.resource)["nodes"]
    except CommandError:
        return None  # The write itself tells why.
    return nodes[0] if len(nodes) == 1 else None


def _value(options: argparse.Namespace) -> int:
    name, value = api_calls.name_and_value(options)
    where = api_calls.path("resources", options.resource, options.kind, name)
    method, wish = ("DELETE", None) if value is None else ("PUT", {"value": value})
    said = f"{name} of {options.resource} is {'removed' if value is None else value}"
    if not api_calls.parts(options.resource):
        api_calls.write(options, method, where, wish, said)
        return 0
    return api_calls.write_and_wait(options, method, where, wish, said, goal="configured", undo="crmctl history undo")
