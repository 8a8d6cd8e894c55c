"""One run of a transition graph: what may start now, what is in flight, what is over.

Sans I/O: nothing waits here. The caller starts the actions it is handed, says when each is finished, and asks again.
The controller does so as results arrive, `crm_simulate` at once; both therefore see the same order.

Order (as Pacemaker's graph execution shows it): a pass goes over the synapses in the order of the graph and fires those
whose inputs are all confirmed. What completes synchronously makes later synapses ready within the same pass; earlier
ones wait for the next. A pass in which nothing fires while nothing is in flight ends the run.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from crm.model.score import INFINITY
from crm.model.transition import ActionKind, GraphAction, Synapse, Transition


class ActionState(Enum):
    """Where a synapse stands; it only moves forward, from top to bottom."""

    WAITING = "waiting"
    READY = "ready"
    IN_FLIGHT = "in flight"
    DONE = "done"
    FAILED = "failed"


class ActionOutcome(StrEnum):
    """How a run ended. `STOPPED`: aborted, the rest was skipped. `TERMINATED`: some inputs never came."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Throttling: what may be in flight at once.

    batch      actions in all (0: no limit)
    by_load    the batch limit is there because machines are busy, nobody asked for it. It then holds up neither
               fencing nor a node that has nothing in flight, so that one slow action is not waited for everywhere
    per_node   actions of resources on each node (0: no limit); `nodes` are those that have a limit of their own
    migration  migrations per node (-1: no limit)
    held       ids of actions that must wait for a moment that only the caller knows; the run waits for it, too
    """

    batch: int = 0
    per_node: int = 0
    migration: int = -1
    by_load: bool = False
    nodes: Mapping[str, int] = field(default_factory=dict)
    held: frozenset[int] = frozenset()

    def of(self, node: str) -> int:
        """How many actions of resources a node may have in flight (0: any number)."""
        return self.nodes.get(node, self.per_node)


@dataclass(frozen=True, slots=True)
class Abort:
    """Why a run is to end early; synapses of at least this priority are still fired."""

    priority: int
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of synapses, for people."""

    total: int
    done: int
    failed: int
    in_flight: int


@dataclass(slots=True)
class _Load:
    """What is in flight per node."""

    jobs: Counter[str] = field(default_factory=Counter)
    migrations: Counter[str] = field(default_factory=Counter)

    def count(self, action: GraphAction, step: int) -> None:
        for node in _busy_nodes(action):
            self.jobs[node] += step
            if _is_migration(action):
                self.migrations[node] += step

    def allows(self, action: GraphAction, limits: RunLimits) -> bool:
        return all(self._node_allows(node, action, limits) for node in _busy_nodes(action))

    def is_idle(self, action: GraphAction) -> bool:
        """Whether the nodes that an action would occupy have nothing in flight."""
        return not any(self.jobs[node] for node in _busy_nodes(action))

    def _node_allows(self, node: str, action: GraphAction, limits: RunLimits) -> bool:
        if 0 < limits.of(node) <= self.jobs[node]:
            return False
        return not (_is_migration(action) and 0 < limits.migration <= self.migrations[node])


