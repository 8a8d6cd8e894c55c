"""The transition as XML text, as Pacemaker's scheduler writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from crm.model.transition import GraphAction
from crm.policy_engine.output.transition_graph import TransitionGraph, graph_action

_SPECIAL = re.compile("[&<>\"\\n\\t\\r]")
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
)


def graph_xml(graph: TransitionGraph, number: int = 1) -> str:
    """The whole document."""
    return "\n".join(_lines(graph, number)) + "\n"


def _lines(graph: TransitionGraph, number: int) -> Iterator[str]:
    cluster = graph.plan.cluster
    settings = cluster.settings
    head = {
        "cluster-delay": settings.as_written["cluster-delay"],
        "fencing-timeout": settings.as_written["fencing-timeout"],
        "failed-stop-offset": "INFINITY",
        "failed-start-offset": "INFINITY" if settings.start_failure_is_fatal else "1",
        "batch-limit": settings.as_written["batch-limit"],
        "transition_id": str(number),
    }
    if settings.migration_limit > 0:
        head["migration-limit"] = settings.as_written["migration-limit"]
    if cluster.recheck_by is not None:
        head["recheck-by"] = str(cluster.recheck_by)
    if not graph.steps:
        yield _tag("transition_graph", head, "/>")
        return
    yield _tag("transition_graph", head, ">")
    for position, step in enumerate(graph.steps):
        attributes = {"id": str(position)}
        if step.priority > 0:
            attributes["priority"] = str(step.priority)
        yield "  " + _tag("synapse", attributes, ">")
        yield "    <action_set>"
        yield from _action(graph_action(graph.plan, step.action))
        yield "    </action_set>"
        if step.inputs:
            yield "    <inputs>"
            for first in step.inputs:
                trigger = graph_action(graph.plan, first, with_details=False)
                yield "      <trigger>"
                yield "        " + _tag(trigger.kind, _identity(trigger), "/>")
                yield "      </trigger>"
            yield "    </inputs>"
        else:
            yield "    <inputs/>"
        yield "  </synapse>"
    yield "</transition_graph>"


def _tag(name: str, attributes: Mapping[str, str], end: str) -> str:
    parts = [f"<{name}"]
    for attribute, value in attributes.items():
        text = value.translate(_ESCAPES) if _SPECIAL.search(value) else value
        parts.append(f' {attribute}="{text}"')
    parts.append(end)
    return "".join(parts)


def _identity(action: GraphAction) -> dict[str, str]:
    found: dict[str, str] = {}
    if action.operation == "lrm_delete":
        found["mode"] = "cib"
    found.update(id=str(action.id), operation=action.operation, operation_key=action.key)
    if action.internal_key is not None:
        found["internal_operation_key"] = action.internal_key
    if action.node is not None and action.node_id is not None:
        found["on_node"] = action.node
        found["on_node_uuid"] = action.node_id
        if action.router is not None:
            found["router_node"] = action.router
    if action.shutdown_lock is not None:
        found["shutdown-lock"] = str(action.shutdown_lock)
    return found


def _action(action: GraphAction) -> Iterator[str]:
    yield "      " + _tag(action.kind, _identity(action), ">")
    if action.resource is not None:
        agent = action.resource
        parts = {
            "id": agent.id,
            "long-id": agent.long_id,
            "class": agent.standard or None,
            "provider": agent.provider,
            "type": agent.type or None,
        }
        yield "        " + _tag("primitive", {k: v for k, v in parts.items() if v is not None}, "/>")
    yield from _parameters(action)
    if action.downed:
        yield "        <downed>"
        for node_id in action.downed:
            yield "          " + _tag("node", {"id": node_id}, "/>")
        yield "        </downed>"
    if action.maintenance:
        yield "        <maintenance>"
        for node_id, present in action.maintenance:
            attributes = {"id": node_id, "node_in_maintenance": "1" if present else "0"}
            yield "          " + _tag("node", attributes, "/>")
        yield "        </maintenance>"
    yield f"      </{action.kind}>"


def _parameters(action: GraphAction) -> Iterator[str]:
    """Parameters as attributes; those whose names cannot be attributes of XML as elements."""
    odd = {name: value for name, value in action.attributes.items() if name[:1].isdigit()}
    if not odd:
        yield "        " + _tag("attributes", action.attributes, "/>")
        return
    plain = {name: value for name, value in action.attributes.items() if name not in odd}
    yield "        " + _tag("attributes", plain, ">")
    for name, value in odd.items():
        yield "          " + _tag("param", {"name": name, "value": value}, "/>")
    yield "        </attributes>"


