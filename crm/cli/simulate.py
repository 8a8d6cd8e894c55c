"""`crm_simulate`: what would the cluster do with this CIB, and what would come of it?

Options and output are those of Pacemaker's tool of that name. The clock is read here and nowhere below: `-t`, or the
`execution-date` that a CIB carries, takes its place.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from crm.cib.errors import CibError
from crm.cib.read import read
from crm.cli.injections import apply_injections
from crm.cli.output import Output, TextOutput
from crm.cli.section_text import attribute_section, fail_count_section
from crm.cli.simulate_arguments import Request, UsageError, parse
from crm.cli.simulate_input import InputError, read_input
from crm.cli.status_text import Show, counts_line, maintenance_lines, status_lines
from crm.model.cib import Cib
from crm.model.transition import Transition
from crm.policy_engine.cluster import Cluster
from crm.policy_engine.engine import Wishes
from crm.policy_engine.observe import observe
from crm.policy_engine.plan import Plan, plan
from crm.transition import Outcome
from crm.transition.pretended_cib import PretendedCib
from crm.transition.simulation import Failure, Pretence, parse_failure, simulate

OK, ERROR, USAGE, BAD_DATA, NO_INPUT, CANNOT_CREATE = 0, 1, 64, 65, 66, 73


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; the exit status."""
    try:
        request = parse(sys.argv[1:] if arguments is None else arguments)
    except UsageError as error:
        return _complain(str(error), USAGE)
    if request is None:
        return OK
    try:
        with _without_collection():
            return _profile(request) if request.profile is not None else _Simulation(request).run()
    except CibError as error:
        return _complain(str(error), BAD_DATA)
    except InputError as error:
        return _complain(str(error), NO_INPUT)
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}", CANNOT_CREATE)
    except BrokenPipeError:
        return OK


