"""An answer as the text of the cases: what changes, in which order, and the scores that made it so.

Steps are those of the transition that somebody has to take: where one waits for another only by way of pseudo actions,
it is said to wait for the other itself, and what follows from the rest is left out. So the text says what must be
true of any plan, not how this one was drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from tests.scenarios.answer import Answer

_SCORE = re.compile(r"(\w+): (\S+) (allocation|promotion) score on (\S+): (\S+)")
_MANY = 3


def report(answer: Answer) -> list[str]:
    """The decisions, as lines."""
    changes = [_single_spaced(line) for line in answer.section("Transition Summary")]
    lines = changes or ["nothing changes"]
    steps = list(_steps(answer.graph))
    lines += ["steps", *(f"  {step}" for step in steps)] if steps else []
    scores = list(_scores(answer.section("Assignment Scores")))
    return lines + (["scores", *(f"  {line}" for line in scores)] if scores else [])


def status(answer: Answer) -> list[str]:
    """What was made of the status, remarks first."""
    remarks = [line for line in answer.said.partition("Current cluster status:")[0].splitlines() if "unfencing" in line]
    return remarks + [_without_agent(line) for line in answer.section("Current cluster status")]


def _single_spaced(line: str) -> str:
    return re.sub(r"(?<=\S) +", " ", line).replace("( ", "(").replace(" )", ")")


def _without_agent(line: str) -> str:
    return re.sub(r"\t\((?:ocf|stonith)[^)]*\):\t", ": ", line).replace("\t", " ").rstrip()


def _scores(lines: list[str]) -> Iterator[str]:
    """A line for each resource with the last score on each node, unless all are zero."""
    table: dict[str, dict[str, str]] = {}
    for line in lines:
        found = _SCORE.match(line)
        if found is not None:
            _, resource, what, node, score = found.groups()
            table.setdefault(resource + (" promoted" if what == "promotion" else ""), {})[node] = score
    for resource, scores in table.items():
        if set(scores.values()) != {"0"}:
            yield f"{resource}: " + ", ".join(f"{node} {score}" for node, score in sorted(scores.items()))


# Steps


def _steps(graph: str) -> Iterator[str]:
    root = etree.fromstring(graph.encode())
    actions, inputs = {}, {}
    for synapse in root.iterchildren("synapse"):
        action = synapse[0][0]
        key = int(str(action.get("id")))
        actions[key] = action
        inputs[key] = {int(str(trigger[0].get("id"))) for trigger in synapse.iterfind("inputs/trigger")}
    inputs = {key: {each for each in keys if each in actions} for key, keys in inputs.items()}
    real = {key for key, action in actions.items() if _is_real(action)}
    waits = _reduced(_contracted(inputs, real))
    labels = {key: _label(actions[key]) for key in real}
    for key in _in_order(waits, labels):
        before = sorted(labels[each] for each in waits[key])
        yield labels[key] + (f"   after {', '.join(before)}" if before else "")


def _reachable(start: set[int], edges: dict[int, set[int]]) -> set[int]:
    """All that can be reached from `start`, without it unless there is a way back."""
    found: set[int] = set()
    new = set(start)
    while new:
        new = set().union(*(edges[key] for key in new)) - found
        found |= new
    return found


def _is_real(action: etree._Element) -> bool:
    """Whether somebody has to do it; a guest's fencing is worth telling though its container's stop implies it."""
    return action.tag != "pseudo_event" or action.get("operation") == "stonith"


def _contracted(inputs: dict[int, set[int]], real: set[int]) -> dict[int, set[int]]:
    """What each real action waits for, directly or by way of others that are none."""
    pseudo_only = {key: set() if key in real else before for key, before in inputs.items()}
    return {key: (inputs[key] | _reachable(inputs[key], pseudo_only)) & real for key in real}


def _reduced(waits: dict[int, set[int]]) -> dict[int, set[int]]:
    """Without what follows from the rest; what is in a circle keeps everything."""
    before = {key: _reachable({key}, waits) for key in waits}
    return {key: direct if key in before[key] else direct - set().union(*(before[each] for each in direct))
            for key, direct in waits.items()}


def _in_order(waits: dict[int, set[int]], labels: dict[int, str]) -> Iterator[int]:
    """Each after what it waits for, else by name; then what waits for itself."""
    left = dict(waits)
    while left:
        ready = [key for key, before in left.items() if not before & left.keys()] or list(left)
        for key in sorted(ready, key=lambda each: labels[each]):
            yield key
            del left[key]


def _label(action: etree._Element) -> str:
    operation, node = str(action.get("operation")), action.get("on_node")
    meta = {name.removeprefix("CRM_meta_"): str(value) for name, value in _attributes(action)}
    where = f" on {node}" if node else ""
    router = action.get("router_node")
    where += f" (by {router})" if router and router != node else ""
    match operation:
        case "stonith":
            delay = meta.get("priority_fencing_delay", "0")
            how = f"{meta.get('stonith_action')}{f', delayed {delay} s' if delay != '0' else ''}"
            return f"fence {node} ({how})" + (" (implied)" if action.tag != "crm_event" else "")
        case "do_shutdown":
            return f"shut down {node}"
        case "clear_failcount" | "lrm_delete":
            return f"{operation} {_resource(action)}{where}"
    return f"{_task(operation, meta)} {_resource(action)}{where}{_interval(operation, meta)}{_migration(meta)}"


def _attributes(action: etree._Element) -> list[tuple[str, str]]:
    attributes = action.find("attributes")
    return [] if attributes is None else [(str(name), str(value)) for name, value in attributes.items()]


def _resource(action: etree._Element) -> str:
    element = action.find("primitive")
    return "?" if element is None else str(element.get("long-id") or element.get("id"))


def _task(operation: str, meta: dict[str, str]) -> str:
    if operation == "notify":
        return f"notify {meta.get('notify_type')}-{meta.get('notify_operation')}"
    if operation == "monitor":
        return "probe" if meta.get("interval", "0") == "0" else "monitor"
    return operation


def _interval(operation: str, meta: dict[str, str]) -> str:
    interval = meta.get("interval", "0")
    return f" every {int(interval) // 1000} s" if operation == "monitor" and interval != "0" else ""


def _migration(meta: dict[str, str]) -> str:
    source, target = meta.get("migrate_source"), meta.get("migrate_target")
    return f" ({source} -> {target})" if source and target else ""
