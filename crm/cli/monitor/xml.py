"""The display as XML, in the structure of Pacemaker's published `crm_mon` schema."""

from __future__ import annotations

import time

from lxml import etree

from crm.cli.monitor.records import FENCING_HEADINGS, entries_of, fencings, histories_of, moment, nodes_with_history
from crm.cli.monitor.situation import Situation
from crm.cli.monitor.text import bans
from crm.cli.monitor.view import FENCING, MonitorSection, MonitorView
from crm.cli.pacemaker.resource_words import active, full_exit_text, printable_id
from crm.cli.pacemaker.result_xml import PacemakerResult
from crm.cli.pacemaker.section_text import when
from crm.cli.pacemaker.status_xml import add_attributes, add_failures, add_nodes, add_resource, add_resources, truth
from crm.controller.fencing.fencing_history import FencingRecord
from crm.model.history import HistoryEntry
from crm.model.score import INFINITY
from crm.policy_engine.picture.cluster import Node
from crm.policy_engine.picture.fail_counts import failures_on


def monitor_xml(situation: Situation, view: MonitorView) -> str:
    """The whole document."""
    result = PacemakerResult("crm_mon", ["--output-as=xml"])
    root = result.root
    _add_summary(root, situation, view)
    _add_nodes_and_resources(root, situation, view)
    if view.has(MonitorSection.ATTRIBUTES):
        add_attributes(root, situation.nodes(view))
    if view.has(MonitorSection.OPERATIONS, MonitorSection.FAIL_COUNTS):
        _add_histories(root, situation, view)
    if view.has(MonitorSection.FAILURES):
        failed = situation.cluster.failed_operations
        add_failures(root, (each for each in failed if situation.concerns(each.resource, view)))
    if view.has(*FENCING) and situation.live is not None:
        _add_fencings(root, situation, view)
    if view.has(MonitorSection.TICKETS) and situation.cluster.tickets:
        _add_tickets(root, situation)
    if view.has(MonitorSection.BANS):
        _add_bans(root, situation, view)
    return result.finish(0)


def _add_summary(root: etree._Element, situation: Situation, view: MonitorView) -> None:
    cluster = situation.cluster
    summary = etree.SubElement(root, "summary")
    if view.has(MonitorSection.STACK):
        etree.SubElement(summary, "stack", type=situation.stack)
    if view.has(MonitorSection.DC):
        etree.SubElement(summary, "current_dc", _leader(situation))
    if view.has(MonitorSection.TIMES):
        written, user, client, origin = situation.last_change
        update = etree.SubElement(summary, "last_update", time=time.ctime(cluster.now))
        if situation.live is not None:
            update.set("origin", situation.live.node)
        etree.SubElement(summary, "last_change", time=written, user=user, client=client, origin=origin)
    if view.has(MonitorSection.COUNTS):
        etree.SubElement(summary, "nodes_configured", number=str(len(cluster.nodes)))
        etree.SubElement(summary, "resources_configured", number=str(cluster.instance_count),
                         disabled=str(cluster.disabled_count), blocked=str(cluster.blocked_count))
    if view.has(MonitorSection.OPTIONS):
        etree.SubElement(summary, "cluster_options", _options(situation))


def _leader(situation: Situation) -> dict[str, str]:
    dc = situation.dc
    if dc is None:
        return {"present": "false"}
    return {"present": "true", "version": situation.version, "name": dc.name, "id": dc.id,
            "with_quorum": truth(situation.quorate), "mixed_version": truth(situation.mixed)}


def _options(situation: Situation) -> dict[str, str]:
    settings = situation.cluster.settings
    fencing, timeout = truth(settings.fencing_enabled), str(settings.fencing_timeout_ms)
    return {
        "fencing-enabled": fencing,
        "stonith-enabled": fencing,
        "symmetric-cluster": truth(settings.symmetric),
        "no-quorum-policy": settings.no_quorum_policy.value,
        "maintenance-mode": truth(settings.maintenance_mode),
        "stop-all-resources": truth(settings.stop_all_resources),
        "fencing-timeout-ms": timeout,
        "stonith-timeout-ms": timeout,
        "priority-fencing-delay-ms": str(settings.priority_fencing_delay_ms),
    }


