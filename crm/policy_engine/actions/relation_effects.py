"""What each kind of relation between two actions means for their need and possibility.

`MEANING` is for actions of resources, where reasons are noted; `PARTS` has the order in which the parts of a relation
take effect, and their meaning for an action without a resource. Who applies them, and to whom: see
`crm.policy_engine.actions.propagate`.
"""

from __future__ import annotations

from collections.abc import Callable

from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction
from crm.policy_engine.actions.collective_state import CollectiveState
from crm.policy_engine.actions.relation import Relation
from crm.policy_engine.picture.cluster import Role
from crm.policy_engine.picture.tree import role

Changed = int
"""Which of two related actions changed: FIRST, THEN, both or NOTHING."""
NOTHING: Changed = 0
FIRST: Changed = 1
THEN: Changed = 2


def _because(action: PlannedAction, other: PlannedAction, change: str) -> None:
    """Note why an action changed, unless the other one belongs to the same resource."""
    if action.resource is not other.resource:
        name = f" {other.resource.id}" if other.resource is not None else ""
        action.set_reason(f"{change}{name} {other.task}")


def _require(action: PlannedAction, because: PlannedAction) -> None:
    if action.optional:
        action.optional = False
        action.required_by = because
        _because(action, because, "required")


def _block(action: PlannedAction, because: PlannedAction) -> None:
    if action.runnable:
        action.runnable = False
        action.blocked_by = because
        _because(action, because, "unrunnable")


def _unmigrate(action: PlannedAction, because: PlannedAction) -> None:
    if action.migratable:
        action.migratable = False
        _because(action, because, "unmigrateable")


def _asymmetric(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> None:
    if then.resource is None or first.runnable:
        return
    if then.optional:
        present = role(then.resource, current=True)
        if present is Role.STOPPED and then.task == "stop":
            return
        if present >= Role.STARTED and then.task == "start" and then.resource.active_on == [then.node]:
            return
    _require(then, first)
    _block(then, first)


def _then_needs_first(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> None:
    if then.optional:
        return
    if not state.optional and first.optional:
        _require(first, then)
    if state.migratable and not then.migratable:
        _unmigrate(first, then)


def _promoted_then_needs_first(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> None:
    if then.resource is None or then.resource.role is not Role.PROMOTED or then.optional:
        return
    _require(first, then)
    if first.migratable and not then.migratable:
        _unmigrate(first, then)


def _unmigratable_then_blocks(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> None:
    if not (then.migratable and then.runnable):
        _block(first, then)
    if not then.optional:
        _require(first, then)


def _first_else_then(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> None:
    if not first.runnable:
        _unmigrate(then, first)
        then.pseudo = False


def _unrunnable_first_blocks(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> None:
    if then.runnable and not state.runnable:
        _block(then, first)
        _unmigrate(then, first)


def _first_requires_then(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> None:
    if then.optional and not state.optional and not first.migratable:
        _require(then, first)


def _restart(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> None:
    assert then.resource is not None
    required = not then.optional
    stopped = not then.runnable and then.resource.managed and first.resource is then.resource
    if not required and not stopped:
        return
    if first.runnable:
        _require(first, then)
    if not then.optional:
        _require(first, then)
    if not then.migratable:
        _unmigrate(first, then)
    if not first.optional and not first.runnable:
        _block(then, first)


def _no_more(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> None:
    """Only an order in time."""


MEANING: dict[Relation, Callable[[PlannedAction, PlannedAction, CollectiveState], None]] = {
    r.FIRST_REQUIRES_THEN: _first_requires_then,
    r.RESTART: _restart,
    r.THEN_NEEDS_FIRST: _then_needs_first,
    r.PROMOTED_THEN_NEEDS_FIRST: _promoted_then_needs_first,
    r.MIN_RUNNABLE: _no_more,
    r.UNRUNNABLE_FIRST_BLOCKS: _unrunnable_first_blocks,
    r.UNMIGRATABLE_THEN_BLOCKS: _unmigratable_then_blocks,
    r.FIRST_ELSE_THEN: _first_else_then,
    r.ORDERED: _no_more,
    r.ASYMMETRIC: _asymmetric,
}


def _require_plain(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> Changed:
    if state.optional or not then.optional:
        return NOTHING
    then.optional = False
    then.required_by = first
    return THEN


def _unneeded_plain(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> Changed:
    if state.optional or not first.runnable:
        return NOTHING
    first.runnable = False
    first.blocked_by = then
    return FIRST


def _count_plain(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> Changed:
    if not state.runnable:
        return NOTHING
    then.runnable_before += 1
    if then.runnable_before < then.required_runnable_before or then.runnable:
        return NOTHING
    then.runnable = True
    return THEN


def _block_plain(first: PlannedAction, then: PlannedAction, state: CollectiveState) -> Changed:
    if state.runnable or not then.runnable:
        return NOTHING
    then.runnable = False
    then.blocked_by = first
    return THEN


PARTS: tuple[tuple[Relation, Callable[[PlannedAction, PlannedAction, CollectiveState], Changed] | None], ...] = (
    (r.FIRST_REQUIRES_THEN, _require_plain),
    (r.RESTART, None),
    (r.THEN_NEEDS_FIRST, _unneeded_plain),
    (r.PROMOTED_THEN_NEEDS_FIRST, None),
    (r.MIN_RUNNABLE, _count_plain),
    (r.NESTED_REMOTE_PROBE, None),
    (r.UNRUNNABLE_FIRST_BLOCKS, _block_plain),
    (r.UNMIGRATABLE_THEN_BLOCKS, None),
    (r.FIRST_ELSE_THEN, None),
    (r.ORDERED, None),
    (r.ASYMMETRIC, None),
)
