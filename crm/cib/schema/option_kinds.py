"""The options that a cluster knows, by the set they stand in, each with the kind of value it takes.

Names and kinds: Pacemaker Explained, "Cluster Options", "Resource Meta-Attributes", "Clone Options", "Operation
Properties", "Alert Meta-Attributes". Values are only looked at to give advice; what they mean is the policy engine's.
"""

from __future__ import annotations

import re
from enum import StrEnum


class OptionKind(StrEnum):
    """Kinds of values, each with the words that describe it to a person."""

    TEXT = "any text"
    SWITCH = "true or false"
    NUMBER = "a whole number"
    SCORE = "a score: a whole number, INFINITY or -INFINITY"
    DURATION = "a time span such as 30s, 5min or PT10M"
    PERCENTAGE = "a percentage such as 80%"


_PATTERNS: dict[OptionKind, re.Pattern[str]] = {
    OptionKind.TEXT: re.compile(r".*", re.S),
    OptionKind.SWITCH: re.compile(r"true|false|yes|no|on|off|y|n|1|0", re.I),
    OptionKind.NUMBER: re.compile(r"[+-]?\d+"),
    OptionKind.SCORE: re.compile(r"[+-]?(\d+(\.\d+)?|INFINITY)|red|yellow|green"),
    OptionKind.DURATION: re.compile(
        r"\s*[+-]?\d+(\.\d+)?\s*(ms|msec|us|usec|s|sec|m|min|h|hr|d)?\s*|P(?=.)(\d+[YMWDHS]|T)+", re.I
    ),
    OptionKind.PERCENTAGE: re.compile(r"\d+%?"),
}

Expected = OptionKind | tuple[str, ...]

_ROLES = ("Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave")
_FENCING_ACTIONS = ("reboot", "off")

CLUSTER: dict[str, Expected] = {
    "dc-version": OptionKind.TEXT,
    "cluster-infrastructure": OptionKind.TEXT,
    "cluster-name": OptionKind.TEXT,
    "crmd-revoked-tokens": OptionKind.TEXT,
    "crmd-issued-tokens": OptionKind.TEXT,
    "last-lrm-refresh": OptionKind.TEXT,
    "dc-deadtime": OptionKind.DURATION,
    "cluster-recheck-interval": OptionKind.DURATION,
    "election-timeout": OptionKind.DURATION,
    "shutdown-escalation": OptionKind.DURATION,
    "join-integration-timeout": OptionKind.DURATION,
    "join-finalization-timeout": OptionKind.DURATION,
    "crmd-integration-timeout": OptionKind.DURATION,
    "crmd-finalization-timeout": OptionKind.DURATION,
    "transition-delay": OptionKind.DURATION,
    "crmd-transition-delay": OptionKind.DURATION,
    "no-quorum-policy": ("stop", "freeze", "ignore", "demote", "fence", "suicide"),
    "shutdown-lock": OptionKind.SWITCH,
    "shutdown-lock-limit": OptionKind.DURATION,
    "enable-acl": OptionKind.SWITCH,
    "symmetric-cluster": OptionKind.SWITCH,
    "maintenance-mode": OptionKind.SWITCH,
    "start-failure-is-fatal": OptionKind.SWITCH,
    "enable-startup-probes": OptionKind.SWITCH,
    "fence-remote-without-quorum": OptionKind.SWITCH,
    "fencing-enabled": OptionKind.SWITCH,
    "stonith-enabled": OptionKind.SWITCH,
    "fencing-action": _FENCING_ACTIONS,
    "stonith-action": (*_FENCING_ACTIONS, "poweroff"),
    "fencing-reaction": ("stop", "panic"),
    "fence-reaction": ("stop", "panic"),
    "fencing-timeout": OptionKind.DURATION,
    "stonith-timeout": OptionKind.DURATION,
    "lease-timeout": OptionKind.DURATION,
    "lease-stop-timeout": OptionKind.DURATION,
    "have-watchdog": OptionKind.SWITCH,
    "fencing-watchdog-timeout": OptionKind.DURATION,
    "stonith-watchdog-timeout": OptionKind.DURATION,
    "fencing-max-attempts": OptionKind.SCORE,
    "stonith-max-attempts": OptionKind.SCORE,
    "concurrent-fencing": OptionKind.SWITCH,
    "startup-fencing": OptionKind.SWITCH,
    "priority-fencing-delay": OptionKind.DURATION,
    "node-pending-timeout": OptionKind.DURATION,
    "cluster-delay": OptionKind.DURATION,
    "load-threshold": OptionKind.PERCENTAGE,
    "node-action-limit": OptionKind.NUMBER,
    "batch-limit": OptionKind.NUMBER,
    "migration-limit": OptionKind.NUMBER,
    "cluster-ipc-limit": OptionKind.NUMBER,
    "stop-all-resources": OptionKind.SWITCH,
    "stop-removed-resources": OptionKind.SWITCH,
    "stop-orphan-resources": OptionKind.SWITCH,
    "cancel-removed-actions": OptionKind.SWITCH,
    "stop-orphan-actions": OptionKind.SWITCH,
    "pe-error-series-max": OptionKind.NUMBER,
    "pe-warn-series-max": OptionKind.NUMBER,
    "pe-input-series-max": OptionKind.NUMBER,
    "node-health-strategy": ("none", "migrate-on-red", "only-green", "progressive", "custom"),
    "node-health-base": OptionKind.SCORE,
    "node-health-green": OptionKind.SCORE,
    "node-health-yellow": OptionKind.SCORE,
    "node-health-red": OptionKind.SCORE,
    "placement-strategy": ("default", "utilization", "minimal", "balanced"),
}

