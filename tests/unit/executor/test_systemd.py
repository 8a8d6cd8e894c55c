"""Units of systemd as resources, on a bus and a systemd of our own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from crm.executor import Executor, ExecutorSettings, OperationRequest, OperationResult, Status
from crm.executor.systemd.units import unit_name
from crm.model.transition import AgentReference
from tests.unit.executor.fake_systemd import AVAILABLE, FakeSystemd, Manager

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs dbus-daemon")


class Bench:
    """An executor whose bus is a private one."""

    def __init__(self, systemd: FakeSystemd, folder: Path) -> None:
        self.systemd = systemd
        self.results: list[OperationResult] = []
        init = folder / "init.d"
        init.mkdir(exist_ok=True)
        self.init = init
        self.executor = Executor(
            ExecutorSettings(ocf_roots=(), agent_state=folder / "state", systemd_bus=systemd.address,
                             systemd_folder=systemd.drop_ins, init_folder=init), self.results.append)

    @property
    def manager(self) -> Manager:
        assert self.systemd.manager is not None
        return self.systemd.manager

    async def run(self, operation: str, unit: str, standard: str = "systemd", timeout_ms: int = 5000,
                  resource: str = "") -> OperationResult:
        agent = AgentReference(resource or unit, standard, unit)
        self.executor.submit(OperationRequest(1, agent, operation, timeout_ms=timeout_ms))
        return await self.next()

    async def next(self) -> OperationResult:
        async with asyncio.timeout(15):
            while not self.results:
                await asyncio.sleep(0.005)
        return self.results.pop(0)


def play(folder: Path, story: Callable[[Bench], Awaitable[None]], up: bool = True) -> None:
    async def whole() -> None:
        systemd = FakeSystemd(folder)
        if up:
            await systemd.start()
        bench = Bench(systemd, folder)
        try:
            await story(bench)
        finally:
            await bench.executor.close()
            await systemd.stop()

    asyncio.run(whole())


def outcome(result: OperationResult) -> tuple[Status, int]:
    return result.status, result.rc


def test_a_unit_is_started_watched_and_stopped(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert outcome(await bench.run("monitor", "web")) == (Status.DONE, 7)
        assert outcome(await bench.run("start", "web")) == (Status.DONE, 0)
        assert bench.manager.units["web.service"].active == "active"
        assert outcome(await bench.run("monitor", "web")) == (Status.DONE, 0)
        assert outcome(await bench.run("stop", "web")) == (Status.DONE, 0)
        assert outcome(await bench.run("monitor", "web")) == (Status.DONE, 7)

    play(tmp_path, story)


def test_a_drop_in_lies_there_while_the_cluster_runs_the_unit(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", "web")
        await bench.run("start", "disk.mount")
        text = (bench.systemd.drop_ins / "web.service.d/50-crmd.conf").read_text()
        assert "Before=crmd.service" in text and "Restart=no" in text
        assert "Restart" not in (bench.systemd.drop_ins / "disk.mount.d/50-crmd.conf").read_text()
        reload, start = bench.manager.calls.index("Reload"), bench.manager.calls.index("activating web.service")
        assert reload < start
        await bench.run("stop", "web")
        await bench.run("stop", "disk.mount")
        assert not list(bench.systemd.drop_ins.iterdir())
        assert bench.manager.dropped[-1] == []

    play(tmp_path, story)


def test_many_starts_at_once_share_reloads(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.manager.reload_s = 0.05
        for number in range(30):
            agent = AgentReference(f"u{number}", "systemd", f"u{number}")
            bench.executor.submit(OperationRequest(number, agent, "start"))
        assert [(await bench.next()).rc for _ in range(30)] == [0] * 30
        assert bench.manager.calls.count("Reload") <= 4
        assert len(bench.manager.dropped[-1]) == 30

    play(tmp_path, story)


@pytest.mark.parametrize("name", ["slow", "early", "deaf"])
def test_a_job_has_ended_when_it_has_ended(tmp_path: Path, name: str) -> None:
    """Slowly; with the signal before the reply; with a signal that never comes."""
    async def story(bench: Bench) -> None:
        assert outcome(await bench.run("start", name, timeout_ms=8000)) == (Status.DONE, 0)
        assert bench.manager.units[f"{name}.service"].active == "active"

    play(tmp_path, story)


def test_a_probe_waits_for_a_unit_that_is_on_its_way(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.executor.submit(OperationRequest(1, AgentReference("a", "systemd", "slow"), "start"))
        await asyncio.sleep(0.3)
        assert bench.manager.units["slow.service"].active == "activating"
        found = await bench.run("monitor", "slow", resource="b")
        if found.request.operation == "start":
            found = await bench.next()
        assert outcome(found) == (Status.DONE, 0)

    play(tmp_path, story)


def test_a_unit_that_fails_is_an_error_with_a_reason(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        result = await bench.run("start", "broken")
        assert outcome(result) == (Status.ERROR, 1)
        assert "broken.service failed: its job was failed; see: journalctl -u broken.service" in result.exit_reason
        found = await bench.run("monitor", "broken")
        assert (found.rc, found.exit_reason) == (7, "broken.service is failed")

    play(tmp_path, story)


@pytest.mark.parametrize(("result", "status"), [("canceled", Status.ERROR), ("timeout", Status.TIMEOUT),
                                                ("dependency", Status.ERROR), ("skipped", Status.ERROR)])
def test_a_job_that_ends_otherwise_says_how(tmp_path: Path, result: str, status: Status) -> None:
    async def story(bench: Bench) -> None:
        ended = await bench.run("start", f"job-{result}")
        assert outcome(ended) == (status, 1) and result in ended.exit_reason

    play(tmp_path, story)


def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        result = await bench.run("start", "hanging", timeout_ms=300)
        assert outcome(result) == (Status.TIMEOUT, 1)
        assert result.exit_reason == "The start of hanging.service did not end within 0.3 s"
        assert bench.manager.calls[-1] == "Cancel"

    play(tmp_path, story)


def test_a_masked_unit_is_found_and_cannot_be_started(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert outcome(await bench.run("monitor", "masked")) == (Status.DONE, 7)
        result = await bench.run("start", "masked")
        assert result.rc == 1 and "systemctl unmask masked.service" in result.exit_reason

    play(tmp_path, story)


def test_a_unit_that_is_not_there_is_not_installed_and_stopped_at_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for operation in ("monitor", "start"):
            result = await bench.run(operation, "missing")
            assert outcome(result) == (Status.NOT_INSTALLED, 5)
            assert "There is no unit missing.service on this node" in result.exit_reason
        assert outcome(await bench.run("stop", "missing")) == (Status.DONE, 0)

    play(tmp_path, story)


@pytest.mark.parametrize("name", ["a/b", "../x", "a b", ""])
def test_a_name_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    async def story(bench: Bench) -> None:
        result = await bench.run("start", name, resource="r")
        assert result.rc != 0
        assert not any(path.is_file() for path in tmp_path.rglob("50-crmd.conf"))

    play(tmp_path, story)


def test_another_action_is_not_implemented(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert (await bench.run("promote", "web")).rc == 3

    play(tmp_path, story)


def test_the_bus_restarts_while_a_unit_starts(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.executor.submit(OperationRequest(1, AgentReference("r", "systemd", "slow"), "start", timeout_ms=10_000))
        await asyncio.sleep(0.3)
        await bench.systemd.stop()
        await asyncio.sleep(0.3)
        assert not bench.results
        await bench.systemd.start()
        assert outcome(await bench.next()) == (Status.DONE, 0)
        assert "Subscribe" in bench.manager.calls

    play(tmp_path, story)


def test_monitors_go_on_when_the_bus_was_away_and_nothing_fails_for_it(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", "web")
        agent = AgentReference("web", "systemd", "web")
        bench.executor.submit(OperationRequest(2, agent, "monitor", interval_ms=100, timeout_ms=1000))
        assert outcome(await bench.next()) == (Status.DONE, 0)
        await bench.systemd.stop()
        await asyncio.sleep(2.5)
        assert not bench.results
        reasons = [waiting.reason for waiting in bench.executor.waiting()]
        assert any("cannot be carried out: the message bus cannot be reached" in each for each in reasons)
        (await bench.systemd.start()).unit("web.service").active = "failed"
        assert outcome(await bench.next()) == (Status.DONE, 7)
        assert not bench.executor.waiting()

    play(tmp_path, story)


def test_without_a_bus_nothing_is_installed_here(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        result = await bench.run("monitor", "web", timeout_ms=300)
        assert outcome(result) == (Status.NOT_INSTALLED, 5) and "message bus" in result.exit_reason
        assert outcome(await bench.run("start", "web", timeout_ms=300)) == (Status.NOT_CONNECTED, 1)
        assert not any(agent.standard == "systemd" for agent in await bench.executor.installed())

    play(tmp_path, story, up=False)


def test_metadata_is_made_up_and_warns_of_units_that_start_at_boot(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        known = await bench.executor.metadata(AgentReference("r", "systemd", "web"))
        assert known.details == "<web.service>" and known.parameters == () and known.doubts == ()
        assert [(action.name, action.timeout, action.interval) for action in known.actions][-1] == (
            "monitor", "100s", "60s")
        (doubt,) = (await bench.executor.metadata(AgentReference("r", "systemd", "enabled"))).doubts
        assert "systemctl disable enabled.service" in doubt
        with pytest.raises(ValueError, match=r"There is no unit missing\.service"):
            await bench.executor.metadata(AgentReference("r", "systemd", "missing"))

    play(tmp_path, story)


def test_units_are_listed_as_they_are_written_in_a_cib(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        names = [agent.type for agent in await bench.executor.installed() if agent.standard == "systemd"]
        assert names == ["disk.mount", "loaded", "web", "worker@"]

    play(tmp_path, story)


def test_names_of_units() -> None:
    assert unit_name("web") == unit_name("web.service") == "web.service"
    assert unit_name("a.socket") == "a.socket"
    assert [unit_name(name) for name in ("worker@", "worker@.service", "worker@1")] == [
        "worker@crmd.service", "worker@crmd.service", "worker@1.service"]


def test_a_daemon_that_starts_takes_away_what_is_left_of_others(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", "web")
        left = bench.systemd.drop_ins / "gone.service.d/50-crmd.conf"
        left.parent.mkdir()
        left.write_text("[Unit]\n")
        again = Bench(bench.systemd, tmp_path)
        await again.executor.tidy()
        assert [path.name for path in bench.systemd.drop_ins.iterdir()] == ["web.service.d"]
        await again.executor.close()

    play(tmp_path, story)


def test_a_service_is_a_script_where_there_is_one_else_a_unit(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert (await bench.run("start", "web", "service")).request.agent.standard == "service"
        assert bench.manager.units["web.service"].active == "active"
        script = bench.init / "web"
        script.write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/log\n")
        script.chmod(0o755)
        await bench.run("monitor", "web", "service")
        assert (tmp_path / "log").read_text() == "status\n"
        assert await bench.executor.has(AgentReference("r", "service", "web"))

    play(tmp_path, story)


def test_the_time_limit_counts_for_the_whole_operation(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.manager.reload_s = 1.0
        began = time.monotonic()
        assert (await bench.run("start", "web", timeout_ms=300)).status is Status.TIMEOUT
        assert time.monotonic() - began < 0.9
        await asyncio.sleep(1.0)

    play(tmp_path, story)
