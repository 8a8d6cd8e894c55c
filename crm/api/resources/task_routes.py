"""Tasks over HTTP: begin one, look at it, wait for it, cancel it; at any node, whichever has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from crm.api.auth.permission import check_change
from crm.api.middleware.paging import Paging
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun
from crm.api.service import NodeService
from crm.api.tasks.cluster_tasks import ClusterTasks, fields
from crm.api.tasks.follow_change import Follower, restart, to_restart, until_known
from crm.api.tasks.node_tasks import NodeTask, NodeTasks, settle
from crm.api.views.answer_values import Wish
from crm.api.views.change_outcome import Goal, Wanted
from crm.api.views.cluster_view import ClusterView
from crm.api.views.plan_values import ONLY_PLANNED, PlanValue, planned
from crm.cib import restart_marks
from crm.cib.edits import objects
from crm.cib.version import CibVersion

Limit = Annotated[float, Query(ge=1, le=86_400, description="seconds after which it counts as failed")]


class TaskValue(BaseModel):
    """Something that takes time."""

    id: str
    kind: str = Field(examples=["restart"])
    about: str = Field(examples=["web"])
    state: str = Field(description="running, done, failed or cancelled")
    message: str = Field(description="how far it is, what came of it, or why it failed")
    code: str = Field(description="why it failed, as a stable code")
    next_step: str = Field("", description="what to do if it failed")
    begun_at: float = Field(description="epoch seconds")
    ended_at: float | None

    @classmethod
    def of(cls, task: NodeTask) -> TaskValue:
        return cls.model_validate(fields(task))


class FollowValue(Wish):
    """A change of a resource whose outcome is wanted."""

    resource: str = Field(examples=["web"])
    goal: Literal["configured", "started", "stopped", "gone", "moved", "away", "placed"] = Field(
        description="what the change was for", examples=["started"])
    node: str | None = Field(None, description="where it was to go (moved), or where it was to leave (away)")
    promoted: bool = Field(False, description="Of a promotable clone: only the promoted role is meant")
    version: str | None = Field(None, description="of the CIB that holds the change", examples=["0.12.0"])
    parts: list[str] = Field([], description="ids of what it is made of, if that is gone from the configuration")


def routes(service: NodeService, now: Callable[[], int]) -> APIRouter:
    router = versioned("tasks")
    tasks = NodeTasks(service.name)
    everywhere = ClusterTasks(tasks, service.peers)

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

    @router.post("/tasks/follow", status_code=202)
    async def follow_resource(wish: FollowValue, timeout: Limit = 3600) -> TaskValue:
        """Wait until the cluster is done with a change of a resource, and say what came of it. Changes nothing."""
        if (begun := await everywhere.begun_before()) is not None:
            return TaskValue.model_validate(begun)
        wanted = Wanted(Goal(wish.goal), wish.resource, wish.node, wish.promoted)
        version = None if wish.version is None else CibVersion.parse(wish.version)
        await until_known(service, version)
        follower = Follower(service, wanted, wish.parts, version)
        return TaskValue.of(tasks.start("follow", wish.resource, timeout, follower.follow))

    @router.post("/resources/{name}/restart", status_code=202, responses=ONLY_PLANNED)
    async def restart_resource(
        name: str, response: Response, node: str | None = None, timeout: Limit = 3600, dry_run: DryRun = False
    ) -> TaskValue | PlanValue:
        """Stop a resource and start it again, where it is and in the role that it has; with `node` only that instance.

        What must not run without it restarts with it, in order.
        """
        if (begun := await everywhere.begun_before()) is not None:
            return TaskValue.model_validate(begun)
        document = service.cib()
        stopped = objects.stop(document, name)
        check_change(document, document if stopped is None else document.apply(stopped))
        change = restart_marks.request(document, to_restart(ClusterView.of(document, now()), name, node))
        if dry_run:
            response.status_code = 200
            return await planned(service, document, document if change is None else document.apply(change), now())
        return TaskValue.of(tasks.start("restart", name, timeout, lambda say: restart(service, name, node, say)))

    return router
