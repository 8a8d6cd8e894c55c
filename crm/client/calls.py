"""What can be asked of a cluster: each a function that makes a `Call`, for `Client.do` and `AsyncClient.do` alike.

A call knows its request and the type of its answer. Any route that has none here is `call("GET", "/v1/…")`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from crm.client import values
from crm.client.http import Answer, Message

T = TypeVar("T")


class Call(NamedTuple, Generic[T]):
    """A request, and how its answer is read."""

    message: Message
    read: Callable[[Answer], T]


def call(method: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None,
         headers: Mapping[str, str] | None = None) -> Call[Any]:
    """Any request with a JSON answer; a body of bytes is sent as XML."""
    return Call(_message(method, path, query or {}, body, headers or {}), Answer.json)


def cluster() -> Call[values.Cluster]:
    """Everything."""
    return call("GET", "/v1/cluster")


def nodes() -> Call[list[values.Node]]:
    """All nodes."""
    return call("GET", "/v1/nodes")


def node(name: str) -> Call[values.Node]:
    """One node."""
    return call("GET", f"/v1/nodes/{_name(name)}")


def resources() -> Call[list[values.Resource]]:
    """All resources as trees."""
    return call("GET", "/v1/resources")


def resource(name: str) -> Call[values.Resource]:
    """One resource."""
    return call("GET", f"/v1/resources/{_name(name)}")


def healthy(name: str) -> Call[values.Health]:
    """`live`, `ready`, `quorate`, `dc`, or `resources/NAME`; a no comes as a Problem with the status 503."""
    return call("GET", f"/v1/health/{quote(name)}")


def cib(section: str | None = None, xpath: str | None = None) -> Call[str]:
    """The CIB as XML, or a part of it."""
    asked = _message("GET", "/v1/cib", {"section": section, "xpath": xpath}, None, {})
    return Call(asked, lambda answer: answer.text)


def version() -> Call[values.Version]:
    """How far the answering node's CIB has come."""
    return call("GET", "/v1/cib/version")


def replace_cib(xml: str, section: str | None = None, *, if_version: str | None = None,
                dry_run: bool = False) -> Call[values.Written]:
    """Put a CIB, or one section, in place of the present one; with `if_version` only if it has that version."""
    query = {"section": section, "dry_run": dry_run}
    return call("PUT", "/v1/cib", query=query, body=xml.encode(), headers=_if_match(if_version))


def edit_cib(verb: str, xml: str = "", *, section: str | None = None, xpath: str | None = None,
             if_version: str | None = None, dry_run: bool = False) -> Call[values.Written]:
    """One change (create, modify, upsert, replace, delete) of one object."""
    edit = {"verb": verb, "xml": xml, "section": section, "xpath": xpath}
    return call("PATCH", "/v1/cib", query={"dry_run": dry_run}, body=edit, headers=_if_match(if_version))


def standby(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Let a node run nothing."""
    return call("POST", f"/v1/nodes/{_name(name)}/standby", query={"dry_run": dry_run})


def online(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """End standby and maintenance of a node."""
    return call("POST", f"/v1/nodes/{_name(name)}/online", query={"dry_run": dry_run})


def maintenance(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Leave everything on a node as it is."""
    return call("POST", f"/v1/nodes/{_name(name)}/maintenance", query={"dry_run": dry_run})


def move(name: str, to: str | None = None, *, seconds: int | None = 3600,
         dry_run: bool = False) -> Call[values.Written]:
    """Have a resource run elsewhere for a while; None: until cleared."""
    wish = {"node": to, "for_seconds": seconds}
    return call("POST", f"/v1/resources/{_name(name)}/move", query={"dry_run": dry_run}, body=wish)


def clear(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Undo the moves and bans of a resource."""
    return call("POST", f"/v1/resources/{_name(name)}/clear", query={"dry_run": dry_run})


def cleanup(name: str | None = None, *, node: str | None = None) -> Call[values.Cleaned]:
    """Forget failures, of one resource or of all."""
    path = "/v1/cluster/cleanup" if name is None else f"/v1/resources/{_name(name)}/cleanup"
    return call("POST", path, query={"node": node})


def set_attribute(node: str, name: str, value: str, *, forever: bool = False) -> Call[values.Written]:
    """Set an attribute of a node."""
    wish = {"value": value, "lifetime": "forever" if forever else "reboot"}
    return call("PUT", f"/v1/nodes/{_name(node)}/attributes/{_name(name)}", body=wish)


def set_option(name: str, value: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Set a cluster option."""
    return call("PUT", f"/v1/options/{_name(name)}", query={"dry_run": dry_run}, body={"value": value})


def create_token(user: str = "root", *, scope: str = "read", seconds: int = 86_400) -> Call[values.Token]:
    """A token for the API over TCP."""
    return call("POST", "/v1/tokens", body={"user": user, "scope": scope, "for_seconds": seconds})


def once(wanted: Call[T], key: str) -> Call[T]:
    """The same write with an idempotency key: sent again to the same node, it is answered and not done again."""
    message = wanted.message
    return Call(message._replace(headers=(*message.headers, ("Idempotency-Key", key))), wanted.read)


def waiting(wanted: Call[T], index: str, seconds: float = 60.0) -> Call[T]:
    """The same read, answered when the cluster's state is another one than `index`, or the time is over."""
    message = wanted.message
    return Call(message._replace(query=(*message.query, ("index", index), ("wait", f"{seconds:g}"))), wanted.read)


def _message(method: str, path: str, query: Mapping[str, object], body: object,
             headers: Mapping[str, str]) -> Message:
    words = tuple((name, _word(value)) for name, value in query.items() if value is not None and value is not False)
    raw, kind = b"", "application/json"
    if isinstance(body, bytes):
        raw, kind = body, "application/xml"
    elif body is not None:
        raw = json.dumps(body).encode()
    return Message(method, path, words, raw, kind, tuple(headers.items()))


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(text: str) -> str:
    return quote(text, safe="")


def _if_match(version: str | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}
