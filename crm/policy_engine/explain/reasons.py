"""Causes of scores in words: one sentence for each thing that can speak for or against a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crm.model import score as scores
from crm.model.score import INFINITY, MINUS_INFINITY, Score
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.constraints.locations import ResolvedLocation
from crm.policy_engine.constraints.tickets import ResolvedTicketConstraint
from crm.policy_engine.explain.answers import Influence
from crm.policy_engine.picture.cluster import Cluster, Node, Resource, Role
from crm.policy_engine.picture.fail_counts import failures_on
from crm.policy_engine.picture.roles import role_text
from crm.policy_engine.picture.score_trace import ScoreCause, ScoreChange
from crm.policy_engine.picture.tree import assigned_nodes
from crm.policy_engine.placement.candidates import is_usable
from crm.policy_engine.placement.colocation_scores import outermost


def influence(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> Influence:
    """A recorded change as an answer."""
    text = _TEXTS[change.cause](cluster, resource, node, change)
    return Influence(change.cause, points(change), text, constraint_of(change.subject))


def points(change: ScoreChange) -> str:
    """What a change did, signed; what it set if that says more."""
    after = change.after
    if after is None:
        return "none"
    before = change.before or 0
    if after <= MINUS_INFINITY or before <= MINUS_INFINITY or after >= INFINITY:
        return scores.render(after) if after < INFINITY else "+INFINITY"
    return f"{after - before:+d}"


def constraint_of(subject: object) -> str:
    """The id of the configured constraint that a change is about; empty if nobody configured one."""
    if isinstance(subject, ResolvedColocation):
        return subject.id if subject.explicit else ""
    if isinstance(subject, ResolvedLocation):
        return "" if subject.of_health else subject.id
    return subject.id if isinstance(subject, ResolvedTicketConstraint) else ""


def why_unusable(node: Node) -> str | None:
    """Why a node may run nothing at all; None if it may."""
    if is_usable(node):
        return None
    if node.awaited:
        return "it is lost: it may still run resources until its lease ends, or somebody confirms that it is off"
    if node.unclean:
        return "it is unclean: it may still run resources until it is fenced"
    if not node.online:
        return "its join is not complete" if node.pending else "it is offline"
    if node.shutting_down:
        return "it is shutting down"
    if node.standby:
        return "an operation with on-fail=standby failed there" if node.standby_on_fail else "it is in standby"
    return "it is in maintenance" if node.maintenance else "it cannot run resources"


def where(resource: Resource) -> str:
    """Where a resource goes, in words."""
    nodes = assigned_nodes(resource)
    if not nodes:
        return "runs nowhere"
    return f"goes to {' and '.join(node.name for node in nodes)}"


# One cause each


def _of_status(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    texts = []
    if node.is_bundle_node:
        texts.append("it is what runs inside this container")
    elif node.base_score:
        unusable = why_unusable(node)
        texts.append(
            unusable if unusable is not None else f"the node itself has score {scores.render(node.base_score)}"
        )
    family = lineage(resource)
    for preference in cluster.preferences:
        if preference.resource in family and preference.node in (None, node) and preference.score:
            texts.append(_PREFERENCES.get(preference.origin, preference.origin))
    return "; ".join(dict.fromkeys(texts)) or "where everything starts"


_PREFERENCES: Mapping[str, str] = {
    "not_managed_default": "it runs there and is not managed",
    "__action_migration_auto__": "it failed there, and on-fail says to go elsewhere",
    "masked-probe-failure": "its probe failed there in a way that is no answer",
    "hard-error": "its agent cannot work there (not installed, not permitted, or not configured)",
    "fatal-error": "its agent says that it is configured wrongly, which no other node would change",
    "on-fail=stop": "an operation with on-fail=stop failed",
    "__stop_fail__": "its stop failed there",
    "__removed_do_not_run__": "it is not in the configuration any more",
    "multiple-active": "it was active on more than one node, and multiple-active says to stop it",
}


def lineage(resource: Resource) -> list[Resource]:
    """A resource and all that it is part of, itself first."""
    found = [resource]
    while found[-1].parent is not None:
        found.append(found[-1].parent)
    return found


def _of_ticket(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    constraint = change.subject
    assert isinstance(constraint, ResolvedTicketConstraint)
    state = "is on standby" if constraint.ticket.granted else "is not granted"
    return f"ticket {constraint.ticket.id} {state} (constraint {constraint.id})"


def _of_lock(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    keeper = resource.lock_node.name if resource.lock_node is not None else "a node"
    return f"shutdown-lock keeps it for {keeper}, which was shut down cleanly"


def _of_health(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    values = ", ".join(f"{name}={value}" for name, value in node.attributes.items() if name.startswith("#health"))
    return f"node health ({cluster.settings.health_strategy}{': ' + values if values else ''})"


def _of_location(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    location = change.subject
    assert isinstance(location, ResolvedLocation)
    about = "" if location.resource is resource else f" of {location.resource.id}"
    role = f", for the role {role_text(location.role)}" if location.role is not Role.UNKNOWN else ""
    if (change.after or 0) == (change.before or 0):
        return f"location {location.id}{about} allows it here"
    return f"location {location.id}{about}{role}"


def _of_stickiness(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    return f"it runs here already (resource-stickiness={scores.render(resource.stickiness)})"


def _of_failures(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    failed = max(
        (each for each in resource.top.primitives()),
        key=lambda each: failures_on(cluster, node, each, launched=True).count,
    )
    count = failures_on(cluster, node, failed, launched=True).count
    threshold = scores.render(failed.migration_threshold)
    forgetting = (
        f"until {failed.failure_timeout_ms // 1000} s after the last failure (failure-timeout)"
        if failed.failure_timeout_ms
        else f"until somebody runs: crmctl cleanup {failed.top.id}"
    )
    how_often = f"{_times(count)} there{_last_reason(cluster, failed, node)}"
    return f"{failed.id} failed {how_often} (migration-threshold {threshold}), which counts {forgetting}"


def _last_reason(cluster: Cluster, resource: Resource, node: Node) -> str:
    """What the agent said when the resource failed last on a node, if it is still known."""
    entries = [failed.entry for failed in cluster.failed_operations
               if failed.node is node and failed.resource is resource and failed.entry.exit_reason]
    last = max(entries, key=lambda entry: entry.last_rc_change or 0, default=None)
    return "" if last is None else f", “{last.exit_reason}”"


def _times(count: Score) -> str:
    if count >= INFINITY:
        return "fatally"
    return "once" if count == 1 else f"{count} times"


def _of_exclusive_probing(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    return "resource-discovery=exclusive of its location constraints leaves this node out"


def _of_container(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    if change.after is not None and change.after > MINUS_INFINITY:
        return "it runs in the container that makes this node"
    if node.is_remote_kind and (resource.is_remote_connection or resource.is_fence_device):
        kind = "a connection" if resource.is_remote_connection else "a fence device"
        return f"{kind} cannot run on a node that is itself reached through a connection"
    if resource.launcher is None and resource.parent is not None and outermost(resource).bundle is not None:
        return "it runs inside its container only"
    return "the container that it belongs to does not make this node"


def _of_primary(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    colocation = change.subject
    assert isinstance(colocation, ResolvedColocation)
    primary = colocation.primary
    role = f" {role_text(colocation.primary_role).lower()}" if colocation.primary_role is not Role.UNKNOWN else ""
    place = f"{primary.id}{role}, which {where(primary)}"
    if not colocation.explicit:
        return _IMPLIED.get(colocation.id, "it belongs to {}").format(place)
    named = f"colocation {colocation.id}"
    if colocation.attribute != "#uname":
        named += f", by {colocation.attribute}"
    if colocation.score >= INFINITY:
        return f"it has to be with {place} ({named})"
    if colocation.score <= MINUS_INFINITY:
        return f"it must not be with {place} ({named})"
    wish = "it is better placed with" if colocation.score > 0 else "it is better placed away from"
    return f"{wish} {place} ({named}, {colocation.score})"


_IMPLIED: Mapping[str, str] = {
    "#group-members": "members of a group stay together: after {}",
    "#resource-with-container": "it runs in the container {}",
    "#replica-remote-with-host-remote": "its host is reached through {}",
}


def _of_dependent(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    colocation = change.subject
    assert isinstance(colocation, ResolvedColocation)
    dependent = colocation.dependent
    if not colocation.explicit:
        relation = "the next in the group" if colocation.id == "#group-members" else "which runs in it"
        return f"what {dependent.id}, {relation}, would like"
    kind = "has to be with it" if colocation.score >= INFINITY else "is colocated with it"
    return (
        f"what {dependent.id} would like, which {kind} (colocation {colocation.id}, {scores.render(colocation.score)})"
    )


def _of_stopped(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    return why_wanted_stopped(resource)


def why_wanted_stopped(resource: Resource) -> str:
    """Why it was decided beforehand that a resource shall not run."""
    word = resource.meta.get("target-role")
    if word is not None and word.lower() == "stopped":
        owner = next(
            (
                each.id
                for each in reversed(lineage(resource))
                if (each.meta.get("target-role") or "").lower() == "stopped"
            ),
            resource.id,
        )
        of = "" if owner == resource.id else f" of {owner}"
        return f"target-role{of} is Stopped"
    if resource.blocked:
        return "a failure blocks it"
    return "an earlier failure says that it shall be stopped"


def _of_capacity(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    needs = ", ".join(f"{name}={value}" for name, value in resource.utilization.items()) or "what goes with it"
    return f"not enough capacity is left for it and what goes with it (it needs {needs})"


def _of_full(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    unusable = why_unusable(node)
    if unusable is not None:
        return unusable
    collective = resource.parent
    if collective is None:
        return "the node may have none of it"
    candidate = collective.allowed.get(node.id)
    if candidate is None or candidate.score < 0:
        return f"{collective.id} as a whole may not run there (crmctl explain {collective.id})"
    if resource.removed:
        return "it is one more than shall run"
    if collective.clone is not None:
        return f"the node has as many instances as it may have (clone-node-max={collective.clone.clone_node_max})"
    return "the node has as many instances as it may have"


def _of_enough(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    clone = resource.parent
    most = clone.clone.clone_max if clone is not None and clone.clone is not None else None
    return f"enough instances run already{f' (clone-max={most})' if most is not None else ''}"


def _of_promotion(cluster: Cluster, resource: Resource, node: Node, change: ScoreChange) -> str:
    if change.after == -1:
        return "no promotion score is set here (agents set it with crm_attribute --promotion)"
    return "promotion score set by its agent"


_TEXTS: Mapping[ScoreCause, Callable[[Cluster, Resource, Node, ScoreChange], str]] = {
    ScoreCause.STATUS: _of_status,
    ScoreCause.TICKET: _of_ticket,
    ScoreCause.LOCK: _of_lock,
    ScoreCause.HEALTH: _of_health,
    ScoreCause.LOCATION: _of_location,
    ScoreCause.STICKINESS: _of_stickiness,
    ScoreCause.FAILURES: _of_failures,
    ScoreCause.EXCLUSIVE_PROBING: _of_exclusive_probing,
    ScoreCause.CONTAINER: _of_container,
    ScoreCause.COLOCATED_WITH: _of_primary,
    ScoreCause.COLOCATED_BY: _of_dependent,
    ScoreCause.STOPPED: _of_stopped,
    ScoreCause.CAPACITY: _of_capacity,
    ScoreCause.FULL: _of_full,
    ScoreCause.ENOUGH: _of_enough,
    ScoreCause.PROMOTION: _of_promotion,
}
