"""Nodes: what they are and do; standby, online, maintenance."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from crm.api.auth.permission import readable
from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun
from crm.api.service import NodeService
from crm.api.views.answer_values import NodeValue
from crm.api.views.cluster_view import ClusterView
from crm.api.writing.commit import Written, write_made
from crm.cib.changes import Batch, Edit
from crm.cib.document import Document
from crm.cib.edits import cluster, objects
from crm.cib.objects import codec
from crm.policy_engine.picture.health import node_health


class HealthValue(BaseModel):
    """How a node is."""

    health: str = Field(examples=["green"], description="red, yellow or green; green where health is not considered")
    strategy: str
    attributes: dict[str, str]


def no_such_node(name: str, picture: ClusterView) -> ProblemError:
    """The problem, with the names that there are."""
    known = ", ".join(node.name for node in picture.cluster.nodes)
    return ProblemError("no-such-node", f"The cluster has no node {name}", f"There are {known}")


def routes(service: NodeService, picture: Callable[[], ClusterView]) -> APIRouter:
    router = versioned("nodes", "/nodes")

    @router.get("")
    async def list_nodes(page: Paging) -> list[NodeValue]:
        """All nodes, configured or seen."""
        return page.of(picture().nodes(), lambda node: node.name)

    @router.get("/{name}")
    async def read_node(name: str) -> NodeValue:
        """One node."""
        nodes = picture().nodes()
        for node in nodes:
            if name in (node.name, node.id):
                return node
        raise no_such_node(name, picture())

    @router.get("/{name}/utilization")
    async def read_utilization(name: str) -> dict[str, str]:
        """What the node has to offer, in the same words as resources say what they need."""
        return codec.Pairs("utilization").read(cluster.configured_node(readable(service), name), ())

    @router.patch("/{name}/utilization")
    async def change_utilization(
        name: str, values: dict[str, str | None], response: Response, dry_run: DryRun = False
    ) -> Written:
        """Set what the node has to offer; null removes."""
        return await write_made(
            service, lambda document: objects.node_utilization(document, name, values), response, dry_run=dry_run
        )

    @router.get("/{name}/health")
    async def read_health(name: str) -> HealthValue:
        """The node's health, as its attributes #health… say and the option node-health-strategy reads them."""
        shown = picture()
        node = next((each for each in shown.cluster.nodes if name in (each.name, each.id)), None)
        if node is None:
            raise no_such_node(name, shown)
        told = {key: value for key, value in node.attributes.items() if key.startswith("#health")}
        settings = shown.cluster.settings
        return HealthValue(health=node_health(shown.cluster, node).value, strategy=settings.health_strategy,
                           attributes=told)

    @router.post("/{name}/standby")
    async def standby(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """Let the node run nothing; what it runs moves away. Undone by online."""
        return await write_made(
            service, lambda document: cluster.node_attribute(document, name, "standby", "on"), response, dry_run=dry_run
        )

    @router.post("/{name}/online")
    async def online(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """End standby and maintenance of the node."""
        return await write_made(service, lambda document: _online(document, name), response, dry_run=dry_run)

    @router.post("/{name}/maintenance")
    async def maintenance(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """Leave everything on the node as it is, and do not watch it. Undone by online."""
        return await write_made(
            service, lambda document: cluster.node_attribute(document, name, "maintenance", "true"), response,
            dry_run=dry_run,
        )

    return router


def _online(document: Document, name: str) -> Batch | None:
    ended = [cluster.node_attribute(document, name, attribute, None) for attribute in ("standby", "maintenance")]
    edits: tuple[Edit, ...] = tuple(edit for edit in ended if edit is not None)
    return Batch(edits) if edits else None
