"""`crmctl cluster init` and `join` on three machines, engines and daemons from what they wrote; and what goes wrong."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from crm.messaging import LayerError, LayerSettings, NodeAddress
from tests.system import machines
from tests.system.engines import EtcdServers, start_corosync, write_corosync
from tests.system.layer_process import RemoteLayer
from tests.system.layered import NAMES, LayeredCluster, why_not
from tests.system.machines import Machine, Network
from tests.unit.messaging.test_contract import KEY


class SetUpCluster(LayeredCluster):
    """A cluster whose files come from crmctl."""

    def _configure(self, machine: Machine) -> None:
        machine.disk.mkdir(parents=True, exist_ok=True)


def folders(machine: Machine) -> list[str]:
    return ["--folder", str(machine.disk), "--corosync-folder", "/etc/corosync"]


def set_up(cluster: SetUpCluster) -> None:
    """As people would: init on the first machine, the printed commands on the others."""
    first, *others = cluster.network
    nodes = [f"{machine.name}={machine.address}" for machine in cluster.network]
    command = first.python("-m", "crm.cli.crmctl", "cluster", "init", "--layer", cluster.kind, *nodes, *folders(first))
    init = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert init.stdout is not None
    said = ""
    for line in init.stdout:
        said += line
        if line.startswith("Waiting"):
            break
    tokens = dict(re.findall(r"On (\S+),.*\n.*join (\S+)", said))
    assert set(tokens) == {machine.name for machine in others}, said
    for machine in others:
        joined = subprocess.run(
            machine.python("-m", "crm.cli.crmctl", "cluster", "join", tokens[machine.name], *folders(machine)),
            capture_output=True, text=True, check=False, timeout=30)
        assert joined.returncode == 0, joined.stderr
        assert f"This is node {machine.name} now" in joined.stdout
    assert init.wait(10) == 0


@pytest.mark.parametrize("kind", ["embedded", "corosync", "etcd"])
def test_from_bare_machines_to_a_cluster(kind: str) -> None:
    reason = why_not(kind)
    if reason:
        pytest.skip(reason)
    with machines.network(NAMES) as net:
        cluster = SetUpCluster(kind, net)
        for machine in net:
            machine.boot()
        for machine in net:  # whatever the test's own engine set up left there
            machine.run("sh", "-c", "rm -f /etc/corosync/*", check=False)
        set_up(cluster)
        for machine in net:
            if kind == "corosync":
                start_corosync(machine)
            if kind == "etcd":
                environment = dict(line.split("=", 1) for line in (machine.disk / "etcd.env").read_text().splitlines())
                moved = {key: value.replace("/etc/crmd", str(machine.disk)).replace(
                    "/var/lib/crmd-etcd", str(machine.disk / "etcd")) for key, value in environment.items()}
                machine.start("etcd", log="etcd", environment=moved)
        for machine in net:
            text = (machine.disk / "crmd.toml").read_text()
            (machine.disk / "crmd.toml").write_text('state_folder = "state"\n' + text)
            cluster.start_daemon(machine)
        cluster.until_whole()
        assert sorted(cluster.value()["members"]) == list(NAMES)


@pytest.fixture
def net() -> Iterator[Network]:
    reason = why_not("corosync")
    if reason:
        pytest.skip(reason)
    with machines.network("ab") as made:
        yield made


def refusal(net: Network, kind: str = "corosync", user: int = 0, **changes: object) -> LayerError:
    """What joining from the first machine ends with."""
    nodes = tuple(NodeAddress(machine.name, str(place), machine.address, 5407) for place, machine in enumerate(net, 1))
    settings = replace(LayerSettings("a", "test", nodes, KEY), **changes)  # type: ignore[arg-type]

    async def attempt() -> LayerError:
        layer = RemoteLayer(kind, settings, net["a"], user)
        try:
            await layer.join()
        except LayerError as error:
            return error
        await layer.leave()
        raise AssertionError("it was let in")

    return asyncio.run(attempt())


def test_mistakes_with_corosync_give_no_membership_and_say_what_to_do(net: Network) -> None:
    write_corosync(net)
    net["a"].boot()
    absent = refusal(net)
    assert absent.code == "no-corosync" and "systemctl start corosync" in absent.hint
    start_corosync(net["a"])
    foreign = refusal(net, cluster="other")
    assert foreign.code == "wrong-cluster" and "'other'" in str(foreign) and "'test'" in str(foreign)
    assert refusal(net, name="b").code == "node-not-listed"
    three = (*(NodeAddress(name, name) for name in "ab"), NodeAddress("z", "z"))
    assert "corosync.conf a, b" in str(refusal(net, nodes=three))
    denied = refusal(net, user=65534)
    assert denied.code == "corosync-access" and "uidgid.d" in denied.hint


def test_a_second_daemon_on_a_node_is_refused(net: Network) -> None:
    write_corosync(net)
    net["a"].boot()
    start_corosync(net["a"])

    async def story() -> None:
        settings = LayerSettings("a", "test", (), KEY)
        first = RemoteLayer("corosync", settings, net["a"])
        await first.join()
        with pytest.raises(LayerError, match="another crmd of this node"):
            await RemoteLayer("corosync", settings, net["a"]).join()
        await first.leave()

    asyncio.run(story())


def test_a_corosync_with_another_key_never_becomes_a_member(net: Network) -> None:
    write_corosync(net)
    write_corosync(net, only="b", key=b"x" * 256)
    for machine in net:
        machine.boot()
        start_corosync(machine)
    said = net["a"].run("corosync-quorumtool", "-s", check=False).stdout
    assert "Nodes:            1" in said


def test_etcd_with_a_password() -> None:
    reason = machines.missing("etcd", "etcdctl")
    if reason:
        pytest.skip(reason)
    with machines.network("ab") as net:
        for machine in net:
            machine.boot()
        servers = EtcdServers(net)
        servers.start()
        for words in (("user", "add", "root:secret"), ("user", "grant-role", "root", "root"), ("auth", "enable")):
            net["a"].run("etcdctl", "--endpoints", f"http://{net['a'].address}:2379", *words,
                         environment={"ETCDCTL_API": "3"})
        access = servers.access()
        assert refusal(net, "etcd", etcd=access).code == "etcd-access"
        assert refusal(net, "etcd", etcd=replace(access, user="root", password="wrong")).code == "etcd-login"

        async def story() -> None:
            nodes = tuple(NodeAddress(machine.name, machine.name, machine.address, 5407) for machine in net)
            settings = LayerSettings("a", "test", nodes, KEY, etcd=replace(access, user="root", password="secret"))
            layers = [RemoteLayer("etcd", replace(settings, name=name), net[name]) for name in "ab"]
            for layer in layers:
                await layer.join()
            async with asyncio.timeout(10):
                async for event in layers[0].events():
                    if getattr(event, "names", ()) == ("a", "b"):
                        break
            for layer in layers:
                await layer.leave()

        asyncio.run(story())


