"""A cluster that grows from one node to three and shrinks, with real daemons and the commands that people use.

A web server runs all the while, and is asked all the while: it may pause when it moves, and at no other time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.cli.demo.layout import short_folder

REPOSITORY = Path(__file__).parents[2]
PORT = 18407
WEB = "http://127.0.0.1:18480/"


class Growing:
    """Daemons in folders of their own, each at a loopback address of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = dict(os.environ, PYTHONPATH=str(REPOSITORY))

    def address(self, name: str) -> str:
        return f"127.0.0.{50 + int(name[1:])}"

    def socket(self, name: str) -> Path:
        return self.folder / name / "s"

    def ctl(self, *words: str, via: str = "n1", ok: bool = True) -> str:
        """What crmctl prints at a node."""
        done = subprocess.run([sys.executable, "-m", "crm.cli.crmctl", *words], capture_output=True, text=True,
                              env=self.environment | {"CRMD_SOCKET": str(self.socket(via))}, timeout=120)
        assert (done.returncode == 0) == ok, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def place(self, name: str) -> None:
        """Settings that keep the node within its folder."""
        file, own = self.folder / name / "crmd.toml", self.folder / name
        text = file.read_text().replace("port = 5407", f"port = {PORT}")
        file.write_text(f'state_folder = "{own}/state"\nruntime_folder = "{own}/run"\n{text}\n[api]\n'
                        f'socket = "{own}/s"\n')

    def start(self, name: str) -> None:
        with (self.folder / name / "log").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                [sys.executable, "-m", "crm.cli.crmd", "--config", str(self.folder / name / "crmd.toml")],
                stdout=log, stderr=log, env=self.environment, start_new_session=True)

    def log(self, name: str) -> str:
        return (self.folder / name / "log").read_text()

    def init(self) -> None:
        (self.folder / "n1").mkdir()
        self.ctl("cluster", "init", f"n1={self.address('n1')}", "--folder", str(self.folder / "n1"))
        self.place("n1")
        self.start("n1")
        self.until(lambda: "n1" in self.nodes(), "n1 serves")

    def add(self, *names: str) -> None:
        """Add nodes as people do: add prints a token for each, and join takes it."""
        added = [f"{name}={self.address(name)}:{PORT}" for name in names]
        inviting = subprocess.Popen(
            [sys.executable, "-m", "crm.cli.crmctl", "cluster", "add", *added, "--folder", str(self.folder / "n1"),
             "--invite-port", "18408"], stdout=subprocess.PIPE, text=True,
            env=self.environment | {"CRMD_SOCKET": str(self.socket("n1"))})
        assert inviting.stdout is not None
        tokens = []
        while len(tokens) < len(names):
            line = inviting.stdout.readline()
            assert line, "the invitation ended"
            tokens += [line.split()[-1]] if "cluster join" in line else []
        for name, token in zip(names, tokens, strict=True):
            self.ctl("cluster", "join", token, "--folder", str(self.folder / name))
            self.place(name)
            self.start(name)
        assert inviting.wait(20) == 0
        self.until(lambda: all(self.nodes().get(name) == "voter" for name in names), f"{names} vote")

    def nodes(self, via: str = "n1") -> dict[str, str]:
        """States of the nodes of the list, by name."""
        try:
            lines = self.ctl("cluster", "nodes", via=via).splitlines()[1:]
        except AssertionError:
            return {}
        return {line.split()[0]: line.split()[3] for line in lines}

    def until(self, holds: object, what: str, limit_s: float = 40.0) -> None:
        assert callable(holds)
        end = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < end, f"not within {limit_s} s: {what}\n" + "\n".join(
                f"--- {name}\n{self.log(name)[-3000:]}" for name in self.daemons)
            time.sleep(0.2)

    def end(self) -> None:
        for daemon in self.daemons.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGTERM)
        time.sleep(0.5)
        for daemon in self.daemons.values():
            children = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children")
            with contextlib.suppress(OSError, ProcessLookupError, ValueError):
                for child in children.read_text().split():
                    os.kill(int(child), signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait(10)


class Asking:
    """Asks the web server twenty times a second; how long it was silent at most."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.served = ""
        self._last = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        self._last, self.longest_s = time.monotonic(), 0.0

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.05):
            with contextlib.suppress(OSError), urllib.request.urlopen(WEB, timeout=0.5) as answer:
                self.served = answer.read().decode()
                self._last = time.monotonic()
            self.longest_s = max(self.longest_s, time.monotonic() - self._last)


@pytest.fixture
def growing() -> Iterator[Growing]:
    folder = short_folder()
    made = Growing(folder)
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_cluster_grows_shrinks_and_changes_its_key_while_a_service_runs(growing: Growing) -> None:
    growing.init()
    (growing.folder / "www").mkdir()
    (growing.folder / "www" / "index.html").write_text("served")
    growing.ctl("property", "set", "fencing-enabled=false")
    growing.ctl("resource", "create", "web", "ocf:crmd:HttpServer", "port=18480", f"folder={growing.folder}/www")
    asking = Asking()
    try:
        growing.until(lambda: "served" in asking.served, "the service answers")
        asking.reset()
        growing.add("n2", "n3")
        assert growing.nodes("n3") == {"n1": "voter", "n2": "voter", "n3": "voter"}
        growing.ctl("cluster", "key", "rotate")
        keys = {name: (growing.folder / name / "state" / "layer-key").read_text() for name in ("n1", "n2", "n3")}
        assert len(set(keys.values())) == 1 and len(keys["n1"].split()) == 1
        assert keys["n1"].strip() != (growing.folder / "n1" / "key").read_text().strip()
        time.sleep(1.0)
        assert asking.longest_s < 1.0, f"interrupted for {asking.longest_s:.1f} s by growth or a new key"

        # Connections that are made from now on prove the new key.
        growing.daemons["n3"].terminate()
        growing.daemons["n3"].wait(30)
        growing.start("n3")
        growing.until(lambda: growing.ctl("cluster", "nodes").count("yes") == 3, "n3 is back with the new key")
        assert asking.longest_s < 1.0

        growing.ctl("move", "web", "n2")
        growing.ctl("cluster", "remove", "n1", via="n2")
        assert growing.nodes("n2") == {"n2": "voter", "n3": "voter"}
        growing.daemons["n1"].wait(30)
        asking.reset()

        # A node that was removed is refused by name, on both sides, and leads nothing.
        growing.start("n1")
        growing.until(lambda: "n1 was removed from the cluster" in growing.log("n2") + growing.log("n3"), "refused")
        growing.until(lambda: "n1 was removed from the cluster" in growing.log("n1"), "n1 says so")
        growing.until(lambda: "does not belong to the cluster" in growing.ctl("status", via="n1"), "status says so")
        time.sleep(1.0)
        assert asking.longest_s < 1.0 and growing.nodes("n2") == {"n2": "voter", "n3": "voter"}
    finally:
        asking.end()
