"""Nodes: what they are and do; standby, online, maintenance."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response

from crm.api.cib_routes import DryRun
from crm.api.paging import Paging
from crm.api.picture import Picture
from crm.api.problems import ProblemError
from crm.api.service import Service
from crm.api.values import NodeValue
from crm.api.writing import Written, write
from crm.cib import intents
from crm.cib.changes import Batch, Edit


def routes(service: Service, picture: Callable[[], Picture]) -> APIRouter:
    router = APIRouter(prefix="/nodes", tags=["nodes"])

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
        known = ", ".join(node.name for node in nodes)
        raise ProblemError("no-such-node", f"The cluster has no node {name}", f"There are {known}")

    @router.post("/{name}/standby")
    async def standby(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """Let the node run nothing; what it runs moves away. Undone by online."""
        change = intents.node_attribute(service.cib(), name, "standby", "on")
        return await write(service, change, response, dry_run=dry_run)

    @router.post("/{name}/online")
    async def online(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """End standby and maintenance of the node."""
        cib = service.cib()
        ended = [intents.node_attribute(cib, name, attribute, None) for attribute in ("standby", "maintenance")]
        edits: tuple[Edit, ...] = tuple(edit for edit in ended if edit is not None)
        return await write(service, Batch(edits) if edits else None, response, dry_run=dry_run)

    @router.post("/{name}/maintenance")
    async def maintenance(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """Leave everything on the node as it is, and do not watch it. Undone by online."""
        change = intents.node_attribute(service.cib(), name, "maintenance", "true")
        return await write(service, change, response, dry_run=dry_run)

    return router