@contextmanager
def _without_collection() -> Iterator[None]:
    """One plan makes hardly any garbage in circles, and looking for it costs a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _complain(message: str, status: int) -> int:
    print(f"crm_simulate: {message}", file=sys.stderr)
    return status


@dataclass
class _Simulation:
    """One invocation: the CIB as it is changed, and what has been said."""

    request: Request
    out: Output = field(init=False)
    pretended: PretendedCib = field(init=False)

    def __post_init__(self) -> None:
        self.out = TextOutput(sys.stdout, quiet=self.request.quiet, plain=self.request.scores and self.request.quiet)
        self.pretended = PretendedCib(read_input(self.request))

    def run(self) -> int:
        """The whole story, in the order in which it is told."""
        cib = self._look()
        if not self.request.quiet:
            self._show_current(observe(cib, self.now(cib)))
        if self.request.injections:
            cluster = observe(cib, self.now(cib))
            self.out.section("Performing Requested Modifications", apply_injections(self, cluster, int(time.time())))
            cib = self._look()
        self._save(self.request.save_input)
        status = OK
        if self.request.process:
            result = self._plan(cib)
            if self.request.simulate:
                status = self._execute(result.transition, _known_names(result.cluster))
        self._save(self.request.output_file)
        return status

    def now(self, cib: Cib) -> int:
        """The moment to plan for: as asked, else as recorded, else the present."""
        if self.request.now is not None:
            return self.request.now
        return cib.execution_date if cib.execution_date is not None else int(time.time())

    def _announce_date(self, cib: Cib) -> None:
        if self.request.date_text is not None:
            self.out.line(f"Setting effective cluster time: {self.request.date_text}")
        elif cib.execution_date is not None:
            moment = datetime.fromtimestamp(cib.execution_date, UTC)
            self.out.line(f"Using the original execution date of: {moment:%Y-%m-%d %H:%M:%S}Z")

    def _look(self) -> Cib:
        cib = read(self.pretended.root)
        self._announce_date(cib)
        return cib

    def _show_current(self, cluster: Cluster) -> None:
        header = maintenance_lines(cluster)
        counts = counts_line(cluster)
        if counts is not None:
            header += [""] * bool(header) + [counts]
        if header:
            self.out.lines(header)
        show = Show(pending=self.request.pending, node_ids=self.request.verbose)
        self.out.block(self._status(cluster, "Current cluster status", show))

    def _status(self, cluster: Cluster, title: str, show: Show) -> list[str]:
        lines = status_lines(cluster, title, show)
        wanted = ((self.request.attributes, attribute_section), (self.request.fail_counts, fail_count_section))
        for is_wanted, section in wanted:
            more = section(cluster) if is_wanted else []
            lines += ["", *(f"  {line}" for line in more)] if more else []
        return lines

    def _plan(self, cib: Cib) -> Plan:
        wishes = Wishes(self.request.scores, self.request.utilization, sanitized=True)
        result = plan(cib, self.now(cib), wishes)
        if self.request.scores or self.request.utilization:
            lines = result.score_lines(scores=self.request.scores, utilization=self.request.utilization)
            self.out.section(_score_heading(self.request), lines)
        if self.request.graph_file is not None:
            Path(self.request.graph_file).write_text(result.graph_text())
        if self.request.dot_file is not None:
            text = result.dot_text(all_actions=self.request.all_actions, with_ids=self.request.verbose)
            Path(self.request.dot_file).write_text(text)
        if not self.request.quiet:
            self.out.section("Transition Summary", result.summary_lines())
        return result

    def _execute(self, transition: Transition, known: frozenset[str]) -> int:
        failures = [failure for text in self.request.failures if (failure := self._failure(text)) is not None]
        self.out.begin("Executing Cluster Transition")
        pretence = Pretence(self.pretended, known, failures, self._say, int(time.time()))
        outcome = simulate(transition, pretence)
        if outcome is Outcome.TERMINATED:
            print("Transition failed: terminated", file=sys.stderr)
            print("An invalid transition was produced", file=sys.stderr)
        if not self.request.quiet:
            cib = read(self.pretended.root)
            self._announce_date(cib)
            show = Show(node_ids=self.request.verbose)
            self.out.block(self._status(observe(cib, self.now(cib)), "Revised Cluster Status", show))
        return ERROR if outcome is Outcome.TERMINATED else OK

    def _failure(self, text: str) -> Failure | None:
        failure = parse_failure(text)
        if failure is None:
            print(f"Invalid failed operation '{text}' (write RESOURCE_OPERATION_INTERVALMS@NODE=RC)", file=sys.stderr)
        return failure

    def _say(self, text: str, is_item: bool) -> None:
        if is_item:
            self.out.item(text)
        else:
            self.out.line(text)

    def _save(self, path: str | None) -> None:
        if path is not None:
            Path(path).write_bytes(etree.tostring(self.pretended.root, encoding="utf-8", pretty_print=True))


def _score_heading(request: Request) -> str:
    if request.scores and request.utilization:
        return "Assignment Scores and Utilization Information"
    return "Assignment Scores" if request.scores else "Utilization Information"


def _known_names(cluster: Cluster) -> frozenset[str]:
    resources = [each for top in cluster.resources for each in top.walk()]
    return frozenset(name for each in resources for name in (each.id, each.history_id) if name)


def _profile(request: Request) -> int:
    """Plan every CIB of a folder several times, and say how long each took."""
    folder = Path(str(request.profile))
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of CIBs")
    out = TextOutput(sys.stdout, quiet=False)
    out.begin("Timings")
    for path in sorted(folder.glob("*.xml")):
        root = read_input(request, str(path))
        started = time.process_time()
        for _ in range(max(request.repeat, 1)):
            cib = read(root)
            plan(cib, request.now if request.now is not None else cib.execution_date or int(time.time()))
        out.item(f"Testing {path} ... {time.process_time() - started:.2f} secs")
    return OK


if __name__ == "__main__":
    sys.exit(main())
