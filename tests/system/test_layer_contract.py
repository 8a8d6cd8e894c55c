"""The contract of message layers on the real engines, and what only they can be asked."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from crm.messaging import LayerError, LayerSettings, NodeAddress, QuorumMode, QuorumRule
from tests.system import machines
from tests.system.engines import EtcdServers, corosync_sees, start_corosync, write_corosync
from tests.system.layer_process import RemoteLayer
from tests.system.machines import Network
from tests.unit.messaging import test_contract as contract
from tests.unit.messaging.test_contract import KEY, Cluster, Node, until

_PROGRAMS = {"corosync": "corosync", "etcd": "etcd"}
CONTRACT = [
    contract.test_members_agree_on_a_view_and_its_quorum,
    contract.test_view_numbers_grow_at_each_node,
    contract.test_order_is_kept_per_sender_and_nothing_comes_twice,
    contract.test_broadcast_leaves_out_the_sender_and_a_message_to_oneself_arrives,
    contract.test_a_node_that_leaves_is_missed_at_once_and_hears_nothing_more,
    contract.test_a_node_may_come_back_with_another_incarnation,
    contract.test_a_large_message_arrives_whole_and_one_over_the_limit_is_refused,
    contract.test_two_nodes_wait_for_each_other_once_and_then_one_is_enough,
    contract.test_a_single_node_is_quorate,
]


class Rigs:
    """Running machines with an engine on them, made once for each set of names."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.stack = ExitStack()
        self._networks: dict[str, Network] = {}
        self.etcd: dict[str, EtcdServers] = {}

    def network(self, names: str) -> Network:
        if names not in self._networks:
            self._networks[names] = self._made(names)
        return self._networks[names]

    def _made(self, names: str) -> Network:
        net = self.stack.enter_context(machines.network(names))
        for machine in net:
            machine.boot()
        if self.kind == "corosync":
            write_corosync(net)
            for machine in net:
                start_corosync(machine)
            machines.until(lambda: all(corosync_sees(machine, len(names)) for machine in net), "no ring")
        else:
            self.etcd[names] = EtcdServers(net)
            self.etcd[names].start()
        return net


class EngineCluster(Cluster):
    """Layers in processes of their own, on machines with an engine."""

    def __init__(self, rigs: Rigs, names: str = "abc", quorum: QuorumRule | None = None) -> None:
        self.kind = rigs.kind
        self.net = rigs.network(names)
        nodes = tuple(NodeAddress(machine.name, str(place), machine.address, 5407)
                      for place, machine in enumerate(self.net, 1))
        # etcd outlives a test: each has a place of its own in it.
        access = rigs.etcd[names].access(f"/{uuid.uuid4().hex}/") if rigs.etcd else None
        self.base = LayerSettings(names[0], "test", nodes, KEY, quorum or QuorumRule(), etcd=access)
        self.nodes: dict[str, Node] = {}

    def make(self, name: str, **changes: object) -> Node:
        settings = replace(self.base, name=name, incarnation=uuid.uuid4().hex, **changes)  # type: ignore[arg-type]
        return Node(RemoteLayer(self.kind, settings, self.net.machines.get(name) or self.net["a"]))


@pytest.fixture(scope="module", params=["corosync", "etcd"])
def rigs(request: pytest.FixtureRequest) -> Iterator[Rigs]:
    reason = machines.missing(_PROGRAMS[request.param])
    if reason:
        pytest.skip(reason)
    made = Rigs(request.param)
    with made.stack:
        yield made


def play(rigs: Rigs, story: Callable[[EngineCluster], Awaitable[None]], **options: object) -> None:
    async def whole() -> None:
        cluster = EngineCluster(rigs, **options)  # type: ignore[arg-type]
        try:
            await story(cluster)
        finally:
            await cluster.stop()

    asyncio.run(whole())


