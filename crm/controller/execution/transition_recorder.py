"""What becomes of each transition, noted for those who ask later: its input, when each action ran, how it ended.

Only transitions that do something are noted. The shell keeps the notes (`TransitionBegun`, `TransitionEnded`); nothing
is decided by them.
"""

from __future__ import annotations

from dataclasses import replace

from crm.cib.document import Document
from crm.controller.commands import ActionTiming, TransitionBegun, TransitionEnded
from crm.controller.core import Core
from crm.model.transition import ActionKind, Transition


class TransitionRecorder:
    """The notes on the leader's running transition."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._noted: int | None = None
        self._timings: dict[int, ActionTiming] = {}

    def begun(self, transition: Transition, document: Document, planned_at: int) -> None:
        """A transition begins that was planned from a CIB at that moment (epoch seconds)."""
        self._timings = {}
        does_something = any(each.action.kind is not ActionKind.PSEUDO for each in transition.synapses)
        self._noted = transition.id if does_something else None
        if does_something:
            term = self._core.hard_state.term
            self._core.emit(TransitionBegun(transition.id, term, document, planned_at, transition))

    def started(self, action_id: int, at: float) -> None:
        """An action was handed out at that moment, perhaps by an earlier transition."""
        self._timings[action_id] = ActionTiming(action_id, at)

    def finished(self, action_id: int, ok: bool) -> None:
        """An action has ended."""
        timing = self._timings.get(action_id)
        if timing is not None:
            self._timings[action_id] = replace(timing, ended_at=self._core.now, ok=ok)

    def over(self, outcome: str, reason: str = "") -> None:
        """The transition is over, or is not this node's business any more."""
        if self._noted is not None:
            timings = tuple(self._timings.values())
            self._core.emit(TransitionEnded(self._noted, outcome, reason, self._core.now, timings))
        self._noted = None
