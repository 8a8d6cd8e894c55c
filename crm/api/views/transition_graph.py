"""A transition that was carried out, as a graph to draw (dot): what was done, what failed, what was never begun.

Not the drawing of a plan (`crm.policy_engine.output.dot`): this one is made from a record, and tells times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_COLORS = {True: "green", False: "red", None: "gray"}


def dot_text(record: Mapping[str, Any]) -> str:
    """The graph of a record of `crm.daemon.transition_queries`."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    yield f'digraph "{_escaped(record["id"])}" {{'
    actions, pseudo = record["actions"], record.get("pseudo") or []
    for action in actions:
        style = "bold" if action["begun_at"] is not None else "dashed"
        yield f'  {action["id"]} [label="{_label(action)}" style={style} color={_COLORS[action["ok"]]}]'
    for point in pseudo:
        yield f'  {point["id"]} [label="{_label(point)}" style=dotted fontcolor=orange]'
    known = {each["id"] for each in (*actions, *pseudo)}
    for each in (*actions, *pseudo):
        yield from (f"  {earlier} -> {each['id']}" for earlier in each["waits_for"] if earlier in known)
    yield "}"


def _label(action: Mapping[str, Any]) -> str:
    name = action["key"] + (f" {action['node']}" if action["node"] else "")
    if action.get("begun_at") is None or action.get("ended_at") is None:
        return _escaped(name)
    return _escaped(name) + f"\\n{action['ended_at'] - action['begun_at']:.2f} s"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
