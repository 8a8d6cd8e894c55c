"""All that is recorded of resources on one node: entry by entry to a role, then what follows from role and failures."""

from __future__ import annotations

from crm.model.history import HistoryEntry, NodeState, OperationStatus, ResourceHistory
from crm.model.score import MINUS_INFINITY
from crm.policy_engine.observe.demands import demand, demand_stop, note_recurring, withdraw_stops
from crm.policy_engine.observe.entries import read_entry
from crm.policy_engine.observe.fencing_needs import require_fencing
from crm.policy_engine.observe.identify import find_for_history, make_removed, map_removed_to_containers
from crm.policy_engine.observe.meta_attributes import target_role
from crm.policy_engine.observe.preferences import prefer
from crm.policy_engine.observe.reading import HistoryReading
from crm.policy_engine.observe.running import add_running
from crm.policy_engine.observe.sorting import in_order, still_running
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind, OnFail, Resource, Role
from crm.policy_engine.picture.fail_counts import seconds
from crm.policy_engine.picture.tree import in_bundle


def observe_history(
    cluster: Cluster, node: Node, state: NodeState, containers_to_stop: list[Resource]
) -> None:
    """Take over the histories of all resources on a node."""
    found_removed = False
    for history in state.resources:
        resource = _observe_resource(cluster, node, history, containers_to_stop)
        found_removed = found_removed or (resource is not None and resource.removed_launched)
    if found_removed:
        map_removed_to_containers(cluster, state.resources)


def _observe_resource(
    cluster: Cluster, node: Node, history: ResourceHistory, containers_to_stop: list[Resource]
) -> Resource | None:
    if not history.entries and not cluster.settings.shutdown_lock:
        return None
    resource = find_for_history(cluster, node, history.id)
    if resource is None and history.entries:
        resource = make_removed(cluster, node, history)
    if resource is None:
        return None
    if cluster.settings.shutdown_lock:
        _observe_lock(cluster, node, resource, history.shutdown_lock)
    earlier_role = resource.role
    resource.role = Role.UNKNOWN
    reading = HistoryReading(cluster, node, resource, history.id, containers_to_stop)
    reading.left_running = history.left_running
    entries = in_order(history.entries)
    for entry in entries:
        read_entry(reading, entry)
    if node.online:
        _note_recurring(cluster, node, resource, entries)
    _conclude(reading)
    _limit_role(resource)
    resource.role = max(resource.role, earlier_role)
    return resource


def _observe_lock(cluster: Cluster, node: Node, resource: Resource, locked_at: int) -> None:
    """A resource stays locked to a node that was shut down in order, for as long as that is allowed."""
    if not locked_at:
        return
    limit = cluster.settings.shutdown_lock_limit_ms
    if limit > 0 and cluster.now > locked_at + seconds(limit):
        demand(cluster, "lrm_delete", resource, node)
    else:
        resource.lock_node = node
        resource.lock_time = locked_at


def _note_recurring(cluster: Cluster, node: Node, resource: Resource, entries: list[HistoryEntry]) -> None:
    for entry in still_running(entries):
        if entry.interval_ms > 0 and entry.status != OperationStatus.PENDING and entry.operation is not None:
            note_recurring(cluster, resource, node, entry.operation, entry.interval_ms)


def _limit_role(resource: Resource) -> None:
    wanted = target_role(resource)
    if wanted is not None and (resource.next_role is Role.UNKNOWN or wanted < resource.next_role):
        resource.next_role = wanted


def _conclude(reading: HistoryReading) -> None:
    """What follows once all entries are read."""
    resource, node = reading.resource, reading.node
    active = resource.role > Role.STOPPED
    if resource.role is not Role.UNKNOWN:
        _note_known(resource, node)
    if active and not node.online and not node.maintenance and resource.managed:
        _doubt_node(reading)
    # An unclean node is fenced anyway: nothing else need be done about failures there.
    on_fail = OnFail.IGNORE if node.unclean else reading.on_fail
    _apply_on_fail(reading, on_fail, active)
    if resource.failed and resource.is_remote_connection:
        lost = reading.cluster.nodes_by_name.get(resource.id)
        if lost is not None and lost.unclean:
            lost.unseen = False
    if active and reading.left_running and not node.online and not reading.cluster.settings.fencing_enabled:
        # Nobody can stop it there, so nobody may start it elsewhere.
        resource.managed = False
        resource.blocked = True
    if active:
        add_running(reading.cluster, resource, node, failed=reading.on_fail is not OnFail.IGNORE)
        _mark_failed(resource, on_fail)
    elif resource.history_id is not None and ":" in resource.history_id:
        resource.history_id = None
    else:
        withdraw_stops(reading.cluster, resource, node)
    source = resource.partial_migration_source
    if resource.role is Role.STOPPED and resource.active_on and source is node:
        # The source's stop says nothing of the target, where the migration may have got to.
        resource.role = Role.STARTED


