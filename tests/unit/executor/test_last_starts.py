"""A resource is stopped with what it was started with, however the configuration has changed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from crm.executor import Executor, ExecutorSettings, OperationRequest, OperationResult
from crm.executor.last_starts import LastStarts
from crm.model.transition import AgentReference

AGENT = """#!/bin/sh
echo "$1 $(basename $0) addr=$OCF_RESKEY_addr level=$OCF_CHECK_LEVEL url=$OCF_RESKEY_url" >> {log}
S={state}/$OCF_RESKEY_addr
case $1 in
start|migrate_from) touch "$S" ;;
stop) rm -f "$S" ;;
monitor) [ -n "$OCF_RESKEY_addr" ] && [ -e "$S" ] || exit 7 ;;
reload-agent) exit ${{OCF_RESKEY_reload_rc:-0}} ;;
esac
"""


class Bench:
    """A node with two agents that record how they are called; its daemon can be restarted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: list[OperationResult] = []
        (folder / "active").mkdir()
        for name in ("Address", "Other"):
            path = folder / "resource.d" / "test" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(AGENT.format(log=folder / "log", state=folder / "active"))
            path.chmod(0o755)
        self.executor = self._executor()

    def _executor(self) -> Executor:
        return Executor(ExecutorSettings(ocf_roots=(self.folder,), agent_state=self.folder / "state"),
                        self.results.append)

    async def restart(self) -> None:
        await self.executor.close()
        self.executor = self._executor()

    async def run(self, operation: str, agent: str = "Address", own: tuple[str, ...] = (),
                  **parameters: str) -> OperationResult:
        reference = AgentReference("ip", "ocf", agent, "test")
        self.executor.submit(OperationRequest(1, reference, operation, parameters=parameters, own_parameters=own))
        async with asyncio.timeout(10):
            while not self.results:
                await asyncio.sleep(0.005)
        return self.results.pop()

    def calls(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()

    def left(self) -> list[str]:
        return sorted(file.name for file in (self.folder / "active").iterdir())


def play(folder: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def whole() -> None:
        bench = Bench(folder)
        try:
            await story(bench)
        finally:
            await bench.executor.close()

    asyncio.run(whole())


async def deleted(bench: Bench) -> OperationResult:
    return await bench.run("stop")


async def changed(bench: Bench) -> OperationResult:
    return await bench.run("stop", addr="10.0.0.2")


async def of_another_agent(bench: Bench) -> OperationResult:
    return await bench.run("stop", "Other", addr="10.0.0.1")


async def after_a_restart(bench: Bench) -> OperationResult:
    await bench.restart()
    return await bench.run("stop", addr="10.0.0.2")


async def by_an_upgraded_agent(bench: Bench) -> OperationResult:
    path = bench.folder / "resource.d/test/Address"
    path.write_text(path.read_text().replace("basename $0", "basename $0; echo 2.0"))
    return await bench.run("stop")


@pytest.mark.parametrize("end", [deleted, changed, of_another_agent, after_a_restart, by_an_upgraded_agent])
def test_a_stop_ends_what_the_start_has_made(tmp_path: Path,
                                             end: Callable[[Bench], Awaitable[OperationResult]]) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", addr="10.0.0.1", url="u")
        assert bench.left() == ["10.0.0.1"]
        result = await end(bench)
        assert (result.rc, bench.left()) == (0, [])
        assert result.request.parameters["addr"] == "10.0.0.1" and result.request.agent.type == "Address"
        assert "addr=10.0.0.1" in bench.calls()[-1] and "url=u" in bench.calls()[-1]

    play(tmp_path, story)


def test_a_copy_of_a_deleted_clone_is_told_that_it_was_one(tmp_path: Path) -> None:
    """Nobody else knows it any more, and agents refuse to stop a copy that they take for a single instance."""
    async def story(bench: Bench) -> None:
        clone = {"CRM_meta_clone_max": "2", "CRM_meta_promoted_max": "1", "CRM_meta_notify": "true"}
        passing = {"CRM_meta_timeout": "1000", "CRM_meta_notify_start_uname": "n1"}
        await bench.run("start", addr="10.0.0.1", **clone, **passing)
        await bench.restart()
        stop = await bench.run("stop", CRM_meta_timeout="5000")
        assert stop.request.parameters == {"addr": "10.0.0.1", **clone, "CRM_meta_timeout": "5000"}

    play(tmp_path, story)


def test_an_older_agent_takes_new_values_by_its_own_word(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        described = """<resource-agent name="Address"><version>1.0</version>
<parameters><parameter name="addr" unique="1"/><parameter name="url"/></parameters>
<actions><action name="reload"/></actions></resource-agent>"""
        path = bench.folder / "resource.d/test/Address"
        tell = f"[ $1 = meta-data ] && echo '{described}'\ncase $1 in"
        path.write_text(path.read_text().replace("case $1 in", tell))
        await bench.run("reload-agent", addr="10.0.0.1")
        assert bench.calls()[-1].startswith("reload Address")

    play(tmp_path, story)


def test_a_probe_finds_what_was_started_and_says_with_what(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", addr="10.0.0.1")
        found = await bench.run("monitor", addr="10.0.0.2")
        assert (found.rc, found.request.parameters) == (0, {"addr": "10.0.0.1"})

    play(tmp_path, story)


def test_a_probe_of_what_has_ended_looks_for_what_is_configured_now(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", addr="10.0.0.1")
        (bench.folder / "active/10.0.0.1").rename(bench.folder / "active/10.0.0.2")
        found = await bench.run("monitor", addr="10.0.0.2")
        assert (found.rc, found.request.parameters) == (0, {"addr": "10.0.0.2"})
        await bench.run("stop")
        assert bench.left() == []

    play(tmp_path, story)


def test_what_was_found_running_is_stopped_as_it_was_found(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        (bench.folder / "active/10.0.0.1").touch()
        assert (await bench.run("monitor", addr="10.0.0.1")).rc == 0
        await bench.run("stop", addr="10.0.0.2")
        assert bench.left() == []

    play(tmp_path, story)


def test_an_operations_own_parameters_are_kept(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", addr="10.0.0.1", url="of the resource")
        await bench.run("monitor", own=("OCF_CHECK_LEVEL", "url"), addr="10.0.0.2", url="of the monitor",
                        OCF_CHECK_LEVEL="10")
        assert bench.calls()[-1] == "monitor Address addr=10.0.0.1 level=10 url=of the monitor"

    play(tmp_path, story)


@pytest.mark.parametrize(("rc", "kept"), [("0", "10.0.0.2"), ("1", "10.0.0.1")])
def test_a_reload_that_worked_is_what_counts(tmp_path: Path, rc: str, kept: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", addr="10.0.0.1")
        await bench.run("reload-agent", addr="10.0.0.2", reload_rc=rc)
        result = await bench.run("stop")
        assert result.request.parameters["addr"] == kept

    play(tmp_path, story)


def test_after_a_stop_nothing_is_kept(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", addr="10.0.0.1")
        await bench.run("stop")
        assert (await bench.run("stop", addr="10.0.0.2")).request.parameters == {"addr": "10.0.0.2"}
        assert not list((bench.folder / "state/.starts").iterdir())

    play(tmp_path, story)


def test_a_stop_that_failed_is_tried_again_with_the_same(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", addr="10.0.0.1")
        agent = bench.folder / "resource.d/test/Address"
        good = agent.read_text()
        agent.write_text("#!/bin/sh\nexit 1\n")
        assert (await bench.run("stop")).rc == 1
        agent.write_text(good)
        await bench.run("stop")
        assert bench.left() == []

    play(tmp_path, story)


def test_a_spoilt_file_is_said_and_does_not_keep_the_daemon_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "starts"
    folder.mkdir()
    (folder / "ip").write_text("[half of")
    (folder / "web%2F1").write_text('{"standard": "ocf", "provider": "x", "type": "Y", "parameters": {"a": "b"}}')
    starts = LastStarts(folder)
    assert "what ip was started with is lost" in caplog.text
    request = OperationRequest(1, AgentReference("web/1", "ocf", "Y", "x"), "stop")
    assert starts.as_started(request).parameters == {"a": "b"}


def test_passwords_are_for_root_only(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.run("start", addr="10.0.0.1", password="secret")
        folder = bench.folder / "state/.starts"
        assert (folder.stat().st_mode & 0o777, (folder / "ip").stat().st_mode & 0o777) == (0o700, 0o600)

    play(tmp_path, story)


def test_a_disk_that_is_full_does_not_keep_a_resource_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async def story(bench: Bench) -> None:
        monkeypatch.setattr(Path, "write_text", full)
        assert (await bench.run("start", addr="10.0.0.1")).rc == 0
        assert "No space left on device" in caplog.text
        await bench.run("stop")
        assert bench.left() == []

    play(tmp_path, story)
