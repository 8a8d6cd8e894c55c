"""Machines for tests with real message engines: each its own network, mount, process, host-name and IPC namespaces.

They hang on one switch; a machine can be powered off (everything in it ends at once and its link goes down), booted
again with its disk as it was, cut off and healed. Needs root and iproute2; `missing()` says what is not there.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

REPOSITORY = Path(__file__).resolve().parents[2]
_FIRST = Path(__file__).with_name("first_process.py")
_numbers = itertools.count(1)
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb"}


def missing(*programs: str) -> str:
    """Why such machines cannot be had here, empty if they can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    absent = [program for program in ("ip", "nsenter", "unshare", *programs) if _which(program) is None]
    if absent:
        return f"needs {', '.join(absent)}"
    probe = subprocess.run(["unshare", "-n", "-m", "-p", "-f", "true"], capture_output=True, check=False)
    return "" if probe.returncode == 0 else "namespaces cannot be made here"


def _which(program: str) -> str | None:
    return shutil.which(program, path=_ENVIRONMENT["PATH"])


def until(reached: Callable[[], bool], otherwise: str, seconds: float = 30.0, pause: float = 0.02) -> None:
    """Wait for something to become true; AssertionError with what went wrong instead."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, f"{otherwise} within {seconds:g} s"
        time.sleep(pause)


def ip(*arguments: str, check: bool = True) -> None:
    """Run the command `ip`."""
    subprocess.run(["ip", *arguments], check=check, capture_output=True)


@dataclass
class Machine:
    """One machine; `process_id` is its first process as seen from outside, None while it is off."""

    name: str
    address: str
    network: str
    switch: str
    port: str
    disk: Path
    process_id: int | None = None
    _outer: subprocess.Popen[bytes] | None = None
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def boot(self) -> None:
        """Power on, with the disk as it was; answers when its first process is ready."""
        assert self.process_id is None, f"{self.name} runs already"
        self.disk.mkdir(parents=True, exist_ok=True)
        self.heal()
        self._outer = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.network}", "unshare", "-m", "-u", "-i", "-p", "-f", "--propagation",
             "private", sys.executable, str(_FIRST), self.name, str(self.disk)],
            stdin=subprocess.DEVNULL, stdout=self._log("first"), stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=_die_with_parent)
        until(self._ready, f"machine {self.name} did not boot", 10.0, 0.005)

    def kill(self) -> None:
        """Power off: every process ends at once, the link goes down, what was configured on it is forgotten."""
        self.cut()
        ip("-n", self.network, "addr", "flush", "dev", "eth0")
        ip("-n", self.network, "addr", "add", f"{self.address}/24", "dev", "eth0")
        if self.process_id is not None:
            os.kill(self.process_id, signal.SIGKILL)
        for entered in self._started:
            # Who entered with a process that was frozen is frozen, too, and would not take note of its end.
            entered.send_signal(signal.SIGCONT)
        if self._outer is not None:
            self._outer.wait()
        for entered in self._started:
            entered.wait()
        self._started.clear()
        self.process_id = self._outer = None

    def cut(self) -> None:
        """Take the link down."""
        ip("-n", self.switch, "link", "set", self.port, "down")

    def heal(self) -> None:
        """Bring the link back."""
        ip("-n", self.switch, "link", "set", self.port, "up")

    def command(self, *command: str, environment: dict[str, str] | None = None) -> list[str]:
        """The command line that runs `command` inside."""
        assert self.process_id is not None, f"{self.name} is off"
        pairs = [f"{key}={value}" for key, value in (_ENVIRONMENT | (environment or {})).items()]
        inside = ["nsenter", "-t", str(self.process_id), "-m", "-u", "-i", "-p", "-n", "--"]
        return [*inside, "env", "-i", *pairs, *command]

    def start(self, *command: str, log: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start something that runs on; it ends with the machine."""
        entered = subprocess.Popen(self.command(*command, **options), stdin=subprocess.DEVNULL, stdout=self._log(log),
                                   stderr=subprocess.STDOUT, start_new_session=True)
        self._started.append(entered)
        return entered

    def run(self, *command: str, check: bool = True, timeout: float = 60.0,
            **options: Any) -> subprocess.CompletedProcess[str]:
        """Run something to its end."""
        return subprocess.run(self.command(*command, **options), capture_output=True, text=True, check=check,
                              timeout=timeout)

    def python(self, *arguments: str) -> list[str]:
        """The command line of a Python of ours inside."""
        return self.command(sys.executable, *arguments, environment={"PYTHONPATH": str(REPOSITORY)})

    def log_text(self, name: str) -> str:
        file = self.disk / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def process_ids(self, name: str) -> list[int]:
        """Ids, as seen from outside, of the processes of that command in this machine."""
        assert self.process_id is not None
        own = Path(f"/proc/{self.process_id}/ns/pid").readlink()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if (entry / "comm").read_text().strip() == name and (entry / "ns/pid").readlink() == own:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def _log(self, name: str) -> IO[bytes]:
        return (self.disk / f"{name}.log").open("ab")

    def _ready(self) -> bool:
        assert self._outer is not None
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        if not children or not Path(f"/proc/{children[0]}/root/run/machine-ready").exists():
            return False
        self.process_id = int(children[0])
        return True


@dataclass
class Network:
    """Machines on one switch, and a client's network namespace that sees them (`client`)."""

    machines: dict[str, Machine]
    client: str
    switch: str
    folder: Path
    subnet: str
    spaces: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    def __iter__(self) -> Iterator[Machine]:
        return iter(self.machines.values())


@contextmanager
def network(names: Sequence[str], subnet: str = "") -> Iterator[Network]:
    """Machines of these names, all off; everything ends with the block.

    Their addresses are `subnet`.1, .2 … in this order; without it, those of a network that is free.
    """
    number = next(_numbers)
    prefix = f"crmt{os.getpid() % 100_000}-{number}"
    subnet = subnet or f"10.{97 + number % 100}.{os.getpid() % 250}"
    folder = Path(tempfile.mkdtemp(prefix="crmd-machines-"))
    switch, client = f"{prefix}-sw", f"{prefix}-client"
    spaces = [switch]
    machines: dict[str, Machine] = {}
    try:
        ip("netns", "add", switch)
        ip("-n", switch, "link", "add", "br0", "type", "bridge", "forward_delay", "0", "stp_state", "0")
        ip("-n", switch, "link", "set", "br0", "up")
        for place, name in enumerate([*names, "client"], 1):
            space, address = f"{prefix}-{name}", f"{subnet}.{place if name != 'client' else 50}"
            spaces.append(space)
            _plug_in(switch, space, f"p-{name}", address)
            if name != "client":
                machines[name] = Machine(name, address, space, switch, f"p-{name}", folder / name)
        yield Network(machines, client, switch, folder, subnet, spaces)
    finally:
        for machine in machines.values():
            machine.kill()
        for space in reversed(spaces):
            ip("netns", "del", space, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _plug_in(switch: str, space: str, port: str, address: str) -> None:
    ip("netns", "add", space)
    ip("link", "add", "eth0", "netns", space, "type", "veth", "peer", "name", port, "netns", switch)
    ip("-n", switch, "link", "set", port, "master", "br0", "up")
    ip("-n", space, "link", "set", "lo", "up")
    ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
    ip("-n", space, "link", "set", "eth0", "up")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
