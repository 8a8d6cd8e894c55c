"""What the configuration says about fencing: the devices with their parameters and homes, the levels, the limits.

Asked for when a node is to be fenced, not when it is planned; kept in the engine because templates, rules, location
constraints and defaults mean the same for a fence device as for any resource. It does not know which device can fence
which node: that is for `crm.controller.fencing`.

Source: Pacemaker Explained, "Fencing": a device can be used from every node that it is allowed on, whether it is
started there or not, unless it is disabled (target-role Stopped).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from crm.model.cib import Cib, FencingLevel
from crm.model.constraints import Location
from crm.model.values import interval_ms, parse_integer
from crm.policy_engine.constraints import locations
from crm.policy_engine.constraints.lookup import ConstraintNames
from crm.policy_engine.observe import observe
from crm.policy_engine.picture.cluster import Cluster, Node, Resource, Role
from crm.policy_engine.picture.names import base_name
from crm.policy_engine.picture.parameters import parameters_of
from crm.policy_engine.picture.roles import parse_role
from crm.policy_engine.placement.location_scores import spread_location

DEFAULT_MAX_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class FenceDevice:
    """A configured fence device.

    parameters  instance attributes as configured, `pcmk_*` included
    nodes       names of the nodes from which it may be used; those where it is started come first
    active_on   names of the nodes where it is started
    unfences    whether it provides unfencing
    """

    id: str
    type: str
    parameters: Mapping[str, str]
    nodes: tuple[str, ...] = ()
    active_on: tuple[str, ...] = ()
    unfences: bool = False

    @property
    def priority(self) -> int:
        """Devices of higher priority are tried first."""
        return parse_integer(self.parameters.get("priority")) or 0


@dataclass(frozen=True, slots=True)
class FencingSetup:
    """Everything that the configuration says about fencing.

    devices             by priority, then in configured order
    levels              device ids to be used together, by node name, in the order in which they are tried
    timeout_ms          time limit of one action of a device that says nothing else
    max_attempts        failures in a row after which a node is not tried again at once
    watchdog_timeout_ms after which a lost node with a watchdog has fenced itself; 0 when that is not relied on
    enabled             whether lost nodes are fenced
    """

    devices: tuple[FenceDevice, ...]
    levels: Mapping[str, tuple[tuple[str, ...], ...]]
    action: str = "reboot"
    timeout_ms: int = 60_000
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    watchdog_timeout_ms: int = 0
    enabled: bool = True

    def device(self, identity: str) -> FenceDevice | None:
        """The device of that id."""
        return next((device for device in self.devices if device.id == identity), None)


def fencing_setup(cib: Cib, now: int) -> FencingSetup:
    """What `cib` says about fencing at `now` (epoch seconds)."""
    cluster = observe(_without_other_histories(cib), now)
    _apply_locations(cluster)
    options = cluster.settings
    devices = sorted(_devices(cluster), key=lambda device: -device.priority)
    attempts = parse_integer(cluster.options.get("fencing-max-attempts"))
    return FencingSetup(
        devices=tuple(devices),
        levels={node.name: found for node in cluster.nodes if (found := _levels_of(cib.fencing_levels, node))},
        action=options.fencing_action,
        timeout_ms=options.fencing_timeout_ms,
        max_attempts=attempts if attempts is not None and attempts > 0 else DEFAULT_MAX_ATTEMPTS,
        watchdog_timeout_ms=_watchdog_timeout_ms(cluster),
        enabled=options.fencing_enabled,
    )


def _without_other_histories(cib: Cib) -> Cib:
    """Histories are most of a CIB, and only those of fence devices matter here."""
    states = tuple(
        replace(state, resources=tuple(each for each in state.resources if each.standard == "stonith"))
        for state in cib.node_states
    )
    return replace(cib, node_states=states)


def _apply_locations(cluster: Cluster) -> None:
    names = ConstraintNames(cluster)
    for constraint in cluster.cib.constraints:
        if isinstance(constraint, Location):
            for location in locations.resolve(cluster, names, constraint):
                spread_location(location.resource, location)


def _devices(cluster: Cluster) -> Iterator[FenceDevice]:
    """Each device once, whether it is cloned or not."""
    seen: set[str] = set()
    for top in cluster.resources:
        for resource in top.primitives():
            identity = base_name(resource.id) if resource.parent is not None else resource.id
            if resource.is_fence_device and identity not in seen and not _is_disabled(resource):
                seen.add(identity)
                yield _device(cluster, resource, identity)


def _is_disabled(resource: Resource) -> bool:
    level: Resource | None = resource
    while level is not None:
        if parse_role(level.meta.get("target-role", "")) is Role.STOPPED:
            return True
        level = level.parent
    return resource.removed


def _device(cluster: Cluster, resource: Resource, identity: str) -> FenceDevice:
    active = tuple(node.name for node in resource.active_on)
    holder = resource.top if resource.top.is_clone else resource
    usable = [each.node.name for each in holder.allowed.values() if each.score >= 0 and not each.node.is_remote_kind]
    return FenceDevice(
        id=identity,
        type=resource.type,
        parameters=dict(parameters_of(cluster, resource, None)),
        nodes=tuple(sorted(usable, key=lambda name: name not in active)),
        active_on=active,
        unfences=(resource.meta.get("provides") or "").lower() == "unfencing",
    )


def _watchdog_timeout_ms(cluster: Cluster) -> int:
    """The time that watchdogs are relied on for; a negative one stands for a time that others derive, and is not."""
    if not cluster.settings.have_watchdog:
        return 0
    return interval_ms(cluster.options.get("fencing-watchdog-timeout"))


def _levels_of(levels: tuple[FencingLevel, ...], node: Node) -> tuple[tuple[str, ...], ...]:
    """Levels for a node: those that name it, else those whose pattern fits, else those for an attribute of it."""
    for selects in (_by_name, _by_pattern, _by_attribute):
        chosen = sorted((level for level in levels if selects(level, node)), key=lambda level: level.index)
        if chosen:
            return tuple(level.devices for level in chosen if level.devices)
    return ()


def _by_name(level: FencingLevel, node: Node) -> bool:
    return level.target is not None and level.target.lower() == node.name.lower()


def _by_pattern(level: FencingLevel, node: Node) -> bool:
    if level.pattern is None:
        return False
    try:
        return re.search(level.pattern, node.name, re.IGNORECASE) is not None
    except re.error:
        return False


def _by_attribute(level: FencingLevel, node: Node) -> bool:
    return level.attribute is not None and node.attributes.get(level.attribute) == level.value
