"""The display as text: one section after another, an empty line between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crm.cli.monitor.nodes import node_lines
from crm.cli.monitor.records import (
    FENCING_HEADINGS,
    fail_count_lines,
    fencing_lines,
    fencings,
    operation_lines,
)
from crm.cli.monitor.situation import Situation
from crm.cli.monitor.view import MonitorSection, MonitorView
from crm.cli.pacemaker.list_text import Show
from crm.cli.pacemaker.resource_text import is_shown, resource_list
from crm.cli.pacemaker.resource_words import active
from crm.cli.pacemaker.section_text import attribute_lines, failure_lines
from crm.cli.pacemaker.status_text import maintenance_lines, node_name
from crm.model.constraints import Location
from crm.model.report import Severity
from crm.model.score import Score
from crm.policy_engine.constraints.locations import resolve
from crm.policy_engine.constraints.lookup import ConstraintNames
from crm.policy_engine.picture.cluster import Node, Resource, Role, TicketState


def monitor_text(situation: Situation, view: MonitorView) -> str:
    """The whole text, with its last line break."""
    sections = [lines for lines in _sections(situation, view) if lines]
    return "\n".join("\n".join([*lines, ""]) for lines in sections)


def sections_of(situation: Situation, view: MonitorView) -> Iterator[tuple[str, list[str]]]:
    """Headings with the items below them, in order; those without items that are shown for their heading too."""
    show = Show(inactive=view.inactive, pending=True, clone_details=view.details, implicit=view.details,
                node_ids=view.details, brief=view.brief)
    if view.has(MonitorSection.NODES):
        yield "Node List", node_lines(situation, view, show)
    if view.has(MonitorSection.RESOURCES):
        yield from _resources(situation, view, show)
    for section, heading, lines in _LISTS:
        if view.has(section):
            items = lines(situation, view)
            if items or section is MonitorSection.FAIL_COUNTS:
                yield heading, items
    if view.has(MonitorSection.ADVICE):
        yield from _advice(situation)


def _sections(situation: Situation, view: MonitorView) -> Iterator[list[str]]:
    summary = [f"  * {line}" for line in summary_lines(situation, view)]
    yield ["Cluster Summary:", *summary] if summary else []
    if view.has(MonitorSection.MAINTENANCE):
        yield maintenance_lines(situation.cluster)
    for heading, items in sections_of(situation, view):
        yield [f"{heading}:", *(f"  {line}" for line in items)]


def summary_lines(situation: Situation, view: MonitorView) -> Iterator[str]:
    """What there is to say of the cluster as a whole."""
    cluster = situation.cluster
    if view.has(MonitorSection.STACK):
        yield f"Stack: {situation.stack}"
    if view.has(MonitorSection.DC):
        yield f"Current DC: {_leader(situation, view)}"
    if view.has(MonitorSection.TIMES):
        where = f" on {situation.live.node}" if situation.live else ""
        yield f"Last updated: {time.ctime(cluster.now)}{where}"
        if any(situation.last_change):
            yield f"Last change:  {_last_change(situation)}"
    if view.has(MonitorSection.COUNTS):
        yield f"{_count(len(cluster.nodes), 'node')} configured"
        yield f"{_count(cluster.instance_count, 'resource instance')} configured{_held_back(situation)}"
    if view.has(MonitorSection.OPTIONS):
        yield from _options(situation)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _leader(situation: Situation, view: MonitorView) -> str:
    dc = situation.dc
    if dc is None:
        return "NONE"
    quorum = "with" if situation.quorate else "WITHOUT"
    mixed = "MIXED-VERSION " if situation.mixed else ""
    return f"{node_name(dc, view.details)} (version {situation.version}) - {mixed}partition {quorum} quorum"


def _last_change(situation: Situation) -> str:
    written, user, client, origin = situation.last_change
    parts = ((" by ", user), (" via ", client), (" on ", origin))
    return written + "".join(f"{word}{value}" for word, value in parts if value)


def _held_back(situation: Situation) -> str:
    disabled, blocked = situation.cluster.disabled_count, situation.cluster.blocked_count
    because = "BLOCKED from further action due to failure"
    if disabled and blocked:
        return f" ({disabled} DISABLED, {blocked} {because})"
    return f" ({disabled} DISABLED)" if disabled else f" ({blocked} {because})" if blocked else ""


def _options(situation: Situation) -> Iterator[str]:
    settings = situation.cluster.settings
    fencing = "enabled" if settings.fencing_enabled else "disabled"
    yield f"Fencing {fencing}: a lost node's resources {_safety(situation)}"
    yield f"Symmetric cluster: resources run {'anywhere' if settings.symmetric else 'only where constraints allow it'}"
    yield f"Without quorum: {settings.no_quorum_policy.value}"
    managed = "the cluster starts, stops and recovers services"
    yield f"Resource management: {'DISABLED' if settings.maintenance_mode else managed}"
    if settings.stop_all_resources:
        yield "All resources are to be stopped"


def _safety(situation: Situation) -> str:
    if situation.cluster.settings.fencing_enabled:
        return "start elsewhere when it is known to be off"
    return "start elsewhere although it may still run them"


# Resources


def _resources(situation: Situation, view: MonitorView, show: Show) -> Iterator[tuple[str, list[str]]]:
    """With nodes that list what they run, only what is left is listed here."""
    resources = situation.resources(view)
    if view.by_node and view.has(MonitorSection.NODES):
        if not view.inactive:
            return
        resources = [resource for resource in resources if not active(resource, whole=True)]
        kind = "inactive "
        heading = "Inactive Resources"
    else:
        kind = "" if view.inactive else "active "
        heading = "Full List of Resources" if view.inactive else "Active Resources"
    yield heading, _resource_items(situation, resources, show) or [f"* No {kind}resources"]


def _resource_items(situation: Situation, resources: list[Resource], show: Show) -> list[str]:
    return resource_list(situation.cluster, [each for each in resources if is_shown(each, show)], show)


# Lists


def ban_lines(situation: Situation, view: MonitorView) -> list[str]:
    """Constraints that keep a resource away from a node for good."""
    return [f"* {ban.constraint}\tprevents {ban.resource} from running {'in Promoted role ' * ban.promoted_only}"
            f"on {node_name(ban.node, view.details)}" for ban in bans(situation, view)]


@dataclass(frozen=True, slots=True)
class Ban:
    """A constraint that keeps a resource (or its promoted role only) off a node: a score below zero."""

    constraint: str
    resource: str
    promoted_only: bool
    node: Node
    score: Score


def bans(situation: Situation, view: MonitorView) -> Iterator[Ban]:
    """Newest constraints first, as Pacemaker has them."""
    cluster = situation.cluster
    names = ConstraintNames(cluster)
    wanted = {node.id for node in situation.nodes(view)}
    for constraint in reversed(cluster.cib.constraints):
        if not isinstance(constraint, Location) or not constraint.id.startswith(view.bans):
            continue
        for location in resolve(cluster, names, constraint):
            if not situation.concerns(location.resource, view):
                continue
            promoted_only = location.role is Role.PROMOTED
            for node, score in location.scores:
                if score < 0 and node.id in wanted:
                    yield Ban(location.id, location.resource.id, promoted_only, node, score)


def _ticket_lines(situation: Situation, _view: MonitorView) -> list[str]:
    return [f"* {_ticket(ticket)}" for ticket in situation.cluster.tickets.values()]


def _ticket(ticket: TicketState) -> str:
    text = f"{ticket.id}: {'granted' if ticket.granted else 'revoked'}{' [standby]' if ticket.standby else ''}"
    return text + (f' last-granted="{time.ctime(int(ticket.last_granted))}"' if ticket.last_granted else "")


def _attribute_lines(situation: Situation, view: MonitorView) -> list[str]:
    return attribute_lines(situation.nodes(view), view.details)


def _failure_lines(situation: Situation, view: MonitorView) -> list[str]:
    failed = [each for each in situation.cluster.failed_operations if situation.concerns(each.resource, view)]
    return failure_lines(failed, view.details)


def _fencing_lines(section: MonitorSection) -> Callable[[Situation, MonitorView], list[str]]:
    return lambda situation, view: fencing_lines(fencings(situation, view, section), view.whole_history)


_LISTS: tuple[tuple[MonitorSection, str, Callable[[Situation, MonitorView], list[str]]], ...] = (
    (MonitorSection.ATTRIBUTES, "Node Attributes", _attribute_lines),
    (MonitorSection.OPERATIONS, "Operations", operation_lines),
    (MonitorSection.FAIL_COUNTS, "Migration Summary", fail_count_lines),
    (MonitorSection.FAILURES, "Failed Resource Actions", _failure_lines),
    *((section, heading, _fencing_lines(section)) for section, heading in FENCING_HEADINGS.items()),
    (MonitorSection.TICKETS, "Tickets", _ticket_lines),
    (MonitorSection.BANS, "Negative Location Constraints", ban_lines),
)


def _advice(situation: Situation) -> Iterator[tuple[str, list[str]]]:
    reports = situation.live.reports if situation.live else ()
    told = [report for report in reports if report.severity is not Severity.NOTICE]
    if told:
        yield "To Look At", [f"* {report.where}: {report.message} {report.hint}".rstrip() for report in told]
