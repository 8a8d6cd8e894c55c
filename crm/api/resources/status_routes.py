"""Everything that is known about one resource, or about one node, in one answer: what `crmctl status NAME` shows.

Secrets are replaced, whoever asks: a status is shown to others, and pasted into letters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from fastapi import APIRouter
from pydantic import BaseModel, Field

from crm.api.auth.permission import readable
from crm.api.middleware.routing import versioned
from crm.api.resources.node_routes import no_such_node
from crm.api.resources.operation_routes import FailCountValue, OperationValue, counts_of, operations_of
from crm.api.service import NodeService
from crm.api.views.answer_values import FailureValue, NodeValue, ResourceValue
from crm.api.views.change_outcome import promoted_on
from crm.api.views.cluster_view import ClusterView
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.objects.catalogue import CONSTRAINTS, RESOURCES
from crm.cib.objects.constraints import Colocation, Constraint, Location, Order, TicketNeed
from crm.cib.objects.resources import Primitive
from crm.cib.redaction import without_secrets
from crm.daemon.client_jobs import explanations
from crm.model.history import OperationStatus
from crm.policy_engine.explain.answers import Explanation
from crm.policy_engine.picture.names import base_name

_MOVES = ("cli-prefer-", "cli-ban-", "cli-standby-")


class RecurringValue(BaseModel):
    """An operation that is configured."""

    name: str = Field(examples=["monitor"])
    interval: str = Field(examples=["10s"])
    timeout: str | None
    role: str | None


class ConfiguredValue(BaseModel):
    """A primitive as it is configured, what a template says included."""

    id: str
    agent: str | None = Field(examples=["ocf:heartbeat:IPaddr2"])
    template: str | None
    parameters: dict[str, str] = Field(description="secrets are replaced")
    meta: dict[str, str]
    operations: list[RecurringValue]


class TouchingValue(BaseModel):
    """A constraint that names a resource, or something around it."""

    id: str
    kind: str = Field(examples=["order"])
    effect: str = Field(description="what it does, in words", examples=["web prefers with 100 node1."])
    temporary: bool = Field(description="a move or a ban left it: crmctl clear ends it")


class ResourceStatusValue(BaseModel):
    """All that is known about one resource."""

    resource: ResourceValue
    promoted: list[str] = Field(description="nodes where something of it is promoted", examples=[["node1"]])
    within: list[str] = Field(description="the group, clone or bundle that it is part of, the innermost first",
                              examples=[["site"]])
    configured: list[ConfiguredValue]
    constraints: list[TouchingValue]
    operations: list[OperationValue] = Field(description="last results, on each node")
    pending: list[OperationValue] = Field(description="operations under way")
    failures: list[FailureValue]
    fail_counts: list[FailCountValue]
    explanation: Explanation | None = Field(description="each node's score, why it is where it is, and what is planned")
    next_steps: list[str] = Field(description="what to do, or to look at", examples=[["crmctl cleanup web"]])


class RunningValue(BaseModel):
    """Something that runs on a node."""

    resource: str
    role: str


class NodeStatusValue(BaseModel):
    """All that is known about one node."""

    node: NodeValue
    running: list[RunningValue]
    operations: list[OperationValue]
    pending: list[OperationValue]
    failures: list[FailureValue]
    fail_counts: list[FailCountValue]
    constraints: list[TouchingValue] = Field(description="locations that name it")
    next_steps: list[str] = Field(description="what to do, or to look at", examples=[["crmctl online node1"]])


def routes(service: NodeService, picture: Callable[[], ClusterView], now: Callable[[], int]) -> APIRouter:
    router = versioned("status")

    @router.get("/resources/{name}/status")
    async def resource_status(name: str) -> ResourceStatusValue:
        """Everything that is known about one resource: configuration, places, results, failures, constraints."""
        shown = picture()
        if not shown.all_named(name):
            RESOURCES.element(shown.document, name)  # Says which name is near.
        explanation = await service.compute(explanations, shown.document, now(), name)
        return await asyncio.to_thread(_resource, shown, name, explanation)

    @router.get("/nodes/{name}/status")
    async def node_status(name: str) -> NodeStatusValue:
        """Everything that is known about one node: state, what runs, results, failures, constraints."""
        shown = picture()
        found = next((node for node in shown.nodes() if name in (node.name, node.id)), None)
        if found is None:
            raise no_such_node(name, shown)
        return _node(shown, without_secrets(readable(service)), found)

    return router


def _resource(picture: ClusterView, name: str, explanation: Explanation | None) -> ResourceStatusValue:
    document, names = picture.document, picture.names_in(name)
    found = picture.whole_resource(name) or _stopped(document, name)
    within = list(_around(document, base_name(name)))
    operations = [each for each in operations_of(document) if each.resource in names]
    failures = [each for each in picture.failures() if each.resource in names]
    constraints = list(_touching(document, {*names, *within}))
    return ResourceStatusValue(
        resource=found,
        promoted=promoted_on(found),
        within=within,
        configured=list(_configured(document, names)),
        constraints=constraints,
        operations=operations,
        pending=[each for each in operations if each.status == OperationStatus.PENDING],
        failures=failures,
        fail_counts=[each for each in counts_of(document) if each.resource in names],
        explanation=explanation,
        next_steps=list(_steps(found, failures, constraints, document)),
    )


def _stopped(document: Document, name: str) -> ResourceValue:
    """Something that is configured but that the planner knows under other names only, such as a template."""
    kind = RESOURCES.element(document, name).tag
    return ResourceValue(id=name, kind=str(kind), agent=None, role="Stopped", nodes=[], managed=True, failed=False,
                         blocked=False)


def _around(document: Document, name: str) -> Iterator[str]:
    element = RESOURCES.find(document, name)
    for outer in element.iterancestors("group", "clone", "master", "bundle") if element is not None else ():
        yield str(outer.get("id"))


def _configured(document: Document, names: frozenset[str]) -> Iterator[ConfiguredValue]:
    for element in RESOURCES.elements(document):
        if element.tag != "primitive" or element.get("id") not in names:
            continue
        value = RESOURCES.value(element)
        assert isinstance(value, Primitive), "a primitive is read as one"
        base = RESOURCES.find(document, value.template) if value.template else None
        inherited = RESOURCES.value(base) if base is not None else None
        operations = value.operations or (inherited.operations if inherited is not None else ())
        yield ConfiguredValue(
            id=value.id,
            agent=value.agent or (inherited.agent if inherited is not None else None),
            template=value.template,
            parameters={**(inherited.parameters if inherited is not None else {}), **value.parameters},
            meta={**(inherited.meta if inherited is not None else {}), **value.meta},
            operations=[RecurringValue(name=each.name, interval=each.interval, timeout=each.timeout, role=each.role)
                        for each in operations],
        )


def _touching(document: Document, names: set[str]) -> Iterator[TouchingValue]:
    for value in CONSTRAINTS.all(document):
        if names & set(_named(value)):
            yield _constraint(value)


def _constraint(value: Constraint) -> TouchingValue:
    return TouchingValue(id=value.id, kind=value.kind, effect=value.effect, temporary=value.id.startswith(_MOVES))


def _named(value: Constraint) -> Iterator[str]:
    """The resources that a constraint names."""
    for one in value.sets:
        yield from one.resources
    match value:
        case Location() | TicketNeed():
            named = [value.resource]
        case Colocation():
            named = [value.resource, value.with_resource]
        case Order():
            named = [value.first, value.then]
    yield from (each for each in named if each is not None)


def _steps(
    found: ResourceValue, failures: list[FailureValue], constraints: list[TouchingValue], document: Document
) -> Iterator[str]:
    yield from dict.fromkeys(each.next_step for each in failures)
    if any(each.temporary for each in constraints):
        yield f"End what moves and bans have left: crmctl clear {found.id}"
    if not found.managed:
        yield f"It is left as it is; see why: crmctl explain {found.id}"
    elif not found.nodes and _is_told_to_stop(document, found.id):
        yield f"It is told to be stopped; start it: crmctl resource start {found.id}"
    elif not found.nodes and not failures:
        yield f"See why it runs nowhere: crmctl explain {found.id}"


def _is_told_to_stop(document: Document, name: str) -> bool:
    from crm.cib.edits import objects

    try:
        return (objects.target_role(document, name) or "").lower() == "stopped"
    except CibError:
        return False


def _node(picture: ClusterView, document: Document, node: NodeValue) -> NodeStatusValue:
    operations = [each for each in operations_of(document) if each.node == node.name]
    failures = [each for each in picture.failures() if each.node == node.name]
    constraints = [_constraint(each) for each in CONSTRAINTS.all(document) if isinstance(each, Location)
                   and (each.node == node.name or f" {node.name}" in each.effect)]
    return NodeStatusValue(
        node=node,
        running=[RunningValue(resource=each.id, role=each.role.name.capitalize())
                 for known in picture.cluster.nodes if known.name == node.name for each in known.running],
        operations=operations,
        pending=[each for each in operations if each.status == OperationStatus.PENDING],
        failures=failures,
        fail_counts=[each for each in counts_of(document) if each.node == node.name],
        constraints=constraints,
        next_steps=list(_node_steps(node, failures)),
    )


def _node_steps(node: NodeValue, failures: list[FailureValue]) -> Iterator[str]:
    yield from dict.fromkeys(each.next_step for each in failures)
    if node.standby or node.maintenance:
        yield f"Let it work again: crmctl online {node.name}"
    if node.unclean:
        yield f"It has to be fenced; if it is off for sure: crmctl confirm {node.name} (see crmctl fence-history)"
    elif not node.online:
        yield f"Start crmd there, or see why it does not come: crmctl status on {node.name}"
