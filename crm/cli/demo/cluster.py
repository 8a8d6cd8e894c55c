"""The demo's cluster seen from outside: asks whichever node answers, and the web service itself."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crm.cli.connection import CommandError, request
from crm.cli.demo.layout import NodeFiles
from crm.cli.demo.machine import Machines
from crm.paths import share

EXAMPLE = "web-service.xml"
_PATIENCE_SECONDS = 30.0


class DemoCluster:
    """A running demo: its machines, and what they say of themselves."""

    def __init__(self, machines: Machines) -> None:
        self.machines = machines

    @property
    def example(self) -> Path:
        return share("cib_examples") / EXAMPLE

    def boot(self) -> None:
        """Start all nodes and wait until they have a leader; raises CommandError with the end of a log."""
        for node in self.machines.layout.nodes:
            self.machines.start(node.name)
        self.until(self._all_here, "the nodes did not find each other")

    def load(self) -> str:
        """Give the cluster the example's configuration; answers with the version of the CIB."""
        text = self.machines.layout.cib(self.example)
        answer = self._ask("PUT", "/v1/cib", body=text.encode(), section="configuration").json()
        assert isinstance(answer, dict), "a write answers with an object"
        return str(answer["version"])

    def value(self) -> dict[str, Any] | None:
        """What `/v1/cluster` says: of the first node that follows a leader, else of any that answers."""
        last = None
        for name in list(self.machines.running):
            value = self.value_of(name)
            if value is not None and value["fresh"]:
                return value
            last = last or value
        return last

    def value_of(self, name: str) -> dict[str, Any] | None:
        """What one node says of the cluster, None if it does not answer."""
        try:
            via = str(self.machines.files(name).socket)
            value = request("GET", "/v1/cluster", via=via, timeout_seconds=2.0).json()
        except CommandError:
            return None
        return value if isinstance(value, dict) else None

    def follows(self, name: str) -> bool:
        """Whether a node's daemon answers and has joined a leader."""
        value = self.value_of(name)
        return value is not None and bool(value["fresh"])

    def idle(self) -> bool:
        """Whether the DC has nothing left to do."""
        value = self._of_leader()
        return value is not None and value["state"] == "idle"

    def serving(self) -> str | None:
        """The node that the web service's page names, None while it does not answer."""
        match = re.search(r"is served by (\S+)", fetch(self.machines.layout.web_port))
        return match[1] if match else None

    def until(self, reached: Callable[[], bool], otherwise: str, seconds: float = _PATIENCE_SECONDS) -> None:
        """Wait for something to become true; raises CommandError with what went wrong instead."""
        end = time.monotonic() + seconds
        while not reached():
            dead = self.machines.sweep()
            if dead:
                raise CommandError(f"{dead[0]} has ended", self._log_end(self.machines.files(dead[0])))
            if time.monotonic() > end:
                raise CommandError(f"{otherwise} within {seconds:g} s", self._logs())
            time.sleep(0.05)

    def _all_here(self) -> bool:
        value = self.value()
        return value is not None and bool(value["dc"]) and len(value["members"]) == len(self.machines.running)

    def _of_leader(self) -> dict[str, Any] | None:
        value = self.value()
        leader = value and value["dc"]
        if not leader or leader not in self.machines.running:
            return None
        return self.value_of(leader)

    def _ask(
        self, method: str, path: str, *, body: bytes = b"", section: str | None = None, timeout_seconds: float = 10.0
    ) -> Any:
        error = CommandError("No node runs")
        for name in list(self.machines.running):
            via = str(self.machines.files(name).socket)
            try:
                query = {"section": section}
                return request(method, path, query=query, body=body, timeout_seconds=timeout_seconds, via=via)
            except CommandError as problem:
                error = problem
        raise error

    def _logs(self) -> str:
        return "\n".join(self._log_end(node) for node in self.machines.layout.nodes)

    def _log_end(self, node: NodeFiles) -> str:
        try:
            lines = node.log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return f"the end of {node.log}:\n  " + "\n  ".join(lines[-8:])


def fetch(port: int, timeout_seconds: float = 1.0) -> str:
    """The page at a port of this machine, empty if there is none; over a connection of its own, as a client would."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_seconds) as connection:
            connection.settimeout(timeout_seconds)
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            chunks = []
            while chunk := connection.recv(4096):
                chunks.append(chunk)
    except OSError:
        return ""
    return b"".join(chunks).decode(errors="replace")


def holds(port: int) -> bool:
    """Whether somebody listens at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True
