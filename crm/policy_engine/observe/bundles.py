"""Bundles: the resources that one implies (container, address, connection, clone of what runs inside), per replica.

Source: Pacemaker Explained, "Bundles". Ids of what is implied: `BUNDLE-docker-0`, `BUNDLE-ip-ADDRESS`, `BUNDLE-0` (the
connection and its guest node), `BUNDLE-clone` (or `-master` when promotable).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from crm.model.report import Report, Severity
from crm.model.resources import Bundle, BundleNetwork, Clone, Primitive, ResourceDefinition
from crm.model.score import MINUS_INFINITY
from crm.policy_engine.observe.counting import sane_count
from crm.policy_engine.observe.nodes import add_node
from crm.policy_engine.observe.remote_nodes import attribute_set, connection_definition, operation
from crm.policy_engine.picture.cluster import (
    BundleSettings,
    Candidate,
    Cluster,
    Node,
    NodeKind,
    Probing,
    Replica,
    Resource,
)
from crm.policy_engine.picture.names import as_id

MakeResource = Callable[[Cluster, ResourceDefinition, Resource], Resource | None]

_REMOTE_PORT = "3121"
_KEY_FILE = "/etc/pacemaker/authkey"
_LOG_FOLDER = "/var/log/pacemaker/bundles"
_REMOTE_DAEMON = "/usr/sbin/pacemaker-remoted"
_SUPPORTED = frozenset({"docker", "podman"})
_IPV4 = re.compile(r"\s*(\d+)\.(\d+)\.(\d+)\.(\d+)")
_GUEST_SCORE = 500


@dataclass(slots=True)
class _Plan:
    """What the implied resources of all replicas have in common."""

    definition: Bundle
    make: MakeResource
    network: BundleNetwork
    replicas: int
    replicas_per_host: int
    promoted_max: int
    mounts: list[tuple[str, str, str | None, bool]] = field(default_factory=list)
    ports: list[tuple[str, str]] = field(default_factory=list)
    host_options: str = ""

    @property
    def prefix(self) -> str:
        return self.definition.id

    @property
    def technology(self) -> str:
        return self.definition.container.technology

    @property
    def has_network(self) -> bool:
        """Something inside can be reached: by an address of its own or by a port."""
        return self.network.ip_range_start is not None or self.network.control_port is not None


def make_guest(node: Node) -> None:
    """Note that a node lives in a container."""
    node.kind = NodeKind.GUEST
    node.attributes["#kind"] = "container"


def fill_bundle(cluster: Cluster, bundle: Resource, definition: Bundle, make: MakeResource) -> bool:
    """Make everything that a bundle implies; False (reported) when it makes no sense.

    `make` makes a resource of a definition within a parent; None if that makes no sense.
    """
    plan = _plan(definition, make)
    plan.replicas = sane_count(cluster, bundle, "replicas", plan.replicas)
    problem = _problem(plan)
    if problem is not None:
        message = f"Bundle {bundle.id} is ignored: {problem}."
        cluster.reports.append(Report(Severity.ERROR, "invalid-bundle", bundle.id, message))
        return False
    if plan.replicas_per_host == 1:
        bundle.unique = False
    inner = None
    if definition.primitive is not None:
        if plan.network.ip_range_start is None:
            plan.replicas_per_host = 1
        inner = plan.make(cluster, _implied_clone(plan, definition.primitive), bundle)
        if inner is None:
            return False
        _add_implied_mounts_and_port(plan)
    replicas = _replicas(plan, inner)
    bundle.bundle = BundleSettings(
        launcher=plan.technology,
        replicas=replicas,
        replicas_per_host=plan.replicas_per_host,
        promoted_max=plan.promoted_max,
        image=definition.container.image,
        child=inner,
    )
    if inner is not None:
        _share_with_inner(bundle, inner)
    if not all(_fill_replica(cluster, bundle, plan, replica) for replica in replicas):
        return False
    if inner is not None:
        bundle.children.append(inner)
    return True


def _problem(plan: _Plan) -> str | None:
    if plan.technology not in _SUPPORTED:
        return f"containers of the kind {plan.technology} are not supported any more"
    if plan.definition.primitive is not None and not plan.has_network:
        return "what runs inside cannot be reached without ip-range-start or control-port"
    return None


def _plan(definition: Bundle, make: MakeResource) -> _Plan:
    container = definition.container
    promoted = max(container.promoted_max or 0, 0)
    replicas = container.replicas
    if replicas is None:
        replicas = promoted or 1
    plan = _Plan(
        definition=definition,
        make=make,
        network=definition.network or BundleNetwork(),
        replicas=max(replicas, 1),
        replicas_per_host=max(container.replicas_per_host or 1, 1),
        promoted_max=promoted,
    )
    for mapping in definition.storage:
        if mapping.source and mapping.target:
            plan.mounts.append((mapping.source, mapping.target, mapping.options, mapping.per_replica))
    for port in plan.network.ports:
        source = port.port if port.port is not None else port.range
        if source:
            target = port.internal_port if port.port is not None and port.internal_port is not None else source
            plan.ports.append((source, target))
    return plan


def _implied_clone(plan: _Plan, primitive: Primitive) -> Clone:
    suffix = "master" if plan.promoted_max > 0 else "clone"
    meta = [
        ("ordered", "true"),
        ("clone-max", str(plan.replicas)),
        ("clone-node-max", str(plan.replicas_per_host)),
        ("globally-unique", "true" if plan.replicas_per_host > 1 else "false"),
    ]
    if plan.promoted_max > 0:
        meta += [("promotable", "true"), ("promoted-max", str(plan.promoted_max))]
    return Clone(
        id=f"{plan.prefix}-{suffix}",
        child=primitive,
        meta=(attribute_set(f"{plan.prefix}-clone-meta", meta),),
    )


def _add_implied_mounts_and_port(plan: _Plan) -> None:
    """What runs inside needs the key, a place for logs, and a way in."""
    has_logs = any(target == "/var/log" for _, target, _, _ in plan.mounts)
    plan.mounts.append((_KEY_FILE, _KEY_FILE, None, False))
    if not has_logs:
        plan.mounts.append((_LOG_FOLDER, "/var/log", None, True))
    port = plan.network.control_port or _REMOTE_PORT
    plan.ports.append((port, port))


def _next_address(last: str) -> str:
    """The address after `last`, leaving out .0 and .255; empty when there is none."""
    found = _IPV4.match(last)
    if not found:
        return ""
    first, second, third, fourth = (int(part) for part in found.groups())
    if third > 253:
        return ""
    return f"{first}.{second}.{third + 1}.1" if fourth > 253 else f"{first}.{second}.{third}.{fourth + 1}"


def _replicas(plan: _Plan, inner: Resource | None) -> list[Replica]:
    replicas = []
    address = plan.network.ip_range_start or ""
    for offset in range(len(inner.children) if inner is not None else plan.replicas):
        # The container is made with its replica; until then the field stands empty.
        replica = Replica(offset, None, ip_address=address)  # type: ignore[arg-type]
        if inner is not None:
            replica.child = inner.children[offset]
            replica.child.exclusive_probing = True
            inner.notify = inner.notify or replica.child.notify
        if address:
            plan.host_options += _host_option(plan, offset, address)
            address = _next_address(address)
        replicas.append(replica)
    return replicas


def _host_option(plan: _Plan, offset: int, address: str) -> str:
    if plan.network.add_host:
        return f" --add-host={plan.prefix}-{offset}:{address}"
    return f" --hosts-entry={address}={plan.prefix}-{offset}"


def _share_with_inner(bundle: Resource, inner: Resource) -> None:
    target = inner.children[-1].meta.get("container-attribute-target")
    if target is not None:
        bundle.meta["container-attribute-target"] = target
        inner.meta["container-attribute-target"] = target


def _fill_replica(cluster: Cluster, bundle: Resource, plan: _Plan, replica: Replica) -> bool:
    container = plan.make(cluster, _container_definition(plan, replica), bundle)
    if container is None:
        return False
    container.is_container_of_replica = True
    replica.container = container
    bundle.children.append(container)
    if replica.ip_address:
        replica.ip = plan.make(cluster, _address_definition(plan, replica), bundle)
        if replica.ip is not None:
            bundle.children.append(replica.ip)
    if replica.child is not None:
        _fill_connection(cluster, bundle, plan, replica, replica.child)
        if replica.ip_address:
            replica.child.meta["external-ip"] = replica.ip_address
        container.utilization, replica.child.utilization = replica.child.utilization, container.utilization
    return True


def _address_definition(plan: _Plan, replica: Replica) -> Primitive:
    identity = as_id(f"{plan.prefix}-ip-{replica.ip_address}")
    parameters = attribute_set(
        f"{plan.prefix}-attributes-{replica.offset}",
        (
            ("ip", replica.ip_address),
            ("nic", plan.network.host_interface),
            ("cidr_netmask", plan.network.host_netmask or "32"),
        ),
    )
    return Primitive(
        id=identity,
        standard="ocf",
        provider="heartbeat",
        type="IPaddr2",
        parameters=(parameters,),
        operations=(operation(identity, "monitor", "60s"),),
    )


def _container_definition(plan: _Plan, replica: Replica) -> Primitive:
    identity = as_id(f"{plan.prefix}-{plan.technology}-{replica.offset}")
    container = plan.definition.container
    command = container.run_command
    if command is None and replica.child is not None:
        command = _REMOTE_DAEMON
    parameters = attribute_set(
        f"{plan.prefix}-attributes-{replica.offset}",
        (
            ("image", container.image),
            ("allow_pull", "true"),
            ("force_kill", "false"),
            ("reuse", "false"),
            ("run_opts", _run_options(plan, replica)),
            ("mount_points", ",".join(_replica_folders(plan, replica))),
            ("run_cmd", command),
            ("monitor_cmd", "/bin/true"),
        ),
    )
    return Primitive(
        id=identity,
        standard="ocf",
        provider="heartbeat",
        type=plan.technology,
        parameters=(parameters,),
        operations=(operation(identity, "monitor", "60s"),),
    )


def _replica_folder(plan: _Plan, replica: Replica, source: str) -> str:
    return f"{source}/{plan.prefix}-{replica.offset}"


def _replica_folders(plan: _Plan, replica: Replica) -> list[str]:
    return [_replica_folder(plan, replica, source) for source, _, _, per_replica in plan.mounts if per_replica]


def _run_options(plan: _Plan, replica: Replica) -> str:
    """The arguments of `docker run` or `podman run`; their text is part of the digest, so every space counts."""
    container = plan.definition.container
    parts = [" --restart=no"] if plan.technology == "docker" else []
    if plan.network.ip_range_start is not None:
        parts.append(f" -h {plan.prefix}-{replica.offset}")
    parts.append(" -e PCMK_stderr=1")
    if container.network is not None:
        parts.append(f" --net={container.network}")
    parts.append(f" -e PCMK_remote_port={plan.network.control_port or _REMOTE_PORT}")
    for source, target, options, per_replica in plan.mounts:
        folder = _replica_folder(plan, replica, source) if per_replica else source
        parts.append(f" -v {folder}:{target}" + (f":{options}" if options is not None else ""))
    for outside, inside in plan.ports:
        if replica.ip_address:
            parts.append(f" -p {replica.ip_address}:{outside}:{inside}")
        elif container.network != "host":
            parts.append(f" -p {outside}:{inside}")
    if container.options is not None:
        parts.append(f" {container.options}")
    return "".join([*parts, f" {plan.host_options}"])


def _fill_connection(
    cluster: Cluster, bundle: Resource, plan: _Plan, replica: Replica, child: Resource
) -> None:
    """The guest node of a replica and the connection to it; what runs inside may run there and nowhere else."""
    name = f"{plan.prefix}-{replica.offset}"
    if cluster.find(name) is not None:
        name = f"pcmk-internal-{child.id}-remote-{replica.offset}"
    node = _guest_node(cluster, name)
    replica.node = node
    child.allowed = {node.id: Candidate(node, _GUEST_SCORE, Probing.EXCLUSIVE)}
    assert child.parent is not None
    child.parent.allowed[node.id] = Candidate(node, MINUS_INFINITY, Probing.EXCLUSIVE)
    definition = connection_definition(
        name=name,
        container=replica.container.id,
        address=replica.ip_address or "#uname",
        port=plan.network.control_port or _REMOTE_PORT,
    )
    remote = plan.make(cluster, definition, bundle)
    assert remote is not None
    for candidate in remote.allowed.values():
        if candidate.node.is_remote_kind:
            candidate.score = MINUS_INFINITY
    node.remote = remote
    make_guest(node)
    remote.launcher = replica.container
    remote.remote_nesting_allowed = True
    replica.remote = remote
    bundle.children.append(remote)


def _guest_node(cluster: Cluster, name: str) -> Node:
    """The node inside a container; nothing else may run on it or be probed there."""
    node = cluster.nodes_by_name.get(name)
    if node is None:
        node = add_node(cluster, name, name, NodeKind.REMOTE, MINUS_INFINITY)
    node.base_score = MINUS_INFINITY
    node.probing = Probing.NEVER
    for top in cluster.resources:
        for resource in top.walk():
            candidate = resource.allowed.get(node.id)
            if candidate is not None:
                candidate.score = MINUS_INFINITY
                candidate.probing = Probing.NEVER
    return node


def replica_on(bundle: Resource, node: Node) -> Resource | None:
    """What runs inside the replica whose guest node this is."""
    assert bundle.bundle is not None
    return next((replica.child for replica in bundle.bundle.replicas if replica.node is node), None)
