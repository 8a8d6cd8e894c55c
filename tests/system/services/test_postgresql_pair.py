"""A PostgreSQL pair, set up with the commands of the README, loses power again and again, and no acknowledged row.

The commands are read from the README, so that it cannot say anything else than what is tried here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system import machines
from tests.system.machines import REPOSITORY, Machine, Network, until
from tests.system.room import AGENTS, Room
from tests.system.services.clients import Client, from_outside, run
from tests.system.services.postgresql import PostgreSQL
from tests.system.services.selection import SERVICES_VARIABLE

pytestmark = [pytest.mark.skipif(bool(PostgreSQL.why_not()), reason=PostgreSQL.why_not() or "-"),
              pytest.mark.timeout(900)]
CUTS = 10 if os.environ.get(SERVICES_VARIABLE) else 2
ADDRESS = "10.0.0.9"
_TITLE = "## A PostgreSQL pair"
_PATH = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
# What the machine of a test has already, or does in another way.
_LEFT_OUT = re.compile(r"^(apt|systemctl) .*\n", re.MULTILINE)
_BOOT = """#!/bin/sh
# This machine's own /etc and /var, on its disk; what systemd makes at boot.
for place in etc var; do
  mkdir -p {disk}/$place {disk}/$place.work
  mount -t overlay overlay -o lowerdir=/$place,upperdir={disk}/$place,workdir={disk}/$place.work /$place
done
echo '127.0.0.1 localhost' > /etc/hosts
install -d -o postgres -g postgres -m 2775 /run/postgresql
"""


def blocks() -> list[str]:
    """The commands of the section, block by block."""
    section = (REPOSITORY / "README.md").read_text().partition(f"\n{_TITLE}\n")[2].partition("\n## ")[0]
    found, lines = [], []
    for line in [*section.splitlines(), "end"]:
        if line.startswith("    "):
            lines.append(line[4:])
        elif line and lines:
            found.append("\n".join(lines) + "\n")
            lines = []
    return found


class Pair(Room):
    """Two machines that have what the README asks for, and nothing else."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        both, first, self.copy, self.stop, self.init, self.cluster, self.rejoin = blocks()
        self.both, self.first = _LEFT_OUT.sub("", both), first

    def _configure(self, machine: Machine) -> None:
        machine.disk.mkdir(parents=True)
        (machine.disk / "boot").write_text(_BOOT.format(disk=machine.disk))
        (machine.disk / "boot").chmod(0o755)

    def start_daemon(self, machine: Machine) -> None:
        self._started_at[machine.name] = time.monotonic()
        machine.start(sys.executable, "-m", "crm.cli.crmd", log="crmd", environment={"PYTHONPATH": str(REPOSITORY)})

    def open(self) -> None:
        """Everything that the README says, in its order."""
        node1, node2 = self.network
        for machine in self.network:
            machine.boot()
            self.say(machine, self.both)
        self.say(node1, self.first)
        self.say(node2, self.copy)
        self.say(node1, self.stop)
        self._found_cluster(node1, node2)
        for machine in self.network:
            self.start_daemon(machine)
        for thread in self._threads:
            thread.start()
        self.until_peace()
        self.say(node2, self._with_our_switch(self.cluster))

    def say(self, machine: Machine, commands: str) -> str:
        """Run commands on a machine, as its administrator would."""
        done = machine.run("bash", "-e", "-c", commands, check=False, timeout=180.0,
                           environment={"PATH": _PATH, "PYTHONPATH": str(REPOSITORY)})
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}\n{self.logs()}"
        return done.stdout

    def _found_cluster(self, node1: Machine, node2: Machine) -> None:
        init = subprocess.Popen(node1.command("bash", "-c", self.init, environment={"PATH": _PATH}),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert init.stdout is not None
        said = ""
        for line in init.stdout:
            said += line
            if line.startswith("Waiting"):
                break
        join = re.search(r"^ *(crmctl cluster join \S+)", said, re.MULTILINE)
        assert join is not None, said
        self.say(node2, join[1])
        assert init.wait(10) == 0, init.stdout.read()
        for machine in self.network:  # where the switch of these machines is
            settings = Path(f"/proc/{machine.process_id}/root/etc/crmd/crmd.toml")
            settings.write_text(f'fence_agent_folders = ["{AGENTS / "fence"}"]\n{settings.read_text()}')

    def _with_our_switch(self, commands: str) -> str:
        return re.sub(r"stonith:fence_ipmilan .*(pcmk_host_list=\S+)", rf"stonith:fence_room folder={self.folder} \1",
                      commands)

    # The database

    def query(self, statement: str, limit_s: float = 3.0) -> list[str]:
        """The first column of the rows, asked by a client; OSError if there is no answer."""
        return run("env", "PGPASSWORD=SECRET", "PGCONNECT_TIMEOUT=2", "psql", "-qAt", "-h", ADDRESS, "-U", "app", "-d",
                   "app", "-c", statement, limit_s=limit_s).split()

    def insert(self, number: int) -> bool:
        self.query(f"insert into kept values ({number})")
        return True

    def primary(self) -> str:
        (found,) = [machine.name for machine in self.network if machine.process_id is not None
                    and f"{ADDRESS}/" in machine.run("ip", "-o", "addr", "show").stdout]
        return found

    def in_step(self) -> bool:
        """What the README tells people to wait for."""
        try:
            node = next(machine for machine in self.network if machine.process_id is not None)
            said = self.say(node, "crm_mon -1A")
        except AssertionError:
            return False
        return "LATEST" in said and "STREAMING|SYNC" in said


@contextmanager
def a_pair() -> Iterator[Pair]:
    with machines.network(["node1", "node2"], subnet="10.0.0") as network:
        made = Pair(network)
        try:
            made.open()
            until(made.in_step, "the pair is not in step", 90.0, 0.5)
            yield made
        finally:
            made.close()


def test_no_acknowledged_row_is_lost_in_power_cuts() -> None:
    with a_pair() as pair:
        from_outside(pair.network, lambda: pair.query("create table kept (id bigint primary key)"))
        client = Client(pair.network, pair.insert)
        for cut in range(1, CUTS + 1):
            lose_power(pair, client, cut)
        client.close()
        kept = {int(row) for row in from_outside(pair.network, lambda: pair.query("select id from kept", 30.0))}
        lost = client.promised() - kept
        assert not lost, f"acknowledged, and gone: {sorted(lost)}\n{pair.logs()}"
        assert len(client.promised()) > 10 * CUTS
        assert len(pair.fenced) == CUTS


def lose_power(pair: Pair, client: Client, cut: int) -> None:
    """The primary's machine loses power, the other takes over, the first is made the copy again."""
    until(lambda: client.served, f"cut {cut}: no rows are taken: {client.last_error}", 60.0)
    home = pair.primary()
    pair.power_off(home)
    began = time.monotonic()
    until(lambda: client.served_since(began), f"cut {cut}: nobody took over from {home}\n{pair.logs()}", 90.0)
    assert pair.primary() != home
    pair.until_peace()
    until(lambda: "My data may be inconsistent" in pair.say(pair.network[home], "crmctl status"),
          f"cut {cut}: the status does not say why {home} has no copy", 60.0, 0.5)
    pair.say(pair.network[home], pair.rejoin)
    until(pair.in_step, f"cut {cut}: not in step again\n{pair.logs()}", 90.0, 0.5)
