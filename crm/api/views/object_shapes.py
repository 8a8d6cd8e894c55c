"""JSON of configured objects: checked against their dataclasses, made from them, described in the OpenAPI document.

Checkers of such large unions take a tenth of a second each to build, and a daemon has to start quickly: each is
built when it is needed first, and the OpenAPI document when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

_REFERENCE = "#/components/schemas/{model}"


class ObjectShape:
    """What the JSON of one kind of object looks like, under a name of its own in the OpenAPI document."""

    def __init__(self, name: str, kind: Any) -> None:
        self.name = name
        self._kind = kind

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._kind)

    def read(self, value: Any) -> Any:
        """The object that a request's JSON holds. Raises RequestValidationError."""
        try:
            return self.adapter.validate_python(value)
        except ValidationError as error:
            causes = [{**cause, "loc": ("body", *cause["loc"])} for cause in error.errors()]
            raise RequestValidationError(causes) from None

    def told(self, value: Any) -> Any:
        """An object as JSON."""
        return self.adapter.dump_python(value, mode="json")

    @property
    def reference(self) -> dict[str, Any]:
        return {"$ref": _REFERENCE.format(model=self.name)}

    def as_body(self) -> dict[str, Any]:
        """For `openapi_extra`: the body of a request is one such object."""
        return {"requestBody": {"required": True, "content": {"application/json": {"schema": self.reference}}}}

    def as_answer(self, many: bool = False) -> dict[int | str, dict[str, Any]]:
        """For `responses`: the answer is one such object, or a list of them."""
        schema = {"type": "array", "items": self.reference} if many else self.reference
        return {200: {"content": {"application/json": {"schema": schema}}}}


def describe(document: dict[str, Any], shapes: Sequence[ObjectShape]) -> None:
    """Put the shapes into an OpenAPI document."""
    known = document.setdefault("components", {}).setdefault("schemas", {})
    for shape in shapes:
        schema = shape.adapter.json_schema(ref_template=_REFERENCE)
        known.update(schema.pop("$defs", {}))
        known.setdefault(shape.name, schema)
