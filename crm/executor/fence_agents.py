"""Runs fence agents: where they are, what they are given on standard input, what their exit codes mean.

The interface is that of the fence-agents project (its FenceAgentAPI document): `key=value` lines on standard input,
`-o metadata` for the description, exit code 0 for success; `status` answers 0 for on and 2 for off. What Pacemaker adds
(`pcmk_*` parameters, the target's name as `nodename` and as `port` or `plug`) follows Pacemaker Explained, "Fencing".
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crm.executor import process
from crm.executor.agent_files import AgentUnusableError
from crm.executor.environment import surroundings
from crm.executor.executor_settings import ExecutorSettings
from crm.executor.metadata import AgentMetadata
from crm.executor.operation import ExitCode, Status
from crm.executor.operation_limits import Ready, always_ready
from crm.model.values import parse_integer

_NAME = re.compile(r"fence_[A-Za-z0-9_.-]+")
# What is for Pacemaker, not for the agent.
_NOT_PASSED = re.compile(r"(pcmk_|CRM_meta_).*|crm_feature_set|provides|priority|stonith-timeout|action")
_OFF = 2
_DEFAULT_TRIES = 2
# An agent that fails at once is not asked again at once.
_PAUSE_BETWEEN_TRIES_S = 0.25


@dataclass(frozen=True, slots=True)
class FenceRequest:
    """One action of a fence agent. `verb`: reboot, off, on, status, list, monitor; times in milliseconds.

    port  the name by which the device knows the target, empty when the action has none
    """

    agent: str
    verb: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    port: str = ""
    timeout_ms: int = 60_000
    delay_ms: int = 0
    spread_ms: int = 0


@dataclass(frozen=True, slots=True)
class FenceOutcome:
    """How it went; `unsupported` when the agent says that it does not know the action."""

    ok: bool
    rc: int = 0
    output: str = ""
    reason: str = ""
    unsupported: bool = False
    timed_out: bool = False


def find(agent: str, settings: ExecutorSettings) -> Path:
    """The file of a fence agent. Raises AgentUnusableError."""
    if not _NAME.fullmatch(agent):
        reason = f"{agent} is not the name of a fence agent"
        raise AgentUnusableError(Status.ERROR_HARD, ExitCode.NOT_CONFIGURED, reason)
    for folder in settings.fence_agent_folders:
        path = folder / agent
        if path.is_file():
            if os.access(path, os.X_OK):
                return path
            reason = f"The fence agent {agent} may not be executed; try “chmod +x {path}”"
            raise AgentUnusableError(Status.ERROR, ExitCode.INSUFFICIENT_PRIVILEGE, reason)
    looked = ", ".join(str(folder) for folder in settings.fence_agent_folders)
    reason = f"There is no fence agent {agent} on this node (looked in {looked})"
    raise AgentUnusableError(Status.NOT_INSTALLED, ExitCode.NOT_INSTALLED, reason)


def installed(settings: ExecutorSettings) -> list[str]:
    """The names of the fence agents that could be run here."""
    found = {
        path.name
        for folder in settings.fence_agent_folders
        for path in folder.glob("fence_*")
        if _NAME.fullmatch(path.name) and path.is_file() and os.access(path, os.X_OK)
    }
    return sorted(found)


async def describe(agent: str, settings: ExecutorSettings, timeout_ms: int) -> str:
    """What the agent says about itself, as XML. Raises AgentUnusableError, OSError, ValueError."""
    path = find(agent, settings)
    outcome = await process.run([str(path), "-o", "metadata"], _environment(settings), timeout_ms=timeout_ms,
                                kill_grace_ms=settings.kill_grace_ms,
                                output_limit_bytes=4 * settings.output_limit_bytes)
    if outcome.code != 0:
        raise ValueError(f"metadata of {agent} ended with {outcome.code}: {_last_line(outcome.stderr)}")
    return outcome.stdout


async def perform(request: FenceRequest, settings: ExecutorSettings, known: AgentMetadata | None,
                  ready: Ready = always_ready) -> FenceOutcome:
    """Carry a request out: after its delay, as often as `pcmk_ACTION_retries` allows within the time limit.

    `known` is the agent's metadata, None if it could not be read: then it is taken to support everything. No attempt
    begins before `ready`.
    """
    try:
        path = find(request.agent, settings)
    except AgentUnusableError as error:
        return FenceOutcome(False, error.rc, reason=error.reason)
    await asyncio.sleep((request.delay_ms + random.uniform(0, request.spread_ms)) / 1000)
    actions = _actions(request, known)
    if not actions:
        return FenceOutcome(False, ExitCode.UNIMPLEMENTED, reason=f"{request.agent} has no action {request.verb}",
                            unsupported=True)
    deadline = time.monotonic() + request.timeout_ms / 1000
    outcome = FenceOutcome(False)
    for action in actions:
        outcome = await _try(request, action, path, settings, known, deadline, ready)
        if not outcome.ok:
            break
    return outcome


def _actions(request: FenceRequest, known: AgentMetadata | None) -> list[str]:
    """The agent's own actions that a verb stands for; empty when it has none."""
    configured = request.parameters.get(f"pcmk_{request.verb}_action")
    if configured:
        return [configured]
    names = {action.name for action in known.actions} if known is not None else None
    if names is None or request.verb in names:
        return [request.verb]
    if request.verb == "reboot" and {"off", "on"} <= names:
        return ["off", "on"]
    if request.verb == "monitor" and "status" in names:
        return ["status"]
    return []


