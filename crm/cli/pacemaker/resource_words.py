"""What is said of one resource in a word or two: its id, its agent, its state, an exit code.

Shared by text and XML, by the full list and the one that only counts.
"""

from __future__ import annotations

from crm.cli.pacemaker.state_words import PENDING_STATES
from crm.model.history import ExitCode
from crm.policy_engine.picture.cluster import Resource, Role
from crm.policy_engine.picture.roles import role_text

_EXIT_TEXTS = {
    ExitCode.OK: "OK",
    ExitCode.UNKNOWN_ERROR: "Error occurred",
    ExitCode.INVALID_PARAMETER: "Invalid parameter",
    ExitCode.UNIMPLEMENTED: "Unimplemented",
    ExitCode.INSUFFICIENT_PRIVILEGE: "Insufficient privileges",
    ExitCode.NOT_INSTALLED: "Not installed",
    ExitCode.NOT_CONFIGURED: "Not configured",
    ExitCode.NOT_RUNNING: "Not running",
    ExitCode.RUNNING_PROMOTED: "Promoted",
    ExitCode.FAILED_PROMOTED: "Failed in promoted role",
    ExitCode.DEGRADED: "Service is active but might fail soon",
    ExitCode.DEGRADED_PROMOTED: "Service is promoted but might fail soon",
    ExitCode.NONE: "No exit status available",
}


def active(resource: Resource, whole: bool) -> bool:
    """Whether any part of a resource is active, or (`whole`) every part."""
    if resource.is_primitive:
        return any(node.unclean or node.online or not resource.managed for node in resource.active_on)
    parts = [active(child, whole) for child in resource.children]
    return all(parts) if whole else any(parts)


def printable_id(resource: Resource) -> str:
    """The id to show: an anonymous instance's without its number."""
    return resource.id if resource.unique or resource.definition is None else resource.definition.id


def agent(resource: Resource) -> str:
    """The agent as `standard:provider:type`, without provider where the standard knows none."""
    if resource.standard.lower() == "ocf" and resource.provider:
        return f"{resource.standard}:{resource.provider}:{resource.type}"
    return f"{resource.standard}:{resource.type}"


def displayed_role(resource: Resource) -> Role:
    """Its role; an instance of a promotable clone that is started is unpromoted."""
    if resource.role is Role.STARTED and resource.top.promotable:
        return Role.UNPROMOTED
    return resource.role


def displayed_state(resource: Resource, pending_only: bool = False) -> str:
    """A primitive's role, or what is under way instead; with `pending_only` only the latter, or nothing."""
    pending = PENDING_STATES.get(resource.pending_task or "")
    return pending or "" if pending_only else pending or role_text(displayed_role(resource))


def full_exit_text(rc: int | None) -> str:
    """What an agent's exit code means, in a few words."""
    if rc is not None and 128 < rc < ExitCode.DEGRADED:
        return "Interrupted by signal"
    return _EXIT_TEXTS[ExitCode(rc)] if rc in _EXIT_TEXTS else "Unknown exit status"
