"""The command line of `crm_simulate`, as Pacemaker's tool has it, to a request."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from crm.cli.release import add_version
from crm.model.dates import parse_moment
from crm.model.values import parse_bool


class UsageError(Exception):
    """The command line makes no sense; the message says where."""


@dataclass(frozen=True, slots=True)
class Injections:
    """Changes to pretend before planning, each in the order given."""

    quorum: str | None = None
    watchdog: str | None = None
    nodes_up: tuple[str, ...] = ()
    nodes_down: tuple[str, ...] = ()
    nodes_fail: tuple[str, ...] = ()
    tickets_granted: tuple[str, ...] = ()
    tickets_revoked: tuple[str, ...] = ()
    tickets_standby: tuple[str, ...] = ()
    tickets_active: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """What is asked of the tool. `source` is a file, `-` for standard input, None for the live cluster."""

    source: str | None
    injections: Injections
    failures: tuple[str, ...]
    process: bool
    simulate: bool
    scores: bool
    utilization: bool
    attributes: bool
    fail_counts: bool
    quiet: bool
    verbose: bool
    pending: bool
    all_actions: bool
    date_text: str | None
    now: int | None
    save_input: str | None
    output_file: str | None
    graph_file: str | None
    dot_file: str | None
    profile: str | None
    repeat: int
    output_as: str


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message}. Try --help.")


def _parser() -> _Parser:
    parser = _Parser(
        prog="crm_simulate",
        description="What would the cluster do with a CIB, and what would come of it?",
        allow_abbrev=False,
    )
    _add_what(parser)
    _add_pretences(parser)
    _add_files(parser)
    return parser


def _add_what(parser: _Parser) -> None:
    group = parser.add_argument_group("operations and display")
    flags = (
        ("-R", "--run", "process the CIB and show what the cluster would do"),
        ("-S", "--simulate", "like --run, and carry it out in pretence"),
        ("-X", "--in-place", "like --simulate, and write the result back to the input file"),
        ("-A", "--show-attrs", "show node attributes"),
        ("-c", "--show-failcounts", "show fail counts"),
        ("-s", "--show-scores", "show the scores that decide where resources run"),
        ("-U", "--show-utilization", "show utilization"),
        ("-a", "--all-actions", "show all possible actions in the dot file, not only those that would be taken"),
        ("-Q", "--quiet", "show only what was asked for"),
    )
    for short, long, text in flags:
        group.add_argument(short, long, action="store_true", help=text)
    group.add_argument("-j", "--pending", action="store_true", help=argparse.SUPPRESS)
    group.add_argument("-V", "--verbose", action="count", default=0, help="show more")
    group.add_argument("-P", "--profile", metavar="DIR", help="time the planning of every CIB in a folder")
    group.add_argument("-N", "--repeat", type=int, default=1, metavar="N", help="with --profile, plan each N times")
    group.add_argument("--output-as", choices=("text", "xml"), default="text", help="how to write the answer")
    add_version(group, "-$")


def _add_pretences(parser: _Parser) -> None:
    group = parser.add_argument_group("changes to pretend (each may be given several times)")
    many = (
        ("-u", "--node-up", "NODE", "a node comes online"),
        ("-d", "--node-down", "NODE", "a node leaves in order"),
        ("-f", "--node-fail", "NODE", "a node is lost"),
        ("-i", "--op-inject", "OPSPEC", "an operation ended so: RESOURCE_OPERATION_INTERVALMS@NODE=RC"),
        ("-F", "--op-fail", "OPSPEC", "should the operation come up, it fails with this exit code"),
        ("-g", "--ticket-grant", "TICKET", "a ticket is granted"),
        ("-r", "--ticket-revoke", "TICKET", "a ticket is revoked"),
        ("-b", "--ticket-standby", "TICKET", "a ticket is put on standby"),
        ("-e", "--ticket-activate", "TICKET", "a ticket is taken off standby"),
    )
    for short, long, metavar, text in many:
        group.add_argument(short, long, action="append", default=[], metavar=metavar, help=text)
    group.add_argument("-t", "--set-datetime", metavar="DATETIME", help="the moment to plan for (ISO 8601)")
    group.add_argument("-q", "--quorum", metavar="TRUTH", help="whether there is quorum")
    group.add_argument("-w", "--watchdog", metavar="TRUTH", help="whether there are watchdogs")
    group.add_argument("--notification-policy", help=argparse.SUPPRESS)


def _add_files(parser: _Parser) -> None:
    group = parser.add_argument_group("files")
    group.add_argument("-L", "--live-check", action="store_true", help="use the live cluster's CIB (or CIB_file's)")
    group.add_argument("-x", "--xml-file", metavar="FILE", help="use this CIB")
    group.add_argument("-p", "--xml-pipe", action="store_true", help="use the CIB on standard input")
    group.add_argument("-I", "--save-input", metavar="FILE", help="write the CIB with the pretended changes")
    group.add_argument("-O", "--save-output", metavar="FILE", help="write the CIB that comes of it")
    group.add_argument("-G", "--save-graph", metavar="FILE", help="write the transition as XML")
    group.add_argument("-D", "--save-dotfile", metavar="FILE", help="write the transition for Graphviz")


def parse(arguments: Sequence[str]) -> SimulationOptions | None:
    """The request; None when nothing more is to be done (help or the release was shown). Raises UsageError."""
    parser = _parser()
    try:
        given = parser.parse_args(list(arguments))
    except SystemExit:
        return None
    wanted = [given.in_place, given.simulate, given.run, given.show_scores, given.show_utilization]
    files = [given.save_graph is not None, given.save_dotfile is not None]
    source = _source(given)
    return SimulationOptions(
        source=source,
        injections=_injections(given),
        failures=tuple(given.op_fail),
        process=any(wanted) or any(files),
        simulate=given.simulate or given.in_place,
        scores=given.show_scores,
        utilization=given.show_utilization,
        attributes=given.show_attrs,
        fail_counts=given.show_failcounts,
        quiet=given.quiet,
        verbose=given.verbose > 0,
        pending=True,
        all_actions=given.all_actions,
        date_text=given.set_datetime,
        now=_moment(given.set_datetime),
        save_input=given.save_input,
        output_file=_output_file(given, source),
        graph_file=given.save_graph,
        dot_file=given.save_dotfile,
        profile=given.profile,
        repeat=given.repeat,
        output_as=given.output_as,
    )


def _source(given: argparse.Namespace) -> str | None:
    if given.live_check:
        return None
    if given.xml_file is not None:
        return str(given.xml_file)
    return "-"


def _output_file(given: argparse.Namespace, source: str | None) -> str | None:
    if not given.in_place:
        return str(given.save_output) if given.save_output is not None else None
    if source in (None, "-"):
        raise UsageError("--in-place needs a file to write to: give --xml-file")
    return source


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    moment = parse_moment(text)
    if moment is None:
        raise UsageError(f"--set-datetime {text!r} is not a date; write it like 2026-05-17 14:30:00Z")
    return moment


def _truth(given: argparse.Namespace, name: str) -> str | None:
    text = getattr(given, name)
    if text is None:
        return None
    if parse_bool(text) is None:
        raise UsageError(f"--{name} {text!r} is neither true nor false")
    return str(text)


def _injections(given: argparse.Namespace) -> Injections:
    return Injections(
        quorum=_truth(given, "quorum"),
        watchdog=_truth(given, "watchdog"),
        nodes_up=tuple(given.node_up),
        nodes_down=tuple(given.node_down),
        nodes_fail=tuple(given.node_fail),
        tickets_granted=tuple(given.ticket_grant),
        tickets_revoked=tuple(given.ticket_revoke),
        tickets_standby=tuple(given.ticket_standby),
        tickets_active=tuple(given.ticket_activate),
        operations=tuple(given.op_inject),
    )
