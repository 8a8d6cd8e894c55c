"""What `crmctl` can do with configured objects of any kind: show one as JSON, put one in place from JSON, delete one.

Apart from the commands of each kind, which know its words; here is only where a kind stands in the API.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from crm.cli.connection import CommandError
from crm.cli.crmctl_commands import api_calls
from crm.cli.crmctl_commands.api_calls import Commands


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind of object: how one is called, and where in the API it is.

    plural  path of the list     create  where a new one is posted; the same unless said
    below   what stands after the id in the path of one
    """

    name: str
    plural: tuple[str, ...]
    create: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    def where_created(self) -> str:
        return api_calls.path(*(self.create or self.plural))

    def parts(self, identity: str) -> tuple[str, ...]:
        """The path of one, in parts."""
        return (*(self.create or self.plural), identity, *self.below)


RESOURCE = ObjectKind("resource", ("resources", "definitions"), ("resources",), ("definition",))
CONSTRAINT = ObjectKind("constraint", ("constraints",))


def add_show(own: Commands, kind: ObjectKind) -> None:
    command = own.add_parser("show", help="one as it is configured, as JSON")
    command.add_argument("id")
    command.set_defaults(act=partial(show, kind))


def add_define(own: Commands, kind: ObjectKind) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = own.add_parser(
        "define", help="create or replace one from JSON, as `show` prints it")
    command.add_argument("file", help="- for standard input")
    api_calls.add_dry_run(command)
    api_calls.add_force(command)
    command.set_defaults(act=partial(define, kind))
    return command


def add_delete(own: Commands, kind: ObjectKind) -> None:
    command = own.add_parser("delete", help="delete one")
    command.add_argument("id")
    api_calls.add_dry_run(command)
    command.set_defaults(act=partial(delete, kind))


def create(options: argparse.Namespace, kind: ObjectKind, identity: str, fields: Mapping[str, Any]) -> None:
    """Create one. Fields that are None are left out."""
    value = {"id": identity, **{name: each for name, each in fields.items() if each is not None}}
    said = f"{kind.name.capitalize()} {identity} is configured"
    api_calls.write(options, "POST", kind.where_created(), value, said)


def change(options: argparse.Namespace, kind: ObjectKind, identity: str, fields: Mapping[str, Any]) -> None:
    """Change some fields of one."""
    said = f"{kind.name.capitalize()} {identity} is changed"
    api_calls.write(options, "PATCH", api_calls.path(*kind.parts(identity)), fields, said)


def without_nothing(value: Any) -> Any:
    """An object without the fields that say nothing."""
    if isinstance(value, dict):
        return {name: without_nothing(each) for name, each in value.items() if each not in (None, [], {}, "")}
    return [without_nothing(each) for each in value] if isinstance(value, list) else value


def show(kind: ObjectKind, options: argparse.Namespace) -> None:
    """Print one."""
    import json

    print(json.dumps(without_nothing(api_calls.read(*kind.parts(options.id))), indent=2, ensure_ascii=False))


def define(kind: ObjectKind, options: argparse.Namespace) -> None:
    """Create or replace the one in a file."""
    identity, value = _read(kind, options.file)
    known = [entry["id"] for entry in api_calls.read(*kind.plural)]
    method, where = ("PUT", api_calls.path(*kind.parts(identity))) if identity in known else ("POST",
                                                                                              kind.where_created())
    api_calls.write(options, method, where, value, f"{kind.name.capitalize()} {identity} is configured")


def _read(kind: ObjectKind, file: str) -> tuple[str, Any]:
    """The id and the object in a file. Raises CommandError."""
    import json

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        value = json.loads(text)
        return str(value["id"]), value
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", code=66) from None
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{file} is not the JSON of a {kind.name}: {error}",
                           "See how one looks: crmctl … show ID", 65) from None


def delete(kind: ObjectKind, options: argparse.Namespace) -> None:
    """Delete one."""
    said = f"{kind.name.capitalize()} {options.id} is deleted (undo: crmctl history undo)"
    api_calls.write(options, "DELETE", api_calls.path(*kind.parts(options.id)), None, said)
