"""Where the executor finds agents and what it grants them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from crm.paths import share


def default_ocf_roots() -> tuple[Path, ...]:
    """The agents that come with crmd, then the system's."""
    return (share("resource_agents"), Path("/usr/lib/ocf"))


def default_command_path() -> str:
    """The folder of crmd's own commands, then the usual ones."""
    return f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def default_fence_agent_folders() -> tuple[Path, ...]:
    """The fence agents that come with crmd, then the system's."""
    return (share("resource_agents") / "fence", Path("/usr/sbin"), Path("/usr/local/sbin"))


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """Everything has a working default.

    ocf_roots            folders with `resource.d/PROVIDER/TYPE`; the first that has an agent wins, and is its OCF_ROOT
    fence_agent_folders  folders with fence agents (`fence_NAME`); the first that has one wins
    agent_state          where agents keep their state (HA_RSCTMP); None leaves that to the agents
    tool_folder          where agents find `crm_attribute` and the like (HA_SBIN_DIR); None leaves that to the agents
    command_path         PATH of agents, the commands of crmd first so that agents find `crm_attribute` and the like
    init_folder          where init scripts are
    systemd_bus          address of the message bus on which systemd is; empty: the system's
    systemd_folder       where drop-ins for units are put until the next boot
    kill_grace_ms        time between SIGTERM and SIGKILL when a time limit is reached
    output_limit_bytes   how much of what an agent prints is kept, of each stream
    operation_limit      how many starts, stops and other changes may run at once
    monitor_limit        how many recurring monitors may run at once, and as many probes beside them
    extra_environment    variables that are handed to every agent
    stop_orders          where the keeper finds how resources are stopped; None: there is no keeper
    """

    ocf_roots: tuple[Path, ...] = field(default_factory=default_ocf_roots)
    fence_agent_folders: tuple[Path, ...] = field(default_factory=default_fence_agent_folders)
    agent_state: Path | None = None
    tool_folder: Path | None = None
    command_path: str = field(default_factory=default_command_path)
    init_folder: Path = Path("/etc/init.d")
    systemd_bus: str = ""
    systemd_folder: Path = Path("/run/systemd/system")
    kill_grace_ms: int = 1_000
    output_limit_bytes: int = 64 * 1024
    operation_limit: int = 64
    monitor_limit: int = 64
    extra_environment: tuple[tuple[str, str], ...] = ()
    stop_orders: Path | None = None
