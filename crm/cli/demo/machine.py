"""The machines of the demo: each a `crmd` and all that its agents started. They can be killed as by a power cut."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from crm.cli.connection import CommandError
from crm.cli.demo.layout import Layout, NodeFiles
from crm.keeper.processes import become_subreaper, children, die_with_parent, kill_trees, tree


@dataclass
class Machines:
    """The running nodes of one demo. `programs`: modules that are run instead of the usual one, by node."""

    layout: Layout
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        become_subreaper()

    def start(self, name: str) -> None:
        """Boot a node: what agents left in its runtime folder is gone, as after any boot; its store is kept."""
        files = self.files(name)
        if name in self.running:
            raise CommandError(f"{name} runs already")
        shutil.rmtree(files.runtime, ignore_errors=True)
        with files.log.open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", self.programs.get(name, "crm.cli.crmd"), "--config", str(files.settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def kill(self, name: str) -> None:
        """Cut a node's power: its daemon and all that its agents started end at once."""
        process = self._process(name)
        del self.running[name]
        kill_trees([process.pid])
        process.wait()
        self.sweep()

    def kill_daemon(self, name: str) -> int:
        """Kill only the daemon of a node; answers with its process id. What agents started lives on."""
        process_id = daemon_of(self._process(name).pid)
        os.kill(process_id, 9)
        return process_id

    def sweep(self) -> list[str]:
        """Notice nodes that somebody else has killed, and take down what they left; answers with their names."""
        dead = [name for name, process in self.running.items() if process.poll() is not None]
        for name in dead:
            del self.running[name]
        known = {process.pid for process in self.running.values()}
        orphans = {child for child in _own_children() if child not in known}
        if orphans:
            kill_trees(orphans)
            _reap_within(orphans, seconds=2.0)
        return dead

    def stop(self) -> None:
        """End everything that was started here, and nothing else."""
        kill_trees(process.pid for process in self.running.values())
        for process in self.running.values():
            process.wait()
        self.running.clear()
        self.sweep()

    def _process(self, name: str) -> subprocess.Popen[bytes]:
        process = self.running.get(self.files(name).name)
        if process is None:
            raise CommandError(f"{name} does not run", f"Boot it: start {name}")
        return process

    def files(self, name: str) -> NodeFiles:
        for node in self.layout.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.layout.nodes)
        raise CommandError(f"There is no node {name}", f"There are {known}")


def daemon_of(process_id: int) -> int:
    """The process that does the work: the child that a node's first process watches over, or that process itself."""
    own = children().get(process_id, [])
    daemons = [child for child in own if _is_crmd(child)]
    return min(daemons) if daemons else process_id


def _is_crmd(process_id: int) -> bool:
    try:
        return b"crm.cli.crmd" in Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return False


def _own_children() -> set[int]:
    return set(children().get(os.getpid(), []))


def _reap_within(process_ids: set[int], seconds: float) -> None:
    end = time.monotonic() + seconds
    while process_ids & tree([os.getpid()]) and time.monotonic() < end:
        for process_id in process_ids:
            try:
                os.waitpid(process_id, os.WNOHANG)
            except ChildProcessError:
                continue
        time.sleep(0.01)

