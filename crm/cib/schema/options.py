"""The options that a cluster knows, by the set they stand in, each with the kind of value it takes.

Names and kinds: Pacemaker Explained, "Cluster Options", "Resource Meta-Attributes", "Clone Options", "Operation
Properties", "Alert Meta-Attributes". Values are only looked at to give advice; what they mean is the policy engine's.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of values, each with the words that describe it to a person."""

    TEXT = "any text"
    SWITCH = "true or false"
    NUMBER = "a whole number"
    SCORE = "a score: a whole number, INFINITY or -INFINITY"
    DURATION = "a time span such as 30s, 5min or PT10M"
    PERCENTAGE = "a percentage such as 80%"


_PATTERNS: dict[Kind, re.Pattern[str]] = {
    Kind.TEXT: re.compile(r".*", re.S),
    Kind.SWITCH: re.compile(r"true|false|yes|no|on|off|y|n|1|0", re.I),
    Kind.NUMBER: re.compile(r"[+-]?\d+"),
    Kind.SCORE: re.compile(r"[+-]?(\d+(\.\d+)?|INFINITY)|red|yellow|green"),
    Kind.DURATION: re.compile(
        r"\s*[+-]?\d+(\.\d+)?\s*(ms|msec|us|usec|s|sec|m|min|h|hr|d)?\s*|P(?=.)(\d+[YMWDHS]|T)+", re.I
    ),
    Kind.PERCENTAGE: re.compile(r"\d+%?"),
}

Expected = Kind | tuple[str, ...]

_ROLES = ("Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave")
_FENCING_ACTIONS = ("reboot", "off")

CLUSTER: dict[str, Expected] = {
    "dc-version": Kind.TEXT,
    "cluster-infrastructure": Kind.TEXT,
    "cluster-name": Kind.TEXT,
    "crmd-revoked-tokens": Kind.TEXT,
    "crmd-issued-tokens": Kind.TEXT,
    "last-lrm-refresh": Kind.TEXT,
    "dc-deadtime": Kind.DURATION,
    "cluster-recheck-interval": Kind.DURATION,
    "election-timeout": Kind.DURATION,
    "shutdown-escalation": Kind.DURATION,
    "join-integration-timeout": Kind.DURATION,
    "join-finalization-timeout": Kind.DURATION,
    "crmd-integration-timeout": Kind.DURATION,
    "crmd-finalization-timeout": Kind.DURATION,
    "transition-delay": Kind.DURATION,
    "crmd-transition-delay": Kind.DURATION,
    "no-quorum-policy": ("stop", "freeze", "ignore", "demote", "fence", "suicide"),
    "shutdown-lock": Kind.SWITCH,
    "shutdown-lock-limit": Kind.DURATION,
    "enable-acl": Kind.SWITCH,
    "symmetric-cluster": Kind.SWITCH,
    "maintenance-mode": Kind.SWITCH,
    "start-failure-is-fatal": Kind.SWITCH,
    "enable-startup-probes": Kind.SWITCH,
    "fence-remote-without-quorum": Kind.SWITCH,
    "fencing-enabled": Kind.SWITCH,
    "stonith-enabled": Kind.SWITCH,
    "fencing-action": _FENCING_ACTIONS,
    "stonith-action": (*_FENCING_ACTIONS, "poweroff"),
    "fencing-reaction": ("stop", "panic"),
    "fence-reaction": ("stop", "panic"),
    "fencing-timeout": Kind.DURATION,
    "stonith-timeout": Kind.DURATION,
    "lease-timeout": Kind.DURATION,
    "lease-stop-timeout": Kind.DURATION,
    "have-watchdog": Kind.SWITCH,
    "fencing-watchdog-timeout": Kind.DURATION,
    "stonith-watchdog-timeout": Kind.DURATION,
    "fencing-max-attempts": Kind.SCORE,
    "stonith-max-attempts": Kind.SCORE,
    "concurrent-fencing": Kind.SWITCH,
    "startup-fencing": Kind.SWITCH,
    "priority-fencing-delay": Kind.DURATION,
    "node-pending-timeout": Kind.DURATION,
    "cluster-delay": Kind.DURATION,
    "load-threshold": Kind.PERCENTAGE,
    "node-action-limit": Kind.NUMBER,
    "batch-limit": Kind.NUMBER,
    "migration-limit": Kind.NUMBER,
    "cluster-ipc-limit": Kind.NUMBER,
    "stop-all-resources": Kind.SWITCH,
    "stop-removed-resources": Kind.SWITCH,
    "stop-orphan-resources": Kind.SWITCH,
    "cancel-removed-actions": Kind.SWITCH,
    "stop-orphan-actions": Kind.SWITCH,
    "pe-error-series-max": Kind.NUMBER,
    "pe-warn-series-max": Kind.NUMBER,
    "pe-input-series-max": Kind.NUMBER,
    "node-health-strategy": ("none", "migrate-on-red", "only-green", "progressive", "custom"),
    "node-health-base": Kind.SCORE,
    "node-health-green": Kind.SCORE,
    "node-health-yellow": Kind.SCORE,
    "node-health-red": Kind.SCORE,
    "placement-strategy": ("default", "utilization", "minimal", "balanced"),
}

