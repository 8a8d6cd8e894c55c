"""The REST API of one node as an ASGI application. Made from a service, so tests and daemons make it alike."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import APIRouter, FastAPI

from crm.api import (
    attribute_routes,
    cib_routes,
    cluster_routes,
    fencing_routes,
    health_routes,
    metrics,
    monitor_routes,
    node_routes,
    option_routes,
    problems,
    resource_routes,
    token_routes,
)
from crm.api.doors import Doors, DoorSettings
from crm.api.monitor_routes import Display
from crm.api.permission import readable
from crm.api.picture import Picture
from crm.api.service import Service

_DESCRIPTION = """
Any node answers. Changes go to the elected coordinator (DC) and are acknowledged when a majority of the nodes has them
on disk. Errors are problem+json (RFC 9457) with a stable `code`, the cause in `detail` and the `next_step`. Writes take
`dry_run=true` and answer with the plan instead.
"""


def create(
    service: Service,
    *,
    display: Display | None = None,
    clock: Callable[[], float] = time.time,
    doors: DoorSettings | None = None,
) -> FastAPI:
    """The application for a node. `display` writes what `crm_mon` shows; `clock` gives epoch seconds; without
    `doors` everybody is let in (for tests).
    """
    app = FastAPI(title="crmd", description=_DESCRIPTION, version="1", redoc_url=None)
    if doors is not None:
        app.add_middleware(Doors, service=service, settings=doors, clock=clock)
    picture = _cached_picture(service, clock)
    api = APIRouter(prefix="/v1")
    api.include_router(cluster_routes.routes(service, picture))
    api.include_router(monitor_routes.routes(service, picture, display))
    api.include_router(node_routes.routes(service, picture))
    api.include_router(resource_routes.routes(service, picture, lambda: int(clock())))
    api.include_router(cib_routes.routes(service))
    api.include_router(option_routes.routes(service))
    api.include_router(attribute_routes.routes(service))
    api.include_router(fencing_routes.routes(service, lambda: int(clock())))
    api.include_router(health_routes.routes(service, picture))
    if doors is not None:
        api.include_router(token_routes.routes(service, doors, clock))
    app.include_router(metrics.routes(service, picture))
    app.include_router(api)
    problems.install(app)
    return app


def _cached_picture(service: Service, clock: Callable[[], float]) -> Callable[[], Picture]:
    """The picture of what the asking user may read, worked out once per CIB and second, however many may read all."""
    last: tuple[int, Picture] | None = None

    def picture() -> Picture:
        nonlocal last
        document, now = readable(service), int(clock())
        if document is not service.cib():
            return Picture.of(document, now)
        if last is None or last[0] != now or last[1].document is not document:
            last = (now, Picture.of(document, now))
        return last[1]

    return picture
