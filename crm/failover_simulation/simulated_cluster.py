"""A pretended cluster: a copy of a CIB that faults happen to, and that is planned and carried out until nothing is left
to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from crm.cib.history_entry import FinishedOperation
from crm.cib.parsing import Element
from crm.cib.queries import is_unused
from crm.cib.reading.cib_reader import read
from crm.cib.simulated_cib import SimulatedCib, next_call_id
from crm.failover_simulation.faults import Fault, FaultKind, monitor_interval_ms
from crm.model.transition import ActionKind, Transition
from crm.policy_engine.observe import observe
from crm.policy_engine.picture.cluster import Cluster, NodeKind, Resource, Role
from crm.policy_engine.picture.names import base_name
from crm.policy_engine.scheduling import make_schedule
from crm.transition.simulation import SimulatedExecution, simulate

_ROUNDS = 12
_SCORES = {Role.PROMOTED: "10", Role.UNPROMOTED: "5"}
_UNKNOWN_ERROR = 1
_INVISIBLE = ("clear_failcount", "lrm_delete", "delete", "cancel", "do_shutdown")
"""Tidying up, which leaves no trace in a pretended CIB, so that it is planned again and again."""


@dataclass(frozen=True, slots=True)
class TransitionSequence:
    """How a cluster came to rest: what was done, transition after transition; `settled` is False if it never did."""

    transitions: tuple[Transition, ...]
    settled: bool

    def then(self, later: TransitionSequence) -> TransitionSequence:
        """Both, one after the other."""
        return TransitionSequence((*self.transitions, *later.transitions), self.settled and later.settled)


class SimulatedCluster:
    """A pretended cluster at a fixed moment (epoch seconds)."""

    def __init__(self, root: Element, now: int) -> None:
        self.root = deepcopy(root)
        self.now = now
        self.pretended = SimulatedCib(self.root)

    def copy(self) -> SimulatedCluster:
        """Another one in the same state."""
        return SimulatedCluster(self.root, self.now)

    def cluster(self) -> Cluster:
        """How it is."""
        return observe(read(self.root), self.now)

    def is_untouched(self) -> bool:
        """Whether nothing is recorded of any node: the configuration was never used."""
        return is_unused(self.root)

    def power_on(self) -> None:
        """Bring every configured member up."""
        for node in self.cluster().nodes:
            if node.kind is NodeKind.MEMBER:
                self.pretended.node_up(node.name)
        self._count_votes()

    def add_nodes(self, names: Sequence[str]) -> None:
        """Configure more members."""
        for name in names:
            self.pretended.add_node(name)

    def configure(self, configuration: Element) -> None:
        """Put a configuration in place of the present one."""
        self.pretended.configure(configuration)

    # Faults

    def strike(self, fault: Fault) -> None:
        """Let it happen."""
        match fault.kind:
            case FaultKind.NODE | FaultKind.PAIR | FaultKind.PARTITION:
                for name in fault.nodes:
                    self.pretended.node_fails(name)
                self._count_votes()
            case FaultKind.STANDBY:
                for name in fault.nodes:
                    self.pretended.set_standby(name)
            case FaultKind.RESOURCE:
                assert fault.resource is not None
                self._fail(fault.resource, fault.nodes[0])

    def _count_votes(self) -> None:
        """Quorum as corosync counts it: more than half of the configured members; of two, one is enough."""
        every = [node for node in self.cluster().nodes if node.kind is NodeKind.MEMBER]
        present = [node for node in every if node.online]
        quorate = len(present) * 2 > len(every) or (len(every) == 2 and len(present) == 1)
        self.pretended.set_quorum("true" if quorate else "false")

    def _fail(self, name: str, node_name: str) -> None:
        """The resource's monitor finds it failed."""
        cluster = self.cluster()
        resource = next(each for each in active(cluster, name) if node_name in [node.name for node in each.active_on])
        interval_ms = monitor_interval_ms(resource)
        recorded = resource.history_id or resource.id
        state = self.pretended.node_state(node_name)
        self.pretended.count_failure(state, recorded, "monitor", interval_ms, fatal=False, at=self.now)
        names = (recorded, resource.id)
        history = self.pretended.resource_history(state, names, resource.standard, resource.provider, resource.type)
        key = f"{recorded}_monitor_{interval_ms}"
        digest = next((entry.get("op-digest") for entry in history if entry.get("operation_key") == key), None)
        self.pretended.record(
            history,
            FinishedOperation(
                resource_id=str(history.get("id")),
                task="monitor",
                interval_ms=interval_ms,
                call_id=next_call_id(history),
                rc=_UNKNOWN_ERROR,
                target_rc=8 if resource.role is Role.PROMOTED else 0,
                node=node_name,
                at=self.now,
                exit_reason="rehearsed failure",
                origin="rehearsal",
            ),
        )
        # It is the same operation as before: its parameters did not change by failing.
        for entry in history:
            if entry.get("operation_key") == key and digest is not None:
                entry.set("op-digest", digest)

    # Coming to rest

    def settle(self) -> TransitionSequence:
        """Plan and carry out, again and again, until there is nothing left to do."""
        transitions: list[Transition] = []
        for _ in range(_ROUNDS):
            result = make_schedule(read(self.root), self.now)
            transition = result.transition
            if not _does_anything(transition):
                if not self._assume_promotion_scores(result.cluster):
                    return TransitionSequence(tuple(transitions), settled=True)
                continue
            transitions.append(transition)
            known = [each for top in result.cluster.resources for each in top.walk()]
            names = frozenset(name for each in known for name in (each.id, each.history_id) if name)
            simulate(transition, SimulatedExecution(self.pretended, names, (), lambda _: None, self.now))
            self._tidy_up(transition)
        return TransitionSequence(tuple(transitions), settled=False)

    def _tidy_up(self, transition: Transition) -> None:
        """What a simulation says but leaves as it is: failures are forgotten, recurring operations end."""
        for action in (synapse.action for synapse in transition.synapses):
            if action.node is None or action.resource is None:
                continue
            if action.operation == "clear_failcount":
                self.pretended.forget_failures(action.node, action.resource.id)
            elif action.operation == "cancel":
                operation = action.attributes.get("CRM_meta_operation", "monitor")
                key = f"{action.resource.id}_{operation}_{action.interval_ms}"
                self.pretended.forget_operation(action.node, key)

    def _assume_promotion_scores(self, cluster: Cluster) -> bool:
        """Give instances the promotion scores that their agents would set, where nothing is known of any.

        Whether that changed anything.
        """
        changed = False
        for top in cluster.resources:
            for resource in top.primitives():
                name = f"master-{base_name(resource.id)}"
                known = any(name in node.attributes for node in cluster.nodes if node not in resource.active_on)
                for node in resource.active_on if resource.top.promotable and not known else ():
                    if name not in node.attributes:
                        self._set_transient(node.name, name, _SCORES.get(resource.role, "5"))
                        changed = True
        return changed

    def _set_transient(self, node: str, name: str, value: str) -> None:
        self.pretended.set_transient_attribute(self.pretended.node_state(node), name, value)


def running_from_scratch(root: Element, now: int) -> Element:
    """A copy of a CIB of a cluster that never ran, as if all its nodes had just come up."""
    simulated = SimulatedCluster(root, now)
    simulated.power_on()
    return simulated.root


def active(cluster: Cluster, name: str) -> Sequence[Resource]:
    """The primitives of this name, without number for those of clones, that are active."""
    return [
        each
        for top in cluster.resources
        for each in top.primitives()
        if each.active_on and name in (base_name(each.id), each.id)
    ]


def _does_anything(transition: Transition) -> bool:
    return any(
        synapse.action.kind is not ActionKind.PSEUDO and synapse.action.operation not in _INVISIBLE
        for synapse in transition.synapses
    )
