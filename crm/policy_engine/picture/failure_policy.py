"""What a failed operation asks for (`on-fail`), and what an operation requires.

Source: Pacemaker Explained, "Operation Properties". The choice is made here once, for the reading of histories and for
the planning of actions alike; the settings of operations themselves are in `operations`.
"""

from __future__ import annotations

from crm.policy_engine.picture.cluster import Cluster, NodeKind, OnFail, Requires, Resource, Role
from crm.policy_engine.picture.operations import is_probe

_ON_FAIL = {
    "block": OnFail.BLOCK,
    "standby": OnFail.STANDBY,
    "ignore": OnFail.IGNORE,
    "nothing": OnFail.IGNORE,
    "migrate": OnFail.BAN,
    "stop": OnFail.STOP,
    "restart": OnFail.RECOVER,
    "demote": OnFail.DEMOTE,
}


def on_fail_of(cluster: Cluster, resource: Resource, name: str, interval_ms: int, value: str | None) -> OnFail:
    """What a failure of the operation asks for: the configured `on-fail`, where it can apply, else the default."""
    configured = _configured_on_fail(cluster, resource, value)
    resets_remote = _resets_remote(cluster, resource, name, interval_ms)
    if configured is not None and not (resets_remote and not resource.managed):
        return configured
    if resource.launcher is not None:
        return OnFail.RESTART_CONTAINER
    if resets_remote:
        return OnFail.RESET_REMOTE if resource.managed else OnFail.STOP
    if name == "stop":
        return OnFail.FENCE if cluster.settings.fencing_enabled else OnFail.BLOCK
    return OnFail.RECOVER


def _configured_on_fail(cluster: Cluster, resource: Resource, value: str | None) -> OnFail | None:
    word = (value or "").lower()
    if word == "fence":
        return OnFail.FENCE if cluster.settings.fencing_enabled else OnFail.STOP
    if word == "restart-container":
        return OnFail.RESTART_CONTAINER if resource.launcher is not None else None
    return _ON_FAIL.get(word)


def _resets_remote(cluster: Cluster, resource: Resource, name: str, interval_ms: int) -> bool:
    """A connection to a remote node that fails after it was made puts the node in doubt."""
    node = cluster.nodes_by_name.get(resource.id) if resource.is_remote_connection else None
    is_remote = node is not None and node.kind is NodeKind.REMOTE
    return is_remote and name != "start" and not is_probe(name, interval_ms)


def role_after_failure(resource: Resource, name: str, on_fail: OnFail) -> Role:
    """The role that the resource may have at most once the operation has failed; STARTED limits nothing."""
    if on_fail is OnFail.STOP or (on_fail is OnFail.RESET_REMOTE and resource.remote_reconnect_ms):
        return Role.STOPPED
    return Role.UNPROMOTED if name == "promote" else Role.STARTED


def required_for(resource: Resource, name: str) -> Requires:
    """What must hold before an operation of this name may run: only starts and promotions need anything."""
    if name.lower() not in ("start", "promote"):
        return Requires.NOTHING
    return min(resource.requires, Requires.FENCING)
