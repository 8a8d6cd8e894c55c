"""What changed in the configuration since an operation was run: its parameters, its agent, or that it exists at all.

Recorded digests tell (see `digests`). What changed is restarted, reloaded or rescheduled; what is gone is cancelled or
cleaned up. Source: Pacemaker Explained, "Reloading an Agent After a Definition Change".
"""

from __future__ import annotations

from crm.model.history import HistoryEntry, ResourceHistory
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction
from crm.policy_engine.actions.action_graph import ActionGraph
from crm.policy_engine.actions.fencing_actions import trigger_unfencing
from crm.policy_engine.actions.recurring import reschedule, schedule_cancel
from crm.policy_engine.observe.sorting import in_order, last_start_and_stop
from crm.policy_engine.picture import restarts
from crm.policy_engine.picture.cluster import Node, Resource
from crm.policy_engine.picture.digests import Match, compare, needs_remote_address
from crm.policy_engine.picture.fail_counts import failures_on
from crm.policy_engine.picture.operations import find_operation
from crm.policy_engine.placement.candidates import is_usable

_NEVER_MATCHES = "expired"
"""Stands for the restart digest of an operation whose failure timed out: it is to be started anew."""
_CHECKED = ("monitor", "start", "promote", "migrate_from")


class ConfigChanges:
    """Looks at the histories of all usable nodes; checks that need a placed container wait for `check_deferred`."""

    def __init__(self, plan: ActionGraph) -> None:
        self.plan = plan
        self.deferred: list[tuple[Resource, Node, ResourceHistory, HistoryEntry]] = []
        self._by_history: dict[str, list[Resource]] = {}
        for top in plan.cluster.resources:
            for resource in top.walk():
                if resource.is_primitive:
                    for name in {resource.id, resource.history_id or resource.id}:
                        self._by_history.setdefault(name, []).insert(0, resource)

    def check_all(self) -> None:
        """Schedule what changes of the configuration ask for."""
        for node in self.plan.cluster.nodes:
            if node.maintenance or is_usable(node):
                for history in self.plan.cluster.histories.get(node.name, {}).values():
                    if history.entries:
                        for resource in self._by_history.get(history.id, ()):
                            self._check(resource, node, history)

    def check_deferred(self) -> None:
        """Check connections to bundles, whose addresses are known only now; what was put off last comes first."""
        for resource, node, history, entry in reversed(self.deferred):
            changed = self._check_entry(resource, node, history, entry)
            if changed and failures_on(self.plan.cluster, node, resource).count:
                self._forget_failures(resource, node)
        for failed in reversed(self.plan.cluster.deferred_checks):
            found = compare(self.plan.cluster, failed.resource, failed.node, failed.entry)
            if found.match not in (Match.UNKNOWN, Match.SAME):
                self._forget_failures(failed.resource, failed.node)

    def _check(self, resource: Resource, node: Node, history: ResourceHistory) -> None:
        if resource.removed:
            if not (resource.top.is_clone and not resource.top.unique):
                schedule_cleanup(self.plan, resource, node, optional=False)
            return
        active = node in resource.active_on
        if self._agent_changed(resource, node, history, active):
            schedule_cleanup(self.plan, resource, node, optional=False)
        if not active:
            return
        entries = in_order(history.entries)
        start, stop = last_start_and_stop(entries)
        if start < stop:
            return
        if restarts.is_wanted(history.restart):
            self._restart_in_place(resource, node)
        for entry in entries[max(start, 0) :]:
            if entry.operation is not None:
                self._check_active(resource, node, history, entry)

    def _restart_in_place(self, resource: Resource, node: Node) -> None:
        """Somebody has asked for it."""
        action = self.plan.action(resource, "start", None, optional=False)
        action.set_reason(restarts.REASON, overwrite=True)

    def _check_active(self, resource: Resource, node: Node, history: ResourceHistory, entry: HistoryEntry) -> None:
        cluster = self.plan.cluster
        assert entry.operation is not None
        if entry.interval_ms > 0 and (resource.maintenance or node.maintenance):
            schedule_cancel(self.plan, resource, entry.call_id, entry.operation, entry.interval_ms, node)
        elif entry.interval_ms > 0 or entry.operation in _CHECKED:
            if needs_remote_address(cluster, resource):
                self.deferred.append((resource, node, history, entry))
            elif self._check_entry(resource, node, history, entry) and failures_on(cluster, node, resource).count:
                self._forget_failures(resource, node)

    def _forget_failures(self, resource: Resource, node: Node) -> None:
        clear_failures(self.plan, resource, node)

    def _agent_changed(self, resource: Resource, node: Node, history: ResourceHistory, active: bool) -> bool:
        pairs = (
            (resource.type, history.type),
            (resource.standard, history.standard),
            (resource.provider, history.provider),
        )
        changed = False
        for now, before in pairs:
            if (now or None) != (before or None):
                changed = True
                trigger_unfencing(self.plan, resource, node, "Device definition changed")
        if changed and active:
            self.plan.action(resource, "stop", node, optional=False)
            resource.start_pending = True
        return changed

    def _check_entry(self, resource: Resource, node: Node, history: ResourceHistory, entry: HistoryEntry) -> bool:
        """Act on one recorded operation; whether anything about it changed."""
        assert entry.operation is not None
        name, interval_ms = entry.operation, entry.interval_ms
        if interval_ms > 0 and find_operation(resource, name, interval_ms, include_disabled=False) is None:
            if self.plan.cluster.settings.cancel_removed_actions:
                schedule_cancel(self.plan, resource, entry.call_id, name, interval_ms, node)
            return True
        if interval_ms == 0 and name in ("monitor", "migrate_from", "promote"):
            name = "start"
        expired = (node.name, history.id, entry.id) in self.plan.cluster.expired_recurring
        override = _NEVER_MATCHES if expired else None
        found = compare(self.plan.cluster, resource, node, entry, override)
        if self.plan.sanitized and found.match is not Match.SAME and entry.secure_digest is not None:
            if found.secure == entry.secure_digest:
                return False
        match found.match:
            case Match.RESTART:
                self._force_restart(resource, node, name, interval_ms).expired = expired
            case Match.UNKNOWN | Match.CHANGED if interval_ms > 0:
                reschedule(self.plan, resource, name, interval_ms, node)
            case Match.UNKNOWN | Match.CHANGED if entry.restart_digest is not None or override is not None:
                trigger_unfencing(self.plan, resource, node, "Device parameters changed (reload)")
                schedule_reload(self.plan, resource, node)
            case Match.UNKNOWN | Match.CHANGED:
                self._force_restart(resource, node, name, interval_ms)
            case Match.SAME:
                return False
        return True

    def _force_restart(self, resource: Resource, node: Node, name: str, interval_ms: int) -> PlannedAction:
        action = self.plan.action(resource, name, None, optional=False, interval_ms=interval_ms)
        action.set_reason("resource definition change", overwrite=True)
        trigger_unfencing(self.plan, resource, node, "Device parameters changed")
        return action


