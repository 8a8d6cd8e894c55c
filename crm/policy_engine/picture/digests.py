"""Digests of operations' parameters: whether what an operation was run with is still what it would be run with.

Which parameters there are is found here; how they become a digest is `crm.model.digest`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from crm.model.digest import countable, digest
from crm.model.history import HistoryEntry
from crm.policy_engine.picture.cluster import Cluster, Node, Resource
from crm.policy_engine.picture.operations import find_operation, operation_meta
from crm.policy_engine.picture.parameters import operation_parameters, parameters_of
from crm.policy_engine.picture.rules import compare_versions
from crm.policy_engine.picture.tree import in_bundle

_PRIVATE_BY_DEFAULT = frozenset({"passwd", "password", "user"})
_SECURE_IN_ONE_FORM = "3.16.0"


class Match(Enum):
    """How a recorded digest compares with the present parameters."""

    SAME = "same"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Digests:
    """The present parameters of an operation on a node and their digests."""

    parameters: Mapping[str, str]
    all: str
    restart: str | None
    secure: str | None
    restart_parameters: Mapping[str, str]
    secure_parameters: Mapping[str, str]
    match: Match


def effective_parameters(
    cluster: Cluster,
    resource: Resource,
    node: Node,
    task: str,
    interval_ms: int,
    overrides: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """What counts of the parameters that the operation would be given on the node."""
    values: dict[str, str] = {}
    address = remote_address(cluster, resource)
    if address is not None:
        values["addr"] = address
    if overrides:
        interval = overrides.get("CRM_meta_interval", "")
        interval_ms = int(interval) if interval.isdecimal() else interval_ms
        values.update({name: value for name, value in overrides.items() if name not in values})
    for name, value in parameters_of(cluster, resource, node).items():
        values.setdefault(name, value)
    operation = find_operation(resource, task, interval_ms)
    for name, value in operation_parameters(cluster, operation, node).items():
        values.setdefault(name, value)
    values = countable(values)
    if interval_ms != 0:
        meta = operation_meta(cluster, resource, node, task, interval_ms, operation)
        values["CRM_meta_timeout"] = meta["timeout"]
    return values


def needs_remote_address(cluster: Cluster, resource: Resource) -> bool:
    """Whether the connection's address is the name of the node that its container is on (a bundle without addresses).
    """
    return resource.is_remote_connection and parameters_of(cluster, resource, None).get("addr", "").lower() == "#uname"


def remote_address(cluster: Cluster, resource: Resource) -> str | None:
    """That name: of the node which the container is assigned to, else of the one which it runs on."""
    if not needs_remote_address(cluster, resource) or resource.launcher is None or not in_bundle(resource):
        return None
    container = resource.launcher
    node = container.assigned
    if node is None and container.active_on:
        node = container.active_on[0]
    return node.name if node is not None else None


def calculate(
    cluster: Cluster,
    resource: Resource,
    node: Node,
    task: str,
    interval_ms: int,
    entry: HistoryEntry | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Digests:
    """The present digests for an operation; those for restart and without private parameters as `entry` names them."""
    values = effective_parameters(cluster, resource, node, task, interval_ms, overrides)
    restart_values: dict[str, str] = {}
    restart = None
    if entry is not None and entry.restart_digest is not None:
        restart_values = dict(values)
        if entry.restart_parameters is not None:
            names = set(entry.restart_parameters.split())
            restart_values = {name: value for name, value in values.items() if name in names}
        restart = digest(restart_values)
    secure_values = _secure_parameters(cluster, resource, node, values, entry, overrides)
    operation = find_operation(resource, task, interval_ms)
    has_own = interval_ms == 0 and bool(operation_parameters(cluster, operation, node))
    return Digests(
        parameters=values,
        all=digest(values),
        restart=restart,
        secure=digest(secure_values),
        restart_parameters=restart_values,
        secure_parameters=secure_values,
        match=Match.RESTART if has_own else Match.SAME,
    )


def _secure_parameters(
    cluster: Cluster,
    resource: Resource,
    node: Node,
    values: Mapping[str, str],
    entry: HistoryEntry | None,
    overrides: Mapping[str, str] | None,
) -> dict[str, str]:
    """The parameters without private ones and without an operation's timeout.

    Releases before 3.16.0 left out all that belongs to operations, and that to fencing.
    """
    version = (entry.feature_set if entry is not None else None) or cluster.cib.attributes.get("crm_feature_set")
    private = _PRIVATE_BY_DEFAULT if entry is None else frozenset((entry.secure_parameters or "").split())
    if version is None or compare_versions(version, _SECURE_IN_ONE_FORM) >= 0:
        return {name: value for name, value in values.items() if name not in private and name != "CRM_meta_timeout"}
    own = {**parameters_of(cluster, resource, node), **(overrides or {})}
    kept = {name: value for name, value in countable(own).items() if name not in private}
    if resource.is_fence_device:
        kept = {name: value for name, value in kept.items() if not _is_fencing_parameter(name)}
    return kept


def _is_fencing_parameter(name: str) -> bool:
    return name.startswith("pcmk_") or name in ("provides", "stonith-timeout")


def compare(
    cluster: Cluster,
    resource: Resource,
    node: Node,
    entry: HistoryEntry,
    restart_digest: str | None = None,
) -> Digests:
    """The present digests for a recorded operation, and how they compare with those recorded.

    `restart_digest` stands in for the recorded one (an expired failure asks for a restart that way). An operation's
    digests are worked out once for a node, as the first of its entries asks for them: where that had no digest for a
    restart, a later entry's is not looked at.
    """
    task, interval_ms = entry.operation, entry.interval_ms
    assert task is not None
    if restart_digest is not None:
        entry = replace(entry, restart_digest=restart_digest)
    key = (node.name, resource.id, task, interval_ms)
    present = cluster.digests.get(key)
    if present is None:
        present = calculate(cluster, resource, node, task, interval_ms, entry)
    found = cluster.digests[key] = replace(present, match=_verdict(present, entry))
    return found


def _verdict(present: Digests, entry: HistoryEntry) -> Match:
    if present.restart is not None and entry.restart_digest not in (None, present.restart):
        return Match.RESTART
    if entry.digest is None:
        return Match.UNKNOWN
    if entry.digest == present.all:
        return Match.SAME
    if entry.interval_ms == 0 and present.match is Match.RESTART:
        return Match.RESTART
    return Match.CHANGED


@dataclass(frozen=True, slots=True)
class FencingDigests:
    """The present digests of a fence device's definition for one node; `changed` since that was last unfenced."""

    all: str
    public: str
    changed: bool
    only_private_changed: bool = False


def compare_fencing_digest(cluster: Cluster, device: Resource, node: Node) -> FencingDigests:
    """Compare a device's definition with what the node's attributes recorded when it was unfenced."""
    present = calculate(cluster, device, node, "stonith-on", 0)
    secure = present.secure or present.all
    recorded = node.attributes.get("#digests-all")
    if recorded is None or _is_recorded(device, present.all, recorded):
        return FencingDigests(present.all, secure, changed=False)
    public = _is_recorded(device, secure, node.attributes.get("#digests-secure", ""))
    return FencingDigests(present.all, secure, changed=not public, only_private_changed=public)


def _is_recorded(device: Resource, present: str, recorded: str) -> bool:
    return f"{device.id}:{device.type}:{present}" in recorded.split(",")
