"""The keeper with real processes: ends a daemon, stops what runs, in order, in time, by force if it must."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from crm.keeper.keeper import Keeper, KeeperSetup, is_held, register, registered
from crm.keeper.lease_file import FOLDER, Lease, LeaseFile, LeaseState, now_ns
from crm.keeper.orders import StopOrder, StopOrderFolder, in_control_group
from crm.keeper.stop_all import Stopping, end_processes, marks

pytestmark = pytest.mark.slow

UNTIL_S = 5.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    return tmp_path


@pytest.fixture
def daemon(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is registered as the daemon."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    birth = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    (folder / FOLDER / "daemon").write_text(f"{process.pid} {birth}")
    yield process
    process.kill()
    process.wait()


class Bench:
    """A node's orders and its keeper."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = LeaseFile(folder / FOLDER)
        self.orders = StopOrderFolder(folder / FOLDER / "orders")
        self.keeper = Keeper(KeeperSetup(folder), self.record)

    def order(self, name: str, script: str = "", began: int = 0, up: int = 0, **more: object) -> StopOrder:
        made = StopOrder(name, ("/bin/sh", "-c", f"{script}\necho {name} >> {self.folder}/log"), {"PATH": "/bin"},
                         began, up, **more)  # type: ignore[arg-type]
        self.orders.put(made)
        return made

    def stop(self, *orders: StopOrder, seconds: float = UNTIL_S) -> list[str]:
        left = Stopping(self.orders).stop(orders, now_ns() + int(seconds * 1e9))
        return [order.resource for order in left]

    def log(self) -> list[str]:
        file = self.folder / "log"
        return file.read_text().split() if file.exists() else []

    def hold(self, ago_s: float, limit_ms: int = 1_000, stop_ms: int = 1_000) -> Lease:
        at = now_ns() - int(ago_s * 1e9)
        lease = Lease(LeaseState.HELD, at, at, limit_ms, stop_ms)
        self.record.write(lease)
        return lease


@pytest.fixture
def bench(folder: Path) -> Bench:
    return Bench(folder)


def test_a_record_of_this_boot_is_read_back(bench: Bench) -> None:
    lease = replace(bench.hold(1.0), state=LeaseState.STOPPING, daemon=17)
    bench.record.write(lease)
    assert LeaseFile(bench.folder / FOLDER).read() == lease


def test_a_record_that_is_torn_or_of_another_boot_counts_for_nothing(bench: Bench) -> None:
    file = bench.folder / FOLDER / "record"
    assert bench.record.read() == Lease()
    bench.hold(1.0)
    whole = file.read_bytes()
    file.write_bytes(whole[:20] + b"\xff" + whole[21:])
    assert bench.record.read() == Lease()
    bench.record._boot ^= 1
    bench.hold(1.0)
    bench.record._boot ^= 1
    assert bench.record.read() == Lease()


def test_what_was_begun_when_another_was_up_is_stopped_before_it(bench: Bench) -> None:
    first = bench.order("first", up=10)
    then = bench.order("then", "sleep 0.2", began=20, up=30)
    assert bench.stop(first, then) == []
    assert bench.log() == ["then", "first"]
    assert bench.orders.all() == []


def test_what_was_started_side_by_side_is_stopped_at_once(bench: Bench) -> None:
    orders = [bench.order(name, "sleep 0.5", began=5, up=10) for name in ("one", "two", "three", "four")]
    began = time.monotonic()
    assert bench.stop(*orders) == []
    assert time.monotonic() - began < 1.5


def test_all_is_stopped_in_time_even_if_what_comes_first_hangs(bench: Bench) -> None:
    first = bench.order("first", up=10)
    hangs = bench.order("hangs", "sleep 60", began=20, up=30)
    assert bench.stop(first, hangs, seconds=1.0) == ["hangs"]
    assert bench.log() == ["first"]


def test_a_stop_that_fails_leaves_its_order(bench: Bench) -> None:
    assert bench.stop(bench.order("bad", "exit 1"), bench.order("good")) == ["bad"]
    assert [order.resource for order in bench.orders.all()] == ["bad"]
    missing = StopOrder("gone", ("/no/such/agent", "stop"), {}, 0, 0)
    assert bench.stop(missing) == ["gone"]


def test_what_is_spared_is_left_alone(bench: Bench) -> None:
    bench.order("managed")
    bench.order("left-alone")
    bench.orders.spare({"left-alone"})
    assert [order.resource for order in bench.orders.all()] == ["managed"]
    bench.orders.spare(())
    assert len(bench.orders.all()) == 2


def test_orders_are_nobody_elses_to_read(bench: Bench) -> None:
    bench.order("secret")
    file = bench.folder / FOLDER / "orders" / "secret"
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_a_frozen_daemon_is_ended_before_anything_is_stopped(bench: Bench, daemon: subprocess.Popen[bytes]) -> None:
    os.kill(daemon.pid, signal.SIGSTOP)
    bench.order("web", f"kill -0 {daemon.pid} 2>/dev/null && echo too-early >> {bench.folder}/log; true")
    bench.hold(ago_s=1.0)
    bench.keeper.end()
    daemon.wait(1)
    assert bench.record.read().state is LeaseState.OVER
    assert bench.log()[-1] == "web"


def test_a_daemon_that_has_stopped_everything_lives_on(bench: Bench, daemon: subprocess.Popen[bytes]) -> None:
    bench.record.write(replace(bench.hold(ago_s=2.0), state=LeaseState.STOPPING))
    bench.keeper.end()
    assert bench.record.read().state is LeaseState.OVER
    assert daemon.poll() is None


