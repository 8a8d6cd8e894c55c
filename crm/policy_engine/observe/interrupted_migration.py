"""Live migrations that were interrupted: where the resource is after one, both, or neither half of it worked.

A complete migration is a `migrate_to` on the source, a `migrate_from` on the target, then a stop on the source. After
the first alone it is partial; without the stop it is dangling; either node's history may have been cleaned meanwhile,
and newer operations make older halves irrelevant.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm.model.history import ExitCode, HistoryEntry, OperationStatus, ResourceHistory
from crm.policy_engine.observe.reading import EntryResult, HistoryReading
from crm.policy_engine.observe.running import add_running
from crm.policy_engine.observe.sorting import compare_age
from crm.policy_engine.picture.cluster import Cluster, Node, Resource, Role

_STATE_CHANGES = frozenset({"start", "stop", "migrate_to", "migrate_from"})


@dataclass(slots=True)
class _Ends:
    source: str
    target: str


def migrated_to(reading: HistoryReading, result: EntryResult) -> None:
    """The first half worked."""
    ends = _ends(result.entry, source=reading.node)
    if ends is None:
        return
    cluster, resource, entry = reading.cluster, reading.resource, result.entry
    source_changed = _changed_after(cluster, resource, ends.source, entry)
    second = _find(cluster, resource, ends.target, "migrate_from", other=ends.source)
    if second is not None and source_changed:
        return
    target_newer = _newer_state(cluster, resource, ends.target, entry, second)
    if source_changed and target_newer:
        return
    if second is not None and _succeeded(second, ExitCode.OK):
        _dangle(resource, reading.node)
        return
    resource.role = Role.STARTED
    target = cluster.nodes_by_name.get(ends.target)
    is_on_target = not target_newer and target is not None and target.online
    if second is not None and second.status != OperationStatus.PENDING:
        _second_half_failed(reading, target if is_on_target else None)
    elif target is not None and target.online and _unknown_on(cluster, resource, ends.target):
        return  # The target's history was cleaned and is to be probed anew.
    elif is_on_target and target is not None:
        _note_partial(reading, ends, target)
    elif not source_changed:
        _give_up_migration(resource)


def _second_half_failed(reading: HistoryReading, target: Node | None) -> None:
    if target is not None:
        add_running(reading.cluster, reading.resource, target, failed=True)
    else:
        _give_up_migration(reading.resource)


def _note_partial(reading: HistoryReading, ends: _Ends, target: Node) -> None:
    """It can go on from here: active in both places, as far as anyone knows."""
    resource = reading.resource
    add_running(reading.cluster, resource, target, failed=False)
    source = reading.cluster.nodes_by_name.get(ends.source)
    if source is not None and source.online:
        resource.partial_migration_source, resource.partial_migration_target = source, target


def _give_up_migration(resource: Resource) -> None:
    resource.failed = resource.stop_if_failed = True
    resource.allow_migrate = False


def _dangle(resource: Resource, source: Node) -> None:
    """It runs on the target; on the source it is still to be stopped."""
    resource.role = Role.STOPPED
    resource.dangling_migration_sources.insert(0, source)


def failed_to_migrate_to(reading: HistoryReading, result: EntryResult) -> None:
    """The first half failed: it may be on either node, unless something newer says otherwise."""
    ends = _ends(result.entry, source=reading.node)
    if ends is None:
        return
    cluster, resource, entry = reading.cluster, reading.resource, result.entry
    resource.role = Role.STARTED
    second = _find(cluster, resource, ends.target, "migrate_from", other=ends.source, rc=ExitCode.OK)
    known = not _unknown_on(cluster, resource, ends.target)
    if known and not _newer_state(cluster, resource, ends.target, entry, second):
        target = cluster.nodes_by_name.get(ends.target)
        if target is not None and target.online:
            add_running(cluster, resource, target, failed=False)
    elif not _changed_after(cluster, resource, ends.source, entry):
        resource.dangling_migration_sources.insert(0, reading.node)


def failed_to_migrate_from(reading: HistoryReading, result: EntryResult) -> None:
    """The second half failed: it may still be on the source."""
    ends = _ends(result.entry, target=reading.node)
    if ends is None:
        return
    cluster, resource = reading.cluster, reading.resource
    resource.role = Role.STARTED
    first = _find(cluster, resource, ends.source, "migrate_to", other=ends.target, rc=ExitCode.OK)
    known = not _unknown_on(cluster, resource, ends.source)
    if known and not _newer_state(cluster, resource, ends.source, first, result.entry):
        source = cluster.nodes_by_name.get(ends.source)
        if source is not None and source.online:
            add_running(cluster, resource, source, failed=True)


def _ends(entry: HistoryEntry, source: Node | None = None, target: Node | None = None) -> _Ends | None:
    """The two nodes that the entry names, if it names both and the one given is as recorded."""
    if entry.migrate_source is None or entry.migrate_target is None:
        return None
    if source is not None and entry.migrate_source.lower() != source.name.lower():
        return None
    if target is not None and entry.migrate_target.lower() != target.name.lower():
        return None
    return _Ends(entry.migrate_source, entry.migrate_target)


def _history(cluster: Cluster, resource: Resource, node_name: str) -> ResourceHistory | None:
    return cluster.histories.get(node_name, {}).get(resource.id)


def _succeeded(entry: HistoryEntry, rc: int) -> bool:
    return entry.rc == rc and entry.status == OperationStatus.DONE


def _find(
    cluster: Cluster,
    resource: Resource,
    node_name: str,
    task: str,
    other: str | None = None,
    rc: int | None = None,
) -> HistoryEntry | None:
    """The one recorded operation of this kind, None if there are several; with `rc` only if that was its result."""
    history = _history(cluster, resource, node_name)
    found = [
        entry
        for entry in (history.entries if history is not None else ())
        if entry.operation == task
        and (task != "migrate_to" or other is None or entry.migrate_target == other)
        and (task != "migrate_from" or other is None or entry.migrate_source == other)
    ]
    if len(found) != 1 or (rc is not None and not _succeeded(found[0], rc)):
        return None
    return found[0]


def _unknown_on(cluster: Cluster, resource: Resource, node_name: str) -> bool:
    """Whether nothing that was recorded there has a result."""
    history = _history(cluster, resource, node_name)
    return history is None or all(entry.rc in (None, ExitCode.NONE) for entry in history.entries)


def _changed_after(cluster: Cluster, resource: Resource, node_name: str, entry: HistoryEntry) -> bool:
    """Whether something else than a monitor was done there since."""
    history = _history(cluster, resource, node_name)
    return history is not None and any(
        other is not entry and other.operation in _STATE_CHANGES and compare_age(other, entry) > 0
        for other in history.entries
    )


def _found_stopped_after(cluster: Cluster, resource: Resource, node_name: str, entry: HistoryEntry) -> bool:
    monitor = _find(cluster, resource, node_name, "monitor", rc=ExitCode.NOT_RUNNING)
    return monitor is not None and compare_age(monitor, entry) > 0


def _newer_state(
    cluster: Cluster,
    resource: Resource,
    node_name: str,
    first: HistoryEntry | None,
    second: HistoryEntry | None,
) -> bool:
    """Whether the node has newer news of the resource than the migration; compared with the half that ran there."""
    half = second if second is not None else first
    assert half is not None
    if first is not None and second is not None and node_name.lower() == (second.migrate_source or "").lower():
        half = first
    return _changed_after(cluster, resource, node_name, half) or _found_stopped_after(
        cluster, resource, node_name, half
    )
