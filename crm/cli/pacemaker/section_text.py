"""Further sections of a status display: node attributes, fail counts, failed operations.

Times are shown in the reader's own time zone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from crm.cli.pacemaker.list_text import block
from crm.cli.pacemaker.resource_words import full_exit_text
from crm.cli.pacemaker.status_text import node_name
from crm.model.history import HistoryEntry, OperationStatus
from crm.model.values import parse_integer
from crm.policy_engine.picture.cluster import Cluster, FailedOperation, Node
from crm.policy_engine.picture.fail_counts import failures_on

_BUILT_IN = ("fail-count-", "last-failure-", "shutdown", "terminate", "standby", "#")
_STATUS_TEXTS = {
    OperationStatus.PENDING: "Pending",
    OperationStatus.DONE: "Done",
    OperationStatus.CANCELLED: "Cancelled",
    OperationStatus.TIMEOUT: "Timed out",
    OperationStatus.NOT_SUPPORTED: "Unsupported",
    OperationStatus.ERROR: "Error",
    OperationStatus.ERROR_HARD: "Hard error",
    OperationStatus.ERROR_FATAL: "Fatal error",
    OperationStatus.NOT_INSTALLED: "Not installed",
    OperationStatus.NOT_CONNECTED: "Internal communication failure",
    OperationStatus.INVALID: "Cannot execute now",
    OperationStatus.NO_FENCE_DEVICE: "No fence device",
    OperationStatus.NO_SECRETS: "CIB secrets unavailable",
}
_MASKED = frozenset({2, 5})


def when(moment: int) -> str:
    """A moment as people read it; the number itself where no calendar reaches."""
    try:
        return time.ctime(moment)
    except (OverflowError, ValueError, OSError):
        return str(moment)


def attribute_section(cluster: Cluster) -> list[str]:
    """Node attributes under their heading, if there are any."""
    lines = attribute_lines(cluster.nodes)
    return block("Node Attributes", lines) if lines else []


def attribute_lines(nodes: Iterable[Node], with_ids: bool = False) -> list[str]:
    """Attributes that people and agents set, of every node that is online."""
    lines: list[str] = []
    for node in nodes:
        names = sorted(name for name in node.attributes if not name.startswith(_BUILT_IN))
        if node.online and names:
            items = [f"* {name:<32}\t: {node.attributes[name]:<10}" for name in names]
            lines += block(f"Node: {node_name(node, with_ids)}", items)
    return lines


def fail_count_section(cluster: Cluster) -> list[str]:
    """Resources that failed, by node."""
    lines: list[str] = []
    for node in cluster.nodes:
        items = [line for _, line in fail_counts(cluster, node)] if node.online else []
        lines += block(f"Node: {node.name}", items) if items else []
    return block("Migration Summary", lines) if lines else []


def fail_counts(cluster: Cluster, node: Node) -> list[tuple[str, str]]:
    """The resources that failed on a node, by their id in the history, with a line for each."""
    items = []
    for history_id in cluster.histories.get(node.name, {}):
        resource = cluster.find(history_id)
        failures = failures_on(cluster, node, resource, effective=False) if resource is not None else None
        if resource is None or failures is None or failures.count <= 0:
            continue
        last = f" last-failure='{when(failures.last)}'" if failures.last > 0 else ""
        threshold = resource.migration_threshold
        line = f"* {history_id}: migration-threshold={threshold} fail-count={failures.count}{last}"
        items.append((history_id, line))
    return items


def failure_lines(failures: Iterable[FailedOperation], detailed: bool = False) -> list[str]:
    """Operations that failed, but for probes that only showed where an agent cannot run."""
    describe = _technical if detailed else _friendly
    lines: list[str] = []
    for failed in failures:
        if not is_masked(failed.entry):
            lines.append(f"* {describe(failed)}")
            lines += [f"    {line}" for line in (failed.entry.output or "").splitlines() if detailed]
    return lines


def is_masked(entry: HistoryEntry) -> bool:
    """Whether a failed probe only showed that its agent cannot run there."""
    return entry.is_probe and (entry.rc in _MASKED or entry.status == OperationStatus.NOT_INSTALLED)


def status_text(entry: HistoryEntry) -> str:
    """How an operation's execution ended, in words."""
    status = entry.status
    known = status is not None and OperationStatus.PENDING <= status <= OperationStatus.NO_SECRETS
    return _STATUS_TEXTS[OperationStatus(status)] if known and status is not None else "Unrecognized status"


def _friendly(failed: FailedOperation) -> str:
    entry = failed.entry
    interval = f"{readable_interval(entry.interval_ms)}-interval " if entry.interval_ms else ""
    task = "probe" if entry.is_probe else entry.operation
    name = (entry.key or entry.id).removesuffix(f"_{entry.operation}_{entry.interval_ms}")
    text = f"{name} {interval}{task} on {failed.node.name}"
    if entry.status == OperationStatus.DONE:
        text += f" returned '{full_exit_text(entry.rc)}'"
        text += f" ({entry.exit_reason})" if entry.exit_reason else ""
    else:
        reason = f": {entry.exit_reason}" if entry.exit_reason else ""
        text += f" could not be executed ({status_text(entry)}{reason})"
    if entry.last_rc_change is not None:
        text += f" at {when(entry.last_rc_change)}"
    duration = parse_integer(entry.exec_time) or 0
    return text + (f" after {readable_interval(duration)}" if duration else "")


def _technical(failed: FailedOperation) -> str:
    entry = failed.entry
    text = (
        f"{entry.key or entry.id} on {failed.node.name} '{full_exit_text(entry.rc)}' ({entry.rc}): "
        f"call={entry.call_id}, status='{status_text(entry)}'"
    )
    if entry.exit_reason:
        text += f", exitreason='{entry.exit_reason}'"
    if entry.last_rc_change is not None:
        text += f", last-rc-change='{when(entry.last_rc_change)}'"
    text += f", queued={entry.queue_time}ms" if entry.queue_time else ""
    return text + (f", exec={entry.exec_time}ms" if entry.exec_time else "")


def readable_interval(milliseconds: int) -> str:
    """A length of time as people write it: `1m30s`, `500ms`."""
    rest, text = milliseconds, ""
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        count, rest = divmod(rest, length)
        text += f"{count}{unit}" if count else ""
    seconds, rest = divmod(rest, 1000)
    if seconds and rest:
        return f"{text}{seconds}.{rest:03}s"
    return text + (f"{seconds}s" if seconds else "") + (f"{rest}ms" if rest else "") or "0s"

