"""Names of tasks: what completes what, and what a collective's task is to its members."""

from __future__ import annotations

from crm.policy_engine.picture.cluster import Resource

_COMPLETED = {
    "start": "running",
    "stop": "stopped",
    "promote": "promoted",
    "demote": "demoted",
    "notify": "notified",
}
_BEGUN = {"running": "start", "stopped": "stop", "promoted": "promote", "demoted": "demote"}
_KNOWN = {*_COMPLETED, *_COMPLETED.values(), "monitor", "do_shutdown", "stonith"}

NO_TASK = "no_action"


def completed(task: str) -> str | None:
    """The milestone that ends a task (the task itself if it is one); None for tasks without."""
    if task in _COMPLETED:
        return _COMPLETED[task]
    return task if task in _COMPLETED.values() else None


def member_task(member: Resource, task: str) -> str:
    """What a collective's task is called for a member: a primitive has no milestones."""
    if task not in _KNOWN:
        return NO_TASK
    return _BEGUN.get(task, task) if member.is_primitive else task


def notified_task(key: str) -> str:
    """The task that a notification is about, from its key (`web_pre_notify_start_0`)."""
    return key.rpartition("_notify_")[2].removesuffix("_0")
