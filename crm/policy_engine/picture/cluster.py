"""The planner's working picture of a cluster: what `observe` finds and the later phases reason about.

`observe` builds it from the model and fills every field below that is not marked "(place)"; `place` fills those. After
that only `Node.unclean` may still change (an action that cannot be trusted makes its node a candidate for fencing), so
that the order of phases stays readable: observe, place, then actions.

It is apart from `crm.model` because it is derived and mutable: instances that no CIB names, roles read from a history,
scores that grow. Objects compare by identity. Lists keep the order of the CIB; nothing iterates over a bare set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING

from crm.model.report import Report
from crm.model.score import Score
from crm.model.values import parse_bool

if TYPE_CHECKING:
    from crm.model.cib import Cib
    from crm.model.history import HistoryEntry, ResourceHistory
    from crm.model.resources import ResourceDefinition
    from crm.policy_engine.actions.action import PlannedAction
    from crm.policy_engine.actions.notifications import Notification
    from crm.policy_engine.constraints.colocations import ResolvedColocation
    from crm.policy_engine.constraints.locations import ResolvedLocation
    from crm.policy_engine.constraints.tickets import ResolvedTicketConstraint
    from crm.policy_engine.picture.digests import Digests
    from crm.policy_engine.picture.options import ClusterOptions


class Role(IntEnum):
    """What a resource does on a node; ordered, so that `role > Role.STOPPED` reads "is active"."""

    UNKNOWN = 0
    STOPPED = 1
    STARTED = 2
    UNPROMOTED = 3
    PROMOTED = 4


class ResourceKind(Enum):
    """The four kinds of resource."""

    PRIMITIVE = "primitive"
    GROUP = "group"
    CLONE = "clone"
    BUNDLE = "bundle"


class NodeKind(Enum):
    """Full cluster member, or a node reached through Pacemaker Remote."""

    MEMBER = "member"
    REMOTE = "remote"
    GUEST = "guest"


class Probing(StrEnum):
    """Where a resource's state may be asked for (`resource-discovery` of a location constraint)."""

    ALWAYS = "always"
    NEVER = "never"
    EXCLUSIVE = "exclusive"


class MultipleActive(StrEnum):
    """What to do with a resource found active in two places (`multiple-active`)."""

    STOP_START = "stop_start"
    STOP_ONLY = "stop_only"
    BLOCK = "block"
    STOP_UNEXPECTED = "stop_unexpected"


class OnFail(IntEnum):
    """What a failure of an operation asks for, mildest first: of two the greater one wins."""

    IGNORE = 0
    DEMOTE = 1
    RECOVER = 2
    RESET_REMOTE = 3
    RESTART_CONTAINER = 4
    BAN = 5
    BLOCK = 6
    STOP = 7
    STANDBY = 8
    FENCE = 9


class Requires(IntEnum):
    """What must hold before an action may be carried out (`requires`)."""

    NOTHING = 0
    QUORUM = 1
    FENCING = 2
    UNFENCING = 3


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A machine that resources may run on, with all that is known of its state."""

    id: str
    name: str
    kind: NodeKind = NodeKind.MEMBER
    attributes: dict[str, str] = field(default_factory=dict)
    """Effective node attributes, transient over permanent, with #uname, #id, #kind, #is_dc, #cluster-name and
    #site-name."""
    utilization: dict[str, str] = field(default_factory=dict)
    online: bool = False
    unclean: bool = False
    awaited: bool = False
    """Unclean until the lease that it held is over: no fencing is to prove that it is off."""
    pending: bool = False
    standby: bool = False
    standby_on_fail: bool = False
    maintenance: bool = False
    shutting_down: bool = False
    expected_up: bool = False
    unseen: bool = True
    """No node_state was ever recorded for it."""
    is_dc: bool = False
    probing_enabled: bool = True
    unpacked: bool = False
    remote: Resource | None = None
    """The connection resource of a remote or guest node."""
    remote_needs_reset: bool = False
    remote_was_fenced: bool = False
    remote_in_maintenance: bool = False
    base_score: Score = 0
    """Configured score, -INFINITY once it is found offline or leaving: what a new candidate starts with."""
    probing: Probing = Probing.ALWAYS
    """Likewise whether a new candidate may be probed (a bundle's guest node may not)."""
    priority: int = 0
    """Sum of the priorities of what runs here, promoted instances one more (`priority-fencing-delay`)."""
    running: list[Resource] = field(default_factory=list)
    """Resources active here at the start, in the order they were found."""
    active: int = 0
    """Number of resources assigned here, which counts when equal candidates are compared (place)."""
    assigned: list[Resource] = field(default_factory=list)
    """Resources that shall run here (place)."""

    @property
    def is_remote_kind(self) -> bool:
        """Reached through Pacemaker Remote, as a remote or guest node."""
        return self.kind is not NodeKind.MEMBER

    @property
    def shutdown_requested(self) -> bool:
        """Whether the node asked to be shut down."""
        return self.attributes.get("shutdown") not in (None, "0")

    @property
    def is_bundle_node(self) -> bool:
        """The guest node inside a bundle's container."""
        connection = self.remote
        launcher = connection.launcher if connection is not None else None
        return self.kind is NodeKind.GUEST and launcher is not None and launcher.is_container_of_replica

    def __repr__(self) -> str:
        return f"<node {self.name}>"


