"""Real services under this cluster and under Pacemaker: what a client loses in a move, a standby, a kill, a power loss.

The same agents, configuration, machines and client; one cluster after the other, each on its own message layer
(embedded; corosync with the file that `crmctl cluster init` writes). Fencing is off on both: the power switch of a test
acts at once, and a real one takes as long for either. A request that is not answered within its time limit is lost; the
gap is the longest time between two answered ones.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol
from xml.etree import ElementTree

from tests.bench.tables import table
from tests.system import machines, pacemaker
from tests.system.engines import start_corosync
from tests.system.machines import Network, until
from tests.system.pacemaker import PacemakerCluster
from tests.system.services.clients import Client, from_outside
from tests.system.services.cluster import ServiceRoom, prepare_machines
from tests.system.services.postgresql import PostgreSQL
from tests.system.services.redis import Redis
from tests.system.services.service import Service
from tests.system.services.web import Web

_NAMES = ("n1", "n2", "n3")
_SERVICES: tuple[type[Service], ...] = (Web, Redis, PostgreSQL)


class Bed(Protocol):
    """What the figures need of a cluster."""

    network: Network
    service: Service

    def holders(self) -> list[str]: ...
    def move_service(self, node: str) -> None: ...
    def clear_service(self) -> None: ...
    def standby(self, node: str) -> None: ...
    def online(self, node: str) -> None: ...
    def kill_service(self, node: str) -> None: ...
    def boot(self, name: str) -> None: ...
    def clean_up(self) -> None: ...
    def rest(self) -> None: ...
    def cib_text(self) -> str: ...
    def logs(self) -> str: ...


@dataclass
class Figures:
    """For each trouble, the gaps in seconds and the requests lost."""

    gaps: dict[str, list[float]] = field(default_factory=dict)
    lost: dict[str, list[float]] = field(default_factory=dict)
    agents: dict[str, list[float]] = field(default_factory=dict)

    def add(self, trouble: str, gap: float, lost: int, agents: float) -> None:
        for figures, value in ((self.gaps, gap), (self.lost, lost), (self.agents, agents)):
            figures.setdefault(trouble, []).append(value)


def bench(repeat: int, services: Sequence[type[Service]] = _SERVICES) -> None:
    """`repeat` of each trouble for each service and cluster; the table has minimum / median / maximum."""
    rows = []
    for kind in services:
        reason = kind.why_not() or pacemaker.why_not()
        if reason:
            print(f"  {kind.name}: left out, it {reason}", flush=True)
            continue
        ours, theirs = (_measured(name, make(kind), repeat) for name, make in (
            ("crmd", _ours), ("Pacemaker", _pacemaker)))
        for trouble in _TROUBLES:
            rows.append(_row(kind.name, trouble, ours, theirs))
            print("  ", *rows[-1], flush=True)
    print()
    table(("", "gap s, crmd", "gap s, Pacemaker", "share", "lost, crmd", "lost, Pacemaker", "agents s, crmd",
           "agents s, Pacemaker"), rows)


def _row(service: str, trouble: str, ours: Figures, theirs: Figures) -> tuple[str, ...]:
    known = trouble in ours.gaps and trouble in theirs.gaps
    share = f"{statistics.median(ours.gaps[trouble]) / statistics.median(theirs.gaps[trouble]):.2f}" if known else "-"
    cells = [_spread(figures.get(trouble, []), digits) for figures, digits in (
        (ours.gaps, 2), (theirs.gaps, 2), (ours.lost, 0), (theirs.lost, 0), (ours.agents, 2), (theirs.agents, 2))]
    return (f"{service}, {trouble}", *cells[:2], share, *cells[2:])


def _spread(values: list[float], digits: int) -> str:
    figures = (min(values), statistics.median(values), max(values)) if values else ()
    return " / ".join(f"{value:.{digits}f}" for value in figures) or "-"


def _measured(name: str, make: AbstractContextManager[Bed], repeat: int) -> Figures:
    """The figures of one cluster; those that are missing when it did not come back from a trouble."""
    figures = Figures()
    with make as bed:
        client = Client(bed.network, bed.service.send)
        try:
            for trouble in _TROUBLES:
                for _ in range(repeat):
                    _measure(bed, client, trouble, figures)
        except AssertionError as error:
            print(f"  {name}, {bed.service.name}: given up: {str(error)[:4000]}", flush=True)
        finally:
            client.close()
    return figures


def _measure(bed: Bed, client: Client, trouble: str, figures: Figures) -> None:
    _at_rest(bed, client)
    (home,) = bed.holders()
    agents = _agent_runs(bed)
    began = time.monotonic()
    undo = _TROUBLES[trouble](bed, home)
    until(lambda: client.lost_since(began) > 0, f"{trouble}: nobody noticed", 60.0)
    for _ in range(2):  # what is served for a moment may go away again
        moment = time.monotonic()
        until(lambda moment=moment: client.served_since(moment),  # type: ignore[misc]
              f"{trouble} on {home}: not served again: {client.last_error}\n{bed.logs()}", 120.0)
        time.sleep(1.0)
    lost, gap = client.lost_since(began), client.gap_since(began)
    bed.rest()
    figures.add(trouble, gap, lost, _agents_between(agents, _agent_runs(bed)))
    undo()


def _at_rest(bed: Bed, client: Client) -> None:
    """Served, all nodes here, copies in step, nothing to do."""
    until(lambda: client.served and len(bed.holders()) == 1, f"nobody serves: {client.last_error}", 120.0)
    bed.rest()
    end = time.monotonic() + 120.0
    while not (_whole(bed) and client.served):
        assert time.monotonic() < end, f"{bed.service.name} is not redundant again: {client.last_error}"
        time.sleep(0.3)
    bed.rest()


def _whole(bed: Bed) -> bool:
    repaired = [bed.service.repair(machine) for machine in bed.network if machine.process_id is not None]
    if any(repaired):
        bed.clean_up()
        bed.rest()
        return False
    with suppress(OSError):
        return from_outside(bed.network, bed.service.ready)
    return False


# Troubles: each begins, and answers how it is undone.

def _move(bed: Bed, home: str) -> Callable[[], None]:
    bed.move_service(next(name for name in _NAMES if name != home))
    return bed.clear_service


def _standby(bed: Bed, home: str) -> Callable[[], None]:
    bed.standby(home)
    return lambda: bed.online(home)


def _kill(bed: Bed, home: str) -> Callable[[], None]:
    bed.kill_service(home)
    return bed.clean_up


def _power_loss(bed: Bed, home: str) -> Callable[[], None]:
    bed.network[home].kill()
    return lambda: bed.boot(home)


_TROUBLES: dict[str, Callable[[Bed, str], Callable[[], None]]] = {
    "move": _move, "standby": _standby, "kill of the service": _kill, "power loss": _power_loss}


# What agents took: the executors write it into the history.

def _agent_runs(bed: Bed) -> dict[tuple[str, str, str], float]:
    """Seconds of each operation in the history, by node, operation and its call."""
    root = ElementTree.fromstring(bed.cib_text())
    return {(state.get("uname", ""), operation.get("operation_key", ""), operation.get("transition-key", "")):
            int(operation.get("exec-time", "0")) / 1000
            for state in root.iter("node_state") for operation in state.iter("lrm_rsc_op")
            if operation.get("operation") in ("stop", "start", "promote", "demote")}


def _agents_between(before: dict[tuple[str, str, str], float], after: dict[tuple[str, str, str], float]) -> float:
    return sum(seconds for run, seconds in after.items() if run not in before)


# The two clusters

# Debian 12's crm_attribute (2.1.5) takes the -INFINITY of `-v -INFINITY` for options: no server of pgsql would start.
_MENDED = """#!/bin/bash
words=()
for word; do
  case $word in -INFINITY) unset "words[-1]"; words+=("--update=$word") ;; *) words+=("$word") ;; esac
