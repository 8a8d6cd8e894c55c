"""The calls for configured objects: for every kind the same six, with its own shape.

    cluster.do(objects.tags.create({"id": "front", "objects": ["web"]}))
    cluster.do(objects.resources.change("web", {"meta": {"priority": "5"}}, dry_run=True))
    for resource in cluster.pages(objects.resources.all()): …

Shapes are in `crm.client.shapes`; fields that are left out are as if they were never set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from crm.client import shapes, values
from crm.client.calls import Call, call, if_match, named

T = TypeVar("T")


class Objects(Generic[T]):
    """The objects of one kind. Every change takes `if_version` (only if the CIB has it) and `dry_run` (plan only).

    `plural` is the path of the list, `create` where a new one is posted, `below` what follows the id of one.
    """

    def __init__(self, plural: str, create: str = "", below: str = "") -> None:
        self._plural = plural
        self._create = create or plural
        self._below = below

    def all(self) -> Call[list[T]]:
        """All of them; see `Client.pages` for long lists."""
        return call("GET", self._plural)

    def one(self, identity: str) -> Call[T]:
        """One of them."""
        return call("GET", self._one(identity))

    def create(self, value: T, *, if_version: str | None = None, dry_run: bool = False,
               force: bool = False) -> Call[values.Written]:
        """A new one; `force`: even if the resource's agent does not know what is asked of it."""
        return self._write("POST", self._create, value, if_version, dry_run, force)

    def replace(self, identity: str, value: T, *, if_version: str | None = None, dry_run: bool = False,
                force: bool = False) -> Call[values.Written]:
        """Put this one in place of the present one."""
        return self._write("PUT", self._one(identity), value, if_version, dry_run, force)

    def change(self, identity: str, patch: Mapping[str, object], *, if_version: str | None = None,
               dry_run: bool = False, force: bool = False) -> Call[values.Written]:
        """Change one in part (RFC 7396): what is not named stays, None removes, lists are given whole."""
        return self._write("PATCH", self._one(identity), dict(patch), if_version, dry_run, force)

    def delete(self, identity: str, *, if_version: str | None = None, dry_run: bool = False) -> Call[values.Written]:
        """Delete one."""
        return self._write("DELETE", f"{self._create}/{named(identity)}", None, if_version, dry_run, False)

    def _one(self, identity: str) -> str:
        return f"{self._create}/{named(identity)}{self._below}"

    def _write(self, method: str, path: str, body: object, version: str | None, dry_run: bool,
               force: bool) -> Call[Any]:
        query = {"dry_run": dry_run, "force": force}
        return call(method, path, query=query, body=body, headers=if_match(version))


resources: Objects[shapes.Resource] = Objects("/v1/resources/definitions", "/v1/resources", "/definition")
constraints: Objects[shapes.Constraint] = Objects("/v1/constraints")
tags: Objects[shapes.Tag] = Objects("/v1/tags")
alerts: Objects[shapes.Alert] = Objects("/v1/alerts")
roles: Objects[shapes.AclRole] = Objects("/v1/acl/roles")
users: Objects[shapes.AclUser] = Objects("/v1/acl/users")
groups: Objects[shapes.AclGroup] = Objects("/v1/acl/groups")
fencing_levels: Objects[shapes.FencingLevel] = Objects("/v1/fencing/levels")
resource_defaults: Objects[shapes.Defaults] = Objects("/v1/defaults/resources")
operation_defaults: Objects[shapes.Defaults] = Objects("/v1/defaults/operations")
