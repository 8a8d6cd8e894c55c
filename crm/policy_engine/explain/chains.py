"""What forces an action, or forbids it: followed from action to action back to the first cause.

While a plan settles, each action remembers which other one made it required or impossible. The relation between the
two is looked up afterwards: the ordering constraint that somebody configured, or what the resources are to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crm.policy_engine.actions.action import Input, PlannedAction
from crm.policy_engine.actions.task_names import completed
from crm.policy_engine.explain.answers import ActionAnswer
from crm.policy_engine.explain.reasons import why_wanted_stopped
from crm.policy_engine.output.transition_graph import TransitionGraph
from crm.policy_engine.picture import restarts
from crm.policy_engine.picture.cluster import Resource
from crm.policy_engine.picture.tree import is_within

_DEPTH = 50
_ALWAYS_TOLD = ("start", "stop", "promote", "demote", "migrate_to", "migrate_from", "reload-agent", "stonith")


def action_answers(graph: TransitionGraph, steps: Mapping[int, int], resource: Resource,
                   decided: str) -> list[ActionAnswer]:
    """What is planned for a primitive and what would have to be done but cannot; `decided` is why it changes at all."""
    found = []
    for action in resource.actions:
        if action.in_graph or _is_missed(action):
            because = tuple(why(action, decided))
            step = steps.get(action.id, 0)
            found.append(ActionAnswer(_task(action), _node_name(action), action.key, action.in_graph, because, step))
    return sorted(found, key=lambda each: (each.step == 0, each.step))


def _is_missed(action: PlannedAction) -> bool:
    """Required but impossible, and of interest."""
    return not action.runnable and not action.optional and action.task in _ALWAYS_TOLD and action.node is not None


def _task(action: PlannedAction) -> str:
    interval = action.interval
    if action.task == "monitor" and (interval is None or interval == "0"):
        return "probe"
    return (
        f"{action.task} every {int(interval) / 1000:g} s" if interval not in (None, "0") and interval else action.task
    )


def _node_name(action: PlannedAction) -> str | None:
    return action.node.name if action.node is not None else None


def why(action: PlannedAction, decided: str) -> list[str]:
    """Why an action is required, or impossible: the nearest cause first."""
    if action.task == "notify":
        return ["notify=true: instances are told what happens to the others"]
    if not action.runnable:
        return _why_blocked(action)
    links = _links(action, "required_by")
    told = [f"{name(by)} requires {'that' if number else 'it'}{between}" for number, (by, between) in enumerate(links)]
    last = links[-1][0] if links else action
    return [*told, *_first_cause(last, decided, is_other=last is not action)]


def _why_blocked(action: PlannedAction) -> list[str]:
    links = _links(action, "blocked_by")
    told = [
        f"{'that' if number else 'it'} cannot be done without {name(by)}{between}"
        for number, (by, between) in enumerate(links)
    ]
    return [*told, _why_impossible(links[-1][0] if links else action)]


def _links(action: PlannedAction, link: str) -> list[tuple[PlannedAction, str]]:
    """The chain of causes: each action, and in brackets what relates it to the one before."""
    found: list[tuple[PlannedAction, str]] = []
    seen = {action.id}
    while len(found) < _DEPTH:
        following: PlannedAction | None = getattr(action, link)
        if following is None or following.id in seen:
            break
        seen.add(following.id)
        between = relation_between(action, following)
        found.append((following, f" ({between})" if between else ""))
        action = following
    return found


def _why_impossible(action: PlannedAction) -> str:
    if action.reason is not None and not action.reason.startswith("unrunnable"):
        return f"{name(action)} cannot be done: {action.reason}"
    if action.resource is not None and not action.resource.managed:
        return f"{name(action)} cannot be done: {action.resource.id} is not managed"
    if action.node is None and action.resource is not None:
        return f"{action.resource.id} does not run: {_why_down(action.resource)}"
    if action.node is None:
        return f"{name(action)} cannot be done"
    if not action.node.online:
        return f"{name(action)} cannot be done: {action.node.name} is offline"
    if action.node.pending:
        return f"{name(action)} cannot be done: {action.node.name} has not joined yet"
    return f"{name(action)} cannot be done"


def _why_down(resource: Resource) -> str:
    if (resource.meta.get("target-role") or "").lower() == "stopped":
        return why_wanted_stopped(resource)
    return f"no node can run it (ask: crmctl explain {resource.id})"


def _first_cause(action: PlannedAction, decided: str, is_other: bool) -> list[str]:
    """Why the last action of a chain has to be done."""
    if action.reason == "node availability":
        return [f"no node is left for {action.resource.id}"] if is_other and action.resource else [decided]
    if action.reason is not None and not action.reason.startswith(("required", "unrunnable")):
        return [f"{name(action)}: {_REASONS.get(action.reason, action.reason)}"]
    if action.task == "monitor":
        if action.interval not in (None, "0"):
            return [] if is_other else ["the recurring operation is configured and does not run there yet"]
        return [f"nobody knows yet what state it is in on {_node_name(action)}"]
    if is_other and action.resource is not None and not action.pseudo:
        return [_state(action.resource)]
    return [] if is_other else [decided]


_REASONS = {
    "resource definition change": "its parameters, or its agent, changed since it was started",
    restarts.REASON: "somebody has asked for its restart",
    "being multiply active": "it is active on more than one node",
}


def _state(resource: Resource) -> str:
    """What becomes of another resource, in short."""
    if resource.failed:
        return f"{resource.id} failed and is recovered"
    if resource.assigned is None:
        return f"{resource.id} will not run any more (ask: crmctl explain {resource.id})"
    if resource.active_on and resource.assigned not in resource.active_on:
        return f"{resource.id} moves from {resource.active_on[0].name} to {resource.assigned.name}"
    if not resource.active_on:
        return f"{resource.id} starts on {resource.assigned.name}"
    return f"ask: crmctl explain {resource.id}"


def name(action: PlannedAction) -> str:
    """An action in words."""
    if action.task == "stonith":
        return f"fencing {_node_name(action)}"
    task = {"running": "start", "stopped": "stop", "promoted": "promotion", "demoted": "demotion"}.get(
        action.task, action.task
    )
    what = f"{task} of {action.resource.id}" if action.resource is not None else action.key
    return f"{what} on {action.node.name}" if action.node is not None else what


# What two actions are to each other


def relation_between(action: PlannedAction, other: PlannedAction) -> str:
    """What relates two actions, in words: an ordering by its id, or what their resources are to each other."""
    constraint = _constraint_between(action, other)
    if constraint:
        return f"ordering {constraint}"
    if action.resource is None or other.resource is None:
        return ""
    if action.resource is other.resource:
        if "migrate" in action.task or "migrate" in other.task:
            return "the live migration"
        return _OWN.get((action.task, other.task), "its own")
    return _kinship(action.resource, other.resource)


_OWN = {
    ("stop", "start"): "a restart",
    ("demote", "promote"): "a new promotion",
    ("start", "stop"): "a restart",
    ("promote", "start"): "it starts before it is promoted",
    ("demote", "stop"): "it is demoted before it stops",
}


def _kinship(resource: Resource, other: Resource) -> str:
    colocated = [
        each.id
        for each in (*resource.colocated_with, *other.colocated_with)
        if each.explicit and {each.dependent, each.primary} == {resource, other}
    ]
    if colocated:
        return f"colocation {colocated[0]}"
    if is_within(resource, other):
        return f"it is part of {other.id}"
    if is_within(other, resource):
        return f"{other.id} is part of it"
    if resource.parent is not None and resource.parent is other.parent:
        parent = resource.parent
        return f"both are in the {parent.kind.value} {parent.id}" + (", in order" if parent.is_group else "")
    if resource.launcher is other or other.launcher is resource:
        return "one runs in the other"
    return ""


def _constraint_between(action: PlannedAction, other: PlannedAction) -> str:
    """The ordering constraint that relates two actions, or those that stand for them in what they are part of."""
    ours, theirs = _stand_ins(action), _stand_ins(other)
    for then, firsts in ((theirs, ours), (ours, theirs)):
        found = _constraint_in((link for each in then for link in each.inputs), firsts)
        if found:
            return found
    return ""


def _constraint_in(links: Iterable[Input], firsts: Sequence[PlannedAction]) -> str:
    ids = {each.id for each in firsts}
    return next((link.constraint for link in links if link.constraint and link.action.id in ids), "")


def _stand_ins(action: PlannedAction) -> list[PlannedAction]:
    found = [action]
    resource = action.resource.parent if action.resource is not None else None
    tasks = {action.task, completed(action.task)}
    while resource is not None:
        found += [each for each in resource.actions if each.task in tasks]
        resource = resource.parent
    return found
