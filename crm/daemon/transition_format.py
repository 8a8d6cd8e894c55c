"""A transition on its way from one process to another: rows of plain values, some hundred at a time.

Pickled as they are, the 50,000 synapses of a large cold start would hold the receiver's event loop for more than a
second; as rows they take a third of the time, and the loop turns between two pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any

from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition

Row = tuple[Any, ...]
ROWS = 300
"""Synapses of one piece: a few milliseconds of the receiver's time."""

_agent_values = attrgetter(*(each.name for each in fields(AgentReference)))
_PLAIN = tuple(each.name for each in fields(GraphAction) if each.name not in ("kind", "resource", "attributes"))
_plain_values = attrgetter(*_PLAIN)


def frame(transition: Transition) -> Transition:
    """Everything but the synapses."""
    return replace(transition, synapses=())


def pieces(transition: Transition) -> Iterator[list[Row]]:
    """The synapses."""
    rows = transition.synapses
    for begin in range(0, len(rows), ROWS):
        yield [_row(each) for each in rows[begin:begin + ROWS]]


class TransitionAssembly:
    """Puts the pieces together, in the order in which they come."""

    def __init__(self) -> None:
        self._synapses: list[Synapse] = []
        self._agents: dict[Row, AgentReference] = {}

    def take(self, piece: list[Row]) -> None:
        self._synapses += [self._synapse(*row) for row in piece]

    def finish(self, framed: Transition) -> Transition:
        """The transition, of what `frame` gave."""
        return replace(framed, synapses=tuple(self._synapses))

    def _synapse(self, number: int, inputs: tuple[int, ...], priority: int, kind: str, agent: Row | None,
                 attributes: dict[str, str], plain: Row) -> Synapse:
        action = GraphAction(kind=ActionKind(kind), resource=None if agent is None else self._agent(agent),
                             attributes=attributes, **dict(zip(_PLAIN, plain, strict=True)))
        return Synapse(number, action, inputs, priority)

    def _agent(self, row: Row) -> AgentReference:
        if row not in self._agents:
            self._agents[row] = AgentReference(*row)
        return self._agents[row]


def _row(synapse: Synapse) -> Row:
    action = synapse.action
    agent = None if action.resource is None else _agent_values(action.resource)
    return (synapse.id, synapse.inputs, synapse.priority, action.kind.value, agent, dict(action.attributes),
            _plain_values(action))
