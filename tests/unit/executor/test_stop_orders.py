"""For whatever runs here there is an order that stops it, with what it was started with, when this daemon cannot."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from crm.executor import Executor, ExecutorSettings, OperationRequest, OperationResult
from crm.executor.classes import Classes
from crm.executor.last_starts import LastStarts
from crm.executor.stop_orders import StopOrders
from crm.keeper.lease_file import now_ns
from crm.keeper.orders import StopOrder, StopOrderFolder
from crm.keeper.stop_all import Stopping
from crm.model.transition import AgentReference

AGENT = """#!/bin/sh
S={state}/$OCF_RESOURCE_INSTANCE-$OCF_RESKEY_addr
case $1 in
start) [ "$OCF_RESKEY_addr" = bad ] && exit 1; [ -z "$OCF_RESKEY_slow" ] || sleep 1; touch "$S" ;;
stop) rm -f "$S" ;;
monitor) [ -e "$S" ] || exit 7 ;;
esac
exit 0
"""


class Bench:
    """A node whose executor writes orders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: list[OperationResult] = []
        (folder / "active").mkdir()
        path = folder / "resource.d" / "test" / "Address"
        path.parent.mkdir(parents=True)
        path.write_text(AGENT.format(state=folder / "active"))
        path.chmod(0o755)
        (folder / "init.d").mkdir()
        (folder / "init.d" / "old").write_text("#!/bin/sh\nexit 0\n")
        (folder / "init.d" / "old").chmod(0o755)
        self.settings = ExecutorSettings(
            ocf_roots=(folder,), agent_state=folder / "state", stop_orders=folder / "orders",
            init_folder=folder / "init.d", extra_environment=(("CRMD_NODE", "a"),))
        self.executor = Executor(self.settings, self.results.append)

    async def run(self, operation: str, name: str = "ip", **parameters: str) -> OperationResult:
        self.submit(operation, name, **parameters)
        async with asyncio.timeout(10):
            while not self.results:
                await asyncio.sleep(0.005)
        return self.results.pop()

    def submit(self, operation: str, name: str = "ip", **parameters: str) -> None:
        reference = AgentReference(name, "ocf", "Address", "test")
        self.executor.submit(OperationRequest(1, reference, operation, parameters=parameters))

    def orders(self) -> dict[str, StopOrder]:
        return {order.resource: order for order in StopOrderFolder(self.folder / "orders").all()}

    def active(self) -> list[str]:
        return sorted(file.name for file in (self.folder / "active").iterdir())

    def keep(self) -> None:
        """What the keeper does."""
        orders = StopOrderFolder(self.folder / "orders")
        assert Stopping(orders).stop(orders.all(), now_ns() + 5 * 10**9) == []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def _stopped_with_what_it_was_started(bench: Bench) -> None:
    await bench.run("start", addr="10.0.0.1")
    await bench.run("start", "two", addr="10.0.0.2")
    await bench.run("monitor", addr="10.0.0.9")  # configured otherwise by now
    assert bench.active() == ["ip-10.0.0.1", "two-10.0.0.2"]
    bench.keep()
    assert bench.active() == []
    assert bench.orders() == {}


def test_orders_stop_a_resource_by_what_it_was_started_with(bench: Bench) -> None:
    asyncio.run(_stopped_with_what_it_was_started(bench))


async def _follows(bench: Bench) -> None:
    await bench.run("start", addr="1")
    (order,) = bench.orders().values()
    assert order.began_ns < order.started_ns < now_ns()
    assert order.marks == ("OCF_RESOURCE_INSTANCE=ip", "CRMD_NODE=a")
    await bench.run("stop", addr="1")
    assert bench.orders() == {}
    await bench.run("start", addr="bad")
    assert "ip" in bench.orders(), "what failed to start may run"


def test_there_is_an_order_as_long_as_something_may_run(bench: Bench) -> None:
    asyncio.run(_follows(bench))