async def _try(request: FenceRequest, action: str, path: Path, settings: ExecutorSettings, known: AgentMetadata | None,
               deadline: float, ready: Ready) -> FenceOutcome:
    tries = parse_integer(request.parameters.get(f"pcmk_{request.verb}_retries")) or _DEFAULT_TRIES
    outcome = FenceOutcome(False, reason="no time was left")
    for number in range(max(1, tries)):
        if number and request.verb in ("list", "status", "monitor"):
            break
        await ready()
        left_ms = int((deadline - time.monotonic()) * 1000)
        if left_ms <= 0:
            break
        outcome = await _run(request, action, path, settings, known, left_ms)
        if outcome.ok or outcome.timed_out:
            break
        await asyncio.sleep(min(_PAUSE_BETWEEN_TRIES_S, max(0.0, deadline - time.monotonic())))
    return outcome


async def _run(request: FenceRequest, action: str, path: Path, settings: ExecutorSettings, known: AgentMetadata | None,
               timeout_ms: int) -> FenceOutcome:
    try:
        done = await process.run([str(path)], _environment(settings), timeout_ms=timeout_ms,
                                 kill_grace_ms=settings.kill_grace_ms, output_limit_bytes=settings.output_limit_bytes,
                                 standard_input=standard_input(request, action, known))
    except OSError as error:
        return FenceOutcome(False, ExitCode.UNKNOWN_ERROR, reason=f"{path} could not be started: {error.strerror}")
    if done.timed_out:
        return FenceOutcome(False, ExitCode.UNKNOWN_ERROR, done.stdout, timed_out=True,
                            reason=f"{action} did not end within {request.timeout_ms / 1000:g} s")
    ok = done.code == 0 or (action == "status" and done.code == _OFF)
    rc = done.code if done.code is not None else ExitCode.UNKNOWN_ERROR
    reason = "" if ok else _last_line(done.stderr) or _last_line(done.stdout) or f"{action} ended with {rc}"
    return FenceOutcome(ok, rc, done.stdout, reason)


def standard_input(request: FenceRequest, action: str, known: AgentMetadata | None) -> bytes:
    """The lines that the agent reads. Parameters of which any node's value is meant (`dynamic`) get the target."""
    lines = {"action": action}
    if request.target:
        lines["nodename"] = request.target
        argument = _host_argument(request.parameters, known)
        if argument is not None and request.parameters.get(argument, "dynamic") == "dynamic":
            lines[argument] = request.port or request.target
    for name, value in request.parameters.items():
        if not _NOT_PASSED.fullmatch(name) and "\n" not in name + value:
            lines.setdefault(name, value)
    return "".join(f"{name}={value}\n" for name, value in lines.items()).encode()


def _host_argument(parameters: Mapping[str, str], known: AgentMetadata | None) -> str | None:
    """The parameter that names the target: as configured, else `plug` or `port`, whichever the agent has."""
    configured = parameters.get("pcmk_host_argument")
    if configured is not None:
        return None if configured.lower() == "none" else configured
    if known is None:
        return "port"
    names = known.names()
    return next((name for name in ("plug", "port") if name in names), None)


def _environment(settings: ExecutorSettings) -> dict[str, str]:
    return surroundings(settings)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
