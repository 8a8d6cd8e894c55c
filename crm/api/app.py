"""The REST API of one node as an ASGI application. Made from a service, so tests and daemons make it alike."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import FastAPI

from crm.api.auth.authentication import AuthenticationMiddleware, AuthenticationSettings
from crm.api.auth.permission import is_restricted, readable, sees_secrets
from crm.api.middleware import problems, routing
from crm.api.middleware.blocking_queries import BlockingQueries
from crm.api.middleware.idempotency import Idempotency
from crm.api.queries.cluster_agents import ClusterAgents
from crm.api.resources import (
    agent_routes,
    attribute_routes,
    audit_routes,
    cib_routes,
    cluster_routes,
    event_routes,
    fencing_routes,
    health_routes,
    history_routes,
    member_routes,
    monitor_routes,
    node_routes,
    object_routes,
    operation_routes,
    option_routes,
    resource_routes,
    simulation_routes,
    status_routes,
    task_routes,
    ticket_routes,
    token_routes,
    transition_routes,
)
from crm.api.resources.monitor_routes import Display
from crm.api.service import NodeService
from crm.api.views import metrics, openapi
from crm.api.views.cluster_view import ClusterView
from crm.api.writing.write_checks import WriteChecks
from crm.cib.redaction import redacted_text, without_secrets

_DESCRIPTION = """
Any node answers. Changes go to the elected coordinator (DC) and are acknowledged when a majority of the nodes has them
on disk. Errors are problem+json (RFC 9457) with a stable `code`, the cause in `detail` and the `next_step`. Writes take
`dry_run=true` and answer with the plan instead.
"""


def create(
    service: NodeService,
    *,
    display: Display | None = None,
    clock: Callable[[], float] = time.time,
    doors: AuthenticationSettings | None = None,
) -> FastAPI:
    """The application for a node. `display` writes what `crm_mon` shows; `clock` gives epoch seconds; without
    `doors` everybody is let in (for tests).
    """
    app = FastAPI(title="crmd", description=_DESCRIPTION, version="1", openapi_url=None)
    app.add_middleware(Idempotency, clock=clock)
    app.add_middleware(BlockingQueries, service=service)
    if doors is not None:
        app.add_middleware(AuthenticationMiddleware, service=service, settings=doors, clock=clock)
    picture = _cached_picture(service, clock)

    agents = ClusterAgents(service)
    checks = WriteChecks(service, agents)

    def now() -> int:
        return int(clock())

    routing.add(
        app,
        metrics.routes(service, picture),
        cluster_routes.routes(service, picture, now),
        member_routes.routes(service),
        event_routes.routes(service, picture),
        monitor_routes.routes(service, picture, display),
        node_routes.routes(service, picture),
        object_routes.routes(service, checks),
        agent_routes.routes(agents),
        resource_routes.routes(service, picture, now, checks),
        history_routes.routes(service),
        transition_routes.routes(service),
        status_routes.routes(service, picture, now),
        task_routes.routes(service, now),
        cib_routes.routes(service, checks.of_xml, checks.of_all),
        simulation_routes.routes(service, now, checks.of_plan),
        ticket_routes.routes(service, now),
        operation_routes.routes(service, picture),
        option_routes.routes(service),
        attribute_routes.routes(service, now),
        fencing_routes.routes(service, now),
        health_routes.routes(service, picture),
        audit_routes.routes(service),
    )
    if doors is not None:
        routing.add(app, token_routes.routes(service, doors, clock))
    openapi.install(app, object_routes.SHAPES)

    def hide(text: str, said: str) -> str:
        # To replace a guess of somebody who may not see secrets would tell them that it is right.
        return redacted_text(service.cib(), text, "" if sees_secrets(service) else said)

    problems.install(app, hide)
    return app


def _cached_picture(service: NodeService, clock: Callable[[], float]) -> Callable[[], ClusterView]:
    """The picture of what the asking user may read, worked out once per CIB and second, however many may read all.

    It has no secrets, whoever asks: it shows none, and what agents say of their failures may hold some.
    """
    last: tuple[int, ClusterView] | None = None

    def picture() -> ClusterView:
        nonlocal last
        document, now = without_secrets(readable(service)), int(clock())
        if is_restricted(service):
            return ClusterView.of(document, now)
        if last is None or last[0] != now or last[1].document is not document:
            last = (now, ClusterView.of(document, now))
        return last[1]

    return picture
