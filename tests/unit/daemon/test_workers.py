"""Processes beside the daemon: they answer, die, hang, take too much, and end with whoever made them."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.cib.document import Document
from crm.daemon import worker as workers
from crm.daemon.client_jobs import MOST_MEMORY_BYTES, ClientJobs, explanations
from crm.daemon.errors import RequestRefused
from crm.daemon.fork_server import ForkServer
from crm.daemon.machine_load import used_now
from crm.daemon.planner import Planner
from crm.daemon.worker import Worker, WorkerError
from crm.daemon.worker_process import WorkError, packed
from crm.policy_engine import schedule
from tests.bench.made_cib import Size, make
from tests.unit.daemon import servants

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def forks() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """How often a servant is still to be stricken."""
    (tmp_path / "left").write_text("1")
    return tmp_path / "left"


def document(nodes: int = 3, primitives: int = 5) -> Document:
    return Document.parse(make(Size(nodes, primitives)).encode())


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(_whole(story), 60))


async def _whole(story: Callable[[], Awaitable[None]]) -> None:
    await story()


async def echo(forks: ForkServer) -> Worker:
    return await forks.worker(servants.Echo, "crmd: echo")


async def asked(worker: Worker, limit_s: float = 10.0, **request: Any) -> list[Any]:
    answers: list[Any] = []
    await worker.ask(packed(request), answers.append, limit_s)
    return answers


def gone(process_id: int) -> bool:
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in ("Z", "X")


def called(process_id: int) -> str:
    """As `ps` shows it."""
    return Path(f"/proc/{process_id}/cmdline").read_bytes().rstrip(b"\0").decode()


def until_gone(process_id: int) -> None:
    end = time.monotonic() + 5
    while not gone(process_id):
        assert time.monotonic() < end, f"process {process_id} is still there"
        time.sleep(0.01)


def same(one: Any, other: Any) -> bool:
    return bool(one == other)


# Workers

def test_a_worker_answers_one_request_after_the_other(forks: ForkServer) -> None:
    async def story() -> None:
        worker = await echo(forks)
        assert await asked(worker, word="a", times=3) == ["a"] * 3
        assert await asked(worker, word="b" * 3_000_000) == ["b" * 3_000_000]

    run(story)


def test_the_loop_turns_while_a_worker_is_busy(forks: ForkServer) -> None:
    async def story() -> None:
        worker = await echo(forks)
        task = asyncio.ensure_future(asked(worker, word="a", burn=0.5))
        turns = 0
        while not task.done():
            turns += 1
            await asyncio.sleep(0.01)
        assert turns > 10

    run(story)


def test_a_killed_worker_is_an_outcome(forks: ForkServer) -> None:
    async def story() -> None:
        worker = await echo(forks)
        task = asyncio.ensure_future(asked(worker, word="a", sleep=30))
        await asyncio.sleep(0.1)
        os.kill(worker.process_id, signal.SIGKILL)
        with pytest.raises(WorkerError, match=r"killed by signal 9 \(Killed\), probably by the kernel") as caught:
            await task
        assert "journalctl -k" in caught.value.remedy
        assert not worker.alive
        assert await asked(await echo(forks), word="b") == ["b"]

    run(story)


def test_a_frozen_worker_is_ended(forks: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LOOK_EVERY_S", 0.05)

    async def story() -> None:
        worker = await echo(forks)
        with pytest.raises(WorkerError, match=r"took no processor time for 0\.5 s"):
            await asked(worker, word="a", sleep=30)
        until_gone(worker.process_id)

    run(story)


def test_a_worker_has_a_limit(forks: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LOOK_EVERY_S", 0.05)

    async def story() -> None:
        worker = await echo(forks)
        with pytest.raises(WorkerError, match=r"took more processor time than 0\.2 s"):
            await asked(worker, limit_s=0.2, word="a", burn=30)
        until_gone(worker.process_id)

    run(story)


def test_an_answer_that_nobody_takes_is_never_taken_for_the_next_one(forks: ForkServer) -> None:
    async def story() -> None:
        worker = await echo(forks)
        task = asyncio.ensure_future(asked(worker, word="old", sleep=0.3))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(WorkerError):
            await asked(worker, word="new")

    run(story)


def test_a_worker_holds_nothing_of_the_daemon() -> None:
    async def story() -> None:
        forks = ForkServer()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.set_inheritable(True)
            found = await ClientJobs(forks).run(servants.descriptors)
            assert len(found) == 1 and found[0].startswith("socket:"), found
            assert len(list(Path(f"/proc/{forks.process_id}/fd").iterdir())) == 4, "the standard ones, and its own"
        forks.close()

    run(story)


def test_a_fork_server_that_dies_is_replaced(forks: ForkServer) -> None:
    async def story() -> None:
        first = await echo(forks)
        os.kill(forks.process_id, signal.SIGKILL)
        until_gone(first.process_id)
        assert await asked(await echo(forks), word="b") == ["b"]

    run(story)


def test_a_fork_server_that_stands_still_is_replaced_soon(forks: ForkServer) -> None:
    async def story() -> None:
        await echo(forks)
        os.kill(forks.process_id, signal.SIGSTOP)
        began = time.monotonic()
        assert await asked(await echo(forks), word="b") == ["b"]
        assert time.monotonic() - began < 12

    run(story)


def test_a_job_says_why_no_process_can_be_had_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "posix_spawn", refuse)

    async def story() -> None:
        with pytest.raises(RequestRefused,
                           match=r"no process could be started for it: .*temporarily unavailable") as caught:
            await ClientJobs(ForkServer()).run(servants.descriptors)
        assert "journalctl -k" in caught.value.hint

    run(story)


def test_what_workers_use_is_the_daemons_own(forks: ForkServer) -> None:
    async def story() -> None:
        worker = await echo(forks)
        before = used_now(forks.used_s())
        await asked(worker, word="a", burn=0.5)
        assert used_now(forks.used_s()).own - before.own >= 0.4
        worker.close()
        until_gone(worker.process_id)
        await asyncio.sleep(0.2)
        assert used_now(forks.used_s()).own - before.own >= 0.4, "it is forgotten once it has ended"

    run(story)


_DAEMON = """
import asyncio, sys, time
from crm.daemon.fork_server import ForkServer
from crm.daemon.worker_process import packed
from tests.unit.daemon.servants import Echo
forks = ForkServer()
forks.begin()
async def main():
    worker = await forks.worker(Echo, "crmd: echo")
    print(forks.process_id, worker.process_id, flush=True)
    await worker.ask(packed({"word": "a", "burn": 60}), print, 60)
