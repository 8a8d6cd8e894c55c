"""Cluster options, read once: names old and new, defaults, and what an invalid value falls back to.

Source: Pacemaker Explained, "Cluster Options". A value that cannot be what its option needs is reported and the default
counts. Not here: options that only daemons use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crm.model import score
from crm.model.report import Report, Severity
from crm.model.score import Score
from crm.model.values import is_true, parse_bool, parse_integer, parse_interval_ms


class NoQuorumPolicy(StrEnum):
    """What happens to resources while there is no quorum."""

    STOP = "stop"
    FREEZE = "freeze"
    IGNORE = "ignore"
    DEMOTE = "demote"
    FENCE = "fence"


OLDER_NAMES: Mapping[str, str] = {
    "stonith-enabled": "fencing-enabled",
    "stonith-action": "fencing-action",
    "stonith-timeout": "fencing-timeout",
    "stonith-max-attempts": "fencing-max-attempts",
    "stonith-watchdog-timeout": "fencing-watchdog-timeout",
    "fence-reaction": "fencing-reaction",
    "stop-orphan-resources": "stop-removed-resources",
    "stop-orphan-actions": "cancel-removed-actions",
    "default-resource-stickiness": "resource-stickiness",
}
_OLDER_VALUES: Mapping[tuple[str, str], str] = {("stonith-action", "poweroff"): "off"}
"""Values that were allowed under an older name only, and what they meant."""


def _is_bool(value: str) -> bool:
    return parse_bool(value) is not None


def _is_interval(value: str) -> bool:
    return parse_interval_ms(value) is not None


def _is_integer(value: str) -> bool:
    return value.lstrip("+-") == "INFINITY" or parse_integer(value) is not None


def _one_of(*words: str) -> Callable[[str], bool]:
    return lambda value: value.lower() in words


_DEFAULTS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "no-quorum-policy": ("stop", _one_of("stop", "freeze", "ignore", "demote", "fence", "suicide")),
    "shutdown-lock": ("false", _is_bool),
    "shutdown-lock-limit": ("0", _is_interval),
    "symmetric-cluster": ("true", _is_bool),
    "maintenance-mode": ("false", _is_bool),
    "start-failure-is-fatal": ("true", _is_bool),
    "enable-startup-probes": ("true", _is_bool),
    "fence-remote-without-quorum": ("false", _is_bool),
    "fencing-enabled": ("true", _is_bool),
    "fencing-action": ("reboot", _one_of("reboot", "off")),
    "fencing-timeout": ("60s", _is_interval),
    "have-watchdog": ("false", _is_bool),
    "concurrent-fencing": ("true", _is_bool),
    "startup-fencing": ("true", _is_bool),
    "priority-fencing-delay": ("0", _is_interval),
    "node-pending-timeout": ("0", _is_interval),
    "cluster-delay": ("60s", _is_interval),
    "batch-limit": ("0", _is_integer),
    "migration-limit": ("-1", _is_integer),
    "stop-all-resources": ("false", _is_bool),
    "stop-removed-resources": ("true", _is_bool),
    "cancel-removed-actions": ("true", _is_bool),
    "node-health-strategy": (
        "none",
        _one_of("none", "migrate-on-red", "only-green", "progressive", "custom"),
    ),
    "node-health-base": ("0", _is_integer),
    "node-health-green": ("0", _is_integer),
    "node-health-yellow": ("0", _is_integer),
    "node-health-red": ("-INFINITY", _is_integer),
    "placement-strategy": ("default", _one_of("default", "utilization", "minimal", "balanced")),
}


@dataclass(frozen=True, slots=True)
class HealthScores:
    """What a node attribute `#health...` with the value red, yellow or green counts."""

    red: Score = 0
    yellow: Score = 0
    green: Score = 0


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """The options that planning depends on; intervals in milliseconds."""

    no_quorum_policy: NoQuorumPolicy
    fencing_enabled: bool
    fencing_action: str
    fencing_timeout_ms: int
    startup_fencing: bool
    concurrent_fencing: bool
    priority_fencing_delay_ms: int
    fence_remote_without_quorum: bool
    have_watchdog: bool
    symmetric: bool
    maintenance_mode: bool
    stop_all_resources: bool
    start_failure_is_fatal: bool
    startup_probes: bool
    stop_removed_resources: bool
    cancel_removed_actions: bool
    shutdown_lock: bool
    shutdown_lock_limit_ms: int
    node_pending_timeout_ms: int
    cluster_delay_ms: int
    batch_limit: int
    migration_limit: int
    health_strategy: str
    health_base: Score
    health: HealthScores
    placement_strategy: str
    cluster_name: str | None
    as_written: Mapping[str, str]
    """Every option as it is written, or its default where that is not valid."""


def with_newest_names(values: Mapping[str, str]) -> dict[str, str]:
    """The options under their newest names; where both names are set the newest wins."""
    renamed = {
        OLDER_NAMES[name]: _OLDER_VALUES.get((name, value), value)
        for name, value in values.items()
        if name in OLDER_NAMES
    }
    kept = {name: value for name, value in values.items() if name not in OLDER_NAMES}
    return {**renamed, **kept}


def read_options(values: Mapping[str, str], quorate: bool, may_panic: bool, reports: list[Report]) -> ClusterOptions:
    """Options from their texts (newest names). `may_panic`: the last partition with quorum allows nodes to fence
    themselves without it. Fencing for lack of quorum needs fencing, and quorum or that permission; else it is a stop.
    """
    text = {name: _valid(name, values.get(name), reports) for name in _DEFAULTS}

    def flag(name: str) -> bool:
        return is_true(text[name])

    def interval(name: str) -> int:
        return parse_interval_ms(text[name]) or 0

    fencing = flag("fencing-enabled")
    return ClusterOptions(
        no_quorum_policy=_no_quorum_policy(text["no-quorum-policy"], fencing and (quorate or may_panic)),
        fencing_enabled=fencing,
        fencing_action=text["fencing-action"].lower(),
        fencing_timeout_ms=interval("fencing-timeout"),
        startup_fencing=fencing and flag("startup-fencing"),
        concurrent_fencing=flag("concurrent-fencing"),
        priority_fencing_delay_ms=interval("priority-fencing-delay"),
        fence_remote_without_quorum=flag("fence-remote-without-quorum"),
        have_watchdog=flag("have-watchdog"),
        symmetric=flag("symmetric-cluster"),
        maintenance_mode=flag("maintenance-mode"),
        stop_all_resources=flag("stop-all-resources"),
        start_failure_is_fatal=flag("start-failure-is-fatal"),
        startup_probes=flag("enable-startup-probes"),
        stop_removed_resources=flag("stop-removed-resources"),
        cancel_removed_actions=flag("cancel-removed-actions"),
        shutdown_lock=flag("shutdown-lock"),
        shutdown_lock_limit_ms=interval("shutdown-lock-limit") if flag("shutdown-lock") else 0,
        node_pending_timeout_ms=interval("node-pending-timeout"),
        cluster_delay_ms=interval("cluster-delay"),
        batch_limit=parse_integer(text["batch-limit"]) or 0,
        migration_limit=parse_integer(text["migration-limit"]) or 0,
        health_strategy=text["node-health-strategy"].lower(),
        health_base=score.parse(text["node-health-base"]),
        health=_health_scores(text),
        placement_strategy=text["placement-strategy"].lower(),
        cluster_name=values.get("cluster-name"),
        as_written=text,
    )


def _valid(name: str, value: str | None, reports: list[Report]) -> str:
    default, is_valid = _DEFAULTS[name]
    if value is None:
        return default
    if is_valid(value):
        return value
    message = f"The value {value!r} of the option {name} is not valid; its default {default!r} is used."
    reports.append(Report(Severity.ERROR, "invalid-option", name, message, f"Correct it, for example to {default!r}."))
    return default


def _no_quorum_policy(word: str, may_fence: bool) -> NoQuorumPolicy:
    word = word.lower()
    if word in ("fence", "suicide"):
        return NoQuorumPolicy.FENCE if may_fence else NoQuorumPolicy.STOP
    return NoQuorumPolicy(word)


def _health_scores(text: Mapping[str, str]) -> HealthScores:
    match text["node-health-strategy"].lower():
        case "none":
            return HealthScores()
        case "migrate-on-red":
            return HealthScores(red=score.MINUS_INFINITY)
        case "only-green":
            return HealthScores(red=score.MINUS_INFINITY, yellow=score.MINUS_INFINITY)
    return HealthScores(
        red=score.parse(text["node-health-red"]),
        yellow=score.parse(text["node-health-yellow"]),
        green=score.parse(text["node-health-green"]),
    )
