"""What a running cluster adds to the order of a plan, because the world may differ from the CIB. Pure.

Pacemaker's graphs let a promotion start while other nodes are still being asked whether they have the resource
promoted: right if they were just switched on, but a daemon that was killed and came back may have left one running.
Plans stay as Pacemaker makes them (`crm_simulate` shows them, recorded cases compare them); the daemon runs them with
this added.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import networkx as nx

from crm.model.transition import ActionKind, GraphAction, Transition


def cautious(transition: Transition) -> Transition:
    """The same transition, in which a promotion waits for every probe of its resource that does not wait for it.

    What such a probe finds aborts the transition before the promotion is sent.
    """
    probes: dict[str, list[int]] = defaultdict(list)
    for synapse in transition.synapses:
        if _is_probe(synapse.action):
            probes[_resource(synapse.action)].append(synapse.action.id)
    promoted = {_resource(synapse.action) for synapse in transition.synapses if _is_promotion(synapse.action)}
    if not promoted & set(probes):
        return transition
    order: nx.DiGraph[int] = nx.DiGraph(
        (earlier, synapse.action.id) for synapse in transition.synapses for earlier in synapse.inputs)
    synapses = list(transition.synapses)
    for place, synapse in enumerate(synapses):
        if _is_promotion(synapse.action):
            later = nx.descendants(order, synapse.action.id) if synapse.action.id in order else set()
            added = [probe for probe in probes[_resource(synapse.action)]
                     if probe not in later and probe not in synapse.inputs]
            order.add_edges_from((probe, synapse.action.id) for probe in added)
            synapses[place] = replace(synapse, inputs=(*synapse.inputs, *added))
    return replace(transition, synapses=tuple(synapses))


def _is_promotion(action: GraphAction) -> bool:
    return action.kind is ActionKind.RESOURCE and action.operation == "promote"


def _is_probe(action: GraphAction) -> bool:
    return action.kind is ActionKind.RESOURCE and action.operation == "monitor" and action.interval_ms == 0


def _resource(action: GraphAction) -> str:
    """The id in the configuration: without the number of an instance."""
    return action.resource.id.partition(":")[0] if action.resource is not None else ""
