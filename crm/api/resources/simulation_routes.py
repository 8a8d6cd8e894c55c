"""What would happen if: changes, losses of nodes, failures of resources, tickets, tried on a pretended cluster."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from pydantic import Field

from crm.api.auth.permission import check_change, readable
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.queries.bounded_xpath import with_paths
from crm.api.queries.off_loop import beside
from crm.api.resources.cib_routes import EditValue
from crm.api.service import NodeService
from crm.api.views.answer_values import Wish
from crm.api.views.cluster_view import ClusterView
from crm.api.views.plan_values import PlanValue, planned
from crm.api.writing.commit import Check, checked
from crm.cib.changes import Batch, Edit, Replace
from crm.cib.document import Document
from crm.cib.edits import cluster, objects
from crm.failover_simulation.faults import Fault, FaultKind
from crm.failover_simulation.simulated_cluster import active


class FailureWish(Wish):
    """A resource that is to be found failed on a node."""

    resource: str
    node: str | None = Field(None, description="where; without it: where it runs first")


class SimulationRequest(Wish):
    """What is assumed to happen, all of it together. Nothing is done to the cluster."""

    configuration: str | None = Field(None, description="a whole configuration as XML in place of the present one")
    changes: list[EditValue] = Field([], description="edits, as PATCH /v1/cib takes them")
    lost_nodes: list[str] = Field([], examples=[["node1"]])
    standby_nodes: list[str] = Field([])
    failures: list[FailureWish] = Field([])
    granted_tickets: list[str] = Field([])
    revoked_tickets: list[str] = Field([])


def routes(service: NodeService, now: Callable[[], int], check: Check) -> APIRouter:
    """The routes; `check` looks at what would be written."""
    router = versioned("plans")

    @router.post("/simulate")
    async def simulate(scenario: SimulationRequest) -> PlanValue:
        """What the cluster would do: actions with reasons, interruptions, fencing, warnings."""
        present = readable(service)
        wanted = await _changed(present, scenario, now())
        check_change(present, wanted)
        changes = wanted is not present
        reports = [*await beside(checked, wanted), *await check(present, wanted)] if changes else []
        faults = await beside(_faults, wanted, scenario, now())
        return await planned(service, present, wanted, now(), reports, faults)

    return router


async def _changed(document: Document, scenario: SimulationRequest, now: int) -> Document:
    """The CIB with the changes of a scenario. Raises CibError."""
    if scenario.configuration is not None:
        document = await beside(document.apply, Replace(scenario.configuration, "configuration"))
    edits: list[Edit] = [Edit(**edit.model_dump()) for edit in scenario.changes]
    if edits:
        document = await beside(document.apply, await with_paths(document, Batch(tuple(edits))))
    return await beside(_wished, document, scenario, now)


def _wished(document: Document, scenario: SimulationRequest, now: int) -> Document:
    for name in scenario.standby_nodes:
        change = cluster.node_attribute(document, name, "standby", "on")
        document = document if change is None else document.apply(change)
    for names, granted in ((scenario.granted_tickets, True), (scenario.revoked_tickets, False)):
        for name in names:
            ticket = objects.ticket(document, name, granted=granted, standby=None, now=now)
            document = document if ticket is None else document.apply(ticket)
    return document


def _faults(document: Document, scenario: SimulationRequest, now: int) -> list[Fault]:
    picture = ClusterView.of(document, now)
    known = {node.name for node in picture.cluster.nodes}
    for name in scenario.lost_nodes:
        if name not in known:
            hint = f"There are {', '.join(sorted(known))}"
            raise ProblemError("no-such-node", f"The cluster has no node {name}", hint)
    lost = [Fault(FaultKind.NODE, (name,)) for name in scenario.lost_nodes]
    return [*lost, *(_failure(picture, wish) for wish in scenario.failures)]


def _failure(picture: ClusterView, wish: FailureWish) -> Fault:
    nodes = [node.name for each in active(picture.cluster, wish.resource) for node in each.active_on]
    if not nodes or wish.node not in (None, *nodes):
        where = f" on {wish.node}" if wish.node else ""
        hint = f"It runs on {', '.join(nodes)}" if nodes else "Name a primitive that is active"
        raise ProblemError("not-running", f"{wish.resource} does not run{where}, so it cannot fail there", hint)
    return Fault(FaultKind.RESOURCE, (wish.node or nodes[0],), wish.resource)
