"""The supervisor's part: there is a keeper as long as somebody watches over a daemon, and daemons wait for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crm.keeper.keeper import is_held, registered
from crm.keeper.lease_file import FOLDER, Lease, LeaseFile, LeaseState, now_ns
from crm.keeper.orders import StopOrder, StopOrderFolder

pytestmark = pytest.mark.slow

SUPERVISOR = """
import sys, time
from pathlib import Path
from crm.cli.daemon.lease_keeping import KeeperSettings
from crm.cli.daemon.supervisor import Watch, supervise

def daemon():
    with open(sys.argv[1] + "/daemons", "a") as log:
        log.write("began\\n")
    time.sleep(60)
    return 0

sys.exit(supervise(daemon, Watch(keeper=KeeperSettings(Path(sys.argv[1])))))
"""


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path)]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
    until(lambda: not is_held(tmp_path / FOLDER / "keeper.lock"), 30.0)


def until(reached: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def keeper(folder: Path) -> int:
    text = (folder / FOLDER / "keeper.lock").read_text() if is_held(folder / FOLDER / "keeper.lock") else ""
    return int(text.split()[0]) if text.split() else 0


def daemons(folder: Path) -> int:
    file = folder / "daemons"
    return len(file.read_text().split()) if file.exists() else 0


def test_a_keeper_that_nobody_needs_stays_for_the_next_time(
        tmp_path: Path, supervised: Callable[[], subprocess.Popen[bytes]]) -> None:
    process = supervised()
    until(lambda: keeper(tmp_path) > 0 and daemons(tmp_path) == 1)
    first = keeper(tmp_path)
    time.sleep(1.0)
    assert keeper(tmp_path) == first
    process.kill()
    process.wait()
    until(lambda: not is_held(tmp_path / FOLDER / "keeper.lock"))


def test_a_keeper_that_dies_is_started_again(
        tmp_path: Path, supervised: Callable[[], subprocess.Popen[bytes]]) -> None:
    supervised()
    until(lambda: keeper(tmp_path) > 0)
    first = keeper(tmp_path)
    os.kill(first, signal.SIGKILL)
    until(lambda: keeper(tmp_path) not in (0, first))


def test_the_next_supervisor_finds_the_living_keeper(
        tmp_path: Path, supervised: Callable[[], subprocess.Popen[bytes]]) -> None:
    process = supervised()
    until(lambda: keeper(tmp_path) > 0)
    first = keeper(tmp_path)
    LeaseFile(tmp_path / FOLDER).write(Lease(LeaseState.HELD, now_ns(), now_ns(), 20_000, 100))
    process.kill()
    process.wait()
    supervised()
    until(lambda: daemons(tmp_path) == 2)
    assert keeper(tmp_path) == first
    LeaseFile(tmp_path / FOLDER).write(Lease())


def test_what_everything_left_behind_is_stopped_before_a_daemon_starts(
        tmp_path: Path, supervised: Callable[[], subprocess.Popen[bytes]]) -> None:
    """Daemon, supervisor and keeper were killed, or the machine slept: nobody acted in time."""
    orders = StopOrderFolder(tmp_path / FOLDER / "orders")
    orders.put(StopOrder("web", ("/bin/sh", "-c", f"sleep 1; echo stopped >> {tmp_path}/daemons"),
                         {"PATH": "/bin"}, 0, 0))
    long_ago = now_ns() - 60 * 10**9
    LeaseFile(tmp_path / FOLDER).write(Lease(LeaseState.HELD, long_ago, long_ago, 1_000, 5_000))
    supervised()
    until(lambda: daemons(tmp_path) == 2)
    assert (tmp_path / "daemons").read_text().split() == ["stopped", "began"]
    assert orders.all() == []
    assert LeaseFile(tmp_path / FOLDER).read().state is LeaseState.OVER


def test_a_frozen_daemon_is_ended_and_the_next_one_starts_when_all_is_stopped(
        tmp_path: Path, supervised: Callable[[], subprocess.Popen[bytes]]) -> None:
    supervised()
    until(lambda: daemons(tmp_path) == 1 and registered(tmp_path / FOLDER) > 0 and keeper(tmp_path) > 0)
    StopOrderFolder(tmp_path / FOLDER / "orders").put(StopOrder(
        "web", ("/bin/sh", "-c", f"sleep 1; echo stopped >> {tmp_path}/daemons"), {"PATH": "/bin"}, 0, 0))
    os.kill(registered(tmp_path / FOLDER), signal.SIGSTOP)
    LeaseFile(tmp_path / FOLDER).write(Lease(LeaseState.HELD, now_ns(), now_ns(), 500, 5_000))
    until(lambda: daemons(tmp_path) == 3)
    assert (tmp_path / "daemons").read_text().split() == ["began", "stopped", "began"]




def test_a_keeper_that_stands_still_is_replaced(
        tmp_path: Path, supervised: Callable[[], subprocess.Popen[bytes]]) -> None:
    supervised()
    until(lambda: keeper(tmp_path) > 0)
    first = keeper(tmp_path)
    os.kill(first, signal.SIGSTOP)
    until(lambda: keeper(tmp_path) not in (0, first), 30.0)


def test_an_emptied_folder_is_begun_anew(
        tmp_path: Path, supervised: Callable[[], subprocess.Popen[bytes]]) -> None:
    supervised()
    until(lambda: keeper(tmp_path) > 0 and registered(tmp_path / FOLDER, "supervisor") > 0)
    first, watching = keeper(tmp_path), registered(tmp_path / FOLDER, "supervisor")
    shutil.rmtree(tmp_path / FOLDER)
    until(lambda: (tmp_path / FOLDER / "keeper.lock").exists() and keeper(tmp_path) not in (0, first), 30.0)
    assert registered(tmp_path / FOLDER, "supervisor") == watching


def test_a_second_supervisor_takes_nothing_from_the_first(
        tmp_path: Path, supervised: Callable[[], subprocess.Popen[bytes]]) -> None:
    supervised()
    until(lambda: keeper(tmp_path) > 0 and registered(tmp_path / FOLDER) > 0)
    folder = tmp_path / FOLDER
    before = keeper(tmp_path), registered(folder), registered(folder, "supervisor")
    second = supervised()
    until(lambda: daemons(tmp_path) == 2)
    assert (keeper(tmp_path), registered(folder), registered(folder, "supervisor")) == before
    second.kill()
    second.wait()
