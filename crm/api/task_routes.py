"""Tasks over HTTP: begin one, look at it, wait for it, cancel it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from crm.api.permission import check_change
from crm.api.picture import Picture
from crm.api.problems import ProblemError
from crm.api.routing import versioned
from crm.api.service import Service
from crm.api.tasks import Task, Tasks, restart, settle
from crm.cib.objects import wishes

Limit = Annotated[float, Query(ge=1, le=86_400, description="seconds after which it counts as failed")]


class TaskValue(BaseModel):
    """Something that takes time."""

    id: str
    kind: str = Field(examples=["restart"])
    about: str = Field(examples=["web"])
    state: str = Field(description="running, done, failed or cancelled")
    message: str = Field(description="how far it is, or why it failed")
    code: str = Field(description="why it failed, as a stable code")
    begun_at: float = Field(description="epoch seconds")
    ended_at: float | None

    @classmethod
    def of(cls, task: Task) -> TaskValue:
        return cls(id=task.id, kind=task.kind, about=task.about, state=task.state, message=task.message,
                   code=task.code, begun_at=task.begun_at, ended_at=task.ended_at)


def routes(service: Service, picture: Callable[[], Picture]) -> APIRouter:
    router = versioned("tasks")
    tasks = Tasks(service.name)

    @router.get("/tasks")
    async def list_tasks() -> list[TaskValue]:
        """The tasks of the answering node, the newest first."""
        return [TaskValue.of(task) for task in tasks.all()]

    @router.get("/tasks/{task_id}")
    async def read_task(
        task_id: str, wait: Annotated[float, Query(ge=0, le=60, description="seconds to wait for its end")] = 0
    ) -> TaskValue:
        """One task, at once or when it has ended."""
        task = tasks.find(task_id)
        await tasks.wait(task, wait)
        return TaskValue.of(task)

    @router.delete("/tasks/{task_id}")
    async def cancel_task(task_id: str) -> TaskValue:
        """Cancel it; what it has changed for the time being is undone."""
        task = tasks.find(task_id)
        await tasks.cancel(task)
        return TaskValue.of(task)

    @router.post("/tasks/wait", status_code=202)
    async def wait_until_settled(timeout: Limit = 3600) -> TaskValue:
        """Wait until the cluster has nothing left to do."""
        return TaskValue.of(tasks.start("wait", "cluster", timeout, lambda say: settle(service, say)))

    @router.post("/resources/{name}/restart", status_code=202)
    async def restart_resource(name: str, timeout: Limit = 3600) -> TaskValue:
        """Stop a resource and start it again."""
        found = picture().resource(name)
        document = service.cib()
        change = wishes.stop(document, name)
        if found is None or not found.nodes:
            raise ProblemError("not-running", f"{name} runs nowhere", f"Start it: crmctl resource start {name}")
        if change is not None:
            check_change(document, document.apply(change))
        return TaskValue.of(tasks.start("restart", name, timeout, lambda say: restart(service, name, say)))

    return router
