"""Whether a new transition can go on with what an earlier one has begun. Pure.

An operation that takes minutes must not hold up everything else. When a transition is given up while such ones are in
flight, the next is planned from what is recorded, as if they had not begun (starts: as begun), and therefore has each
of them in it again if it still wants them. Such an action is not sent again: it is taken as begun, and what waits for
it waits for the one that is in flight. That is right only if the new transition could have begun it at once:

- it is the same operation of the same resource on the same node, with the same parameters and time limit
- nothing would have to be done before it but fencing and probes; these it may overtake, as it began before anybody
  knew that they are needed

Two things need not fit, because what follows from them waits: what is in flight on a node that the transition fences,
and a start of what it stops on that node, as an executor carries out one operation of a resource after the other. If
anything else does not fit, the plan rests on a state that is about to change: the whole is refused, and the caller
waits for its end and plans again, which is what Pacemaker always does.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from crm.model.transition import ActionKind, GraphAction, Transition

_TOLD_ANEW = "CRM_meta_notify"
"""Names of attributes that tell an agent about the rest of its clone."""


def match_in_flight(transition: Transition, in_flight: Iterable[GraphAction]) -> tuple[dict[int, int],
                                                                                       list[GraphAction]]:
    """For actions in flight (by their places in the order given) the ids of the same in the transition; and misfits."""
    in_flight = tuple(in_flight)
    if not in_flight:
        return {}, []
    wanted = {_identity(synapse.action): synapse.action.id for synapse in transition.synapses}
    actions = {synapse.action.id: synapse.action for synapse in transition.synapses}
    fenced = {action.node for action in actions.values() if _fences(action)}
    stopped = {_what_and_where(action) for action in actions.values() if action.operation == "stop"}
    import networkx as nx  # here, as in `crm.transition.safety_orderings`

    order: nx.DiGraph[int] = nx.DiGraph()
    order.add_nodes_from(actions)
    order.add_edges_from((earlier, synapse.action.id) for synapse in transition.synapses for earlier in synapse.inputs)
    found: dict[int, int] = {}
    misfits: list[GraphAction] = []
    for place, action in enumerate(in_flight):
        same = wanted.get(_identity(action))
        if same is not None and _may_have_begun(nx.ancestors(order, same), actions):
            found[place] = same
        elif (action.router or action.node) not in fenced and not (
                action.operation == "start" and _what_and_where(action) in stopped):
            misfits.append(action)
    return found, misfits


def ended_by_stops(transition: Transition, in_flight: Iterable[GraphAction]) -> list[int]:
    """Places (in the order given) of recurring operations whose resource the transition stops on their node.

    An executor ends them before it stops the resource, so nothing has to wait for their results: one that waits for
    its turn, or hangs, has none to give.
    """
    stopped = {_what_and_where(synapse.action) for synapse in transition.synapses if synapse.action.operation == "stop"}
    return [place for place, action in enumerate(in_flight)
            if action.interval_ms > 0 and _what_and_where(action) in stopped]


def _identity(action: GraphAction) -> Hashable:
    """What makes two actions the same thing done."""
    told = frozenset((name, value) for name, value in action.attributes.items() if not name.startswith(_TOLD_ANEW))
    return (action.kind, action.operation, action.key, action.node, action.router, action.internal_key,
            action.resource, action.shutdown_lock, told)


def _may_have_begun(ancestors: Iterable[int], actions: Mapping[int, GraphAction]) -> bool:
    return all(_may_be_overtaken(actions[earlier]) for earlier in ancestors if earlier in actions)


def _what_and_where(action: GraphAction) -> tuple[str | None, str | None]:
    return action.resource.id if action.resource is not None else None, action.router or action.node


def _fences(action: GraphAction) -> bool:
    return action.operation == "stonith" and action.attributes.get("CRM_meta_stonith_action") != "on"


def _may_be_overtaken(action: GraphAction) -> bool:
    if action.kind is ActionKind.PSEUDO or action.operation == "stonith":
        return True
    return action.operation == "monitor" and action.interval_ms == 0
