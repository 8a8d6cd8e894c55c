"""Fence agents as the executor runs them: a small one of our own making, the demo's, and a real one if it is here."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crm.executor import Executor, ExecutorSettings, FenceOutcome, FenceRequest, OperationRequest, OperationResult
from crm.model.transition import AgentReference

AGENT = """#!/bin/sh
here={folder}
if [ "$1" = -o ]; then cat <<END
<?xml version="1.0"?><resource-agent name="fence_it"><parameters><parameter name="plug"/><parameter name="ip"/>
</parameters><actions>{actions}</actions></resource-agent>
END
exit 0; fi
cat > $here/input
sed 's/$/;/' $here/input | tr -d '\\n' >> $here/calls; echo >> $here/calls
action=$(sed -n 's/^action=//p' $here/input)
[ -f $here/slow ] && sleep 30
if [ -f $here/fail-$action ]; then echo "the switch says no to $action" >&2; rm $here/fail-$action; exit 1; fi
[ "$action" = list ] && echo "1,node1"
[ "$action" = status ] && exit 2
exit 0
"""
ALL = "".join(f'<action name="{name}"/>' for name in ("on", "off", "reboot", "list", "status", "monitor"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path)


def make(folder: Path, actions: str = ALL) -> Path:
    agent = folder / "fence_it"
    agent.write_text(AGENT.format(folder=folder, actions=actions))
    agent.chmod(0o755)
    return folder


def fence(folder: Path, verb: str, timeout_ms: int = 5000, delay_ms: int = 0, **parameters: str) -> FenceOutcome:
    async def run() -> FenceOutcome:
        executor = Executor(ExecutorSettings(fence_agent_folders=(folder,), kill_grace_ms=50), lambda _result: None)
        request = FenceRequest("fence_it", verb, parameters, "node1", "7", timeout_ms, delay_ms)
        return await executor.fence(request)

    return asyncio.run(run())


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_an_agent_reads_its_parameters_from_standard_input(folder: Path) -> None:
    outcome = fence(folder, "off", ip="10.0.0.1", pcmk_host_list="node1", CRM_meta_timeout="5")
    assert outcome.ok
    assert calls(folder) == ["action=off;nodename=node1;plug=7;ip=10.0.0.1;"]


def test_the_argument_that_names_the_target_can_be_chosen_or_left_out(folder: Path) -> None:
    fence(folder, "off", pcmk_host_argument="domain")
    fence(folder, "off", pcmk_host_argument="none", plug="3")
    fence(folder, "off", plug="fixed")
    fence(folder, "off", plug="dynamic")
    assert calls(folder) == ["action=off;nodename=node1;domain=7;", "action=off;nodename=node1;plug=3;",
                             "action=off;nodename=node1;plug=fixed;", "action=off;nodename=node1;plug=7;"]


def test_status_off_is_an_answer(folder: Path) -> None:
    assert fence(folder, "status").ok
    assert fence(folder, "list").output.strip() == "1,node1"


def test_an_action_is_tried_twice_within_its_time(folder: Path) -> None:
    (folder / "fail-off").touch()
    assert fence(folder, "off").ok
    assert len(calls(folder)) == 2
    (folder / "fail-off").touch()
    outcome = fence(folder, "off", pcmk_off_retries="1")
    assert not outcome.ok and outcome.reason == "the switch says no to off"


def test_an_agent_that_hangs_is_ended_and_said_to_have_hung(folder: Path) -> None:
    (folder / "slow").touch()
    began = time.monotonic()
    outcome = fence(folder, "off", timeout_ms=300)
    assert not outcome.ok and outcome.timed_out and "0.3 s" in outcome.reason
    assert time.monotonic() - began < 3


def test_an_agent_without_reboot_goes_off_and_on(tmp_path: Path) -> None:
    folder = make(tmp_path, '<action name="on"/><action name="off"/>')
    assert fence(folder, "reboot").ok
    assert [line.split(";")[0] for line in calls(folder)] == ["action=off", "action=on"]
    assert fence(folder, "list").unsupported


def test_another_action_can_stand_for_one(folder: Path) -> None:
    fence(folder, "reboot", pcmk_reboot_action="off")
    assert calls(folder)[0].startswith("action=off;")


def test_a_missing_agent_or_a_wicked_name_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    assert "There is no fence agent fence_it" in fence(tmp_path, "off").reason

    async def wicked() -> FenceOutcome:
        executor = Executor(ExecutorSettings(fence_agent_folders=(tmp_path,)), lambda _result: None)
        return await executor.fence(FenceRequest("../../bin/sh", "off"))

    assert "is not the name" in asyncio.run(wicked()).reason


def test_a_device_is_a_resource_that_is_registered_and_watched(folder: Path) -> None:
    agent = AgentReference("power", "stonith", "fence_it")

    async def story() -> list[OperationResult]:
        results: list[OperationResult] = []
        executor = Executor(ExecutorSettings(fence_agent_folders=(folder,)), results.append)
        for number, operation in enumerate(["monitor", "start", "monitor", "stop", "monitor"]):
            executor.submit(OperationRequest(number, agent, operation, parameters={"ip": "x"}))
        async with asyncio.timeout(20):
            while len(results) < 5:
                await asyncio.sleep(0.01)
        await executor.close()
        return results

    results = asyncio.run(story())
    assert [result.rc for result in results] == [7, 0, 0, 0, 7]
    assert len(calls(folder)) == 1, "only the start asks the device"


# The demo's own

DEMO = Path(__file__).resolve().parents[3] / "resource_agents" / "fence" / "fence_demo"


def demo(action: str, folder: Path, plug: str) -> subprocess.CompletedProcess[str]:
    text = f"action={action}\nfolder={folder}\nplug={plug}\n"
    return subprocess.run([str(DEMO)], input=text, capture_output=True, text=True, timeout=20, check=False)


def test_the_demo_s_device_ends_a_machine_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    machine = tmp_path / "m"
    machine.mkdir()
    (machine / "crmd.toml").touch()
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    daemon = subprocess.Popen([*sleeper, str(machine / "crmd.toml")])
    service = subprocess.Popen(sleeper, env={**os.environ, "CRMD_SOCKET": str(machine / "crmd.sock")},
                               start_new_session=True)
    stranger = subprocess.Popen(sleeper)
    try:
        time.sleep(0.2)
        assert demo("list", tmp_path, "").stdout == "m,m\n"
        assert demo("status", tmp_path, "m").returncode == 0
        assert demo("off", tmp_path, "m").returncode == 0
        assert daemon.wait(5) == service.wait(5) == -9
        assert stranger.poll() is None
        assert demo("status", tmp_path, "m").returncode == 2
        assert demo("off", tmp_path, "m").returncode == 0, "what is off stays off"
        assert "no machine" in demo("off", tmp_path, "other").stderr
    finally:
        for process in (daemon, service, stranger):
            process.kill()
            process.wait()


@pytest.mark.skipif(shutil.which("fence_dummy") is None, reason="Debian's fence-agents are not installed")
def test_a_real_fence_agent_is_understood(tmp_path: Path) -> None:
    async def run() -> list[FenceOutcome]:
        executor = Executor(ExecutorSettings(), lambda _result: None)
        file = {"status_file": str(tmp_path / "status"), "type": "file"}
        return [await executor.fence(FenceRequest("fence_dummy", verb, file, "n", "n", 20_000))
                for verb in ("on", "status", "off", "status", "reboot")]

    outcomes = asyncio.run(run())
    assert [outcome.ok for outcome in outcomes] == [True] * 5, outcomes
    assert [outcome.rc for outcome in outcomes][1:4:2] == [0, 2]


def test_no_attempt_begins_before_the_node_knows_where_it_is(folder: Path) -> None:
    """Neither the first, after its delay, nor another after one that failed."""
    (folder / "fail-off").touch()

    async def run() -> FenceOutcome:
        executor = Executor(ExecutorSettings(fence_agent_folders=(folder,), kill_grace_ms=50), lambda _result: None)
        awake, asked = asyncio.Event(), []

        async def ready() -> None:
            asked.append(len(calls(folder)))
            await awake.wait()

        executor.ready = ready  # type: ignore[assignment]
        fencing = asyncio.ensure_future(executor.fence(FenceRequest("fence_it", "off", {}, "node1", "7", 5000, 10)))
        await asyncio.sleep(0.3)
        assert asked == [0] and calls(folder) == []
        awake.set()
        outcome = await fencing
        assert asked == [0, 1]
        return outcome

    assert asyncio.run(run()).ok
