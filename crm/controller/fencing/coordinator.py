"""The leader's fencing: runs a course for each target, chooses nodes for its steps, and tells who asked how it ended.

What is sure: every fencing ends (each step has a time limit here, besides the executor's own), success is told only
after a device has confirmed it, two wishes to fence the same target in the same way become one. What a success means
for the cluster is not decided here: see the `fenced` hook.

Source: Pacemaker Explained, "Fencing": a target does not fence itself, nodes where a device is started are preferred,
a device takes `pcmk_action_limit` actions at once, the time for a step is 1.2 times its configured limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from crm.controller.core import Core
from crm.controller.execution.alerts import AlertSender
from crm.controller.fencing import course as courses
from crm.controller.fencing import targets
from crm.controller.fencing.course import Course, FencingOutcome, FencingStep, FencingVerb, Level, Notes
from crm.controller.fencing.fencing_history import FencingHistory, FencingRecord
from crm.controller.fencing.targets import Claim
from crm.controller.parts import MemberJoined, Part
from crm.controller.protocol.messages import EndYourself, FenceOrder, FenceReport, FencingHistoryUpdate, FencingInFlight
from crm.controller.replication.replication import Replication
from crm.policy_engine.picture.fence_devices import DEFAULT_MAX_ATTEMPTS, FenceDevice, FencingSetup, fencing_setup

TIMER_PREFIX = "fence:"
TIME_FACTOR = 1.2
MESSAGE_SLACK_S = 2.0
LIST_KEPT_S = 60.0
EXAMINATION = "test"
ASKING_LIMIT_MS = 20_000
WATCHDOG = FenceDevice("watchdog", "watchdog", {"pcmk_host_check": "none"})
"""Stands for the watchdog of the target itself: after a while without quorum (or when told to) it has fenced itself."""

Then = Callable[[bool, str], None]
"""Told the end of a fencing: whether the target is fenced, and a sentence why not."""


@dataclass(slots=True)
class _Fencing:
    """One fencing under way: the step that is being taken, from which node, and which nodes could not take it."""

    record: FencingRecord
    course: Course
    notes: Notes
    setup: FencingSetup
    requested_delay_s: int
    then: list[Then]
    step: FencingStep | None = None
    order: str = ""
    node: str = ""
    tried: set[str] = field(default_factory=set)
    held: bool = False
    inherited: str = ""
    """The order of a former leader that does the same, and is waited for first."""


@dataclass(frozen=True, slots=True)
class _Inherited:
    """What a member does for a former leader; `executor` is that member."""

    order: FencingInFlight
    executor: str

    def serves(self, record: FencingRecord) -> bool:
        """Whether its success is what the record wants."""
        return (self.order.target, self.order.verb, self.order.incarnation) == (
            record.target, record.action, record.incarnation)


class FencingCoordinator(Part):
    """All fencings of a leader.

    `fenced(target, incarnation)` is called when a target is proven to be off, before who asked is told; `incarnation`
    is the last start of its daemon that had joined when it was to be fenced.
    """

    def __init__(self, core: Core, history: FencingHistory, replication: Replication, alerts: AlertSender,
                 fenced: Callable[[str, str], None]) -> None:
        self._core = core
        self._replication = replication
        self._history = history
        self._alerts = alerts
        self._running: dict[tuple[str, str], _Fencing] = {}
        self._waiting: list[_Fencing] = []
        self._inherited: dict[str, _Inherited] = {}
        self._busy: Counter[str] = Counter()
        self._lists: dict[str, tuple[float, FencingOutcome]] = {}
        self._number = 0
        self.failures: Counter[str] = Counter()
        """Failures in a row, by target."""
        self.max_attempts = DEFAULT_MAX_ATTEMPTS
        self._fenced = fenced

    def fence(self, target: str, action: str, then: Then, *, requested_delay_s: int = 0, hold_s: float = 0.0,
              origin: str = "", why: str = "") -> None:
        """Fence (or with `on` unfence) a target. `hold_s`: how long it is given to turn up before anything is done.

        `why`: for the log, which is where the cause will be looked for.
        """
        same = self._running.get((target, action))
        if same is not None:
            same.then.append(then)
            return
        fencing = self._prepare(target, FencingVerb(action), then, requested_delay_s, origin)
        fencing.record = replace(fencing.record, why=why or (f"{origin} asks for it" if origin else ""))
        self._running[target, action] = fencing
        self._tell(fencing.record)
        fencing.inherited = next((order for order, each in self._inherited.items() if each.serves(fencing.record)), "")
        if fencing.inherited:
            executor = self._inherited[fencing.inherited].executor
            self._core.log("notice", f"{target} is being fenced from {executor} already, for a leader before this one")
        elif hold_s > 0:
            fencing.held = True
            self._core.log("notice", f"{target} was never seen; it is fenced in {hold_s:.0f} s unless it turns up")
            self._core.set_timer(f"{TIMER_PREFIX}hold:{target}", hold_s)
        else:
            self._begin(fencing)

    def under_way(self, sender: str, order: FencingInFlight) -> None:
        """A member carries out what a former leader has asked for."""
        if order.order in self._inherited or any(each.order == order.order for each in self._running.values()):
            return
        self._inherited[order.order] = _Inherited(order, sender)
        limit_s = order.limit_ms * TIME_FACTOR / 1000 + MESSAGE_SLACK_S
        self._core.set_timer(f"{TIMER_PREFIX}{order.order}", limit_s)

    def examine(self, target: str, then: Then) -> None:
        """Have every device that may fence the target asked about it; `then` is told what they say, line by line."""
        core = self._core
        setup = fencing_setup(core.document.model(), int(core.now))
        notes = Notes()
        devices = dict.fromkeys(device.id for level in _levels(setup, target) for device in level)
        asked = [device for device in setup.devices if device.id in devices]
        record = FencingRecord(self._new_id(), target, EXAMINATION, core.me.name, "pending", int(core.now))

        def told(ok: bool, _why: str) -> None:
            then(ok, "\n".join(notes.reasons) or f"no fence device can fence {target}")

        fencing = _Fencing(record, courses.examine(target, asked, notes), notes, setup, 0, [told])
        self._running[target, record.id] = fencing
        self._go_on(fencing, None)

    def confirm(self, target: str, origin: str) -> None:
        """A person has made sure that the target is off: that counts as a device's word."""
        now = int(self._core.now)
        record = FencingRecord(self._new_id(), target, "off", origin, "success", now, now, "manual")
        self._tell(record)
        self._core.log("warning", f"{origin} confirms that {target} is off; nobody has checked that")
        self._replication.flush()
        self._succeeded(target, self._replication.incarnation_of(target))
        for fencing in [each for each in self._running.values() if each.record.target == target]:
            if fencing.record.action in (FencingVerb.OFF, FencingVerb.REBOOT):
                self._end(fencing, True, "manual")
        self._pump()  # Others may have waited for the device.

    def report(self, sender: str, report: FenceReport) -> None:
        """A node tells how a step went."""
        fencing = next((each for each in self._running.values() if each.order == report.order), None)
        outcome = FencingOutcome(report.ok, report.output, report.reason, report.unsupported)
        if fencing is not None:
            self._step_over(fencing, outcome)
        elif self._inheritance_over(report.order, outcome):
            return
        elif report.ok and report.conclusive and report.verb in (FencingVerb.OFF, FencingVerb.REBOOT):
            # Another leader asked for it and did not live to hear the answer (it may have been the target).
            self._core.log("notice", f"{report.target} was fenced by {report.device} from {sender}; a leader before "
                           "this one had asked for it")
            now = int(self._core.now)
            self._tell(FencingRecord(report.order, report.target, report.verb, "", "success", now, now, report.device,
                                     sender, incarnation=report.incarnation))
            self._succeeded(report.target, report.incarnation)

    def timer(self, name: str) -> None:
        """A step has not ended in time, or a target has had its time to turn up."""
        what = name.removeprefix(TIMER_PREFIX)
        if what.startswith("hold:"):
            for fencing in [each for each in self._running.values() if each.held]:
                if fencing.record.target == what.removeprefix("hold:"):
                    fencing.held = False
                    self._begin(fencing)
            return
        timed = next((each for each in self._running.values() if each.order == what), None)
        if timed is not None:
            self._too_late(timed)
        else:
            self._inheritance_over(what, FencingOutcome(False, reason="no answer in time"))

    def _inheritance_over(self, order: str, outcome: FencingOutcome) -> bool:
        """What a former leader has asked for has ended. If in vain, it is our turn; whether we had waited for it."""
        inherited = self._inherited.pop(order, None)
        if inherited is None:
            return False
        self._core.cancel_timer(f"{TIMER_PREFIX}{order}")
        waiting = [each for each in self._running.values() if each.inherited == order]
        for fencing in waiting:
            fencing.inherited = ""
            if outcome.ok:
                fencing.notes.device = inherited.order.device
                fencing.record = replace(fencing.record, executor=inherited.executor)
                self._end(fencing, True, "")
            else:
                self._begin(fencing)
        return bool(waiting)

    def _too_late(self, fencing: _Fencing) -> None:
        """A step has not ended in time; for a watchdog that is what was waited for."""
        assert fencing.step is not None
        if fencing.step.device is WATCHDOG:
            here = self._core.view.member(fencing.record.target) is not None
            outcome = FencingOutcome(not here, reason="its watchdog should have reset it, yet it is here")
            self._step_over(fencing, outcome)
        else:
            self._step_over(fencing, FencingOutcome(False, reason=f"no answer from {fencing.node} in time"))

    def member_joined(self, joined: MemberJoined) -> None:
        """A node turned up: one that was only to be fenced because nobody had seen it is not fenced."""
        node = joined.name
        for fencing in [each for each in self._running.values() if each.held and each.record.target == node]:
            self._core.cancel_timer(f"{TIMER_PREFIX}hold:{node}")
            self._core.log("notice", f"{node} has turned up; it is not fenced")
            self._end(fencing, False, f"{node} has turned up", withdrawn=True)

    def member_left(self, name: str) -> None:
        """What that node was to do is done by another."""
        node = name
        for fencing in [each for each in self._running.values() if each.order and each.node == node]:
            self._step_over(fencing, FencingOutcome(False, reason=f"{node}, which was to do it, is lost"))
        for order in [order for order, each in self._inherited.items() if each.executor == node]:
            self._inheritance_over(order, FencingOutcome(False, reason=f"{node}, which did it, is lost"))

    @property
    def targets(self) -> list[str]:
        """Those that are being fenced or unfenced."""
        return [target for target, _ in self._running]

    def stop_leading(self) -> None:
        """Fencing is somebody else's now; devices that are at it go on, and tell whoever leads then."""
        for fencing in self._running.values():
            self._core.cancel_timer(f"{TIMER_PREFIX}{fencing.order}")
            self._core.cancel_timer(f"{TIMER_PREFIX}hold:{fencing.record.target}")
        for order in self._inherited:
            self._core.cancel_timer(f"{TIMER_PREFIX}{order}")
        self._running.clear()
        self._inherited.clear()
        self._waiting.clear()
        self._busy.clear()
        self._lists.clear()
        self.failures.clear()

    # One fencing

    def _prepare(self, target: str, action: FencingVerb, then: Then, delay_s: int, origin: str) -> _Fencing:
        core = self._core
        setup = fencing_setup(core.document.model(), int(core.now))
        self.max_attempts = setup.max_attempts
        notes = Notes()
        if action is FencingVerb.ON:
            course = courses.unfence(target, [device for device in setup.devices if device.unfences], notes)
        else:
            course = courses.fence(target, action, _levels(setup, target), notes)
        self._replication.flush()
        record = FencingRecord(self._new_id(), target, action, origin or core.me.name, "pending", int(core.now),
                               incarnation=self._replication.incarnation_of(target))
        return _Fencing(record, course, notes, setup, delay_s, [then])

    def _begin(self, fencing: _Fencing) -> None:
        because = f": {fencing.record.why}" if fencing.record.why else ""
        self._core.log("notice", f"fencing {fencing.record.target} ({fencing.record.action}){because}")
        self._go_on(fencing, None)

    def _go_on(self, fencing: _Fencing, outcome: FencingOutcome | None) -> None:
        """Give the course what it waits for until it wants something that takes time, or ends."""
        while True:
            try:
                step = next(fencing.course) if outcome is None else fencing.course.send(outcome)
            except StopIteration as end:
                self._end(fencing, bool(end.value), "")
                return
            fencing.step, fencing.tried = step, set()
            outcome = self._known_list(step)
            if outcome is None:
                self._waiting.append(fencing)
                self._pump()
                return

    def _known_list(self, step: FencingStep) -> FencingOutcome | None:
        """What a device has listed lately."""
        at, outcome = self._lists.get(step.device.id, (0.0, None))
        fresh = step.verb is FencingVerb.LIST and self._core.now - at < LIST_KEPT_S
        return outcome if fresh else None

    def _pump(self) -> None:
        """Take the steps whose device has room for one more."""
        for fencing in list(self._waiting):
            assert fencing.step is not None
            limit = targets.action_limit(fencing.step.device)
            if limit is None or self._busy[fencing.step.device.id] < limit:
                self._waiting.remove(fencing)
                self._take(fencing)

    def _take(self, fencing: _Fencing) -> None:
        """Have the step taken by the best node that has not failed to."""
        core, step = self._core, fencing.step
        assert step is not None
        self._busy[step.device.id] += 1
        fencing.order = self._new_id()
        if step.device is WATCHDOG:
            core.set_timer(f"{TIMER_PREFIX}{fencing.order}", fencing.setup.watchdog_timeout_ms / 1000)
            core.send(step.target, EndYourself(core.hard_state.term, "the cluster wants this node fenced"))
            return
        node = self._choose(step, fencing.tried)
        if node is None:
            why = "no node that is here may use it" if not fencing.tried else "failed from every node"
            self._step_over(fencing, FencingOutcome(False, reason=why))
            return
        fencing.node = node
        if step.verb in (FencingVerb.OFF, FencingVerb.REBOOT):
            self._means_who_is_there(fencing)
        order, limit_s = self._order(fencing, step)
        core.set_timer(f"{TIMER_PREFIX}{fencing.order}", limit_s)
        core.send(node, order)

    def _means_who_is_there(self, fencing: _Fencing) -> None:
        """Earlier attempts may have taken long: the target may have been started, and have joined, in between."""
        self._replication.flush()
        incarnation = self._replication.incarnation_of(fencing.record.target)
        fencing.record = replace(fencing.record, incarnation=incarnation)

    def _order(self, fencing: _Fencing, step: FencingStep) -> tuple[FenceOrder, float]:
        """What the node is told, and after how many seconds its silence counts as failure."""
        leadership = self._core.leadership
        assert leadership is not None
        asking = step.verb in (FencingVerb.LIST, FencingVerb.STATUS)
        limit_ms = targets.timeout_ms(step.device, step.verb, ASKING_LIMIT_MS if asking else fencing.setup.timeout_ms)
        wanted = step.delayed and not fencing.tried
        requested_s = fencing.requested_delay_s if step.first else 0
        delay = targets.delay_of(step.device, step.target, requested_s) if wanted else targets.Delay()
        order = FenceOrder(leadership.term, leadership.caretaker, fencing.order, step.device.id, step.device.type,
                           dict(step.device.parameters), step.verb, step.target,
                           targets.port_of(step.device, step.target), limit_ms, delay.fixed_ms, delay.spread_ms,
                           step.conclusive, fencing.record.incarnation)
        limit_s = (limit_ms * TIME_FACTOR + delay.fixed_ms + delay.spread_ms) / 1000 + MESSAGE_SLACK_S
        return order, limit_s

    def _choose(self, step: FencingStep, tried: set[str]) -> str | None:
        """Where the device is used from: not at the target (an unfencing: there, if it is here), started ones first."""
        core, device = self._core, step.device
        here = [name for name in device.nodes if name in core.view.names and name not in tried]
        if step.verb is FencingVerb.ON:
            return min(here, key=lambda name: (name != step.target, name not in device.active_on, name), default=None)
        others = [name for name in here if name != step.target]
        return min(others, key=lambda name: (name not in device.active_on, name != core.me.name, name), default=None)

    def _step_over(self, fencing: _Fencing, outcome: FencingOutcome) -> None:
        """A step has ended: free the device, try from another node if that may help, else tell the course."""
        step = fencing.step
        assert step is not None
        self._core.cancel_timer(f"{TIMER_PREFIX}{fencing.order}")
        self._busy[step.device.id] -= 1
        failed_at, fencing.order, fencing.node = fencing.node, "", ""
        if not outcome.ok and not outcome.unsupported and failed_at:
            fencing.tried.add(failed_at)
            self._core.log("warning", f"{step.verb} of {step.target} by {step.device.id} from {failed_at} failed: "
                           f"{outcome.reason}")
            if self._choose(step, fencing.tried) is not None:
                self._waiting.append(fencing)
                self._pump()
                return
        if step.verb is FencingVerb.LIST and (outcome.ok or outcome.unsupported):
            self._lists[step.device.id] = (self._core.now, outcome)
        if outcome.ok:
            fencing.record = replace(fencing.record, executor=failed_at)
        self._go_on(fencing, outcome)
        self._pump()

    def _end(self, fencing: _Fencing, ok: bool, why: str, withdrawn: bool = False) -> None:
        record = fencing.record
        key = (record.target, record.id if record.action == EXAMINATION else record.action)
        if self._running.pop(key, None) is None:
            return
        if fencing in self._waiting:
            self._waiting.remove(fencing)
        if fencing.order and fencing.step is not None:
            self._core.cancel_timer(f"{TIMER_PREFIX}{fencing.order}")
            self._busy[fencing.step.device.id] -= 1
        if record.action == EXAMINATION:
            for then in fencing.then:
                then(ok, "")
            return
        reasons = why or "; ".join(fencing.notes.reasons) or f"no fence device can fence {record.target}"
        self._tell(replace(record, state="success" if ok else "failed", ended_at=int(self._core.now),
                           device=(why or fencing.notes.device) if ok else "", reason="" if ok else reasons))
        if not ok and not withdrawn:
            self.failures[record.target] += 1
            self._core.log("error", f"fencing {record.target} ({record.action}) failed: {reasons}")
        elif ok and record.action != FencingVerb.ON and why != "manual":
            self._core.log("notice", f"{record.target} is fenced ({record.action} by {fencing.notes.device})")
            self._succeeded(record.target, record.incarnation)
        for then in fencing.then:
            then(ok, "" if ok else reasons)

    def _succeeded(self, target: str, incarnation: str) -> None:
        self.failures.pop(target, None)
        self._fenced(target, incarnation)

    def _tell(self, record: FencingRecord) -> None:
        """Everybody keeps the history."""
        self._history.merge([record])
        self._alerts.fencing(record)
        self._core.broadcast(FencingHistoryUpdate((record,)))
        self._core.changed("fencing")

    def _new_id(self) -> str:
        self._number += 1
        return f"{self._core.me.incarnation[:12]}-{self._number}"


def _levels(setup: FencingSetup, target: str) -> list[Level]:
    """The levels for a target; without a topology each device is one, those that are sure of the target first."""
    if target in setup.levels:
        named = [tuple(setup.device(name) for name in level) for level in setup.levels[target]]
        found: list[Level] = [tuple(each for each in level if each is not None) for level in named if all(level)]
    else:
        claims = [(targets.claim(device, target), device) for device in setup.devices]
        sure = [device for claimed, device in claims if claimed is Claim.YES]
        found = [(device,) for device in sure]
        found += [(device,) for claimed, device in claims if claimed not in (Claim.YES, Claim.NO)]
    return [*found, (WATCHDOG,)] if setup.watchdog_timeout_ms > 0 else found
