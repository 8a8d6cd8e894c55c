"""What the leader has handed out and has no result of, by transition key.

Most of it belongs to the running transition. What takes long is *set aside* when that transition is given up: it goes
on where it runs, and the next plan is made with it in mind. A start that takes long stands in the CIB as a pending one,
so that people see it and the engine does not place the resource elsewhere; of everything else the CIB says how it was
before, so the plan asks for it again. Whether the plan can go on with it is decided in `crm.transition.resume`. A new
leader is told by each member what it still carries out for the former, and treats that in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from crm.cib.status_updates import HistoryRemoval, OperationUpdate
from crm.controller.core import Core
from crm.controller.execution.pending_operations import pending_entry, without_pending_entry
from crm.controller.protocol.keys import TransitionKey
from crm.model.transition import GraphAction

TIMER_PREFIX = "action:"
SLOW_S = 1.0
"""What has been under way for that long is not waited for any more before a new plan is made."""


@dataclass(slots=True)
class InFlightAction:
    """One action. `place`: its id in the running transition, None when it is set aside.

    `welcome_serial`: the last welcome that was sent before it; `since`: epoch seconds.
    """

    action: GraphAction
    key: TransitionKey
    place: int | None
    since: float
    welcome_serial: int

    @property
    def carrier(self) -> str | None:
        """The cluster node whose executor carries it out."""
        return executing_node(self.action)


class InFlightActions:
    """All of them. Each has a timer if it has a time limit."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._in_flight: dict[str, InFlightAction] = {}

    def begin(self, action: GraphAction, key: TransitionKey, place: int | None = None) -> InFlightAction:
        """An action is handed out, or was by another leader."""
        flight = InFlightAction(action, key, place, self._core.now, self._core.welcome_serial)
        self._in_flight[str(key)] = flight
        return flight

    def limit(self, flight: InFlightAction, limit_s: float) -> None:
        """From now on so much time is left for a result."""
        self._core.set_timer(f"{TIMER_PREFIX}{flight.key}", limit_s)

    def end(self, flight: InFlightAction) -> None:
        """It has ended."""
        del self._in_flight[str(flight.key)]
        self._core.cancel_timer(f"{TIMER_PREFIX}{flight.key}")

    def get(self, key: str) -> InFlightAction | None:
        """The one of that transition key."""
        return self._in_flight.get(key)

    def all(self, wanted: Callable[[InFlightAction], bool]) -> list[InFlightAction]:
        """Those that are wanted, in the order in which they began."""
        return [flight for flight in self._in_flight.values() if wanted(flight)]

    @property
    def none(self) -> bool:
        """Whether there are none at all."""
        return not self._in_flight

    @property
    def aside(self) -> list[InFlightAction]:
        """Those that belong to no running transition."""
        return self.all(lambda flight: flight.place is None)

    @property
    def all_slow(self) -> bool:
        """Whether none of them is likely to end in a moment."""
        return all(self._is_slow(flight) for flight in self._in_flight.values())

    def older_than(self, seconds: float) -> Counter[str]:
        """How many have been under way for so long, by who carries them out."""
        return Counter(flight.carrier for flight in self._in_flight.values()
                       if flight.carrier is not None and flight.since + seconds <= self._core.now)

    def next_age(self, *ages_s: float) -> float | None:
        """When (epoch seconds) the next of them comes to one of these ages; None if never."""
        moments = (flight.since + age_s for flight in self._in_flight.values() for age_s in ages_s)
        return min((moment for moment in moments if moment > self._core.now), default=None)

    def set_aside(self) -> None:
        """The running transition is given up."""
        for flight in self._in_flight.values():
            flight.place = None

    def clear(self) -> None:
        """This node leads no more."""
        for flight in list(self._in_flight.values()):
            self.end(flight)

    def slow_starts(self) -> list[OperationUpdate]:
        """What the CIB is to say of starts that take long."""
        return [self._pending(flight) for flight in self._in_flight.values() if self._is_noted(flight)]

    def forget_start(self, flight: InFlightAction) -> list[HistoryRemoval]:
        """What the CIB need not say any more when that one has ended."""
        agent = flight.action.resource
        if agent is None or not self._is_noted(flight):
            return []
        return [without_pending_entry(self._node_id(flight), agent.id)]

    def _is_slow(self, flight: InFlightAction) -> bool:
        return flight.since + SLOW_S <= self._core.now

    def _is_noted(self, flight: InFlightAction) -> bool:
        return flight.action.operation == "start" and flight.action.router is None and self._is_slow(flight)

    def _node_id(self, flight: InFlightAction) -> str:
        return flight.action.node_id or self._core.me.config.id_of(flight.action.node or "")

    def _pending(self, flight: InFlightAction) -> OperationUpdate:
        action = flight.action
        return pending_entry(action, self._node_id(flight), str(flight.key), flight.since,
                             self._core.release.feature_set)


def executing_node(action: GraphAction) -> str | None:
    """The cluster node whose executor carries an action out."""
    return action.router or action.node
