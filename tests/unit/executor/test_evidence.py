"""An operation that could not be carried out is no evidence: nothing is taken as active, stopped or fenced for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from crm.executor import Executor, ExecutorSettings, OperationRequest, OperationResult, Status
from crm.executor.ocf import OcfAgents
from crm.model.transition import AgentReference

AGENT = """#!/bin/sh
S={state}
case $1 in
start) echo unpromoted > $S ;; promote) echo promoted > $S ;; demote) echo unpromoted > $S ;; stop) rm -f $S ;;
monitor) case $(cat $S 2>/dev/null) in promoted) exit 8 ;; unpromoted) exit 0 ;; esac; exit 7 ;;
esac
"""


class Bench:
    def __init__(self, folder: Path) -> None:
        self.results: list[OperationResult] = []
        self.path = folder / "resource.d/test/Agent"
        self.path.parent.mkdir(parents=True)
        self.install(AGENT.format(state=folder / "s"))
        self.settings = ExecutorSettings(ocf_roots=(folder,), agent_state=folder / "state",
                                         systemd_bus="unix:path=/nowhere", init_folder=folder / "init.d")
        self.executor = Executor(self.settings, self.results.append)

    def install(self, text: str) -> None:
        self.path.write_text(text)
        self.path.chmod(0o755)

    async def run(self, operation: str, standard: str = "ocf", kind: str = "Agent", provider: str | None = "test",
                  **options: int) -> OperationResult:
        agent = AgentReference("r", standard, kind, provider)
        self.executor.submit(OperationRequest(1, agent, operation, **{"timeout_ms": 400, **options}))
        return await self.next()

    async def next(self) -> OperationResult:
        async with asyncio.timeout(10):
            while not self.results:
                await asyncio.sleep(0.005)
        return self.results.pop(0)


def play(folder: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def whole() -> None:
        bench = Bench(folder)
        try:
            await story(bench)
        finally:
            await bench.executor.close()

    asyncio.run(whole())


def mistaken(*_: object) -> None:
    raise KeyError("a mistake of ours")


@pytest.mark.parametrize(
    ("standard", "kind", "provider"),
    [("nagios", "check_tcp", None), ("ocf", "Missing", "test"), ("ocf", "../x", "test"), ("systemd", "web", None),
     ("lsb", "web", None), ("service", "web", None), ("systemd", "a/b", None), ("", "", None)],
)
def test_a_probe_that_cannot_be_carried_out_finds_nothing(tmp_path: Path, standard: str, kind: str,
                                                          provider: str | None) -> None:
    async def story(bench: Bench) -> None:
        result = await bench.run("monitor", standard, kind, provider)
        assert (result.status, result.rc) == (Status.NOT_INSTALLED, 5)
        assert result.exit_reason

    play(tmp_path, story)


def test_what_could_not_be_started_need_not_be_stopped(tmp_path: Path) -> None:
    """Its agent is missing: else the failed start would lead to a stop that fails, and that to fencing."""
    async def story(bench: Bench) -> None:
        text = bench.path.read_text()
        bench.path.unlink()
        assert (await bench.run("start")).status is Status.NOT_INSTALLED
        stop = await bench.run("stop")
        assert (stop.status, stop.rc) == (Status.DONE, 0)
        bench.install(text)
        await bench.run("start")
        bench.path.unlink()
        assert (await bench.run("stop")).status is Status.NOT_INSTALLED

    play(tmp_path, story)


def test_an_unknown_class_is_said_with_those_that_there_are(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        result = await bench.run("start", "upstart", "web", None)
        assert result.rc == 3
        assert result.exit_reason == ("crmd runs no agents of the class upstart (upstart:web); it runs ocf, stonith, "
                                      "systemd, lsb, service")

    play(tmp_path, story)


def test_a_mistake_of_ours_ends_neither_the_lane_nor_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(bench: Bench) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(OcfAgents, "operate", mistaken)
            for operation, expected in (("start", (Status.ERROR, 1)), ("monitor", (Status.NOT_INSTALLED, 5))):
                result = await bench.run(operation)
                assert (result.status, result.rc) == expected
                assert "crmd made a mistake (KeyError: 'a mistake of ours')" in result.exit_reason
        assert (await bench.run("start")).rc == 0

    play(tmp_path, story)


@pytest.mark.parametrize(("promoted", "known"), [(False, 0), (True, 8)])
@pytest.mark.parametrize("restart", [False, True])
def test_what_was_started_here_counts_as_it_was_last_known(tmp_path: Path, promoted: bool, known: int,
                                                           restart: bool) -> None:
    """Its agent's package is being upgraded: it is neither stopped nor started elsewhere."""
    async def story(bench: Bench) -> None:
        await bench.run("start")
        if promoted:
            await bench.run("promote")
        if restart:
            await bench.executor.close()
            bench.executor = Executor(bench.settings, bench.results.append)
        bench.path.unlink()
        probe = await bench.run("monitor")
        assert (probe.status, probe.rc) == (Status.DONE, known)
        assert "There is no agent ocf:test:Agent" in probe.exit_reason
        stop = await bench.run("stop")
        assert (stop.status, stop.rc) == (Status.NOT_INSTALLED, 5)

    play(tmp_path, story)


def test_a_monitor_goes_on_when_its_agent_is_back(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start")
        assert (await bench.run("monitor", interval_ms=50)).rc == 0
        text = bench.path.read_text()
        bench.path.unlink()
        await asyncio.sleep(0.4)
        assert not bench.results
        reasons = [waiting.reason for waiting in bench.executor.waiting()]
        assert any(each.startswith("it cannot be carried out: There is no agent ocf:test:Agent") for each in reasons)
        (tmp_path / "s").unlink()
        bench.install(text)
        assert (await bench.next()).rc == 7

    play(tmp_path, story)


def test_a_fence_device_that_cannot_be_asked_has_failed(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        result = await bench.run("start", "stonith", "fence_nobody", None)
        assert (result.status, result.carried_out) == (Status.NOT_INSTALLED, True)

    play(tmp_path, story)
