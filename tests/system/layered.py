"""A cluster of real crmd on test machines, on any message layer: the same machines, agents and questions for each."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm.cli.connection import CommandError, HttpAnswer, request
from tests.system import machines
from tests.system.engines import EtcdServers, corosync_sees, start_corosync, write_corosync
from tests.system.machines import REPOSITORY, Machine, Network, until

NAMES = ("n1", "n2", "n3")
KEY = "0123456789abcdef" * 4
LAYERS = {"embedded": (), "corosync": ("corosync",), "etcd": ("etcd", "etcdctl")}


@dataclass
class Probe:
    """Asks for the service address from the client's network, every few milliseconds, as long as it lives."""

    network: Network
    address: str
    answers: list[tuple[float, bool]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def up(self) -> bool:
        """Whether the last answer was one."""
        return bool(self.answers) and self.answers[-1][1]

    def back_after(self, moment: float) -> float | None:
        """Seconds from a moment to the first answer after the first silence that followed it."""
        silent = next((at for at, answered in self.answers if at >= moment and not answered), None)
        if silent is None:
            return None
        back = next((at for at, answered in self.answers if at > silent and answered), None)
        return None if back is None else back - moment

    def silence_after(self, moment: float) -> float:
        """The longest time without an answer since a moment, in seconds."""
        longest, last = 0.0, moment
        for at, answered in list(self.answers):
            if at >= moment and answered:
                longest, last = max(longest, at - last), at
        return longest

    def _ask(self) -> None:
        space = os.open(f"/run/netns/{self.network.client}", os.O_RDONLY)
        assert CDLL(None, use_errno=True).setns(space, 0) == 0
        os.close(space)
        while not self._stop.wait(0.005):
            self.answers.append((time.monotonic(), self._answers()))

    def _answers(self) -> bool:
        # A machine that has the address refuses a connection to a port where nobody listens.
        with socket.socket() as one:
            one.settimeout(0.03)
            try:
                one.connect((self.address, 9))
            except ConnectionRefusedError:
                return True
            except OSError:
                return False
        return True


class LayeredCluster:
    """Three crmd on one kind of layer; `boot` and `kill` are of whole machines, with their engine."""

    quorum = "majority"

    def __init__(self, kind: str, network: Network) -> None:
        self.kind = kind
        self.network = network
        self.address = f"{network.subnet}.100"
        self.etcd = EtcdServers(network)
        for machine in network:
            self._configure(machine)
        if kind == "corosync":
            write_corosync(network)

    def start(self) -> None:
        """Boot all machines, engine first, and wait for a DC."""
        for machine in self.network:
            machine.boot()
        self.start_engines()
        for machine in self.network:
            self.start_daemon(machine)
        self.until_whole()

    def start_engines(self) -> None:
        if self.kind == "corosync":
            for machine in self.network:
                start_corosync(machine)
            until(lambda: all(corosync_sees(one, len(NAMES)) for one in self.network), "no ring")
        elif self.kind == "etcd":
            self.etcd.start()

    def boot(self, name: str) -> None:
        """Power on one machine."""
        machine = self.network[name]
        machine.boot()
        if self.kind == "corosync":
            start_corosync(machine)
        elif self.kind == "etcd":
            self.etcd.start_one(machine)
        self.start_daemon(machine)

    def start_daemon(self, machine: Machine) -> None:
        machine.start(sys.executable, "-m", "crm.cli.crmd", "--config", str(machine.disk / "crmd.toml"), log="crmd",
                      environment={"PYTHONPATH": str(REPOSITORY)})

    def load(self, dummies: int = 0) -> None:
        """The configuration of the comparison: an address and a Dummy in a group, and so many Dummies more."""
        text = self.configuration(dummies, "heartbeat")
        self.ask("PUT", "/v1/cib", query={"section": "configuration"}, body=text.encode())
        # They began with fencing: whoever is lost before it is known to hold a lease is waited for by a person.
        until(lambda: 'lease="none"' not in self.ask("GET", "/v1/cib").text, "not all hold a lease")

    def configuration(self, dummies: int = 0, provider: str = "crmd") -> str:
        more = "".join(_dummy(f"d{number}", provider) for number in range(dummies))
        group = (f'<group id="web"><primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2">'
                 f'<instance_attributes id="ip-a"><nvpair id="ip-a-ip" name="ip" value="{self.address}"/>'
                 f'<nvpair id="ip-a-m" name="cidr_netmask" value="24"/><nvpair id="ip-a-n" name="nic" value="eth0"/>'
                 f'</instance_attributes><operations><op id="ip-m" name="monitor" interval="10s"/></operations>'
                 f"</primitive>{_dummy('app', provider)}</group>")
        off = "".join(f'<nvpair id="o-{name}" name="{name}" value="{value}"/>'
                      for name, value in (("stonith-enabled", "false"), ("no-quorum-policy", "stop")))
        return (f'<configuration><crm_config><cluster_property_set id="o">{off}</cluster_property_set></crm_config>'
                f"<nodes/><resources>{group if dummies == 0 else ''}{more}</resources><constraints/></configuration>")

    def set_option(self, name: str, value: str) -> None:
        """Set a cluster option."""
        edit = {"verb": "upsert", "section": "crm_config", "xml": f'<cluster_property_set id="o"><nvpair '
                f'id="o-{name}" name="{name}" value="{value}"/></cluster_property_set>'}
        self.ask("PATCH", "/v1/cib", body=json.dumps(edit).encode(), content_type="application/json")

    def ask(self, method: str, path: str, name: str | None = None, **options: Any) -> HttpAnswer:
        """The answer of one node, or of the first that answers."""
        error: CommandError | None = None
        for machine in [self.network[name]] if name else [one for one in self.network if one.process_id]:
            try:
                return request(method, path, via=self.socket(machine), **options)
            except CommandError as problem:
                error = problem
        raise error or CommandError("no machine runs")

    def value(self, name: str | None = None) -> dict[str, Any]:
        """What a node says of the cluster; an empty answer while it does not."""
        names = [name] if name else [one.name for one in self.network if one.process_id]
        last: dict[str, Any] = {}
        for one in names:
            try:
                answer = self.ask("GET", "/v1/cluster", one, timeout_seconds=3.0).json()
            except CommandError:
                continue
            assert isinstance(answer, dict)
            if answer["fresh"]:
                return answer
            last = last or answer
        return last

    def socket(self, machine: Machine) -> str:
        return f"/proc/{machine.process_id}/root/run/crmd/crmd.sock"

    def whole(self, count: int = len(NAMES)) -> bool:
        value = self.value()
        return bool(value) and bool(value["dc"]) and len(value["members"]) == count

    def until_whole(self, count: int | None = None, seconds: float = 40.0) -> None:
        count = len(self.network.machines) if count is None else count
        try:
            until(lambda: self.whole(count), f"not all {count} nodes have joined", seconds, 0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from None

    def settle(self, seconds: float = 60.0) -> None:
        """Wait until the DC has nothing left to do."""
        until(self.idle, "the cluster did not come to rest", seconds, 0.05)

    def idle(self) -> bool:
        dc = self.value().get("dc")
        return bool(dc) and self.network[dc].process_id is not None and self.value(dc).get("state") == "idle"

    def where(self, resource: str) -> list[str]:
        entries = flat(self.value().get("resources", []))
        return next((list(one["nodes"]) for one in entries if one["id"] == resource), [])

    def started(self) -> int:
        """How many primitives are started."""
        return sum(1 for one in flat(self.value().get("resources", []))
                   if one["kind"] == "primitive" and one["role"] == "Started")

    def move(self, resource: str, node: str) -> None:
        self.ask("POST", f"/v1/resources/{resource}/move", body=json.dumps({"node": node}).encode(),
                 content_type="application/json")

    def clear(self, resource: str) -> None:
        self.ask("POST", f"/v1/resources/{resource}/clear")

    def change(self, number: int) -> None:
        """One change of the CIB by the command."""
        machine = next(one for one in self.network if one.process_id)
        subprocess.run(machine.python("-m", "crm.cli.pacemaker.cibadmin", "-M", "-c", "-o", "crm_config", "-X",
                                      change_text(number)), check=True, capture_output=True)

    def holders(self) -> list[str]:
        """The machines that have the service address, by their own kernels."""
        return [one.name for one in self.network
                if one.process_id and self.address in one.run("ip", "-o", "addr", "show", "dev", "eth0").stdout]

    def logs(self) -> str:
        return "\n".join(f"— {one.name}\n{one.log_text('crmd')[-2500:]}" for one in self.network)

    def more_settings(self) -> str:
        """Further lines of every node's settings."""
        return ""

    def _configure(self, machine: Machine) -> None:
        machine.disk.mkdir(parents=True, exist_ok=True)
        key = machine.disk / "key"
        key.write_text(KEY)
        key.chmod(0o600)
        endpoints = json.dumps([f"http://{one.address}:2379" for one in self.network])
        listed = "" if self.kind == "corosync" else "".join(
            f'\n[[nodes]]\nname = "{one.name}"\nhost = "{one.address}"\n' for one in self.network)
        (machine.disk / "crmd.toml").write_text(
            f'name = "{machine.name}"\ncluster = "test"\nkey_file = "key"\nstate_folder = "state"\n'
            + self.more_settings() +
            f'[messaging]\nlayer = "{self.kind}"\nquorum = "{self.quorum}"\n'
            + (f"[etcd]\nendpoints = {endpoints}\n" if self.kind == "etcd" else "") + listed)


def change_text(number: int) -> str:
    """The change of a CIB that is measured: one value."""
    return (f'<cluster_property_set id="bench"><nvpair id="bench-{number % 10}" name="bench-{number % 10}" '
            f'value="{number}"/></cluster_property_set>')


def _dummy(name: str, provider: str) -> str:
    return (f'<primitive id="{name}" class="ocf" provider="{provider}" type="Dummy"><operations>'
            f'<op id="{name}-m" name="monitor" interval="10s"/></operations></primitive>')


def flat(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield entry
        yield from flat(entry["children"])


@contextmanager
def cluster_on(kind: str) -> Iterator[LayeredCluster]:
    """Three running crmd on that layer, without a configuration; everything ends with the block."""
    with machines.network(NAMES) as net:
        cluster = LayeredCluster(kind, net)
        cluster.start()
        yield cluster


def why_not(kind: str) -> str:
    """Why clusters on that layer cannot be had here, empty if they can."""
    agent = "" if Path("/usr/lib/ocf/resource.d/heartbeat/IPaddr2").exists() else "needs resource-agents (IPaddr2)"
    return machines.missing(*LAYERS[kind]) or agent
