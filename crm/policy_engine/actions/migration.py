"""Live migration: `migrate_to` on the source, `migrate_from` on the target, in place of a stop and a start.

The stop stays (it cleans up the source afterwards) and the start becomes a pseudo-action. Whether the migration really
can be done shows only while the plan settles; if not, stop and start are what they always are. Source: Pacemaker
Explained, "Migrating Resources".
"""

from __future__ import annotations

from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction
from crm.policy_engine.actions.action_graph import ActionGraph, Ordering
from crm.policy_engine.picture.cluster import Node, Resource
from crm.policy_engine.picture.tree import is_within


def can_migrate(resource: Resource, current: Node | None) -> bool:
    """Whether a resource that moves away from `current` may be migrated live."""
    return (
        resource.allow_migrate
        and resource.managed
        and not resource.failed
        and not resource.start_pending
        and current is not None
        and not current.unclean
        and resource.assigned is not None
        and not resource.assigned.unclean
    )


def create_migration(plan: ActionGraph, resource: Resource, source: Node) -> None:
    """Make the actions of a migration, or of the second half of one that was begun already."""
    target = resource.assigned
    assert target is not None
    begun = resource.partial_migration_target is not None
    start = plan.action(resource, "start", target, optional=True)
    stop = plan.action(resource, "stop", source, optional=True)
    migrate_to: PlannedAction | None = None
    if not begun:
        migrate_to = plan.action(resource, "migrate_to", source, optional=True)
    migrate_from = plan.action(resource, "migrate_from", target, optional=True)
    start.migratable = stop.migratable = migrate_from.migratable = True
    start.pseudo = True
    if migrate_to is not None:
        migrate_to.migratable = True
        migrate_to.needs = start.needs
        plan.order(resource, "monitor", resource, "migrate_to", r.ORDERED)
        plan.order(resource, "migrate_to", resource, "migrate_from", r.ORDERED | r.UNMIGRATABLE_THEN_BLOCKS)
    else:
        migrate_from.needs = start.needs
        plan.order(resource, "monitor", resource, "migrate_from", r.ORDERED)
    plan.order(resource, "migrate_from", resource, "stop", r.ORDERED | r.UNMIGRATABLE_THEN_BLOCKS)
    plan.order(
        resource, "migrate_from", resource, "start", r.ORDERED | r.UNMIGRATABLE_THEN_BLOCKS | r.FIRST_ELSE_THEN
    )
    for action in (migrate_to, migrate_from):
        if action is not None:
            action.meta["migrate_source"] = source.name
            action.meta["migrate_target"] = target.name
    if migrate_to is not None and not resource.is_remote_connection:
        migrate_to.meta["record-pending"] = "true"


def abort_dangling_migrations(plan: ActionGraph, resource: Resource) -> None:
    """Stop the resource at the source of each migration that was never finished."""
    for source in resource.dangling_migration_sources:
        plan.action(resource, "stop", source, optional=False).migration_abort = True


def order_migration_equivalents(plan: ActionGraph, ordering: Ordering) -> None:
    """What an ordering of starts and stops means when one or both resources migrate instead."""
    first, then = ordering.first_resource, ordering.then_resource
    if first is None or then is None or first is then or is_within(first, then) or is_within(then, first):
        return
    if not first.allow_migrate and not then.allow_migrate:
        return
    either = r.ORDERED | (r.IF_FIRST_UNMIGRATABLE if first.allow_migrate else r.NONE)
    tasks = (ordering.first_task, ordering.then_task)
    if tasks == ("start", "start"):
        if first.allow_migrate and then.allow_migrate:
            plan.order(first, "migrate_from", then, "migrate_to", r.ORDERED, ordering.constraint)
        if then.allow_migrate:
            plan.order(first, "start", then, "migrate_to", either, ordering.constraint)
        return
    if not then.allow_migrate:
        return
    if tasks == ("stop", "stop"):
        plan.order(first, "stop", then, "migrate_to", either, ordering.constraint)
        if then.partial_migration_target is not None:
            plan.order(first, "stop", then, "migrate_from", either, ordering.constraint)
    elif tasks == ("promote", "start"):
        plan.order(first, "promote", then, "migrate_to", r.ORDERED, ordering.constraint)
    elif tasks == ("demote", "stop"):
        plan.order(first, "demote", then, "migrate_to", r.ORDERED, ordering.constraint)
        if then.partial_migration_target is not None:
            plan.order(first, "demote", then, "migrate_from", r.ORDERED, ordering.constraint)
