"""The state of reading one resource's history on one node: what its entries have come to so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from crm.model.history import ExitCode, HistoryEntry, OperationStatus
from crm.policy_engine.picture.cluster import Cluster, FailedOperation, Node, OnFail, Resource, Role
from crm.policy_engine.picture.tree import in_bundle


@dataclass(slots=True)
class HistoryReading:
    """What is known of the resource on the node after the entries read so far.

    on_fail        the gravest thing that failures ask for and that no later success took back
    last_failure   the last entry that failed
    left_running   whether the node is away and did not manage it
    """

    cluster: Cluster
    node: Node
    resource: Resource
    history_id: str
    containers_to_stop: list[Resource]
    on_fail: OnFail = OnFail.IGNORE
    last_failure: HistoryEntry | None = None
    left_running: bool = False


@dataclass(slots=True)
class EntryResult:
    """One entry and what its result counts as; `rc` and `status` may be put right as it is understood."""

    entry: HistoryEntry
    task: str
    rc: int
    status: int
    expected_rc: int = field(init=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.expected_rc = self.entry.target_rc
        self.key = self.entry.key or self.entry.id


def set_active(resource: Resource) -> None:
    """It runs, in the least role that can mean."""
    resource.role = Role.UNPROMOTED if resource.top.promotable else Role.STARTED


def masks_as_stopped(resource: Resource, entry: HistoryEntry) -> bool:
    """A probe whose agent is missing or refuses the parameters shows that the resource does not run there; a bundle's
    containers are not taken at that word."""
    if in_bundle(resource) or not entry.is_probe:
        return False
    return (
        entry.rc in (ExitCode.NOT_INSTALLED, ExitCode.INVALID_PARAMETER)
        or entry.status == OperationStatus.NOT_INSTALLED
    )


def record_failure(reading: HistoryReading, result: EntryResult) -> None:
    """Keep a failed operation for displays, once per operation and node, while the node is online."""
    if not reading.node.online:
        return
    failed = reading.cluster.failed_operations
    known = any(
        each.node is reading.node and (each.entry.key or each.entry.id) == result.key for each in failed
    )
    if not known:
        failed.append(FailedOperation(result.entry, reading.resource, reading.node))
