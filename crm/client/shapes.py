"""The shapes of configured objects as `TypedDict`s, for `crm.client.objects`: to be written as well as read, so what
may be left out is `NotRequired`. A test compares them with the OpenAPI document.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

OnFail: TypeAlias = Literal[
    "ignore", "block", "demote", "stop", "restart", "standby", "fence", "restart-container"
]


class AttributeCondition(TypedDict):
    """A test of a node attribute; `#uname` is the node's name."""

    attribute: str
    operation: Literal["eq", "ne", "lt", "lte", "gt", "gte", "defined", "not_defined"]
    kind: NotRequired[Literal["attribute"]]
    id: NotRequired[str]
    value: NotRequired[str | None]
    type: NotRequired[Literal["string", "integer", "number", "version"] | None]
    value_source: NotRequired[Literal["literal", "param", "meta"] | None]


class DateCondition(TypedDict):
    """A test of the present moment."""

    kind: NotRequired[Literal["date"]]
    id: NotRequired[str]
    operation: NotRequired[Literal["in_range", "gt", "lt", "date_spec"] | None]
    start: NotRequired[str | None]
    end: NotRequired[str | None]
    duration: NotRequired[dict[str, str]]
    spec: NotRequired[dict[str, str]]


class AgentCondition(TypedDict):
    """A test of a resource's agent, for defaults."""

    kind: NotRequired[Literal["agent"]]
    id: NotRequired[str]
    standard: NotRequired[str | None]
    provider: NotRequired[str | None]
    type: NotRequired[str | None]


class OperationCondition(TypedDict):
    """A test of an operation, for defaults."""

    name: str
    kind: NotRequired[Literal["operation"]]
    id: NotRequired[str]
    interval: NotRequired[str | None]


class Rule(TypedDict):
    """Conditions, all of which must hold (or any, with `combine` or)."""

    kind: NotRequired[Literal["rule"]]
    id: NotRequired[str]
    reference: NotRequired[str | None]
    combine: NotRequired[Literal["and", "or"] | None]
    score: NotRequired[str | None]
    score_attribute: NotRequired[str | None]
    role: NotRequired[str | None]
    conditions: NotRequired[list[AttributeCondition | DateCondition | AgentCondition | OperationCondition | Rule]]


class MetaSet(TypedDict):
    """Meta attributes that count when a rule holds."""

    id: NotRequired[str]
    reference: NotRequired[str | None]
    score: NotRequired[str | None]
    values: NotRequired[dict[str, str]]
    rule: NotRequired[Rule | None]


class ParameterSet(TypedDict):
    """Parameters that count when a rule holds."""

    id: NotRequired[str]
    reference: NotRequired[str | None]
    score: NotRequired[str | None]
    values: NotRequired[dict[str, str]]
    rule: NotRequired[Rule | None]


class Operation(TypedDict):
    """What is done to a resource, and how long that may take; with an interval it is repeated."""

    name: str
    interval: NotRequired[str]
    timeout: NotRequired[str | None]
    id: NotRequired[str]
    description: NotRequired[str | None]
    start_delay: NotRequired[str | None]
    interval_origin: NotRequired[str | None]
    on_fail: NotRequired[OnFail | None]
    role: NotRequired[Literal["Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"] | None]
    enabled: NotRequired[bool | None]
    record_pending: NotRequired[bool | None]
    parameters: NotRequired[dict[str, str]]
    meta: NotRequired[dict[str, str]]


class Container(TypedDict):
    """How the containers of a bundle are run."""

    image: str
    replicas: NotRequired[str | None]
    replicas_per_host: NotRequired[str | None]
    promoted_max: NotRequired[str | None]
    run_command: NotRequired[str | None]
    network: NotRequired[str | None]
    options: NotRequired[str | None]


class PortMapping(TypedDict):
    """A port of the host that leads into the container."""

    id: NotRequired[str]
    port: NotRequired[str | None]
    internal_port: NotRequired[str | None]
    range: NotRequired[str | None]


