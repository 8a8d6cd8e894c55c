"""The class `lsb`: init scripts. They take a word and no parameters, and have exit codes of their own for `status`.

Source: Linux Standard Base Core 5.0, "Init Script Actions" and "Comment Conventions for Init Scripts".
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from crm.executor import metadata
from crm.executor.agent_files import AgentUnusableError, described
from crm.executor.environment import surroundings
from crm.executor.executor_settings import ExecutorSettings
from crm.executor.metadata import AgentMetadata
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, Status
from crm.executor.runner import Program, run_once
from crm.keeper.leftovers import OperationLeftovers
from crm.model.transition import AgentReference

STANDARD = "lsb"
RESOURCE = "CRMD_RESOURCE"
"""Names the resource to its script: what the script starts is known by it, as OCF's is by a name of its own."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_WORDS = {"start": "start", "stop": "stop", "monitor": "status", "reload": "reload"}
_STATUS: Mapping[int, int] = {
    0: ExitCode.OK,
    1: ExitCode.NOT_RUNNING,  # dead, and its pid file exists
    2: ExitCode.NOT_RUNNING,  # dead, and its lock file exists
    3: ExitCode.NOT_RUNNING,
    150: ExitCode.NOT_INSTALLED,
    151: ExitCode.INSUFFICIENT_PRIVILEGE,
}
_LAST_COMMON = 7
"""Up to this one, exit codes of actions other than `status` are those of OCF."""
_BLOCK = re.compile(r"^### BEGIN INIT INFO$(.*?)^### END INIT INFO$", re.MULTILINE | re.DOTALL)
_KEYWORD = re.compile(r"^# ([A-Za-z-]+):[ \t]*(.*(?:\n#(?:\t|  ).*)*)$", re.MULTILINE)


class LsbScripts:
    """Those of this node."""

    def __init__(self, settings: ExecutorSettings, journal: OperationLeftovers | None) -> None:
        self._settings = settings
        self._journal = journal

    async def operate(self, request: OperationRequest, queue_ms: int) -> OperationResult:
        """Run an operation."""
        return await run_once(request, self.program, self._settings, queue_ms, self._journal)

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        """What the head of a script says. Raises ValueError with the reason."""
        try:
            text = self._find(agent).read_text(encoding="utf-8", errors="replace")
        except (AgentUnusableError, OSError) as error:
            raise ValueError(str(error)) from None
        return metadata.parse(_described(agent.type, head(text)))

    async def installed(self) -> Sequence[AgentReference]:
        """Every script that could be run here."""
        folder = self._settings.init_folder
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        return [AgentReference(name, STANDARD, name) for name in names if self.exists(name)]

    async def has(self, agent: AgentReference) -> bool:
        """Whether that script could be run here."""
        return self.exists(agent.type)

    def exists(self, name: str) -> bool:
        """Whether there is a script of that name that can be run."""
        path = self._settings.init_folder / name
        return bool(_NAME.fullmatch(name)) and path.is_file() and os.access(path, os.X_OK)

    def _find(self, agent: AgentReference) -> Path:
        name = described(agent)
        if not _NAME.fullmatch(agent.type):
            raise AgentUnusableError(Status.ERROR_HARD, ExitCode.NOT_CONFIGURED, f"{name} is not the name of a script")
        path = self._settings.init_folder / agent.type
        if not path.is_file():
            reason = f"There is no init script {path} on this node"
            raise AgentUnusableError(Status.NOT_INSTALLED, ExitCode.NOT_INSTALLED, reason)
        if not os.access(path, os.X_OK):
            reason = f"The init script {path} may not be executed; try “chmod +x {path}”"
            raise AgentUnusableError(Status.ERROR, ExitCode.INSUFFICIENT_PRIVILEGE, reason)
        return path

    def program(self, request: OperationRequest) -> Program:
        """The command that carries an operation out. Raises AgentUnusableError."""
        word = _WORDS.get(request.operation)
        if word is None:
            reason = f"Init scripts have no {request.operation}"
            raise AgentUnusableError(Status.NOT_SUPPORTED, ExitCode.UNIMPLEMENTED, reason)
        meaning = _of_status if word == "status" else _of_action
        environment = {**surroundings(self._settings), RESOURCE: request.resource}
        return Program((str(self._find(request.agent)), word), environment, meaning)


def _of_status(code: int) -> int:
    return _STATUS.get(code, ExitCode.UNKNOWN_ERROR)


def _of_action(code: int) -> int:
    return code if code <= _LAST_COMMON else ExitCode.UNKNOWN_ERROR


def head(script: str) -> dict[str, str]:
    """The keywords of a script's head with their values, each on one line."""
    block = _BLOCK.search(script)
    found = _KEYWORD.findall(block[1]) if block else []
    return {keyword: " ".join(value.replace("\n#", " ").split()) for keyword, value in found}


def _described(name: str, keywords: Mapping[str, str]) -> str:
    """Metadata in the form that agents print; a script takes no parameters."""
    actions = "".join(f'<action name="{each}" timeout="15s"/>' for each in ("start", "stop", "status", "force-reload"))
    short = keywords.get("Short-Description", f"init script {name}")
    told = "".join(f"{key}: {value}\n" for key, value in keywords.items() if key != "Short-Description")
    return (f'<?xml version="1.0"?><resource-agent name={quoteattr(name)} version="0.1"><version>1.1</version>'
            f'<longdesc lang="en">{escape(told)}</longdesc><shortdesc lang="en">{escape(short)}</shortdesc>'
            f'<parameters/><actions>{actions}<action name="monitor" timeout="15s" interval="15s"/>'
            f'<action name="meta-data" timeout="5s"/></actions><special tag="LSB"/></resource-agent>')
