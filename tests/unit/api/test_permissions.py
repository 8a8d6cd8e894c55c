"""Who may do what, for every route there is: made from the OpenAPI document, so that no new route can be forgotten.

Doors by scopes by routes, and a user whom the lists allow nothing: neither may anything be done, nor anything be seen.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any

import pytest

from crm.api.auth import authentication
from crm.api.auth.scopes import Scope
from crm.api.views.openapi import operations
from crm.cib.changes import Edit, EditVerb
from tests.unit.api.node import FakeNode
from tests.unit.api.test_authentication import Client

DOCUMENT = Client()._inner.openapi()
ROUTES = [(method.upper(), path, operation) for path, method, operation in operations(DOCUMENT)]
LABELS = [f"{method} {path}" for method, path, _ in ROUTES]
ENDLESS = "/v1/events"

# What is readable without any credentials, and the writes that need less than the scope `write`: written down here
# once more, so that widening them takes two places.
OPEN = {path for _, path, _ in ROUTES if path.startswith("/v1/health")}
LESSER = {
    ("POST", "/v1/simulate"): Scope.READ,
    ("POST", "/v1/tasks/wait"): Scope.READ,
    ("POST", "/v1/tasks/follow"): Scope.READ,
    ("PATCH", "/v1/tickets/{name}"): Scope.OPERATE,
    ("POST", "/v1/cluster/cleanup"): Scope.OPERATE,
}
# What agents there are on a machine is no secret of the cluster's; whoever waits for it to settle learns that it has.
SPEAK_OF_NO_CLUSTER = {"/v1/agents", "/v1/agents/{agent}", "/v1/tasks/wait"}
LESSER_PREFIXES = ("/v1/nodes/{", "/v1/resources/{", "/v1/tickets/{", "/v1/tasks/{")

LISTS = '<cluster_property_set id="o"><nvpair id="oa" name="enable-acl" value="true"/></cluster_property_set>'


def _request(method: str, path: str, operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The address and body of a request as its examples have it, with names that exist."""
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", _name(path, parameter))
    bodies = operation.get("requestBody", {}).get("content", {})
    if "application/json" in bodies:
        return path, {"content": json.dumps(bodies["application/json"]["example"]),
                      "headers": {"Content-Type": "application/json"}}
    if bodies:
        kind, content = next(iter(bodies.items()))
        return path, {"content": str(content["example"]), "headers": {"Content-Type": kind}}
    return path, {}


def _name(path: str, parameter: dict[str, Any]) -> str:
    if "/nodes/{" in path and parameter["name"] in ("name", "node"):
        return "one"
    return str(parameter["example"])


def _ask(client: Client, route: tuple[str, str, dict[str, Any]], token: str | None = None) -> Any:
    method, path, options = route[0], *_request(*route)
    headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
    return client.http.request(method, path, headers=headers, **options)


@functools.cache
def _client(door: str) -> Client:
    """One client for each door: it takes a while to make an application."""
    client = Client()
    if door.startswith("nobody"):
        client.node.adopt(client.node.document.apply(Edit(EditVerb.UPSERT, LISTS, "crm_config")))
    return client


def _state(node: FakeNode) -> tuple[object, ...]:
    """Differs when anything was done."""
    return id(node.document), len(node.fenced), len(node.cleaned), len(node.attributes)


@pytest.mark.parametrize("route", ROUTES, ids=LABELS)
def test_nobody_comes_in_over_tcp_without_credentials(route: tuple[str, str, dict[str, Any]]) -> None:
    client = _client("no credentials")
    before = _state(client.node)
    client.now += 60  # those who fail too often are kept out
    answer = _ask(client, route)
    assert (answer.status_code != 401) == (route[1] in OPEN)
    assert _state(client.node) == before


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("route", [each for each in ROUTES if each[1] not in OPEN and each[1] != ENDLESS],
                         ids=[label for label in LABELS if not label.endswith(ENDLESS) and "/v1/health" not in label])
def test_a_token_is_good_for_its_scope_and_no_more(route: tuple[str, str, dict[str, Any]], scope: Scope) -> None:
    client = _client(f"token to {scope}")
    before = _state(client.node)
    answer = _ask(client, route, client.token(scope=scope))
    refused = answer.status_code == 403 and answer.json()["code"] == "out-of-scope"
    assert refused == (not scope.covers(_expected(route)))
    if refused:
        assert _state(client.node) == before


def _expected(route: tuple[str, str, dict[str, Any]]) -> Scope:
    """The scope that a route must ask for, by rules of thumb that are not those of the code."""
    method, path, _ = route
    if method == "GET":
        return Scope.MONITOR if path == "/metrics" else Scope.READ
    if (method, path) in LESSER:
        return LESSER[method, path]
    below = path.count("/") > 3 or path.startswith("/v1/tasks/{")
    harmless = method == "POST" or "/attributes/" in path or path.startswith("/v1/tasks/{")
    if path.startswith(LESSER_PREFIXES) and below and harmless and not path.endswith("/fence"):
        return Scope.OPERATE
    return Scope.WRITE


@pytest.mark.parametrize("route", [each for each in ROUTES if each[1] not in OPEN and each[1] != ENDLESS],
                         ids=[label for label in LABELS if not label.endswith(ENDLESS) and "/v1/health" not in label])
@pytest.mark.parametrize("door", ["token", "certificate", "socket"])
def test_whom_the_lists_allow_nothing_sees_and_does_nothing(
    route: tuple[str, str, dict[str, Any]], door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _client(f"nobody by {door}")
    before, token = _state(client.node), None
    if door == "token":
        token = client.token("nobody", Scope.WRITE)
    elif door == "certificate":
        subject = ((("commonName", "nobody"),),)
        client.certificate = {"subject": subject, "serialNumber": "01", "notAfter": "Jan  1 00:00:00 2040 GMT"}
    else:
        client.uid = 65534
        monkeypatch.setattr(authentication, "_groups_of", lambda user, gid=None: ("haclient",))
    answer = _ask(client, route, token)
    assert _state(client.node) == before, answer.text
    if route[1] in SPEAK_OF_NO_CLUSTER:
        return
    if route[0] == "GET":
        assert not any(secret in answer.text for secret in ("HttpServer", "PortHolder", "port in use")), answer.text
    else:
        assert answer.status_code >= 400 or _changes_nothing(answer), answer.text


def _changes_nothing(answer: Any) -> bool:
    """A write that found nothing to do, or one that only made something for oneself (a token of one's own)."""
    value = answer.json()
    return bool(value.get("unchanged") or value.get("user") == "nobody")


def test_the_administrators_of_the_socket_may_do_everything() -> None:
    client = Client()
    client.uid = os.getuid()
    for route in ROUTES:
        if route[1] != ENDLESS:
            answer = _ask(client, route)
            assert answer.status_code not in (401, 403), (route[:2], answer.text)
