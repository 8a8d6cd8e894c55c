"""A machine room: real daemons on machines in network namespaces, a power switch, links that can be cut, and a guard.

The guard looks all the time whether something runs twice; `audit` looks at everything once there is peace.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import permutations
from pathlib import Path

from crm.cib.document import Document
from crm.cli.connection import CommandError
from tests.system import machines
from tests.system.layered import LayeredCluster, flat
from tests.system.machines import Machine, Network, until

AGENTS = Path(__file__).with_name("agents")
UNIQUE = ("one", "two", "three")
_STATE = "/run/crmd"


class Room(LayeredCluster):
    """A cluster whose machines are fenced by a switch outside of them, which boots them again after `reboot`.

    Two machines are a cluster of which one is enough.
    """

    def __init__(self, network: Network, fencing: bool = True) -> None:
        self.quorum = "two_node" if len(network.machines) == 2 else "majority"
        self.fencing = fencing
        self.names = tuple(network.machines)
        self.folder = network.folder / "power"
        self.folder.mkdir()
        self.twice: list[str] = []
        self._spoilt: set[str] = set()
        self.fenced: list[str] = []
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._started_at: dict[str, float] = {}
        super().__init__("embedded", network)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._switch, self._guard)]

    def more_settings(self) -> str:
        return (f'ocf_roots = ["{AGENTS}"]\nfence_agent_folders = ["{AGENTS / "fence"}"]\n'
                "startup_fencing_delay_s = 6\n")

    def open(self) -> None:
        """Boot everything and give it a configuration."""
        self.start()
        configuration = self.trouble_configuration(self.fencing)
        self.ask("PUT", "/v1/cib", query={"section": "configuration"}, body=configuration.encode())
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def trouble_configuration(self, fencing: bool = True) -> str:
        """Three of a kind in a row of orders and places, a promotable clone, a clone."""
        pairs = "".join(f'<nvpair id="o-{name}" name="{name}" value="{value}"/>' for name, value in (
            ("fencing-enabled", str(fencing).lower()), ("no-quorum-policy", "stop"), ("fencing-max-attempts", "100"),
            ("load-threshold", "0")))  # one real machine under all of them: its load says nothing of theirs
        power = (f'<primitive id="power" class="stonith" type="fence_room"><instance_attributes id="power-p">'
                 f'<nvpair id="power-f" name="folder" value="{self.folder}"/>'
                 f'<nvpair id="power-h" name="pcmk_host_list" value="{" ".join(self.names)}"/>'
                 f"</instance_attributes></primitive>")
        clones = (f'<clone id="state-clone"><meta_attributes id="sc"><nvpair id="sc-p" name="promotable" value="true"/>'
                  f'</meta_attributes>{_primitive("state", "Stateful")}</clone><clone id="all-clone">'
                  f'{_primitive("all")}</clone>')
        constraints = ('<rsc_order id="two-after-one" first="one" then="two"/>'
                       '<rsc_colocation id="two-with-one" rsc="two" with-rsc="one" score="INFINITY"/>')
        return (f'<configuration><crm_config><cluster_property_set id="o">{pairs}</cluster_property_set></crm_config>'
                f'<rsc_defaults><meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="10"/>'
                f'</meta_attributes></rsc_defaults><nodes/><resources>{power}'
                f'{"".join(_primitive(name) for name in UNIQUE)}{clones}</resources>'
                f"<constraints>{constraints}</constraints></configuration>")

    # Trouble

    def split(self, *groups: Sequence[str]) -> None:
        """Let nothing through between groups."""
        side = {name: place for place, group in enumerate(groups) for name in group}
        for sender, receiver in permutations(self.names, 2):
            if side[sender] != side[receiver]:
                self.deafen(sender, receiver)

    def deafen(self, sender: str, receiver: str) -> None:
        """What one machine sends does not reach the other any more."""
        address = self.network[receiver].address
        machines.ip("-n", self.network[sender].network, "route", "replace", "blackhole", f"{address}/32")

    def spoil_disk(self, name: str) -> None:
        """From now on the daemon cannot write what it has to keep, until its machine boots anew or all is mended."""
        if name in self._spoilt or self.network[name].process_id is None:
            return
        self._spoilt.add(name)
        folder = self._state_folder(name)
        self.network[name].run("mount", "--bind", folder, folder)
        self.network[name].run("mount", "-o", "remount,bind,ro", folder)

    def _state_folder(self, name: str) -> str:
        return str(self.network[name].disk / "state")

    def mend(self) -> None:
        """Everything gets through again, everything runs."""
        for name in self._spoilt:
            if self.network[name].process_id is not None:
                self.network[name].run("umount", self._state_folder(name), check=False)
        self._spoilt.clear()
        for sender, receiver in permutations(self.names, 2):
            address = self.network[receiver].address
            machines.ip("-n", self.network[sender].network, "route", "del", "blackhole", f"{address}/32", check=False)
        with self._lock:
            for machine in self.network:
                for process in self.daemons(machine.name):
                    os.kill(process, signal.SIGCONT)
        self._start_what_is_down()

    def start_daemon(self, machine: Machine) -> None:
        self._started_at[machine.name] = time.monotonic()
        super().start_daemon(machine)

    def _start_what_is_down(self) -> None:
        """Boot machines, start daemons; one that was told to leave may only now have done so."""
        with self._lock:
            for machine in self.network:
                if time.monotonic() - self._started_at.get(machine.name, 0.0) < 3.0:
                    continue
                if machine.process_id is None:
                    self.boot(machine.name)
                elif not self.daemons(machine.name):
                    self.start_daemon(machine)

    def power_off(self, name: str) -> None:
        with self._lock:
            self.network[name].kill()

    def daemons(self, name: str) -> list[int]:
        """The daemon and who watches over it, as process ids of this machine's namespace; the watcher first."""
        found = []
        for process in _processes(self.network[name]):
            with suppress(OSError):
                if b"crm.cli.crmd" in Path(f"/proc/{process}/cmdline").read_bytes():
                    found.append(process)
        # Not by their ids: these begin anew one day.
        return sorted(found, key=lambda process: _parent(process) in found)

    def signal_daemon(self, name: str, number: int, whole: bool = False) -> None:
        """Send a signal to the daemon, or (`whole`) to it and its watcher."""
        with self._lock:
            found = self.daemons(name)
            for process in found if whole else found[-1:]:
                with suppress(ProcessLookupError):
                    os.kill(process, number)

    def agents(self, operation: str, resource: str) -> list[tuple[str, int]]:
        """Agents that carry an operation out now: on which machine, and their process ids."""
        found = []
        for machine in self.network:
            for process in _processes(machine):
                with suppress(OSError):
                    words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
                    told = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
                    leads = os.getpgid(process) == process
                    if leads and operation.encode() in words and f"OCF_RESOURCE_INSTANCE={resource}".encode() in told:
                        found.append((machine.name, process))
        return found

    def tell_agent(self, resource: str, **parameters: str) -> None:
        """Set parameters of a resource, and wait until its agent knows."""
        pairs = "".join(f'<nvpair id="{resource}-p-{name}" name="{name}" value="{value}"/>'
                        for name, value in parameters.items())
        edit = {"verb": "upsert", "section": "resources",
                "xml": f'<primitive id="{resource}"><instance_attributes id="{resource}-p">{pairs}'
                "</instance_attributes></primitive>"}
        self.ask("PATCH", "/v1/cib", body=json.dumps(edit).encode(), content_type="application/json")
        self.until_peace()

    def break_service(self, resource: str) -> None:
        """A service dies on its own."""
        (home,) = self.active(resource)
        Path(f"/proc/{self.network[home].process_id}/root{_STATE}/Dummy-{resource}").unlink()

    def clean_up(self) -> None:
        """Have all failures forgotten."""
        self.ask("POST", "/v1/cluster/cleanup")

    def kill_supervisor(self, name: str) -> None:
        """Kill who watches over a daemon, which ends with it."""
        with self._lock:
            for process in self.daemons(name)[:1]:
                os.kill(process, signal.SIGKILL)

    def leave(self, name: str) -> None:
        """Ask the daemon to end, as systemd would."""
        with self._lock:
            for process in self.daemons(name)[:1]:
                os.kill(process, signal.SIGTERM)

    # Peace

    def until_peace(self, seconds: float = 90.0) -> None:
        """Wait until all are members, follow one DC that has nothing to do, and have one CIB."""
        def reached() -> bool:
            self._start_what_is_down()
            return not list(self._unrest())

        try:
            until(reached, "no peace", seconds, 0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}: {list(self._unrest())}\n{self.logs()}") from None

    def audit(self) -> None:
        """What must hold in peace; AssertionError with everything that does not."""
        self.until_peace()
        wrong = [*self.twice, *self._misplaced(), *self._tracebacks()]
        assert not wrong, "\n".join([*wrong, self.logs()])

    def active(self, resource: str) -> list[str]:
        """Where a resource's state file is, on machines that run."""
        return [machine.name for machine in self.network if machine.process_id is not None and any(
            Path(f"/proc/{machine.process_id}/root{_STATE}/{kind}-{resource}").exists()
            for kind in ("Dummy", "Stateful"))]

    def _unrest(self) -> Iterator[str]:
        values = {}
        for machine in self.network:
            if machine.process_id is None:
                yield f"{machine.name} is off"
                return
            value = self.value(machine.name)
            if not value or not value["fresh"] or len(value["members"]) < len(self.names):
                yield f"{machine.name} sees {value.get('members')}"
                return
            values[machine.name] = value
        leaders = {value["dc"] for value in values.values()}
        if len(leaders) != 1 or values[leaders.pop()]["state"] != "idle":
            yield f"leaders {[value['dc'] for value in values.values()]}, not at rest"
            return
        with suppress(CommandError):
            if len({Document.parse(self.ask("GET", "/v1/cib", name).body).digest() for name in self.names}) != 1:
                yield "CIBs differ"

    def _misplaced(self) -> Iterator[str]:
        said: dict[str, set[str]] = {}
        for entry in flat(self.value()["resources"]):
            if (entry["agent"] or "").startswith("ocf:crmd:"):
                said.setdefault(entry["id"].partition(":")[0], set()).update(entry["nodes"])
        for resource, nodes in said.items():
            if sorted(nodes) != self.active(resource):
                yield f"{resource} is active on {self.active(resource)}, and the cluster says {sorted(nodes)}"
            if not nodes:
                yield f"{resource} runs nowhere"

    def _tracebacks(self) -> Iterator[str]:
        for machine in self.network:
            text = machine.log_text("crmd")
            if "Traceback" in text:
                yield f"{machine.name}: {text[text.index('Traceback'):][:3000]}"

    # What goes on beside

    def _guard(self) -> None:
        """Nothing unique is active on two machines that run."""
        while not self._over.wait(0.01):
            with self._lock:
                for resource in UNIQUE:
                    where = self.active(resource)
                    if len(where) > 1:
                        self.twice.append(f"{time.strftime('%H:%M:%S')} {resource} is active on {where} at once")

    def _switch(self) -> None:
        """Do what fence agents ask for."""
        booting: dict[str, float] = {}
        while not self._over.wait(0.01):
            for request in sorted(self.folder.glob("*.request")):
                name, action, _ = request.name.split("-", 2)
                with self._lock:
                    self.network[name].kill()
                self.fenced.append(name)
                request.rename(request.with_suffix(".done"))
                if action == "reboot":
                    booting[name] = time.monotonic() + 0.5
            for name in [name for name, at in booting.items() if at < time.monotonic()]:
                del booting[name]
                with self._lock:
                    if self.network[name].process_id is None:
                        self.boot(name)


