"""The shapes of answers as `TypedDict`s: what the OpenAPI document says, for type checkers. A test compares them."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class AuditEntry(TypedDict):
    """A change that was asked for, or somebody who was turned away."""

    id: str
    node: str
    at: str
    user: str
    door: str
    address: str
    method: str
    path: str
    query: str
    status: int
    code: str
    version: str


class Report(TypedDict):
    """A finding about the configuration."""

    severity: str
    code: str
    where: str
    message: str
    hint: str
    line: int | None


class Node(TypedDict):
    """A node of the cluster."""

    name: str
    id: str
    state: str
    online: bool
    standby: bool
    maintenance: bool
    unclean: bool
    is_dc: bool
    attributes: dict[str, str]
    resources: list[str]


class Resource(TypedDict):
    """A resource or an instance of one, with what it is made of."""

    id: str
    kind: str
    agent: str | None
    role: str
    nodes: list[str]
    managed: bool
    failed: bool
    blocked: bool
    children: list[Resource]


class Failure(TypedDict):
    """An operation that failed."""

    resource: str
    operation: str
    node: str
    rc: int
    status: int
    reason: str
    output: str
    at: int | None
    next_step: str


class Cluster(TypedDict):
    """The cluster as the answering node sees it."""

    answered_by: str
    state: str
    dc: str | None
    term: int
    fresh: bool
    problem: str
    quorate: bool
    members: list[str]
    version: str
    transition: dict[str, int] | None
    nodes: list[Node]
    resources: list[Resource]
    failures: list[Failure]
    reports: list[Report]


class Action(TypedDict):
    """One action of a plan."""

    operation: str
    resource: str | None
    node: str | None
    interval_ms: int
    step: int
    because: list[str]
    about_ms: int
    measured: bool


class Difference(TypedDict):
    """One object that differs."""

    what: str
    about: str
    text: list[str]
    xml: str


class Interruption(TypedDict):
    """What becomes of a resource that does not just stay as it is."""

    resource: str
    effect: str
    before: list[str]
    after: list[str]
    interruption_ms: int | None
    measured: bool
    why: list[str]


class PlannedFencing(TypedDict):
    """A node that would be fenced."""

    node: str
    action: str
    reason: str


class Blocked(TypedDict):
    """What would have to be done, but cannot."""

    operation: str
    node: str | None
    because: list[str]


class Plan(TypedDict):
    """What the cluster would do; nothing has been done."""

    dry_run: bool
    version: str
    differences: list[Difference]
    headlines: list[str]
    actions: list[Action]
    interruptions: list[Interruption]
    fenced: list[PlannedFencing]
    blocked: list[Blocked]
    warnings: list[Report]
    reports: list[Report]
    settled: bool


class _TransitionFacts(TypedDict):
    id: str
    number: int
    dc: str
    term: int
    version: str
    begun_at: float
    ended_at: float | None
    outcome: str
    reason: str


class TransitionCount(_TransitionFacts):
    """A transition in short."""

    actions: int


class DoneAction(TypedDict):
    """One action of a transition."""

    id: int
    operation: str
    key: str
    resource: str | None
    node: str | None
    interval_ms: int
    waits_for: list[int]
    begun_at: float | None
    ended_at: float | None
    ok: bool | None


class Transition(_TransitionFacts):
    """A transition with its actions."""

    actions: list[DoneAction]


class Replay(TypedDict):
    """What the policy engine makes of an earlier transition's input now, as of the time when it was planned."""

    id: str
    same: bool
    only_then: list[str]
    only_now: list[str]
    plan: Plan


class Kept(TypedDict):
    """A configuration that is kept."""

    version: str
    at: str
    present: bool
    nodes: list[str]


class Task(TypedDict):
    """Something that takes time."""

    id: str
    kind: str
    about: str
    state: str
    message: str
    code: str
    next_step: NotRequired[str]
    begun_at: float
    ended_at: float | None


class Operation(TypedDict):
    """The last result of an operation on a node."""

    id: str
    resource: str
    node: str
    operation: str
    interval_ms: int
    call: int | None
    rc: int | None
    status: int | None
    reason: str
    output: str
    at: int | None
    took_ms: int | None
    queued_ms: int | None