asyncio.run(main())
"""


def test_workers_end_with_their_daemon_while_they_plan() -> None:
    with subprocess.Popen([sys.executable, "-c", _DAEMON], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        processes = [int(each) for each in daemon.stdout.readline().split()]
        assert len(processes) == 2 and not any(map(gone, processes))
        end = time.monotonic() + 10
        while called(processes[1]) != "crmd: echo" and time.monotonic() < end:
            time.sleep(0.01)
        names = [called(each) for each in processes]
        daemon.kill()
    assert names == ["crmd: makes planning processes", "crmd: echo"]
    for each in processes:
        until_gone(each)


# Jobs

def test_jobs_fail_as_they_would_here(forks: ForkServer) -> None:
    async def story() -> None:
        with pytest.raises(LookupError, match="no") as caught:
            await ClientJobs(forks).run(servants.refuse, "no")
        assert "in refuse" in caught.value.__notes__[0], "where it went wrong is for the log"
        with pytest.raises(WorkError, match="OddError: oddly"):
            await ClientJobs(forks).run(servants.fail_oddly)
        with pytest.raises(FileNotFoundError):
            await ClientJobs(forks).run(os.listdir, "/there/is/no/such/folder")

    run(story)


def test_jobs_have_limits(forks: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LOOK_EVERY_S", 0.05)

    async def story() -> None:
        with pytest.raises(RequestRefused, match="processor time") as caught:
            await ClientJobs(forks, 0.2).run(servants.busy)
        assert caught.value.code == "too-much-work" and caught.value.hint
        with pytest.raises(RequestRefused, match="memory") as caught:
            await ClientJobs(forks).run(servants.hungry, 1 << 40)
        assert caught.value.code == "too-much-work"
        # Less than the machine would refuse anyway.
        assert await ClientJobs(forks).run(resource.getrlimit, resource.RLIMIT_AS) == (MOST_MEMORY_BYTES,
                                                                                       MOST_MEMORY_BYTES)

    run(story)


def test_a_job_is_the_same_as_its_function(forks: ForkServer) -> None:
    async def story() -> None:
        cib = document()
        assert await ClientJobs(forks).run(explanations, cib, 0, "p1", None) == explanations(cib, 0, "p1", None)

    run(story)


# Plans

def test_a_plan_is_that_of_the_policy_engine_however_the_cib_became_it(forks: ForkServer) -> None:
    async def story() -> None:
        planner, cib = Planner(forks), document(primitives=8)
        edits = [
            Edit(EditVerb.MODIFY, '<nvpair id="o1" name="stonith-enabled" value="true"/>', "crm_config"),
            Edit(EditVerb.CREATE, '<rsc_location id="l" rsc="p1" node="node1" score="-INFINITY"/>', "constraints"),
            Edit(EditVerb.MODIFY, '<node_state id="2" uname="node2" in_ccm="false" crmd="offline" join="down"/>',
                 "status"),
            Edit(EditVerb.DELETE, xpath="//node_state[@id='3']/lrm"),
            Edit(EditVerb.DELETE, xpath="//primitive[@id='p3']"),
            Edit(EditVerb.DELETE, xpath="//node_state[@id='2']"),
        ]
        workers_seen = set()
        for edit in [None, *edits]:
            cib = cib if edit is None else cib.apply(edit)
            found = await planner.plan(cib)
            expected = schedule(Document.parse(cib.to_bytes()).model(), int(time.time()))
            assert same(found.synapses, expected.synapses) and found.recheck_at == expected.recheck_at
            assert planner.worker is not None
            workers_seen.add(planner.worker.process_id)
        assert len(workers_seen) == 1, "it is kept"
        planner.close()

    run(story)


def test_a_plan_whose_process_dies_is_made_again(forks: ForkServer, left: Path) -> None:
    async def story() -> None:
        cib = document()
        transition = await Planner(forks, servant=partial(servants.Stricken, left, signal.SIGKILL)).plan(cib)
        assert same(transition.synapses, schedule(cib.model(), int(time.time())).synapses)

    run(story)


def test_a_plan_that_kills_its_process_again_has_failed(forks: ForkServer, left: Path) -> None:
    left.write_text("100")

    async def story() -> None:
        with pytest.raises(WorkerError, match="killed by signal 9"):
            await Planner(forks, servant=partial(servants.Stricken, left, signal.SIGKILL)).plan(document())
        assert left.read_text() == "98"

    run(story)


def test_a_planner_that_stands_still_is_replaced(forks: ForkServer, left: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LOOK_EVERY_S", 0.05)

    async def story() -> None:
        planner = Planner(forks, servant=partial(servants.Stricken, left, signal.SIGSTOP))
        assert (await planner.plan(document())).synapses
        assert left.read_text() == "0"

    run(story)


def test_a_plan_that_nobody_waits_for_is_not_that_of_the_next(forks: ForkServer) -> None:
    async def story() -> None:
        planner, first, second = Planner(forks), document(primitives=300), document(primitives=2)
        task = asyncio.ensure_future(planner.plan(first))
        await asyncio.sleep(0.05)
        task.cancel()
        found = await planner.plan(second)
        assert same(found.synapses, schedule(second.model(), int(time.time())).synapses)
        planner.close()

    run(story)


def test_a_planner_at_rest_lets_its_process_go(forks: ForkServer) -> None:
    async def story() -> None:
        planner = Planner(forks, idle_s=0.1)
        await planner.plan(document())
        assert planner.worker is not None
        process_id = planner.worker.process_id
        await asyncio.sleep(0.3)
        until_gone(process_id)
        assert (await planner.plan(document())).synapses

    run(story)


def test_a_servant_gets_only_what_it_does_not_have() -> None:
    from crm.cib.cib_parts import Sender

    cib = document(primitives=200)
    sender = Sender()
    whole = packed(sender.cut(cib))
    edit = Edit(EditVerb.MODIFY, '<node_state id="2" uname="node2" crmd="offline"/>', "status")
    assert len(packed(sender.cut(cib.apply(edit)))) < len(whole) / 2
    assert len(packed(sender.cut(cib))) < len(whole) / 2
