"""The agents that come with crmd: their metadata, their life, and what they do when they cannot do it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from lxml import etree

from crm.executor import metadata

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3] / "resource_agents"
AGENTS = ROOT / "resource.d" / "crmd"
NAMES = sorted(path.name for path in AGENTS.iterdir())
OK, ERROR, UNIMPLEMENTED, INSTALLED, CONFIGURED, NOT_RUNNING, PROMOTED = 0, 1, 3, 5, 6, 7, 8


class Agent:
    """One agent with its parameters, run as the executor would."""

    def __init__(self, path: Path, state: Path, **parameters: object) -> None:
        self.path = path
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HA_RSCTMP": str(state),
            "OCF_RESOURCE_INSTANCE": "it",
            "OCF_RESKEY_CRM_meta_on_node": "here",
            **{f"OCF_RESKEY_{name}": str(value) for name, value in parameters.items()},
        }
        self.said = ""

    def __call__(self, action: str) -> int:
        done = subprocess.run(
            [str(self.path), action], env=self.environment, capture_output=True, text=True, timeout=20, check=False
        )
        self.said = done.stdout + done.stderr
        return done.returncode


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def needed(name: str) -> Mapping[str, object]:
    return {
        "HttpServer": {"port": free_port()},
        "PortHolder": {"port": free_port()},
        "Delay": {"start_seconds": 0},
    }.get(name, {})


@pytest.fixture(params=NAMES)
def agent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(AGENTS / request.param, tmp_path, **needed(request.param))
    yield agent
    agent("stop")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(AGENTS / "HttpServer", tmp_path, port=free_port())
    yield agent
    agent("stop")


def page(agent: Agent, name: str = "port") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{agent.environment['OCF_RESKEY_' + name]}/", timeout=5) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("path", [*(AGENTS / name for name in NAMES), ROOT / "template"], ids=lambda path: path.name)
def test_metadata_is_that_of_ocf_1_1(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "resource.d" / "x" / path.name
    copy.parent.mkdir(parents=True)
    shutil.copytree(ROOT / "lib", tmp_path / "lib")
    shutil.copy(path, copy)
    copy.chmod(0o755)
    agent = Agent(copy, tmp_path)
    assert agent("meta-data") == OK
    schema = etree.RelaxNG(etree.parse(Path(__file__).with_name("ocf_1_1.rng")))
    schema.assertValid(etree.fromstring(agent.said.encode()))
    known = metadata.parse(agent.said)
    assert known.ocf_1_1 and known.description
    assert {action.name for action in known.actions} >= {"start", "stop", "monitor", "meta-data", "validate-all"}


def test_a_life(agent: Agent) -> None:
    story = [
        ("validate-all", OK),
        ("monitor", NOT_RUNNING),
        ("stop", OK),
        ("start", OK),
        ("monitor", OK),
        ("start", OK),
        ("monitor", OK),
        ("stop", OK),
        ("monitor", NOT_RUNNING),
        ("dance", UNIMPLEMENTED),
    ]
    assert [(action, agent(action)) for action, _ in story] == story


def test_every_announced_action_is_there(agent: Agent) -> None:
    agent("meta-data")
    actions = {action.name for action in metadata.parse(agent.said).actions}
    agent("start")
    assert {action for action in sorted(actions) if agent(action) == UNIMPLEMENTED} == set()


@pytest.mark.skipif(shutil.which("ocf-tester") is None, reason="ocf-tester (Debian: resource-agents) is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_ocf_tester_is_content(name: str, tmp_path: Path) -> None:
    options = [word for key, value in needed(name).items() for word in ("-o", f"{key}={value}")]
    environment = os.environ | {"HA_RSCTMP": str(tmp_path)}
    done = subprocess.run(
        ["ocf-tester", "-n", "it", *options, str(AGENTS / name)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dummy_fails_as_told(tmp_path: Path) -> None:
    agent = Agent(AGENTS / "Dummy", tmp_path, failing="monitor")
    assert agent("start") == OK
    assert agent("monitor") == ERROR
    assert "ocf-exit-reason:told to fail on monitor" in agent.said
    assert agent("stop") == OK


@pytest.mark.parametrize(
    ("name", "parameters", "code", "reason"),
    [
        ("Dummy", {"delay_seconds": "long"}, CONFIGURED, "delay_seconds"),
        ("Delay", {"start_seconds": "-1"}, CONFIGURED, "whole number"),
        ("HttpServer", {"port": "http"}, CONFIGURED, "port"),
        ("HttpServer", {"folder": "/no/such/folder"}, INSTALLED, "/no/such/folder"),
        ("PortHolder", {}, CONFIGURED, "port is missing"),
        ("PortHolder", {"port": 5, "forward_port": 5}, CONFIGURED, "another port"),
    ],
)
def test_bad_parameters_are_refused_with_a_reason(
    tmp_path: Path, name: str, parameters: dict[str, object], code: int, reason: str
) -> None:
    agent = Agent(AGENTS / name, tmp_path, **parameters)
    assert agent("validate-all") == code
    assert agent("start") == code
    assert reason in agent.said


def test_the_stateful_agent_plays_both_roles(tmp_path: Path) -> None:
    agent = Agent(AGENTS / "Stateful", tmp_path)
    assert agent("promote") == NOT_RUNNING
    assert [agent(action) for action in ("start", "promote", "monitor")] == [OK, OK, PROMOTED]
    assert [agent(action) for action in ("demote", "monitor", "stop")] == [OK, OK, OK]


def test_the_web_server_names_its_node(server: Agent) -> None:
    assert server("start") == OK
    assert "it is served by here" in page(server)


def test_the_web_server_serves_files(tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("hello")
    agent = Agent(AGENTS / "HttpServer", tmp_path, port=free_port(), folder=tmp_path / "www")
    try:
        assert agent("start") == OK
        assert page(agent) == "hello"
    finally:
        agent("stop")


def test_a_port_in_use_fails_with_a_reason(server: Agent) -> None:
    port = int(server.environment["OCF_RESKEY_port"])
    with socket.create_server(("127.0.0.1", port)):
        assert server("start") == ERROR
    assert f"cannot listen on 127.0.0.1:{port}" in server.said


def test_a_killed_web_server_is_not_running(server: Agent) -> None:
    assert server("start") == OK
    pidfile = next(Path(server.environment["HA_RSCTMP"]).glob("*.pid"))
    os.kill(int(pidfile.read_text().split()[0]), 9)
    while server("monitor") == ERROR:
        pass
    assert server("monitor") == NOT_RUNNING
    assert server("start") == OK


def test_a_stale_pidfile_is_not_believed(server: Agent) -> None:
    """The process that has the id now is somebody else."""
    assert server("start") == OK
    pidfile = next(Path(server.environment["HA_RSCTMP"]).glob("*.pid"))
    server("stop")
    pidfile.write_text(f"{os.getpid()} 1\n")
    assert server("monitor") == NOT_RUNNING
    assert server("stop") == OK


def test_the_port_holder_passes_connections_on(server: Agent, tmp_path: Path) -> None:
    holder = Agent(
        AGENTS / "PortHolder", tmp_path, port=free_port(), forward_port=server.environment["OCF_RESKEY_port"]
    )
    try:
        assert holder("start") == OK
        server("start")
        assert "served by here" in page(holder)
    finally:
        holder("stop")
