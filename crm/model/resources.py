"""Resources as they are configured: primitives, groups, clones, bundles, templates and operations.

What a template or a default adds, and how many instances a clone has, is worked out by `crm.policy_engine.observe`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from crm.model.attributes import AttributeSet


@dataclass(frozen=True, slots=True)
class Operation:
    """A configured operation.

    `attributes` are the attributes of its element as written (`timeout`, `on-fail`, `role`, `start-delay`, ...), since
    defaults with rules are laid under them by name; `interval_ms` is already read.
    """

    id: str
    name: str
    interval_ms: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)
    meta: tuple[AttributeSet, ...] = ()
    parameters: tuple[AttributeSet, ...] = ()


@dataclass(frozen=True, slots=True)
class Primitive:
    """One resource of one agent. With `template` set, standard, provider and type may come from there."""

    id: str
    standard: str = ""
    provider: str | None = None
    type: str = ""
    template: str | None = None
    meta: tuple[AttributeSet, ...] = ()
    parameters: tuple[AttributeSet, ...] = ()
    utilization: tuple[AttributeSet, ...] = ()
    operations: tuple[Operation, ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """What primitives that name it have in common."""

    id: str
    standard: str = ""
    provider: str | None = None
    type: str = ""
    meta: tuple[AttributeSet, ...] = ()
    parameters: tuple[AttributeSet, ...] = ()
    utilization: tuple[AttributeSet, ...] = ()
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Primitives that start in order, in one place, and stop in reverse order."""

    id: str
    members: tuple[Primitive, ...] = ()
    meta: tuple[AttributeSet, ...] = ()
    parameters: tuple[AttributeSet, ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Clone:
    """A primitive or group that runs several times; `promotable` here only for the older element that implies it."""

    id: str
    child: Primitive | Group
    meta: tuple[AttributeSet, ...] = ()
    parameters: tuple[AttributeSet, ...] = ()
    promotable: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A port (or range of ports) of the host that leads into the container."""

    id: str
    port: str | None = None
    internal_port: str | None = None
    range: str | None = None


@dataclass(frozen=True, slots=True)
class StorageMapping:
    """A folder of the host seen inside the container; `per_replica` when each replica has its own below it."""

    id: str
    source: str
    target: str
    options: str | None = None
    per_replica: bool = False


@dataclass(frozen=True, slots=True)
class BundleNetwork:
    """Addresses and ports of a bundle."""

    ip_range_start: str | None = None
    control_port: str | None = None
    host_interface: str | None = None
    host_netmask: str | None = None
    add_host: bool = True
    ports: tuple[PortMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """What runs the replicas: the technology and its arguments. Numbers that were not given are None."""

    technology: str
    image: str
    replicas: int | None = None
    replicas_per_host: int | None = None
    promoted_max: int | None = None
    run_command: str | None = None
    network: str | None = None
    options: str | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Containers with an address, a connection and a resource inside."""

    id: str
    container: Container
    network: BundleNetwork | None = None
    storage: tuple[StorageMapping, ...] = ()
    primitive: Primitive | None = None
    meta: tuple[AttributeSet, ...] = ()
    description: str | None = None


ResourceDefinition: TypeAlias = Primitive | Group | Clone | Bundle
