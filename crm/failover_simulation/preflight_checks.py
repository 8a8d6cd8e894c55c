"""What should make one think again before a change: each concern looks at the outlook and says what it finds.

To add a concern is one line in `CONCERNS`. They warn only, and only about what this change brings or brings to light.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crm.cib import queries
from crm.cib.parsing import Element
from crm.failover_simulation.simulator import FaultEffect, PlacementChange
from crm.model import score
from crm.model.report import Report, Severity
from crm.policy_engine.explain.explainer import ExplainedPlan
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind, Resource
from crm.policy_engine.picture.names import base_name

_LEFT_BY_MOVES = ("cli-prefer-", "cli-ban-", "cli-standby-")
_DELAYS = ("pcmk_delay_max", "pcmk_delay_base", "delay")


@dataclass(frozen=True, slots=True)
class ChangeOutlook:
    """The CIB before and after a change, the plan that follows, and what becomes of the resources."""

    present: Element
    wanted: Element
    told: ExplainedPlan
    changes: Sequence[PlacementChange]
    settled: bool

    @property
    def cluster(self) -> Cluster:
        return self.told.cluster


def preflight_checks(outlook: ChangeOutlook) -> list[Report]:
    """All warnings, most serious concerns first."""
    return [report for concern in CONCERNS for report in concern(outlook)]


def _lost(outlook: ChangeOutlook) -> Iterator[Report]:
    for change in outlook.changes:
        if not change.recovers:
            what = "does not run any more" if change.effect is FaultEffect.LOST else "is promoted nowhere any more"
            why = "; ".join(part.strip() for part in change.why)
            yield _warning("lost", change.resource, f"{change.resource} {what}" + (f": {why}" if why else ""),
                           f"See the reasons: crmctl explain {change.resource}")


def _fenced(outlook: ChangeOutlook) -> Iterator[Report]:
    for fencing in outlook.told.fencings:
        why = f", because {fencing.reason}" if fencing.reason else ""
        yield _warning("fencing", fencing.node, f"{fencing.node} is fenced ({fencing.action}){why}",
                       "Everything on it ends at once")


def _restless(outlook: ChangeOutlook) -> Iterator[Report]:
    if not outlook.settled:
        yield _warning("restless", "cluster", "The cluster does not come to rest: it plans changes again and again",
                       "Look at the scores: crmctl explain RESOURCE")


def _lasting_moves(outlook: ChangeOutlook) -> Iterator[Report]:
    """Moves and bans without an end are the most frequent reason why a resource cannot run later."""
    before = {each.attributes.get("id") for each in queries.locations(outlook.present)}
    for constraint in queries.locations(outlook.wanted):
        identity = constraint.attributes.get("id", "")
        if identity not in before and identity.startswith(_LEFT_BY_MOVES) and not constraint.has_dates:
            resource = constraint.attributes.get("rsc", "")
            what = "ban" if "ban" in identity else "move"
            message = f"The {what} of {resource} has no end: {identity} stays until it is cleared"
            hint = f"Let it end by itself (--for 1h), or clear it later: crmctl clear {resource}"
            yield _warning("lasting-move", resource, message, hint)


def _not_interleaved(outlook: ChangeOutlook) -> Iterator[Report]:
    """Instances of a clone wait for all instances of another one, unless the clone is interleaved."""
    restarted = {each.resource for each in outlook.changes if each.effect is FaultEffect.RESTARTS}
    for dependent in _clones(outlook.cluster):
        assert dependent.clone is not None
        within = {base_name(each.id) for each in dependent.primitives()}
        if dependent.clone.interleave or not within & restarted:
            continue
        for first in _ordered_before(outlook, dependent):
            message = f"All instances of {dependent.id} restart, because it waits for every instance of {first}"
            yield _warning("not-interleaved", dependent.id, message,
                           f"Let each wait for the one on its node only: crmctl resource meta {dependent.id} "
                           "interleave true")


def _clones(cluster: Cluster) -> list[Resource]:
    return [each for each in cluster.resources if each.is_clone and each.clone is not None]


def _ordered_before(outlook: ChangeOutlook, dependent: Resource) -> list[str]:
    """The clones that a clone is ordered after."""
    clones = {each.id for each in _clones(outlook.cluster)}
    firsts = [str(each.get("first")) for each in queries.orders(outlook.wanted) if each.get("then") == dependent.id]
    return [first for first in firsts if first in clones]


def _without_stickiness(outlook: ChangeOutlook) -> Iterator[Report]:
    """What has no stickiness moves for any better score, and back again."""
    usable = {node.name for node in outlook.cluster.nodes if _is_usable(node)}
    by_name = {base_name(each.id): each for top in outlook.cluster.resources for each in top.primitives()}
    for change in outlook.changes:
        resource = by_name.get(change.resource)
        could_stay = any(place.node in usable for place in change.before)
        if change.effect is not FaultEffect.MOVES or resource is None or not change.before or not could_stay:
            continue
        if score.parse(resource.meta.get("resource-stickiness") or "0") == 0 and not resource.top.is_clone:
            message = f"{change.resource} moves, and has stickiness 0: it moves back as soon as that scores higher"
            yield _warning("no-stickiness", change.resource, message,
                           f"Let it stay where it is: crmctl resource meta {resource.top.id} resource-stickiness 1")


def _is_usable(node: Node) -> bool:
    return node.online and not (node.standby or node.standby_on_fail or node.unclean or node.pending)


def _no_fencing(outlook: ChangeOutlook) -> Iterator[Report]:
    settings = outlook.cluster.settings
    if not settings.fencing_enabled:
        message = "Fencing is off: when a node is lost or a stop fails, services may run twice or not at all"
        hint = "Configure a device, then set it to true"
        yield Report(Severity.NOTICE, "no-fencing", "fencing-enabled", message, hint)


def _no_delay(outlook: ChangeOutlook) -> Iterator[Report]:
    """In a cluster of two that is split each fences the other at the same time, unless one of them waits."""
    cluster = outlook.cluster
    members = [node for node in cluster.nodes if node.kind is NodeKind.MEMBER]
    delayed = cluster.settings.priority_fencing_delay_ms > 0
    if len(members) != 2 or not cluster.settings.fencing_enabled or not cluster.have_fence_devices or delayed:
        return
    if not queries.fence_parameters(outlook.wanted) & set(_DELAYS):
        message = "Of two nodes that cannot see each other both may fence each other at the same time"
        yield Report(Severity.NOTICE, "no-fencing-delay", "priority-fencing-delay", message,
                     "Set priority-fencing-delay, or pcmk_delay_base on one of the devices")


CONCERNS = (
    _lost,
    _fenced,
    _restless,
    _not_interleaved,
    _lasting_moves,
    _without_stickiness,
    _no_fencing,
    _no_delay,
)


def _warning(code: str, where: str, message: str, hint: str) -> Report:
    return Report(Severity.WARNING, code, where, message, hint)
