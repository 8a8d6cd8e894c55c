"""The executor against real agents, small shell scripts each with one bad habit: every run ends, with its reason."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from crm.executor import Executor, ExecutorSettings, OperationRequest, OperationResult, RecurringKey, Status
from crm.executor.outcomes import Clock
from crm.executor.process import BoundedText
from crm.keeper.leftovers import OperationLeftovers
from crm.model.history import ExitCode
from crm.model.transition import AgentReference


class Bench:
    """An executor with a folder for agents, and what it reported so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: list[OperationResult] = []
        settings = ExecutorSettings(
            ocf_roots=(folder / "other", folder),
            agent_state=folder / "state",
            kill_grace_ms=100,
            output_limit_bytes=4096,
            monitor_limit=4,
        )
        self.executor = Executor(settings, self.results.append)
        self.calls = 0

    def agent(self, script: str, name: str = "Agent", mode: int = 0o755, resource: str = "r") -> AgentReference:
        path = self.folder / "resource.d" / "test" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
        path.chmod(mode)
        return AgentReference(resource, "ocf", name, "test")

    def submit(self, agent: AgentReference, operation: str = "start", **options: object) -> OperationRequest:
        self.calls += 1
        request = OperationRequest(self.calls, agent, operation, **options)  # type: ignore[arg-type]
        self.executor.submit(request)
        return request

    async def until(self, count: int) -> list[OperationResult]:
        async with asyncio.timeout(10):
            while len(self.results) < count:
                await asyncio.sleep(0.005)
        return self.results


