"""Whether plans come to rest: people are told when the same is planned again and again, and nothing comes of it.

Three kinds, none of which is a failure of an agent, as those are told of elsewhere: plans that cannot be finished, as
what their actions wait for never comes; plans that are finished and followed by the same ones again; and plans that are
finished, while the next one would change something again. The last is found by a plan that is made only to be looked
at, once nothing has happened for a while after a change. Constraints that contradict each other look like any of them.
Counted anew with every other configuration and every failure.
"""

from __future__ import annotations

from collections import Counter

from crm.cib.document import Document
from crm.cib.queries import recorded_attributes
from crm.controller.core import configuration_version
from crm.model.report import Report, Severity
from crm.model.transition import ActionKind, GraphAction, Transition
from crm.transition import ActionOutcome, ActionState, TransitionRun

UNFINISHED = 3
REPEATED = 4
"""So many of them in a row are told of."""
RESTLESS = ("plan-unfinished", "plan-restless")
"""Codes of the reports."""
_MOST_NAMED = 4
_CHANGING = ("start", "stop", "promote", "demote", "migrate_to", "migrate_from")
_HINT = "Constraints may contradict each other: crm_verify --live-check -V, crmctl constraint list"


class RestWatch:
    """The leader's memory of how its transitions ended."""

    def __init__(self) -> None:
        self._basis: object = None
        self._unfinished = 0
        self._left: list[GraphAction] = []
        self._done: Counter[tuple[str, ...]] = Counter()
        self._changed = False
        """Whether the last transition was finished and has changed something."""
        self._next: list[GraphAction] = []

    def begun(self, document: Document) -> None:
        """A transition that was planned from that CIB begins."""
        basis = configuration_version(document.version), _failures(document)
        self._changed, self._next = False, []
        if basis != self._basis:
            self._forget()
            self._basis = basis

    @property
    def wants_look(self) -> bool:
        """Whether the next plan is worth a look."""
        return self._changed

    def looked(self, transition: Transition) -> None:
        """The plan that would come next."""
        self._changed = False
        self._next = [each.action for each in transition.synapses if each.action.operation in _CHANGING
                      and each.action.kind is not ActionKind.PSEUDO]

    def ended(self, run: TransitionRun, outcome: ActionOutcome) -> None:
        """That transition has ended."""
        if outcome is ActionOutcome.TERMINATED and not run.actions(ActionState.FAILED):
            self._unfinished += 1
            self._left = run.actions(ActionState.WAITING, ActionState.READY)
        elif outcome is ActionOutcome.COMPLETE:
            self._unfinished = 0
        done = tuple(sorted({_told(each) for each in run.actions(ActionState.DONE) if each.operation in _CHANGING}))
        if done:
            self._done[done] += 1
        self._changed = bool(done) and outcome is ActionOutcome.COMPLETE

    def stop_leading(self) -> None:
        """The next leader sees for itself."""
        self._forget()
        self._basis = None

    def reports(self) -> tuple[Report, ...]:
        """What people should know."""
        found = []
        if self._unfinished >= UNFINISHED:
            found.append(_report("plan-unfinished", self._left, "The same plan is made again and again and cannot be "
                                 "finished, as these wait for what never comes"))
        repeated = [done for done, count in self._done.items() if count >= REPEATED]
        if repeated or self._next:
            found.append(_report("plan-restless", repeated[0] if repeated else self._next, "The cluster does not "
                                 "come to rest: each plan changes something again, though nothing has happened"))
        return tuple(found)

    def _forget(self) -> None:
        self._unfinished, self._left = 0, []
        self._changed, self._next = False, []
        self._done.clear()


def _report(code: str, actions: list[GraphAction] | tuple[str, ...], message: str) -> Report:
    told = [each if isinstance(each, str) else _told(each) for each in actions]
    more = f" and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
    return Report(Severity.WARNING, code, "cluster", f"{message}: {', '.join(told[:_MOST_NAMED])}{more}", _HINT)


def _told(action: GraphAction) -> str:
    of = f" {action.resource.id}" if action.resource is not None else ""
    return f"{action.operation}{of} on {action.node}"


def _failures(document: Document) -> tuple[str, ...]:
    """When what failed last: another one is another reason not to come to rest."""
    return tuple(each.value for each in recorded_attributes(document.root) if each.name.startswith("last-failure-"))