class Candidate:
    """A node as one resource sees it: its score there, and whether it may be probed there."""

    __slots__ = ("count", "node", "probing", "score")

    def __init__(self, node: Node, score: Score = 0, probing: Probing = Probing.ALWAYS, count: int = 0) -> None:
        self.node = node
        self.score = score
        self.probing = probing
        self.count = count
        """Instances of a collective resource placed here so far (place)."""

    def copy(self) -> Candidate:
        """An independent candidate for the same node."""
        return Candidate(self.node, self.score, self.probing, self.count)

    def __repr__(self) -> str:
        return f"<{self.node.name} {self.score}>"


@dataclass(slots=True)
class CloneSettings:
    """How many instances a clone (or a bundle's implied clone) has, and how they behave together."""

    clone_max: int = 1
    clone_node_max: int = 1
    promoted_max: int = 0
    promoted_node_max: int = 0
    clone_min: int = 0
    interleave: bool = False
    ordered: bool = False
    next_orphan: int = 0


@dataclass(slots=True)
class Replica:
    """One replica of a bundle: its implied resources, in the order in which they are made."""

    offset: int
    container: Resource
    ip: Resource | None = None
    remote: Resource | None = None
    child: Resource | None = None
    node: Node | None = None
    """The guest node inside the container."""
    ip_address: str = ""


@dataclass(slots=True)
class BundleSettings:
    """What a bundle adds to its resources: replicas, launcher, network."""

    launcher: str
    """docker, podman or rkt."""
    replicas: list[Replica] = field(default_factory=list)
    replicas_per_host: int = 1
    promoted_max: int = 0
    image: str = ""
    child: Resource | None = None
    """The implied clone of the configured primitive, None when the bundle has no resource inside."""


