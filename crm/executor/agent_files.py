"""Where an agent's file is. Names come from a CIB, so they are checked before they become part of a path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crm.executor.operation import ExitCode, Status
from crm.model.transition import AgentReference

_CONNECTION = ("pacemaker", "remote")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class AgentUnusableError(Exception):
    """An agent that cannot be run, as the outcome that an operation on it has."""

    def __init__(self, status: Status, rc: ExitCode, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.rc = rc
        self.reason = reason


@dataclass(frozen=True, slots=True)
class AgentFile:
    """An agent that can be run: its file and the OCF root that it was found in."""

    path: Path
    root: Path


def find(agent: AgentReference, roots: tuple[Path, ...]) -> AgentFile:
    """The file of an OCF agent. Raises AgentUnusableError."""
    name = described(agent)
    provider = agent.provider or ""
    if (provider, agent.type) == _CONNECTION:
        # Its file, where there is one, describes what a cluster manager itself does.
        reason = "This release of crmd carries out no connections to remote nodes or guests"
        raise AgentUnusableError(Status.NOT_INSTALLED, ExitCode.NOT_INSTALLED, reason)
    if not (_NAME.fullmatch(provider) and _NAME.fullmatch(agent.type)):
        raise AgentUnusableError(Status.ERROR_HARD, ExitCode.NOT_CONFIGURED, f"{name} is not the name of an agent")
    for root in roots:
        path = root / "resource.d" / provider / agent.type
        if path.is_file():
            return _runnable(AgentFile(path, root), name)
    looked = ", ".join(str(root) for root in roots)
    reason = f"There is no agent {name} on this node (looked under {looked})"
    raise AgentUnusableError(Status.NOT_INSTALLED, ExitCode.NOT_INSTALLED, reason)


def _runnable(agent: AgentFile, name: str) -> AgentFile:
    if not os.access(agent.path, os.X_OK):
        reason = f"The agent {name} may not be executed; try “chmod +x {agent.path}”"
        raise AgentUnusableError(Status.ERROR, ExitCode.INSUFFICIENT_PRIVILEGE, reason)
    return agent


def described(agent: AgentReference) -> str:
    """The agent as people write it, `ocf:heartbeat:IPaddr2`."""
    return ":".join(part for part in (agent.standard, agent.provider, agent.type) if part)


def installed(roots: tuple[Path, ...]) -> Iterator[AgentReference]:
    """Every OCF agent that could be run here, in order of their names."""
    found = {
        (path.parent.name, path.name)
        for root in roots
        for path in root.glob("resource.d/*/*")
        if _NAME.fullmatch(path.name) and path.is_file() and os.access(path, os.X_OK)
    }
    return (AgentReference(type_, "ocf", type_, provider) for provider, type_ in sorted(found))
