"""A planner of a hundred lines, for tests of everything but the policy engine: plain primitives, one node each.

It probes, starts, watches, recovers, stops; it knows quorum, standby of leaving nodes, and nothing else.
"""

from __future__ import annotations

from crm.model.cib import Cib
from crm.model.history import NodeState
from crm.model.resources import Primitive
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition

MONITOR_MS = 1000


class Plan:
    def __init__(self) -> None:
        self.synapses: list[Synapse] = []

    def add(self, operation: str, resource: str | None, node: NodeState, *inputs: int, interval: int = 0,
            target_rc: int = 0) -> int:
        number = len(self.synapses) + 1
        agent = AgentReference(resource, "ocf", "Dummy", "crmd") if resource else None
        attributes = {"CRM_meta_timeout": "20000", "CRM_meta_interval": str(interval),
                      "CRM_meta_op_target_rc": str(target_rc)}
        kind = ActionKind.RESOURCE if resource else ActionKind.CLUSTER
        action = GraphAction(number, kind, operation, f"{resource or node.name}_{operation}_{interval}", node.name,
                             node.id, resource=agent, attributes=attributes)
        self.synapses.append(Synapse(number, action, inputs))
        return number


def states(cib: Cib) -> list[NodeState]:
    return [state for state in cib.node_states if state.join == "member" and state.crmd not in (None, "0")]


def leaving(state: NodeState) -> bool:
    return any(pair.name == "shutdown" and pair.value != "0" for one in state.attributes for pair in one.pairs)


def recorded(state: NodeState, resource: str) -> tuple[bool, bool, bool]:
    """(known, active, watched) as the history tells."""
    history = next((one for one in state.resources if one.id == resource), None)
    if history is None or not history.entries:
        return False, False, False
    active = watched = False
    known = False
    for entry in sorted(history.entries, key=lambda one: one.call_id):
        if entry.id.endswith("_last_failure_0"):
            continue
        known = True
        if entry.operation == "start":
            active, watched = entry.rc == 0, False
        elif entry.operation == "stop":
            active, watched = entry.rc != 0, False
        elif entry.operation == "monitor":
            active = entry.rc == 0
            watched = watched or (entry.interval_ms > 0 and entry.rc == 0)
    return known, active, watched


def schedule(cib: Cib, now: int) -> Transition:
    plan = Plan()
    here = states(cib)
    names = [one.id for one in cib.resources if isinstance(one, Primitive)]
    able = [state for state in here if not leaving(state)] if cib.have_quorum else []
    stops: dict[str, list[int]] = {state.id: [] for state in here}
    for place, name in enumerate(names):
        plan_resource(plan, name, place, here, able, stops)
    for state in here:
        if leaving(state):
            plan.add("do_shutdown", None, state, *stops[state.id])
    return Transition(0, tuple(plan.synapses))


def plan_resource(plan: Plan, name: str, place: int, here: list[NodeState], able: list[NodeState],
                  stops: dict[str, list[int]]) -> None:
    history = {state.id: recorded(state, name) for state in here}
    probes = [plan.add("monitor", name, state, target_rc=7) for state in here if not history[state.id][0]]
    active = [state for state in here if history[state.id][1]]
    home = next((state for state in active if state in able), able[place % len(able)] if able else None)
    before = list(probes)
    for state in active:
        if state is not home or len(active) > 1:
            stop = plan.add("stop", name, state, *probes)
            stops[state.id].append(stop)
            before.append(stop)
    if home is None:
        return
    if home not in active or len(active) > 1:
        start = plan.add("start", name, home, *before)
        plan.add("monitor", name, home, start, interval=MONITOR_MS)
    elif not history[home.id][2]:
        plan.add("monitor", name, home, *before, interval=MONITOR_MS)
