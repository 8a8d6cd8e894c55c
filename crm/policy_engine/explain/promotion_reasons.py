"""Why an instance of a promotable clone is promoted, or why it is not."""

from __future__ import annotations

from crm.model import score as scores
from crm.model.score import INFINITY
from crm.policy_engine.actions.action_graph import newest_action
from crm.policy_engine.explain.answers import Influence, RoleAnswer
from crm.policy_engine.explain.reasons import influence, why_unusable, why_wanted_stopped
from crm.policy_engine.picture.cluster import Cluster, Node, Resource, Role
from crm.policy_engine.picture.options import NoQuorumPolicy
from crm.policy_engine.picture.score_trace import RecordingTrace, ScoreCause
from crm.policy_engine.picture.tree import assigned_node, role


def role_answer(cluster: Cluster, trace: RecordingTrace, resource: Resource) -> RoleAnswer | None:
    """The role of the instance that a primitive belongs to; None where there is nothing to promote."""
    clone, instance = resource.top, resource
    if not clone.promotable:
        return None
    while instance.parent is not None and instance.parent is not clone:
        instance = instance.parent
    node = assigned_node(instance)
    promoted = role(instance, current=False) is Role.PROMOTED
    verdict = _why_promoted(clone, instance) if promoted else _why_not(cluster, clone, instance, node)
    return RoleAnswer(
        node.name if node is not None else None,
        scores.render(instance.promotion_score),
        promoted,
        verdict,
        tuple(_influences(cluster, trace, clone, instance, node)) if node is not None else (),
    )


def _influences(
    cluster: Cluster, trace: RecordingTrace, clone: Resource, instance: Resource, node: Node
) -> list[Influence]:
    own = [each for each in trace.priorities.get(instance.id, []) if each.before is not None or each.after]
    found = [influence(cluster, instance, node, change) for change in own]
    for change in trace.changes.get(clone.id, {}).get(node.id, []):
        if change.cause is ScoreCause.COLOCATED_BY and change.before is not None:
            found.append(influence(cluster, clone, node, change))
    return found


def _promoted_max(clone: Resource) -> int:
    return clone.clone.promoted_max if clone.clone is not None else 0


def _why_promoted(clone: Resource, instance: Resource) -> str:
    if not instance.managed:
        return "it is promoted and not managed, so it stays so"
    if instance.next_role is Role.PROMOTED and (instance.meta.get("target-role") or "").lower() in (
        "promoted",
        "master",
    ):
        return "target-role asks for it"
    others = [each for each in clone.children if each is not instance and assigned_node(each) is not None]
    if not others:
        return "it is the only instance that runs"
    best = max(others, key=lambda each: each.promotion_score)
    score = scores.render(instance.promotion_score)
    if best.promotion_score < instance.promotion_score:
        next_best = f"{best.id} with {scores.render(best.promotion_score)}"
        return f"its promotion score {score} is the highest (next is {next_best}; promoted-max={_promoted_max(clone)})"
    if role(instance, current=True) is Role.PROMOTED:
        return f"its promotion score {score} is as high as that of others, and it is promoted already"
    return f"its promotion score {score} is among the {_promoted_max(clone)} best (promoted-max)"


def _why_not(cluster: Cluster, clone: Resource, instance: Resource, node: Node | None) -> str:
    start = newest_action(instance, "start", node) if node is not None else None
    if node is None or (start is not None and not start.runnable):
        return "it does not run"
    unusable = why_unusable(node)
    if unusable is not None:
        return f"{node.name} cannot have promoted resources: {unusable}"
    if not instance.managed:
        return "it is not managed, so its role is left as it is"
    wanted = (instance.meta.get("target-role") or "").lower()
    if wanted in ("unpromoted", "slave", "stopped"):
        return "target-role does not let it be promoted" if wanted != "stopped" else why_wanted_stopped(instance)
    if not cluster.quorate and cluster.settings.no_quorum_policy in (NoQuorumPolicy.FREEZE, NoQuorumPolicy.DEMOTE):
        return f"there is no quorum (no-quorum-policy={cluster.settings.no_quorum_policy})"
    tickets = [each for each in clone.tickets if each.role is Role.PROMOTED and not each.is_satisfied]
    if tickets:
        state = "is on standby" if tickets[0].ticket.granted else "is not granted"
        return f"ticket {tickets[0].ticket.id} {state} (constraint {tickets[0].id})"
    return _why_not_by_score(clone, instance, node)


def _why_not_by_score(clone: Resource, instance: Resource, node: Node) -> str:
    score = scores.render(instance.promotion_score)
    if instance.promotion_score == -1 and instance.priority == -1:
        return f"no promotion score is set for it on {node.name}; its agent (or crm_attribute --promotion) has to"
    if instance.promotion_score < 0 or instance.priority < 0:
        return f"its promotion score is {score}: see what counts against it"
    most = _promoted_max(clone)
    if most == 0:
        return "promoted-max is 0: nothing is promoted"
    promoted = [each for each in clone.children if role(each, current=False) is Role.PROMOTED]
    here = [each for each in promoted if assigned_node(each) is node]
    per_node = clone.clone.promoted_node_max if clone.clone is not None else 0
    if per_node == 0:
        return "promoted-node-max is 0: nothing is promoted"
    if len(here) >= per_node:
        return f"{here[0].id} is promoted on {node.name} already (promoted-node-max={per_node})"
    if len(promoted) >= most:
        taken = " and ".join(f"{each.id} ({scores.render(each.promotion_score)})" for each in promoted)
        return f"promoted-max={most} is used up by {taken}; its own promotion score is {score}"
    return f"its promotion score is {score}" + ("" if instance.promotion_score < INFINITY else ", but it may not")
