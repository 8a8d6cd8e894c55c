"""Resources as they are configured. Source: Pacemaker Explained, "Resources" and "Advanced Resource Types"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from crm.cib.objects.codec import Agent, Pairs, PartId, XmlAttribute, XmlChild, XmlChildren, is_conditional
from crm.cib.objects.conditions import MetaSet, ParameterSet, Role
from crm.cib.objects.json_shape import SHAPE

OnFail = Literal["ignore", "block", "demote", "stop", "restart", "standby", "fence", "restart-container"]


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done to a resource, and how long that may take; with an interval it is repeated."""

    __pydantic_config__ = SHAPE
    TAG = "op"
    name: Annotated[str, XmlAttribute("name")]
    """monitor, start, stop, promote, demote, …"""
    interval: Annotated[str, XmlAttribute("interval")] = "0s"
    timeout: Annotated[str | None, XmlAttribute("timeout")] = None
    id: Annotated[str, PartId()] = ""
    description: Annotated[str | None, XmlAttribute("description")] = None
    start_delay: Annotated[str | None, XmlAttribute("start-delay")] = None
    interval_origin: Annotated[str | None, XmlAttribute("interval-origin")] = None
    on_fail: Annotated[OnFail | None, XmlAttribute("on-fail")] = None
    role: Annotated[Role | None, XmlAttribute("role")] = None
    enabled: Annotated[bool | None, XmlAttribute("enabled")] = None
    record_pending: Annotated[bool | None, XmlAttribute("record-pending")] = None
    parameters: Annotated[dict[str, str], Pairs("instance_attributes")] = field(default_factory=dict)
    meta: Annotated[dict[str, str], Pairs("meta_attributes")] = field(default_factory=dict)

    @property
    def telling(self) -> str:
        return f"{self.name}-{self.interval}" + (f"-{self.role}" if self.role else "")


@dataclass(frozen=True, slots=True)
class _Configured:
    """What every resource has."""

    id: Annotated[str, XmlAttribute("id")]
    description: Annotated[str | None, XmlAttribute("description")] = None
    parameters: Annotated[dict[str, str], Pairs("instance_attributes")] = field(default_factory=dict)
    meta: Annotated[dict[str, str], Pairs("meta_attributes")] = field(default_factory=dict)
    """Options of the cluster for it: target-role, resource-stickiness, migration-threshold, …"""
    conditional_parameters: Annotated[tuple[ParameterSet, ...], XmlChildren(only=is_conditional)] = ()
    conditional_meta: Annotated[tuple[MetaSet, ...], XmlChildren(only=is_conditional)] = ()


@dataclass(frozen=True, slots=True)
class _Service(_Configured):
    utilization: Annotated[dict[str, str], Pairs("utilization")] = field(default_factory=dict)
    operations: Annotated[tuple[Operation, ...], XmlChildren("operations")] = ()


@dataclass(frozen=True, slots=True)
class Primitive(_Service):
    """One service: an agent, or a template that says the agent, and its parameters."""

    __pydantic_config__ = SHAPE
    TAG = "primitive"
    kind: Literal["primitive"] = "primitive"
    agent: Annotated[str | None, Agent()] = None
    """Such as ocf:heartbeat:IPaddr2 or systemd:nginx."""
    template: Annotated[str | None, XmlAttribute("template")] = None


@dataclass(frozen=True, slots=True)
class Template(_Service):
    """What several primitives have in common."""

    __pydantic_config__ = SHAPE
    TAG = "template"
    kind: Literal["template"] = "template"
    agent: Annotated[str | None, Agent()] = None


@dataclass(frozen=True, slots=True)
class Group(_Configured):
    """Primitives that run together and start in order."""

    __pydantic_config__ = SHAPE
    TAG = "group"
    kind: Literal["group"] = "group"
    members: Annotated[tuple[Primitive | str, ...], XmlChildren()] = ()
    """Whole primitives, or ids of those that exist."""


@dataclass(frozen=True, slots=True)
class Clone(_Configured):
    """A primitive or a group that runs on several nodes; with the meta attribute promotable=true some are promoted."""

    __pydantic_config__ = SHAPE
    TAG = "clone"
    kind: Literal["clone"] = "clone"
    members: Annotated[tuple[Primitive | Group | str, ...], XmlChildren()] = ()
    """The one that is cloned: whole, or the id of one that exists."""


@dataclass(frozen=True, slots=True)
class Container:
    """How the containers of a bundle are run."""

    __pydantic_config__ = SHAPE
    image: Annotated[str, XmlAttribute("image")]
    replicas: Annotated[str | None, XmlAttribute("replicas")] = None
    replicas_per_host: Annotated[str | None, XmlAttribute("replicas-per-host")] = None
    promoted_max: Annotated[str | None, XmlAttribute("promoted-max")] = None
    run_command: Annotated[str | None, XmlAttribute("run-command")] = None
    network: Annotated[str | None, XmlAttribute("network")] = None
    options: Annotated[str | None, XmlAttribute("options")] = None


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A port of the host that leads into the container."""

    __pydantic_config__ = SHAPE
    TAG = "port-mapping"
    id: Annotated[str, PartId()] = ""
    port: Annotated[str | None, XmlAttribute("port")] = None
    internal_port: Annotated[str | None, XmlAttribute("internal-port")] = None
    range: Annotated[str | None, XmlAttribute("range")] = None

    @property
    def telling(self) -> str:
        return f"port-{self.port or self.range}"


@dataclass(frozen=True, slots=True)
class Network:
    """How a bundle is reached."""

    __pydantic_config__ = SHAPE
    ip_range_start: Annotated[str | None, XmlAttribute("ip-range-start")] = None
    control_port: Annotated[str | None, XmlAttribute("control-port")] = None
    host_interface: Annotated[str | None, XmlAttribute("host-interface")] = None
    host_netmask: Annotated[str | None, XmlAttribute("host-netmask")] = None
    add_host: Annotated[bool | None, XmlAttribute("add-host")] = None
    ports: Annotated[tuple[PortMapping, ...], XmlChildren()] = ()


@dataclass(frozen=True, slots=True)
class StorageMapping:
    """A folder of the host that is seen in the container."""

    __pydantic_config__ = SHAPE
    TAG = "storage-mapping"
    target_dir: Annotated[str, XmlAttribute("target-dir")]
    id: Annotated[str, PartId()] = ""
    source_dir: Annotated[str | None, XmlAttribute("source-dir")] = None
    source_dir_root: Annotated[str | None, XmlAttribute("source-dir-root")] = None
    options: Annotated[str | None, XmlAttribute("options")] = None

    @property
    def telling(self) -> str:
        return f"storage-{self.target_dir.strip('/')}"


@dataclass(frozen=True, slots=True)
class Bundle(_Configured):
    """Containers, each with an address of its own if need be, and what runs in them."""

    __pydantic_config__ = SHAPE
    TAG = "bundle"
    kind: Literal["bundle"] = "bundle"
    podman: Annotated[Container | None, XmlChild("podman")] = None
    docker: Annotated[Container | None, XmlChild("docker")] = None
    network: Annotated[Network | None, XmlChild("network")] = None
    storage: Annotated[tuple[StorageMapping, ...], XmlChildren("storage")] = ()
    members: Annotated[tuple[Primitive | str, ...], XmlChildren()] = ()
    """The one primitive that runs in each container, if there is one."""


Resource: TypeAlias = Primitive | Template | Group | Clone | Bundle
