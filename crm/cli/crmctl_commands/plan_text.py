"""A plan as people read it: what changes, what is interrupted, what is fenced, each step with its reason, warnings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

_SIGNS = {"error": "✗", "warning": "!", "notice": "·"}


def plan_lines(plan: dict[str, Any], details: bool = False) -> Iterator[str]:
    """The lines for a plan as the API gives it; with `details` recurring operations and probes, too."""
    yield from _differences(plan)
    actions = [each for each in plan.get("actions", []) if details or _matters(each)]
    if not plan.get("actions"):
        yield "Nothing would be done"
    elif not actions:
        yield "Nothing would be done but probes and recurring operations"
    yield from _interruptions(plan)
    yield from _steps(actions)
    yield from _blocked(plan)
    yield from _warnings(plan)


def _differences(plan: dict[str, Any]) -> Iterator[str]:
    lines = [line for each in plan.get("differences", []) for line in each["text"]]
    if lines:
        yield "Changes of the configuration:"
        yield from (f"  {line}" for line in lines)
        yield ""


def _matters(action: dict[str, Any]) -> bool:
    return action["operation"] not in ("probe", "cancel", "lrm_delete") and not action.get("interval_ms")


def _interruptions(plan: dict[str, Any]) -> Iterator[str]:
    found = plan.get("interruptions", [])
    if not found:
        return
    yield "What becomes of resources:"
    for each in found:
        yield f"  {each['resource']} {_effect(each)}; {_pause(each)}"
    yield ""


def _effect(each: dict[str, Any]) -> str:
    before, after = " and ".join(each["before"]) or "nowhere", " and ".join(each["after"]) or "nowhere"
    match each["effect"]:
        case "moves" if not each["before"]:
            return f"starts on {after}"
        case "moves":
            return f"goes from {before} to {after}"
        case "restarts":
            return f"restarts on {after}"
        case "unpromoted":
            return f"is promoted nowhere any more (it was on {before})"
        case "lost":
            return f"stops on {before} and runs nowhere"
    return f"runs on {after} instead of {before}"


def _pause(each: dict[str, Any]) -> str:
    milliseconds = each["interruption_ms"]
    if milliseconds is None:
        return "interrupted for good"
    if not milliseconds:
        return "no interruption"
    return f"interrupted for {'about' if each['measured'] else 'at most'} {duration(milliseconds)}"


def duration(milliseconds: int) -> str:
    """A time span with the two digits that matter."""
    seconds = milliseconds / 1000
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def _steps(actions: list[dict[str, Any]]) -> Iterator[str]:
    if not actions:
        return
    yield "Steps:"
    for step, group in groupby(actions, key=lambda each: each.get("step", 1)):
        for number, action in enumerate(group):
            mark = f"{step:>3}." if number == 0 else "    "
            yield f"  {mark} {_action(action)}"
            because = action.get("because") or []
            if because:
                yield f"         because {because[0]}"
    yield ""


def _action(action: dict[str, Any]) -> str:
    place = f" on {action['node']}" if action.get("node") else ""
    if action["operation"] == "fence":
        return f"fence {action['node']}"
    interval = f" every {duration(action['interval_ms'])}" if action.get("interval_ms") else ""
    return f"{action['operation']} {action.get('resource') or ''}{place}{interval}"


def _blocked(plan: dict[str, Any]) -> Iterator[str]:
    for each in plan.get("blocked", []):
        yield f"Cannot be done: {each['operation']} on {each['node']}"
        yield from (f"  {line}" for line in each["because"])


def _warnings(plan: dict[str, Any]) -> Iterator[str]:
    known = plan.get("warnings", [])
    told = {(each["code"], each["where"]) for each in known}
    more = [each for each in plan.get("reports", []) if (each["code"], each["where"]) not in told]
    for each in (*known, *more):
        if each["severity"] == "notice" and each in more:
            continue
        yield f"{_SIGNS[each['severity']]} {each['message']}"
        if each["hint"]:
            yield f"  {each['hint']}"
