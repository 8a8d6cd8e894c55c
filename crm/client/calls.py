"""What can be asked of a cluster: each a function that makes a `Call`, for `Client.do` and `AsyncClient.do` alike.

A call knows its request and the type of its answer. Configured objects are in `crm.client.objects`. Any route that has
none is `call("GET", "/v1/…")`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from crm.client import values
from crm.client.http import HttpAnswer, HttpMessage

T = TypeVar("T")


class Call(NamedTuple, Generic[T]):
    """A request, and how its answer is read."""

    message: HttpMessage
    read: Callable[[HttpAnswer], T]


def call(method: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None,
         headers: Mapping[str, str] | None = None) -> Call[Any]:
    """Any request with a JSON answer; a body of bytes is sent as XML."""
    return Call(_message(method, path, query or {}, body, headers or {}), HttpAnswer.json)


def cluster() -> Call[values.Cluster]:
    """Everything."""
    return call("GET", "/v1/cluster")


def nodes() -> Call[list[values.Node]]:
    """All nodes."""
    return call("GET", "/v1/nodes")


def node(name: str) -> Call[values.Node]:
    """One node."""
    return call("GET", f"/v1/nodes/{named(name)}")


def resources() -> Call[list[values.Resource]]:
    """All resources as trees."""
    return call("GET", "/v1/resources")


def resource(name: str) -> Call[values.Resource]:
    """One resource."""
    return call("GET", f"/v1/resources/{named(name)}")


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
    return call("PUT", "/v1/cib", query=query, body=xml.encode(), headers=if_match(if_version))


def edit_cib(verb: str, xml: str = "", *, section: str | None = None, xpath: str | None = None,
             if_version: str | None = None, dry_run: bool = False) -> Call[values.Written]:
    """One change (create, modify, upsert, replace, delete) of one object."""
    edit = {"verb": verb, "xml": xml, "section": section, "xpath": xpath}
    return call("PATCH", "/v1/cib", query={"dry_run": dry_run}, body=edit, headers=if_match(if_version))


def standby(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Let a node run nothing."""
    return call("POST", f"/v1/nodes/{named(name)}/standby", query={"dry_run": dry_run})


