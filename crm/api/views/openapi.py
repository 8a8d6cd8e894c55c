"""The OpenAPI document, completed: what holds for all routes is said here once and not at each of them.

That is: the errors (problem+json), the headers of every answer, waiting for a newer state, idempotency keys, who may
come in and with which scope, and an example for everything. Examples of single fields stand with the fields, or, where
a word means the same everywhere, in `USUAL`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from crm.api.auth.scopes import READING, needed
from crm.api.middleware import blocking_queries, paging
from crm.api.middleware.idempotency import HEADER, LONGEST_KEY
from crm.api.middleware.problems import MEDIA_TYPE
from crm.api.views.object_shapes import ObjectShape, describe

_Json = dict[str, Any]

USUAL: dict[str, object] = {
    "id": "web",
    "agent": "ocf:crmd:HttpServer",
    "name": "web",
    "node": "node1",
    "nodes": ["node1"],
    "resource": "web",
    "resources": ["web"],
    "role": "Started",
    "version": "0.12.4",
    "term": 3,
    "code": "unknown-option",
    "severity": "warning",
    "detail": "the DC is node1",
    "message": "There is no option “stonith-enable”",
    "hint": "Did you mean stonith-enabled?",
    "next_step": "Mend the cause, then: crmctl cleanup web",
    "where": "cib-bootstrap-options-stonith-enable",
    "reason": "port 8080 is in use",
    "problem": "",
    "operation": "monitor",
    "action": "start",
    "answered_by": "node1",
    "path": "/cib/configuration/resources/primitive[@id='web']",
    "standard": "ocf",
    "provider": "crmd",
    "strategy": "restart",
    "reference": "web",
    "template": "web-template",
    "configuration": "<configuration>…</configuration>",
    "constraints": ["prefer-node2"],
    "headlines": ["web moves from node1 to node2"],
    "details": "how long to wait for an answer",
    "outcome": "done",
    "default": "true",
    "choices": ["stop", "freeze", "ignore"],
    "devices": ["power"],
    "target_pattern": "node[0-9]+",
    "target_attribute": "rack",
    "target_value": "b",
    "resource_pattern": "web-.*",
    "score_attribute": "pingd",
    "older_names": ["stonith-enabled"],
    "unique_group": "address",
    "identity": "web",
    "depth": "0",
    "count": "1",
    "until": "0.13.0",
    "timeout": "20s",
    "interval": "10s",
    "description": "the shop's front page",
    "task_id": "node1-4",
    "on": ["node1"],
    "goes_to": "node2",
    "headline": "web moves from node1 to node2",
    "what": "Move",
    "why": ["node1 is in standby"],
    "because": ["web must stop on node1 first"],
    "verdict": "the best score",
    "score": "100",
    "next_role": "Started",
    "task": "start web on node2",
    "key": "web_start_0",
    "cause": "preference",
    "change": "+100",
    "text": "the constraint prefer-node2 adds 100",
    "state": "idle",
    "dc": "node1",
    "kind": "primitive",
    "members": ["node1", "node2", "node3"],
    "attributes": {"rack": "b"},
    "permanent": {"rack": "b"},
    "transient": {"pingd": "100"},
    "transition": {"id": 7, "total": 12, "done": 9, "in_flight": 2, "failed": 0},
    "user": "anna",
    "refused": True,
    "value": "true",
    "target": "node2",
    "origin": "node1",
    "origins": ["node1", "node3"],
    "device": "power",
    "executor": "node3",
    "ways": [["power"]],
    "tested": ["power: answers for node2"],
    "xml": '<primitive id="web" class="ocf" provider="crmd" type="HttpServer"/>',
    "section": "resources",
    "xpath": "//primitive[@id='web']",
    "token_id": "006554a2d0a1b2c3d4e5f6",
    "since": "0.12.4@3",
    "last-event-id": "0.12.4@3",
    "if-match": '"0.12.4"',
    "after": "web",
    "limit": 100,
    "begun_at": 1767225600,
    "ended_at": 1767225602,
    "at": 1767225600,
    "index": "0.12.4@3",
    "expires": "2026-04-01T12:00:00Z",
}
"""Examples of what has the same meaning wherever it stands, by the name of the field or parameter."""

NO_EXAMPLE = "(no example of)"
"""Stands where one is missing: give the field one, or add the word to `USUAL`. A test looks for it."""

_PROBLEM_EXAMPLE = {
    "type": "urn:crmd:problem:no-such-resource",
    "title": "Not Found",
    "status": 404,
    "code": "no-such-resource",
    "detail": "The cluster has no resource wob",
    "next_step": "Did you mean web?",
}


class OffenceValue(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="such as body.for_seconds", examples=["body.for_seconds"])
    message: str = Field(examples=["Input should be greater than or equal to 1"])
    value: Any = Field(None, description="what was sent there", examples=[-5])


class ProblemValue(BaseModel):
    """An error (RFC 9457). `code` is stable: programs go by it, people by the rest."""

    type: str = Field(examples=["urn:crmd:problem:no-such-resource"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["no-such-resource"])
    detail: str = Field(description="the cause", examples=["The cluster has no resource wob"])
    next_step: str = Field(description="what to do about it", examples=["Did you mean web?"])
    where: str | None = Field(None, description="the element of the CIB that it is about")
    line: int | None = Field(None, description="its line in the text that was sent")
    errors: list[OffenceValue] = Field([], description="everything that is wrong with the request")


def install(app: FastAPI, known: Sequence[ObjectShape]) -> None:
    """Have the application describe itself completely, with the shapes that its routes read by themselves."""
    make, making = app.openapi, threading.Lock()
    made: list[_Json] = []

    def completed() -> _Json:
        with making:
            if not made:
                document = make()
                describe(document, known)
                made.append(complete(document))
        return made[0]

    app.openapi = completed  # type: ignore[method-assign]

    @app.get("/openapi.json", include_in_schema=False)
    async def read_document() -> JSONResponse:
        # It takes a second to make, once; the daemon's loop must not stand still that long, or its node counts as lost.
        return JSONResponse(await asyncio.to_thread(app.openapi))

    @app.get("/docs", include_in_schema=False)
    async def read_pages() -> HTMLResponse:
        return get_swagger_ui_html(openapi_url="/openapi.json", title=app.title)


def complete(document: _Json) -> _Json:
    """The document with everything that FastAPI cannot know. Changes and returns what it is given."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    own = ProblemValue.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(own.pop("$defs"))
    schemas["ProblemValue"] = own
    headers = blocking_queries.HEADERS | paging.HEADERS
    components["headers"] = {name: _header(text) for name, text in headers.items()}
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "crmctl token create USER --scope …"},
        "certificate": {"type": "mutualTLS", "description": "crmctl certificate create USER"},
    }
    for path, method, operation in operations(document):
        _complete_operation(path, method.upper(), operation, schemas)
    return document


