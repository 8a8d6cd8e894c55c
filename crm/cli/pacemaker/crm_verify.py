"""`crm_verify`: is this configuration one that the cluster can use, and what in it is probably not meant?

Options, the last line and exit codes are those of Pacemaker's tool: 0 when there is nothing to say, 78 when there are
errors or warnings or no CIB could be read. What is found is said with line, element and the nearest right name.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from crm.cib import schema
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.reading.cib_reader import read
from crm.cib.upgrade import upgrade
from crm.cli.connection import CommandError
from crm.cli.pacemaker import cib_file
from crm.cli.simulation.cib_input import live_cib
from crm.cli.terminal import document, fitted
from crm.failover_simulation.simulated_cluster import running_from_scratch
from crm.model.report import Report, Severity

OK, USAGE, CONFIGURATION = 0, 64, 78


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(given)
    status, problems = _check(options)
    if options.output_as == "xml":
        from crm.cli.pacemaker.result_xml import PacemakerResult

        sys.stdout.write(document(PacemakerResult("crm_verify", given).finish(status, problems)))
    elif options.output_as == "text":
        for problem in problems:
            print(problem, file=sys.stderr)
    return status


_OF_THE_MOMENT = ("multiple-active", "node-unclean", "no-quorum", "not-unfenced")
"""Findings about what is happening just now, not about the configuration."""


_CIRCLES = ("ordering-circle", "colocation-circle", "colocation-contradiction")
"""Found better, with the order within groups, without a plan."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"crm_verify: {message}. Try --help.\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="crm_verify",
        description="Check a configuration: what has to be mended before the cluster can use it, and what is doubtful.",
        allow_abbrev=False,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("-L", "--live-check", action="store_true", help="check the running cluster's configuration")
    source.add_argument("-x", "--xml-file", metavar="FILE", help="check the configuration in a file")
    source.add_argument("-p", "--xml-pipe", action="store_true", help="check the configuration on standard input")
    source.add_argument("-X", "--xml-text", metavar="XML", help="check the configuration in this text")
    parser.add_argument("-S", "--save-xml", metavar="FILE", help="write what was checked to a file")
    parser.add_argument("-V", "--verbose", action="count", default=0, help="say what is wrong, warnings too")
    parser.add_argument("-q", "--quiet", action="store_true", help="only what is wrong, no summary")
    parser.add_argument("--output-as", choices=("text", "xml", "none"), default="text", help="how to answer")
    return parser


def _check(options: argparse.Namespace) -> tuple[int, list[str]]:
    """The exit status, and what to say."""
    try:
        data = _input(options)
        if options.save_xml is not None:
            Path(options.save_xml).write_bytes(data)
        document = Document.parse(data)
    except CibError as error:
        return CONFIGURATION, [f"error: {error}"]
    except CommandError as error:
        return error.code, [f"error: {error}", *([error.hint] if error.hint else [])]
    except OSError as error:
        return CONFIGURATION, [f"error: {error.filename} cannot be read or written: {error.strerror}"]
    found = findings(document)
    if options.live_check and not cib_file.named():
        found = list(dict.fromkeys([*found, *_by_agents()]))
    return _judge(found, options)


def _by_agents() -> list[Report]:
    """What of the resources could not work as the agents of the cluster's nodes see it, in the words of a write.

    The cluster runs with such a configuration, so these are warnings; mere advice would make scripts fail.
    """
    from crm.cli.connection import request

    try:
        told = request("GET", "/v1/cib/findings").json()
    except CommandError:
        return []  # An older daemon does not know; the configuration itself has been checked.
    assert isinstance(told, list), "the API answers with a list"
    return [Report(Severity.WARNING, each["code"], each["where"], each["message"], each["hint"])
            for each in told if each["severity"] == Severity.ERROR]


def _input(options: argparse.Namespace) -> bytes:
    if options.xml_text is not None:
        return str(options.xml_text).encode()
    if options.xml_pipe:
        return sys.stdin.buffer.read()
    path = options.xml_file or cib_file.named()
    return Path(path).read_bytes() if path else live_cib()


def findings(document: Document) -> list[Report]:
    """Everything there is to say about a CIB: by its own schema, by the newest one, and by planning with it."""
    found = list(schema.errors(document))
    if found:
        return found
    upgraded, renamed = upgrade(document)
    found += [*renamed, *schema.validate(upgraded)]
    if not any(report.severity is Severity.ERROR for report in found):
        found += _planned(upgraded)
    return list(dict.fromkeys(found))


def _planned(document: Document) -> Iterable[Report]:
    from crm.policy_engine import schedule
    from crm.policy_engine.constraints.cross_constraint_cycles import cross_constraint_cycles

    root, now = document.root, int(time.time())
    if root.find("status/node_state") is None:
        # Nothing was ever recorded: all nodes count as up, else there would be much to say about lost nodes.
        root = running_from_scratch(root, now)
    cib = read(root)
    at = cib.execution_date if cib.execution_date is not None else now
    planned = [report for report in schedule(cib, at).reports if report.code not in (*_OF_THE_MOMENT, *_CIRCLES)]
    return [*planned, *cross_constraint_cycles(cib, at)]


def _judge(found: Sequence[Report], options: argparse.Namespace) -> tuple[int, list[str]]:
    errors = [report for report in found if report.severity is Severity.ERROR]
    warnings = [report for report in found if report.severity is Severity.WARNING]
    if not errors and not warnings:
        return OK, []
    verbose = options.verbose > 0 or options.output_as == "xml"
    said = [_sentence(report) for report in (found if verbose else errors)]
    if not options.quiet:
        state = "invalid" if errors else "may need attention"
        said.append(f"Configuration {state}{'' if verbose else ' (-V may provide more detail)'}")
    return CONFIGURATION, said


def _sentence(report: Report) -> str:
    line = f", line {report.line}" if report.line else ""
    message = report.message.rstrip(".")
    hint = f". {report.hint}" if report.hint else ""
    return f"{report.severity}: {message} ({report.where}{line}){hint}"


if __name__ == "__main__":
    sys.exit(main())