def _parent(process: int) -> int:
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def _primitive(name: str, agent: str = "Dummy") -> str:
    roles = (("3s", ""), ("4s", ' role="Promoted"')) if agent == "Stateful" else (("3s", ""),)
    watches = "".join(f'<op id="{name}-{every}" name="monitor" interval="{every}"{role} timeout="20s"/>'
                      for every, role in roles)
    return (f'<primitive id="{name}" class="ocf" provider="crmd" type="{agent}"><operations>{watches}</operations>'
            "</primitive>")


def _processes(machine: Machine) -> Iterator[int]:
    """All processes of a machine, as ids of this machine's namespace."""
    if machine.process_id is None:
        return
    own = Path(f"/proc/{machine.process_id}/ns/pid").readlink()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "ns/pid").readlink() == own:
                yield int(entry.name)


@contextmanager
def room(count: int = 3, fencing: bool = True) -> Iterator[Room]:
    """A running cluster of so many machines; everything ends with the block."""
    with machines.network([f"n{number}" for number in range(1, count + 1)]) as network:
        made = Room(network, fencing)
        try:
            made.open()
            made.until_peace()
            if not fencing:
                # They began with it, and whoever is lost before it is known to hold a lease is waited for by a person.
                until(lambda: 'lease="none"' not in made.ask("GET", "/v1/cib").text, "not all hold a lease")
            yield made
        finally:
            made.close()
