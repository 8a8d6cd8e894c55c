"""Reads a recorded transition graph, so that what runs a transition can be tried without what plans it."""

from __future__ import annotations

from lxml import etree

from crm.model.score import parse
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition


def read_graph(text: str) -> Transition:
    """The transition that a `transition_graph` document describes."""
    root = etree.fromstring(text.encode())
    synapses = tuple(_synapse(element) for element in root.iterchildren("synapse"))
    return Transition(id=int(root.get("transition_id", "0")), synapses=synapses)


def _synapse(element: etree._Element) -> Synapse:
    action = element.find("action_set")[0]  # type: ignore[index]
    inputs = tuple(int(str(trigger[0].get("id"))) for trigger in element.iterfind("inputs/trigger"))
    return Synapse(int(str(element.get("id"))), _action(action), inputs, parse(element.get("priority")))


def _action(element: etree._Element) -> GraphAction:
    resource, attributes = element.find("primitive"), element.find("attributes")
    return GraphAction(
        id=int(str(element.get("id"))),
        kind=ActionKind(str(element.tag)),
        operation=str(element.get("operation")),
        key=str(element.get("operation_key")),
        node=element.get("on_node"),
        node_id=element.get("on_node_uuid"),
        router=element.get("router_node"),
        resource=_agent(resource) if resource is not None else None,
        attributes={str(name): str(value) for name, value in attributes.items()} if attributes is not None else {},
    )


def _agent(element: etree._Element) -> AgentReference:
    return AgentReference(
        id=str(element.get("id")),
        standard=str(element.get("class")),
        type=str(element.get("type")),
        provider=element.get("provider"),
        long_id=element.get("long-id"),
    )
