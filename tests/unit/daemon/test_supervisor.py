"""The process that watches over a daemon: what the signals do that it gets, whenever they come."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import asyncio, os, sys, time
from crm.cli.daemon.lease_keeping import Keeping
from crm.cli.daemon.supervisor import Watch, supervise
from crm.daemon import supervision

def starting_slowly():
    print("starts", flush=True)
    time.sleep(0.5)
    return asyncio.run(until_told())

async def until_told():
    told = []
    supervision.take_signals(lambda: told.append(1))
    print("is up", flush=True)
    while not told:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    print("told", len(told), flush=True)
    return 0

def dying():
    print("dies", flush=True)
    os.kill(os.getpid(), 9)

def mistaken():
    if "CRMD_RESTARTED" in os.environ:
        print("follows", flush=True)
        return 0
    print("is wrong", flush=True)
    return 70

def no_room(self):
    raise OSError(28, "No space left on device", "/run/crmd/lease")

def silent():
    # A log on a full disk: what was said cannot be written when the daemon ends.
    if "CRMD_RESTARTED" not in os.environ:
        sys.stdout = open("/dev/full", "w")
        print("lost")
        return 70
    print("follows", flush=True)
    return 0

def without_store():
    print("store", flush=True)
    if "CRMD_RESTARTED" not in os.environ:
        os.kill(os.getpid(), 9)
    return 74 if lives() < 3 else 0

def with_wrong_settings():
    return 78

def lives():
    with open(os.environ["LIVES"], "a+") as file:
        file.write("x")
        file.flush()
        return os.path.getsize(file.name)

def follows():
    print("follows", flush=True)
    return 0

if sys.argv[1] == "without_room":
    Keeping.become_daemon = lambda self: no_room(self) if lives() < 3 else None
if sys.argv[1] == "without_memory":
    fork = os.fork
    os.fork = lambda: fork() if lives() > 2 else no_room(None)
sys.exit(supervise(globals().get(sys.argv[1], follows), Watch()))
"""


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a supervisor, in a process group of its own, over the daemon of that name."""
    monkeypatch.setenv("LIVES", str(tmp_path / "lives"))
    running: list[subprocess.Popen[str]] = []

    def begin(daemon: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, daemon], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()


def until_it_says(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip().endswith(text):
            return
    raise AssertionError(f"it never said {text}")


def test_a_daemon_that_is_told_to_end_while_it_starts_ends_in_order(
    supervised: Callable[[str], subprocess.Popen[str]]
) -> None:
    process = supervised("starting_slowly")
    until_it_says(process, "starts")
    process.terminate()
    told, _ = process.communicate(timeout=20)
    assert told.splitlines() == ["is up", "told 1"]
    assert process.returncode == 0


def test_ctrl_c_at_a_terminal_is_told_once(supervised: Callable[[str], subprocess.Popen[str]]) -> None:
    process = supervised("starting_slowly")
    until_it_says(process, "is up")
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=20)
    assert told.splitlines() == ["told 1"]


def test_a_hangup_changes_nothing(supervised: Callable[[str], subprocess.Popen[str]]) -> None:
    process = supervised("starting_slowly")
    until_it_says(process, "is up")
    os.killpg(process.pid, signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.terminate()
    assert process.communicate(timeout=20)[0].splitlines() == ["told 1"]


def test_a_daemon_that_dies_again_and_again_can_be_ended(
    supervised: Callable[[str], subprocess.Popen[str]]
) -> None:
    process = supervised("dying")
    for _ in range(3):
        until_it_says(process, "dies")
    process.terminate()
    told, _ = process.communicate(timeout=20)
    assert told.count("dies") <= 1, "one more life at most: it might have had something to put away"
    assert "Traceback" not in told
    assert process.returncode == 128 + signal.SIGKILL


def test_a_daemon_that_ends_by_its_own_mistake_is_started_again_and_told_so(
        supervised: Callable[[str], subprocess.Popen[str]]) -> None:
    process = supervised("mistaken")
    until_it_says(process, "is wrong")
    until_it_says(process, "crmd: the daemon ended by a mistake of its own, it is started again in 0.1 s")
    until_it_says(process, "follows")
    assert process.wait(10) == 0


@pytest.mark.parametrize("trouble", ["without_room", "without_memory"])
def test_a_daemon_that_cannot_be_started_for_now_is_tried_again_and_that_is_said(
        supervised: Callable[[str], subprocess.Popen[str]], trouble: str) -> None:
    process = supervised(trouble)
    told, _ = process.communicate(timeout=20)
    assert told.count("the daemon cannot be started: ") == 2 and "No space left on device" in told
    assert "the daemon could not be started, it is started again in 0.1 s" in told and "again in 0.2 s" in told
    assert told.splitlines()[-1] == "follows" and process.returncode == 0


def test_a_daemon_whose_last_words_cannot_be_written_is_no_second_supervisor(
        supervised: Callable[[str], subprocess.Popen[str]]) -> None:
    process = supervised("silent")
    until_it_says(process, "follows")
    assert process.wait(20) == 0


def test_a_store_that_cannot_be_read_is_tried_again_where_a_daemon_had_it_before(
        supervised: Callable[[str], subprocess.Popen[str]]) -> None:
    process = supervised("without_store")
    told, _ = process.communicate(timeout=20)
    assert "cannot work for now (exit status 74, see above), it is started again" in told
    assert told.count("store\n") == 4 and process.returncode == 0


def test_settings_that_cannot_be_used_end_a_first_start(supervised: Callable[[str], subprocess.Popen[str]]) -> None:
    process = supervised("with_wrong_settings")
    assert process.communicate(timeout=20)[0] == "" and process.returncode == 78