def _add_nodes_and_resources(root: etree._Element, situation: Situation, view: MonitorView) -> None:
    resources = situation.resources(view)
    if view.has(MonitorSection.NODES):
        for node, element in add_nodes(root, situation.cluster, situation.nodes(view)):
            for resource in node.running if view.by_node else ():
                if situation.concerns(resource, view):
                    add_resource(element, resource)
        if view.by_node:
            resources = [each for each in resources if view.inactive and not active(each, whole=True)]
    if view.has(MonitorSection.RESOURCES):
        shown = resources if view.inactive else [each for each in resources if active(each, whole=False)]
        add_resources(root, shown)


def _add_histories(root: etree._Element, situation: Situation, view: MonitorView) -> None:
    parent = etree.SubElement(root, "node_history")
    for node in nodes_with_history(situation, view):
        element = etree.Element("node", name=node.name)
        for history in histories_of(situation, node, view):
            inside = etree.Element("resource_history", _resource_history(situation, node, history.id))
            if view.has(MonitorSection.OPERATIONS):
                inside.extend(etree.Element("operation_history", _operation(each)) for each in entries_of(history))
            if len(inside) or "fail-count" in inside.attrib:
                element.append(inside)
        if len(element):
            parent.append(element)


def _resource_history(situation: Situation, node: Node, name: str) -> dict[str, str]:
    resource = situation.cluster.find(name)
    if resource is None:
        return {"id": name, "orphan": "true"}
    values = {"id": printable_id(resource), "orphan": "false", "migration-threshold": str(resource.migration_threshold)}
    failures = failures_on(situation.cluster, node, resource, effective=False)
    if failures.count > 0:
        values["fail-count"] = "INFINITY" if failures.count >= INFINITY else str(failures.count)
        if failures.last > 0:
            values["last-failure"] = when(failures.last)
    return values


def _operation(entry: HistoryEntry) -> dict[str, str]:
    values = {"call": str(entry.call_id), "task": "probe" if entry.is_probe else entry.operation or "",
              "rc": str(entry.rc), "rc_text": full_exit_text(entry.rc)}
    if entry.interval_ms:
        values["interval"] = f"{entry.interval_ms}ms"
    if entry.last_rc_change:
        values["last-rc-change"] = when(entry.last_rc_change)
    if entry.exec_time:
        values["exec-time"] = f"{entry.exec_time}ms"
    if entry.queue_time:
        values["queue-time"] = f"{entry.queue_time}ms"
    return values


def _add_fencings(root: etree._Element, situation: Situation, view: MonitorView) -> None:
    history = etree.SubElement(root, "fence_history", status="0")
    for section in FENCING_HEADINGS:
        for record in fencings(situation, view, section) if view.has(section) else ():
            etree.SubElement(history, "fence_event", _fencing(record))


def _fencing(record: FencingRecord) -> dict[str, str]:
    values = {"action": record.action, "target": record.target, "client": record.origin,
              "origin": record.executor or record.origin, "status": record.state}
    if record.executor:
        values["delegate"] = record.executor
    if record.reason:
        values["exit-reason"] = record.reason
    if record.ended_at:
        values["completed"] = moment(record.ended_at)
    return values


def _add_tickets(root: etree._Element, situation: Situation) -> None:
    tickets = etree.SubElement(root, "tickets")
    for ticket in situation.cluster.tickets.values():
        element = etree.SubElement(tickets, "ticket", id=ticket.id, status="granted" if ticket.granted else "revoked",
                                   standby=truth(ticket.standby))
        if ticket.last_granted:
            element.set("last-granted", time.ctime(int(ticket.last_granted)))


def _add_bans(root: etree._Element, situation: Situation, view: MonitorView) -> None:
    found = list(bans(situation, view))
    if found:
        parent = etree.SubElement(root, "bans")
        for ban in found:
            promoted = truth(ban.promoted_only)
            etree.SubElement(parent, "ban", {
                "id": ban.constraint, "resource": ban.resource, "node": ban.node.name, "weight": str(ban.score),
                "promoted-only": promoted, "master_only": promoted})
