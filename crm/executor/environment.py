"""The environment that an OCF agent gets: what the standard and Pacemaker's practice ask for, and nothing of ours.

Source: OCF resource agent API 1.1, "Parameter passing"; the names beyond it as Pacemaker 2.1.5 was seen to set them,
except for `HA_LOGFILE` and `HA_LOGFACILITY`: without these the shell functions of resource-agents say on standard error
what they would log elsewhere, where the executor keeps it beside the failure that it explains.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from crm.executor.agent_files import AgentFile
from crm.executor.executor_settings import ExecutorSettings
from crm.executor.operation import OperationRequest

META = "CRM_meta_"
_FUNCTIONS = Path("lib/heartbeat/ocf-shellfuncs")


def build(request: OperationRequest, agent: AgentFile, settings: ExecutorSettings) -> dict[str, str]:
    """The complete environment of one run of an agent."""
    environment = {
        **surroundings(settings),
        "OCF_ROOT": str(ocf_root(agent, settings.ocf_roots)),
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_INSTANCE": request.agent.id,
        "OCF_RESOURCE_TYPE": request.agent.type,
        "OCF_RESOURCE_PROVIDER": request.agent.provider or "",
        "OCF_EXIT_REASON_PREFIX": "ocf-exit-reason:",
        "OCF_OUTPUT_FORMAT": "text",
        "OCF_CHECK_LEVEL": request.parameters.get("OCF_CHECK_LEVEL", "0"),
        "HA_debug": "0",
    }
    environment.update({f"OCF_RESKEY_{name}": value for name, value in _parameters(request).items()})
    return environment


def surroundings(settings: ExecutorSettings) -> dict[str, str]:
    """What every program gets that the executor starts, whatever its class."""
    environment = {"PATH": settings.command_path, "HOME": _home(), "LC_ALL": "C"}
    if settings.agent_state is not None:
        environment["HA_RSCTMP"] = str(settings.agent_state)
    if settings.tool_folder is not None:
        # ocf-directories takes the distribution's folder otherwise, and with it perhaps the tools of another cluster.
        environment["HA_SBIN_DIR"] = str(settings.tool_folder)
    return environment | dict(settings.extra_environment)


def ocf_root(agent: AgentFile, roots: tuple[Path, ...]) -> Path:
    """The root that the agent is told: one that has the shell functions, its own before others.

    Agents source `${OCF_ROOT}/lib/heartbeat/ocf-shellfuncs`, wherever they lie themselves.
    """
    return next((root for root in (agent.root, *roots) if (root / _FUNCTIONS).is_file()), agent.root)


def _home() -> str:
    """Clients of databases and the like look for their settings there; a daemon's own HOME is anybody's."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def _parameters(request: OperationRequest) -> dict[str, str]:
    """Parameters as given, the operation's own meta attributes filled in; a probe has no interval."""
    own = {f"{META}name": request.operation, f"{META}timeout": str(request.timeout_ms)}
    if request.interval_ms > 0:
        own[f"{META}interval"] = str(request.interval_ms)
    given = {_variable(name): value for name, value in request.parameters.items() if _can_be_passed(name, value)}
    if request.interval_ms == 0:
        given.pop(f"{META}interval", None)
    return own | given


def _variable(name: str) -> str:
    """Meta attributes are spelt with underscores in an environment, parameters stay as they are."""
    return name.replace("-", "_") if name.startswith(META) else name


def _can_be_passed(name: str, value: str) -> bool:
    return bool(name) and "=" not in name and "\0" not in name + value
