"""A configuration that a mistake of ours cannot bear: the daemon ends three times, comes back safe, is mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crm.cli.connection import CommandError, request
from crm.cli.demo.layout import short_folder

_SETTINGS = """name = "alone"
state_folder = "state"
runtime_folder = "run"
[api]
socket = "crmd.sock"
"""


class Supervised:
    """A node of its own with its supervisor; `pid` is the supervisor's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "crmd.toml").write_text(_SETTINGS)
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.mistaken_daemon", "--config", str(self.folder / "crmd.toml")],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def status(self) -> dict[str, Any]:
        """Empty as long as nobody answers."""
        try:
            return dict(request("GET", "/v1/cluster", via=str(self.folder / "crmd.sock")).json())
        except CommandError:
            return {}

    def put(self, *names: str) -> None:
        made = "".join(f'<primitive id="{name}" class="ocf" provider="crmd" type="Dummy"><operations>'
                       f'<op id="{name}-m" name="monitor" interval="1s" timeout="20s"/></operations></primitive>'
                       for name in names)
        xml = ('<configuration><crm_config><cluster_property_set id="o"><nvpair id="f" name="fencing-enabled" '
               f'value="false"/></cluster_property_set></crm_config><nodes/><resources>{made}</resources><constraints/>'
               "</configuration>")
        request("PUT", "/v1/cib", via=str(self.folder / "crmd.sock"), body=xml.encode(),
                query={"section": "configuration"})

    def crmctl(self, *words: str) -> str:
        environment = {**os.environ, "CRMD_SOCKET": str(self.folder / "crmd.sock")}
        done = subprocess.run([sys.executable, "-m", "crm.cli.crmctl", *words], capture_output=True, text=True,
                              env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def role(self, name: str) -> str:
        return next((each["role"] for each in self.status().get("resources", []) if each["id"] == name), "")

    def until(self, holds: Callable[[], bool], limit_s: float = 60) -> None:
        end = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < end, (self.folder / "log").read_text()[-4000:]
            time.sleep(0.2)


@pytest.fixture
def node() -> Iterator[Supervised]:
    supervised = Supervised(short_folder())
    yield supervised
    supervised.stop()


def test_a_daemon_that_makes_a_mistake_again_and_again_lets_it_be_undone(node: Supervised) -> None:
    node.until(lambda: node.status().get("state") == "idle")
    node.put("good")
    node.until(lambda: node.role("good") == "Started")
    started = list((node.folder / "run").rglob("*good*"))

    node.put("good", "poison")
    node.until(lambda: node.status().get("state") == "safe-mode")

    mistakes = json.loads((node.folder / "state" / "mistakes.json").read_text())
    assert len(mistakes) == 3 and "an evil value" in mistakes[0]["text"]
    report = next(each for each in node.status()["reports"] if each["code"] == "safe-mode")
    assert "an evil value" in report["message"] and "crmctl history undo" in report["hint"]
    assert "safe mode" in node.crmctl("status")
    assert list((node.folder / "run").rglob("*good*")) == started, "what ran was stopped"
    metrics = request("GET", "/metrics", via=str(node.folder / "crmd.sock")).body.decode()
    assert "crmd_safe_mode 1.0" in metrics and "crmd_mistakes 3.0" in metrics

    node.crmctl("history", "undo")
    node.until(lambda: node.status().get("state") == "idle" and node.role("good") == "Started")
    assert node.role("poison") == ""
    assert len(json.loads((node.folder / "state" / "mistakes.json").read_text())) == 3, "it made another mistake"


def test_a_restart_by_hand_ends_safe_mode(node: Supervised) -> None:
    node.until(lambda: node.status().get("state") == "idle")
    node.put("poison")
    node.until(lambda: node.status().get("state") == "safe-mode")
    node.stop()
    (node.folder / "log").write_text("")
    node.start()
    node.until(lambda: "made a mistake" in (node.folder / "log").read_text())
    node.until(lambda: node.status().get("state") == "safe-mode")
