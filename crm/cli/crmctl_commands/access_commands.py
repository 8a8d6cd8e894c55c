"""`crmctl tag|alert|role|user|user-group|fence-level|defaults …`: configured objects that few clusters have many of.

Each has the verbs list, show, create, define, delete; those that are lists of names can be changed by add and remove.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from crm.cli.connection import NO_SUCH_OBJECT, USAGE, CommandError
from crm.cli.crmctl_commands import api_calls, object_definitions
from crm.cli.crmctl_commands.api_calls import Commands
from crm.cli.crmctl_commands.object_definitions import ObjectKind

_TAG = ObjectKind("tag", ("tags",))
_ALERT = ObjectKind("alert", ("alerts",))
_ROLE = ObjectKind("role", ("acl", "roles"))
_USER = ObjectKind("user", ("acl", "users"))
_GROUP = ObjectKind("user group", ("acl", "groups"))
_LEVEL = ObjectKind("fencing level", ("fencing", "levels"))
_DEFAULTS = {"resource": ObjectKind("set of defaults", ("defaults", "resources")),
             "operation": ObjectKind("set of defaults", ("defaults", "operations"))}
_FIRST_IDS = {"resource": "rsc-options", "operation": "op-options"}
"""Ids of the first set of defaults, as crmsh gives them."""

_MODES = ("read", "write", "deny")
_SELECTORS = ("xpath", "reference", "object-type", "attribute")
_ROLE_WORDS = """After the id come permissions: read, write or deny, and what it is about:
  crmctl role create operator read xpath=/cib write xpath=//nvpair[@name='standby'] deny reference=secret-db
