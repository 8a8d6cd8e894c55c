"""A daemon renews its lease as long as it may; what is not managed is spared."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from crm.cib.document import Document
from crm.controller.core import EMPTY_CIB
from crm.controller.leadership.lease_terms import LeaseTerms
from crm.daemon.lease_holder import LeaseHolder, margin_ms
from crm.executor import Executor, ExecutorSettings
from crm.keeper.lease_file import Lease, LeaseFile, LeaseState
from crm.keeper.orders import StopOrder, StopOrderFolder
from crm.messaging import LayerSettings

S = 1_000_000_000


class Bench:
    """A holder whose clock and controller are the test's."""

    def __init__(self, folder: Path) -> None:
        self.record = LeaseFile(folder)
        self.orders = StopOrderFolder(folder / "orders")
        self.now = 100 * S
        self.terms = LeaseTerms(5_000, 2_000, quorate=True)
        self.in_doubt = False
        self.document = Document.parse(EMPTY_CIB)
        executor = Executor(ExecutorSettings(stop_orders=folder / "orders"), lambda result: None)
        assert executor.stop_orders is not None
        self.holder = LeaseHolder(folder, executor.stop_orders, "a", lambda: self.terms, lambda: self.in_doubt,
                                  lambda: self.document, lambda: self.now)

    async def reviewed(self, after_s: float) -> frozenset[str]:
        """What the keeper spares, when the holder has looked again."""
        self.now += int(after_s * S)
        self.holder._review()
        assert self.holder._reviewing is not None
        await self.holder._reviewing
        return self.orders.spared()

    def renew(self, after_s: float = 0.0) -> Lease:
        self.now += int(after_s * S)
        self.holder.renew()
        return self.record.read()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    async def make() -> Bench:
        return Bench(tmp_path)

    return asyncio.run(make())


def test_the_lease_is_held_while_all_is_well(bench: Bench) -> None:
    assert bench.renew().held_ns == 100 * S
    assert bench.renew(0.1).held_ns == int(100.1 * S)
    bench.in_doubt = True
    assert bench.renew(0.1).held_ns == int(100.1 * S)


def test_a_lease_that_has_run_out_is_not_taken_again(bench: Bench) -> None:
    bench.renew()
    assert bench.renew(5.1).held_ns == 100 * S


def test_a_node_that_was_let_go_needs_none(bench: Bench) -> None:
    bench.renew()
    bench.holder.let_go()
    assert bench.record.read() == Lease()
    assert bench.renew(0.1) == Lease(), "its daemon may live a moment longer"


def test_a_node_that_was_let_go_with_something_left_is_the_keepers(bench: Bench) -> None:
    bench.orders.put(StopOrder("left", ("/bin/true",), {}, 0, 0))
    bench.renew()
    bench.holder.let_go()
    assert bench.record.read().state is LeaseState.HELD
    assert bench.renew(0.1).held_ns == 100 * S


def test_what_is_not_managed_is_spared_once_the_configuration_says_so(bench: Bench) -> None:
    bench.orders.put(StopOrder("db", ("/bin/true",), {}, 0, 0))
    text = EMPTY_CIB.replace("<resources/>", '<resources><primitive id="db" class="ocf" provider="crmd" type="Dummy">'
                             '<meta_attributes id="m"><nvpair id="n" name="is-managed" value="false"/>'
                             "</meta_attributes></primitive></resources>").replace('epoch="0"', 'epoch="7"')
    bench.document = Document.parse(text)

    async def work() -> None:
        task = asyncio.create_task(bench.holder.work())
        async with asyncio.timeout(10):
            while bench.orders.all():
                await asyncio.sleep(0.02)
        task.cancel()

    asyncio.run(work())


def test_others_are_told_how_long_a_view_may_outlive_its_end() -> None:
    settings = LayerSettings("", "c", (), b"")
    longer = replace(settings, failure_limit_ms=settings.failure_limit_ms + 700)
    assert margin_ms(longer) == margin_ms(settings) + 700
    assert margin_ms(settings) > settings.failure_limit_ms + settings.heartbeat_ms


RULED = """<cib admin_epoch="0" epoch="2" num_updates="0"><configuration><crm_config/>
<nodes><node id="1" uname="a"/></nodes><resources>
<primitive id="web" class="ocf" provider="crmd" type="Dummy"><meta_attributes id="m" score="2"><rule id="r"
boolean-op="and"><date_expression id="d" operation="lt" end="{end}"/></rule><nvpair id="m-m" name="is-managed"
value="false"/></meta_attributes></primitive></resources><constraints/></configuration><status/></cib>"""


def test_what_rules_say_of_now_is_looked_at_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the configuration changes when such a rule begins or ends to hold."""
    bench.document = Document.parse(RULED.format(end="2030-01-01"))
    moment = [1_700_000_000]
    monkeypatch.setattr("crm.daemon.lease_holder.time", SimpleNamespace(time=lambda: moment[0]))

    async def look() -> list[frozenset[str]]:
        first = await bench.reviewed(0.1)
        moment[0] = 2_000_000_000
        return [first, await bench.reviewed(1.0), await bench.reviewed(6.0)]

    assert asyncio.run(look()) == [frozenset({"web"}), frozenset({"web"}), frozenset()]


def test_an_emptied_folder_is_written_anew(bench: Bench, tmp_path: Path) -> None:
    bench.renew()
    shutil.rmtree(tmp_path / "orders")
    (tmp_path / "record").unlink()
    bench.renew(0.1)
    assert LeaseFile(tmp_path).read().held_ns == bench.now


def test_a_lease_that_no_keeper_looks_at_is_told(bench: Bench) -> None:
    assert [report.code for report in bench.holder.reports()] == ["no-keeper"]


def test_another_cib_of_the_same_version_is_looked_at_as_well(bench: Bench) -> None:
    """A leader's may be: what this node had of that version was never committed."""
    unruled = RULED[: RULED.index("<rule")] + RULED[RULED.index("</rule>") + len("</rule>"):]
    bench.document = Document.parse(unruled)
    managed = Document.parse(unruled.replace('name="is-managed"', 'name="priority"'))

    async def look() -> list[frozenset[str]]:
        first = await bench.reviewed(0.1)
        bench.document = managed
        return [first, await bench.reviewed(6.0)]

    assert managed.version == bench.document.version
    assert asyncio.run(look()) == [frozenset({"web"}), frozenset()]
