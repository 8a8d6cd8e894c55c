"""Reading the status section: node states with their operation histories, and tickets.

Histories are by far the largest part of a CIB (tens of thousands of entries), so the entry's reader is written for
speed: one pass over an element's attributes, no copies.
"""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from crm.cib.reading.attributes import Reader, text
from crm.model.history import HistoryEntry, NodeState, ResourceHistory, TicketRecord
from crm.model.values import is_true, parse_integer

_NONE: Mapping[str, NodeState] = {}


def read_node_states(
    reader: Reader, status: etree._Element | None, known: Mapping[str, NodeState] = _NONE
) -> tuple[NodeState, ...]:
    """What is recorded of each node that has an id; of some of them it is known already."""
    if status is None:
        return ()
    states = []
    for element in status.iterchildren("node_state"):
        node_id = element.get("id")
        if node_id:
            states.append(known.get(text(node_id)) or _node_state(reader, element))
        else:
            reader.report("node-state-without-id", "", "A node_state without an id is ignored.", "", element)
    return tuple(states)


def read_tickets(status: etree._Element | None) -> tuple[TicketRecord, ...]:
    """The tickets of the status section; one recorded twice keeps its place and takes the later values."""
    if status is None:
        return ()
    return tuple(
        TicketRecord(text(element.get("id")), {text(n): text(v) for n, v in element.items() if n != "id"})
        for element in status.iterfind("tickets/ticket_state")
        if element.get("id")
    )


def _node_state(reader: Reader, element: etree._Element) -> NodeState:
    transient = element.find("transient_attributes")
    return NodeState(
        id=text(element.get("id")),
        name=element.get("uname"),
        in_ccm=element.get("in_ccm"),
        crmd=element.get("crmd"),
        join=element.get("join"),
        expected=element.get("expected"),
        shutdown=element.get("shutdown"),
        is_remote=is_true(element.get("remote_node")),
        fenced=parse_integer(element.get("node_fenced")) or 0,
        in_maintenance=(parse_integer(element.get("node_in_maintenance")) or 0) > 0,
        lease=element.get("lease"),
        resources=tuple(
            _resource_history(child) for child in element.iterfind("lrm/lrm_resources/lrm_resource") if child.get("id")
        ),
        attributes=reader.sets(transient, "instance_attributes"),
        utilization=reader.sets(transient, "utilization"),
    )


def _resource_history(element: etree._Element) -> ResourceHistory:
    return ResourceHistory(
        id=text(element.get("id")),
        standard=text(element.get("class")),
        provider=element.get("provider"),
        type=text(element.get("type")),
        container=element.get("container"),
        shutdown_lock=parse_integer(element.get("shutdown-lock")) or 0,
        entries=tuple([_entry(child) for child in element.iterchildren("lrm_rsc_op")]),
        restart=element.get("restart-requested", ""),
        left_running=is_true(element.get("left-running")),
    )


def _number(value: str | None) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        return parse_integer(value)


def _target_rc(key: str | None) -> int:
    """The third part of `ACTION:TRANSITION:TARGET_RC:DC`, -1 when the key is not of that form."""
    parts = key.split(":", 3) if key else ()
    if len(parts) != 4:
        return -1
    try:
        return int(parts[2])
    except ValueError:
        return -1


def _entry(element: etree._Element) -> HistoryEntry:
    values: dict[str, str] = dict(element.attrib)  # type: ignore[arg-type]
    get = values.get
    key = get("transition-key")
    interval = _number(get("interval"))
    call_id = _number(get("call-id"))
    return HistoryEntry(
        get("id", ""),
        get("operation"),
        get("operation_key"),
        interval if interval is not None else 0,
        call_id if call_id is not None else -1,
        _number(get("rc-code")),
        _number(get("op-status")),
        key,
        get("transition-magic"),
        _target_rc(key),
        _number(get("last-rc-change")),
        _number(get("last-run")),
        get("exec-time"),
        get("queue-time"),
        get("exit-reason"),
        get("op-digest"),
        get("op-force-restart"),
        get("op-restart-digest"),
        get("op-secure-params"),
        get("op-secure-digest"),
        get("migrate_source"),
        get("migrate_target"),
        get("on_node"),
        get("crm_feature_set"),
        get("agent-output"),
    )
