"""A real Pacemaker on corosync on the same machines, with the same configuration: to compare with."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.system import machines
from tests.system.engines import start_corosync
from tests.system.layered import NAMES, LayeredCluster, change_text
from tests.system.machines import Machine, until

PROGRAMS = ("corosync", "pacemakerd", "crm_mon", "cibadmin", "crm_resource")


class PacemakerCluster(LayeredCluster):
    """The questions of LayeredCluster, asked with Pacemaker's own tools."""

    def __init__(self, network: machines.Network) -> None:
        super().__init__("corosync", network)

    def start_daemon(self, machine: Machine) -> None:
        machine.start("pacemakerd", log="pacemakerd", environment={
            "PCMK_logfile": "/var/log/pacemaker/pacemaker.log", "PCMK_logfacility": "none"})

    def load(self, dummies: int = 0) -> None:
        text = self.configuration(dummies, "heartbeat")
        # Its own nodes section stays: theirs is filled by the daemons.
        for section in ("crm_config", "resources"):
            part = re.search(f"<{section}>.*</{section}>", text, re.S)
            assert part is not None
            self._tool("cibadmin", "--replace", "--scope", section, "--xml-text", part[0])

    def whole(self, count: int = len(NAMES)) -> bool:
        said = self._mon()
        online = re.search(r"Online: \[ (.*?) \]", said)
        return "(version" in said and online is not None and len(online[1].split()) == count

    def idle(self) -> bool:
        dc = re.search(r"Current DC: (\S+)", self._mon())
        if dc is None or dc[1] not in NAMES:
            return False
        said = self._tool("crmadmin", "-S", dc[1], check=False)
        return "S_IDLE" in said

    def started(self) -> int:
        return self._mon().count("Started")

    def move(self, resource: str, node: str) -> None:
        self._tool("crm_resource", "--move", "--resource", resource, "--node", node)

    def clear(self, resource: str) -> None:
        self._tool("crm_resource", "--clear", "--resource", resource)

    def change(self, number: int) -> None:
        self._tool("cibadmin", "-M", "-c", "-o", "crm_config", "-X", change_text(number))

    def logs(self) -> str:
        return self._mon()

    def _mon(self) -> str:
        return self._tool("crm_mon", "-1", check=False)

    def _tool(self, *command: str, check: bool = True) -> str:
        for machine in self.network:
            if machine.process_id is not None:
                return machine.run(*command, check=check).stdout
        raise AssertionError("no machine runs")


@contextmanager
def pacemaker() -> Iterator[PacemakerCluster]:
    """Three running Pacemakers; everything ends with the block."""
    with machines.network(NAMES) as net:
        cluster = PacemakerCluster(net)
        for machine in net:
            machine.boot()
        for machine in net:
            start_corosync(machine)
        for machine in net:
            cluster.start_daemon(machine)
        until(cluster.whole, "Pacemaker did not start", 90.0, 0.2)
        time.sleep(1)
        yield cluster


def why_not() -> str:
    """Why there is no Pacemaker to compare with, empty if there is."""
    return machines.missing(*PROGRAMS)