def online(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """End standby and maintenance of a node."""
    return call("POST", f"/v1/nodes/{named(name)}/online", query={"dry_run": dry_run})


def maintenance(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Leave everything on a node as it is."""
    return call("POST", f"/v1/nodes/{named(name)}/maintenance", query={"dry_run": dry_run})


def move(name: str, to: str | None = None, *, seconds: int | None = 3600, promoted: bool = False,
         dry_run: bool = False) -> Call[values.Written]:
    """Have a resource (or only its promoted role) elsewhere for a while; None: until cleared."""
    wish = {"node": to, "for_seconds": seconds, "promoted": promoted}
    return call("POST", f"/v1/resources/{named(name)}/move", query={"dry_run": dry_run}, body=wish)


def clear(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Undo the moves and bans of a resource."""
    return call("POST", f"/v1/resources/{named(name)}/clear", query={"dry_run": dry_run})


def cleanup(name: str | None = None, *, node: str | None = None, everything: bool = False) -> Call[values.Cleaned]:
    """Forget failures, of one resource or of all; `everything`: also what has not failed is looked at again."""
    return call("POST", _cleanup_path(name), query={"node": node, "everything": everything or None})


def plan_cleanup(name: str | None = None, *, node: str | None = None) -> Call[values.Plan]:
    """What would follow from forgetting failures."""
    return call("POST", _cleanup_path(name), query={"node": node, "dry_run": True})


def _cleanup_path(name: str | None) -> str:
    return "/v1/cluster/cleanup" if name is None else f"/v1/resources/{named(name)}/cleanup"


def start(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """End what keeps a resource stopped."""
    return call("POST", f"/v1/resources/{named(name)}/start", query={"dry_run": dry_run})


def stop(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Have a resource stopped until it is started."""
    return call("POST", f"/v1/resources/{named(name)}/stop", query={"dry_run": dry_run})


def ban(name: str, node: str | None = None, *, seconds: int | None = 3600, promoted: bool = False,
        dry_run: bool = False) -> Call[values.Written]:
    """Keep a resource, or its promoted role, away from a node (without one: from where it is) for a while."""
    wish = {"node": node, "for_seconds": seconds, "promoted": promoted}
    return call("POST", f"/v1/resources/{named(name)}/ban", query={"dry_run": dry_run}, body=wish)


def restart(name: str, node: str | None = None, *, limit_s: float = 3600) -> Call[values.Task]:
    """Stop a resource and start it again in its place, or only what is on a node: a task, which `task` waits for."""
    return call("POST", f"/v1/resources/{named(name)}/restart", query={"timeout": limit_s, "node": node})


def follow(name: str, goal: str, *, node: str | None = None, version: str | None = None,
           limit_s: float = 3600) -> Call[values.Task]:
    """What comes of a change of a resource: a task. `goal`: configured, started, stopped, gone, moved, away, placed;
    `version` of the CIB that has the change.
    """
    wish = {"resource": name, "goal": goal, "node": node, "version": version}
    return call("POST", "/v1/tasks/follow", query={"timeout": limit_s}, body=wish)


def wait_until_settled(limit_s: float = 3600) -> Call[values.Task]:
    """Wait until the cluster has nothing left to do: a task, which `task` waits for."""
    return call("POST", "/v1/tasks/wait", query={"timeout": limit_s})


def tasks() -> Call[list[values.Task]]:
    """The tasks of all nodes, the newest first."""
    return call("GET", "/v1/tasks")


def task(task_id: str, *, wait_s: float = 0) -> Call[values.Task]:
    """One task, at once, or when it has ended or the time is over."""
    return call("GET", f"/v1/tasks/{named(task_id)}", query={"wait": wait_s or None})


def cancel_task(task_id: str) -> Call[values.Task]:
    """End a task; what it has changed for the time being is undone."""
    return call("DELETE", f"/v1/tasks/{named(task_id)}")


def operations(resource: str | None = None, node: str | None = None) -> Call[list[values.Operation]]:
    """The last results of operations."""
    return call("GET", "/v1/operations", query={"resource": resource, "node": node})


def waiting_operations(
    resource: str | None = None, node: str | None = None
) -> Call[list[values.WaitingOperation]]:
    """Operations that wait for their turn, on any node."""
    return call("GET", "/v1/operations/waiting", query={"resource": resource, "node": node})


def failures(resource: str | None = None, node: str | None = None) -> Call[list[values.Failure]]:
    """What failed and was not cleaned up since."""
    return call("GET", "/v1/failures", query={"resource": resource, "node": node})


def fail_counts(resource: str | None = None, node: str | None = None) -> Call[list[values.FailCount]]:
    """How often what failed where."""
    return call("GET", "/v1/failures/counts", query={"resource": resource, "node": node})


def transitions() -> Call[list[values.TransitionCount]]:
    """What the cluster did, the newest first."""
    return call("GET", "/v1/transitions")


def transition(transition_id: str) -> Call[values.Transition]:
    """One transition with the times of its actions."""
    return call("GET", f"/v1/transitions/{named(transition_id)}")


def transition_input(transition_id: str) -> Call[str]:
    """The CIB that it was planned from, as XML."""
    return _text(f"/v1/transitions/{named(transition_id)}/input")


def replay(transition_id: str) -> Call[values.Replay]:
    """Plan again from its input: why, and whether it comes to the same."""
    return call("GET", f"/v1/transitions/{named(transition_id)}/replay")


def history() -> Call[list[values.Kept]]:
    """The configurations that the nodes have kept, the newest first."""
    return call("GET", "/v1/cib/history")


def earlier_cib(version: str) -> Call[str]:
    """One of them, as XML."""
    return _text(f"/v1/cib/history/{named(version)}")


def differences(since: str = "previous", until: str | None = None) -> Call[list[values.Difference]]:
    """What changed from one configuration to another (without `until`: to the present one)."""
    return call("GET", "/v1/cib/differences", query={"since": since, "until": until})


def undo(version: str = "previous", *, dry_run: bool = False) -> Call[values.Written]:
    """Go back to an earlier configuration."""
    return call("POST", "/v1/cib/undo", query={"dry_run": dry_run}, body={"version": version})


def tickets() -> Call[list[values.Ticket]]:
    """All tickets."""
    return call("GET", "/v1/tickets")


def ticket(name: str) -> Call[values.Ticket]:
    """One ticket."""
    return call("GET", f"/v1/tickets/{named(name)}")


def change_ticket(name: str, *, granted: bool | None = None, standby: bool | None = None,
                  dry_run: bool = False) -> Call[values.Written]:
    """Grant or revoke a ticket, or put it in standby; what is None stays."""
    wish = {"granted": granted, "standby": standby}
    return call("PATCH", f"/v1/tickets/{named(name)}", query={"dry_run": dry_run}, body=wish)


def forget_ticket(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Forget a ticket, as if it had never been granted."""
    return call("DELETE", f"/v1/tickets/{named(name)}", query={"dry_run": dry_run})


def fence(node: str, action: str = "reboot") -> Call[values.Fenced]:
    """Fence a node now (reboot, off), or unfence it (on); that takes as long as its device does."""
    return call("POST", f"/v1/fencing/nodes/{named(node)}", body={"action": action})


def plan_fence(node: str, action: str = "reboot") -> Call[values.Plan]:
    """What would follow from fencing a node."""
    return call("POST", f"/v1/fencing/nodes/{named(node)}", query={"dry_run": True}, body={"action": action})


def confirm(node: str) -> Call[values.Fenced]:
    """Say that a lost node is off, because you have made sure of it."""
    return call("POST", f"/v1/fencing/nodes/{named(node)}/confirm")


def accept_loss() -> Call[values.LossAccepted]:
    """Say that what the nodes here have is all that is left, where the cluster waits for lost stores."""
    return call("POST", "/v1/cluster/accept-loss")


def fencings(node: str | None = None) -> Call[list[values.Fencing]]:
    """What was fenced, oldest first."""
    return call("GET", "/v1/fencing/history", query={"node": node})


def fencing_coverage(*, test: bool = False) -> Call[list[values.Coverage]]:
    """Which device can fence which node; with `test` every device is asked."""
    return call("GET", "/v1/fencing/coverage", query={"test": test})


def cluster_nodes() -> Call[list[values.ListedNode]]:
    """Who belongs to the cluster, who comes and goes, and which version of the list each node has."""
    return call("GET", "/v1/cluster/nodes")


def add_node(name: str, host: str, port: int = 5407, *, api: str = "",
             dry_run: bool = False) -> Call[values.NodeList]:
    """Add a node to the cluster; it votes once it has joined."""
    wish = {"nodes": [{"name": name, "host": host, "port": port, "api": api}]}
    return call("POST", "/v1/cluster/nodes", query={"dry_run": dry_run}, body=wish)


def remove_node(name: str, *, dry_run: bool = False) -> Call[values.NodeList]:
    """Have a node leave the cluster for good."""
    return call("DELETE", f"/v1/cluster/nodes/{named(name)}", query={"dry_run": dry_run})


def keep_node(name: str, *, dry_run: bool = False) -> Call[values.NodeList]:
    """Have a node stay that was to be removed."""
    return call("POST", f"/v1/cluster/nodes/{named(name)}/keep", query={"dry_run": dry_run})


def rotate_key(*, dry_run: bool = False) -> Call[values.RotatedKey]:
    """Give all nodes a new key for the connections between them."""
    return call("POST", "/v1/cluster/key/rotate", query={"dry_run": dry_run})


def attributes(node: str) -> Call[values.Attributes]:
    """The attributes of a node."""
    return call("GET", f"/v1/nodes/{named(node)}/attributes")


def set_attribute(node: str, name: str, value: str, *, forever: bool = False,
                  dry_run: bool = False) -> Call[values.Written]:
    """Set an attribute of a node."""
    wish = {"value": value, "lifetime": "forever" if forever else "reboot"}
    return call("PUT", f"/v1/nodes/{named(node)}/attributes/{named(name)}", query={"dry_run": dry_run}, body=wish)


def remove_attribute(node: str, name: str, *, forever: bool = False, dry_run: bool = False) -> Call[values.Written]:
    """Remove an attribute of a node."""
    query = {"lifetime": "forever" if forever else "reboot", "dry_run": dry_run}
    return call("DELETE", f"/v1/nodes/{named(node)}/attributes/{named(name)}", query=query)


def set_utilization(node: str, offered: Mapping[str, str | None], *, dry_run: bool = False) -> Call[values.Written]:
    """Set what a node has to offer; None removes."""
    return call("PATCH", f"/v1/nodes/{named(node)}/utilization", query={"dry_run": dry_run}, body=dict(offered))


def options() -> Call[list[values.Property]]:
    """Every cluster option with its value, default and meaning."""
    return call("GET", "/v1/options")


def set_option(name: str, value: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Set a cluster option."""
    return call("PUT", f"/v1/options/{named(name)}", query={"dry_run": dry_run}, body={"value": value})


def remove_option(name: str, *, dry_run: bool = False) -> Call[values.Written]:
    """Let the default of a cluster option count again."""
    return call("DELETE", f"/v1/options/{named(name)}", query={"dry_run": dry_run})


def agents(standard: str | None = None, provider: str | None = None,
           node: str | None = None) -> Call[list[values.Agent]]:
    """The agents, each with the nodes that have it."""
    return call("GET", "/v1/agents", query={"standard": standard, "provider": provider, "node": node})


def agent(name: str) -> Call[values.Metadata]:
    """What an agent says about itself."""
    return call("GET", f"/v1/agents/{named(name)}")


def audit(user: str | None = None, *, refused: bool = False) -> Call[list[values.AuditEntry]]:
    """Who changed what, and who was turned away, the newest first. For administrators."""
    return call("GET", "/v1/audit", query={"user": user, "refused": refused})


def simulate(*, lost_nodes: Sequence[str] = (), standby_nodes: Sequence[str] = (),
             configuration: str | None = None) -> Call[values.Plan]:
    """What the cluster would do if nodes were lost, or its configuration were another one (XML)."""
    scenario = {"configuration": configuration, "lost_nodes": list(lost_nodes), "standby_nodes": list(standby_nodes)}
    return call("POST", "/v1/simulate", body=scenario)


def create_token(user: str = "root", *, scope: str = "read", seconds: int = 86_400) -> Call[values.Token]:
    """A token for the API over TCP."""
    return call("POST", "/v1/tokens", body={"user": user, "scope": scope, "for_seconds": seconds})


def revoke_token(token_id: str) -> Call[values.Written]:
    """Take a token or a certificate back."""
    return call("DELETE", f"/v1/tokens/{named(token_id)}")


def once(wanted: Call[T], key: str) -> Call[T]:
    """The same write with an idempotency key: sent again, to any node, it is answered and not done again.

    The cluster remembers a key for an hour; a task (restart, wait) as long as the node does that has it.
    """
    message = wanted.message
    return Call(message._replace(headers=(*message.headers, ("Idempotency-Key", key))), wanted.read)


def waiting(wanted: Call[T], index: str, seconds: float = 60.0) -> Call[T]:
    """The same read, answered when the cluster's state is another one than `index`, or the time is over."""
    message = wanted.message
    return Call(message._replace(query=(*message.query, ("index", index), ("wait", f"{seconds:g}"))), wanted.read)


def _text(path: str) -> Call[str]:
    return Call(_message("GET", path, {}, None, {}), lambda answer: answer.text)


def _message(method: str, path: str, query: Mapping[str, object], body: object,
             headers: Mapping[str, str]) -> HttpMessage:
    words = tuple((name, _word(value)) for name, value in query.items() if value is not None and value is not False)
    raw, kind = b"", "application/json"
    if isinstance(body, bytes):
        raw, kind = body, "application/xml"
    elif body is not None:
        raw = json.dumps(body).encode()
    return HttpMessage(method, path, words, raw, kind, tuple(headers.items()))


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def named(text: str) -> str:
    """A name as it stands in a path."""
    return quote(text, safe="")


def if_match(version: str | None) -> dict[str, str]:
    """The header that lets a change through only if the CIB has that version."""
    return {} if version is None else {"If-Match": f'"{version}"'}
