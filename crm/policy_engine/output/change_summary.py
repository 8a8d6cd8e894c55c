"""What a transition will change, for people: one line for each node and resource that it affects.

`changes` gives the facts; `summary_lines` puts them as `crm_simulate` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crm.policy_engine.actions.action import PlannedAction
from crm.policy_engine.actions.action_graph import ActionGraph, actions_for, find_actions
from crm.policy_engine.picture.cluster import Node, NodeKind, Resource, Role
from crm.policy_engine.picture.roles import role_text
from crm.policy_engine.picture.tree import current_node


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node that is fenced or shut down."""

    what: str
    node: Node
    name: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """A resource that is started, stopped, moved, and so on; `blocked` when that has to but cannot be done."""

    what: str
    resource: Resource
    origin: Node | None
    destination: Node | None
    role: Role
    next_role: Role
    reason: str | None
    blocked: bool


def node_changes(plan: ActionGraph) -> Iterator[NodeChange]:
    """Fencing and shutdowns, the last planned first."""
    for action in reversed(plan.actions):
        if action.resource is not None or action.optional or action.node is None:
            continue
        if action.task == "do_shutdown":
            what = "Shutdown"
        elif action.task == "stonith":
            what = f"Fence ({action.meta.get('stonith_action')})"
        else:
            continue
        name = action.node.name
        if action.node.kind is NodeKind.GUEST:
            assert action.node.remote is not None and action.node.remote.launcher is not None
            name = f"{name} (resource: {action.node.remote.launcher.id})"
        yield NodeChange(what, action.node, name, action.reason)


def resource_changes(plan: ActionGraph) -> Iterator[ResourceChange]:
    """What happens to each primitive, in order."""
    for resource in plan.cluster.resources:
        yield from _changes(resource)


def _changes(resource: Resource) -> Iterator[ResourceChange]:
    if resource.bundle is not None:
        for replica in resource.bundle.replicas:
            for part in (replica.ip, replica.container, replica.remote, replica.child):
                if part is not None:
                    yield from _changes(part)
    elif resource.children:
        for child in resource.children:
            yield from _changes(child)
    else:
        current = None
        if resource.active_on:
            current = current_node(resource)
            if resource.role is Role.STOPPED:
                resource.role = Role.STARTED
        if current is not None or not resource.removed:
            yield from _Change(resource, current, resource.assigned).describe()


