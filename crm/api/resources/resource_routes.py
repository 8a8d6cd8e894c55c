"""Resources: where they run, moving them for a while, cleaning up after failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import Field

from crm.api.auth.permission import readable
from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun, Force
from crm.api.resources.option_routes import OptionValue
from crm.api.service import NodeService
from crm.api.views.answer_values import ResourceValue, Wish
from crm.api.views.cluster_view import ClusterView
from crm.api.views.plan_values import PlanValue
from crm.api.writing.cleanup import CleanedValue, Everything, clean_up
from crm.api.writing.commit import Written, write_made
from crm.api.writing.write_checks import WriteChecks
from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.edits import cluster, objects
from crm.daemon.client_jobs import explanations
from crm.model.report import Report, Severity
from crm.policy_engine.explain.answers import Explanation

_HOUR_SECONDS = 3600

ValueKind = Literal["parameters", "meta", "utilization"]
_TAGS: dict[ValueKind, str] = {
    "parameters": "instance_attributes", "meta": "meta_attributes", "utilization": "utilization",
}


class MoveValue(Wish):
    """Where to, and for how long. When the time is over the resource is free again; stickiness decides if it stays."""

    node: str | None = Field(None, description="Where to; without it: away from where it is", examples=["node2"])
    for_seconds: int | None = Field(
        _HOUR_SECONDS, ge=1, le=10 * 365 * 24 * _HOUR_SECONDS, description="How long; null: until cleared"
    )
    promoted: bool = Field(False, description="Of a promotable clone: only the promoted role is meant")

    @property
    def role(self) -> str | None:
        return "Promoted" if self.promoted else None


def routes(service: NodeService, picture: Callable[[], ClusterView], now: Callable[[], int],
           checks: WriteChecks) -> APIRouter:
    router = versioned("resources", "/resources")
    _add_reading(router, service, picture, now)
    _add_places(router, service, picture, now)
    _add_start_and_stop(router, service)
    _add_values(router, service, checks)

    @router.post("/{name}/cleanup")
    async def cleanup(
        name: str, node: str | None = None, everything: Everything = False, dry_run: DryRun = False
    ) -> CleanedValue | PlanValue:
        """Forget its failures, everywhere or on one node, and look again how it is there."""
        _existing(picture(), name)
        return await clean_up(service, name, node, now(), dry_run, everything)

    return router


def _add_reading(
    router: APIRouter, service: NodeService, picture: Callable[[], ClusterView], now: Callable[[], int]
) -> None:
    """How resources are, and why."""

    @router.get("")
    async def list_resources(page: Paging) -> list[ResourceValue]:
        """All resources as trees: groups, clones and bundles with what they are made of."""
        return page.of(picture().resources(), lambda resource: resource.id)

    @router.get("/{name}")
    async def read_resource(name: str) -> ResourceValue:
        """One resource or instance."""
        return _existing(picture(), name)

    @router.get("/{name}/explain")
    async def explain_resource(name: str, node: str | None = None) -> Explanation:
        """Why it runs where it does, in its role, or not at all; what is planned for it, and what forces that."""
        document = readable(service)
        answer = await service.compute(explanations, document, now(), name, node)
        if answer is None:
            raise _unknown(picture(), name)
        return answer


def _add_places(router: APIRouter, service: NodeService, picture: Callable[[], ClusterView],
                now: Callable[[], int]) -> None:
    """Moves and bans: constraints with an end, known by their ids."""

    def end_of(wish: MoveValue) -> int | None:
        return None if wish.for_seconds is None else now() + wish.for_seconds

    @router.post("/{name}/move")
    async def move(name: str, wish: MoveValue, response: Response, dry_run: DryRun = False) -> Written:
        """Have it run elsewhere, for an hour unless said otherwise. Undone by clear."""
        until = end_of(wish)
        return await write_made(
            service, lambda document: _moved(document, picture(), name, wish, until), response, dry_run=dry_run
        )

    @router.post("/{name}/ban")
    async def ban(name: str, wish: MoveValue, response: Response, dry_run: DryRun = False) -> Written:
        """Keep it away from a node (without one: from where it is), for an hour unless said otherwise."""
        until = end_of(wish)

        def banned(document: Document) -> Change:
            nodes = [wish.node] if wish.node is not None else _where(picture(), name, wish)
            return cluster.ban(document, name, nodes, until, wish.role)

        return await write_made(service, banned, response, dry_run=dry_run)

    @router.post("/{name}/clear")
    async def clear(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """Undo moves and bans."""
        return await write_made(
            service, lambda document: cluster.clear(document, name), response, dry_run=dry_run
        )


def _add_start_and_stop(router: APIRouter, service: NodeService) -> None:
    @router.post("/{name}/start")
    async def start(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """End what keeps it stopped: its target-role, and that of what it is made of."""
        above = objects.stopped_above(service.cib(), name)
        reports = [] if above is None else [_stopped_above(name, above)]
        return await write_made(
            service, lambda document: objects.start(document, name), response, dry_run=dry_run, reports=reports
        )

    @router.post("/{name}/stop")
    async def stop(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """Have it stopped until it is told to start."""
        return await write_made(service, lambda document: objects.stop(document, name), response, dry_run=dry_run)


def _add_values(router: APIRouter, service: NodeService, checks: WriteChecks) -> None:
    """Single parameters, meta attributes and amounts of utilization."""

    async def written(
        name: str, kind: ValueKind, values: objects.Values, response: Response, dry_run: bool, force: bool
    ) -> Written:
        check = checks.of_parameters(name, force) if kind == "parameters" else None
        return await write_made(
            service, lambda document: objects.resource_values(document, name, _TAGS[kind], values), response,
            dry_run=dry_run, check=check,
        )

    @router.put("/{name}/{kind}/{key}")
    async def set_value(
        name: str, kind: ValueKind, key: str, wish: OptionValue, response: Response, dry_run: DryRun = False,
        force: Force = False,
    ) -> Written:
        """Set one parameter, meta attribute or utilization."""
        return await written(name, kind, {key: wish.value}, response, dry_run, force)

    @router.delete("/{name}/{kind}/{key}")
    async def remove_value(
        name: str, kind: ValueKind, key: str, response: Response, dry_run: DryRun = False, force: Force = False
    ) -> Written:
        """Remove one parameter, meta attribute or utilization."""
        return await written(name, kind, {key: None}, response, dry_run, force)


def _stopped_above(name: str, above: str) -> Report:
    message = f"{name} stays stopped, because {above}, which it is part of, is to be stopped"
    return Report(Severity.WARNING, "stopped-above", name, message, f"Start that: crmctl resource start {above}")


def _promoted(resource: ResourceValue) -> list[str]:
    own = resource.nodes if resource.role == "Promoted" and not resource.children else []
    return [*own, *(node for child in resource.children for node in _promoted(child))]


def _existing(picture: ClusterView, name: str) -> ResourceValue:
    found = picture.resource(name)
    if found is None:
        raise _unknown(picture, name)
    return found


def _unknown(picture: ClusterView, name: str) -> ProblemError:
    known = ", ".join(resource.id for resource in picture.resources())
    return ProblemError("no-such-resource", f"The cluster has no resource {name}", f"There are {known or 'none yet'}")


def _moved(document: Document, picture: ClusterView, name: str, wish: MoveValue, until: int | None) -> Change:
    if wish.node is not None:
        return cluster.move(document, name, wish.node, until, wish.role)
    return cluster.ban(document, name, _where(picture, name, wish), until, wish.role)


def _where(picture: ClusterView, name: str, wish: MoveValue) -> list[str]:
    """Where a resource is; only where it is promoted, if that is what is meant."""
    found = _existing(picture, name)
    here = _promoted(found) if wish.promoted else found.nodes
    if wish.promoted and not here:
        raise ProblemError("not-running", f"{name} is promoted nowhere", "Leave promoted out, or name the node")
    if not here:
        raise ProblemError("not-running", f"{name} runs nowhere, so it cannot move away", "Name the node")
    return here
