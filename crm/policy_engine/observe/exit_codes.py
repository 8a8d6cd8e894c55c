"""What a recorded exit code counts as: done, or which kind of error. Source: Pacemaker Explained, "How OCF Return Codes
Are Interpreted".
"""

from __future__ import annotations

from crm.model.history import ExitCode, OperationStatus
from crm.policy_engine.observe.reading import EntryResult, HistoryReading, masks_as_stopped, record_failure
from crm.policy_engine.picture.cluster import OnFail, Role
from crm.policy_engine.picture.fenceability import can_fence

_DEGRADED = {ExitCode.DEGRADED: ExitCode.OK, ExitCode.DEGRADED_PROMOTED: ExitCode.RUNNING_PROMOTED}


def interpret(reading: HistoryReading, result: EntryResult, expired: bool) -> None:
    """Put the result's `rc` and `status` right; finding a resource stopped or promoted is taken over at once."""
    healthy = _DEGRADED.get(ExitCode(result.rc)) if result.rc in _DEGRADED else None
    if healthy is not None:
        result.rc = healthy
        if not expired and (not reading.node.shutting_down or reading.node.online):
            record_failure(reading, result)
    if masks_as_stopped(reading.resource, result.entry):
        if result.status != OperationStatus.DONE or result.rc != ExitCode.NOT_RUNNING:
            result.status, result.rc = OperationStatus.DONE, ExitCode.NOT_RUNNING
    if result.status in (OperationStatus.NO_FENCE_DEVICE, OperationStatus.NO_SECRETS):
        result.status = OperationStatus.ERROR_HARD
        return
    if result.status in (OperationStatus.DONE, OperationStatus.ERROR):
        result.status = _status_as_expected(result)
        _interpret_code(reading, result, expired)


def _status_as_expected(result: EntryResult) -> OperationStatus:
    as_expected = result.expected_rc >= 0 and result.rc == result.expected_rc
    return OperationStatus.DONE if as_expected else OperationStatus.ERROR


def _interpret_code(reading: HistoryReading, result: EntryResult, expired: bool) -> None:
    resource, is_probe = reading.resource, result.entry.is_probe
    expected = result.rc == result.expected_rc
    match result.rc:
        case ExitCode.OK:
            if is_probe and result.expected_rc == ExitCode.NOT_RUNNING:
                result.status = OperationStatus.DONE
        case ExitCode.NOT_RUNNING:
            if is_probe or expected or not resource.managed:
                result.status = OperationStatus.DONE
                resource.role = Role.STOPPED
                resource.next_role = Role.UNKNOWN
                reading.on_fail = OnFail.IGNORE
        case ExitCode.RUNNING_PROMOTED:
            if is_probe and not expected:
                result.status = OperationStatus.DONE
            if not expired or expected:
                resource.role = Role.PROMOTED
        case ExitCode.FAILED_PROMOTED:
            result.status = OperationStatus.ERROR
            if not expired:
                resource.role = Role.PROMOTED
        case ExitCode.NOT_CONFIGURED:
            result.status = OperationStatus.ERROR_FATAL
        case ExitCode.UNIMPLEMENTED if result.entry.interval_ms > 0:
            result.status = OperationStatus.NOT_SUPPORTED
        case (
            ExitCode.UNIMPLEMENTED
            | ExitCode.NOT_INSTALLED
            | ExitCode.INVALID_PARAMETER
            | ExitCode.INSUFFICIENT_PRIVILEGE
        ):
            result.status = OperationStatus.ERROR_HARD
            if not expired:
                _block_if_unrecoverable(reading, result)
        case _:
            if result.status == OperationStatus.DONE:
                result.status = OperationStatus.ERROR


def _block_if_unrecoverable(reading: HistoryReading, result: EntryResult) -> None:
    """A stop that can never succeed, on a node that cannot be fenced, leaves nothing to do."""
    if result.task == "stop" and not can_fence(reading.cluster, reading.node):
        reading.resource.managed = False
        reading.resource.blocked = True