@dataclass(slots=True, eq=False, repr=False)
class Resource:
    """A resource or an instance of one: a tree of groups, clones and bundles with primitives as leaves."""

    # What it is.
    id: str
    """Full id: instances of clones carry their number (`web:0`)."""
    kind: ResourceKind
    definition: ResourceDefinition | None = None
    """Configuration with templates expanded."""
    history_id: str | None = None
    """The name its history is kept under where that is not its id (an anonymous instance's id without its number);
    None until such a history has been found."""
    standard: str = ""
    provider: str | None = None
    type: str = ""
    parent: Resource | None = None
    children: list[Resource] = field(default_factory=list)
    clone: CloneSettings | None = None
    """Set for clones only."""
    bundle: BundleSettings | None = None
    """Set for bundles only."""
    launcher: Resource | None = None
    """The container that this resource runs in (guest's connection, a bundle's connection, meta `container`)."""
    launched: list[Resource] = field(default_factory=list)
    """Resources that run in this container."""

    # Settings, evaluated (rules, defaults and templates applied).
    meta: dict[str, str] = field(default_factory=dict)
    utilization: dict[str, str] = field(default_factory=dict)
    priority: int = 0
    stickiness: Score = 0
    migration_threshold: Score = 1_000_000
    failure_timeout_ms: int = 0
    remote_reconnect_ms: int = 0
    multiple_active: MultipleActive = MultipleActive.STOP_START
    requires: Requires = Requires.NOTHING
    managed: bool = True
    maintenance: bool = False
    unique: bool = False
    notify: bool = False
    promotable: bool = False
    critical: bool = True
    allow_migrate: bool = False
    is_fence_device: bool = False
    is_remote_connection: bool = False
    is_container_of_replica: bool = False
    remote_nesting_allowed: bool = False
    exclusive_probing: bool = False
    ignore_failure: bool = False
    removed: bool = False
    """Running although the configuration does not have it any more (an "orphan")."""
    removed_launched: bool = False
    """A removed resource that ran in a container of a bundle."""

    # What is happening.
    role: Role = Role.STOPPED
    next_role: Role = Role.UNKNOWN
    """Role wanted by the configuration (target-role), later the role that it will have (place)."""
    active_on: list[Node] = field(default_factory=list)
    known_on: dict[str, Node] = field(default_factory=dict)
    """Nodes by id for which its state is known."""
    failed: bool = False
    blocked: bool = False
    start_pending: bool = False
    stop_if_failed: bool = False
    """A failure asked that it stays stopped, or that it is stopped before anything else (`on-fail`)."""
    stop_unexpected: bool = False
    reload_needed: bool = False
    pending_task: str | None = None
    pending_node: Node | None = None
    partial_migration_source: Node | None = None
    partial_migration_target: Node | None = None
    dangling_migration_sources: list[Node] = field(default_factory=list)
    lock_node: Node | None = None
    lock_time: int = 0

    # Where it should be (place).
    allowed: dict[str, Candidate] = field(default_factory=dict)
    """Candidates by node id, in node order."""
    unassigned: bool = True
    is_assigning: bool = False
    assigned: Node | None = None
    assigned_score: Score = 0
    """The score it had there when it was assigned."""
    promotion_score: Score = 0
    locations: list[ResolvedLocation] = field(default_factory=list)
    """Newest first."""
    colocated_with: list[ResolvedColocation] = field(default_factory=list)
    """Colocations in which this is the dependent, the most important primary first."""
    colocated_by: list[ResolvedColocation] = field(default_factory=list)
    """Colocations in which this is the primary, the most important dependent first."""
    tickets: list[ResolvedTicketConstraint] = field(default_factory=list)
    merging: bool = False
    """Its scores are being merged into another's: stops colocation circles (place)."""
    restarting: bool = False
    """Its actions for a restart are being made (actions)."""
    promotion_scored: bool = False
    promotion_sorted: bool = False
    notifications: dict[str, Notification] = field(default_factory=dict)

    # What will be done (actions).
    actions: list[PlannedAction] = field(default_factory=list)
    """In the order in which they were made."""
    actions_by_key: dict[str, list[PlannedAction]] = field(default_factory=dict)
    actions_by_task: dict[str, list[PlannedAction]] = field(default_factory=dict)

    def walk(self) -> Iterator[Resource]:
        """This resource and everything below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def primitives(self) -> Iterator[Resource]:
        """The primitives at the leaves, in order."""
        if self.kind is ResourceKind.PRIMITIVE:
            yield self
        for child in self.children:
            yield from child.primitives()

    @property
    def top(self) -> Resource:
        """The outermost resource that this one is part of, not counting a bundle around a bundle's own parts."""
        resource = self
        while resource.parent is not None and resource.parent.kind is not ResourceKind.BUNDLE:
            resource = resource.parent
        return resource

    @property
    def members_colocated(self) -> bool:
        """Whether a group keeps its members in one place (the default)."""
        return parse_bool(self.meta.get("collocated")) is not False

    @property
    def members_ordered(self) -> bool:
        """Whether a group starts its members one after the other (the default)."""
        return parse_bool(self.meta.get("ordered")) is not False

    @property
    def is_group(self) -> bool:
        return self.kind is ResourceKind.GROUP

    @property
    def is_primitive(self) -> bool:
        return self.kind is ResourceKind.PRIMITIVE

    @property
    def is_clone(self) -> bool:
        """A clone, or the implied clone of a bundle."""
        return self.kind is ResourceKind.CLONE

    def __repr__(self) -> str:
        return f"<{self.kind.value} {self.id}>"


