"""Real corosync and etcd on test machines."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from crm.cli.setup.corosync_conf import TOKEN_MS, corosync_conf
from crm.messaging.layer import EtcdAccess
from tests.system.machines import Machine, Network, until

CLUSTER = "test"


def write_corosync(network: Network, cluster: str = CLUSTER, token_ms: int = TOKEN_MS,
                   only: Iterable[str] | None = None, key: bytes = b"k" * 256) -> None:
    """corosync.conf and authkey for the machines, in their order."""
    nodes = [(machine.name, str(place), machine.address) for place, machine in enumerate(network, 1)]
    text = corosync_conf(cluster, nodes, token_ms, to_syslog=False)
    for machine in network:
        if only is None or machine.name in only:
            folder = machine.disk / "etc-corosync"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "corosync.conf").write_text(text)
            _write_secret(folder / "authkey", key)


def start_corosync(machine: Machine) -> None:
    """Start corosync on a booted machine; answers when it takes connections."""
    machine.start("corosync", "-f", log="corosync")
    until(lambda: machine.run("corosync-cfgtool", "-s", check=False).returncode == 0,
          f"corosync on {machine.name} did not start", 15.0, 0.05)


def corosync_sees(machine: Machine, count: int) -> bool:
    """Whether its corosync has so many members, and is quorate."""
    said = machine.run("corosync-quorumtool", "-s", check=False).stdout
    return f"Nodes:            {count}\n" in said and "Quorate:          Yes" in said


def _write_secret(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


class EtcdServers:
    """An etcd server on each machine of a network."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def start(self) -> None:
        """Start all and wait until they have a leader."""
        for machine in self.network:
            self.start_one(machine)
        until(lambda: all(self.healthy(machine) for machine in self.network), "etcd has no leader", 20.0, 0.1)

    def start_one(self, machine: Machine) -> None:
        """Start one server; its data stays on the machine's disk."""
        peers = ",".join(f"{one.name}=http://{one.address}:2380" for one in self.network)
        own = f"http://{machine.address}"
        machine.start(
            "etcd", "--name", machine.name, "--data-dir", str(machine.disk / "etcd"), "--initial-cluster", peers,
            "--initial-cluster-token", "test", "--initial-advertise-peer-urls", f"{own}:2380", "--listen-peer-urls",
            f"{own}:2380", "--advertise-client-urls", f"{own}:2379", "--listen-client-urls", f"{own}:2379", log="etcd")

    def healthy(self, machine: Machine) -> bool:
        """Whether this server can write."""
        said = machine.run("etcdctl", "--endpoints", f"http://{machine.address}:2379", "--command-timeout=1s",
                           "endpoint", "health", check=False, environment={"ETCDCTL_API": "3"})
        return said.returncode == 0

    def access(self, prefix: str = "/crmd/") -> EtcdAccess:
        """How layers reach them."""
        return EtcdAccess(tuple(f"http://{machine.address}:2379" for machine in self.network), prefix=prefix)
