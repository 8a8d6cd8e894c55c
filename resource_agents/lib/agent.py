"""What an agent written in Python needs to run a service: a detached process with a pidfile that can be trusted.

The pidfile holds the process id and the time at which that process started, so a process that got the same id later is
not taken for ours. Standard library only, and little of it: an agent runs every few seconds, and starting must be
quick. That is why there is no pathlib here.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

SUCCESS, ERROR, ARGUMENTS, UNIMPLEMENTED, PERMISSION, INSTALLED, CONFIGURED, NOT_RUNNING = range(8)

# The document type that tools check against is that of OCF 1.0; the lines within the brackets teach it OCF 1.1.
_HEAD = """<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd" [
<!ATTLIST parameter reloadable (0|1) #IMPLIED unique-group CDATA #IMPLIED>
<!ATTLIST action name NMTOKEN #REQUIRED>
]>
"""

INSTANCE = os.environ.get("OCF_RESOURCE_INSTANCE", "default")


class ActionFailedError(Exception):
    """Ends an action with an exit code and the reason, which the cluster shows to people."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def parameter(name: str, default: str = "") -> str:
    return os.environ.get(f"OCF_RESKEY_{name}", default)


def port_parameter(name: str, default: int) -> int:
    text = parameter(name, str(default))
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ActionFailedError(CONFIGURED, f"{name} must be a port from 1 to 65535, not '{text}'")
    return int(text)


def state_folder() -> str:
    """The folder that the executor names; by hand, one that this user can write."""
    wanted = os.environ.get("HA_RSCTMP") or "/run/crmd-agents"
    try:
        os.makedirs(wanted, exist_ok=True)
    except OSError:
        wanted = ""
    if wanted and os.access(wanted, os.W_OK):
        return wanted
    own = f"/tmp/crmd-agents-{os.getuid()}"
    os.makedirs(own, exist_ok=True)
    return own


def read(path: str) -> str:
    """The text of a file, empty if it cannot be read."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


class Service:
    """A process of ours that outlives the agent's run."""

    def __init__(self, name: str) -> None:
        self.pidfile = os.path.join(state_folder(), f"{name}-{INSTANCE}.pid")

    def process_id(self) -> int | None:
        """The id of the running service, None if it does not run (a stale pidfile does not count)."""
        words = read(self.pidfile).split()
        if len(words) != 2 or not words[0].isdigit():
            return None
        process_id, born = int(words[0]), words[1]
        return process_id if _start_time(process_id) == born else None

    def start(self, serve: Callable[[], None]) -> None:
        """Run `serve` in a detached process; returns when its pidfile is written."""
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return
        os.setsid()
        grandchild = os.fork()
        if grandchild:
            temporary = f"{self.pidfile}.new"
            with open(temporary, "w") as file:
                file.write(f"{grandchild} {_start_time(grandchild)}\n")
            os.replace(temporary, self.pidfile)
            os._exit(0)
        _detach()
        serve()
        os._exit(0)

    def stop(self, patience_seconds: float = 5.0) -> None:
        """End the service: politely, then not. Returns when it is gone."""
        process_id = self.process_id()
        if process_id is not None:
            os.kill(process_id, signal.SIGTERM)
            if not self._gone_within(patience_seconds):
                os.kill(process_id, signal.SIGKILL)
                self._gone_within(patience_seconds)
        if os.path.exists(self.pidfile):
            os.unlink(self.pidfile)

    def _gone_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.process_id() is not None:
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True


def _start_time(process_id: int) -> str | None:
    """When a process started, in clock ticks since boot; None for one that is gone or only waits to be reaped."""
    fields = read(f"/proc/{process_id}/stat").rpartition(")")[2].split()
    return None if not fields or fields[0] == "Z" else fields[19]


def _detach() -> None:
    """Let go of the agent's input and outputs, which belong to the executor."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)


def main(metadata: str, actions: dict[str, Callable[[], int]]) -> None:
    """Run the action that was asked for and exit with its code."""
    action = sys.argv[1] if len(sys.argv) > 1 else ""
    if action == "meta-data":
        print(_HEAD + metadata.strip())
        sys.exit(SUCCESS)
    if action not in actions:
        print(f"usage: {sys.argv[0]} {{{'|'.join([*actions, 'meta-data'])}}}", file=sys.stderr)
        sys.exit(UNIMPLEMENTED)
    try:
        code = actions[action]()
    except ActionFailedError as failure:
        prefix = os.environ.get("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:")
        print(f"{prefix}{failure}", file=sys.stderr)
        code = failure.code
    sys.stdout.flush()
    os._exit(code)