def clear_failures(plan: ActionGraph, resource: Resource, node: Node) -> PlannedAction:
    """Forget a resource's failures on a node."""
    action = plan.action(resource, "clear_failcount", node, optional=False)
    action.meta["op_no_wait"] = "true"
    return action


def schedule_reload(plan: ActionGraph, resource: Resource, node: Node) -> None:
    """Have the agent take over changed parameters without a restart; a stop makes that needless."""
    if resource.children:
        for child in resource.children:
            schedule_reload(plan, child, node)
        return
    if not resource.managed or resource.failed:
        return
    if resource.start_pending:
        plan.action(resource, "stop", node, optional=False)
        return
    resource.reload_needed = True
    reload = plan.action(resource, "reload-agent", node, optional=False)
    reload.set_reason("resource definition change")
    plan.order_after_action(reload, resource, "stop", r.ORDERED | r.THEN_CANCELS_FIRST)
    plan.order_after_action(reload, resource, "demote", r.ORDERED | r.THEN_CANCELS_FIRST)


def schedule_cleanup(plan: ActionGraph, resource: Resource, node: Node, optional: bool) -> None:
    """Have a node forget a resource, after it is stopped and before it starts again."""
    if resource.failed or node.unclean or not node.online:
        return
    relation = r.FIRST_REQUIRES_THEN if optional else r.ORDERED
    plan.action(resource, "delete", node, optional)
    plan.order(resource, "stop", resource, "delete", relation)
    plan.order(resource, "delete", resource, "start", relation)


def clear_failures_of_removed(plan: ActionGraph) -> None:
    """Nobody will look at the failures of what is removed."""
    for top in plan.cluster.resources:
        if not top.removed:
            continue
        for node in plan.cluster.nodes:
            if node.online and failures_on(plan.cluster, node, top).count:
                action = clear_failures(plan, top, node)
                plan.order_after_action(action, top, "stop", r.ORDERED)
