"""Node attributes: permanent ones stand in the configuration, transient ones last as long as their node is here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from crm.api.auth.permission import check_status_change, readable
from crm.api.auth.requester import done_before, origin
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun
from crm.api.service import NodeService
from crm.api.views.answer_values import AcceptedValue, Wish
from crm.api.views.plan_values import PlanValue, planned
from crm.api.writing.commit import Written, write_made
from crm.cib.document import Document
from crm.cib.edits import cluster
from crm.cib.queries import permanent_attributes, transient_attribute, transient_attributes
from crm.cib.status_edits import set_attribute
from crm.cib.status_updates import TransientAttributeUpdate, apply_updates

Lifetime = Literal["reboot", "forever"]


class AttributesValue(BaseModel):
    """All attributes of a node; of a name that is in both, the transient one counts."""

    permanent: dict[str, str]
    transient: dict[str, str]


class AttributeWish(Wish):
    """A new value. `value++` and `value+=5` add to the present one (transient attributes only)."""

    value: str
    lifetime: Lifetime = Field("reboot", description="`forever` makes it a part of the configuration")
    dampening_ms: int | None = Field(
        None, ge=0, description="Write it when nothing has changed for so long, together with other nodes' values"
    )


def routes(service: NodeService, now: Callable[[], int]) -> APIRouter:
    router = versioned("attributes", "/nodes/{node}/attributes")

    @router.get("")
    async def read_attributes(node: str) -> AttributesValue:
        """The attributes of a node."""
        document = readable(service)
        element = cluster.configured_node(document, node)
        return AttributesValue(permanent=permanent_attributes(element),
                               transient=transient_attributes(document, element.get("id", "")))

    @router.put("/{name}")
    async def set_attribute(
        node: str, name: str, wish: AttributeWish, response: Response, dry_run: DryRun = False
    ) -> Written | AcceptedValue:
        """Set an attribute."""
        if wish.lifetime == "forever":
            return await _set_permanent(node, name, wish.value, response, dry_run)
        return await _set_transient(node, name, wish.value, wish.dampening_ms, dry_run)

    @router.delete("/{name}")
    async def delete_attribute(
        node: str, name: str, response: Response, lifetime: Lifetime = "reboot", dry_run: DryRun = False
    ) -> Written | AcceptedValue:
        """Remove an attribute."""
        if lifetime == "forever":
            return await _set_permanent(node, name, None, response, dry_run)
        return await _set_transient(node, name, None, None, dry_run)

    async def _set_permanent(node: str, name: str, value: str | None, response: Response, dry_run: bool) -> Written:
        return await write_made(
            service, lambda document: cluster.node_attribute(document, node, name, value), response, dry_run=dry_run
        )

    async def _set_transient(
        node: str, name: str, value: str | None, dampening_ms: int | None, dry_run: bool
    ) -> PlanValue | AcceptedValue:
        check_status_change(service, "set attributes")
        if dry_run:
            document = service.cib()
            return await planned(service, document, _with_transient(document, node, name, value), now())
        if await done_before(service) is None:
            await service.set_attribute(node, name, value, dampening_ms, origin=origin())
        return AcceptedValue(version=str(service.cib().version), term=service.status().term)

    return router


def _with_transient(document: Document, node: str, name: str, value: str | None) -> Document:
    """The CIB with a transient attribute set. Raises CibError (no-such-node)."""
    node_id = str(cluster.configured_node(document, node).get("id"))
    new = None if value is None else set_attribute(value, transient_attribute(document, node_id, name))
    return apply_updates(document, [TransientAttributeUpdate(node_id, name, new)])