class Network(TypedDict):
    """How a bundle is reached."""

    ip_range_start: NotRequired[str | None]
    control_port: NotRequired[str | None]
    host_interface: NotRequired[str | None]
    host_netmask: NotRequired[str | None]
    add_host: NotRequired[bool | None]
    ports: NotRequired[list[PortMapping]]


class StorageMapping(TypedDict):
    """A folder of the host that is seen in the container."""

    target_dir: str
    id: NotRequired[str]
    source_dir: NotRequired[str | None]
    source_dir_root: NotRequired[str | None]
    options: NotRequired[str | None]


class Primitive(TypedDict):
    """One service: an agent, or a template that says the agent, and its parameters."""

    id: str
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, str]]
    meta: NotRequired[dict[str, str]]
    conditional_parameters: NotRequired[list[ParameterSet]]
    conditional_meta: NotRequired[list[MetaSet]]
    utilization: NotRequired[dict[str, str]]
    operations: NotRequired[list[Operation]]
    kind: NotRequired[Literal["primitive"]]
    agent: NotRequired[str | None]
    template: NotRequired[str | None]


class Template(TypedDict):
    """What several primitives have in common."""

    id: str
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, str]]
    meta: NotRequired[dict[str, str]]
    conditional_parameters: NotRequired[list[ParameterSet]]
    conditional_meta: NotRequired[list[MetaSet]]
    utilization: NotRequired[dict[str, str]]
    operations: NotRequired[list[Operation]]
    kind: NotRequired[Literal["template"]]
    agent: NotRequired[str | None]


class Group(TypedDict):
    """Primitives that run together and start in order."""

    id: str
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, str]]
    meta: NotRequired[dict[str, str]]
    conditional_parameters: NotRequired[list[ParameterSet]]
    conditional_meta: NotRequired[list[MetaSet]]
    kind: NotRequired[Literal["group"]]
    members: NotRequired[list[Primitive | str]]


class Clone(TypedDict):
    """A primitive or a group that runs on several nodes; with the meta attribute promotable=true some are promoted."""

    id: str
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, str]]
    meta: NotRequired[dict[str, str]]
    conditional_parameters: NotRequired[list[ParameterSet]]
    conditional_meta: NotRequired[list[MetaSet]]
    kind: NotRequired[Literal["clone"]]
    members: NotRequired[list[Primitive | Group | str]]


class Bundle(TypedDict):
    """Containers, each with an address of its own if need be, and what runs in them."""

    id: str
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, str]]
    meta: NotRequired[dict[str, str]]
    conditional_parameters: NotRequired[list[ParameterSet]]
    conditional_meta: NotRequired[list[MetaSet]]
    kind: NotRequired[Literal["bundle"]]
    podman: NotRequired[Container | None]
    docker: NotRequired[Container | None]
    network: NotRequired[Network | None]
    storage: NotRequired[list[StorageMapping]]
    members: NotRequired[list[Primitive | str]]


class ResourceSet(TypedDict):
    """Resources that a constraint treats alike."""

    resources: NotRequired[list[str]]
    id: NotRequired[str]
    reference: NotRequired[str | None]
    sequential: NotRequired[bool | None]
    require_all: NotRequired[bool | None]
    ordering: NotRequired[Literal["group", "listed"] | None]
    role: NotRequired[Literal["Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"] | None]
    action: NotRequired[Literal["start", "stop", "promote", "demote"] | None]
    score: NotRequired[str | None]
    kind: NotRequired[Literal["Mandatory", "Optional", "Serialize"] | None]


class Location(TypedDict):
    """Where a resource may, should or must not run: a node with a score, or rules."""

    id: str
    kind: NotRequired[Literal["location"]]
    resource: NotRequired[str | None]
    resource_pattern: NotRequired[str | None]
    node: NotRequired[str | None]
    score: NotRequired[str | None]
    role: NotRequired[Literal["Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"] | None]
    resource_discovery: NotRequired[Literal["always", "never", "exclusive"] | None]
    rules: NotRequired[list[Rule]]
    sets: NotRequired[list[ResourceSet]]
    effect: NotRequired[str]


