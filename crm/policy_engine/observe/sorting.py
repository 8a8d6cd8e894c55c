"""The order in which recorded operations happened, and which of them still run.

Call ids count the operations of one executor. Across nodes, or where a call id is missing, times and the numbers of
transitions must do. Source: observed order of Pacemaker's histories.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crm.model.history import HistoryEntry, OperationStatus

_MAGIC = re.compile(r"-?\d+:-?\d+;-?\d+:(?P<transition>-?\d+):-?\d+:(?P<uuid>\S+)")
_STARTS = frozenset({"start", "migrate_from"})


def in_order(entries: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    """The entries of one resource on one node, oldest first; equal ones the later in the document first."""
    ordered = list(reversed(entries))
    if len({entry.call_id for entry in ordered}) == len(ordered) and _is_simple(ordered):
        ordered.sort(key=lambda entry: entry.call_id)
    else:
        ordered = _merge_sorted(ordered)
    return ordered


def _merge_sorted(entries: list[HistoryEntry]) -> list[HistoryEntry]:
    """Sorted by halves. How pending entries compare is no complete order, so the way of sorting shows in the result."""
    if len(entries) < 2:
        return entries
    middle = len(entries) // 2
    return _merge(_merge_sorted(entries[:middle]), _merge_sorted(entries[middle:]))


def _merge(left: list[HistoryEntry], right: list[HistoryEntry]) -> list[HistoryEntry]:
    merged, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if compare_age(left[i], right[j]) <= 0:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]


def _is_simple(entries: list[HistoryEntry]) -> bool:
    first = entries[0].on_node if entries else None
    return all(entry.call_id >= 0 and entry.on_node == first for entry in entries)


def compare_age(left: HistoryEntry, right: HistoryEntry) -> int:
    """Negative when `left` is older, positive when it is newer, 0 when that cannot be told."""
    same_node = (left.on_node or "").lower() == (right.on_node or "").lower()
    if same_node and left.id == right.id:
        return 0
    first, second = left.call_id, right.call_id
    if first == -1 and second == -1:
        return 0
    if same_node and 0 <= first < second:
        return -1
    if same_node and first > second >= 0:
        return 1
    if first >= 0 and second >= 0:
        return _compare_times(left.last_rc_change, right.last_rc_change)
    return _compare_transitions(left, right)


def _compare_times(left: int | None, right: int | None) -> int:
    first, second = -1 if left is None else left, -1 if right is None else right
    if 0 <= first < second:
        return -1
    return 1 if first > second >= 0 else 0


def _compare_transitions(left: HistoryEntry, right: HistoryEntry) -> int:
    """One of the two is pending: within one transition that one is the later."""
    found = [_MAGIC.match(entry.transition_magic or "") for entry in (left, right)]
    if found[0] is None or found[1] is None:
        return 0
    first, second = int(found[0]["transition"]), int(found[1]["transition"])
    if found[0]["uuid"].lower() != found[1]["uuid"].lower() or first == second:
        return -1 if right.call_id == -1 else 1
    if 0 <= first < second or second == -1:
        return -1
    return 1 if first > second >= 0 or first == -1 else 0


def still_running(entries: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    """Of ordered entries those that come after the last start and stop: what recurs there still does."""
    start, stop = last_start_and_stop(entries)
    if start < stop:
        return list(entries[stop + 1 :])
    return list(entries[max(start, 0) :])


def last_start_and_stop(entries: Sequence[HistoryEntry]) -> tuple[int, int]:
    """Positions of the last start and the last successful stop, -1 for none. Without a start, a change of role implies
    one, else the first monitor after the stop that found the resource running."""
    start = stop = monitored = changed = -1
    for position, entry in enumerate(entries):
        if entry.operation == "stop" and entry.status == OperationStatus.DONE:
            stop = position
        elif entry.operation in _STARTS:
            start = position
        elif monitored <= stop and entry.operation == "monitor":
            if entry.rc in (0, 8):
                monitored = position
        elif entry.operation in ("promote", "demote"):
            changed = position
    if start == -1:
        start = changed if changed != -1 else monitored
    return start, stop
