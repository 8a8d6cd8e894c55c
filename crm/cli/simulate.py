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
from pathlib import Path

from lxml import etree

from crm.cib.errors import CibError
from crm.cib.reading.cib_reader import read
from crm.cib.simulated_cib import SimulatedCib
from crm.cli.connection import CommandError
from crm.cli.simulation.arguments import SimulationOptions, UsageError, parse
from crm.cli.simulation.cib_input import InputError, read_input
from crm.cli.simulation.injections import apply_injections
from crm.cli.simulation.text import Teller, TextTeller
from crm.cli.terminal import fitted
from crm.model.cib import Cib
from crm.model.transition import Transition
from crm.policy_engine.engine import PlanOptions
from crm.policy_engine.observe import observe
from crm.policy_engine.output.notices import notices
from crm.policy_engine.picture.cluster import Cluster
from crm.policy_engine.scheduling import Schedule, make_schedule, plan_observed
from crm.transition import ActionOutcome
from crm.transition.simulation import InjectedFailure, SimulatedExecution, parse_failure, simulate

OK, ERROR, USAGE, BAD_DATA, NO_INPUT, CANNOT_CREATE = 0, 1, 64, 65, 66, 73


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        request = parse(given)
    except UsageError as error:
        return _complain(str(error), USAGE)
    if request is None:
        return OK
    teller = _teller(request, given)
    try:
        with _without_collection():
            return _profile(request, teller) if request.profile is not None else _Simulation(request, teller).run()
    except CibError as error:
        return _give_up(teller, str(error), BAD_DATA)
    except InputError as error:
        return _give_up(teller, str(error), NO_INPUT)
    except CommandError as error:
        return _give_up(teller, f"{error}{'. ' + error.hint if error.hint else ''}", error.code)
    except BrokenPipeError:
        return OK
    except OSError as error:
        return _give_up(teller, f"{error.filename}: {error.strerror}", CANNOT_CREATE)


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


def _teller(request: SimulationOptions, arguments: Sequence[str]) -> Teller:
    if request.output_as == "text":
        return TextTeller(request)
    from crm.cli.simulation.xml import XmlTeller

    return XmlTeller(request, arguments)


def _give_up(teller: Teller, message: str, status: int) -> int:
    teller.finish(status, [f"crm_simulate: {message}"])
    return status


def _complain(message: str, status: int) -> int:
    print(f"crm_simulate: {message}", file=sys.stderr)
    return status


@dataclass
class _Simulation:
    """One invocation: the CIB as it is changed, and who tells of it."""

    request: SimulationOptions
    teller: Teller
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pretended = SimulatedCib(read_input(self.request))

    def run(self) -> int:
        """The whole story, in the order in which it is told."""
        cluster = self._look()
        if not self.request.quiet:
            self.teller.current(cluster)
        if self.request.injections:
            self.teller.modifications(apply_injections(self, cluster, int(time.time())))
            cluster = self._look()
        self._save(self.request.save_input)
        status = OK
        if self.request.process:
            result = self._plan(cluster)
            if self.request.simulate:
                status = self._execute(result.transition, _known_names(result.cluster))
        self._save(self.request.output_file)
        self.teller.finish(status, self.errors)
        return status

    def now(self, cib: Cib) -> int:
        """The moment to plan for: as asked, else as recorded, else the present."""
        if self.request.now is not None:
            return self.request.now
        return cib.execution_date if cib.execution_date is not None else int(time.time())

    def _look(self) -> Cluster:
        cib = read(self.pretended.root)
        self.teller.date(cib)
        cluster = observe(cib, self.now(cib))
        self.teller.notices(notices(cluster))
        return cluster

    def _plan(self, cluster: Cluster) -> Schedule:
        wishes = PlanOptions(self.request.scores, self.request.utilization, sanitized=True)
        result = plan_observed(cluster, wishes)
        self.teller.planned(result)
        if self.request.graph_file is not None:
            Path(self.request.graph_file).write_text(result.graph_text())
        if self.request.dot_file is not None:
            text = result.dot_text(all_actions=self.request.all_actions, with_ids=self.request.verbose)
            Path(self.request.dot_file).write_text(text)
        return result

    def _execute(self, transition: Transition, known: frozenset[str]) -> int:
        failures = [failure for text in self.request.failures if (failure := self._failure(text)) is not None]
        self.teller.begin()
        pretence = SimulatedExecution(self.pretended, known, failures, self.teller.say, int(time.time()))
        outcome = simulate(transition, pretence)
        if outcome is ActionOutcome.TERMINATED:
            self.errors += ["Transition failed: terminated", "An invalid transition was produced"]
        if not self.request.quiet:
            self.teller.revised(self._look())
        return ERROR if outcome is ActionOutcome.TERMINATED else OK

    def _failure(self, text: str) -> InjectedFailure | None:
        failure = parse_failure(text)
        if failure is None:
            self.errors.append(f"Invalid failed operation '{text}' (write RESOURCE_OPERATION_INTERVALMS@NODE=RC)")
        return failure

    def _save(self, path: str | None) -> None:
        if path is not None:
            Path(path).write_bytes(etree.tostring(self.pretended.root, encoding="utf-8", pretty_print=True))


def _known_names(cluster: Cluster) -> frozenset[str]:
    resources = [each for top in cluster.resources for each in top.walk()]
    return frozenset(name for each in resources for name in (each.id, each.history_id) if name)


def _profile(request: SimulationOptions, teller: Teller) -> int:
    """Plan every CIB of a folder several times, and say how long each took."""
    folder = Path(str(request.profile))
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of CIBs")
    for path in sorted(folder.glob("*.xml")):
        root = read_input(request, str(path))
        started = time.process_time()
        for _ in range(max(request.repeat, 1)):
            cib = read(root)
            make_schedule(cib, request.now if request.now is not None else cib.execution_date or int(time.time()))
        teller.timing(str(path), time.process_time() - started)
    teller.finish(OK, ())
    return OK


if __name__ == "__main__":
    sys.exit(main())