OPERATION: dict[str, Expected] = {
    "name": Kind.TEXT,
    "interval": Kind.DURATION,
    "timeout": Kind.DURATION,
    "start-delay": Kind.DURATION,
    "interval-origin": Kind.TEXT,
    "enabled": Kind.SWITCH,
    "record-pending": Kind.SWITCH,
    "role": _ROLES,
    "on-fail": ("ignore", "block", "demote", "stop", "restart", "standby", "fence", "restart-container"),
}

RESOURCE: dict[str, Expected] = {
    "priority": Kind.SCORE,
    "critical": Kind.SWITCH,
    "target-role": (*_ROLES, "#default"),
    "is-managed": Kind.SWITCH,
    "maintenance": Kind.SWITCH,
    "resource-stickiness": Kind.SCORE,
    "requires": ("nothing", "quorum", "fencing", "unfencing"),
    "provides": Kind.TEXT,
    "migration-threshold": Kind.SCORE,
    "failure-timeout": Kind.DURATION,
    "multiple-active": ("block", "stop_only", "stop_start", "stop_unexpected"),
    "allow-migrate": Kind.SWITCH,
    "allow-unhealthy-nodes": Kind.SWITCH,
    "container-attribute-target": Kind.TEXT,
    "remote-node": Kind.TEXT,
    "remote-addr": Kind.TEXT,
    "remote-port": Kind.NUMBER,
    "remote-connect-timeout": Kind.DURATION,
    "remote-allow-migrate": Kind.SWITCH,
    "container": Kind.TEXT,
    "ordered": Kind.SWITCH,
    "collocated": Kind.SWITCH,
    "clone-max": Kind.NUMBER,
    "clone-min": Kind.NUMBER,
    "clone-node-max": Kind.NUMBER,
    "globally-unique": Kind.SWITCH,
    "interleave": Kind.SWITCH,
    "notify": Kind.SWITCH,
    "promotable": Kind.SWITCH,
    "promoted-max": Kind.NUMBER,
    "promoted-node-max": Kind.NUMBER,
    "master-max": Kind.NUMBER,
    "master-node-max": Kind.NUMBER,
}

ALERT: dict[str, Expected] = {
    "enabled": Kind.SWITCH,
    "timeout": Kind.DURATION,
    "timestamp-format": Kind.TEXT,
}


def fits(value: str, expected: Expected) -> bool:
    """Whether a value is one that an option takes."""
    if isinstance(expected, tuple):
        return value.lower() in (word.lower() for word in expected)
    return _PATTERNS[expected].fullmatch(value) is not None


def described(expected: Expected) -> str:
    return "one of " + ", ".join(expected) if isinstance(expected, tuple) else str(expected)