def test_what_is_promotable_may_run_on_unpromoted_where_that_is_the_policy(bench: Bench) -> None:
    bench.order("demoted", promotable=True)
    bench.order("promoted", promotable=True, promoted=True)
    bench.order("plain")
    bench.record.write(replace(bench.hold(ago_s=2.0), state=LeaseState.DEMOTING))
    bench.keeper.end()
    assert sorted(bench.log()) == ["plain", "promoted"]


def test_what_does_not_stop_is_ended_by_force(bench: Bench) -> None:
    mark = f"OCF_RESOURCE_INSTANCE=stubborn-{os.getpid()}"
    service = subprocess.Popen(["/bin/sleep", "60"], env=dict([mark.split("=")]))
    bench.order("stubborn", f"kill -0 {service.pid} 2>/dev/null && "
                f"! grep -q 'State:.Z' /proc/{service.pid}/status && exit 1", marks=(mark,))
    bench.hold(ago_s=1.0, stop_ms=400)
    bench.keeper.end()
    assert service.wait(1) == -signal.SIGKILL
    assert bench.record.read().state is LeaseState.OVER
    assert bench.orders.all() == []


def test_what_cannot_be_stopped_is_told(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.order("stuck", "exit 1")
    bench.hold(ago_s=1.0, stop_ms=100)
    bench.keeper.end()
    assert "could not stop stuck" in capfd.readouterr().out


def test_processes_are_known_by_all_their_marks(folder: Path) -> None:
    def sleeper(**environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["/bin/sleep", "60"], env=environment)

    mine, other = sleeper(A=str(folder), B="1"), sleeper(A=str(folder), B="2")
    end_processes([StopOrder("x", (), {}, 0, 0, marks=(f"A={folder}", "B=1"))])
    assert mine.wait(1) == -signal.SIGKILL
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_process_of_a_unit_is_known_by_its_control_group(tmp_path: Path) -> None:
    (tmp_path / "environ").write_bytes(b"A=1\0B=2\0")
    (tmp_path / "cgroup").write_text("4:cpu,cpuacct:/system.slice/web.service/worker\n0::/system.slice/web.service\n")
    found = marks(tmp_path)
    assert {b"A=1", in_control_group("web.service").encode(), in_control_group("worker").encode()} <= found
    assert in_control_group("eb.service").encode() not in found
    assert marks(Path("/proc/self")), "the kernel writes it so"


def test_a_process_is_known_by_its_birth_too(folder: Path) -> None:
    register(folder / FOLDER)
    assert registered(folder / FOLDER) == os.getpid()
    (folder / FOLDER / "daemon").write_text(f"{os.getpid()} 1")
    assert registered(folder / FOLDER) == 0


def test_there_is_one_keeper_and_it_ends_when_nobody_needs_it(folder: Path) -> None:
    """It stays while a lease is held, whoever has died; the next one finds it."""
    bench = Bench(folder)
    bench.hold(ago_s=0.0, limit_ms=7_000, stop_ms=100)
    command = [sys.executable, "-m", "crm.keeper", str(folder)]
    keeper = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not is_held(folder / FOLDER / "keeper.lock") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 1
        assert keeper.wait(30) == 0
        assert bench.record.read().state is LeaseState.OVER
    finally:
        keeper.kill()
        keeper.wait()


def test_nobody_who_reads_no_log_holds_up_a_stop(folder: Path) -> None:
    bench = Bench(folder)
    bench.order("web")
    bench.hold(ago_s=2.0)
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writes, b"x" * 4096)
    os.set_blocking(writes, True)
    keeper = subprocess.Popen([sys.executable, "-m", "crm.keeper", str(folder)], stdout=writes)
    try:
        assert keeper.wait(20) == 0
        assert bench.log() == ["web"]
    finally:
        keeper.kill()
        os.close(reads)
        os.close(writes)


def test_where_agents_cannot_say_anything_they_stop_all_the_same(bench: Bench) -> None:
    order = bench.order("web")
    bench.orders.log.unlink()
    bench.orders.log.mkdir()
    assert bench.stop(order) == []
    assert bench.log() == ["web"]


def test_a_name_may_be_as_long_as_the_cib_lets_it(bench: Bench) -> None:
    names = ["ü" * 43, "ü" * 42 + "a", "x" * 300]
    for name in names:
        bench.orders.put(StopOrder(name, ("/bin/true",), {}, 0, 0))
    assert sorted(order.resource for order in bench.orders.all()) == sorted(names)
    bench.orders.drop(names[0])
    assert sorted(order.resource for order in bench.orders.all()) == sorted(names[1:])


def test_what_hides_its_environment_is_known_by_who_watched_over_it(bench: Bench) -> None:
    """Redis writes over its environment; supervisor and daemon may both be dead by the time that it has to go."""
    code = ("import subprocess, time; p = subprocess.Popen(['/bin/sleep', '60'], env={}); print(p.pid, flush=True); "
            "time.sleep(60)")
    supervisor = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert supervisor.stdout is not None
        service = int(supervisor.stdout.readline())
        birth = Path(f"/proc/{supervisor.pid}/stat").read_text().rpartition(")")[2].split()[19]
        (bench.folder / FOLDER / "supervisor").write_text(f"{supervisor.pid} {birth}")
        bench.keeper.note()
        supervisor.kill()
        supervisor.wait()
        bench.order("hidden", f"test ! -e /proc/{service} || grep -q 'State:.Z' /proc/{service}/status || exit 1")
        bench.hold(ago_s=1.0, stop_ms=300)
        bench.keeper.end()
        assert bench.orders.all() == []
    finally:
        supervisor.kill()


def test_who_cannot_be_registered_leaves_nothing_behind_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "daemon").mkdir()  # in the way of the file
    with pytest.raises(OSError, match=str(tmp_path)):
        register(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["daemon"]
