"""What a running cluster adds to the order of a plan, because the world may differ from the CIB. Pure.

Pacemaker's graphs let a promotion start while other nodes are still being asked whether they have the resource
promoted, and let a node go that is still being asked what it runs: right if those nodes were just switched on, but a
daemon that was killed and came back may have left anything running. They also start what needs a resource whose failure
has expired while that resource is being looked at again. Plans stay as Pacemaker makes them (`crm_simulate`
shows them, recorded cases compare them); the daemon runs them with this added.

Nor may a minority recover what only seems to be its own (`without_starts`; of what,
`crm.controller.execution.freeze_policy` says).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Set
from dataclasses import replace

from crm.model.transition import ActionKind, GraphAction, Transition

_BEGINNINGS = ("start", "promote", "migrate_to", "migrate_from")


def add_probe_barriers(transition: Transition) -> Transition:
    """The same transition, in which actions wait for the probes and monitors that may speak against them.

    A probe that itself waits for the action is left out. What a probe finds aborts the transition before the action is
    sent.
    """
    probes = _probes(transition)
    waiting = {place: found for place, synapse in enumerate(transition.synapses)
               if (found := [*probes.get(_waits_for(synapse.action), ()), *synapse.rests_on])}
    if not waiting:
        return transition
    import networkx as nx  # here, because commands that run no transition start much faster without it

    order: nx.DiGraph[int] = nx.DiGraph(
        (earlier, synapse.action.id) for synapse in transition.synapses for earlier in synapse.inputs)
    synapses = list(transition.synapses)
    for place, found in waiting.items():
        synapse = synapses[place]
        later = nx.descendants(order, synapse.action.id) if synapse.action.id in order else set()
        added = [probe for probe in found if probe not in later and probe not in synapse.inputs]
        order.add_edges_from((probe, synapse.action.id) for probe in added)
        synapses[place] = replace(synapse, inputs=(*synapse.inputs, *added))
    return replace(transition, synapses=tuple(synapses))


def without_starts(transition: Transition, of: Container[str] | None = None) -> Transition:
    """The same without what starts, promotes or moves in anything (or these resources), and what waits for that."""
    return _without(transition, {synapse.action.id for synapse in transition.synapses if _begins(synapse.action)
                                 and (of is None or _instance(synapse.action) in of)})


def without_moves_to(transition: Transition, nodes: Set[str]) -> Transition:
    """The same without what begins on those nodes: what is to go there stays where it is."""
    arriving = {_instance(synapse.action) for synapse in transition.synapses
                if _begins(synapse.action) and not {synapse.action.node, _goes_to(synapse.action)}.isdisjoint(nodes)}
    return _without(transition, {synapse.action.id for synapse in transition.synapses
                                 if _instance(synapse.action) in arriving and not _is_probe(synapse.action)})


def _without(transition: Transition, dropped: set[int]) -> Transition:
    """The transition without these actions, and without what waits for them."""
    if not dropped:
        return transition
    while more := {synapse.action.id for synapse in transition.synapses
                   if synapse.action.id not in dropped and not dropped.isdisjoint(synapse.inputs)}:
        dropped |= more
    return replace(transition, synapses=tuple(each for each in transition.synapses if each.action.id not in dropped))


def _begins(action: GraphAction) -> bool:
    return action.kind is ActionKind.RESOURCE and action.operation in _BEGINNINGS


def _goes_to(action: GraphAction) -> str:
    """Where the first half of a migration sends its resource."""
    return action.attributes.get("CRM_meta_migrate_target", "") if action.operation == "migrate_to" else ""


def _instance(action: GraphAction) -> str:
    return action.resource.id if action.resource is not None else ""


def _probes(transition: Transition) -> dict[tuple[str, str], list[int]]:
    """Ids of the probes, by the resource that they ask about, and by the node that they ask."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for synapse in transition.synapses:
        action = synapse.action
        if _is_probe(action):
            found["resource", _resource(action)].append(action.id)
            found["node", action.node or ""].append(action.id)
    return found


def _waits_for(action: GraphAction) -> tuple[str, str]:
    """A promotion waits for every probe of its resource; a node is let go when it has told all that it runs."""
    if action.kind is ActionKind.RESOURCE and action.operation == "promote":
        return "resource", _resource(action)
    if action.operation == "do_shutdown":
        return "node", action.node or ""
    return "", ""


def _is_probe(action: GraphAction) -> bool:
    return action.kind is ActionKind.RESOURCE and action.operation == "monitor" and action.interval_ms == 0


def _resource(action: GraphAction) -> str:
    """The id in the configuration: without the number of an instance."""
    return action.resource.id.partition(":")[0] if action.resource is not None else ""