class Colocation(TypedDict):
    """Where a resource runs depends on where another one runs."""

    id: str
    kind: NotRequired[Literal["colocation"]]
    resource: NotRequired[str | None]
    with_resource: NotRequired[str | None]
    score: NotRequired[str | None]
    role: NotRequired[Literal["Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"] | None]
    with_role: NotRequired[Literal["Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"] | None]
    node_attribute: NotRequired[str | None]
    influence: NotRequired[str | None]
    sets: NotRequired[list[ResourceSet]]
    effect: NotRequired[str]


class Order(TypedDict):
    """Something is done to a resource before something is done to another one."""

    id: str
    kind: NotRequired[Literal["order"]]
    first: NotRequired[str | None]
    then: NotRequired[str | None]
    first_action: NotRequired[Literal["start", "stop", "promote", "demote"] | None]
    then_action: NotRequired[Literal["start", "stop", "promote", "demote"] | None]
    mandatory: NotRequired[Literal["Mandatory", "Optional", "Serialize"] | None]
    score: NotRequired[str | None]
    symmetrical: NotRequired[bool | None]
    require_all: NotRequired[bool | None]
    sets: NotRequired[list[ResourceSet]]
    effect: NotRequired[str]


class TicketNeed(TypedDict):
    """A resource needs a ticket that the cluster holds."""

    id: str
    ticket: str
    kind: NotRequired[Literal["ticket"]]
    resource: NotRequired[str | None]
    role: NotRequired[Literal["Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"] | None]
    loss_policy: NotRequired[Literal["stop", "demote", "fence", "freeze"] | None]
    sets: NotRequired[list[ResourceSet]]
    effect: NotRequired[str]


class Tag(TypedDict):
    """A name for several objects; constraints may use it instead of theirs."""

    id: str
    objects: NotRequired[list[str]]


class Recipient(TypedDict):
    """To whom an alert goes: an address, a file, whatever its agent makes of it."""

    value: str
    id: NotRequired[str]
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, str]]
    meta: NotRequired[dict[str, str]]


class AlertAttribute(TypedDict):
    """The name of an attribute."""

    name: str
    id: NotRequired[str]


class Alert(TypedDict):
    """A program that is told of what happens."""

    id: str
    path: str
    description: NotRequired[str | None]
    kinds: NotRequired[list[Literal["attributes", "fencing", "nodes", "resources"]]]
    attributes: NotRequired[list[AlertAttribute]]
    recipients: NotRequired[list[Recipient]]
    parameters: NotRequired[dict[str, str]]
    meta: NotRequired[dict[str, str]]


class Permission(TypedDict):
    """What may be done with the elements that an XPath, an id (`reference`) or a kind of element selects."""

    mode: Literal["read", "write", "deny"]
    id: NotRequired[str]
    description: NotRequired[str | None]
    xpath: NotRequired[str | None]
    reference: NotRequired[str | None]
    object_type: NotRequired[str | None]
    attribute: NotRequired[str | None]


class AclRole(TypedDict):
    """Permissions that users can have together."""

    id: str
    description: NotRequired[str | None]
    permissions: NotRequired[list[Permission]]


class AclUser(TypedDict):
    """A user of the system with roles; `id` is the user's name unless `name` says it."""

    id: str
    name: NotRequired[str | None]
    roles: NotRequired[list[str]]


class AclGroup(TypedDict):
    """A group of the system with roles; `id` is the group's name unless `name` says it."""

    id: str
    name: NotRequired[str | None]
    roles: NotRequired[list[str]]


class FencingLevel(TypedDict):
    """Devices that are used together to fence a node; the levels of a node are tried in the order of their index."""

    id: str
    index: int
    devices: list[str]
    target: NotRequired[str | None]
    target_pattern: NotRequired[str | None]
    target_attribute: NotRequired[str | None]
    target_value: NotRequired[str | None]


class Defaults(TypedDict):
    """Values that count where nothing else is said; with a rule only where that holds."""

    id: NotRequired[str]
    reference: NotRequired[str | None]
    score: NotRequired[str | None]
    values: NotRequired[dict[str, str]]
    rule: NotRequired[Rule | None]


Resource: TypeAlias = Primitive | Template | Group | Clone | Bundle
Constraint: TypeAlias = Location | Colocation | Order | TicketNeed