class WaitingOperation(TypedDict):
    """An operation that a node has been told to do and has not begun."""

    resource: str
    node: str
    operation: str
    interval_ms: int
    since_s: float
    reason: str


class FailCount(TypedDict):
    """How often an operation failed on a node since it was last cleaned up."""

    resource: str
    node: str
    operation: str
    interval_ms: int
    count: str


class Ticket(TypedDict):
    """A ticket that the cluster knows, or that a constraint names."""

    id: str
    granted: bool
    standby: bool
    last_granted: str | None
    constraints: list[str]


class LossAccepted(TypedDict):
    """The newest CIB of the nodes that are here counts from now on."""

    dry_run: bool
    version: str


class Fenced(TypedDict):
    """It is done: the node is off (or on)."""

    dry_run: bool
    node: str
    action: str
    version: str
    term: int


class Fencing(TypedDict):
    """One fencing of the history."""

    id: str
    target: str
    action: str
    origin: str
    state: str
    begun_at: int
    ended_at: int
    device: str
    executor: str
    reason: str
    why: str


class Coverage(TypedDict):
    """How a node can be fenced."""

    node: str
    ways: list[list[str]]
    origins: list[str]
    problem: str
    tested: list[str]


class ListedNode(TypedDict):
    """A node of the cluster's list."""

    name: str
    id: str
    host: str
    port: int
    api: str
    state: str
    here: bool
    list_version: int | None


class NodeList(TypedDict):
    """The list of the cluster's nodes after a change."""

    dry_run: bool
    version: str
    term: int
    list_version: int
    nodes: list[str]


class RotatedKey(TypedDict):
    """Whether the key was changed."""

    dry_run: bool
    nodes: list[str]


class Property(TypedDict):
    """A cluster option: what it is for, what it may be, what it is."""

    name: str
    value: str
    is_set: bool
    default: str | None
    kind: str
    choices: list[str]
    description: str
    older_names: list[str]
    kept_by_cluster: bool
    problem: str


class Attributes(TypedDict):
    """All attributes of a node; of a name that is in both, the transient one counts."""

    permanent: dict[str, str]
    transient: dict[str, str]


class Agent(TypedDict):
    """An agent by name."""

    name: str
    standard: str
    provider: str | None
    type: str
    nodes: list[str]


class Parameter(TypedDict):
    """A parameter of an agent."""

    name: str
    type: str
    default: str | None
    required: bool
    reloadable: bool
    private: bool
    deprecated: bool
    unique_group: str
    choices: list[str]
    description: str
    details: str


class AgentAction(TypedDict):
    """An action that an agent knows, with the times that it advises."""

    name: str
    timeout: str | None
    interval: str | None
    role: str | None
    depth: str | None


class Metadata(TypedDict):
    """What an agent says about itself."""

    name: str
    version: str
    description: str
    details: str
    parameters: list[Parameter]
    actions: list[AgentAction]


class Written(TypedDict):
    """What a write came to: committed (version, term), nothing to change (`unchanged`), taken by the DC but not on disk
    (`accepted`), or (dry run) what else a Plan has.
    """

    dry_run: bool
    version: str
    reports: NotRequired[list[Report]]
    term: NotRequired[int]
    unchanged: NotRequired[bool]
    accepted: NotRequired[bool]
    differences: NotRequired[list[Difference]]
    headlines: NotRequired[list[str]]
    actions: NotRequired[list[Action]]
    interruptions: NotRequired[list[Interruption]]
    fenced: NotRequired[list[PlannedFencing]]
    blocked: NotRequired[list[Blocked]]
    warnings: NotRequired[list[Report]]
    settled: NotRequired[bool]


class Cleaned(TypedDict):
    """How many histories were forgotten."""

    dry_run: bool
    forgotten: int
    version: str
    term: int


class Health(TypedDict):
    """Yes or no, and why."""

    healthy: bool
    detail: str
    node: str


class Version(TypedDict):
    """How far a node's CIB has come."""

    version: str
    term: int
    index: str


class Token(TypedDict):
    """A new token."""

    token: str
    id: str
    user: str
    scope: str
    expires: str
