"""What `crm_simulate` tells, as text: sections as Pacemaker's tool prints them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from crm.cli.pacemaker.section_text import attribute_section, fail_count_section
from crm.cli.pacemaker.sections import SectionedText
from crm.cli.pacemaker.status_text import Show, counts_line, maintenance_lines, status_lines
from crm.cli.simulation.arguments import SimulationOptions
from crm.model.cib import Cib
from crm.policy_engine.picture.cluster import Cluster
from crm.policy_engine.scheduling import Schedule
from crm.transition.simulation import SimulationLog


class Teller(Protocol):
    """Tells the story of a simulation, in the order in which it happens."""

    def date(self, cib: Cib) -> None:
        """The moment that is planned for, if it is not the present."""

    def notices(self, lines: Sequence[str]) -> None:
        """What is remarked of the status."""

    def current(self, cluster: Cluster) -> None:
        """How the cluster is at first."""

    def modifications(self, said: Sequence[SimulationLog]) -> None:
        """What is pretended before planning."""

    def planned(self, plan: Schedule) -> None:
        """The scores, if wanted, and what would change."""

    def begin(self) -> None:
        """The transition is carried out from here on."""

    def say(self, said: SimulationLog) -> None:
        """A step of that."""

    def revised(self, cluster: Cluster) -> None:
        """How the cluster is in the end."""

    def timing(self, path: str, seconds: float) -> None:
        """How long the planning of a CIB took."""

    def finish(self, status: int, errors: Sequence[str]) -> None:
        """All is told; what went wrong."""


class TextTeller:
    """Tells it in text."""

    def __init__(self, request: SimulationOptions) -> None:
        self.request = request
        plain = request.scores and request.quiet
        self.out = SectionedText(sys.stdout, quiet=request.quiet, plain=plain)
        self._timed = False

    def date(self, cib: Cib) -> None:
        if self.request.date_text is not None:
            self.out.line(f"Setting effective cluster time: {self.request.date_text}")
        elif cib.execution_date is not None:
            moment = datetime.fromtimestamp(cib.execution_date, UTC)
            self.out.line(f"Using the original execution date of: {moment:%Y-%m-%d %H:%M:%S}Z")

    def notices(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.out.line(line)

    def current(self, cluster: Cluster) -> None:
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

    def modifications(self, said: Sequence[SimulationLog]) -> None:
        if self.request.quiet:
            self.out.gap()
        else:
            self.out.section("Performing Requested Modifications", [each.text for each in said])

    def planned(self, plan: Schedule) -> None:
        if self.request.scores or self.request.utilization:
            self.out.section(_score_heading(self.request), [each.text for each in plan.scores])
        if not self.request.quiet:
            self.out.section("Transition Summary", plan.summary_lines())

    def begin(self) -> None:
        self.out.begin("Executing Cluster Transition")

    def say(self, said: SimulationLog) -> None:
        if said.is_item:
            self.out.item(said.text)
        else:
            self.out.line(said.text)

    def revised(self, cluster: Cluster) -> None:
        show = Show(node_ids=self.request.verbose)
        self.out.block(self._status(cluster, "Revised Cluster Status", show))

    def timing(self, path: str, seconds: float) -> None:
        if not self._timed:
            self._timed = True
            self.out.begin("Timings")
        self.out.item(f"Testing {path} ... {seconds:.2f} secs")

    def finish(self, status: int, errors: Sequence[str]) -> None:
        for error in errors:
            print(error, file=sys.stderr)


def _score_heading(request: SimulationOptions) -> str:
    if request.scores and request.utilization:
        return "Assignment Scores and Utilization Information"
    return "Assignment Scores" if request.scores else "Utilization Information"
