"""Node attributes: permanent ones stand in the configuration, transient ones last as long as their node is here."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from crm.api.permission import check_status_change, readable
from crm.api.routing import versioned
from crm.api.service import Service
from crm.api.values import UnchangedValue
from crm.api.writing import Written, write
from crm.cib import intents
from crm.cib.record import transient_attributes

Lifetime = Literal["reboot", "forever"]


class AttributesValue(BaseModel):
    """All attributes of a node; of a name that is in both, the transient one counts."""

    permanent: dict[str, str]
    transient: dict[str, str]


class AttributeWish(BaseModel):
    """A new value. `value++` and `value+=5` add to the present one (transient attributes only)."""

    value: str
    lifetime: Lifetime = Field("reboot", description="`forever` makes it a part of the configuration")
    dampening_ms: int | None = Field(
        None, ge=0, description="Write it when nothing has changed for so long, together with other nodes' values"
    )


def routes(service: Service) -> APIRouter:
    router = versioned("attributes", "/nodes/{node}/attributes")

    @router.get("")
    async def read_attributes(node: str) -> AttributesValue:
        """The attributes of a node."""
        document = readable(service)
        element = intents.configured_node(document, node)
        permanent = {str(pair.get("name")): str(pair.get("value", ""))
                     for pair in element.iterfind("instance_attributes/nvpair")}
        return AttributesValue(permanent=permanent, transient=transient_attributes(document, element.get("id", "")))

    @router.put("/{name}")
    async def set_attribute(node: str, name: str, wish: AttributeWish, response: Response) -> Written:
        """Set an attribute."""
        if wish.lifetime == "forever":
            change = intents.node_attribute(service.cib(), node, name, wish.value)
            return await write(service, change, response, dry_run=False)
        return await _set_transient(node, name, wish.value, wish.dampening_ms)

    @router.delete("/{name}")
    async def delete_attribute(node: str, name: str, response: Response, lifetime: Lifetime = "reboot") -> Written:
        """Remove an attribute."""
        if lifetime == "forever":
            change = intents.node_attribute(service.cib(), node, name, None)
            return await write(service, change, response, dry_run=False)
        return await _set_transient(node, name, None, None)

    async def _set_transient(node: str, name: str, value: str | None, dampening_ms: int | None) -> Written:
        check_status_change(service, "set attributes")
        await service.set_attribute(node, name, value, dampening_ms)
        return UnchangedValue(version=str(service.cib().version), term=service.status().term)

    return router
