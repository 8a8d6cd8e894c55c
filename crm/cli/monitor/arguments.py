"""The command line of `crm_mon`, as Pacemaker's tool has it, to what is to be shown and where. Standard library only.

Options that choose sections work from left to right, as `--include` and `--exclude` do.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from crm.cli.connection import USAGE, CommandError
from crm.cli.monitor.view import ALL, DEFAULT, FORMATS, MonitorView, ViewError, chosen
from crm.cli.release import add_version
from crm.model.values import parse_interval_ms


@dataclass(frozen=True, slots=True)
class MonitorOptions:
    """What to show, and how often: `interval_s` None for once. `output` is a file, `pid_file` of a background run."""

    view: MonitorView
    interval_s: float | None
    output: str | None
    background: bool = False
    pid_file: str | None = None


def parse(arguments: Sequence[str] | None) -> MonitorOptions:
    """Read the command line. Raises CommandError; ends the program for `--help` and `--version`."""
    options = _parser().parse_args(arguments)
    written = "html" if options.as_html else "xml" if options.as_xml else options.output_as
    structured = written == "xml"
    default = ALL if structured else DEFAULT
    try:
        sections = chosen(default, options.choices or [], default)
    except ViewError as error:
        raise CommandError(str(error), code=USAGE) from None
    view = MonitorView(
        format="simple" if options.simple_status else "text" if written == "console" else written,
        sections=sections,
        inactive=options.inactive or structured,
        by_node=options.group_by_node,
        brief=options.brief,
        details=options.show_detail,
        timing=options.timing_details or structured,
        whole_history=options.fence_level == "3",
        node=options.node,
        resource=options.resource,
        bans=options.bans,
    )
    once = options.one_shot or options.simple_status or structured or (written == "html" and not options.daemonize)
    output = options.as_html or (None if options.output_to in (None, "-") else options.output_to)
    if options.daemonize and output is None:
        raise CommandError("--daemonize needs --output-to", "There is nobody to see what it would print", USAGE)
    return MonitorOptions(view, None if once else _seconds(options.interval), output, options.daemonize,
                          options.pid_file)


def _seconds(text: str) -> float:
    milliseconds = parse_interval_ms(text)
    if not milliseconds:
        raise CommandError(f"“{text}” is not a length of time", "Write it as 5, 500ms, 2min or PT1M", USAGE)
    return milliseconds / 1000


class _Choose(argparse.Action):
    """Adds to the list of choices: `+SECTIONS` or `-SECTIONS`, from the option's constant or its argument."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: str | Sequence[object] | None, option_string: str | None = None) -> None:
        choices = getattr(namespace, "choices", None) or []
        text = values if isinstance(values, str) and values != self.const else ""
        namespace.choices = [*choices, self.const + text if self.const in ("+", "-") else self.const]
        if self.dest != "choices":
            setattr(namespace, self.dest, text)


class _Fencing(argparse.Action):
    """`-m LEVEL`: how much of the history of fencing."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: str | Sequence[object] | None, option_string: str | None = None) -> None:
        level = values if isinstance(values, str) else "2"
        choice = {"0": "-fencing", "1": "+fencing-failed,fencing-pending"}.get(level, "+fencing")
        namespace.choices = [*(getattr(namespace, "choices", None) or []), choice]
        namespace.fence_level = level


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise CommandError(f"{message}. Try --help.", code=USAGE)


def _parser() -> _Parser:
    parser = _Parser(prog="crm_mon", description="Show the cluster's state, again and again or once.",
                     allow_abbrev=False, add_help=False)
    parser.set_defaults(choices=None, fence_level="")
    _add_output(parser.add_argument_group("output"))
    _add_sections(parser.add_argument_group("what is shown"))
    _add_look(parser.add_argument_group("how it is shown"))
    _add_running(parser.add_argument_group("when"))
    return parser


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--output-as", choices=("console", *FORMATS), default="console", help="how it is written")
    group.add_argument("--output-to", metavar="FILE", help="where it is written; - for standard output")
    group.add_argument("-X", "--as-xml", action="store_true", help="the same as --output-as=xml")
    group.add_argument("-h", "--as-html", metavar="FILE", default="", help="as HTML to a file")
    group.add_argument("-s", "--simple-status", action="store_true", help="one line, for monitoring systems")
    group.add_argument("-N", "--disable-ncurses", action="store_true", help="accepted: no full-screen mode is used")
    group.add_argument("-?", "--help", action="help", help="show this help message and exit")


def _add_sections(group: argparse._ArgumentGroup) -> None:
    def switch(short: str, long: str, choice: str, help: str) -> None:
        group.add_argument(short, long, action=_Choose, nargs=0, const=choice, dest="choices", help=help)

    names = "all, none, default, summary, fencing, or sections' names with commas"
    group.add_argument("-I", "--include", action=_Choose, const="+", dest="choices", metavar="SECTIONS", help=names)
    group.add_argument("-U", "--exclude", action=_Choose, const="-", dest="choices", metavar="SECTIONS",
                       help="the same, to leave out")
    switch("-A", "--show-node-attributes", "+attributes", "node attributes")
    switch("-f", "--failcounts", "+failcounts", "fail counts")
    switch("-o", "--operations", "+operations", "the history of operations")
    switch("-c", "--tickets", "+tickets", "tickets")
    switch("-D", "--hide-headers", "-summary", "no summary")
    group.add_argument("-L", "--neg-locations", action=_Choose, nargs="?", const="+bans", dest="bans", default="",
                       metavar="PREFIX", help="constraints that keep a resource off a node")
    group.add_argument("-m", "--fence-history", action=_Fencing, nargs="?", choices=("0", "1", "2", "3"),
                       metavar="LEVEL", dest="fence_level",
                       help="fencing: 0 none, 1 failed and pending (default), 2 successful too, 3 every one")
    group.add_argument("--node", default="", help="only this node, or those with this tag")
    group.add_argument("--resource", default="", help="only this resource, or those with this tag")


def _add_look(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-n", "--group-by-node", action="store_true", help="resources under their nodes")
    group.add_argument("-r", "--inactive", action="store_true", help="also what does not run")
    group.add_argument("-b", "--brief", action="store_true", help="resources counted by agent")
    group.add_argument("-R", "--show-detail", action="store_true", help="node ids, every instance of a clone")
    group.add_argument("-t", "--timing-details", action=_Timing, nargs=0, default=False,
                       help="the history of operations with times")


class _Timing(argparse.Action):
    """Operations, with their times."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: str | Sequence[object] | None, option_string: str | None = None) -> None:
        namespace.choices = [*(getattr(namespace, "choices", None) or []), "+operations"]
        namespace.timing_details = True


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-1", "--one-shot", action="store_true", help="once")
    group.add_argument("-i", "--interval", default="5", metavar="TIME", help="between two looks (default 5 s)")
    group.add_argument("-d", "--daemonize", action="store_true", help="in the background, into --output-to")
    group.add_argument("-p", "--pid-file", metavar="FILE", help="where a background run writes its process id")
    group.add_argument("-V", "--verbose", action="count", default=0, help="accepted")
    add_version(group, "-$")