@pytest.fixture
def played(rigs: Rigs, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stories of the contract are played on the engine's machines."""
    monkeypatch.setattr(contract, "play", lambda _kind, story, **options: play(rigs, story, **options))
    return rigs.kind


@pytest.mark.parametrize("test", CONTRACT, ids=lambda test: test.__name__.removeprefix("test_"))
def test_contract(played: str, test: Callable[[str], None]) -> None:
    test(played)


def test_a_name_that_is_not_listed_and_a_wrong_kind_of_quorum_are_refused(rigs: Rigs) -> None:
    async def story(cluster: EngineCluster) -> None:
        for changes, code in (({"name": "x"}, "node-not-listed"),
                              ({"quorum": QuorumRule(QuorumMode.TWO_NODE)}, "quorum-mode")):
            name = str(changes.pop("name", "a"))
            with pytest.raises(LayerError) as caught:
                await cluster.make(name, **changes).layer.join()
            assert caught.value.code == code

    play(rigs, story)


def test_a_killed_daemon_that_comes_back_is_held_in_the_view(rigs: Rigs) -> None:
    if rigs.kind == "etcd":
        pytest.skip("its sockets are kept by crmd's supervisor: see test_layer_failover")

    async def story(cluster: EngineCluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        before = len(cluster.nodes["a"].views)
        killed = cluster.nodes["c"].layer
        assert isinstance(killed, RemoteLayer)
        killed.kill()
        await cluster.start("c")
        await until(lambda: len(cluster.nodes["a"].views) > before)
        await cluster.agree("a", "b", "c")
        assert all(len(view.members) == 3 for view in cluster.nodes["a"].views[before:])
        incarnations = [member.incarnation for member in cluster.nodes["a"].views[-1].members]
        assert incarnations[2] == cluster.nodes["c"].layer.settings.incarnation  # type: ignore[attr-defined]

    play(rigs, story)


def test_a_killed_daemon_that_does_not_come_back_is_dismissed(rigs: Rigs) -> None:
    async def story(cluster: EngineCluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        killed = cluster.nodes["c"].layer
        assert isinstance(killed, RemoteLayer)
        killed.kill()
        begun = asyncio.get_running_loop().time()
        await cluster.agree("a", "b")
        waited = asyncio.get_running_loop().time() - begun
        assert (2.5 if rigs.kind == "corosync" else 0) < waited < 5
        assert cluster.nodes["a"].views[-1].number == cluster.nodes["b"].views[-1].number

    play(rigs, story)


def test_a_stuck_daemon_is_left_out_and_joins_again_when_it_goes_on(rigs: Rigs) -> None:
    async def story(cluster: EngineCluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        stuck = cluster.nodes["c"].layer
        assert isinstance(stuck, RemoteLayer)
        stuck.signal(signal.SIGSTOP)
        try:
            await until(lambda: cluster.members_of("a") == ("a", "b") == cluster.members_of("b"), 15)
        finally:
            stuck.signal(signal.SIGCONT)
        await until(lambda: all(cluster.members_of(name) == ("a", "b", "c") for name in "abc"), 30)
        await until(lambda: cluster.nodes["a"].views[-1] == cluster.nodes["c"].views[-1])
        assert any(not view.quorate and view.names == ("c",) for view in cluster.nodes["c"].views)

    play(rigs, story)


def test_a_configuration_of_forty_megabytes_crosses(rigs: Rigs) -> None:
    async def story(cluster: EngineCluster) -> None:
        large = {"max_message_bytes": 64 * 1024 * 1024}
        for name in "ab":
            cluster.nodes[name] = cluster.make(name, **large)
            await cluster.nodes[name].join()
        await cluster.agree("a", "b")
        message = bytes(range(256)) * (40 * 4096)
        await cluster.nodes["a"].layer.send("b", message)
        await cluster.nodes["a"].layer.send("b", b"and then")
        await until(lambda: len(cluster.nodes["b"].received) == 2, 60)
        assert cluster.nodes["b"].received[0].message == message
        assert cluster.members_of("a") == ("a", "b") == cluster.members_of("b")

    play(rigs, story)


def test_a_cut_off_node_loses_quorum_and_comes_back_when_the_cut_is_healed(rigs: Rigs) -> None:
    async def story(cluster: EngineCluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        cluster.net["c"].cut()
        try:
            await until(lambda: cluster.members_of("a") == ("a", "b") == cluster.members_of("b"), 15)
            await until(lambda: cluster.members_of("c") == ("c",), 15)
            assert cluster.nodes["a"].views[-1].quorate
            assert not cluster.nodes["c"].views[-1].quorate
        finally:
            cluster.net["c"].heal()
        await until(lambda: all(cluster.members_of(name) == ("a", "b", "c") for name in "abc"), 30)
        await until(lambda: cluster.nodes["a"].views[-1] == cluster.nodes["c"].views[-1], 15)
        await cluster.nodes["c"].layer.send("a", b"back")
        await until(lambda: any(event.message == b"back" for event in cluster.nodes["a"].received), 15)

    play(rigs, story)