class _Change:
    def __init__(self, resource: Resource, current: Node | None, next_node: Node | None) -> None:
        self.resource = resource
        self.current = current
        self.next = next_node
        self.moving = current is not None and next_node is not None and current is not next_node

    def _first(self, task: str, node: Node | None) -> PlannedAction | None:
        found = actions_for(self.resource, task, node)
        return found[0] if found else None

    def describe(self) -> Iterator[ResourceChange]:
        """The change, if there is one; a stop is told for each node."""
        if not self.resource.managed or (self.current is None and self.next is None):
            return
        self.start = self._first("start", self.next)
        stop_node = self.current if self.start is not None and self.start.runnable else None
        self.stop = self._first("stop", stop_node)
        if self.stop is None and self.resource.stop_unexpected:
            self.stop = self._first("stop", None)
        self.promote = self._first("promote", self.next)
        self.demote = self._first("demote", self.next)
        if self.resource.role is self.resource.next_role:
            yield from self._same_role()
        else:
            yield from self._new_role()

    def _make(
        self,
        what: str,
        origin: Node | None,
        destination: Node | None,
        action: PlannedAction | None,
        source: PlannedAction | None = None,
    ) -> ResourceChange:
        source = source or action
        return ResourceChange(
            what,
            self.resource,
            origin,
            destination,
            self.resource.role,
            self.resource.next_role,
            source.reason if source is not None else None,
            action is not None and not action.runnable,
        )

    def _same_role(self) -> Iterator[ResourceChange]:
        resource, current, following = self.resource, self.current, self.next
        if following is None:
            return
        start, stop = self.start, self.stop
        migrate = self._first("migrate_from", following)
        if migrate is not None and current is not None and migrate.runnable:
            yield self._make("Migrate", current, following, start)
        elif resource.reload_needed:
            yield self._make("Reload", current, following, start)
        elif start is None or start.optional:
            demote, promote = self.demote, self.promote
            if demote is not None and promote is not None and not demote.optional and not promote.optional:
                yield self._make("Re-promote", current, following, promote, demote)
        elif not start.runnable:
            source = start if stop is None or stop.reason is None else stop
            yield self._make("Stop", current, None, stop, source)
        elif self.moving:
            yield self._make("Recover" if resource.failed else "Move", current, following, stop)
        elif resource.failed:
            yield self._make("Recover", current, None, stop)
        else:
            yield self._make("Restart", current, following, start)

    def _new_role(self) -> Iterator[ResourceChange]:
        resource, current, following = self.resource, self.current, self.next
        start, stop = self.start, self.stop
        cannot_start = start is not None and not start.runnable
        if stop is not None and (resource.next_role is Role.STOPPED or cannot_start):
            yield from self._stops()
        elif stop is not None and resource.failed and resource.stop_if_failed:
            yield self._make("Recover", current, following, stop, start)
        elif self.moving:
            yield self._make("Move", current, following, stop)
        elif resource.reload_needed:
            yield self._make("Reload", current, following, start)
        elif stop is not None and not stop.optional:
            yield self._make("Restart", current, following, start)
        elif resource.role is Role.PROMOTED:
            yield self._make("Demote", current, following, self.demote)
        elif resource.next_role is Role.PROMOTED:
            yield self._make("Promote", current, following, self.promote)
        elif resource.role is Role.STOPPED and resource.next_role > Role.STOPPED:
            yield self._make("Start", current, following, start)

    def _stops(self) -> Iterator[ResourceChange]:
        key = f"{self.resource.id}_stop_0"
        for node in self.resource.active_on:
            found = find_actions(self.resource, key, node)
            stop = found[0] if found else None
            source = stop if stop is not None and stop.reason is not None else self.start
            yield self._make("Stop", node, None, stop, source)


# As text


def all_changes(plan: ActionGraph) -> list[NodeChange | ResourceChange]:
    """What changes, nodes first."""
    return [*node_changes(plan), *resource_changes(plan)]


def summary_lines(changes: Sequence[NodeChange | ResourceChange]) -> list[str]:
    """The lines of a transition summary, without indentation."""
    name_width, detail_width = _widths([change for change in changes if isinstance(change, ResourceChange)])
    lines = []
    for change in changes:
        if isinstance(change, ResourceChange):
            because = _because(change)
            suffix = f"  {because}" if because else ""
            name, details = f"{change.resource.id:{name_width}}", f"{_details(change):>{detail_width}}"
            lines.append(f"{change.what:8}   {name}   ( {details} ){suffix}")
        elif change.reason is not None:
            lines.append(f"{change.what} {change.name} '{change.reason}'")
    return lines


def _widths(changes: Sequence[ResourceChange]) -> tuple[int, int]:
    """Of the columns: as wide as the widest, names with room for a number that grows."""
    name_width, detail_width = 5, 5
    for change in changes:
        if len(change.resource.id) > name_width:
            name_width = len(change.resource.id) + 2
        detail_width = max(detail_width, len(_details(change)))
    return name_width, detail_width


def _because(change: ResourceChange) -> str:
    if change.reason is not None:
        return f"due to {change.reason}" + (" (blocked)" if change.blocked else "")
    return "blocked" if change.blocked else ""


def _details(change: ResourceChange) -> str:
    origin, destination = change.origin, change.destination
    role, following = role_text(change.role), role_text(change.next_role)
    needs_role = change.role > Role.STARTED or change.next_role > Role.UNPROMOTED
    same_role, same_host = change.role is change.next_role, origin is destination
    if origin is None:
        assert destination is not None
        return f"{role} -> {following} {destination.name}" if needs_role else destination.name
    if destination is None or (same_role and same_host):
        return f"{role} {origin.name}" if needs_role else origin.name
    if same_role:
        suffix = f" {role}" if needs_role else ""
        return f"{origin.name} -> {destination.name}{suffix}"
    if same_host:
        return f"{role} -> {following} {origin.name}"
    return f"{role} {origin.name} -> {following} {destination.name}"