async def _while_starting(bench: Bench) -> None:
    bench.submit("start", addr="1", slow="1")
    async with asyncio.timeout(5):
        while not bench.orders():
            await asyncio.sleep(0.01)
    assert bench.orders()["ip"].started_ns > now_ns()
    await bench.executor.close()


def test_a_start_that_is_under_way_has_an_order(bench: Bench) -> None:
    asyncio.run(_while_starting(bench))


async def _found(bench: Bench) -> None:
    (bench.folder / "active" / "ip-1").touch()
    await bench.run("monitor", addr="1")
    bench.keep()
    assert bench.active() == []


def test_what_a_probe_found_running_has_one(bench: Bench) -> None:
    asyncio.run(_found(bench))


async def _restarted(bench: Bench) -> None:
    await bench.run("start", addr="1")
    await bench.executor.close()
    for file in (bench.folder / "orders").iterdir():
        file.unlink()
    bench.executor = Executor(bench.settings, bench.results.append)
    assert set(bench.orders()) == {"ip"}


def test_the_next_daemon_writes_them_for_what_the_last_one_has_started(bench: Bench) -> None:
    asyncio.run(_restarted(bench))


def test_every_class_has_a_command(bench: Bench) -> None:
    classes = Classes(bench.settings, None)

    def command(standard: str, type_: str, provider: str | None = None) -> tuple[str, ...] | None:
        agent = AgentReference("x", standard, type_, provider)
        program = classes.of(agent).program(OperationRequest(0, agent, "stop"))
        return program.arguments if program is not None else None

    folder = bench.folder
    assert command("ocf", "Address", "test") == (f"{folder}/resource.d/test/Address", "stop")
    assert command("lsb", "old") == (f"{folder}/init.d/old", "stop")
    assert command("service", "old") == (f"{folder}/init.d/old", "stop")
    assert command("systemd", "web") == ("systemctl", "stop", "web.service")
    assert command("service", "web") == ("systemctl", "stop", "web.service")
    assert command("stonith", "fence_x") is None
    assert command("nagios", "check") is None
    assert subprocess.run(command("lsb", "old") or (), check=False).returncode == 0


@pytest.mark.parametrize(("standard", "type_", "marks"), [
    ("ocf", "Address", ("OCF_RESOURCE_INSTANCE=x", "CRMD_NODE=a")),
    ("lsb", "old", ("CRMD_RESOURCE=x", "CRMD_NODE=a")),
    ("service", "old", ("CRMD_RESOURCE=x", "CRMD_NODE=a")),
    ("systemd", "web", ("/web.service",)),
])
def test_processes_of_every_class_can_be_known(bench: Bench, standard: str, type_: str, marks: tuple[str, ...]) -> None:
    starts = LastStarts(None)
    agent = AgentReference("x", standard, type_, "test" if standard == "ocf" else None)
    starts.begins(OperationRequest(0, agent, "start"))
    classes = Classes(bench.settings, None)
    orders = StopOrders(bench.folder / "orders", starts, lambda request: classes.of(request.agent).program(request),
                        bench.settings.extra_environment)
    assert orders.begins("x") == ""
    assert bench.orders()["x"].marks == marks


def test_what_the_keeper_could_not_stop_is_not_started_where_others_rely_on_it(tmp_path: Path) -> None:
    async def story() -> None:
        bench = Bench(tmp_path)
        (tmp_path / "orders" / ".ip.new").mkdir()  # No order of that resource can be written.
        orders = bench.executor.stop_orders
        assert orders is not None
        orders.required = lambda: True
        refused = await bench.run("start")
        assert (refused.carried_out, refused.rc) == (False, 1)
        assert refused.exit_reason.startswith("how to stop it cannot be left for the keeper")
        assert bench.active() == [] and orders.missing() == []
        assert (await bench.run("start", "other")).rc == 0, "others have theirs"
        orders.required = lambda: False
        assert (await bench.run("start")).rc == 0, "with fencing it is started all the same"
        assert orders.missing() == ["ip"]

    asyncio.run(story())
