"""Tickets: what this site may run. Granted by hand, or by whatever decides between the sites."""

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
from crm.api.views.answer_values import Wish
from crm.api.writing.commit import Written, write_made
from crm.cib import queries
from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.edits import objects
from crm.cib.objects.catalogue import CONSTRAINTS
from crm.model.values import is_true


class TicketValue(BaseModel):
    """A ticket that the cluster knows, or that a constraint names."""

    id: str
    granted: bool
    standby: bool = Field(description="granted, but what depends on it is stopped in an orderly way")
    last_granted: str | None = Field(examples=["2030-01-31T12:00:00+00:00"])
    constraints: list[str] = Field(description="what depends on it")


class TicketWish(Wish):
    """What shall become of it; what is left out stays."""

    granted: bool | None = None
    standby: bool | None = None


def routes(service: NodeService, now: Callable[[], int]) -> APIRouter:
    router = versioned("tickets", "/tickets")

    @router.get("")
    async def list_tickets(page: Paging) -> list[TicketValue]:
        """Every ticket that was ever granted, or that a constraint names."""
        return page.of(tickets(readable(service)), lambda ticket: ticket.id)

    @router.get("/{name}")
    async def read_ticket(name: str) -> TicketValue:
        """One ticket."""
        found = tickets(readable(service))
        for each in found:
            if each.id == name:
                return each
        known = ", ".join(each.id for each in found) or "none yet"
        raise ProblemError("no-such-ticket", f"The cluster knows no ticket {name}", f"There are {known}")

    @router.patch("/{name}")
    async def change_ticket(name: str, wish: TicketWish, response: Response, dry_run: DryRun = False) -> Written:
        """Grant or revoke it, or put it in standby. Revoking acts as the loss-policy of each constraint says."""

        def make(document: Document) -> Change | None:
            return objects.ticket(document, name, granted=wish.granted, standby=wish.standby, now=now())

        return await write_made(service, make, response, dry_run=dry_run)

    @router.delete("/{name}")
    async def forget_ticket(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """Forget it, as if it had never been granted."""
        return await write_made(
            service, lambda document: objects.forget_ticket(document, name), response, dry_run=dry_run
        )

    return router


def tickets(document: Document) -> list[TicketValue]:
    """Those of the status, then those that only constraints name."""
    states = queries.ticket_states(document)
    users: dict[str, list[str]] = {name: [] for name in states}
    for element in CONSTRAINTS.elements(document):
        if element.tag == "rsc_ticket":
            users.setdefault(str(element.get("ticket")), []).append(str(element.get("id")))
    found = []
    for name, constraints in users.items():
        state = states.get(name)
        found.append(TicketValue(
            id=name,
            granted=state is not None and is_true(state.get("granted")),
            standby=state is not None and is_true(state.get("standby")),
            last_granted=None if state is None else objects.granted_at(state),
            constraints=constraints,
        ))
    return found
