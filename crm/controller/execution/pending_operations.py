"""Operations under way, as the status tells of them: an entry beside those of what was done before, which still count.

A start is told when it turns out to take long (`crm.controller.execution.in_flight`), so that no plan places the
resource elsewhere. A migration is told before it is ordered: from then on nobody can tell by its source alone where the
resource is. Should source and leader be lost before the result is heard, whoever leads next finds this, and has the
target stop what it may have got before anything is started elsewhere. If the source comes back and has no result to
tell, or tells a failure, the target is asked anew (`doubt`). Pacemaker takes the resource to be active at both ends
after a failure; but once that expires or is cleaned up it looks away.

Format: Pacemaker's entry of a pending operation (status -1, exit code 193).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crm.cib import queries
from crm.cib.document import Document
from crm.cib.status_updates import HistoryRemoval, OperationUpdate, ResourceUpdate
from crm.controller.core import Core
from crm.controller.execution.operation_digests import operation_digest
from crm.controller.protocol.keys import operation_key
from crm.controller.protocol.messages import CleanHistory
from crm.controller.replication.replication import Replication
from crm.model.history import ExitCode, OperationStatus
from crm.model.transition import GraphAction
from crm.model.values import is_true

_NO_CALL = "-1"
_TOLD_BEFOREHAND = "migrate_to"


def is_told_beforehand(operation: str) -> bool:
    """Whether the CIB tells of such an operation before it is ordered."""
    return operation == _TOLD_BEFOREHAND


def pending_entry(action: GraphAction, node_id: str, key: str, since: float, feature_set: str) -> OperationUpdate:
    """It is under way on its node since then (epoch seconds), for that transition key."""
    agent, node = action.resource, action.node
    assert agent is not None and node is not None, "what an agent does has both"
    status, rc = int(OperationStatus.PENDING), int(ExitCode.NONE)
    attributes = {
        "operation_key": operation_key(agent.id, action.operation, 0),
        "operation": action.operation,
        "crm-debug-origin": "pending",
        "crm_feature_set": feature_set,
        "transition-key": key,
        "transition-magic": f"{status}:{rc};{key}",
        "on_node": node,
        "call-id": _NO_CALL,
        "rc-code": str(rc),
        "op-status": str(status),
        "interval": "0",
        "last-rc-change": str(int(since)),
        "op-digest": operation_digest(action.attributes, 0),
    }
    if action.operation == _TOLD_BEFOREHAND:
        attributes |= {f"migrate_{end}": action.attributes.get(f"CRM_meta_migrate_{end}", "")
                       for end in ("source", "target")}
    entries = {_entry(agent.id): attributes}
    return OperationUpdate(node_id, node, ResourceUpdate(agent.id, agent.standard, agent.type, agent.provider, entries))


def without_pending_entry(node_id: str, resource: str) -> HistoryRemoval:
    """It is known what became of it."""
    return HistoryRemoval(node_id, resource, (_entry(resource),))


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration that the CIB tells of. `key`: its transition key; `note` says so again."""

    resource: str
    target: str
    key: str
    note: OperationUpdate


def migrations(document: Document, node_id: str, node: str) -> list[Migration]:
    """Those that are under way from a node."""
    return [_migration(node_id, node, each) for each in queries.operations(document.root, node_id, "migrate_to")
            if each.attributes.get("call-id") == "-1"]


def _migration(node_id: str, node: str, recorded: queries.RecordedOperation) -> Migration:
    values = {name: value for name, value in recorded.attributes.items() if name != "id"}
    agent = recorded.agent
    record = ResourceUpdate(recorded.resource, agent.get("class", ""), agent.get("type", ""), agent.get("provider"),
                            {recorded.id: values})
    return Migration(record.id, values.get("migrate_target", ""), values.get("transition-key", ""),
                     OperationUpdate(node_id, node, record))


def may_have_come(document: Document, records: Iterable[ResourceUpdate]) -> frozenset[str]:
    """What a node that was away may have been sent meanwhile, though it tells that it does not run it.

    The source may have been stopped since, so that no record tells of the migration. Empty if nothing migrates here.
    """
    if not any(map(is_true, queries.values_of(document, "allow-migrate"))):
        return frozenset()
    return frozenset(record.id for record in records if _is_stopped(record))


def _is_stopped(record: ResourceUpdate) -> bool:
    last = max(record.entries.values(), key=lambda entry: int(entry.get("call-id", "-1")), default={})
    return last.get("operation") == "stop" or last.get("rc-code") == str(int(ExitCode.NOT_RUNNING))


def invalidate_target(core: Core, replication: Replication, resource: str, target: str) -> None:
    """Nobody can tell whether a migration has got to its end: what is known of the resource there counts no more."""
    assert core.leadership is not None, "only a leader does that"
    replication.note(HistoryRemoval(core.me.config.id_of(target), resource))
    core.send(target, CleanHistory(core.leadership.term, resource))


def _entry(resource: str) -> str:
    return f"{resource}_pending_0"
