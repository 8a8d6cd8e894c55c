"""When to plan: reasons are collected, one plan is made at a time, an outdated answer is dropped.

A reason that comes while a transition runs aborts it; the next plan is made when what is in flight has ended, or has
turned out to take long. A plan that does not fit to the latter is dropped, and made again when that has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from crm.cib.stamp import CLIENT, ORIGIN, USER, WRITTEN
from crm.controller.commands import MakePlan
from crm.controller.core import Core
from crm.controller.events import PlanReady
from crm.controller.execution.transition_runner import TransitionRunner
from crm.controller.leadership.joining import Joining
from crm.controller.parts import MemberJoined, Part
from crm.controller.replication.replication import Replication
from crm.model.report import Report, Severity

RECHECK_TIMER = "recheck"
DELAY_TIMER = "replan"
CHANGES_TIMER = "changes"
LOOK_TIMER = "look"
LOOK_S = 5.0
"""So long after a transition that has changed something the next plan is looked at (`RestWatch`)."""
RECHECK_S = 900.0
CHANGES_TOGETHER_S = 0.1


class PlanningState(StrEnum):
    """What the leader is at, for people."""

    IDLE = "idle"
    PLANNING = "planning"
    RUNNING = "transition"


class Planning(Part):
    """The leader's planning."""

    def __init__(self, core: Core, joining: Joining, replication: Replication, runner: TransitionRunner,
                 blocked: Callable[[], bool], recheck_interval_s: float = RECHECK_S) -> None:
        self._core = core
        self._joining = joining
        self._replication = replication
        self._runner = runner
        self._blocked = blocked
        self._recheck_interval_s = recheck_interval_s
        self._plan_id = 0
        self._pending: int | None = None
        self._input: MakePlan | None = None
        self._planned_at = 0.0
        self._reasons: list[str] = []
        self._changed = ""
        """What a client did that awaits the next plan."""
        self._recheck_at: int | None = None
        self._looking = False
        """Whether the plan that is awaited is only to be looked at."""
        self.reports: tuple[Report, ...] = ()

    @property
    def state(self) -> PlanningState:
        """What is going on."""
        if self._runner.run is not None or (self._runner.busy and self._pending is None):
            return PlanningState.RUNNING
        planning = (self._pending is not None and not self._looking) or self._reasons or self._changed
        return PlanningState.PLANNING if planning else PlanningState.IDLE

    @property
    def pending(self) -> bool:
        """Whether a plan was asked for, and is waited for."""
        return self._pending is not None

    def want(self, reason: str, delay_s: float = 0.0) -> None:
        """There is a reason to plan anew; with a delay, unless another one comes first."""
        if not self._core.leading:
            return
        if delay_s > 0:
            self._core.set_timer(DELAY_TIMER, delay_s)
            return
        self._reasons.append(reason)
        if self._runner.run is not None:
            self._runner.abort(reason)

    def want_after_change(self, reason: str) -> None:
        """A client changed something: of many changes in a row, a plan is made of several at once."""
        wait_s = CHANGES_TOGETHER_S - (self._core.now - self._planned_at)
        if wait_s <= 0 or not self._core.leading:
            self.want(reason)
        elif not self._changed:
            self._changed = reason
            self._core.set_timer(CHANGES_TIMER, wait_s)
            self._core.changed("transition")

    def changes_timer(self) -> None:
        """Changes have been collected for long enough."""
        reason, self._changed = self._changed, ""
        self.want(reason)

    def plan_if_due(self) -> None:
        """Make a plan if there is a reason to, and nothing that has to end first.

        Asked once, when all that an event brought with it has been taken: whoever finds a reason only says so (`want`).
        """
        core = self._core
        if not self._is_due():
            return
        self._runner.note_slow_starts()
        self._replication.flush()
        self._plan_id += 1
        self._planned_at = core.now
        self._pending, self._looking = self._plan_id, False
        core.log("debug", f"planning ({self._plan_id}): {self._reasons[-1]}")
        self._forget_reasons()
        self._input = MakePlan(self._plan_id, core.document, int(core.now))
        core.emit(self._input)
        core.changed("transition")

    def _is_due(self) -> bool:
        wanted = self._core.leading and not self._core.safe_mode and bool(self._reasons) and self._pending is None
        return wanted and self._joining.complete and not self._blocked() and self._runner.ready_to_plan

    def awaits(self, plan_id: int) -> bool:
        """Whether that plan will be used as soon as it is there; else nobody need take the trouble to make it."""
        return plan_id == self._pending and self._core.leading and not self._reasons

    def planned(self, event: PlanReady) -> None:
        """The answer: dropped when the cluster has moved on."""
        core = self._core
        if event.plan_id != self._pending:
            return
        self._pending = None
        if not core.leading:
            return
        if self._looking:
            self._looked(event)
            return
        if event.problem:
            self.reports = (self._unplannable(event),)
        if self._reasons:
            return
        if event.transition is None:
            core.log("error", f"planning failed: {event.problem}")
            self.want("the last planning failed", delay_s=10.0)
            return
        self.reports = event.transition.reports
        self._recheck_at = event.transition.recheck_at
        assert self._input is not None, "what is pending was asked for"
        self._runner.start(event.transition, self._input.document, self._input.now)
        core.changed("transition")

    def look(self) -> None:
        """Nothing has happened since the last transition: make a plan that is not carried out."""
        core = self._core
        busy = self._reasons or self._changed or self._pending is not None or not self._runner.idle
        # Without quorum, in safe mode and while a lease is awaited less is done than a plan says.
        if not core.leading or busy or not core.view.quorate or core.safe_mode or self._blocked():
            return
        self._plan_id += 1
        self._pending, self._looking = self._plan_id, True
        core.emit(MakePlan(self._plan_id, core.document, int(core.now)))

    def _looked(self, event: PlanReady) -> None:
        self._looking = False
        if not self._reasons and event.transition is not None:
            self._runner.rest.looked(event.transition)
            self._core.changed("transition")

    def _unplannable(self, failed: PlanReady) -> Report:
        """Which change cannot be planned, and what can be done."""
        assert self._input is not None, "what failed was asked for"
        document = self._input.document
        if failed.remedy:
            name = self._core.me.name
            return Report(Severity.ERROR, "planning-failed", name,
                          f"No plan can be made on {name}, the DC: {failed.problem}. Nothing is started, stopped or "
                          "moved until one can; what runs is monitored", failed.remedy)
        told = {word: document.root.get(name, "") for word, name in (
            ("at", WRITTEN), ("by", USER), ("with", CLIENT), ("on", ORIGIN))}
        written = " ".join(f"{word} {value}" for word, value in told.items() if value)
        return Report(Severity.ERROR, "planning-failed", "configuration",
                      f"The cluster cannot be planned for, an internal error: {failed.problem}. Nothing is started, "
                      f"stopped or moved; what runs is monitored. The configuration is version {document.version}"
                      + (f", written {written}" if written else ""),
                      "Take the last change back: crmctl history undo. Please report this")

    def transition_over(self) -> None:
        """Nothing is in flight any more."""
        core = self._core
        core.changed("transition")
        if self._reasons:
            return
        if self._runner.rest.wants_look:
            core.set_timer(LOOK_TIMER, LOOK_S)
        after_s = self._recheck_interval_s
        if self._recheck_at is not None:
            after_s = min(after_s, max(0.1, self._recheck_at - core.now))
        core.set_timer(RECHECK_TIMER, after_s)

    def lead(self) -> None:
        """Everything is to be looked at."""
        self.want("a new leader looks at everything")

    def view_changed(self) -> None:
        """What was planned or goes on may be over: members may have followed another while this node was suspended."""
        self.want("the view has changed")

    def member_joined(self, joined: MemberJoined) -> None:
        """It may run things, and has room for others."""
        if joined.why_to_plan:
            self.want(joined.why_to_plan)

    def member_left(self, name: str) -> None:
        """What it ran is to run elsewhere."""
        self.want(f"{name} has left")

    def stop_leading(self) -> None:
        """Planning is somebody else's now."""
        self._pending, self._looking = None, False
        self.reports = ()
        self._forget_reasons()

    def _forget_reasons(self) -> None:
        self._reasons, self._changed = [], ""
        for timer in (RECHECK_TIMER, DELAY_TIMER, CHANGES_TIMER, LOOK_TIMER):
            self._core.cancel_timer(timer)
