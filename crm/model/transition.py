"""A transition: the graph of actions that takes the cluster from how it is to how it should be.

Made by the policy engine, run by `crm.transition`, carried to executors by the controller. Field names follow
Pacemaker's transition graph XML (`transition_graph`, `synapse`, `rsc_op`, `pseudo_event`, `crm_event`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from crm.model.report import Report
from crm.model.values import parse_integer

_LARGEST = 0xFFFFFFFF
"""Of the numbers in meta attributes: as milliseconds it is seven weeks."""


class ActionKind(StrEnum):
    """Who carries an action out: an agent on a node, nobody, or the controllers themselves."""

    RESOURCE = "rsc_op"
    PSEUDO = "pseudo_event"
    CLUSTER = "crm_event"


@dataclass(frozen=True, slots=True)
class AgentReference:
    """The resource that an action is for, as the executor must call its agent.

    `id` is the name given to the agent (an anonymous clone's instance loses its number), `long_id` the instance's
    full name when it differs.
    """

    id: str
    standard: str
    type: str
    provider: str | None = None
    long_id: str | None = None


@dataclass(frozen=True, slots=True)
class GraphAction:
    """One action of a transition.

    operation   start, stop, monitor, promote, demote, notify, migrate_to, migrate_from, reload, reload-agent, cancel,
                delete, clear_failcount, lrm_delete, stonith, do_shutdown, … or a pseudo-action's name
    key         `RESOURCE_OPERATION_INTERVALMS`, unique within node; `internal_key` where clone instances share the key
    node        name of the node to run on (for a fencing: the node to fence), `node_id` its id in the CIB
    router      name of the cluster node that carries it out for a remote or guest node
    attributes  everything the executor passes on: parameters by name, meta attributes as `CRM_meta_NAME`
    reason      why a node is fenced, empty for other actions
    own_parameters  names of parameters that the operation sets itself, rather than its resource
    downed      ids of nodes that go down by this action
    maintenance remote nodes whose recorded maintenance mode has to change
    shutdown_lock  epoch seconds since when the resource is kept for a node that is shut down
    """

    id: int
    kind: ActionKind
    operation: str
    key: str
    node: str | None = None
    node_id: str | None = None
    router: str | None = None
    internal_key: str | None = None
    resource: AgentReference | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    downed: tuple[str, ...] = ()
    maintenance: tuple[tuple[str, bool], ...] = ()
    shutdown_lock: int | None = None
    own_parameters: tuple[str, ...] = ()
    reason: str = ""

    @property
    def interval_ms(self) -> int:
        """Interval of a recurring operation, 0 for a one-off."""
        return self.meta_number("interval", 0)

    @property
    def target_rc(self) -> int:
        """The exit code that counts as success."""
        return self.meta_number("op_target_rc", 0)

    @property
    def timeout_ms(self) -> int:
        """Time limit of the operation."""
        return self.meta_number("timeout", 20_000)

    @property
    def start_delay_ms(self) -> int:
        """How long its node waits before it begins."""
        return self.meta_number("start_delay", 0)

    def meta_number(self, name: str, default: int) -> int:
        """A meta attribute that is a number; the default for what is none, so that no value ends whoever reads it."""
        value = parse_integer(self.attributes.get(f"CRM_meta_{name}"))
        return default if value is None else max(0, min(value, _LARGEST))


@dataclass(frozen=True, slots=True)
class Synapse:
    """An action and the ids of the actions that must be done before it may start.

    rests_on  ids of monitors of what the action needs, begun anew because their failures expired: until they answer
              nobody knows whether that is active. Pacemaker's graphs have no such inputs; who runs one may add them.
    """

    id: int
    action: GraphAction
    inputs: tuple[int, ...] = ()
    priority: int = 0
    rests_on: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """What to do, in which order; synapses in the order in which they should be tried.

    recheck_at   epoch seconds at which the same CIB would give another answer (a rule, an expiry), None if never
    """

    id: int
    synapses: tuple[Synapse, ...] = ()
    cluster_delay_ms: int = 60_000
    fencing_timeout_ms: int = 60_000
    failed_stop_offset: str = "INFINITY"
    failed_start_offset: str = "INFINITY"
    batch_limit: int = 0
    migration_limit: int = -1
    recheck_at: int | None = None
    reports: tuple[Report, ...] = ()

    def time_limit_ms(self, action: GraphAction) -> int:
        """How long to wait for a result before the action counts as failed: its own limit plus the cluster's delay."""
        if action.operation == "stonith":
            return self.fencing_timeout_ms + self.cluster_delay_ms
        return action.timeout_ms + action.start_delay_ms + self.cluster_delay_ms
