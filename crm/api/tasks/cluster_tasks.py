"""The tasks of the whole cluster: each is kept by the node that was asked for it, and any node can be asked about it.

A task's id is `NODE-NUMBER`, so it says whom to ask.
"""

from __future__ import annotations

from typing import Any

from crm.api.auth.requester import key_in_use, origin
from crm.api.middleware.problems import ProblemError
from crm.api.service import PeerQueries, PeerSilence, RequestRefused
from crm.api.tasks.node_tasks import NodeTask, NodeTasks

_LIST, _ONE, _CANCEL, _OF_KEY = "tasks", "task", "task-cancel", "task-of-key"
_PATIENCE_S = 40.0


class ClusterTasks:
    """Asks the nodes whose tasks they are. Values are dictionaries with the fields of `TaskValue`."""

    def __init__(self, tasks: NodeTasks, peers: PeerQueries) -> None:
        self._tasks = tasks
        self._peers = peers
        peers.offer(_LIST, self._own_list)
        peers.offer(_ONE, self._own)
        peers.offer(_CANCEL, self._own_cancel)
        peers.offer(_OF_KEY, self._own_of_key)

    async def begun_before(self) -> dict[str, Any] | None:
        """The task that the present request has begun already, here or at another node. Raises ProblemError."""
        key = origin().key
        if key is None:
            return None
        told, _ = await self._peers.ask_all(_OF_KEY, key.id)
        found = next((each for each in told.values() if each is not None), None)
        if found is not None and found["fingerprint"] != key.fingerprint:
            raise key_in_use()
        return None if found is None else _fields(found["task"])

    async def all(self) -> tuple[list[dict[str, Any]], list[PeerSilence]]:
        """Of all nodes that are here, the newest first; and who has not answered."""
        told, silent = await self._peers.ask_all(_LIST)
        found = [task for tasks in told.values() for task in tasks]
        return sorted(found, key=lambda each: float(each["begun_at"]), reverse=True), silent

    async def one(self, task_id: str, wait_s: float = 0.0) -> dict[str, Any]:
        """One task, at once or when it has ended. Raises Refused (no-such-task, node-away)."""
        about = {"id": task_id, "wait": wait_s}
        return _fields(await self._peers.ask(self._owner(task_id), _ONE, about, wait_s + _PATIENCE_S))

    async def cancel(self, task_id: str) -> dict[str, Any]:
        """End one. Raises Refused (no-such-task, node-away)."""
        return _fields(await self._peers.ask(self._owner(task_id), _CANCEL, {"id": task_id}, _PATIENCE_S))

    def _owner(self, task_id: str) -> str:
        """Whose it is; what names no node is looked for here."""
        return task_id.rpartition("-")[0] or self._peers.name

    async def _own_list(self, _about: Any) -> list[dict[str, Any]]:
        return [fields(task) for task in self._tasks.all()]

    async def _own(self, about: Any) -> dict[str, Any]:
        task = self._find(about)
        await self._tasks.wait(task, float(about["wait"]))
        return fields(task)

    async def _own_cancel(self, about: Any) -> dict[str, Any]:
        task = self._find(about)
        await self._tasks.cancel(task)
        return fields(task)

    async def _own_of_key(self, about: Any) -> dict[str, Any] | None:
        task = self._tasks.of_key(str(about))
        return None if task is None or task.key is None else {
            "fingerprint": task.key.fingerprint, "task": fields(task)}

    def _find(self, about: Any) -> NodeTask:
        try:
            return self._tasks.find(str(about["id"]))
        except ProblemError as error:
            raise RequestRefused(error.code, error.detail, error.hint) from None


def fields(task: NodeTask) -> dict[str, Any]:
    """A task as data."""
    return {name: getattr(task, name) for name in
            ("id", "kind", "about", "state", "message", "code", "next_step", "begun_at", "ended_at")}


def _fields(told: Any) -> dict[str, Any]:
    assert isinstance(told, dict), "nodes of the same version tell tasks alike"
    return told