def operations(document: _Json) -> Iterator[tuple[str, str, _Json]]:
    """All operations: path, method (in small letters), description."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def example_of(schema: _Json, schemas: _Json, name: str = "") -> object:
    """An example of a schema; `name` is that of the field or parameter."""
    for key in ("example", "const"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    usual = USUAL.get(name.lower())
    if usual is not None and _fits(usual, schema):
        return usual
    return _made_up(schema, schemas, name)


_TYPES: dict[str, type] = {"string": str, "array": list, "integer": int, "number": int, "object": dict}


def _fits(value: object, schema: _Json) -> bool:
    """Whether a usual example can stand for the schema: the types agree, and it is no value with a shape of its own."""
    kinds = [schema, *schema.get("anyOf", ())]
    fitting = [kind for kind in kinds if type(value) is _TYPES.get(kind.get("type", ""))]
    return any("properties" not in kind and "$ref" not in kind.get("items", {}) for kind in fitting)


def _made_up(schema: _Json, schemas: _Json, name: str) -> object:
    """An example of something that has none itself, out of its parts."""
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        if each.get("type") != "null":
            return example_of(each, schemas, name)
    if "default" in schema:
        return schema["default"]
    if schema.get("format") == "date-time":
        return USUAL["expires"]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {field: example_of(value, schemas, field) for field, value in properties.items()}
        case "array":
            return [example_of(schema["items"], schemas, name)]
        case "boolean":
            return False
        case "integer" | "number":
            return schema.get("minimum", 1)
    return f"{NO_EXAMPLE} {name}"


def _complete_operation(path: str, method: str, operation: _Json, schemas: _Json) -> None:
    operation["summary"] = _first_sentence(operation.get("description", ""))
    operation["x-scope"] = str(needed(method, path))
    if not path.startswith("/v1/health/"):
        operation["security"] = [{"token": []}, {"certificate": []}]
    parameters = operation.setdefault("parameters", [])
    if method == "GET" and blocking_queries.takes_index(path):
        parameters += [_parameter("query", *told) for told in blocking_queries.PARAMETERS]
    if method not in READING:
        text = "made up by the client for this one write; sent again with it, the write is answered and not done again"
        schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY}
        parameters.append(_parameter("header", HEADER, text, schema, "7f9c1c4e-standby-node1"))
    for parameter in parameters:
        if "example" not in parameter:
            parameter["example"] = example_of(parameter["schema"], schemas, parameter["name"])
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        _add_example(kind, content, schemas)
    in_pages = any(parameter["name"] == "after" for parameter in parameters)
    _complete_responses(operation["responses"], schemas,
                        [*blocking_queries.HEADERS, *(paging.HEADERS if in_pages else ())])


def _complete_responses(responses: _Json, schemas: _Json, headers: Iterable[str]) -> None:
    responses.pop("422", None)
    for response in responses.values():
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
        for kind, content in response.get("content", {}).items():
            _add_example(kind, content, schemas)
    problem = {"schema": {"$ref": "#/components/schemas/ProblemValue"}, "example": _PROBLEM_EXAMPLE}
    for status, text in (("4XX", "The request cannot be carried out"), ("5XX", "The cluster cannot, at present")):
        responses[status] = {"description": text, "content": {MEDIA_TYPE: problem}}


_TEXTS = {"application/xml": "<cib>…</cib>", "text/plain": "…"}


def _add_example(kind: str, content: _Json, schemas: _Json) -> None:
    if kind in _TEXTS:
        content.setdefault("schema", {"type": "string"})
        content.setdefault("example", _TEXTS[kind])
    if "example" not in content and "examples" not in content:
        content["example"] = example_of(content.get("schema", {}), schemas)


def _parameter(place: str, name: str, text: str, schema: _Json, example: object) -> _Json:
    return {"in": place, "name": name, "required": False, "description": text, "schema": schema, "example": example}


def _header(text: str) -> _Json:
    return {"description": text, "schema": {"type": "string"}}


def _first_sentence(text: str) -> str:
    first, _, _ = text.replace("\n", " ").partition(". ")
    return first.strip().rstrip(".")
