"""What a change (or a loss) would do to the live cluster: each action with its reason and how long it takes, what is
interrupted, what is fenced, and what should make one think again.

`fault_run` tries faults on a cluster at rest; this looks at one change of the cluster as it is, in every detail. The
actions are those of the next transition; what is interrupted takes all that follow into account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm.cib.parsing import Element
from crm.cib.reading.cib_reader import read
from crm.failover_simulation.faults import Fault
from crm.failover_simulation.preflight_checks import ChangeOutlook, preflight_checks
from crm.failover_simulation.simulated_cluster import SimulatedCluster
from crm.failover_simulation.simulator import FaultEffect, PlacementChange, Reasons, change_of, hit_by, placements
from crm.failover_simulation.timing import ExpectedDurations, Timed, timeline
from crm.model.report import Report
from crm.model.transition import ActionKind, Transition
from crm.policy_engine.explain.answers import ActionAnswer, Explanation
from crm.policy_engine.explain.explainer import ExplainedFencing, ExplainedPlan, explain_plan
from crm.policy_engine.graph_steps import graph_steps
from crm.policy_engine.observe import observe
from crm.policy_engine.picture.names import base_name

UNTOLD = ("notify",)
"""Operations that are left out of previews."""


@dataclass(frozen=True, slots=True)
class PreviewedAction:
    """One action of the next transition.

    step        1 is first; actions of the same step do not wait for each other
    because     why, from the nearest cause to the last
    about_ms    how long it takes; `measured` if it took that long before, else its time limit
    """

    step: int
    operation: str
    resource: str | None
    node: str | None
    interval_ms: int
    because: tuple[str, ...] = ()
    about_ms: int = 0
    measured: bool = False


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What would happen.

    actions   of the next transition, in order
    changes   what becomes of each resource that does not just stay
    headlines one sentence for each primitive that something is done to
    blocked   what would have to be done but cannot, with the reasons
    """

    actions: tuple[PreviewedAction, ...]
    changes: tuple[PlacementChange, ...]
    headlines: tuple[str, ...]
    blocked: tuple[ActionAnswer, ...]
    fenced: tuple[ExplainedFencing, ...]
    warnings: tuple[Report, ...]
    reports: tuple[Report, ...]
    transitions: int
    settled: bool


def preview_change(
    present: Element, wanted: Element, now: int, faults: Sequence[Fault] = (),
    afterwards: Element | None = None,
) -> ChangePreview:
    """What the cluster would do if its CIB were `wanted` (and the faults happened); `now` in epoch seconds.

    `afterwards` is a configuration that takes the place of the wanted one as soon as the cluster is at rest.
    """
    simulated = SimulatedCluster(wanted, now)
    for fault in faults:
        simulated.strike(fault)
    told = explain_plan(read(simulated.root), now)
    durations = ExpectedDurations(present)
    course = simulated.settle()
    if afterwards is not None:
        simulated.configure(afterwards)
        course = course.then(simulated.settle())
    timed = timeline(course.transitions, durations)
    changes = _changes(present, simulated, now, faults, timed)
    outlook = ChangeOutlook(present, wanted, told, changes, course.settled)
    return ChangePreview(
        actions=tuple(_actions(told, durations)),
        changes=changes,
        headlines=tuple(_headlines(told.answers)),
        blocked=tuple(each for each in _answers(told.answers) if not each.possible),
        fenced=told.fencings,
        warnings=tuple(preflight_checks(outlook)),
        reports=told.transition.reports,
        transitions=len(course.transitions),
        settled=course.settled,
    )


def _actions(told: ExplainedPlan, durations: ExpectedDurations) -> list[PreviewedAction]:
    """The actions that somebody carries out, in the order of their steps."""
    reasons = {(each.key, each.node): each.because for each in _answers(told.answers)}
    fencing = {each.node: (each.reason,) for each in told.fencings if each.reason}
    took = {each.action.id: each for each in timeline([told.transition], durations)}
    steps = _visible_steps(told.transition)
    found = []
    for synapse in told.transition.synapses:
        action = synapse.action
        if action.id not in steps or action.operation in UNTOLD:
            continue
        because = fencing.get(action.node or "", ()) if action.operation == "stonith" else (
            reasons.get((action.internal_key or action.key, action.node)) or reasons.get((action.key, action.node), ()))
        when = took[action.id]
        found.append(PreviewedAction(
            steps[action.id],
            shown_operation(action.operation, action.interval_ms),
            action.resource.long_id or action.resource.id if action.resource else None,
            action.node,
            action.interval_ms,
            because,
            when.ends.ms - when.begins.ms,
            durations.measured_ms(action) is not None,
        ))
    return sorted(found, key=lambda each: each.step)


def shown_operation(operation: str, interval_ms: int) -> str:
    """What people call an operation."""
    if operation == "monitor" and interval_ms == 0:
        return "probe"
    return "fence" if operation == "stonith" else operation


def _visible_steps(transition: Transition) -> Mapping[int, int]:
    """The steps of the actions that are no pseudo-actions, counted without those."""
    found = graph_steps(transition).steps
    real = [each.action.id for each in transition.synapses if each.action.kind is not ActionKind.PSEUDO]
    ranks = {step: rank for rank, step in enumerate(sorted({found[each] for each in real if each in found}), 1)}
    return {each: ranks[found[each]] for each in real if each in found}


def _answers(answers: Sequence[Explanation]) -> list[ActionAnswer]:
    return [action for answer in answers for instance in answer.instances for action in instance.actions]


def _headlines(answers: Sequence[Explanation]) -> list[str]:
    return [
        f"{instance.id} {instance.headline}"
        for answer in answers
        for instance in answer.instances
        if instance.what not in ("Stays", "Stopped")
    ]


def _changes(
    present: Element, simulated: SimulatedCluster, now: int, faults: Sequence[Fault], timed: Sequence[Timed]
) -> tuple[PlacementChange, ...]:
    """What becomes of each resource from now until the cluster is at rest again."""
    before, after = placements(observe(read(present), now)), placements(simulated.cluster())
    reasons = Reasons(simulated)
    found = []
    for name in dict.fromkeys((*before, *after)):
        hit = [node for fault in faults for node in hit_by(fault, name)]
        change = change_of(base_name(name), before.get(name, ()), after.get(name, ()), hit, timed, reasons)
        if change.effect is not FaultEffect.STAYS:
            found.append(change)
    return tuple(found)