class TransitionRun:
    """The progress of one transition.

    The caller's duties: ask `ready` after every `finished` and `abort` until `done`; call `finished` exactly once for
    every action that it was handed (also when its time limit, `Transition.time_limit_ms`, has passed: with ok=False).
    """

    def __init__(self, transition: Transition) -> None:
        self.transition = transition
        self.aborted: Abort | None = None
        self._states = [ActionState.WAITING] * len(transition.synapses)
        self._missing = [len(set(synapse.inputs)) for synapse in transition.synapses]
        self._positions = {synapse.action.id: place for place, synapse in enumerate(transition.synapses)}
        self._dependents = _dependents(transition.synapses)
        self._candidates = [place for place, missing in enumerate(self._missing) if missing == 0]
        self._parked: dict[str, list[int]] = {}
        """Candidates (heaps) that wait until a node has less to do: no result has all of them looked at again."""
        self._cursor: int | None = None
        self._next_pass: list[int] = []
        self._load = _Load()
        self._in_flight: dict[int, GraphAction] = {}
        self._exhausted = False
        self._for_next_pass = False
        for place in self._candidates:
            self._states[place] = ActionState.READY

    @property
    def in_flight(self) -> Mapping[int, GraphAction]:
        """Actions handed out and not finished yet, by id."""
        return self._in_flight

    @property
    def done(self) -> bool:
        """Whether nothing is in flight and nothing more will be handed out."""
        return self._exhausted and not self._in_flight

    @property
    def owes(self) -> bool:
        """Whether what is in flight will be followed by more, though the run is aborted: notifications, above all.

        Nobody else will tell a clone's instances that one of them was promoted, as the next plan finds that done.
        """
        left: dict[int, int] = {}
        waiting = list(self._in_flight)
        while waiting:
            for place in self._dependents.get(waiting.pop(), ()):
                left[place] = left.get(place, self._missing[place]) - 1
                if left[place] == 0 and self._states[place] is ActionState.WAITING and self._survives_abort(place):
                    action = self.transition.synapses[place].action
                    if action.kind is not ActionKind.PSEUDO:
                        return True
                    waiting.append(action.id)
        return False

    @property
    def outcome(self) -> ActionOutcome:
        """How the run ended; RUNNING while it has not."""
        if not self.done:
            return ActionOutcome.RUNNING
        if all(state in (ActionState.DONE, ActionState.FAILED) for state in self._states):
            return ActionOutcome.COMPLETE
        return ActionOutcome.STOPPED if self.aborted else ActionOutcome.TERMINATED

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        done = self._states.count(ActionState.DONE)
        return Progress(len(self._states), done, self._states.count(ActionState.FAILED), len(self._in_flight))

    def actions(self, *states: ActionState) -> list[GraphAction]:
        """The actions in those states, pseudo-actions left out."""
        return [synapse.action for synapse, state in zip(self.transition.synapses, self._states, strict=True)
                if state in states and synapse.action.kind is not ActionKind.PSEUDO]

    def action(self, action_id: int) -> GraphAction | None:
        """The action of that id, if the transition has it."""
        place = self._positions.get(action_id)
        return None if place is None else self.transition.synapses[place].action

    def ready(self, limits: RunLimits | None = None) -> list[GraphAction]:
        """The actions to start now, marked as in flight; pseudo-actions complete on the way and are not in the list."""
        started: list[GraphAction] = []
        fired = True
        while fired:
            fired = False
            for action in self.one_pass(limits):
                fired = True
                if action.kind is not ActionKind.PSEUDO:
                    started.append(action)
            # What has begun makes nothing else possible, only what is confirmed does.
            fired = fired and (not self._in_flight or self._for_next_pass)
        return started

    def one_pass(self, limits: RunLimits | None = None) -> Iterator[GraphAction]:
        """One pass over the graph, lazily: yields each fired action, pseudo-actions (already confirmed) included.

        An action that the caller finishes before it takes the next one counts within this very pass.
        """
        assert self._cursor is None, "a pass is still under way"
        limits = limits or RunLimits(self.transition.batch_limit, 0, self.transition.migration_limit)
        self._unpark(limits)
        heapq.heapify(self._candidates)
        fired = self._for_next_pass = False
        held: list[int] = []
        try:
            while self._candidates and (limits.by_load or not self._is_full(limits)):
                place = heapq.heappop(self._candidates)
                self._cursor = place
                action = self.transition.synapses[place].action
                if not self._may_fire(place, limits):
                    if not self._park(place, limits):
                        held.append(place)
                    continue
                fired = True
                self._fire(place)
                yield action
        finally:
            self._candidates.extend(held)
            self._candidates.extend(self._next_pass)
            self._for_next_pass, self._next_pass = bool(self._next_pass), []
            self._cursor = None
            self._exhausted = not fired and not self._in_flight and not self._waits(held, limits)

    def started(self, action_id: int) -> None:
        """Confirm that an action handed out is under way (it counts as in flight from the moment it was handed out)."""
        assert action_id in self._in_flight, f"action {action_id} was not handed out"

    def adopt(self, action_id: int) -> None:
        """Take an action as handed out already, whatever stands before it (see `crm.transition.resume`)."""
        place = self._positions[action_id]
        assert self._states[place] in (ActionState.WAITING, ActionState.READY), f"action {action_id} has begun"
        for waiting in (self._candidates, *self._parked.values()):
            if place in waiting:
                waiting.remove(place)
                heapq.heapify(waiting)
        self._fire(place)

    def finished(self, action_id: int, ok: bool) -> bool:
        """Take an action's end; False if it was not in flight (a late or foreign result), which changes nothing."""
        action = self._in_flight.pop(action_id, None)
        if action is None:
            return False
        self._load.count(action, -1)
        self._confirm(self._positions[action_id], ok)
        return True

    def abort(self, priority: int, reason: str) -> None:
        """Fire nothing more below that priority; what is in flight is waited for. The highest abort counts."""
        if self.aborted is None or priority > self.aborted.priority:
            self.aborted = Abort(priority, reason)

    def _may_fire(self, place: int, limits: RunLimits) -> bool:
        synapse = self.transition.synapses[place]
        if synapse.action.kind is ActionKind.PSEUDO:
            return True
        if not self._survives_abort(place):
            return False
        if synapse.action.id in limits.held:
            return False
        if self._is_full(limits) and not self._load.is_idle(synapse.action):
            return False
        return self._load.allows(synapse.action, limits)

    def _survives_abort(self, place: int) -> bool:
        synapse = self.transition.synapses[place]
        return (self.aborted is None or synapse.action.kind is ActionKind.PSEUDO
                or synapse.priority >= self.aborted.priority)

    def _park(self, place: int, limits: RunLimits) -> bool:
        """Set a candidate aside if all that it waits for is that its node ends something; False if it is not that."""
        action = self.transition.synapses[place].action
        nodes = _busy_nodes(action)
        if len(nodes) != 1 or self.aborted is not None or action.id in limits.held:
            return False
        if not 0 < limits.of(nodes[0]) <= self._load.jobs[nodes[0]]:
            return False
        heapq.heappush(self._parked.setdefault(nodes[0], []), place)
        return True

    def _unpark(self, limits: RunLimits) -> None:
        """Take back as many as a node has room for, the first ones of its own."""
        for node, waiting in self._parked.items():
            room = self._room(node, limits)
            while waiting and room > 0:
                place = heapq.heappop(waiting)
                self._candidates.append(place)
                if self.transition.synapses[place].action.id not in limits.held:
                    room -= 1

    def _room(self, node: str, limits: RunLimits) -> float:
        """How many more actions a node may be given."""
        if self.aborted is not None or limits.of(node) <= 0:
            return math.inf
        if self._is_full(limits) and (not limits.by_load or self._load.jobs[node]):
            return 0
        return limits.of(node) - self._load.jobs[node]

    def _waits(self, places: list[int], limits: RunLimits) -> bool:
        """Whether something that was not fired will be, later."""
        return self.aborted is None and any(self.transition.synapses[place].action.id in limits.held
                                            for place in places)

    def _is_full(self, limits: RunLimits) -> bool:
        return 0 < limits.batch <= len(self._in_flight)

    def _fire(self, place: int) -> None:
        action = self.transition.synapses[place].action
        if action.kind is ActionKind.PSEUDO:
            self._confirm(place, ok=True)
            return
        self._states[place] = ActionState.IN_FLIGHT
        self._in_flight[action.id] = action
        self._load.count(action, 1)

    def _confirm(self, place: int, ok: bool) -> None:
        self._states[place] = ActionState.DONE if ok else ActionState.FAILED
        self._exhausted = False
        for dependent in self._dependents.get(self.transition.synapses[place].action.id, ()):
            # What is of infinite priority follows even a failure (the field's rule for actions that must be tried).
            if ok or self.transition.synapses[dependent].priority >= INFINITY:
                self._satisfy(dependent)

    def _satisfy(self, place: int) -> None:
        self._missing[place] -= 1
        if self._missing[place] or self._states[place] is not ActionState.WAITING:
            return
        self._states[place] = ActionState.READY
        if self._cursor is None:
            self._candidates.append(place)
        elif place > self._cursor:
            heapq.heappush(self._candidates, place)
        else:
            self._next_pass.append(place)


def _dependents(synapses: tuple[Synapse, ...]) -> dict[int, list[int]]:
    """Places of the synapses that wait for each action id."""
    dependents: dict[int, list[int]] = {}
    for place, synapse in enumerate(synapses):
        for action_id in set(synapse.inputs):
            dependents.setdefault(action_id, []).append(place)
    return dependents


def _is_migration(action: GraphAction) -> bool:
    return action.operation in ("migrate_to", "migrate_from")


def _busy_nodes(action: GraphAction) -> tuple[str, ...]:
    """The nodes whose executors the action occupies: both ends of a migration; none for what needs no executor."""
    if action.kind is not ActionKind.RESOURCE:
        return ()
    if _is_migration(action):
        ends = (action.attributes.get("CRM_meta_migrate_source"), action.attributes.get("CRM_meta_migrate_target"))
        if all(ends):
            return tuple(end for end in ends if end)
    node = action.router or action.node
    return (node,) if node else ()
