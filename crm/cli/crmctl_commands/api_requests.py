"""Requests of the API with JSON, as all commands of `crmctl` make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from crm.cli.connection import request


def path(*parts: str) -> str:
    """A path of the API from names that may hold anything."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def read(*parts: str, **query: str | None) -> Any:
    """What the API answers to a GET."""
    return request("GET", path(*parts), query=query).json()


def send(method: str, where: str, value: object = None, query: Mapping[str, str | None] | None = None,
         timeout_seconds: float = 60.0) -> Any:
    """A request with a JSON body."""
    import json

    body = b"" if value is None else json.dumps(value).encode()
    return request(method, where, query=query, body=body, content_type="application/json",
                   timeout_seconds=timeout_seconds).json()