@dataclass(slots=True)
class TicketState:
    """A ticket as the status section knows it."""

    id: str
    granted: bool = False
    standby: bool = False
    last_granted: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class FailedOperation:
    """A recorded operation that went wrong, and whose it is."""

    entry: HistoryEntry
    resource: Resource
    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Preference:
    """A score that a finding gives a resource on a node (on every node when None)."""

    resource: Resource
    node: Node | None
    score: Score
    origin: str


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """An action that the status asks for before anything is planned.

    task             stop, demote, monitor (or what else recurs), stonith, clear_failcount, lrm_delete
    required         False for recurring operations that are known to run and for what a later finding took back
    after_fencing    the node that must be fenced first
    """

    task: str
    node: Node
    resource: Resource | None = None
    interval_ms: int = 0
    required: bool = True
    reason: str | None = None
    priority_delay: bool = False
    after_fencing: Node | None = None


@dataclass(slots=True)
class Cluster:
    """Everything the later phases need; one per planning pass."""

    cib: Cib
    now: int
    options: dict[str, str]
    """Cluster options under their newest names, only those that are set; `settings` has them typed."""
    settings: ClusterOptions
    nodes: list[Node] = field(default_factory=list)
    nodes_by_id: dict[str, Node] = field(default_factory=dict)
    nodes_by_name: dict[str, Node] = field(default_factory=dict)
    resources: list[Resource] = field(default_factory=list)
    """Top-level resources in CIB order, removed ones after them, in the order that they were found."""
    by_id: dict[str, list[Resource]] = field(default_factory=dict)
    """Every resource in the tree under its id and, for clones' descendants, also under the id without number."""
    tickets: dict[str, TicketState] = field(default_factory=dict)
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    templates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Template id -> ids of the resources made from it."""
    dc: Node | None = None
    quorate: bool = False
    recheck_at: int | None = None
    """Epoch seconds of the next moment at which a rule or an expiry changes the answer."""
    recheck_by: int | None = None
    """The same, of those that Pacemaker looks for: it does not see every expiry coming. The graph's `recheck-by`."""
    demands: list[Demand] = field(default_factory=list)
    """Actions that the status itself asks for, in the order in which it was read."""
    stop_demands: dict[tuple[Resource, Node], list[int]] = field(default_factory=dict)
    """Where in `demands` the stops of a resource on a node are."""
    preferences: list[Preference] = field(default_factory=list)
    """Scores that the status itself gives, already added to `Resource.allowed`; kept for explanations."""
    failed_operations: list[FailedOperation] = field(default_factory=list)
    expired_recurring: set[tuple[str, str, str]] = field(default_factory=set)
    """Recurring operations whose failure timed out: they are to be restarted. Keys are node name, resource id in the
    history, entry id."""
    deferred_checks: list[FailedOperation] = field(default_factory=list)
    """Failures of bundles' connections: whether their parameters changed is known only once the container is placed."""
    histories: dict[str, dict[str, ResourceHistory]] = field(default_factory=dict)
    """Recorded histories by node name and by the resource's id there."""
    parameter_cache: dict[tuple[int, str | None], dict[str, str]] = field(default_factory=dict)
    digests: dict[tuple[str, str, str, int], Digests] = field(default_factory=dict)
    """Present digests of recorded operations by node, resource, task and interval, made when first asked for."""
    failure_table: dict[str, dict[str, list[tuple[str, int, int]]]] = field(default_factory=dict)
    """Recorded failures by node id and resource base name, made when first asked for: see `fail_counts`."""
    reports: list[Report] = field(default_factory=list)
    have_remote_nodes: bool = False
    have_fence_devices: bool = False
    unfencing_enabled: bool = False
    """Some resource provides or requires unfencing."""
    instance_count: int = 0
    """Primitives at the leaves, removed ones only while they are active."""
    blocked_count: int = 0
    disabled_count: int = 0

    def find(self, resource_id: str) -> Resource | None:
        """The first resource with this id; for an anonymous clone's primitive its first instance."""
        found = self.by_id.get(resource_id)
        return found[0] if found else None

    def advance_recheck(self, moment: int, in_graph: bool = True) -> None:
        """Remember that the answer changes at `moment` (epoch seconds) if nothing earlier is known."""
        if moment <= self.now:
            return
        self.recheck_at = moment if self.recheck_at is None else min(moment, self.recheck_at)
        if in_graph:
            self.recheck_by = moment if self.recheck_by is None else min(moment, self.recheck_by)
