"""How routes come together: one flat list of routes that take only what they know.

FastAPI's own `include_router` works out every route anew at each level of inclusion, models and all: that cost 7 MB
and two thirds of the time in which a route is found. So a router knows its whole path, and its routes are moved as
they are.

A parameter of the query that a route does not know is refused: `?dryrun=true` must not carry out what was only to be
planned. So is text that no CIB can hold.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from crm.api.middleware import blocking_queries, unstorable
from crm.api.middleware.problems import ProblemError

VERSION = "/v1"


class StrictRoute(APIRoute):
    """A route that refuses parameters of the query that it does not know, and text that cannot be stored."""

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names of its parameters; worked out when it is asked first, as a daemon has to start quickly."""
        declared = frozenset(_parameters(self.dependant))
        waits = "GET" in (self.methods or ()) and blocking_queries.takes_index(self.path)
        return declared | blocking_queries.NAMES if waits else declared

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            unknown = [name for name in request.query_params if name not in self.parameters]
            if unknown:
                raise _unknown(unknown[0], self.parameters)
            unstorable.check(await request.body())
            return await handle(request)

        return strict


def _parameters(dependant: Dependant) -> Iterator[str]:
    """What a function takes from the query, and what it depends on takes."""
    yield from (field.alias for field in dependant.query_params)
    for other in dependant.dependencies:
        yield from _parameters(other)


def _unknown(name: str, known: frozenset[str]) -> ProblemError:
    near = get_close_matches(name, known, 1)
    there = f"There are {', '.join(sorted(known))}" if known else "Leave it out: there are none here"
    hint = f"Did you mean {near[0]}?" if near else there
    return ProblemError("unknown-parameter", f"There is no parameter {name} here; nothing was done", hint)


def versioned(tag: str, prefix: str = "") -> APIRouter:
    """A router for paths below `/v1` and the prefix; the tag groups its routes in the documentation."""
    return APIRouter(prefix=VERSION + prefix, tags=[tag], route_class=StrictRoute)


def add(to: FastAPI | APIRouter, *routers: APIRouter) -> None:
    """Add the routes of routers that have no prefix or tag to come."""
    own = to.router if isinstance(to, FastAPI) else to
    for router in routers:
        own.routes.extend(router.routes)
