"""The environment that an OCF agent gets: what the standard and Pacemaker's practice ask for, and nothing of ours.

Source: OCF resource agent API 1.1, "Parameter passing"; the names beyond it as Pacemaker sets them.
"""

from __future__ import annotations

from crm.executor.agents import AgentFile
from crm.executor.operation import OperationRequest
from crm.executor.settings import ExecutorSettings

_META = "CRM_meta_"


def build(request: OperationRequest, agent: AgentFile, settings: ExecutorSettings) -> dict[str, str]:
    """The complete environment of one run of an agent."""
    environment = {
        "PATH": settings.command_path,
        "HOME": "/",
        "LC_ALL": "C",
        "OCF_ROOT": str(agent.root),
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_INSTANCE": request.agent.id,
        "OCF_RESOURCE_TYPE": request.agent.type,
        "OCF_RESOURCE_PROVIDER": request.agent.provider or "",
        "OCF_EXIT_REASON_PREFIX": "ocf-exit-reason:",
        "OCF_OUTPUT_FORMAT": "text",
        "OCF_CHECK_LEVEL": request.parameters.get("OCF_CHECK_LEVEL", "0"),
    }
    if settings.agent_state is not None:
        environment["HA_RSCTMP"] = str(settings.agent_state)
    environment.update(settings.extra_environment)
    environment.update({f"OCF_RESKEY_{name}": value for name, value in _parameters(request).items()})
    return environment


def _parameters(request: OperationRequest) -> dict[str, str]:
    """Parameters as given, the operation's own meta attributes filled in; a probe has no interval."""
    own = {f"{_META}name": request.operation, f"{_META}timeout": str(request.timeout_ms)}
    if request.interval_ms > 0:
        own[f"{_META}interval"] = str(request.interval_ms)
    given = {_variable(name): value for name, value in request.parameters.items() if _can_be_passed(name, value)}
    if request.interval_ms == 0:
        given.pop(f"{_META}interval", None)
    return own | given


def _variable(name: str) -> str:
    """Meta attributes are spelt with underscores in an environment, parameters stay as they are."""
    return name.replace("-", "_") if name.startswith(_META) else name


def _can_be_passed(name: str, value: str) -> bool:
    return bool(name) and "=" not in name and "\0" not in name + value