def play(folder: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def whole() -> None:
        bench = Bench(folder)
        try:
            await story(bench)
        finally:
            await bench.executor.close()

    asyncio.run(whole())


def outcome(folder: Path, script: str, mode: int = 0o755, **options: object) -> OperationResult:
    results: list[OperationResult] = []

    async def story(bench: Bench) -> None:
        bench.submit(bench.agent(script, mode=mode), **options)  # type: ignore[arg-type]
        results.extend(await bench.until(1))

    play(folder, story)
    return results[0]


def alive(process_id: int) -> bool:
    try:
        return (Path("/proc") / str(process_id) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("code", [0, 1, 5, 7, 8, 190])
def test_the_exit_code_is_the_result(tmp_path: Path, code: int) -> None:
    result = outcome(tmp_path, f"echo hello; exit {code}")
    assert (result.status, result.rc, result.output) == (Status.DONE, code, "hello\n")


def test_the_last_exit_reason_counts(tmp_path: Path) -> None:
    script = "echo ocf-exit-reason:first >&2; echo noise >&2; echo ocf-exit-reason:no disk >&2; exit 1"
    assert outcome(tmp_path, script).exit_reason == "no disk"


def test_an_agent_that_hangs_is_killed_with_all_its_children(tmp_path: Path) -> None:
    script = f"trap '' TERM; sleep 300 & echo $! > {tmp_path}/child; sleep 300; sleep 300"
    result = outcome(tmp_path, script, timeout_ms=200)
    assert result.status is Status.TIMEOUT
    assert "did not end within 0.2 s" in result.exit_reason
    # The kernel ends the children of a group in its own time.
    child, until = int((tmp_path / "child").read_text()), time.monotonic() + 10
    while alive(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not alive(child)


def test_an_agent_that_is_killed_is_an_error(tmp_path: Path) -> None:
    result = outcome(tmp_path, "kill -9 $$")
    assert (result.status, result.rc) == (Status.ERROR, 1)
    assert "signal 9" in result.exit_reason


def test_megabytes_of_output_are_bounded_and_do_not_block(tmp_path: Path) -> None:
    result = outcome(tmp_path, "head -c 20000000 /dev/zero | tr '\\0' x; echo the end; exit 3")
    assert result.rc == 3
    assert len(result.output) < 6000
    assert result.output.endswith("the end\n") and "bytes left out" in result.output


def test_a_child_that_holds_the_output_open_does_not_hold_the_operation(tmp_path: Path) -> None:
    result = outcome(tmp_path, f"setsid sleep 300 & echo $! > {tmp_path}/child; echo done")
    child = int((tmp_path / "child").read_text())
    try:
        assert (result.rc, result.output) == (0, "done\n")
        assert result.run_ms < 5000 and alive(child)
    finally:
        os.kill(child, 9)


def test_a_survivor_that_writes_for_ever_does_not_hold_the_operation(tmp_path: Path) -> None:
    result = outcome(tmp_path, f"setsid yes & echo $! > {tmp_path}/child; sleep 0.1")
    assert result.rc == 0
    os.kill(int((tmp_path / "child").read_text()), 9) if alive(int((tmp_path / "child").read_text())) else None


def test_a_missing_agent_is_not_installed(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.submit(AgentReference("r", "ocf", "Nothing", "test"))
        (result,) = await bench.until(1)
        assert (result.status, result.rc) == (Status.NOT_INSTALLED, 5)
        assert "ocf:test:Nothing" in result.exit_reason and str(tmp_path) in result.exit_reason

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("script", "mode", "status", "rc", "reason"),
    [
        ("exit 0", 0o644, Status.ERROR, 4, "chmod +x"),
        ("#!/no/such/interpreter\n", 0o755, Status.NOT_INSTALLED, 5, "interpreter"),
        ("#!\n", 0o755, Status.ERROR, 1, "could not be started"),
    ],
)
def test_an_agent_that_cannot_be_started(
    tmp_path: Path, script: str, mode: int, status: Status, rc: int, reason: str
) -> None:
    result = outcome(tmp_path, script, mode)
    assert (result.status, result.rc) == (status, rc)
    assert reason in result.exit_reason


@pytest.mark.parametrize(("provider", "name"), [("..", "x"), ("test", "../Agent"), ("test", ".hidden"), ("a/b", "c")])
def test_names_cannot_leave_the_folder(tmp_path: Path, provider: str, name: str) -> None:
    async def story(bench: Bench) -> None:
        bench.agent("exit 0")
        bench.submit(AgentReference("r", "ocf", name, provider))
        (result,) = await bench.until(1)
        assert result.status is Status.ERROR_HARD

    play(tmp_path, story)


def test_another_class_is_not_supported(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.submit(AgentReference("r", "upstart", "x"))
        (result,) = await bench.until(1)
        assert result.status is Status.NOT_SUPPORTED

    play(tmp_path, story)


def test_the_environment_is_the_agents_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DAEMON", "1")
    parameters = {"ip": "10.0.0.1", "CRM_meta_on-fail": "restart", "crm_feature_set": "3.20", "bad=name": "x"}
    result = outcome(tmp_path, "env", operation="monitor", parameters=parameters, timeout_ms=7000)
    environment = dict(line.split("=", 1) for line in result.output.splitlines())
    assert "SECRET_OF_THE_DAEMON" not in environment
    expected = {
        "OCF_ROOT": str(tmp_path),
        "OCF_RESOURCE_INSTANCE": "r",
        "OCF_RESOURCE_TYPE": "Agent",
        "OCF_RESOURCE_PROVIDER": "test",
        "OCF_RESKEY_ip": "10.0.0.1",
        "OCF_RESKEY_CRM_meta_on_fail": "restart",
        "OCF_RESKEY_CRM_meta_name": "monitor",
        "OCF_RESKEY_CRM_meta_timeout": "7000",
        "OCF_RESKEY_crm_feature_set": "3.20",
        "HA_RSCTMP": str(tmp_path / "state"),
    }
    assert expected.items() <= environment.items()
    assert "OCF_RESKEY_CRM_meta_interval" not in environment


def test_operations_of_one_resource_do_not_overlap_others_do(tmp_path: Path) -> None:
    script = f'echo "$OCF_RESOURCE_INSTANCE $1 in" >> {tmp_path}/log; sleep 0.15; echo "$1 out" >> {tmp_path}/log'

    async def story(bench: Bench) -> None:
        agent = bench.agent(script)
        for operation in ("start", "promote", "stop"):
            bench.submit(agent, operation)
        bench.submit(bench.agent(script, resource="other"))
        results = await bench.until(4)
        log = (tmp_path / "log").read_text().splitlines()
        mine = [line for line in log if not line.startswith("other")]
        assert mine.index("r promote in") > mine.index("start out")
        assert mine.index("r stop in") > mine.index("promote out")
        assert log.index("other start in") < 4
        assert results[-1].queue_ms >= 200

    play(tmp_path, story)


def test_a_recurring_monitor_reports_first_and_on_change(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        agent = bench.agent(f"echo x >> {tmp_path}/runs; [ -e {tmp_path}/up ] || exit 7")
        (tmp_path / "up").touch()
        bench.submit(agent, "monitor", interval_ms=20)
        await bench.until(1)
        await asyncio.sleep(0.3)
        assert len(bench.results) == 1
        assert len((tmp_path / "runs").read_text()) > 6
        (tmp_path / "up").unlink()
        results = await bench.until(2)
        assert [result.rc for result in results] == [0, 7]
        assert bench.executor.recurring() == (RecurringKey("r", "monitor", 20),)

    play(tmp_path, story)


def test_a_cancelled_monitor_runs_no_more(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        agent = bench.agent(f"echo x >> {tmp_path}/runs")
        bench.submit(agent, "monitor", interval_ms=10)
        await bench.until(1)
        assert bench.executor.cancel("r", "monitor", 10)
        assert not bench.executor.cancel("r", "monitor", 10)
        await asyncio.sleep(0.05)
        size = (tmp_path / "runs").stat().st_size
        await asyncio.sleep(0.1)
        assert (tmp_path / "runs").stat().st_size == size

    play(tmp_path, story)


def test_a_monitor_that_comes_to_its_end_although_it_was_cancelled_is_not_reported(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a class that takes its time to put things in order; nor is such a monitor run again."""
    begun = asyncio.Event()

    class Slow:
        runs = 0

        async def operate(self, request: OperationRequest, queue_ms: int) -> OperationResult:
            self.runs += 1
            begun.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            return Clock(request, queue_ms).result(Status.DONE, ExitCode.NOT_RUNNING)

    async def story(bench: Bench) -> None:
        slow = Slow()
        monkeypatch.setattr(bench.executor._classes, "of", lambda agent: slow)
        bench.submit(bench.agent("exit 0"), "monitor", interval_ms=10)
        await begun.wait()
        assert bench.executor.cancel("r", "monitor", 10)
        await asyncio.sleep(0.05)
        assert bench.results == [] and slow.runs == 1

    play(tmp_path, story)


@pytest.mark.parametrize(("operation", "waits"), [("start", True), ("stop", True), ("monitor", False)])
def test_what_is_queued_begins_only_when_the_node_knows_where_it_is(
        tmp_path: Path, operation: str, waits: bool) -> None:
    async def story(bench: Bench) -> None:
        awake = asyncio.Event()
        bench.submit(bench.agent("sleep 0.1"), "monitor")

        async def ready() -> None:
            await awake.wait()

        bench.submit(bench.agent("exit 0"), operation)
        bench.executor.ready = ready  # type: ignore[assignment]
        await bench.until(1)
        await asyncio.sleep(0.1)
        assert (len(bench.results) == 1) is waits
        awake.set()
        await bench.until(2)

    play(tmp_path, story)


def test_a_stop_ends_recurring_operations_a_probe_does_not(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        agent = bench.agent("exit 0")
        bench.submit(agent, "monitor", interval_ms=50_000)
        bench.submit(agent, "monitor")
        await bench.until(2)
        assert len(bench.executor.recurring()) == 1
        bench.submit(agent, "stop")
        assert bench.executor.recurring() == ()
        await bench.until(3)

    play(tmp_path, story)


def test_a_delayed_start_waits(tmp_path: Path) -> None:
    result = outcome(tmp_path, f"date +%s%N > {tmp_path}/when", start_delay_ms=150)
    assert result.queue_ms < 100


def test_closing_kills_what_runs_and_leaves_no_zombie(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.submit(bench.agent(f"echo $$ > {tmp_path}/pid; exec sleep 300"))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            await asyncio.sleep(0.01)
        await bench.executor.close()
        assert not (Path("/proc") / (tmp_path / "pid").read_text().strip()).exists()
        assert bench.results == []

    play(tmp_path, story)


METADATA = """cat <<END
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="Agent" version="2"><version>1.1</version><shortdesc lang="en">A  test</shortdesc>
<parameters><parameter name="a" reloadable="1"><content type="integer" default="3"/></parameter>
<parameter name="pw" private="1" required="1"><content type="string"/></parameter></parameters>
<actions><action name="start" timeout="20s"/><action name="reload-agent"/></actions></resource-agent>
END"""


def test_metadata_is_read_and_asked_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        agent = bench.agent(f"echo x >> {tmp_path}/asked\n{METADATA}")
        for _ in range(3):
            known = await bench.executor.metadata(agent)
        assert known.names(reloadable=True) == ("a",)
        assert known.names(private=True) == ("pw",)
        assert known.reload_action == "reload-agent" and known.description == "A test"
        assert (tmp_path / "asked").read_text() == "x\n"

    play(tmp_path, story)


@pytest.mark.parametrize("script", ["exit 3", "echo nonsense", "echo '<resource-agent>'"])
def test_bad_metadata_is_an_error_with_a_reason(tmp_path: Path, script: str) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(ValueError, match=r".+"):
            await bench.executor.metadata(bench.agent(script))

    play(tmp_path, story)


def test_bounded_text_keeps_both_ends() -> None:
    text = BoundedText(10)
    for chunk in (b"abc", b"defg", b"hijklmnop", b"q"):
        text.write(chunk)
    assert text.text() == "abcde\n[7 bytes left out]\nmnopq"


def test_an_operation_that_a_killed_daemon_left_is_ended_before_anything_is_probed(tmp_path: Path) -> None:
    journal = OperationLeftovers(tmp_path / ".operations")
    left = subprocess.Popen(["sleep", "60"], start_new_session=True)
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        journal.begin(left.pid)
        (tmp_path / ".operations" / str(stranger.pid)).write_text("1")  # the id of a process that is long gone
        reaper = threading.Thread(target=left.wait)
        reaper.start()
        Executor(ExecutorSettings(agent_state=tmp_path), lambda _result: None)
        reaper.join(5)
        assert left.returncode == -9
        assert stranger.poll() is None
        assert list((tmp_path / ".operations").iterdir()) == []
    finally:
        stranger.kill()
        stranger.wait()


def test_a_stop_does_not_wait_for_a_monitor_that_hangs(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        agent = bench.agent(f"case $1 in monitor) echo $$ > {tmp_path}/pid; sleep 300;; esac")
        bench.submit(agent, "monitor", interval_ms=100, timeout_ms=300_000)
        while not (tmp_path / "pid").exists():
            await asyncio.sleep(0.01)
        began = time.monotonic()
        bench.submit(agent, "stop")
        (stop,) = await bench.until(1)
        assert (stop.request.operation, stop.rc) == ("stop", 0)
        assert time.monotonic() - began < 5
        assert not alive(int((tmp_path / "pid").read_text()))

    play(tmp_path, story)


def test_monitors_and_probes_that_hang_leave_room_for_starts(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        script = "case $1 in monitor) sleep 300;; esac"
        limit = bench.executor.settings.monitor_limit
        for number in range(limit + 1):
            bench.submit(bench.agent(script, resource=f"m{number}"), "monitor", interval_ms=100, timeout_ms=300_000)
            bench.submit(bench.agent(script, resource=f"p{number}"), "monitor", timeout_ms=300_000)
        await asyncio.sleep(0.5)
        waiting = {each.resource: each.reason for each in bench.executor.waiting()}
        assert waiting == {
            f"m{limit}": f"{limit} monitors run already, and no more may at once (monitor_limit)",
            f"p{limit}": f"{limit} probes run already, and no more may at once (monitor_limit)",
        }
        bench.submit(bench.agent(script, resource="web"), "start")
        (start,) = await bench.until(1)
        assert (start.request.resource, start.rc) == ("web", 0)

    play(tmp_path, story)


def test_what_waits_behind_its_own_resource_says_so(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        agent = bench.agent("case $1 in start) sleep 300;; esac")
        bench.submit(agent, "start")
        bench.submit(agent, "promote")
        await asyncio.sleep(0.05)
        (waiting,) = bench.executor.waiting()
        assert (waiting.operation, waiting.reason) == ("promote", "the start of r has not ended")

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (r"\033[31mred\000 and broken \377", r"red\x00 and broken \xff"),
        ("$(head -c 10000000 /dev/zero | tr '\\0' y)", "y" * 499 + "…"),
    ],
)
def test_whatever_an_agent_says_is_fit_to_be_kept(tmp_path: Path, said: str, reason: str) -> None:
    script = f'''printf 'ocf-exit-reason:' >&2; printf "{said}" >&2; echo >&2; exit 1'''
    result = outcome(tmp_path, script)
    if len(reason) < 100:
        assert result.exit_reason == reason
    assert len(result.exit_reason) <= 500
    assert all(character.isprintable() or character in "\n\t" for character in result.output)


def test_a_parameter_with_a_nul_is_left_out_and_ends_nothing(tmp_path: Path) -> None:
    assert outcome(tmp_path, "exit 0", parameters={"bad": "a\0b", "ok": "1"}).rc == 0
