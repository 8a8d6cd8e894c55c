"""A real daemon and an agent that leaves something behind if it is stopped by other words than it was started by."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.single_node import SingleNode, single_node

AGENTS = Path(__file__).parent / "agents"


@pytest.fixture(scope="module")
def node() -> Iterator[SingleNode]:
    with single_node(settings_lines=f'ocf_roots = ["{AGENTS}"]\nmonitor_limit = 3') as node:
        node.crmctl("property", "set", "fencing-enabled=false")
        yield node


def until(holds: Callable[[], object], what: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def create(node: SingleNode, log: Path, name: str, *further: str) -> None:
    node.crmctl("resource", "create", "--no-wait", name, "ocf:test:Keeper", "name=one", f"log={log}", *further)


def started(node: SingleNode, log: Path, name: str = "keeper") -> None:
    create(node, log, name)
    until(lambda: Path(f"{log}.one").exists(), "it did not start")
    node.crmctl("wait")


def calls(log: Path) -> list[str]:
    return log.read_text().splitlines()


def test_a_deleted_resource_leaves_nothing_behind(node: SingleNode, tmp_path: Path) -> None:
    log = tmp_path / "log"
    started(node, log)
    node.crmctl("resource", "delete", "keeper")
    until(lambda: calls(log)[-1].startswith("stop"), "it was not stopped")
    assert calls(log) == ["start one", "stop one"]
    assert not Path(f"{log}.one").exists()


def test_a_changed_resource_is_stopped_as_it_was_and_started_as_it_is(node: SingleNode, tmp_path: Path) -> None:
    log = tmp_path / "log"
    started(node, log)
    definition = {"parameters": {"name": "two", "log": str(log)}}
    node.ask("PATCH", "/v1/resources/keeper/definition", body=json.dumps(definition).encode(),
             content_type="application/json")
    until(lambda: calls(log)[-1] == "start two", "it was not started anew")
    assert calls(log) == ["start one", "stop one", "start two"]
    node.crmctl("resource", "delete", "keeper")
    until(lambda: calls(log)[-1] == "stop two", "it was not stopped")


def test_a_change_while_the_daemon_is_away_ends_what_runs(tmp_path: Path) -> None:
    """What is probed is what was started; its digest tells that the configuration is another one now."""
    log = tmp_path / "log"
    place = 'nodes = [{name = "alone", port = 5499}]'
    with single_node(settings_lines=f'ocf_roots = ["{AGENTS}"]\n{place}') as node:
        node.crmctl("property", "set", "fencing-enabled=false")
        started(node, log)
        node.crmctl("property", "set", "maintenance-mode=true")
        node.process.send_signal(signal.SIGKILL)
        node.process.wait()
        command = [sys.executable, "-m", "crm.cli.crmd", "--alone", "--config", str(node.folder / "crmd.toml")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as again:
            try:
                until(lambda: _answers(node), "the daemon did not come back")
                definition = {"parameters": {"name": "two", "log": str(log)}}
                node.ask("PATCH", "/v1/resources/keeper/definition", body=json.dumps(definition).encode(),
                         content_type="application/json")
                node.crmctl("cleanup", "keeper")
                node.crmctl("property", "set", "maintenance-mode=false")
                until(lambda: calls(log)[-1] == "start two", "it was not started anew")
            finally:
                again.terminate()
    assert calls(log)[:3] == ["start one", "stop one", "start two"]


def _answers(node: SingleNode) -> bool:
    try:
        node.ask("GET", "/v1/health/dc")
    except Exception:
        return False
    return True


def test_what_a_failing_agent_says_is_kept_wherever_one_looks(node: SingleNode, tmp_path: Path) -> None:
    said = "say=ocf-exit-reason:\\033[31mred\\000 \\377"
    create(node, tmp_path / "log", "loud", said)
    until(lambda: "loud" in node.crmctl("failure", "list"), "no failure is listed")
    try:
        for command in (("failure", "list"), ("failure", "show", "loud"), ("status",)):
            shown = node.crmctl(*command)
            assert r"red\x00 \xff" in shown and "| disk on fire" in shown, shown
        (failure,) = json.loads(node.ask("GET", "/v1/failures").text)
        assert failure["output"].endswith("disk on fire")
        assert "loud: disk on fire" in node.log()
        assert r"red\x00 \xff" in node.crmctl("explain", "loud")
    finally:
        node.crmctl("resource", "delete", "loud")


def test_monitors_that_hang_are_said_and_hold_nothing_up(node: SingleNode, tmp_path: Path) -> None:
    log = tmp_path / "log"
    monitor = ("op", "monitor", "interval=1s", "timeout=300s")
    names = [f"m{number}" for number in range(4)]
    for name in names:
        node.crmctl("resource", "create", "--no-wait", name, "ocf:test:Keeper", f"name={name}", f"log={log}", *monitor)
    until(lambda: len(calls(log)) == 4, "they did not start")
    (tmp_path / "log.hang").touch()
    until(lambda: "Waiting" in node.crmctl("status"), "nobody says that a monitor waits", 30)
    assert "3 monitors run already, and no more may at once (monitor_limit)" in node.crmctl("status")
    began = time.monotonic()
    for name in names:
        node.crmctl("resource", "delete", "--no-wait", name)
    until(lambda: len(calls(log)) == 8, "they were not stopped", 60)
    assert time.monotonic() - began < 60, "monitors have 300 s"
