"""`crmctl plan`, `apply`, `simulate`, `history …`: look before you leap, and go back.

A plan is kept beside its file, so that `apply` can refuse when the file or the cluster is not what was planned with.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from crm.cli.connection import CommandError, request
from crm.cli.crmctl_commands import api_calls
from crm.cli.crmctl_commands.api_calls import Commands

_SUFFIX = ".plan"


def add_to(commands: Commands) -> None:
    plan = commands.add_parser("plan", help="what a configuration in a file would change and do")
    plan.add_argument("file", type=Path, help="a CIB or its <configuration> as XML")
    plan.add_argument("--details", action="store_true", help="probes and recurring operations, too")
    plan.set_defaults(act=_plan)
    apply = commands.add_parser("apply", help="what was planned; refused if the cluster has changed since")
    apply.add_argument("file", type=Path)
    apply.set_defaults(act=_apply)
    simulate = commands.add_parser("simulate", help="what would happen if; nothing does")
    simulate.add_argument("--lose", nargs="+", default=[], metavar="NODE", help="these nodes are lost")
    simulate.add_argument("--standby", nargs="+", default=[], metavar="NODE")
    simulate.add_argument("--fail", nargs="+", default=[], metavar="RESOURCE[@NODE]")
    simulate.add_argument("--grant", nargs="+", default=[], metavar="TICKET")
    simulate.add_argument("--revoke", nargs="+", default=[], metavar="TICKET")
    simulate.set_defaults(act=_simulate)
    _add_history(api_calls.group(commands, "history", "earlier configurations"))


def _add_history(own: Commands) -> None:
    own.add_parser("list", help="those that the nodes have kept").set_defaults(act=_list)
    show = own.add_parser("show", help="one of them")
    show.add_argument("version")
    show.set_defaults(act=_show)
    diff = own.add_parser("diff", help="what changed since a version (by default the one before)")
    diff.add_argument("since", nargs="?", default="previous")
    diff.add_argument("until", nargs="?")
    diff.set_defaults(act=_diff)
    undo = own.add_parser("undo", help="go back to one (by default the one before)")
    undo.add_argument("version", nargs="?", default="previous")
    api_calls.add_dry_run(undo)
    undo.set_defaults(act=_undo)


def _plan(options: argparse.Namespace) -> None:
    import json

    from crm.cli.crmctl_commands.plan_text import plan_lines

    text = _read(options.file)
    plan = api_calls.send("POST", "/v1/simulate", {"configuration": _configuration(options.file, text)},
                          timeout_seconds=300)
    print("\n".join(plan_lines(plan, options.details)).rstrip())
    kept = {"version": plan["version"], "sha256": _digest(text)}
    try:
        _plan_file(options.file).write_text(json.dumps(kept) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"The plan cannot be kept in {_plan_file(options.file)}: {error.strerror}") from None
    print(f"\nPlanned on CIB {plan['version']}; carry it out: crmctl apply {options.file}")


def _apply(options: argparse.Namespace) -> None:
    text, kept = _read(options.file), _kept(options.file)
    again = f"Look at it again: crmctl plan {options.file}"
    if kept.get("sha256") != _digest(text):
        raise CommandError(f"{options.file} was changed since it was planned", again, 103)
    answer = request("PUT", "/v1/cib", query={"section": "configuration"},
                     body=_configuration(options.file, text).encode(),
                     headers={"If-Match": f'"{kept.get("version")}"'}).json()
    assert isinstance(answer, dict), "writes answer with an object"
    _plan_file(options.file).unlink(missing_ok=True)
    api_calls.print_findings(answer)
    unchanged = "The cluster is configured like that already" if answer.get("unchanged") else None
    print(unchanged or f"Applied, CIB {answer['version']} (undo: crmctl history undo)")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", code=66) from None
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not UTF-8", code=65) from None


def _configuration(file: Path, text: str) -> str:
    """The configuration in a file, brought to the newest vocabulary if it is a whole CIB."""
    from lxml import etree

    from crm.cib.errors import CibError
    from crm.cib.newest import newest_root
    from crm.cib.parsing import parse

    try:
        root = parse(text, str(file))
        found = root if root.tag == "configuration" else newest_root(text.encode()).find("configuration")
    except CibError as error:
        raise CommandError(str(error), error.hint, 78) from None
    if found is None:
        raise CommandError(f"{file} holds no configuration", "Give a CIB, or its <configuration>", 78)
    return etree.tostring(found, encoding="unicode", with_tail=False)


def _plan_file(file: Path) -> Path:
    return file.with_name(file.name + _SUFFIX)


def _kept(file: Path) -> dict[str, Any]:
    import json

    try:
        value = json.loads(_plan_file(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise CommandError(f"{file} was not planned yet", f"See what it does first: crmctl plan {file}")
    return value


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def _simulate(options: argparse.Namespace) -> None:
    failures = [{"resource": name, "node": node or None} for name, _, node in
                (each.partition("@") for each in options.fail)]
    scenario = {"lost_nodes": options.lose, "standby_nodes": options.standby, "failures": failures,
                "granted_tickets": options.grant, "revoked_tickets": options.revoke}
    api_calls.print_plan(api_calls.send("POST", "/v1/simulate", scenario, timeout_seconds=300))


def _list(_options: argparse.Namespace) -> None:
    from datetime import datetime

    rows = [(each["version"], datetime.fromisoformat(each["at"]).strftime("%Y-%m-%d %H:%M:%SZ"),
             ", ".join(each["nodes"]), "present" if each["present"] else "") for each in api_calls.read("cib",
                                                                                                        "history")]
    api_calls.print_table(("VERSION", "WRITTEN", "KEPT BY", ""), rows)


def _show(options: argparse.Namespace) -> None:
    print(request("GET", api_calls.path("cib", "history", options.version)).text, end="")


def _diff(options: argparse.Namespace) -> None:
    changes = api_calls.read("cib", "differences", since=options.since, until=options.until)
    print("\n".join(line for each in changes for line in each["text"]) or "There is no difference")


def _undo(options: argparse.Namespace) -> None:
    said = "Went back (undo: crmctl history undo)"
    api_calls.write(options, "POST", "/v1/cib/undo", {"version": options.version}, said)
