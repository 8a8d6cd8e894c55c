"""One real daemon with a TCP door, for tests of the doors: TLS, certificates, and clients that mean no good."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crm.cli.connection import CommandError, HttpAnswer, request
from crm.cli.demo.layout import short_folder


@dataclass(frozen=True)
class SingleNode:
    """A node that is a cluster of its own."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> str:
        return str(self.folder / "crmd.sock")

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def ask(self, method: str, path: str, **options: object) -> HttpAnswer:
        """Over the unix socket, as root."""
        return request(method, path, via=self.socket, **options)  # type: ignore[arg-type]

    def crmctl(self, *words: str) -> str:
        """What crmctl prints."""
        command = [sys.executable, "-m", "crm.cli.crmctl", *words]
        environment = {**os.environ, "CRMD_SOCKET": self.socket}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    def memory_mb(self) -> float:
        """What the daemon holds in memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def log(self) -> str:
        return (self.folder / "log").read_text()


_SETTINGS = """name = "alone"
state_folder = "state"
runtime_folder = "run"
{lines}
[api]
socket = "crmd.sock"
port = {port}
{further}
"""


@contextmanager
def single_node(further: str = "", settings_lines: str = "") -> Iterator[SingleNode]:
    """A running daemon; `further` lines for the section [api], others before it. It ends with the block."""
    folder = short_folder()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = folder / "crmd.toml"
    settings.write_text(_SETTINGS.format(port=port, further=further, lines=settings_lines))
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "crm.cli.crmd", "--alone", "--config", str(settings)]
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    node = SingleNode(folder, port, process)
    try:
        _wait_for_dc(node)
        yield node
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_dc(node: SingleNode) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            node.ask("GET", "/v1/health/dc")
            return
        except CommandError:
            time.sleep(0.1)
    raise AssertionError(node.log())
