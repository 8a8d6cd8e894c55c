"""The configured objects of every kind as JSON: list, read, create, replace, change in part, delete.

One set of routes for all kinds of `crm.cib.objects`; what is special about a kind (a resource's agent is asked whether
the parameters are right) comes in as a check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from crm.api.auth.permission import readable
from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import add, versioned
from crm.api.resources.cib_routes import DryRun, Force, IfMatch, json_body
from crm.api.service import NodeService
from crm.api.views.object_shapes import ObjectShape
from crm.api.views.plan_values import ONLY_PLANNED
from crm.api.writing.commit import Check, Written, etag, seen_of, write_made
from crm.api.writing.write_checks import WriteChecks
from crm.cib.document import Document
from crm.cib.objects import catalogue, object_changes
from crm.cib.objects.catalogue import Collection
from crm.cib.objects.cluster_objects import AclGroup, AclRole, AclUser, Alert, Defaults, FencingLevel, Tag
from crm.cib.objects.constraints import Constraint
from crm.cib.objects.resources import Resource

MakeCheck = Callable[[Any, bool], Check]
"""What looks at an object before it is written: of the object, and whether to go on whatever is wrong."""

KeepMembers = Annotated[bool, Query(description="Of a group or clone: keep what is in it")]

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class _Family:
    """A collection on the web: the shape of its objects, and where they are.

    plural   the path of all; `create` and `delete` of one are there, too
    item     the path of one
    """

    collection: Collection
    shape: ObjectShape
    tag: str
    plural: str
    item: str
    create: str
    delete: str


def _simple(collection: Collection, shape: ObjectShape, tag: str, path: str) -> _Family:
    return _Family(collection, shape, tag, path, f"{path}/{{identity}}", path, f"{path}/{{identity}}")


_RESOURCES = _Family(
    catalogue.RESOURCES,
    ObjectShape("ResourceDefinition", Annotated[Resource, Field(discriminator="kind")]),
    "resources",
    "/resources/definitions",
    "/resources/{identity}/definition",
    "/resources",
    "/resources/{identity}",
)
_CONSTRAINT = ObjectShape("Constraint", Annotated[Constraint, Field(discriminator="kind")])
_DEFAULTS = ObjectShape("Defaults", Defaults)
_OTHERS = (
    _simple(catalogue.CONSTRAINTS, _CONSTRAINT, "constraints", "/constraints"),
    _simple(catalogue.TAGS, ObjectShape("Tag", Tag), "tags", "/tags"),
    _simple(catalogue.ALERTS, ObjectShape("Alert", Alert), "alerts", "/alerts"),
    _simple(catalogue.ACL_ROLES, ObjectShape("AclRole", AclRole), "acl", "/acl/roles"),
    _simple(catalogue.ACL_USERS, ObjectShape("AclUser", AclUser), "acl", "/acl/users"),
    _simple(catalogue.ACL_GROUPS, ObjectShape("AclGroup", AclGroup), "acl", "/acl/groups"),
    _simple(catalogue.FENCING_LEVELS, ObjectShape("FencingLevel", FencingLevel), "fencing", "/fencing/levels"),
    _simple(catalogue.RESOURCE_DEFAULTS, _DEFAULTS, "defaults", "/defaults/resources"),
    _simple(catalogue.OPERATION_DEFAULTS, _DEFAULTS, "defaults", "/defaults/operations"),
)


SHAPES = tuple({family.shape.name: family.shape for family in (_RESOURCES, *_OTHERS)}.values())
"""For the OpenAPI document."""

def routes(service: NodeService, checks: WriteChecks) -> APIRouter:
    """The routes of all kinds."""
    router = versioned("resources")
    _add(router, service, _RESOURCES, checks.of_resource)
    _add_resource_deletion(router, service)
    for family in _OTHERS:
        _add(router, service, family, checks.of_object)
        _add_deletion(router, service, family)
    return router


def _add(router: APIRouter, service: NodeService, family: _Family, make_check: MakeCheck) -> None:
    """The routes of one kind."""
    own = versioned(family.tag)
    _add_reading(own, service, family)
    _add_writing(own, service, family, make_check)
    _add_change(own, service, family, make_check)
    add(router, own)


def _described(family: _Family, handler: _Handler, text: str) -> _Handler:
    """One handler serves many kinds, so each gets a name and a description of its own."""
    handler.__doc__ = text
    handler.__name__ = f"{handler.__name__}_{family.create.strip('/').replace('/', '_')}"
    return handler


def _add_reading(router: APIRouter, service: NodeService, family: _Family) -> None:
    collection, shape = family.collection, family.shape

    async def list_all(page: Paging) -> JSONResponse:
        document = readable(service)
        values = [shape.told(value) for value in page.of(collection.all(document), lambda value: str(value.id))]
        return JSONResponse(values, headers={"ETag": etag(seen_of(service, document)), **page.headers})

    async def read_one(identity: str) -> JSONResponse:
        document = readable(service)
        value = collection.value(collection.element(document, identity))
        return JSONResponse(shape.told(value), headers={"ETag": etag(seen_of(service, document))})

    text = f"Every {collection.name} as it is configured."
    router.get(family.plural, responses=shape.as_answer(many=True))(_described(family, list_all, text))
    text = f"One {collection.name} as it is configured."
    router.get(family.item, responses=shape.as_answer())(_described(family, read_one, text))


def _add_writing(router: APIRouter, service: NodeService, family: _Family, make_check: MakeCheck) -> None:
    collection, shape = family.collection, family.shape

    async def create(
        request: Request, response: Response, if_match: IfMatch = None, dry_run: DryRun = False, force: Force = False
    ) -> Written:
        value = shape.read(await json_body(request))
        written = await write_made(
            service, lambda document: object_changes.create(document, collection, value), response,
            if_match=if_match, dry_run=dry_run, check=make_check(value, force),
        )
        response.status_code = 200 if dry_run else 201
        return written

    async def replace(
        identity: str, request: Request, response: Response, if_match: IfMatch = None, dry_run: DryRun = False,
        force: Force = False,
    ) -> Written:
        value = shape.read(await json_body(request))
        _check_same(identity, value.id)
        return await write_made(
            service, lambda document: object_changes.replace(document, collection, value), response,
            if_match=if_match, dry_run=dry_run, check=make_check(value, force),
        )

    text = f"Create a {collection.name}."
    router.post(family.create, status_code=201, responses=ONLY_PLANNED, openapi_extra=shape.as_body())(
        _described(family, create, text)
    )
    text = f"Replace a {collection.name} by this one. What has no field here stays."
    router.put(family.item, openapi_extra=shape.as_body())(_described(family, replace, text))


def _add_change(router: APIRouter, service: NodeService, family: _Family, make_check: MakeCheck) -> None:
    collection, shape = family.collection, family.shape

    async def change(
        identity: str, patch: Annotated[dict[str, Any], Body()], response: Response, if_match: IfMatch = None,
        dry_run: DryRun = False, force: Force = False,
    ) -> Written:
        def merged(document: Document) -> Any:
            present = collection.value(collection.element(document, identity))
            return shape.read(merge(shape.told(present), patch))

        value = merged(service.cib())
        _check_same(identity, value.id)
        return await write_made(
            service, lambda document: object_changes.replace(document, collection, merged(document)), response,
            if_match=if_match, dry_run=dry_run, check=make_check(value, force),
        )

    text = (
        f"Change a {collection.name} in part (RFC 7396): what is not named stays, null removes, lists are given whole."
    )
    router.patch(family.item)(_described(family, change, text))


def _add_deletion(router: APIRouter, service: NodeService, family: _Family) -> None:
    own = versioned(family.tag)

    async def delete(
        identity: str, response: Response, if_match: IfMatch = None, dry_run: DryRun = False
    ) -> Written:
        return await write_made(
            service, lambda document: object_changes.delete(document, family.collection, identity), response,
            if_match=if_match, dry_run=dry_run,
        )

    own.delete(family.delete)(_described(family, delete, f"Delete a {family.collection.name}."))
    add(router, own)


def _add_resource_deletion(router: APIRouter, service: NodeService) -> None:
    @router.delete(_RESOURCES.delete)
    async def delete_resource(
        identity: str, response: Response, keep_members: KeepMembers = False, if_match: IfMatch = None,
        dry_run: DryRun = False,
    ) -> Written:
        """Delete a resource with its constraints and what is in it. If it runs, the cluster stops it."""
        change = object_changes.dissolve if keep_members else object_changes.delete
        return await write_made(
            service, lambda document: change(document, catalogue.RESOURCES, identity), response,
            if_match=if_match, dry_run=dry_run,
        )


def merge(present: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396) applied."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(present) if isinstance(present, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _check_same(asked: str, given: str) -> None:
    if asked != given:
        message = f"The path says {asked}, the object says {given}: an id cannot be changed"
        raise ProblemError("bad-request", message, "Delete it and create it under the other id")