def _note_known(resource: Resource, node: Node) -> None:
    """Its state on the node is known, and so is that of everything that it stands for."""
    level: Resource | None = resource
    while level is not None:
        level.known_on.setdefault(node.id, node)
        level = None if level.unique else level.parent


def _doubt_node(reading: HistoryReading) -> None:
    """It is active on a node that is away: that node must be fenced."""
    cluster, resource, node = reading.cluster, reading.resource, reading.node
    reason = f"{resource.id} is thought to be active there"
    if node.kind is NodeKind.GUEST:
        resource.failed = resource.stop_if_failed = True
    elif not cluster.settings.fencing_enabled:
        return
    elif node.kind is NodeKind.REMOTE and node.remote is not None and not node.remote.failed:
        node.unseen = True
        reason = (
            f"{resource.id} is active there (fencing will be revoked if remote connection can be "
            "re-established elsewhere)"
        )
    require_fencing(cluster, node, reason)


def _mark_failed(resource: Resource, on_fail: OnFail) -> None:
    if on_fail is not OnFail.IGNORE:
        resource.failed = True
        resource.stop_if_failed = resource.stop_if_failed or on_fail not in (OnFail.DEMOTE, OnFail.BLOCK)


def _apply_on_fail(reading: HistoryReading, on_fail: OnFail, active: bool) -> None:
    cluster, resource, node = reading.cluster, reading.resource, reading.node
    match on_fail:
        case OnFail.IGNORE:
            pass
        case OnFail.DEMOTE:
            resource.failed = True
            demand(cluster, "demote", resource, node)
        case OnFail.FENCE:
            require_fencing(cluster, node, f"{resource.id} failed there")
        case OnFail.STANDBY:
            node.standby = node.standby_on_fail = True
        case OnFail.BLOCK:
            resource.managed = False
            resource.blocked = True
        case OnFail.BAN:
            prefer(cluster, resource, node, MINUS_INFINITY, "__action_migration_auto__")
        case OnFail.STOP:
            resource.next_role = Role.STOPPED
        case OnFail.RECOVER:
            if active:
                resource.failed = resource.stop_if_failed = True
                demand_stop(cluster, resource, node)
        case OnFail.RESTART_CONTAINER:
            _restart_container(reading, active)
        case OnFail.RESET_REMOTE:
            _reset_remote(reading, active)


def _restart_container(reading: HistoryReading, active: bool) -> None:
    resource = reading.resource
    resource.failed = resource.stop_if_failed = True
    if resource.launcher is not None and in_bundle(resource):
        # Where the container is may not be known yet.
        reading.containers_to_stop.append(resource.launcher)
    elif resource.launcher is not None:
        demand_stop(reading.cluster, resource.launcher, reading.node)
    elif active:
        demand_stop(reading.cluster, resource, reading.node)


def _reset_remote(reading: HistoryReading, active: bool) -> None:
    """The connection to a remote node is lost: the node must be fenced unless that has been done."""
    cluster, resource = reading.cluster, reading.resource
    resource.failed = resource.stop_if_failed = True
    if cluster.settings.fencing_enabled and resource.is_remote_connection:
        remote = cluster.nodes_by_name.get(resource.id)
        if remote is not None and remote.kind is NodeKind.REMOTE and not remote.remote_was_fenced:
            require_fencing(cluster, remote, "remote connection is unrecoverable")
    if active:
        demand_stop(cluster, resource, reading.node)
    if resource.remote_reconnect_ms > 0:
        resource.next_role = Role.STOPPED
