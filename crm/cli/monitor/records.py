"""What happened, as lists: operations, fail counts, fencing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from crm.cli.monitor.situation import Situation
from crm.cli.monitor.view import MonitorSection, MonitorView
from crm.cli.pacemaker.list_text import block
from crm.cli.pacemaker.resource_words import full_exit_text, printable_id
from crm.cli.pacemaker.section_text import fail_counts, when
from crm.cli.pacemaker.status_text import node_name
from crm.controller.fencing.fencing_history import FencingRecord
from crm.model.history import ExitCode, HistoryEntry, ResourceHistory
from crm.policy_engine.picture.cluster import Node
from crm.policy_engine.picture.fail_counts import failures_on


def operation_lines(situation: Situation, view: MonitorView) -> list[str]:
    """Every recorded operation, by node and resource."""
    lines: list[str] = []
    for node in nodes_with_history(situation, view):
        histories = histories_of(situation, node, view)
        inside = [line for history in histories for line in _history(situation, node, history, view)]
        lines += block(f"Node: {_name(node, view)}", inside) if inside else []
    return lines


def nodes_with_history(situation: Situation, view: MonitorView) -> list[Node]:
    """Those that are wanted, in the order in which their history is recorded."""
    wanted = {node.name: node for node in situation.nodes(view)}
    return [wanted[name] for name in situation.cluster.histories if name in wanted]


def _name(node: Node, view: MonitorView) -> str:
    return node_name(node, view.details)


def histories_of(situation: Situation, node: Node, view: MonitorView) -> Iterable[ResourceHistory]:
    """The histories of a node that is online, of resources that are wanted."""
    known = situation.cluster.histories.get(node.name, {}) if node.online else {}
    for name, history in known.items():
        resource = situation.cluster.find(name)
        if not view.resource or (resource is not None and situation.concerns(resource, view)):
            yield history


def entries_of(history: ResourceHistory) -> list[HistoryEntry]:
    """Its operations worth telling, oldest first."""
    return sorted((entry for entry in history.entries if _is_telling(entry)), key=_in_order)


def _in_order(entry: HistoryEntry) -> tuple[bool, int]:
    """What is under way has no number yet."""
    return entry.call_id < 0, entry.call_id


def _is_telling(entry: HistoryEntry) -> bool:
    """Neither a notification nor a probe that found nothing."""
    return entry.operation not in (None, "notify") and not (entry.is_probe and entry.rc == ExitCode.NOT_RUNNING)


def _history(situation: Situation, node: Node, history: ResourceHistory, view: MonitorView) -> list[str]:
    entries = [f"* {_operation(entry, view.timing)}" for entry in entries_of(history)]
    return block(_heading(situation, node, history.id), entries) if entries else []


def _heading(situation: Situation, node: Node, name: str) -> str:
    resource = situation.cluster.find(name)
    if resource is None:
        return f"{name}: orphan"
    text = f"{printable_id(resource)}: migration-threshold={resource.migration_threshold}"
    failures = failures_on(situation.cluster, node, resource, effective=False)
    if failures.count > 0:
        text += f" fail-count={failures.count}"
        text += f" last-failure='{when(failures.last)}'" if failures.last > 0 else ""
    return text


def _operation(entry: HistoryEntry, timing: bool) -> str:
    details = []
    if entry.interval_ms:
        details.append(f'interval="{entry.interval_ms}ms"')
    if timing:
        if entry.last_rc_change:
            details.append(f'last-rc-change="{when(entry.last_rc_change)}"')
        if entry.exec_time:
            details.append(f'exec-time="{entry.exec_time}ms"')
        if entry.queue_time:
            details.append(f'queue-time="{entry.queue_time}ms"')
        details.append(f"rc={entry.rc} ({full_exit_text(entry.rc)})")
    task = "probe" if entry.is_probe else entry.operation
    return f"({entry.call_id}) {task}" + (f": {' '.join(details)}" if details else "")


def fail_count_lines(situation: Situation, view: MonitorView) -> list[str]:
    """Resources that failed, by node."""
    lines: list[str] = []
    for node in situation.nodes(view):
        items = [line for name, line in fail_counts(situation.cluster, node) if _is_wanted(situation, name, view)]
        lines += block(f"Node: {_name(node, view)}", items) if items and node.online else []
    return lines


def _is_wanted(situation: Situation, name: str, view: MonitorView) -> bool:
    resource = situation.cluster.find(name)
    return resource is not None and situation.concerns(resource, view)


FENCING_HEADINGS = {
    MonitorSection.FENCING_FAILED: "Failed Fencing Actions",
    MonitorSection.FENCING_PENDING: "Pending Fencing Actions",
    MonitorSection.FENCING_SUCCEEDED: "Fencing History",
}
_STATES = {"failed": MonitorSection.FENCING_FAILED, "pending": MonitorSection.FENCING_PENDING,
           "success": MonitorSection.FENCING_SUCCEEDED}


def fencings(situation: Situation, view: MonitorView, section: MonitorSection) -> list[FencingRecord]:
    """Those of a section, newest first; of each kind the last only, unless the whole history is wanted."""
    known = situation.live.fencings if situation.live else ()
    names = {node.name for node in situation.nodes(view)}
    found: dict[object, FencingRecord] = {}
    for record in reversed(known):
        if _STATES[record.state] is section and record.target in names:
            kind = record.id if view.whole_history else (record.target, record.action, record.state)
            found.setdefault(kind, record)
    return list(found.values())


def fencing_lines(records: Sequence[FencingRecord], whole: bool) -> list[str]:
    """A line for each."""
    return [f"* {_fencing(record, whole)}" for record in records]


def _fencing(record: FencingRecord, whole: bool) -> str:
    text = f"{record.action} of {record.target}"
    who = f"client={record.origin}, origin={record.executor or record.origin}"
    if record.state == "pending":
        return f"{text} pending: {who}"
    outcome = "successful" if record.state == "success" else "failed"
    reason = f" ({record.reason})" if record.state == "failed" and record.reason else ""
    label = "completed" if whole else "last-successful" if record.state == "success" else "last-failed"
    return (f"{text} {outcome}{reason}: delegate={record.executor}, {who}, "
            f"{label}='{moment(record.ended_at)}'")


def moment(seconds: int) -> str:
    """A moment with the offset of the reader's time zone."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
