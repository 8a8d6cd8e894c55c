"""What each resource of this node was last started with: its agent and its parameters.

A stop that is given other parameters than the start leaves behind what the start has made: the address, the mount, the
export. So a stop, a demotion and the monitors until then run with those of the start, whatever the configuration says
by then, and whether it still knows the resource. Pacemaker's controller does the same for the stop (Pacemaker Explained
does not say so; seen with 2.1.5); doing it for monitors, too, lets a probe after a cleanup find what runs.

Kept beside the operation journal, in a folder that is emptied at boot, when nothing runs any more; so it outlives the
daemon.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from crm.executor.environment import META
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, Status

log = logging.getLogger("crm.executor")

STARTS = ("start", "migrate_from")
_RELOADS = ("reload", "reload-agent")
_AS_STARTED = ("stop", "demote", "monitor")
_RUNS = (ExitCode.OK, ExitCode.RUNNING_PROMOTED, ExitCode.DEGRADED, ExitCode.DEGRADED_PROMOTED)
_PROMOTED = (ExitCode.RUNNING_PROMOTED, ExitCode.DEGRADED_PROMOTED)
_FACTS = ("clone", "clone_max", "clone_node_max", "globally_unique", "notify", "promoted_max", "promoted_node_max",
          "master_max", "master_node_max", "container")
"""Meta attributes that say what a resource is. Agents refuse to stop a copy that they take for a single instance, and
nobody knows any more what it was when its clone is deleted.
"""
_OPERATIONS_OWN = (META, "OCF_", "crm_feature_set")
"""Beginnings of the names that belong to an operation rather than to its resource."""


@dataclass(frozen=True, slots=True)
class Start:
    """The agent that a resource was started by, the parameters that it was given, and whether it was promoted since."""

    standard: str
    provider: str | None
    type: str
    parameters: Mapping[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)
    promoted: bool = False


class LastStarts:
    """The starts of this node's resources, by the name that agents know the resource by; kept in a folder, if any."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._starts: dict[str, Start] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)  # Parameters may be passwords.
            self._starts = {unquote(file.name): start for file in sorted(folder.iterdir())
                            if not file.name.startswith(".") and (start := _read(file)) is not None}

    def as_started(self, request: OperationRequest) -> OperationRequest:
        """The request with what its resource was started with; itself where that is the same, or does not matter."""
        start = self._starts.get(request.resource)
        if start is None or request.operation not in _AS_STARTED:
            return request
        own = {name: value for name, value in request.parameters.items() if _is_own(request, name)}
        parameters = {**start.facts, **start.parameters, **own}
        agent = replace(request.agent, standard=start.standard, provider=start.provider, type=start.type)
        if (agent, parameters) == (request.agent, dict(request.parameters)):
            return request
        return replace(request, agent=agent, parameters=parameters)

    def begins(self, request: OperationRequest) -> None:
        """An operation is about to run: a start that is cut off must be stopped by what it had been given."""
        if request.operation in STARTS:
            self._keep(request)

    def ended(self, result: OperationResult) -> None:
        """An operation has ended: what runs is known better now."""
        request = result.request
        if not result.carried_out:
            if request.operation in STARTS:
                self.forget(request.resource)
            return
        done = result.status is Status.DONE
        if request.operation == "stop" and done and result.rc == ExitCode.OK:
            self.forget(request.resource)
        elif request.operation in _RELOADS and done and result.rc == ExitCode.OK:
            self._keep(request)
        elif request.operation == "monitor" and done and result.rc in _RUNS and request.resource not in self._starts:
            self._keep(request)  # Started before this was kept, or by somebody else: found with these.
        if done and request.resource in self._starts:
            self._note_role(request, result.rc)

    def last_known(self, resource: str) -> ExitCode | None:
        """What a monitor of it would say if nothing has happened to it; None if it was not started here."""
        start = self._starts.get(resource)
        if start is None:
            return None
        return ExitCode.RUNNING_PROMOTED if start.promoted else ExitCode.OK

    def resources(self) -> tuple[str, ...]:
        """What was started here, and may run."""
        return tuple(self._starts)

    def of(self, resource: str) -> Start | None:
        """How a resource was started; None if it does not run."""
        return self._starts.get(resource)

    def types(self, standard: str) -> set[str]:
        """The types of the resources of that class that were started here."""
        return {start.type for start in self._starts.values() if start.standard in (standard, "service")}

    def forget(self, resource: str) -> None:
        """It does not run any more."""
        if self._starts.pop(resource, None) is not None and self._folder is not None:
            try:
                self._file(resource).unlink(missing_ok=True)
            except OSError as error:
                log.warning("the start of %s cannot be forgotten: %s", resource, error)

    def _keep(self, request: OperationRequest) -> None:
        parameters = {name: value for name, value in request.parameters.items() if not _is_own(request, name)}
        agent = request.agent
        facts = {f"{META}{name}": request.parameters[f"{META}{name}"] for name in _FACTS
                 if f"{META}{name}" in request.parameters}
        self._put(request.resource, Start(agent.standard, agent.provider, agent.type, parameters, facts))

    def _note_role(self, request: OperationRequest, rc: int) -> None:
        tells = request.operation == "monitor" and rc in _RUNS
        if tells or (request.operation in ("promote", "demote") and rc == ExitCode.OK):
            promoted = rc in _PROMOTED if tells else request.operation == "promote"
            self._put(request.resource, replace(self._starts[request.resource], promoted=promoted))

    def _put(self, resource: str, start: Start) -> None:
        if self._starts.get(resource) == start:
            return
        self._starts[resource] = start
        try:
            self._write(resource, start)
        except OSError as error:
            # It is kept in memory: only a restart of the daemon would forget it.
            log.warning("what %s is started with cannot be written down: %s", resource, error)

    def _write(self, resource: str, start: Start) -> None:
        if self._folder is None:
            return
        file = self._file(resource)
        beside = file.with_name(f".{file.name}.new")
        beside.touch(mode=0o600)
        beside.write_text(json.dumps(asdict(start)), encoding="utf-8")
        beside.replace(file)

    def _file(self, resource: str) -> Path:
        assert self._folder is not None
        return self._folder / quote(resource, safe="")


def _is_own(request: OperationRequest, name: str) -> bool:
    """Whether a parameter belongs to the operation rather than to its resource."""
    return name.startswith(_OPERATIONS_OWN) or name in request.own_parameters


def _read(file: Path) -> Start | None:
    """What a file keeps; None, and a warning, if it is spoilt."""
    try:
        told: Any = json.loads(file.read_text(encoding="utf-8"))
        parameters = {str(name): str(value) for name, value in told["parameters"].items()}
        facts = {str(name): str(value) for name, value in told.get("facts", {}).items()}
        return Start(told["standard"], told["provider"], told["type"], parameters, facts, bool(told.get("promoted")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("what %s was started with is lost: %s cannot be read (%s)", unquote(file.name), file, error)
        return None
