"""Failures that count no more: because `failure-timeout` has passed, or because the resource's parameters have changed.

Source: Pacemaker Explained, "Failure Handling".
"""

from __future__ import annotations

from crm.model.history import ExitCode, OperationStatus
from crm.policy_engine.observe.reading import EntryResult, HistoryReading, masks_as_stopped
from crm.policy_engine.picture.cluster import Demand, NodeKind, Role
from crm.policy_engine.picture.cluster import FailedOperation as Check
from crm.policy_engine.picture.digests import Match, compare, needs_remote_address
from crm.policy_engine.picture.fail_counts import failures_on, seconds

_PROBE_RESULTS = frozenset(
    {
        ExitCode.OK,
        ExitCode.NOT_RUNNING,
        ExitCode.RUNNING_PROMOTED,
        ExitCode.DEGRADED,
        ExitCode.DEGRADED_PROMOTED,
    }
)


def has_expired(reading: HistoryReading, result: EntryResult) -> bool:
    """Whether the entry is too old to count. Asks for the fail count to be cleared where that is due."""
    if result.status == OperationStatus.NOT_INSTALLED:
        return False
    is_last_failure = result.entry.id.endswith("_last_failure_0")
    expired, reason = _by_age(reading, result, is_last_failure)
    if not expired and is_last_failure and _parameters_changed(reading, result):
        reason = "resource parameters have changed"
    if reason is not None:
        _demand_clearing(reading, reason)
    if expired and result.entry.is_probe and result.rc in _PROBE_RESULTS:
        return False  # What a probe found of the resource's state stays true.
    return expired


def _by_age(reading: HistoryReading, result: EntryResult, is_last_failure: bool) -> tuple[bool, str | None]:
    cluster, resource = reading.cluster, reading.resource
    timeout = seconds(resource.failure_timeout_ms)
    changed = result.entry.last_rc_change
    if timeout <= 0 or changed is None:
        return False, None
    expired = cluster.now >= changed + timeout and not _waits_for_fencing(reading, result)
    unexpired = failures_on(cluster, reading.node, resource, effective=True, entry=result.entry)
    counted = failures_on(cluster, reading.node, resource, effective=False, entry=result.entry)
    if unexpired.count:
        cluster.advance_recheck(unexpired.last + timeout + 1)
    elif is_last_failure or counted.count:
        # Then the entry counts no more, or the count that has expired can be cleared (see below).
        cluster.advance_recheck(changed + timeout, in_graph=False)
    if not expired:
        return False, None
    if counted.count:
        return (True, "it expired") if unexpired.count == 0 else (False, None)
    if is_last_failure and resource.remote_reconnect_ms > 0:
        return True, "reconnect interval is set"
    return True, None


def _waits_for_fencing(reading: HistoryReading, result: EntryResult) -> bool:
    """A remote node whose monitor failed is tried again only after it has been fenced."""
    resource = reading.resource
    if resource.remote_reconnect_ms == 0 or not reading.cluster.settings.fencing_enabled:
        return False
    if result.task != "monitor" or result.entry.interval_ms == 0:
        return False
    node = reading.cluster.nodes_by_name.get(resource.id)
    return node is not None and not node.remote_was_fenced


def _parameters_changed(reading: HistoryReading, result: EntryResult) -> bool:
    """A failure with other parameters says nothing of the present ones."""
    if result.task not in ("start", "monitor"):
        return False
    cluster, resource, node = reading.cluster, reading.resource, reading.node
    if needs_remote_address(cluster, resource):
        cluster.deferred_checks.append(Check(result.entry, resource, node))
        return False
    return compare(cluster, resource, node, result.entry).match in (Match.CHANGED, Match.RESTART)


def _demand_clearing(reading: HistoryReading, reason: str) -> None:
    resource, cluster = reading.resource, reading.cluster
    after = None
    if cluster.settings.fencing_enabled and resource.remote_reconnect_ms > 0:
        node = cluster.nodes_by_name.get(resource.id)
        after = node if node is not None and node.kind is not NodeKind.MEMBER else None
    cluster.demands.append(
        Demand("clear_failcount", reading.node, resource, reason=reason, after_fencing=after)
    )


def settles_expired(reading: HistoryReading, result: EntryResult, recorded_rc: int) -> bool:
    """Deal with an expired entry; whether that is all there is to do with it."""
    if masks_as_stopped(reading.resource, result.entry) and recorded_rc != result.expected_rc:
        if reading.resource.role <= Role.STOPPED:
            reading.resource.role = Role.UNKNOWN
        return True
    if result.rc == result.expected_rc:
        return False
    if result.entry.interval_ms == 0:
        return True
    if reading.node.online and not reading.node.unclean:
        # The operation is to be started anew, or its failure would never be seen again.
        reading.cluster.expired_recurring.add((reading.node.name, reading.history_id, result.entry.id))
        return True
    return False
