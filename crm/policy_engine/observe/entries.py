"""One recorded operation: what it says of the resource's role, and what a failure asks for."""

from __future__ import annotations

from crm.model.history import ExitCode, HistoryEntry, OperationStatus
from crm.model.score import MINUS_INFINITY
from crm.policy_engine.observe import expiry, interrupted_migration
from crm.policy_engine.observe.demands import demand_stop
from crm.policy_engine.observe.exit_codes import interpret
from crm.policy_engine.observe.preferences import ban_everywhere, prefer
from crm.policy_engine.observe.reading import EntryResult, HistoryReading, masks_as_stopped, record_failure, set_active
from crm.policy_engine.picture.cluster import OnFail, Resource, ResourceKind, Role
from crm.policy_engine.picture.failure_policy import on_fail_of, role_after_failure
from crm.policy_engine.picture.operations import find_operation, is_probe, operation_meta

_RELEVANT = frozenset(
    {"monitor", "start", "stop", "promote", "demote", "migrate_to", "migrate_from", "asyncmon"}
)
_STATUSES = range(OperationStatus.PENDING, OperationStatus.NO_SECRETS + 1)
_FORGIVEN_BY_SUCCESS = frozenset(
    {OnFail.BLOCK, OnFail.IGNORE, OnFail.DEMOTE, OnFail.RECOVER, OnFail.RESTART_CONTAINER}
)


def read_entry(reading: HistoryReading, entry: HistoryEntry) -> None:
    """Take over what one entry says; entries come oldest first."""
    result = _result(entry)
    if result is None:
        return
    recorded_rc = result.rc
    expired = expiry.has_expired(reading, result)
    interpret(reading, result, expired)
    if expired and expiry.settles_expired(reading, result, recorded_rc):
        return
    if masks_as_stopped(reading.resource, entry):
        _accept_masked_probe(reading, result)
    elif result.status == OperationStatus.PENDING:
        _accept_pending(reading, result)
    elif result.status == OperationStatus.DONE:
        _accept(reading, result, result.rc)
    else:
        _handle_failure(reading, result)


def _result(entry: HistoryEntry) -> EntryResult | None:
    """The entry's result, None when it is malformed or says nothing of the resource's state."""
    if entry.operation not in _RELEVANT or not entry.id or entry.rc is None or not 0 <= entry.rc <= 255:
        return None
    if entry.status is None or entry.status not in _STATUSES or entry.status == OperationStatus.CANCELLED:
        return None
    return EntryResult(entry, entry.operation, entry.rc, entry.status)


def _whole(resource: Resource) -> Resource:
    """What a ban is for: an anonymous instance stands for its whole clone."""
    return resource if resource.unique else resource.top


def _accept_masked_probe(reading: HistoryReading, result: EntryResult) -> None:
    """The agent cannot run there, so the resource does not, and shall not."""
    _accept(reading, result, result.expected_rc)
    record_failure(reading, result)
    prefer(reading.cluster, _whole(reading.resource), reading.node, MINUS_INFINITY, "masked-probe-failure")


def _accept_pending(reading: HistoryReading, result: EntryResult) -> None:
    """Something is under way; unless a like operation has failed since, it counts as if it were going to succeed."""
    if _failed_since(reading, result):
        return
    resource = reading.resource
    match result.task:
        case "start":
            resource.start_pending = True
            set_active(resource)
        case "promote":
            resource.role = Role.PROMOTED
        case "migrate_to" if reading.node.unclean:
            target = reading.cluster.nodes_by_name.get(result.entry.migrate_target or "")
            if target is not None:
                demand_stop(reading.cluster, resource, target)
    if resource.pending_task is None and not is_probe(result.task, result.entry.interval_ms):
        resource.pending_task = result.task
        resource.pending_node = reading.node


def _failed_since(reading: HistoryReading, result: EntryResult) -> bool:
    failure, entry = reading.last_failure, result.entry
    if failure is None or failure.operation != result.task or failure.interval_ms != entry.interval_ms:
        return False
    if failure.last_rc_change is None or entry.last_rc_change is None:
        return False
    return failure.last_rc_change >= entry.last_rc_change


def _accept(reading: HistoryReading, result: EntryResult, rc: int) -> None:
    """The operation did what it should, with this exit code."""
    resource = reading.resource
    forgive = False
    if rc == ExitCode.NOT_INSTALLED or masks_as_stopped(resource, result.entry):
        resource.role = Role.STOPPED
    elif rc == ExitCode.NOT_RUNNING:
        forgive = True
    else:
        forgive = _accept_task(reading, result)
    if forgive:
        _forgive(reading)


