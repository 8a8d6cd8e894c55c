"""Tasks over HTTP: begin one, look at it, wait for it, cancel it; at any node, whichever has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from crm.api.cib_routes import DryRun
from crm.api.paging import Paging
from crm.api.permission import check_change
from crm.api.picture import Picture
from crm.api.plan_values import ONLY_PLANNED, PlanValue, planned
from crm.api.problems import ProblemError
from crm.api.routing import versioned
from crm.api.service import Service
from crm.api.tasks import Task, Tasks, restart, settle
from crm.api.tasks_everywhere import TasksEverywhere, fields
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
        return cls.model_validate(fields(task))


def routes(service: Service, picture: Callable[[], Picture], now: Callable[[], int]) -> APIRouter:
    router = versioned("tasks")
    tasks = Tasks(service.name)
    everywhere = TasksEverywhere(tasks, service.peers)

    @router.get("/tasks")
    async def list_tasks(page: Paging) -> list[TaskValue]:
        """The tasks of all nodes that are here, the newest first."""
        found, silent = await everywhere.all()
        return [TaskValue.model_validate(each) for each in page.of(found, lambda task: str(task["id"]), silent)]

    @router.get("/tasks/{task_id}")
    async def read_task(
        task_id: str, wait: Annotated[float, Query(ge=0, le=60, description="seconds to wait for its end")] = 0
    ) -> TaskValue:
        """One task, at once or when it has ended."""
        return TaskValue.model_validate(await everywhere.one(task_id, wait))

    @router.delete("/tasks/{task_id}")
    async def cancel_task(task_id: str) -> TaskValue:
        """Cancel it; what it has changed for the time being is undone."""
        return TaskValue.model_validate(await everywhere.cancel(task_id))

    @router.post("/tasks/wait", status_code=202)
    async def wait_until_settled(timeout: Limit = 3600) -> TaskValue:
        """Wait until the cluster has nothing left to do."""
        if (begun := await everywhere.begun_before()) is not None:
            return TaskValue.model_validate(begun)
        return TaskValue.of(tasks.start("wait", "cluster", timeout, lambda say: settle(service, say)))

    @router.post("/resources/{name}/restart", status_code=202, responses=ONLY_PLANNED)
    async def restart_resource(
        name: str, response: Response, timeout: Limit = 3600, dry_run: DryRun = False
    ) -> TaskValue | PlanValue:
        """Stop a resource and start it again."""
        if (begun := await everywhere.begun_before()) is not None:
            return TaskValue.model_validate(begun)
        found = picture().resource(name)
        document = service.cib()
        change = wishes.stop(document, name)
        if found is None or not found.nodes:
            raise ProblemError("not-running", f"{name} runs nowhere", f"Start it: crmctl resource start {name}")
        stopped = document if change is None else document.apply(change)
        check_change(document, stopped)
        if dry_run:
            response.status_code = 200
            return await planned(service, document, stopped, now(), undone=True)
        return TaskValue.of(tasks.start("restart", name, timeout, lambda say: restart(service, name, say)))

    return router
