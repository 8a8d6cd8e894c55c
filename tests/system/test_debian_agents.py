"""Agents of Debian's resource-agents, unmodified, run by our executor: Dummy, and IPaddr2 in a network namespace."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from crm.executor import Executor, ExecutorSettings, OperationRequest, OperationResult, Status
from crm.model.transition import AgentReference

CLONE_NEWNET = 0x40000000
OCF = Path("/usr/lib/ocf")
pytestmark = pytest.mark.skipif(
    not (OCF / "resource.d/heartbeat/Dummy").exists(), reason="Debian's resource-agents are not installed"
)
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and iproute2"
)


def play(state: Path, agent: AgentReference, operations: list[str], **parameters: str) -> list[OperationResult]:
    async def story() -> list[OperationResult]:
        results: list[OperationResult] = []
        executor = Executor(ExecutorSettings(agent_state=state), results.append)
        for number, operation in enumerate(operations):
            executor.submit(OperationRequest(number, agent, operation, parameters=parameters))
        async with asyncio.timeout(60):
            while len(results) < len(operations):
                await asyncio.sleep(0.01)
        await executor.close()
        return results

    return asyncio.run(story())


LIFE = ["monitor", "start", "monitor", "stop", "monitor"]


def test_their_dummy_lives_and_dies(tmp_path: Path) -> None:
    results = play(tmp_path, AgentReference("d", "ocf", "Dummy", "heartbeat"), LIFE)
    assert [result.rc for result in results] == [7, 0, 0, 0, 7]
    assert all(result.status is Status.DONE for result in results)
    assert not (Path("/run/resource-agents") / "Dummy-d.state").exists()


def test_their_metadata_is_read(tmp_path: Path) -> None:
    async def ask() -> set[str]:
        executor = Executor(ExecutorSettings(agent_state=tmp_path), lambda _result: None)
        known = await executor.metadata(AgentReference("ip", "ocf", "IPaddr2", "heartbeat"))
        return set(known.names())

    assert {"ip", "cidr_netmask", "nic"} <= asyncio.run(ask())


def _enter_namespace() -> None:
    """A network of its own for this process: loopback, and a pair of interfaces."""
    assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    for command in ("link set lo up", "link add left type veth peer name right", "link set left up"):
        subprocess.run(["ip", *command.split()], check=True)


def _address_story(state: Path) -> None:
    agent = AgentReference("ip", "ocf", "IPaddr2", "heartbeat")
    parameters = {"ip": "198.51.100.7", "cidr_netmask": "32", "nic": "left"}
    results = play(state, agent, ["monitor", "start", "monitor"], **parameters)
    assert [result.rc for result in results] == [7, 0, 0], results
    assert "198.51.100.7/32" in _addresses()
    assert [result.rc for result in play(state, agent, ["stop", "monitor"], **parameters)] == [0, 7]
    assert "198.51.100.7" not in _addresses()


def _addresses() -> str:
    return subprocess.run(["ip", "-o", "addr", "show", "left"], capture_output=True, text=True, check=True).stdout


@needs_root
def test_their_address_comes_and_goes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_enter_namespace) as namespace:
        namespace.submit(_address_story, tmp_path).result(60)


def test_their_agent_says_why_it_cannot(tmp_path: Path) -> None:
    (result,) = play(tmp_path, AgentReference("ip", "ocf", "IPaddr2", "heartbeat"), ["start"])
    assert result.rc in (2, 6) and result.exit_reason
