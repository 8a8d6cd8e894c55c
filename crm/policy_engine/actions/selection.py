"""Which actions, and which of their inputs, belong into a transition."""

from __future__ import annotations

from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import Input, PlannedAction
from crm.policy_engine.picture.cluster import NodeKind

_HARMLESS = r.THEN_SHOWS_FIRST | r.FIRST_SHOWS_THEN | r.ORDERED


def belongs_in_graph(action: PlannedAction) -> bool:
    """Whether an action is to be carried out: required (or to be shown), possible, and its resource managed."""
    if not action.runnable or (action.optional and not action.always_in_graph):
        return False
    resource = action.resource
    if resource is not None and not resource.managed and action.task != "monitor":
        if action.meta.get("interval", "0") == "0":
            return False
    if action.pseudo or action.task in ("stonith", "do_shutdown"):
        return True
    node = action.node
    if node is None:
        return False
    if action.on_dc or (node.kind is NodeKind.GUEST and not node.remote_needs_reset):
        return True
    return node.online and not node.unclean


def counts_as_input(action: PlannedAction, link: Input) -> bool:
    """Whether an action really has to wait for an input; one that turns out void is marked so."""
    first = link.action
    if link.graphed:
        return True
    if link.relation == r.NONE:
        return False
    if not first.runnable and (
        not link.relation & ~_HARMLESS or link.relation & (r.MIN_RUNNABLE | r.UNMIGRATABLE_THEN_BLOCKS)
    ):
        return False
    if link.relation & r.IF_FIRST_UNMIGRATABLE and first.migratable:
        return False
    if link.relation == r.ORDERED and first.migratable and first.key.endswith("_stop_0"):
        return False
    if link.relation == r.SAME_NODE_OR_TARGET:
        return _counts_here_or_at_target(action, link)
    if link.relation == r.REQUIRED_ON_SAME_NODE:
        elsewhere = first.node is not None and action.node is not None and first.node is not action.node
        return not _void_if(link, elsewhere or first.optional)
    if _is_abandoned_stop(action, first):
        return False
    return not (
        first.optional and not first.always_in_graph and not first.in_graph and not belongs_in_graph(first)
    )


def _void_if(link: Input, void: bool) -> bool:
    if void:
        link.relation = r.NONE
    return void


def _counts_here_or_at_target(action: PlannedAction, link: Input) -> bool:
    first = link.action
    if action.resource is not None and action.task == "migrate_to":
        return not _void_if(link, first.node is not action.resource.assigned)
    return not _void_if(link, first.node is not action.node or first.optional)


def _is_abandoned_stop(action: PlannedAction, first: PlannedAction) -> bool:
    """Unmanaged failed resources cannot keep a clone from stopping."""
    resource = first.resource
    return (
        resource is not None
        and resource is not action.resource
        and resource.failed
        and not resource.managed
        and first.key.endswith("_stop_0")
        and action.resource is not None
        and action.resource.is_clone
    )


def has_circle(start: PlannedAction, action: PlannedAction, link: Input) -> bool:
    """Whether following inputs from `link` on leads back to `start`."""
    first = link.action
    if first.visited or not counts_as_input(action, link):
        return False
    if first is start:
        return True
    first.visited = True
    found = False
    for further in reversed(first.inputs):
        if has_circle(start, first, further):
            found = True
            break
    first.visited = False
    return found
