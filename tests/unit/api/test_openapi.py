"""The OpenAPI document is complete: whoever adds a route and leaves something out is told here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from crm.api.app import create
from crm.api.auth.authentication import AuthenticationSettings
from crm.api.auth.scopes import Scope
from crm.api.views.openapi import NO_EXAMPLE, complete, operations
from tests.unit.api.node import FakeNode

APP = create(FakeNode(), doors=AuthenticationSettings(b"0123456789abcdef"))
DOCUMENT = APP.openapi()
OPERATIONS = [pytest.param(path, method, operation, id=f"{method.upper()} {path}")
              for path, method, operation in operations(DOCUMENT)]


def _is_valid(value: object, schema: dict[str, Any]) -> None:
    jsonschema.validate(value, {**schema, "components": DOCUMENT["components"]})


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_what_it_does_and_to_whom(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"] and len(operation["summary"]) < 130
    assert operation["description"].rstrip().endswith(".")
    assert operation["tags"]
    assert Scope(operation["x-scope"])
    assert path.startswith("/v1/health/") or operation["security"]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_answer_is_described_with_an_example_that_fits(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    assert {"4XX", "5XX"} <= set(operation["responses"])
    assert any(status.startswith("2") for status in operation["responses"])
    for status, response in operation["responses"].items():
        assert response["description"]
        assert response["content"], f"{status} has no content"
        for kind, content in response["content"].items():
            assert content["schema"], f"{status} {kind} has no schema"
            _is_valid(content["example"], content["schema"])


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_everything_that_is_sent_has_an_example_that_fits(path: str, method: str, operation: dict[str, Any]) -> None:
    for parameter in operation["parameters"]:
        _is_valid(parameter["example"], parameter["schema"])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        _is_valid(content["example"], content["schema"])
    sent = {parameter["name"] for parameter in operation["parameters"]}
    assert {part.strip("{}") for part in path.split("/") if part.startswith("{")} <= sent
    assert (method == "get") != ("Idempotency-Key" in sent)


def test_every_field_of_every_value_is_of_a_known_type() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema.get("description") or "oneOf" in schema, f"{name} says nothing of itself"
        for field, value in schema.get("properties", {}).items():
            known = {"type", "$ref", "anyOf", "allOf", "oneOf", "enum", "const"} & set(value)
            assert known or (name, field) == ("OffenceValue", "value"), f"{name}.{field}"


def test_no_route_is_left_out_but_those_for_head() -> None:
    routes = list(_routes(APP.routes))
    hidden = [route for route in routes if not route.include_in_schema]
    assert len(routes) - len(hidden) == len(OPERATIONS)
    assert all(route.methods == {"HEAD"} or route.path in ("/openapi.json", "/docs") for route in hidden)


def _routes(routes: Iterable[Any]) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router.routes)


def test_what_has_no_example_is_named() -> None:
    router = APIRouter()

    @router.get("/odd")
    async def odd(strangeness: str) -> str:
        """An odd thing."""
        return strangeness

    app = FastAPI()
    app.include_router(router)
    assert f"{NO_EXAMPLE} strangeness" in json.dumps(complete(app.openapi()))


def test_nothing_is_without_an_example() -> None:
    assert NO_EXAMPLE not in json.dumps(DOCUMENT)


CHANGES_NOTHING_OF_THE_CLUSTER = {"/v1/tokens", "/v1/certificates", "/v1/simulate", "/v1/tasks/wait",
                                  "/v1/tasks/follow"}


@pytest.mark.parametrize(("path", "method", "operation"), [each for each in OPERATIONS if each.values[1] != "get"])
def test_every_write_can_be_planned_only(path: str, method: str, operation: dict[str, Any]) -> None:
    parameters = {parameter["name"] for parameter in operation["parameters"]}
    nothing = path in CHANGES_NOTHING_OF_THE_CLUSTER or (method, path) == ("delete", "/v1/tasks/{task_id}")
    assert ("dry_run" in parameters) != nothing


SHORT_LISTS = {"/v1/fencing/coverage", "/v1/cib/differences"}


@pytest.mark.parametrize(("path", "method", "operation"), [each for each in OPERATIONS if each.values[1] == "get"])
def test_every_list_comes_in_pages(path: str, method: str, operation: dict[str, Any]) -> None:
    content = operation["responses"]["200"]["content"].get("application/json")
    is_list = content is not None and content["schema"].get("type") == "array"
    paged = {"limit", "after"} <= {parameter["name"] for parameter in operation["parameters"]}
    assert paged == (is_list and path not in SHORT_LISTS)
