"""A machine room whose machines serve one real service: their /srv, what they know of each other, fencing."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.system import machines
from tests.system.layered import flat
from tests.system.machines import Machine, Network, until
from tests.system.room import Room
from tests.system.services.clients import Client, from_outside
from tests.system.services.service import HEARTBEAT, Service, open_path, pairs

_BOOT = """#!/bin/sh
# What this machine does at boot.
mount --bind {disk}/srv /srv
mkdir -p /srv/shared /srv/data
mount --bind {shared} /srv/shared
mount --bind {disk}/hosts /etc/hosts
mkdir -p /run/nfs && touch /run/nfs/etab /run/nfs/rmtab && mount --bind /run/nfs /var/lib/nfs 2>/dev/null
mkdir -m 1777 -p /run/lock /run/crmd
true
"""


def prepare_machines(network: Network, service: Service) -> None:
    """Disks as they are before the first boot."""
    names = "".join(f"{machine.address} {machine.name}\n" for machine in network)
    for machine in network:
        (machine.disk / "srv").mkdir(parents=True)
        open_path(machine.disk / "srv")
        (machine.disk / "hosts").write_text(f"127.0.0.1 localhost\n{names}")
        script = machine.disk / "boot"
        script.write_text(_BOOT.format(disk=machine.disk, shared=service.shared))
        script.chmod(0o755)
    service.prepare()


class ServiceRoom(Room):
    """Three machines, fencing on, one service."""

    def __init__(self, network: Network, service: Service) -> None:
        self.service = service
        prepare_machines(network, service)
        super().__init__(network, fencing=True)

    def trouble_configuration(self, fencing: bool = True) -> str:
        options = {"fencing-enabled": str(fencing).lower(), "no-quorum-policy": "stop", "load-threshold": "0",
                   "fencing-max-attempts": "100"}
        defaults = {"resource-stickiness": "100", "migration-threshold": "5"}
        power = self._power() if fencing else ""
        return (f'<configuration><crm_config><cluster_property_set id="o">{pairs("o", options)}</cluster_property_set>'
                f'</crm_config><rsc_defaults><meta_attributes id="d">{pairs("d", defaults)}</meta_attributes>'
                f"</rsc_defaults><nodes/><resources>{power}{self.service.resources()}</resources>"
                f"<constraints>{self.service.constraints()}</constraints></configuration>")

    def _power(self) -> str:
        return (f'<primitive id="power" class="stonith" type="fence_room"><instance_attributes id="power-p">'
                f'{pairs("power-p", {"folder": str(self.folder), "pcmk_host_list": " ".join(self.names)})}'
                f"</instance_attributes></primitive>")

    # What is where

    def home(self) -> str:
        """The machine that has the service address."""
        holders = self.holders()
        assert len(holders) == 1, f"the address is on {holders}\n{self.logs()}"
        return holders[0]

    def other(self, home: str) -> str:
        """A machine that can take the service over."""
        return next(name for name in self.names if name != home)

    def put(self) -> None:
        """Give the cluster the whole configuration (again)."""
        self.ask("PUT", "/v1/cib", query={"section": "configuration"}, body=self.trouble_configuration().encode())

    def put_services(self, resources: str, constraints: str) -> None:
        """Exactly these beside the power switch; what is not named is deleted. The nodes keep their attributes."""
        for section, part in (("constraints", ""), ("resources", self._power() + resources),
                              ("constraints", constraints)):
            body = f"<{section}>{part}</{section}>"
            self.ask("PUT", "/v1/cib", query={"section": section}, body=body.encode())

    def addresses(self) -> list[str]:
        """Every address of every machine that runs."""
        return [word.partition("/")[0] for machine in self.network if machine.process_id is not None
                for word in machine.run("ip", "-o", "-4", "addr", "show", "dev", "eth0").stdout.split() if "/" in word]

    def patch(self, xml: str, verb: str = "upsert", section: str = "resources") -> None:
        self.ask("PATCH", "/v1/cib", body=json.dumps({"verb": verb, "section": section, "xml": xml}).encode(),
                 content_type="application/json")

    def post(self, path: str, **body: object) -> None:
        self.ask("POST", path, body=json.dumps(body).encode() if body else b"", content_type="application/json")

    def kill_service(self, name: str) -> None:
        """All of its processes at once, without a word."""
        found = self.network[name].process_ids(self.service.process)
        assert found, f"{self.service.process} does not run on {name}"
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def failures(self) -> list[str]:
        """What failed, as the cluster says it."""
        return [json.dumps(failure) for failure in self.value().get("failures", [])]

    def as_configured(self) -> None:
        """Undo what a trouble may have left: nodes in standby, wishes to move, a missing service, a hidden agent."""
        self.mend()
        self.until_peace()
        for machine in self.network:
            machine.run("sh", "-c", f"while umount {HEARTBEAT}; do :; done", check=False)
            self.post(f"/v1/nodes/{machine.name}/online")
        self.put_services(self.service.resources(), self.service.constraints())
        self.clean_up()

    # Rest

    def at_rest(self, client: Client, seconds: float = 90.0) -> None:
        """Wait until the service is served, all nodes are here, everything repaired, and nothing is left to do."""
        until(lambda: client.served, f"nobody serves: {client.last_error}\n{self.state()}", seconds)
        self.until_peace()
        end = time.monotonic() + seconds
        while not (self._repaired() and client.served and self.service_ready()):
            assert time.monotonic() < end, f"not redundant again: {client.last_error}\n{self.state()}"
            time.sleep(0.3)
        self.until_peace()

    def _repaired(self) -> bool:
        """Do what administrators do after a failure: look at the copies, have failures forgotten."""
        done = [self.service.repair(machine) for machine in self.network if machine.process_id is not None]
        if any(done) or self.value().get("failures"):
            self.clean_up()
            self.until_peace()
            return False
        return True

    def service_ready(self) -> bool:
        try:
            return from_outside(self.network, self.service.ready)
        except OSError:
            return False

    def kept(self) -> set[int] | None:
        return from_outside(self.network, self.service.kept)

    def left_behind(self, homes: list[str]) -> Iterator[str]:
        """What is on machines that are not among the homes of the service, and should not be."""
        for machine in self.network:
            if machine.process_id is not None and machine.name not in homes:
                if self.address in machine.run("ip", "-o", "addr", "show").stdout:
                    yield f"{machine.name} has {self.address}"
                if not self.service.everywhere or not homes:
                    yield from (f"{machine.name} has {thing}" for thing in self.service.left_behind(machine))

    def logs(self) -> str:
        return "\n".join(f"— {one.name}\n{one.log_text('crmd')[-9000:]}" for one in self.network)

    def state(self) -> str:
        """Everything one wants to read when it went wrong."""
        value = self.value()
        where = [f"{one['id']} {one['role']} {one['nodes']}" for one in flat(value.get("resources", []))]
        return "\n".join([*where, *self.failures(), f"fenced {self.fenced}", self.logs()])


@contextmanager
def serving(kind: type[Service]) -> Iterator[ServiceRoom]:
    """A cluster that serves; everything ends with the block."""
    with machines.network(["n1", "n2", "n3"]) as network:
        made = ServiceRoom(network, kind(network))
        try:
            made.open()
            yield made
        finally:
            made.close()


def processes_named(machine: Machine, *names: str) -> list[str]:
    return [f"{name} {process}" for name in names for process in machine.process_ids(name)]
