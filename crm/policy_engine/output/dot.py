"""The plan as a graph to draw (dot): bold what is done, dashed what should be but cannot."""

from __future__ import annotations

from collections.abc import Iterator

from crm.model.values import parse_integer
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction, operation_key
from crm.policy_engine.actions.action_graph import ActionGraph


def dot_text(plan: ActionGraph, all_actions: bool = False, with_numbers: bool = False) -> str:
    """The drawing; `all_actions` also shows what need not be done."""
    return "\n".join(_lines(plan, all_actions, with_numbers)) + "\n"


def _lines(plan: ActionGraph, all_actions: bool, with_numbers: bool) -> Iterator[str]:
    yield ' digraph "g" {'
    shown: set[int] = set()
    for action in reversed(plan.actions):
        style, color, font, wanted = _look(action)
        if wanted or all_actions:
            shown.add(action.id)
            name = action_name(action, with_numbers)
            yield f'"{name}" [ style={style} color="{color}" fontcolor="{font}"]'
    for action in reversed(plan.actions):
        for link in action.inputs:
            if link.graphed:
                style, wanted = "bold", True
            elif link.relation == r.NONE:
                continue
            else:
                both = link.action.id in shown and action.id in shown
                style, wanted = "dashed", both and link.relation != r.SAME_NODE_OR_TARGET
            if wanted or all_actions:
                before, after = action_name(link.action, with_numbers), action_name(action, with_numbers)
                yield f'"{before}" -> "{after}" [ style = {style}]'
    yield "}"


def _look(action: PlannedAction) -> tuple[str, str, str, bool]:
    font = "orange" if action.pseudo else "black"
    if action.in_graph:
        return "bold", "green", font, True
    if action.resource is not None and not action.resource.managed:
        return "dashed", "red", "purple", False
    if action.optional:
        return "dashed", "blue", font, False
    return "dashed", "red", font, True


def action_name(action: PlannedAction, with_number: bool = False) -> str:
    """What an action is called in drawings."""
    name = _name(action)
    return f"{name} ({action.id})" if with_number else name


def _name(action: PlannedAction) -> str:
    host = action.node.name if action.node is not None else None if action.pseudo else "<none>"
    prefix, task = "", action.task
    if task == "cancel":
        prefix, task = "Cancel ", action.cancel_task or ""
    where = f" {host}" if host is not None else ""
    resource = action.resource
    if resource is not None and resource.history_id is not None:
        if action.task in ("notify", "notified"):
            kind, about = action.meta["notify_key_type"], action.meta["notify_key_operation"]
            key = f"{resource.history_id}_{kind}_notify_{about}_0"
        else:
            key = operation_key(resource.history_id, task, parse_integer(action.meta.get("interval")) or 0)
        return f"{prefix}{key}{where}"
    if action.task == "stonith":
        return f"{prefix}{action.task} '{action.meta.get('stonith_action')}'{where}"
    if resource is not None and host is not None:
        return f"{prefix}{action.key}{where}"
    if host is not None:
        return f"{prefix}{action.task}{where}"
    return action.key
