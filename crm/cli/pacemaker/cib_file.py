"""A CIB in a file in place of the running cluster's: what `CIB_file` in the environment asks for, as with Pacemaker.

`cibadmin` reads and changes the file; `crm_mon`, `crm_verify` and `crm_simulate` look at it by themselves. Every other
tool of the field refuses: nobody is to change a cluster while they mean a file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from crm.cli.connection import STALE, USAGE, CommandError, exit_code, run

if TYPE_CHECKING:
    from crm.cib.document import Document
    from crm.model.report import Report

VARIABLE = "CIB_file"


def named() -> Path | None:
    """The file that the environment names, if it names one."""
    name = os.environ.get(VARIABLE)
    return Path(name) if name else None


def run_on_cluster(name: str, command: Callable[[], int | None]) -> int:
    """As `connection.run`, for tools that work on the running cluster only: they do nothing while a file is named."""

    def work() -> int | None:
        path = named()
        if path is not None:
            raise CommandError(f"{VARIABLE} names {path}, but this works on the running cluster only. Nothing was done",
                               f"Change the file with cibadmin, or turn to the cluster: unset {VARIABLE}", USAGE)
        return command()

    return run(name, work)


def read(path: Path) -> Document:
    """The CIB in a file. Raises CommandError."""
    from crm.cib.document import Document
    from crm.cib.errors import CibError

    try:
        return Document.parse(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", f"{VARIABLE} names it", 66) from None
    except CibError as error:
        raise CommandError(f"{path}: {error.message}", error.hint, exit_code(error.code)) from None


def change(
    path: Path, method: str, body: bytes, section: str | None, if_version: str | None, dry_run: bool
) -> list[Report]:
    """Make a change, said as to the API (PUT or PATCH /v1/cib), in the file; what is to be said of it.

    The file is replaced as a whole, or not touched. Raises CommandError.
    """
    import json

    from crm.cib import schema
    from crm.cib.changes import Edit, Patch, Replace
    from crm.cib.errors import CibError
    from crm.model.report import Severity

    present = read(path)
    if if_version not in (None, str(present.version)):
        raise CommandError(f"{path} has version {present.version}, not {if_version}", code=STALE)
    try:
        if method == "PUT":
            after = present.apply(Replace(body.decode(), section))
        else:
            after = present.apply(Edit(**json.loads(body)) if body[:1] == b"{" else Patch(body.decode()))
    except CibError as error:
        raise CommandError(error.message, error.hint, exit_code(error.code)) from None
    reports = schema.validate(after)
    wrong = next((each for each in reports if each.severity is Severity.ERROR), None)
    if wrong is not None:
        raise CommandError(f"{wrong.where}: {wrong.message}", wrong.hint, exit_code("invalid-cib"))
    if not dry_run:
        _write(path, after.to_bytes())
    return reports


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}", code=73) from None