OPERATION: dict[str, Expected] = {
    "name": OptionKind.TEXT,
    "interval": OptionKind.DURATION,
    "timeout": OptionKind.DURATION,
    "start-delay": OptionKind.DURATION,
    "interval-origin": OptionKind.TEXT,
    "enabled": OptionKind.SWITCH,
    "record-pending": OptionKind.SWITCH,
    "role": _ROLES,
    "on-fail": ("ignore", "block", "demote", "stop", "restart", "standby", "fence", "restart-container"),
}

RESOURCE: dict[str, Expected] = {
    "priority": OptionKind.SCORE,
    "critical": OptionKind.SWITCH,
    "target-role": (*_ROLES, "#default"),
    "is-managed": OptionKind.SWITCH,
    "maintenance": OptionKind.SWITCH,
    "resource-stickiness": OptionKind.SCORE,
    "requires": ("nothing", "quorum", "fencing", "unfencing"),
    "provides": OptionKind.TEXT,
    "migration-threshold": OptionKind.SCORE,
    "failure-timeout": OptionKind.DURATION,
    "multiple-active": ("block", "stop_only", "stop_start", "stop_unexpected"),
    "allow-migrate": OptionKind.SWITCH,
    "allow-unhealthy-nodes": OptionKind.SWITCH,
    "container-attribute-target": OptionKind.TEXT,
    "remote-node": OptionKind.TEXT,
    "remote-addr": OptionKind.TEXT,
    "remote-port": OptionKind.NUMBER,
    "remote-connect-timeout": OptionKind.DURATION,
    "remote-allow-migrate": OptionKind.SWITCH,
    "container": OptionKind.TEXT,
    "ordered": OptionKind.SWITCH,
    "collocated": OptionKind.SWITCH,
    "clone-max": OptionKind.NUMBER,
    "clone-min": OptionKind.NUMBER,
    "clone-node-max": OptionKind.NUMBER,
    "globally-unique": OptionKind.SWITCH,
    "interleave": OptionKind.SWITCH,
    "notify": OptionKind.SWITCH,
    "promotable": OptionKind.SWITCH,
    "promoted-max": OptionKind.NUMBER,
    "promoted-node-max": OptionKind.NUMBER,
    "master-max": OptionKind.NUMBER,
    "master-node-max": OptionKind.NUMBER,
}

ALERT: dict[str, Expected] = {
    "enabled": OptionKind.SWITCH,
    "timeout": OptionKind.DURATION,
    "timestamp-format": OptionKind.TEXT,
}


def fits(value: str, expected: Expected) -> bool:
    """Whether a value is one that an option takes."""
    if isinstance(expected, tuple):
        return value.lower() in (word.lower() for word in expected)
    return _PATTERNS[expected].fullmatch(value) is not None


def described(expected: Expected) -> str:
    return "one of " + ", ".join(expected) if isinstance(expected, tuple) else str(expected)