What can be named: xpath=…, reference=ID, object-type=ELEMENT, and with these attribute=NAME.
Lists count when the option enable-acl is true: crmctl property set enable-acl true"""

Row = Callable[[Any], tuple[object, ...]]


def add_to(commands: Commands) -> None:
    _add_named_list(commands, _TAG, "tag", "tags: names for several objects, for constraints", "objects")
    _add_alerts(api_calls.group(commands, "alert", "alerts: programs that are told of what happens"))
    _add_roles(api_calls.group(commands, "role", "access control: what may be seen and changed"))
    _add_named_list(commands, _USER, "user", "access control: users, and the roles that they have", "roles")
    _add_named_list(commands, _GROUP, "user-group", "access control: the same for groups of users", "roles")
    _add_levels(api_calls.group(commands, "fence-level", "fencing levels: which devices together, in which order"))
    _add_defaults(api_calls.group(commands, "defaults", "values that count for all resources or operations"))


def _add_common(own: Commands, kind: ObjectKind, heads: tuple[str, ...], row: Row) -> None:
    """The verbs that are the same for all kinds."""
    own.add_parser("list", help="all of them").set_defaults(act=partial(_list, kind, heads, row))
    object_definitions.add_show(own, kind)
    object_definitions.add_define(own, kind)
    object_definitions.add_delete(own, kind)


def _list(kind: ObjectKind, heads: tuple[str, ...], row: Row, _options: argparse.Namespace) -> None:
    api_calls.print_table(heads, map(row, api_calls.read(*kind.plural)))


def _joined(words: Iterable[object]) -> str:
    return " ".join(map(str, words)) or "-"


# Tags, users, groups: a name and a list


def _add_named_list(commands: Commands, kind: ObjectKind, noun: str, text: str, field: str) -> None:
    own = api_calls.group(commands, noun, text)
    _add_common(own, kind, (noun.upper(), field.upper()), lambda each: (each["id"], _joined(each[field])))
    for verb, act, help_text in (("create", _create_list, f"a new one with some {field}"),
                                 ("add", _change_list, f"more {field}"), ("remove", _change_list, f"fewer {field}")):
        command = own.add_parser(verb, help=help_text)
        command.add_argument("id")
        command.add_argument("members", nargs="+", metavar=field[:-1].upper())
        api_calls.add_dry_run(command)
        command.set_defaults(act=partial(act, kind, field), verb=verb)


def _create_list(kind: ObjectKind, field: str, options: argparse.Namespace) -> None:
    object_definitions.create(options, kind, options.id, {field: options.members})


def _change_list(kind: ObjectKind, field: str, options: argparse.Namespace) -> None:
    present: list[str] = api_calls.read(*kind.parts(options.id))[field]
    unknown = [each for each in options.members if each not in present]
    if options.verb == "remove" and unknown:
        raise CommandError(f"{kind.name.capitalize()} {options.id} has no {' '.join(unknown)}",
                           f"It has {_joined(present)}", NO_SUCH_OBJECT)
    wanted = ([each for each in present if each not in options.members] if options.verb == "remove"
              else list(dict.fromkeys([*present, *options.members])))
    object_definitions.change(options, kind, options.id, {field: wanted})


# Alerts


def _add_alerts(own: Commands) -> None:
    _add_common(own, _ALERT, ("ALERT", "PROGRAM", "KINDS", "RECIPIENTS"), lambda each: (
        each["id"], each["path"], _joined(each["kinds"]), _joined(one["value"] for one in each["recipients"])))
    create = own.add_parser("create", help="have a program told of what happens")
    create.add_argument("id")
    create.add_argument("path", help="of the program, the same on all nodes")
    create.add_argument("words", nargs="*", metavar="RECIPIENT|name=value",
                        help="to whom it goes; parameters of the program")
    create.add_argument("--kinds", metavar="KINDS", help="of nodes,fencing,resources,attributes (default: the first 3)")
    create.add_argument("--timeout", metavar="TIME", help="how long the program may take (default 30s)")
    api_calls.add_dry_run(create)
    create.set_defaults(act=_create_alert)


def _create_alert(options: argparse.Namespace) -> None:
    recipients = [word for word in options.words if "=" not in word]
    fields = {
        "path": options.path,
        "kinds": options.kinds.split(",") if options.kinds else None,
        "recipients": [{"value": each} for each in recipients] or None,
        "parameters": api_calls.pairs(word for word in options.words if "=" in word) or None,
        "meta": {"timeout": options.timeout} if options.timeout else None,
    }
    object_definitions.create(options, _ALERT, options.id, fields)


# Roles


def _add_roles(own: Commands) -> None:
    _add_common(own, _ROLE, ("ROLE", "PERMISSIONS"),
                lambda each: (each["id"], "; ".join(map(_permission_text, each["permissions"])) or "-"))
    create = own.add_parser("create", help="a new one", epilog=_ROLE_WORDS,
                            formatter_class=argparse.RawDescriptionHelpFormatter)
    create.add_argument("id")
    create.add_argument("words", nargs="+", metavar="read|write|deny xpath=…")
    api_calls.add_dry_run(create)
    create.set_defaults(act=_create_role)


def _permission_text(permission: dict[str, Any]) -> str:
    named = [(name, permission[name.replace("-", "_")]) for name in _SELECTORS]
    return " ".join([permission["mode"], *(f"{name}={value}" for name, value in named if value is not None)])


def _create_role(options: argparse.Namespace) -> None:
    object_definitions.create(options, _ROLE, options.id, {"permissions": _permissions(options.words)})


def _permissions(words: Iterable[str]) -> list[dict[str, str]]:
    """Permissions from the words of a command line. Raises CommandError."""
    found: list[dict[str, str]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if word in _MODES:
            found.append({"mode": word})
        elif found and equals and name in _SELECTORS:
            found[-1][name.replace("-", "_")] = value
        else:
            raise CommandError(f"“{word}” is not understood", _ROLE_WORDS, USAGE)
    return found


# Fencing levels


def _add_levels(own: Commands) -> None:
    _add_common(own, _LEVEL, ("LEVEL", "TARGET", "INDEX", "DEVICES"),
                lambda each: (each["id"], _target(each), each["index"], _joined(each["devices"])))
    create = own.add_parser("create", help="a new one; of a node's levels, the lowest index is tried first")
    create.add_argument("index", type=int)
    create.add_argument("devices", nargs="+", metavar="DEVICE", help="ids of fence devices that are used together")
    target = create.add_mutually_exclusive_group(required=True)
    target.add_argument("--node", help="for this node")
    target.add_argument("--pattern", help="for nodes whose names match this")
    target.add_argument("--attribute", metavar="NAME=VALUE", help="for nodes with this attribute")
    create.add_argument("--id", help="its name (default: made from the target and the index)")
    api_calls.add_dry_run(create)
    api_calls.add_force(create)
    create.set_defaults(act=_create_level)


def _target(level: dict[str, Any]) -> str:
    if level["target_attribute"]:
        return f"{level['target_attribute']}={level['target_value']}"
    return str(level["target"] or level["target_pattern"])


def _create_level(options: argparse.Namespace) -> None:
    import re

    name, _, value = (options.attribute or "").partition("=")
    what = options.node or options.pattern or options.attribute
    identity = options.id or f"fl-{re.sub('[^A-Za-z0-9._-]+', '.', what)}-{options.index}"
    fields = {"index": options.index, "devices": options.devices, "target": options.node,
              "target_pattern": options.pattern, "target_attribute": name or None, "target_value": value or None}
    object_definitions.create(options, _LEVEL, identity, fields)


# Defaults


def _add_defaults(own: Commands) -> None:
    own.add_parser("list", help="all of them").set_defaults(act=_list_defaults)
    for verb, text, words in (("set", "set some", "name=value"), ("unset", "remove some", "name")):
        command = own.add_parser(verb, help=f"{text}, where no rule stands before them")
        _add_of_what(command)
        command.add_argument("words", nargs="+", metavar=words)
        api_calls.add_dry_run(command)
        command.set_defaults(act=_set_defaults, verb=verb)
    define = own.add_parser("define", help="create or replace a set (with a rule, say) from JSON")
    _add_of_what(define)
    define.add_argument("file", help="- for standard input")
    show, delete = own.add_parser("show", help="a set as JSON"), own.add_parser("delete", help="delete a set")
    for command in (show, delete):
        _add_of_what(command)
        command.add_argument("id")
    for command, act in ((define, object_definitions.define), (show, object_definitions.show),
                         (delete, object_definitions.delete)):
        if command is not show:
            api_calls.add_dry_run(command)
        command.set_defaults(act=partial(_of_kind, act))


def _add_of_what(command: argparse.ArgumentParser) -> None:
    command.add_argument("of", choices=tuple(_DEFAULTS), help="of resources (their meta attributes) or of operations")


def _of_kind(act: Callable[[ObjectKind, argparse.Namespace], None], options: argparse.Namespace) -> None:
    act(_DEFAULTS[options.of], options)


def _list_defaults(_options: argparse.Namespace) -> None:
    rows = [(of, each["id"], _joined(f"{name}={value}" for name, value in each["values"].items()),
             "with a rule" if each["rule"] else "")
            for of, kind in _DEFAULTS.items() for each in api_calls.read(*kind.plural)]
    api_calls.print_table(("OF", "SET", "VALUES", ""), rows)


def _set_defaults(options: argparse.Namespace) -> None:
    """Into the first set that counts always; without one, a new one is made."""
    kind = _DEFAULTS[options.of]
    values: dict[str, Any] = (dict.fromkeys(options.words) if options.verb == "unset"
                              else dict(api_calls.pairs(options.words)))
    plain = [each["id"] for each in api_calls.read(*kind.plural) if not each["rule"] and not each["reference"]]
    if plain:
        object_definitions.change(options, kind, plain[0], {"values": values})
    elif options.verb == "set":
        object_definitions.create(options, kind, _FIRST_IDS[options.of], {"values": values})
    else:
        print("No change needed")
