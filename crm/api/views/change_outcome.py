"""What came of a change to a resource, for people: whether the resource is as it was wanted, where, else why not.

Pure: the cluster as it is when nothing is left to do, the failures since the change, and the planner's explanation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from crm.api.views.answer_values import FailureValue, ResourceValue
from crm.policy_engine.explain.answers import Explanation


class Goal(StrEnum):
    """What a change of a resource is for.

    CONFIGURED  it runs, unless the configuration says that it is stopped
    PLACED      it is wherever the configuration puts it, perhaps nowhere
    """

    CONFIGURED = "configured"
    STARTED = "started"
    STOPPED = "stopped"
    GONE = "gone"
    MOVED = "moved"
    AWAY = "away"
    PLACED = "placed"
    RESTARTED = "restarted"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change whose outcome is wanted; `node`: where to (MOVED) or where not (AWAY)."""

    goal: Goal
    resource: str
    node: str | None = None
    promoted: bool = False


@dataclass(frozen=True, slots=True)
class SeenState:
    """How it ended. `found` is None if there is no such resource (any more); `failures` are those since the change.

    stopped_by  the resource that is told to be stopped, of this one and those around it; None if none is
    """

    found: ResourceValue | None
    failures: Sequence[FailureValue] = ()
    answer: Explanation | None = None
    stopped_by: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeOutcome:
    """`message` says what came of it, `next_step` what to do if it is not what was wanted."""

    ok: bool
    message: str
    next_step: str = ""


def judge(wanted: Wanted, seen: SeenState) -> ChangeOutcome:
    """The outcome, without how long it took."""
    name = wanted.resource
    if wanted.goal is Goal.GONE:
        return _gone(name, seen)
    if seen.found is None:
        return ChangeOutcome(False, f"{name} is not there: somebody has deleted it", "See who did: crmctl history list")
    if wanted.goal is Goal.STOPPED:
        return _stopped(name, seen.found, seen)
    return _running(wanted, seen.found, seen)


def is_reached(wanted: Wanted, found: ResourceValue | None) -> bool:
    """Whether nothing need be waited for any more, whatever else the cluster has to do."""
    if wanted.goal is Goal.GONE:
        return found is None
    if found is None or _troubled(found):
        return False
    if wanted.goal is Goal.STOPPED:
        return not found.nodes
    return bool(found.nodes) and not _idle_parts(found) and _is_in_place(wanted, found)


def places(found: ResourceValue) -> str:
    """Where a resource is, in words: `node1, node2 (promoted on node1)`."""
    where = ", ".join(found.nodes) or "no node"
    promoted = promoted_on(found)
    return where + (f" (promoted on {', '.join(promoted)})" if promoted else "")


def promoted_on(found: ResourceValue) -> list[str]:
    """The nodes where something of it is promoted."""
    own = found.nodes if found.role == "Promoted" and not found.children else []
    return list(dict.fromkeys([*own, *(node for child in found.children for node in promoted_on(child))]))


def _gone(name: str, seen: SeenState) -> ChangeOutcome:
    if seen.found is None and any(failure.operation == "stop" for failure in seen.failures):
        return ChangeOutcome(False, f"{name} is deleted, but it may not be stopped: {_because(name, seen)}",
                             "See what became of that node: crmctl status, crmctl fence-history")
    if seen.found is None:
        return ChangeOutcome(True, f"{name} is stopped and gone")
    where = places(seen.found)
    return ChangeOutcome(False, f"{name} is deleted, but still active on {where}: {_because(name, seen)}",
                         _next(name, seen))


def _stopped(name: str, found: ResourceValue, seen: SeenState) -> ChangeOutcome:
    if not found.nodes:
        return ChangeOutcome(True, f"{name} is stopped")
    return ChangeOutcome(False, f"{name} is still active on {places(found)}: {_because(name, seen)}", _next(name, seen))