def _accept_task(reading: HistoryReading, result: EntryResult) -> bool:
    """Take over the role that a successful operation implies; whether it makes up for earlier failures."""
    resource = reading.resource
    match result.task:
        case "start" | "migrate_from":
            resource.role = Role.STARTED
        case "stop":
            resource.role = Role.STOPPED
        case "promote":
            resource.role = Role.PROMOTED
        case "demote":
            resource.role = Role.UNPROMOTED
            return reading.on_fail is OnFail.DEMOTE
        case "migrate_to":
            interrupted_migration.migrated_to(reading, result)
            return False
        case task:
            if resource.role < Role.STARTED:
                set_active(resource)
            failure = reading.last_failure
            return task == "monitor" and failure is not None and (failure.key or failure.id) == result.key
    return True


def _forgive(reading: HistoryReading) -> None:
    """Drop what earlier failures asked for, except what only a person or fencing can settle."""
    resets = reading.on_fail is OnFail.RESET_REMOTE and reading.resource.remote_reconnect_ms == 0
    if reading.on_fail in _FORGIVEN_BY_SUCCESS or resets:
        reading.on_fail = OnFail.IGNORE
        reading.resource.next_role = Role.UNKNOWN


def _handle_failure(reading: HistoryReading, result: EntryResult) -> None:
    cluster, resource, node = reading.cluster, reading.resource, reading.node
    on_fail = _configured_on_fail(reading, result)
    if result.status == OperationStatus.NOT_INSTALLED:
        if on_fail is OnFail.IGNORE:
            reading.on_fail = OnFail.BAN  # A missing agent cannot be ignored.
        prefer(cluster, _whole(resource), node, MINUS_INFINITY, "hard-error")
        _fail(reading, result, on_fail)
        return
    if result.status == OperationStatus.NOT_CONNECTED:
        _doubt_connection(reading)
    if on_fail is OnFail.IGNORE or (on_fail is OnFail.RESTART_CONTAINER and result.task == "stop"):
        _pretend_success(reading, result, on_fail)
        return
    _fail(reading, result, on_fail)
    if result.status == OperationStatus.ERROR_HARD:
        prefer(cluster, _whole(resource), node, MINUS_INFINITY, "hard-error")
    elif result.status == OperationStatus.ERROR_FATAL:
        prefer(cluster, _whole(resource), None, MINUS_INFINITY, "fatal-error")


def _configured_on_fail(reading: HistoryReading, result: EntryResult) -> OnFail:
    cluster, resource, interval = reading.cluster, reading.resource, result.entry.interval_ms
    operation = find_operation(resource, result.task, interval)
    meta = operation_meta(cluster, resource, reading.node, result.task, interval, operation)
    return on_fail_of(cluster, resource, result.task, interval, meta.get("on-fail"))


def _doubt_connection(reading: HistoryReading) -> None:
    """An operation could not reach a remote node although its connection seems to be well."""
    connection = reading.node.remote if reading.node.is_remote_kind else None
    if connection is not None and connection.managed:
        connection.failed = connection.stop_if_failed = True


def _pretend_success(reading: HistoryReading, result: EntryResult, on_fail: OnFail) -> None:
    _accept(reading, result, result.expected_rc)
    reading.resource.ignore_failure = True
    record_failure(reading, result)
    if on_fail is OnFail.RESTART_CONTAINER and reading.on_fail <= OnFail.RECOVER:
        reading.on_fail = on_fail


def _fail(reading: HistoryReading, result: EntryResult, on_fail: OnFail) -> None:
    """The failure counts: note it, what it asks for, and the role in which it leaves the resource."""
    cluster, resource = reading.cluster, reading.resource
    reading.last_failure = result.entry
    if cluster.settings.symmetric or result.rc != ExitCode.NOT_INSTALLED:
        record_failure(reading, result)
    reading.on_fail = max(reading.on_fail, on_fail)
    _role_after(reading, result, on_fail)
    if result.entry.is_probe and result.rc == ExitCode.NOT_INSTALLED:
        resource.role = Role.STOPPED
    elif resource.role < Role.STARTED:
        set_active(resource)
    limit = role_after_failure(resource, result.task, on_fail)
    if limit is not Role.STARTED and resource.next_role < limit:
        resource.next_role = limit
    if limit is Role.STOPPED:
        top = resource.top
        anonymous = resource.parent is not None and top.kind is ResourceKind.CLONE and not top.unique
        ban_everywhere(cluster, top if anonymous else resource, "on-fail=stop")


def _role_after(reading: HistoryReading, result: EntryResult, on_fail: OnFail) -> None:
    resource = reading.resource
    match result.task:
        case "stop":
            prefer(reading.cluster, resource, reading.node, MINUS_INFINITY, "__stop_fail__")
        case "migrate_to":
            interrupted_migration.failed_to_migrate_to(reading, result)
        case "migrate_from":
            interrupted_migration.failed_to_migrate_from(reading, result)
        case "promote":
            resource.role = Role.PROMOTED
        case "demote" if on_fail is OnFail.BLOCK:
            resource.role = Role.PROMOTED
            resource.next_role = Role.STOPPED
        case "demote":
            resource.role = Role.STOPPED if result.rc == ExitCode.NOT_RUNNING else Role.UNPROMOTED