done
exec /run/crm_attribute "${words[@]}"
"""
_MENDED_AT_BOOT = """touch /run/crm_attribute
mount --bind /usr/sbin/crm_attribute /run/crm_attribute
mount --bind {file} /usr/sbin/crm_attribute
"""


class OurBed(ServiceRoom):
    """crmd, without fencing."""

    def __init__(self, network: Network, service: Service) -> None:
        super().__init__(network, service)
        self.fencing = False

    def move_service(self, node: str) -> None:
        self.post(f"/v1/resources/{self.service.place}/move", node=node, promoted=self.service.everywhere)

    def clear_service(self) -> None:
        self.post(f"/v1/resources/{self.service.place}/clear")

    def standby(self, node: str) -> None:
        self.post(f"/v1/nodes/{node}/standby")

    def online(self, node: str) -> None:
        self.post(f"/v1/nodes/{node}/online")

    def rest(self) -> None:
        if all(machine.process_id is not None for machine in self.network):
            self.until_peace()
        else:
            self.settle()

    def cib_text(self) -> str:
        return self.ask("GET", "/v1/cib").body.decode()


class TheirBed(PacemakerCluster):
    """Pacemaker, with the same machines and configuration."""

    def __init__(self, network: Network, service: Service) -> None:
        self.service = service
        prepare_machines(network, service)
        for machine in network:
            mended = machine.disk / "crm_attribute"
            mended.write_text(_MENDED)
            mended.chmod(0o755)
            with (machine.disk / "boot").open("a") as script:
                script.write(_MENDED_AT_BOOT.format(file=mended))
        super().__init__(network)

    def boot(self, name: str) -> None:
        machine = self.network[name]
        machine.boot()
        start_corosync(machine)
        self.start_daemon(machine)

    def load_service(self) -> None:
        for name, value in (("stonith-enabled", "false"), ("no-quorum-policy", "stop")):
            self._tool("crm_attribute", "--name", name, "--update", value)
        for scope, text in (
                ("rsc_defaults", '<meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="100"/>'
                 '<nvpair id="d-m" name="migration-threshold" value="5"/></meta_attributes>'),
                ("resources", self.service.resources()), ("constraints", self.service.constraints())):
            # One is there from the beginning, another is not; each command is right for one of the two.
            xml = f"<{scope}>{text}</{scope}>"
            if self._ran("cibadmin", "--replace", "--scope", scope, "--xml-text", xml):
                self._tool("cibadmin", "--create", "--scope", "configuration", "--xml-text", xml)

    def move_service(self, node: str) -> None:
        role = ["--promoted"] if self.service.everywhere else []
        self._tool("crm_resource", "--move", "--resource", self.service.place, "--node", node, *role)

    def clear_service(self) -> None:
        self._tool("crm_resource", "--clear", "--resource", self.service.place)

    def standby(self, node: str) -> None:
        self._tool("crm_standby", "-N", node, "-v", "on")

    def online(self, node: str) -> None:
        self._tool("crm_standby", "-N", node, "-D")

    def kill_service(self, name: str) -> None:
        ServiceRoom.kill_service(self, name)  # type: ignore[arg-type]  # it asks for network and service only

    def clean_up(self) -> None:
        self._tool("crm_resource", "--cleanup")

    def rest(self) -> None:
        whole = all(machine.process_id is not None for machine in self.network)
        until(lambda: self.idle() and not (whole and self._absent()), f"no rest\n{self.logs()}", 120.0, 0.1)

    def cib_text(self) -> str:
        return self._tool("cibadmin", "-Q")

    def _absent(self) -> bool:
        said = self._mon()
        return any(word in said for word in ("OFFLINE", "UNCLEAN", "pending"))

    def _ran(self, *command: str) -> int:
        machine = next(one for one in self.network if one.process_id is not None)
        return machine.run(*command, check=False).returncode


@contextmanager
def _ours(kind: type[Service]) -> Iterator[Bed]:
    with machines.network(_NAMES) as network:
        bed = OurBed(network, kind(network))
        bed.start()
        bed.ask("PUT", "/v1/cib", query={"section": "configuration"},
                body=bed.trouble_configuration(fencing=False).encode())
        yield bed


@contextmanager
def _pacemaker(kind: type[Service]) -> Iterator[Bed]:
    with machines.network(_NAMES) as network:
        bed = TheirBed(network, kind(network))
        for name in _NAMES:
            network[name].boot()
        for name in _NAMES:
            start_corosync(network[name])
        for name in _NAMES:
            bed.start_daemon(network[name])
        until(bed.whole, "Pacemaker did not start", 90.0, 0.2)
        time.sleep(1)
        bed.load_service()
        yield bed