def _running(wanted: Wanted, found: ResourceValue, seen: SeenState) -> ChangeOutcome:
    name, where = wanted.resource, places(found)
    idle = _idle_parts(found)
    if not found.nodes and wanted.goal in (Goal.CONFIGURED, Goal.PLACED) and seen.stopped_by is not None:
        return ChangeOutcome(True, f"{name} is configured and stays stopped: target-role of {seen.stopped_by} says so")
    if not found.nodes and seen.stopped_by is not None:
        step = f"Start that: crmctl resource start {seen.stopped_by}"
        return ChangeOutcome(False, f"{name} stays stopped, because {seen.stopped_by}, which it is part of, is stopped",
                             step)
    if not found.nodes:
        return ChangeOutcome(wanted.goal is Goal.PLACED, f"{name} runs nowhere: {_because(name, seen)}",
                             _next(name, seen))
    if idle or _troubled(found):
        about = f"{', '.join(idle)} of it does not run" if idle else f"it is {_troubled(found)}"
        return ChangeOutcome(False, f"{name} runs on {where}, but {about}: {_because(name, seen)}", _next(name, seen))
    if not _is_in_place(wanted, found):
        return ChangeOutcome(False, f"{name} runs on {where}{_not_there(wanted)}: {_because(name, seen)}",
                             _next(name, seen))
    return ChangeOutcome(True, f"{name} {_DONE.get(wanted.goal, 'runs on')} {where}{_by_the_way(seen)}")


_DONE = {Goal.CONFIGURED: "runs on", Goal.STARTED: "runs on", Goal.MOVED: "moved to", Goal.AWAY: "runs on",
         Goal.RESTARTED: "restarted on"}


def _not_there(wanted: Wanted) -> str:
    role = " promoted" if wanted.promoted else ""
    return f", not{role} on {wanted.node}" if wanted.goal is Goal.MOVED else ", as before"


def _is_in_place(wanted: Wanted, found: ResourceValue) -> bool:
    here = promoted_on(found) if wanted.promoted else found.nodes
    if wanted.node is None:
        return True
    if wanted.goal is Goal.MOVED:
        return wanted.node in here
    return wanted.goal is not Goal.AWAY or wanted.node not in here


def _idle_parts(found: ResourceValue) -> list[str]:
    """Members of a group that do not run; of a clone or a bundle it is enough that one instance runs."""
    if found.kind != "group":
        return []
    return [child.id for child in found.children if not child.nodes]


def _troubled(found: ResourceValue) -> str:
    if found.blocked:
        return "blocked"
    if found.failed:
        return "failed"
    return next((state for child in found.children if (state := _troubled(child))), "")


def _by_the_way(seen: SeenState) -> str:
    """Failures that did not hinder it in the end."""
    told = "; ".join(dict.fromkeys(_failure(each) for each in seen.failures))
    return f", after this failed: {told}" if told else ""


def _because(name: str, seen: SeenState) -> str:
    if seen.failures:
        return "; ".join(dict.fromkeys(_failure(each) for each in seen.failures))
    reasons = list(_reasons(name, seen.answer))
    return "; ".join(reasons) if reasons else "the cluster does not say why"


def _reasons(name: str, answer: Explanation | None) -> Iterator[str]:
    """What the planner says of those instances that do not run, or are left as they are."""
    instances = answer.instances if answer is not None else ()
    for instance in [each for each in instances if not each.on] or list(instances):
        lines = [line.strip() for line in instance.why] or [instance.headline]
        yield (f"{lines[0]} {'; '.join(lines[1:])}" if lines[0].endswith(":") else lines[0])
        return


def _failure(failure: FailureValue) -> str:
    reason = failure.reason or getattr(failure, "output", "") or f"exit code {failure.rc}"
    return f"{failure.operation} of {failure.resource} on {failure.node} failed: {reason.rstrip('.')}"


def _next(name: str, seen: SeenState) -> str:
    if seen.failures:
        return f"Mend the cause, then: crmctl cleanup {name}"
    return f"See all that counts: crmctl explain {name}"
