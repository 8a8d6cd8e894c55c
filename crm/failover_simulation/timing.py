"""How long a course of transitions would take: by what operations took before, else by what they may take at most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crm.cib import queries
from crm.cib.parsing import Element
from crm.model.transition import ActionKind, GraphAction, Transition
from crm.model.values import parse_integer
from crm.policy_engine.graph_steps import earliest_ends, waited_for_longest
from crm.policy_engine.picture.names import base_name

_TIMED = ("start", "stop", "promote", "demote", "migrate_to", "migrate_from", "monitor", "notify", "reload-agent")


@dataclass(frozen=True, slots=True)
class Moment:
    """When something would be over: milliseconds from the fault; `measured` if all that it waits for was measured."""

    ms: int
    measured: bool


class ExpectedDurations:
    """What operations took, as a CIB's history has it."""

    def __init__(self, root: Element) -> None:
        self._measured: dict[tuple[str, str], int] = {}
        for recorded in queries.operations(root):
            self._note(base_name(recorded.resource), recorded.attributes)

    def _note(self, name: str, entry: Mapping[str, str]) -> None:
        took = parse_integer(entry.get("exec-time"))
        if took is not None and took > 0 and entry.get("rc-code") in ("0", "8") and entry.get("op-status") == "0":
            key = (name, str(entry.get("operation")))
            self._measured[key] = max(took, self._measured.get(key, 0))

    def measured_ms(self, action: GraphAction) -> int | None:
        """What the operation took at most when it went well; None if nobody knows."""
        if action.resource is None:
            return None
        return self._measured.get((base_name(action.resource.long_id or action.resource.id), action.operation))


@dataclass(frozen=True, slots=True)
class Timed:
    """An action with the moments of its beginning and end."""

    action: GraphAction
    begins: Moment
    ends: Moment


def timeline(transitions: Iterable[Transition], durations: ExpectedDurations) -> list[Timed]:
    """When each action of a course begins and ends at the earliest."""
    found: list[Timed] = []
    offset = Moment(0, True)
    for transition in transitions:
        timed = _of_one(transition, durations, offset)
        found += timed
        offset = max((each.ends for each in timed), key=lambda moment: moment.ms, default=offset)
    return found


def _of_one(transition: Transition, durations: ExpectedDurations, offset: Moment) -> list[Timed]:
    def duration(action: GraphAction) -> int:
        return _duration_ms(action, transition, durations)

    ends = earliest_ends(transition, duration)
    actions = {synapse.action.id: synapse.action for synapse in transition.synapses}
    before = waited_for_longest(transition, ends)
    known: dict[int | None, bool] = {None: offset.measured}
    found = []
    for number, end in ends.items():  # what is waited for comes first
        action = actions[number]
        known[number] = measured = known[before[number]] and _is_measured(action, durations)
        begins = Moment(offset.ms + end - duration(action), measured)
        found.append(Timed(action, begins, Moment(offset.ms + end, measured)))
    return found


def _is_measured(action: GraphAction, durations: ExpectedDurations) -> bool:
    return not _takes_time(action) or durations.measured_ms(action) is not None


def _takes_time(action: GraphAction) -> bool:
    if action.kind is ActionKind.RESOURCE:
        return action.operation in _TIMED
    return action.operation == "stonith"


def _duration_ms(action: GraphAction, transition: Transition, durations: ExpectedDurations) -> int:
    if not _takes_time(action):
        return 0
    measured = durations.measured_ms(action)
    if measured is not None:
        return measured
    return transition.fencing_timeout_ms if action.operation == "stonith" else action.timeout_ms
