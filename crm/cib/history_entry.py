"""How a finished operation is recorded: the attributes of its `lrm_rsc_op` entries, by entry id.

One place for the format, whoever records: controllers after a real operation, the simulator after a pretended one.
Source: `facts.md`, "Operation history".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crm.model.digest import digest_of_action
from crm.model.history import ExitCode, OperationStatus
from crm.model.release import FEATURE_SET

_NOBODY = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
_MIGRATIONS = ("migrate_to", "migrate_from")


@dataclass(frozen=True, slots=True)
class FinishedOperation:
    """What was done, and how it ended.

    resource_id     the name that the agent was given
    attributes      everything the executor was given: parameters, meta attributes as `CRM_meta_NAME`; None: nobody
                    knows, as of operations that were only made up
    transition_key  `ACTION:TRANSITION:TARGET_RC:DC`; one of nobody's is made when it is None
    at              epoch seconds
    """

    resource_id: str
    task: str
    interval_ms: int
    call_id: int
    rc: int
    target_rc: int
    node: str
    at: int
    status: int = OperationStatus.DONE
    exit_reason: str = ""
    attributes: Mapping[str, str] | None = field(default_factory=dict)
    transition_key: str | None = None
    origin: str = "crmd"
    exec_time_ms: int = 0
    queue_time_ms: int = 0


def entries_for(operation: FinishedOperation) -> dict[str, dict[str, str]]:
    """The entries to put in place of those with the same ids. A failed one-off operation also is the last one."""
    task = _recorded_task(operation)
    if task == "notify" and operation.status != OperationStatus.PENDING:
        rc, status = int(ExitCode.OK), int(OperationStatus.DONE)
    else:
        rc, status = operation.rc, operation.status
    failed = _has_failed(operation) and task != "notify" and operation.task not in _MIGRATIONS
    values = _values(operation, task, rc, status, operation.exit_reason if failed else "")
    return {entry_id: {"id": entry_id, **values} for entry_id in _ids(operation, task, failed)}


def _recorded_task(operation: FinishedOperation) -> str:
    """A reload counts as a start when it worked, and as a monitor when it did not."""
    if operation.task in ("reload", "reload-agent"):
        return "start" if operation.status == OperationStatus.DONE else "monitor"
    return operation.task


def _has_failed(operation: FinishedOperation) -> bool:
    if operation.status in (OperationStatus.PENDING, OperationStatus.CANCELLED):
        return False
    return operation.status != OperationStatus.DONE or operation.rc != operation.target_rc


def _ids(operation: FinishedOperation, task: str, failed: bool) -> tuple[str, ...]:
    resource = operation.resource_id
    if task == "notify":
        given = operation.attributes or {}
        kind, about = given.get("CRM_meta_notify_type", ""), given.get("CRM_meta_notify_operation", "")
        return (f"{resource}_{kind}_notify_{about}_0",)
    if failed:
        last = (f"{resource}_last_0",) if operation.interval_ms == 0 else ()
        return (f"{resource}_last_failure_0", *last)
    if operation.task in _MIGRATIONS or operation.interval_ms > 0:
        return (f"{resource}_{task}_{operation.interval_ms}",)
    return (f"{resource}_last_0",)


def _values(operation: FinishedOperation, task: str, rc: int, status: int, exit_reason: str) -> dict[str, str]:
    key = operation.transition_key or f"{operation.call_id}:-1:{operation.target_rc}:{_NOBODY}"
    values = {
        "operation_key": f"{operation.resource_id}_{task}_{operation.interval_ms}",
        "operation": task,
        "crm-debug-origin": operation.origin,
        "crm_feature_set": FEATURE_SET,
        "transition-key": key,
        "transition-magic": f"{status}:{rc};{key}",
        "exit-reason": exit_reason,
        "on_node": operation.node,
        "call-id": str(operation.call_id),
        "rc-code": str(rc),
        "op-status": str(int(status)),
        "interval": str(operation.interval_ms),
        "last-rc-change": str(operation.at),
        "exec-time": str(operation.exec_time_ms),
        "queue-time": str(operation.queue_time_ms),
    }
    if operation.attributes is None:
        return values
    values["op-digest"] = digest_of_action(operation.attributes, operation.interval_ms)
    if operation.task in _MIGRATIONS:
        for end in ("migrate_source", "migrate_target"):
            values[end] = operation.attributes.get(f"CRM_meta_{end}", "")
    return values
