"""From a plan with its trace to an answer: what becomes of each instance, in one sentence, and why, in a few more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from crm.model.cib import Cib
from crm.model.history import ExitCode, OperationStatus
from crm.model.transition import Transition
from crm.policy_engine.actions.action_graph import newest_action
from crm.policy_engine.engine import PlanningResult, PlanOptions, run
from crm.policy_engine.explain.answers import Explanation, InstanceAnswer, NodeAnswer
from crm.policy_engine.explain.chains import action_answers, why
from crm.policy_engine.explain.places import collective_answers, node_answers
from crm.policy_engine.explain.promotion_reasons import role_answer
from crm.policy_engine.explain.reasons import lineage, why_wanted_stopped
from crm.policy_engine.graph_steps import graph_steps
from crm.policy_engine.output.change_summary import ResourceChange, node_changes, resource_changes
from crm.policy_engine.output.transition_graph import TransitionGraph, as_transition, build
from crm.policy_engine.picture import restarts
from crm.policy_engine.picture.cluster import Cluster, FailedOperation, Resource, ResourceKind, Role
from crm.policy_engine.picture.names import base_name
from crm.policy_engine.picture.options import NoQuorumPolicy
from crm.policy_engine.picture.roles import role_text
from crm.policy_engine.picture.score_trace import RecordingTrace
from crm.policy_engine.scheduling import allow_deep_recursion


def explain_resource(cib: Cib, now: int, name: str, node: str | None = None) -> Explanation | None:
    """See `crm.policy_engine.explain.explain`."""
    story = _story(cib, now)
    found = _find(story.cluster, name)
    return _only(story.answer(name, found), node) if found else None


def explain_all(cib: Cib, now: int) -> Iterator[Explanation]:
    """An answer for each resource at the top."""
    story = _story(cib, now)
    for resource in story.cluster.resources:
        yield story.answer(resource.id, [resource])


@dataclass(frozen=True, slots=True)
class ExplainedFencing:
    """A node that is fenced, how, and why."""

    node: str
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExplainedPlan:
    """A whole plan with all that can be said about it. `cluster` knows what was decided."""

    transition: Transition
    cluster: Cluster
    answers: tuple[Explanation, ...]
    fencings: tuple[ExplainedFencing, ...]


def explain_plan(cib: Cib, now: int) -> ExplainedPlan:
    """The plan for a CIB with an answer for each resource at the top."""
    story = _story(cib, now)
    answers = tuple(story.answer(resource.id, [resource]) for resource in story.cluster.resources)
    fencings = tuple(
        ExplainedFencing(change.name, change.what.removeprefix("Fence (").rstrip(")"), change.reason or "")
        for change in node_changes(story.planned.plan)
        if change.what.startswith("Fence")
    )
    return ExplainedPlan(as_transition(story.graph), story.cluster, answers, fencings)


def _story(cib: Cib, now: int) -> _Story:
    allow_deep_recursion()
    trace = RecordingTrace()
    planned = run(cib, now, PlanOptions(trace=trace))
    changes = {change.resource.id: change for change in resource_changes(planned.plan)}
    return _Story(planned, trace, build(planned.plan), changes)


def _find(cluster: Cluster, name: str) -> list[Resource]:
    """The resource of this name, or all instances that the name without a number stands for."""
    every = [each for top in cluster.resources for each in top.walk()]
    exact = [each for each in every if each.id == name]
    return exact or [each for each in every if base_name(each.id) == name or each.history_id == name]


def _only(answer: Explanation, node: str | None) -> Explanation:
    if node is None:
        return answer

    def keep(nodes: tuple[NodeAnswer, ...]) -> tuple[NodeAnswer, ...]:
        return tuple(each for each in nodes if each.node == node)

    instances = tuple(replace(each, nodes=keep(each.nodes)) for each in answer.instances)
    return replace(answer, nodes=keep(answer.nodes), instances=instances)


@dataclass
class _Story:
    planned: PlanningResult
    trace: RecordingTrace
    graph: TransitionGraph
    changes: dict[str, ResourceChange]
    cluster: Cluster = field(init=False)

    def __post_init__(self) -> None:
        self.cluster = self.planned.cluster
        found = graph_steps(as_transition(self.graph))
        self.steps, self.length = found.steps, found.length

    def answer(self, name: str, found: list[Resource]) -> Explanation:
        """Everything about one resource, or about the instances that share a name."""
        one = found[0]
        collective = one if one.kind in (ResourceKind.CLONE, ResourceKind.BUNDLE) and len(found) == 1 else None
        if len(found) > 1 and one.top.is_clone:
            collective = one.top
        nodes = collective_answers(self.cluster, self.trace, collective) if collective is not None else ()
        primitives = [each for resource in found for each in resource.primitives()]
        instances = tuple(self.instance(each) for each in _active_first(primitives))
        return Explanation(name, one.kind.value, instances, nodes, self.length, tuple(self._notes(found)))

    def _notes(self, found: list[Resource]) -> Iterator[str]:
        """Reports about the resource itself."""
        ids = {each.id for resource in found for each in resource.walk()} | {base_name(each.id) for each in found}
        for report in dict.fromkeys(self.cluster.reports):
            if report.where in ids:
                yield f"{report.message} {report.hint}".strip()

    def instance(self, resource: Resource) -> InstanceAnswer:
        """One primitive."""
        change = self.changes.get(resource.id)
        reasons = tuple(dict.fromkeys(self._why(resource, change)))
        decided = reasons[0].removesuffix(":") if reasons else "its role or node changes"
        return InstanceAnswer(
            id=resource.id,
            agent=":".join(part for part in (resource.standard, resource.provider, resource.type) if part),
            what=_what(resource, change),
            role=role_text(resource.role),
            next_role=role_text(resource.next_role),
            on=tuple(node.name for node in resource.active_on),
            goes_to=resource.assigned.name if resource.assigned is not None else None,
            headline=_headline(resource, change),
            why=reasons,
            nodes=node_answers(self.cluster, self.trace, resource),
            promotion=role_answer(self.cluster, self.trace, resource),
            actions=tuple(action_answers(self.graph, self.steps, resource, decided)),
        )

    # Why

    def _why(self, resource: Resource, change: ResourceChange | None) -> Iterator[str]:
        """The reasons for what becomes of a resource, the most important first."""
        yield from self._why_at_all(resource)
        if not resource.managed:
            return
        for failed in self._failures(resource):
            if change is not None and change.what in ("Recover", "Stop", "Move", "Restart", "Re-promote", "Demote"):
                yield _failure_text(failed)
        if resource.assigned is None:
            yield from self._why_nowhere(resource)
        elif change is not None and change.what == "Stop":
            yield from self._why_not_started(resource)
        else:
            yield from self._why_there(resource, change)
        if change is not None and change.blocked:
            yield from self._why_blocked(resource)
        yield from self._why_again(resource, change)

    def _why_at_all(self, resource: Resource) -> Iterator[str]:
        settings = self.cluster.settings
        if resource.removed:
            yield _why_removed(resource)
            if not settings.stop_removed_resources:
                yield "stop-removed-resources is false, so it is left running"
        if not resource.managed:
            yield self._why_unmanaged(resource)
        elif settings.stop_all_resources:
            yield "stop-all-resources is true"
        elif (resource.meta.get("target-role") or "").lower() == "stopped":
            yield why_wanted_stopped(resource)
        if not self.cluster.quorate and settings.no_quorum_policy is not NoQuorumPolicy.IGNORE:
            yield f"the cluster has no quorum (no-quorum-policy={settings.no_quorum_policy})"

    def _why_unmanaged(self, resource: Resource) -> str:
        settings = self.cluster.settings
        if settings.fencing_enabled and not self.cluster.have_fence_devices:
            return (
                "nothing is managed: fencing is enabled but no fence device is configured. "
                "Configure one, or (where data cannot be harmed) set fencing-enabled=false"
            )
        if settings.maintenance_mode:
            return "the cluster is in maintenance mode (maintenance-mode=true): it is left as it is"
        node = next((each for each in resource.active_on if each.maintenance), None)
        if node is not None:
            return f"{node.name} is in maintenance: it is left as it is"
        away = next((each for each in resource.active_on if not each.online), None)
        if resource.blocked and away is not None and not settings.fencing_enabled:
            return (f"{away.name} is not here, and did not manage it: it may still run there. "
                    f"Start crmd on {away.name} again; or make sure that {away.name} is off, and say so: "
                    f"crmctl confirm {away.name}")
        lost = [ticket for each in lineage(resource) for ticket in each.tickets if not ticket.is_satisfied]
        if resource.blocked and lost:
            state = "is on standby" if lost[0].ticket.granted else "is not granted"
            about = f"ticket {lost[0].ticket.id} {state} and loss-policy=freeze (constraint {lost[0].id})"
            return f"{about}: it is left as it is"
        if resource.blocked:
            failures = "; ".join(_failure_text(each) for each in self._failures(resource))
            about = f": {failures}" if failures else ""
            return f"it is blocked and left as it is{about}. Look at it by hand, then: crmctl cleanup {resource.top.id}"
        if resource.maintenance:
            return "it is in maintenance (meta attribute maintenance=true): it is left as it is"
        return "it is not managed (is-managed=false): it is left as it is"

    def _failures(self, resource: Resource) -> list[FailedOperation]:
        return [each for each in self.cluster.failed_operations if each.resource is resource]

    def _why_nowhere(self, resource: Resource) -> Iterator[str]:
        if (resource.meta.get("target-role") or "").lower() == "stopped" or self.cluster.settings.stop_all_resources:
            return
        if resource.removed:
            return
        yield "no node can run it:" if self.cluster.nodes else "no node can run it: the CIB has no nodes yet"
        for each in node_answers(self.cluster, self.trace, resource):
            yield f"  {each.node}: {each.verdict.removeprefix('not possible: ')}"

    def _why_blocked(self, resource: Resource) -> Iterator[str]:
        for task in ("stop", "demote", "start", "promote"):
            action = newest_action(resource, task)
            if action is not None and not action.runnable:
                yield from why(action, "")
                return

    def _why_not_started(self, resource: Resource) -> Iterator[str]:
        start = newest_action(resource, "start", resource.assigned)
        if start is not None and not start.runnable:
            yield from why(start, "")
        elif resource.next_role is Role.STOPPED:
            yield why_wanted_stopped(resource)

    def _why_there(self, resource: Resource, change: ResourceChange | None) -> Iterator[str]:
        """Why it goes where it goes; first, if it leaves a node, why it cannot stay there."""
        answers = node_answers(self.cluster, self.trace, resource)
        here = next(each for each in answers if each.chosen)
        if change is not None and change.what in ("Move", "Migrate", "Recover"):
            left = [node.name for node in resource.active_on]
            yield from (f"{each.node}: {each.verdict}" for each in answers if each.node in left and not each.chosen)
        counted = [f"{each.text}: {each.change}" for each in here.influences if not each.change.startswith("-")]
        about = f" ({'; '.join(counted)})" if counted else ""
        yield f"{here.node}: {here.verdict}{about}"
        if change is None and not resource.active_on:
            yield from self._why_not_started(resource)

    def _why_again(self, resource: Resource, change: ResourceChange | None) -> Iterator[str]:
        """Why something is stopped that will run again in the same place."""
        if change is None or change.what not in ("Restart", "Reload", "Re-promote", "Recover"):
            return
        told = False
        for task in ("start", "stop", "reload-agent", "demote", "promote"):
            action = newest_action(resource, task)
            if action is None or action.optional or told:
                continue
            if action.reason == "resource definition change":
                told = True
                yield "its parameters (or its agent) changed since it was started"
            elif action.reason == restarts.REASON:
                told = True
                yield "somebody has asked for its restart"
            elif action.required_by is not None and action.required_by.resource is not resource:
                told = True
                yield from why(action, "")


def _why_removed(resource: Resource) -> str:
    clone = resource.top
    if not clone.is_clone or clone.clone is None:
        return "it is not in the configuration any more"
    return f"it is one instance more than shall run (clone-max={clone.clone.clone_max})"


def _active_first(primitives: list[Resource]) -> list[Resource]:
    return sorted(primitives, key=lambda each: each.assigned is None and not each.active_on)


def _what(resource: Resource, change: ResourceChange | None) -> str:
    if change is not None:
        return change.what
    return "Stays" if resource.active_on else "Stopped"


def _headline(resource: Resource, change: ResourceChange | None) -> str:
    """What becomes of a resource, in one sentence."""
    if not resource.active_on and change is not None and change.destination is not None:
        promoted = " and promoted" if change.what == "Promote" or resource.next_role is Role.PROMOTED else ""
        blocked = " — but that cannot be done" if change.blocked else ""
        return f"does not run, and is started{promoted} on {change.destination.name}{blocked}"
    role = "" if resource.role in (Role.STARTED, Role.STOPPED, Role.UNKNOWN) else f" {role_text(resource.role).lower()}"
    here = " and ".join(node.name for node in resource.active_on)
    if change is None:
        if resource.active_on:
            return f"runs{role} on {here} and {'is left alone' if not resource.managed else 'stays there'}"
        target = f" (it would go to {resource.assigned.name})" if resource.assigned is not None else ""
        return f"does not run, and is not started{target}"
    return _sentence(resource, change, f"runs{role} on {here}") + (
        " — but that cannot be done" if change.blocked else ""
    )


def _sentence(resource: Resource, change: ResourceChange, now: str) -> str:
    there = change.destination.name if change.destination is not None else "nowhere"
    promoted = " and promoted" if resource.next_role is Role.PROMOTED else ""
    match change.what:
        case "Stop":
            return f"{now} and is stopped"
        case "Move":
            return f"{now} and moves to {there}"
        case "Migrate":
            return f"{now} and migrates live to {there}"
        case "Restart":
            return f"{now} and is restarted there{promoted}"
        case "Recover":
            return f"{now}, failed, is stopped and {_again(resource)}{promoted}"
        case "Reload":
            return f"{now} and takes over changed parameters without a restart"
        case "Re-promote":
            return f"{now}, is demoted and promoted again"
        case "Promote":
            return f"{now} and is promoted"
        case "Demote":
            return f"{now} and is demoted"
    return f"{now}: {change.what}"


def _again(resource: Resource) -> str:
    """What follows on the stop of a failed resource."""
    start = newest_action(resource, "start", resource.assigned) if resource.assigned is not None else None
    if resource.assigned is None or start is None or not start.runnable:
        return "not started again"
    return f"started again on {resource.assigned.name}"


def _failure_text(failed: FailedOperation) -> str:
    entry = failed.entry
    interval = f" (every {entry.interval_ms / 1000:g} s)" if entry.interval_ms else ""
    said = f", “{entry.exit_reason}”" if entry.exit_reason else ""
    return f"{failed.resource.id}: {entry.operation}{interval} failed on {failed.node.name}: {_outcome(failed)}{said}"


def _outcome(failed: FailedOperation) -> str:
    entry = failed.entry
    if entry.status == OperationStatus.TIMEOUT:
        return "it took longer than its timeout"
    if entry.rc is None:
        return "no exit code"
    if entry.rc in {code.value for code in ExitCode}:
        return f"{ExitCode(entry.rc).name.lower().replace('_', ' ')} (exit code {entry.rc})"
    return f"exit code {entry.rc}"
